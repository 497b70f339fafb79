/** Everything that the journal says about one item: code, output, variables, prompts, replies, sums. */

import { clean, h, marked } from "./dom";
import { Line, list, number, object, text } from "./events";
import { count, duration, money, plural, tokens } from "./figures";
import type { Item, Run, Sums } from "./model";
import { highlighted } from "./python";
import { nameOf } from "./tree";

const SHOWN = 20_000; // characters of a text before the reader asks for all

export interface Way {
  /** Go to an item. */
  go(item: Item): void;
  /** What is searched for, to be marked. */
  needle: string;
}

/** A long text in a box of its own; the rest of it comes when it is asked for. */
export function textBox(label: string, value: string, needle: string, kind: "plain" | "python" = "plain"): HTMLElement {
  const whole = clean(value);
  const pre = h("pre", { tabindex: 0, "aria-label": label, class: kind === "python" ? "code" : "text", dir: kind === "python" ? "ltr" : "auto" });
  const fill = (part: string) => pre.replaceChildren(kind === "python" && !needle ? highlighted(part) : marked(part, needle));
  fill(whole.slice(0, SHOWN));
  const copy = h("button", { class: "small", onclick: () => void navigator.clipboard?.writeText(value), title: `copy: ${label}` }, "copy");
  const box = h("section", { class: "box" }, h("header", {}, h("h3", {}, label), h("span", { class: "dim" }, plural(value.length, "character")), copy), pre);
  if (whole.length > SHOWN) {
    const more = h("button", { class: "small more" }, `show all ${count(whole.length)} characters`);
    more.addEventListener("click", () => {
      fill(whole);
      more.remove();
    });
    box.append(more);
  }
  return box;
}

/** Pairs of a word and a value. */
export function facts(pairs: [string, string | Node | null | undefined | false][]): HTMLElement {
  const rows = pairs.filter(([, value]) => value !== null && value !== undefined && value !== false && value !== "");
  return h("dl", { class: "facts" }, ...rows.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value as string | Node)]));
}

export function sumsFacts(sums: Sums): [string, string | null][] {
  return [
    ["calls", sums.calls ? [plural(sums.calls, "call"), sums.failed && `${count(sums.failed)} failed`, sums.memo && `${count(sums.memo)} from memory`, sums.retries && plural(sums.retries, "retry", "retries")].filter(Boolean).join(", ") : null],
    ["tokens", sums.input + sums.output ? `${tokens(sums.input)} in${sums.cached ? ` (${tokens(sums.cached)} cached)` : ""}, ${tokens(sums.output)} out` : null],
    ["cost", costOf(sums)],
  ];
}

export function costOf(sums: Sums): string | null {
  if (!sums.calls) return null;
  if (sums.unpriced) return sums.cost ? `${money(sums.cost)} and some unknown` : "unknown";
  return money(sums.cost);
}

export function detail(run: Run, item: Item, way: Way): HTMLElement {
  const body = h("article", { class: "detail", "aria-label": `${nameOf(item)}: ${item.title}` });
  const trail = h("nav", { class: "trail", "aria-label": "where this is" });
  const above: Item[] = [];
  for (let one = item.parent; one; one = one.parent) above.unshift(one);
  for (const one of above) trail.append(h("button", { class: "plain", onclick: () => way.go(one) }, nameOf(one)), " \u203a ");
  trail.append(h("strong", {}, nameOf(item)));
  body.append(trail, h("h2", { dir: "auto" }, item.kind === "group" ? nameOf(item) : item.title || nameOf(item)));
  if (item.error) body.append(h("p", { class: "error", role: "note" }, item.error));
  SHOW[item.kind](run, item, way, body);
  return body;
}

type Show = (run: Run, item: Item, way: Way, body: HTMLElement) => void;

function timing(run: Run, item: Item): [string, string] {
  return ["time", `${duration((item.end ?? run.t) - item.start)}, from ${duration(item.start)}`];
}

function below(item: Item, way: Way, body: HTMLElement, label: string): void {
  if (!item.children.length) return;
  const shown = item.children.slice(0, 200);
  const rows = shown.map((child) =>
    h("li", {}, h("button", { class: `plain s-${child.status.replace(" ", "-")}`, onclick: () => way.go(child) }, `${nameOf(child)}  ${child.title}${child.error ? `  ${child.error}` : ""}`)),
  );
  if (item.children.length > shown.length) rows.push(h("li", { class: "dim" }, `${count(item.children.length - shown.length)} more in the tree`));
  body.append(h("section", { class: "box" }, h("header", {}, h("h3", {}, label)), h("ul", { class: "below" }, ...rows)));
}

function messages(lines: Record<string, unknown>[], needle: string): HTMLElement[] {
  return lines.map((line) => textBox(line.summary === undefined ? text(line.role) || "message" : "summary of earlier turns", text(line.content ?? line.summary), needle));
}

function variables(lines: Line[]): HTMLElement | null {
  const rows = lines.flatMap((line) => list(line.variables)).map(list);
  if (!rows.length) return null;
  const cells = (row: unknown[], tag: "th" | "td") => h("tr", {}, ...[0, 1, 2].map((place) => h(tag, {}, clean(text(row[place])))));
  return h(
    "section", { class: "box" }, h("header", {}, h("h3", {}, "Variables after this cell"), h("span", { class: "dim" }, String(rows.length))),
    h("div", { class: "wide", role: "region", tabindex: 0, "aria-label": "variables" }, h("table", { class: "variables" }, h("thead", {}, cells(["name", "type", "size"], "th")), h("tbody", {}, ...rows.map((row) => cells(row, "td"))))),
  );
}

const SHOW: Record<Item["kind"], Show> = {
  node(run, item, way, body) {
    const started = run.linesOf(item, "node.started")[0];
    const finished = run.linesOf(item, "node.finished")[0];
    body.append(facts([["status", item.status], timing(run, item), ["input", started?.bytes ? `${count(number(started.bytes))} bytes` : null], ...sumsFacts(item.sums)]));
    if (started && item.level > 1) body.append(textBox("Question", text(started.question), way.needle));
    if (finished?.answer) body.append(textBox("Answer", text(finished.answer), way.needle));
    const first = run.linesOf(item, "message");
    if (first.length) body.append(fold(`What the model was told at first (${plural(first.length, "message")})`, () => messages(first, way.needle), Boolean(way.needle)));
    below(item, way, body, "Turns");
  },

  turn(run, item, way, body) {
    const turn = Number(item.id.split("/").pop());
    const call = item.children.filter((child) => child.kind === "call" && child.purpose === "root").at(-1);
    const finished = call && run.linesOf(call, "call.finished")[0];
    const reply = run.linesOf(item, "message").find((line) => line.role === "assistant");
    body.append(facts([["model", call?.model], ["ended", text(finished?.finish)], timing(run, item), ...sumsFacts(item.sums)]));
    const summary = run.linesOf(item, "compacted")[0];
    if (summary) body.append(textBox("Earlier turns became this summary", text(summary.summary), way.needle));
    const said = text(finished?.text) || text(reply?.content);
    const cells = item.children.some((one) => one.kind === "cell");
    const prose = said.replace(/```[\s\S]*?(```|$)/g, "").trim();
    // Its code is shown as the cell that ran.
    if (said && (!cells || way.needle)) body.append(textBox("Reply", said, way.needle));
    else if (said) body.append(prose ? textBox("Said", prose, "") : "", fold("The reply as it came", () => [textBox("Reply", said, "")], false));
    const prompt = run.conversation(item.node, turn);
    if (prompt.length) body.append(fold(`Prompt: ${plural(prompt.length, "message")} before this reply`, () => messages(prompt, way.needle), false));
    for (const child of item.children.filter((one) => one.kind === "cell")) cell(run, child, way, body);
    const left = object(run.linesOf(item, "turn.started")[0]?.left);
    if (Object.keys(left).length) body.append(facts([["left before it", Object.entries(left).map(([name, value]) => `${name} ${name === "cost" ? money(number(value)) : count(number(value))}`).join(", ")]]));
    const feedback = run.linesOf(item, "message").filter((line) => line.role !== "assistant");
    if (feedback.length) body.append(fold("What the model was told next", () => messages(feedback, way.needle), false));
  },

  cell(run, item, way, body) {
    body.append(facts([timing(run, item), ...sumsFacts(item.sums)]));
    cell(run, item, way, body);
    below(item, way, body, "Calls");
  },

  group(run, item, way, body) {
    const times = item.children.filter((child) => child.end !== null).map((child) => (child.end ?? 0) - child.start).sort((one, other) => one - other);
    const at = (share: number) => duration(times[Math.min(times.length - 1, Math.floor(share * times.length))] ?? 0);
    body.append(facts([timing(run, item), ["each", times.length ? `p50 ${at(0.5)}, p95 ${at(0.95)}, slowest ${at(1)}` : null], ...sumsFacts(item.sums)]));
    below(item, way, body, item.purpose === "children" ? "Children" : "Calls");
  },

  call(run, item, way, body) {
    const started = run.linesOf(item, "call.started")[0];
    const finished = run.linesOf(item, "call.finished")[0];
    const failed = run.linesOf(item, "call.failed")[0];
    const retries = run.linesOf(item, "call.retried");
    body.append(facts([
      ["model", item.model], ["purpose", text(started?.purpose)], ["memory", item.memo && "answered from memory: nothing was sent"],
      ["ended", text(finished?.finish)], timing(run, item), ...sumsFacts(item.sums),
      ["reserved", typeof started?.reserved === "number" ? money(started.reserved) : null],
      ["line of the cell", text(started?.site)],
    ]));
    if (retries.length) body.append(h("ul", { class: "retries" }, ...retries.map((line) => h("li", {}, clean(`try ${number(line.attempt)} failed: ${text(line.reason)}; waited ${duration(number(line.wait))}`)))));
    if (failed) body.append(textBox("Failure", `${text(failed.error)}: ${text(failed.message)}`, way.needle));
    if (finished) body.append(textBox("Reply", text(finished.text), way.needle));
    const prompt = list(started?.messages).map(object);
    if (prompt.length) body.append(...prompt.map((line) => textBox(prompt.length > 1 ? `Prompt: ${text(line.role)}` : "Prompt", text(line.content), way.needle)));
    else if (started) {
      const turn = number(started.turn);
      const lines = run.conversation(item.node, turn);
      if (lines.length) body.append(fold(`Prompt: ${plural(lines.length, "message")}`, () => messages(lines, way.needle), false));
    }
  },
};

function cell(run: Run, item: Item, way: Way, body: HTMLElement): void {
  const started = run.linesOf(item, "cell.started")[0];
  const finished = run.linesOf(item, "cell.finished")[0];
  if (started) body.append(textBox(`Cell ${item.id}`, text(started.code), way.needle, "python"));
  if (!finished) return;
  const error = object(finished.error);
  if (finished.error) body.append(textBox("Error", `${text(error.type)}: ${text(error.message)}${error.line ? ` (line ${text(error.line)})` : ""}${error.traceback ? `\n${text(error.traceback)}` : ""}`, way.needle));
  const output = text(finished.output);
  const length = number(finished.output_length);
  if (output) body.append(textBox(length > output.length ? `Output, shortened from ${count(length)} characters` : "Output", output, way.needle));
  if (finished.submitted === true) body.append(h("p", { class: "submitted" }, "This cell submitted the answer."));
  const draft = finished.draft;
  if (typeof draft === "string" && draft) body.append(textBox("Draft of the answer", draft, way.needle));
  body.append(variables([finished]) ?? "");
}

/** A part that is made when it is opened. */
function fold(label: string, make: () => HTMLElement[], open: boolean): HTMLElement {
  const inner = h("div");
  const element = h("details", open ? { open: true } : {}, h("summary", {}, label), inner);
  const fill = () => {
    if (element.open && !inner.childNodes.length) inner.append(...make());
  };
  element.addEventListener("toggle", fill);
  if (open) fill();
  return element;
}
