/** The first page: the question, the answer with its sources, what stopped or disturbed the run, and its sums. */

import { clean, h } from "./dom";
import type { Citation } from "./events";
import { facts, sumsFacts, textBox, type Way } from "./detail";
import { bytes, count, duration, money, plural } from "./figures";
import { markdown } from "./markdown";
import { shownBy, type Item, type Run } from "./model";
import { entry, number, object, text } from "./events";
import { whereOf } from "./tree";

const TITLES: Record<string, string> = { answered: "Answer", not_found: "Not found", partial: "Partial answer", failed: "No answer" };

export function answerPage(run: Run, way: Way, going: boolean): HTMLElement {
  const page = h("article", { class: "answer" });
  const answer = run.answer;
  const state = answer ? (entry(TITLES, answer.status) ?? answer.status) : run.finished ? "No answer" : going ? "Running" : "Stopped before its end";
  page.append(h("h2", {}, state));
  if (answer?.stoppedBy) page.append(h("p", { class: "error", role: "note" }, `Stopped by: ${clean(answer.stoppedBy)}`));
  const error = object(run.finished?.error);
  if (error.message) page.append(h("p", { class: "error", role: "note" }, clean(`${text(error.message)} ${text(error.hint)}`)));
  if (answer?.text) {
    const byNumber = new Map(answer.citations.map((citation) => [citation.number, citation]));
    page.append(markdown(answer.text, (mark) => (byNumber.has(mark) ? jump(mark) : null)));
  }
  if (answer?.citations.length) page.append(sources(run, answer.citations, way));
  for (const [kind, label] of [["limit", "Limits"], ["sandbox", "Sandbox"], ["input", "Input"], ["warning", "Warnings"], ["note", "Notes"]] as const) {
    const found = run.notices.filter((notice) => notice.kind === kind);
    if (found.length) page.append(h("section", { class: `notices ${kind}` }, h("h3", {}, label), h("ul", {}, ...found.slice(0, 50).map((notice) => h("li", {}, clean(notice.message))))));
  }
  page.append(h("h3", {}, "The run"), about(run, way));
  if (run.torn.length) page.append(h("p", { class: "dim" }, `${plural(run.torn.length, "line")} of the file cannot be read: ${run.torn.slice(0, 5).join(", ")}`));
  return page;
}

function jump(mark: number): HTMLElement {
  return h("button", { class: "mark", "data-source": mark, "aria-label": `source ${mark}`, onclick: () => showSource(mark) }, `[${mark}]`);
}

/** Bring a source and its quote into view. */
export function showSource(mark: number): void {
  const source = document.getElementById(`source-${mark}`);
  if (!source) return;
  for (const one of document.querySelectorAll(".source.shown")) one.classList.remove("shown");
  source.classList.add("shown");
  source.scrollIntoView({ block: "center" });
  source.focus();
}

function sources(run: Run, citations: Citation[], way: Way): HTMLElement {
  const items = citations.map((citation) => {
    const end = citation.end_line > citation.line ? `-${citation.end_line}` : "";
    const seen = whereSeen(run, citation);
    return h(
      "li",
      { class: "source", id: `source-${citation.number}`, tabindex: -1 },
      h("p", {}, h("strong", {}, `[${citation.number}] `), h("bdi", { class: "path" }, clean(`${text(citation.path)}:${number(citation.line)}${end}`)),
        citation.verified ? h("span", { class: "good" }, " verified") : h("span", { class: "bad" }, " not verified: the quote was not found again"),
        citation.moved ? h("span", { class: "dim" }, " (it had moved)") : null),
      h("pre", { class: "quote", tabindex: 0, "aria-label": `quote ${citation.number}` }, clean(text(citation.quote))),
      seen ? h("p", {}, h("button", { class: "plain", onclick: () => way.go(seen) }, `seen in ${seenIn(shownBy(seen))}`)) : null,
    );
  });
  return h("section", {}, h("h3", {}, "Sources"), h("ol", { class: "sources" }, ...items));
}

/** The cell or call in whose output or prompt the quote, or its path and line, was first seen. */
function whereSeen(run: Run, citation: Citation): Item | null {
  const lines = text(citation.quote).split("\n").map((line) => line.trim()).sort((one, other) => other.length - one.length);
  const needle = JSON.stringify(lines[0] ?? "").slice(1, -1).replace(/[\u0080-\uffff]/g, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`);
  if (needle.length < 8 || run.reference) return null;
  for (let at = run.journal.text.indexOf(needle); at >= 0; at = run.journal.text.indexOf(needle, at + 1)) {
    const item = run.ofLine.get(run.journal.lineAt(at));
    if (item && (item.kind === "cell" || item.kind === "call")) return item;
  }
  return null;
}

function seenIn(item: Item): string {
  return `${item.kind === "call" ? "call " : ""}${whereOf(item)}`;
}

/** `cost $1.00`, `time 10m00s`, `calls 500`. */
function limit(name: string, value: unknown): string {
  if (typeof value !== "number") return clean(`${name} ${text(value)}`);
  return `${clean(name)} ${name === "cost" ? money(value) : name === "time" ? duration(value) : count(value)}`;
}

function about(run: Run, way: Way): HTMLElement {
  const { meta, input } = run;
  const skipped = Object.entries(object(input?.skipped)).map(([reason, many]) => `${text(many)} ${reason}`).join(", ");
  const limits = Object.entries(meta.limits).filter(([, value]) => value !== null).map(([name, value]) => limit(name.replace(/^max_/, ""), value));
  return h(
    "div", {},
    facts([
      ["run", meta.run], ["began", meta.started], ["models", [...new Set([meta.root, meta.sub])].filter(Boolean).join(", ")],
      ["sources", clean(meta.sources.join(", ")) || (input ? "stdin" : "")],
      ["input", input ? `${plural(number(input.files), "file")}, ${bytes(number(input.bytes))}` : null], ["skipped", clean(skipped)],
      ["strategy", clean(run.strategy)], ["prompts", meta.pack], ["sandbox", run.layers.join(", ")], ["limits", limits.join(", ")],
      ["took", duration(run.t)], ...sumsFacts(run.total), ["exit status", run.finished ? text(run.finished.exit_code) : null],
    ]),
    textBox("Question", meta.question, way.needle),
  );
}
