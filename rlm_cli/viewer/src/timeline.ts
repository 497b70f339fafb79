/** When each call ran: lanes of calls that ran at once, under the turns and cells of the root; and where the time went. */

import { h, svg } from "./dom";
import type { Way } from "./detail";
import { duration, percent, plural } from "./figures";
import type { Item, Run } from "./model";
import { figuresOf, nameOf } from "./tree";

const WIDE = 1000; // units of the drawing
const LANE = 10;
const MOST_LANES = 48;

type Stretch = [number, number];

/** Seconds that the stretches cover together. */
export function covered(stretches: Stretch[]): number {
  let sum = 0;
  let end = -Infinity;
  for (const [from, to] of [...stretches].sort((one, other) => one[0] - other[0])) {
    sum += Math.max(0, to - Math.max(from, end));
    end = Math.max(end, to);
  }
  return sum;
}

export function timelinePage(run: Run, way: Way): HTMLElement {
  const calls: Item[] = [];
  const cells: Item[] = [];
  const turns: Item[] = [];
  for (const item of run.walk()) {
    if (item.kind === "call") calls.push(item);
    else if (item.kind === "cell") cells.push(item);
    else if (item.kind === "turn" && item.node === "0") turns.push(item);
  }
  const now = run.t || 1;
  const stretch = (item: Item): Stretch => [item.start, item.end ?? now];
  const subs = calls.filter((call) => !call.memo && call.parent?.kind !== "turn");
  const roots = calls.filter((call) => call.parent?.kind === "turn");
  const lanes = laid(calls, now);
  const page = h("article", { class: "timeline" }, h("h2", {}, "Timeline"));
  const modelTime = covered([...subs, ...roots].map(stretch));
  const cellTime = covered([...cells, ...calls].map(stretch)) - modelTime;
  const shares: [string, number, string][] = [
    ["root model", covered(roots.map(stretch)), "root"],
    ["sub-calls", modelTime - covered(roots.map(stretch)), "sub"],
    ["code", cellTime, "code"],
    ["the rest", Math.max(0, now - modelTime - cellTime), "rest"],
  ];
  const busy = subs.reduce((sum, call) => sum + (call.end ?? now) - call.start, 0);
  page.append(
    h("div", { class: "shares", role: "img", "aria-label": `Where the time went: ${shares.map(([name, seconds]) => `${name} ${duration(seconds)}`).join(", ")}` },
      ...shares.map(([name, seconds, kind]) => {
        const bar = h("span", { class: `share f-${kind}`, title: `${name} ${duration(seconds)}` });
        bar.style.flexGrow = String(Math.max(0, seconds));
        return bar;
      })),
    h("ul", { class: "legend" }, ...shares.map(([name, seconds, kind]) => h("li", {}, h("span", { class: `swatch f-${kind}` }), `${name} ${duration(seconds)} (${percent(seconds, now)})`))),
    h("p", { class: "dim" }, `${plural(calls.length, "call")}${subs.length ? `; sub-calls took ${duration(busy)} one after another, ${duration(covered(subs.map(stretch)))} side by side` : ""}. Arrow keys in the tree go through them; a click on a bar opens it.`),
  );
  page.append(drawing(run, turns, cells.filter((cell) => cell.node === "0"), lanes, now, way));
  return page;
}

/** Each call in the first lane that is free when it begins. */
function laid(calls: Item[], now: number): Item[][] {
  const lanes: Item[][] = [];
  const ends: number[] = [];
  for (const call of [...calls].sort((one, other) => one.start - other.start)) {
    let place = ends.findIndex((end) => end <= call.start);
    if (place < 0) place = ends.length < MOST_LANES ? ends.length : MOST_LANES - 1;
    ends[place] = call.end ?? now;
    (lanes[place] ??= []).push(call);
  }
  return lanes;
}

function drawing(run: Run, turns: Item[], cells: Item[], lanes: Item[][], now: number, way: Way): HTMLElement {
  const rows: [string, Item[], string][] = [["turns", turns, "turn"], ["code", cells, "code"], ...lanes.map((lane, place): [string, Item[], string] => [place ? "" : "calls", lane, "call"])];
  const high = rows.length * LANE + 24;
  const picture = svg("svg", { viewBox: `0 0 ${WIDE} ${high}`, class: "lanes", role: "img", preserveAspectRatio: "none", "aria-label": `${turns.length} turns and ${lanes.length} lanes of calls over ${duration(now)}` });
  rows.forEach(([, items, kind], row) => {
    let last = -1;
    for (const item of items) {
      const x = (item.start / now) * WIDE;
      const width = Math.max(0.8, (((item.end ?? now) - item.start) / now) * WIDE);
      if (x + width < last + 0.25 && item.status !== "failed") continue; // it would lie under the bar before it
      last = x + width;
      const role = kind === "call" ? (item.parent?.kind === "turn" ? "root" : item.memo ? "memo" : "sub") : kind;
      const bar = svg("rect", { x, y: row * LANE + 1, width, height: LANE - 2, class: `f-${item.status === "failed" ? "failed" : role}`, "data-id": item.id });
      picture.append(bar);
    }
  });
  const axis = h("div", { class: "axis", "aria-hidden": "true" }, ...[0, 0.25, 0.5, 0.75, 1].map((share) => h("span", {}, duration(share * now))));
  const tip = h("p", { class: "tip", role: "status" }, "\u00a0");
  picture.addEventListener("click", (event) => {
    const item = run.items.get((event.target as SVGElement).dataset.id ?? "");
    if (item) way.go(item);
  });
  picture.addEventListener("pointermove", (event) => {
    const item = run.items.get((event.target as SVGElement).dataset.id ?? "");
    if (item) tip.textContent = `${nameOf(item)} ${item.title} \u00b7 ${figuresOf(item, run.t)}`;
  });
  const height = Math.min(640, Math.max(90, high * 1.4));
  picture.style.height = `${height}px`;
  const names = h("div", { class: "lane-names", "aria-hidden": "true" }, ...rows.map(([name], row) => {
    const label = h("span", {}, name);
    label.style.top = `${((row + 0.5) * LANE * height) / high}px`;
    return name ? label : null;
  }));
  return h("div", {}, h("div", { class: "lanes-box" }, names, picture as unknown as HTMLElement, axis), tip, h("ul", { class: "legend" }, ...[["turn", "turn"], ["code", "cell"], ["root", "root model"], ["sub", "sub-call"], ["memo", "from memory"], ["failed", "failed"]].map(([kind, name]) => h("li", {}, h("span", { class: `swatch f-${kind}` }), name ?? ""))));
}
