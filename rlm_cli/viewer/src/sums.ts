/** Cost, tokens and time by model, depth, turn and call site. */

import { h } from "./dom";
import { costOf, type Way } from "./detail";
import { count, duration, tokens } from "./figures";
import { noSums, type Item, type Run, type Sums } from "./model";
import { nameOf, whereOf } from "./tree";

const MOST = 100; // rows of a table

interface Row {
  name: string;
  sums: Sums;
  seconds: number;
  item?: Item;
}

export function sumsPage(run: Run, way: Way): HTMLElement {
  const page = h("article", { class: "sums" }, h("h2", {}, "Sums"));
  const now = run.t;
  const seconds = new Map<string, number>();
  const depths = new Map<string, Row>();
  const sites: Row[] = [];
  const turns: Row[] = [];
  for (const item of run.walk()) {
    const length = (item.end ?? now) - item.start;
    if (item.kind === "call") {
      seconds.set(item.model, (seconds.get(item.model) ?? 0) + length);
      const name = item.parent?.kind === "turn" ? `depth ${item.node.split(".").length - 1}, ${item.purpose === "root" ? "root" : item.purpose} calls` : `depth ${item.node.split(".").length}, sub-calls`;
      const row = depths.get(name) ?? { name, sums: noSums(), seconds: 0 };
      depths.set(name, row);
      row.seconds += length;
      for (const key of Object.keys(row.sums) as (keyof Sums)[]) row.sums[key] += item.sums[key];
      if (item.parent?.kind === "cell") sites.push({ name: siteOf(item), sums: item.sums, seconds: length, item });
    } else if (item.kind === "group") sites.push({ name: siteOf(item), sums: item.sums, seconds: length, item });
    else if (item.kind === "turn" && item.node === "0") turns.push({ name: `${nameOf(item)}  ${item.title}`, sums: item.sums, seconds: length, item });
  }
  const models = [...run.models].map(([name, sums]) => ({ name, sums, seconds: seconds.get(name) ?? 0 }));
  sites.sort((one, other) => other.sums.cost - one.sums.cost || other.sums.input - one.sums.input);
  page.append(
    table("By model", models, "seconds of calls", way), table("By depth", [...depths.values()], "seconds of calls", way),
    table("By turn of the root", turns, "time", way), table("By call site", sites, "time", way),
    table("In all", [{ name: "this run", sums: run.total, seconds: now }], "time", way),
  );
  return page;
}

/** `cell 3.1 line 4  ask each hit`, of a group of calls or of a call alone. */
function siteOf(item: Item): string {
  const line = item.kind === "call" ? item.purpose : /@(\d+)/.exec(item.id)?.[1];
  return `${item.parent ? whereOf(item.parent) : ""}${line ? ` line ${line}` : ""}  ${item.parent?.title ?? ""}`;
}

function table(title: string, rows: Row[], time: string, way: Way): HTMLElement | string {
  if (!rows.length) return "";
  const left = rows.length - MOST;
  const head = h("tr", {}, ...[title === "In all" ? "run" : title.replace(/^By /, ""), "calls", "failed", "memo", "in", "out", "cost", time].map((name) => h("th", { scope: "col" }, name)));
  const body = rows.slice(0, MOST).map(({ name, sums, seconds, item }) =>
    h("tr", {}, h("th", { scope: "row" }, item ? h("button", { class: "plain", onclick: () => way.go(item) }, h("bdi", {}, name)) : name),
      ...[count(sums.calls), sums.failed ? count(sums.failed) : "", sums.memo ? count(sums.memo) : "", tokens(sums.input), tokens(sums.output), costOf(sums) ?? "", duration(seconds)].map((value) => h("td", {}, value))));
  return h("section", {}, h("h3", {}, title), h("div", { class: "wide", role: "region", tabindex: 0, "aria-label": title }, h("table", {}, h("thead", {}, head), h("tbody", {}, ...body))), left > 0 ? h("p", { class: "dim" }, `and ${count(left)} more`) : null);
}
