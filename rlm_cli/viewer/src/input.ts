/** The input as a map: each file a tile as large as the file, filled by how much of it was read and by whom. */

import { clean, h } from "./dom";
import type { Way } from "./detail";
import { list, number, object, text, type FileRead } from "./events";
import { bytes, count, percent, plural } from "./figures";
import type { Run } from "./model";

interface Box {
  x: number;
  y: number;
  w: number;
  h: number;
}

const KINDS: [string, string][] = [["cited", "cited in the answer"], ["models", "read by models"], ["code", "read by code alone"], ["never", "never read"]];

export function inputPage(run: Run, _way: Way): HTMLElement {
  const page = h("article", { class: "input" }, h("h2", {}, "Input"));
  const coverage: Record<string, unknown> = run.answer?.coverage ?? {};
  const total = number(coverage.bytes) || number(run.input?.bytes);
  if (!total) {
    page.append(h("p", { class: "dim" }, "The file says nothing about the input."));
    return page;
  }
  page.append(
    h("p", {}, `${plural(number(coverage.files) || number(run.input?.files), "file")}, ${bytes(total)}. `,
      coverage.bytes === undefined ? "What was read is said when the run ends." :
        `Code read ${bytes(number(coverage.read_by_code_bytes))} (${percent(number(coverage.read_by_code_bytes), total)}) of ${plural(number(coverage.read_by_code_files), "file")}, ` +
        `models ${bytes(number(coverage.read_by_models_bytes))} (${percent(number(coverage.read_by_models_bytes), total)}) of ${plural(number(coverage.read_by_models_files), "file")}.`),
  );
  const searched = list(coverage.searched_for).map(object).flatMap(Object.entries).map(([kind, pattern]) => h("li", {}, `${kind} `, h("code", {}, clean(text(pattern)))));
  const cited = new Map<string, number[]>();
  for (const citation of run.answer?.citations ?? []) cited.set(text(citation.path), [...(cited.get(text(citation.path)) ?? []), citation.number]);
  const files = run.files.length ? run.files : [...cited.keys()].map((path): FileRead => ({ path, bytes: 1, code: 1, models: 0, files: 1 }));
  if (!run.files.length) {
    page.append(h("p", { class: "dim" }, "Which files were read is not in this file; the cited ones are known."));
    if (!files.length) return page;
  }
  const told = h("div", { class: "told", role: "status" }, h("p", { class: "dim" }, "Choose a tile to see what was read of the file. Tiles grow with the root of the size, so that small files can be seen."));
  const kindOf = (file: FileRead) => (cited.has(file.path) ? "cited" : file.models ? "models" : file.code ? "code" : "never");
  const numbers = KINDS.map(([kind]) => files.filter((file) => kindOf(file) === kind).reduce((sum, file) => sum + file.files, 0));
  page.append(h("ul", { class: "legend" }, ...KINDS.map(([kind, name], place) => h("li", {}, h("span", { class: `swatch k-${kind}` }), `${name}: ${count(numbers[place] ?? 0)}`))));
  page.append(map(files, kindOf, cited, (file) => told.replaceChildren(about(file, cited.get(file.path) ?? [], run))), told, table(files, kindOf, cited));
  if (searched.length) page.append(h("h3", {}, "Searched for"), h("ul", { class: "searched" }, ...searched.slice(0, 100)));
  return page;
}

function about(file: FileRead, marks: number[], run: Run): HTMLElement {
  const quotes = (run.answer?.citations ?? []).filter((citation) => marks.includes(citation.number));
  return h(
    "div", {}, h("h3", {}, h("bdi", {}, clean(file.path))),
    h("p", {}, file.files > 1 ? `${plural(file.files, "file")}, ` : "", `${bytes(file.bytes)}: code read ${percent(file.code, file.bytes)}, models read ${percent(file.models, file.bytes)}${marks.length ? `, cited as ${marks.map((mark) => `[${mark}]`).join(" ")}` : ""}`),
    ...quotes.map((citation) => h("pre", { class: "quote", tabindex: 0 }, clean(text(citation.quote)))),
  );
}

function map(files: FileRead[], kindOf: (file: FileRead) => string, cited: Map<string, number[]>, tell: (file: FileRead) => void): HTMLElement {
  const element = h("div", { class: "map", role: "listbox", tabindex: 0, "aria-label": "Files of the input; arrow keys go from one to the next" });
  // Sizes span many orders: by their root, a small file that was cited can still be seen beside a large one.
  const sorted = [...files].sort((one, other) => other.bytes - one.bytes);
  const tiles: HTMLElement[] = [];
  const areas = sorted.map((file) => Math.sqrt(Math.max(1, file.bytes)) * Math.sqrt(file.files));
  squarify(areas, { x: 0, y: 0, w: 100, h: 60 }).forEach((box, place) => {
    const file = sorted[place];
    if (!file) return;
    const kind = kindOf(file);
    const share = kind === "never" ? 1 : Math.max(file.code, file.models) / Math.max(1, file.bytes);
    const label = clean(file.path).split("/").pop() ?? "";
    const marks = cited.get(file.path)?.map((mark) => `[${mark}]`).join("") ?? "";
    const tile = h("div", { class: `tile k-${kind}`, role: "option", id: `tile-${place}`, "aria-selected": "false", title: clean(file.path), "aria-label": `${label} ${marks}, ${clean(file.path)}, ${bytes(file.bytes)}, ${kind === "never" ? "never read" : `read ${percent(Math.max(file.code, file.models), file.bytes)}`}` },
      h("span", { class: "fill" }), h("span", { class: "label" }, box.w > 7 && box.h > 3 ? `${label} ${marks}` : marks));
    tile.style.left = `${box.x}%`;
    tile.style.top = `${(box.y / 60) * 100}%`;
    tile.style.width = `${box.w}%`;
    tile.style.height = `${(box.h / 60) * 100}%`;
    (tile.firstChild as HTMLElement).style.height = `${Math.round(share * 100)}%`;
    tiles.push(tile);
  });
  element.append(...tiles);
  let at = -1;
  const choose = (place: number) => {
    tiles[at]?.setAttribute("aria-selected", "false");
    at = Math.max(0, Math.min(tiles.length - 1, place));
    tiles[at]?.setAttribute("aria-selected", "true");
    element.setAttribute("aria-activedescendant", `tile-${at}`);
    const file = sorted[at];
    if (file) tell(file);
  };
  element.addEventListener("click", (event) => {
    const tile = (event.target as Element).closest<HTMLElement>(".tile");
    if (tile) choose(tiles.indexOf(tile));
  });
  element.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, Home: -Infinity, End: Infinity }[event.key];
    if (step === undefined) return;
    choose(at + step);
    event.preventDefault();
    event.stopPropagation();
  });
  return element;
}

function table(files: FileRead[], kindOf: (file: FileRead) => string, cited: Map<string, number[]>): HTMLElement {
  const order = KINDS.map(([kind]) => kind);
  const rows = [...files].sort((one, other) => order.indexOf(kindOf(one)) - order.indexOf(kindOf(other)) || other.models + other.code - one.models - one.code).slice(0, 200);
  const head = h("tr", {}, ...["file", "size", "code", "models", "cited"].map((name) => h("th", {}, name)));
  const body = rows.map((file) => h("tr", {}, h("td", {}, h("bdi", {}, clean(file.path))), h("td", {}, bytes(file.bytes)), h("td", {}, percent(file.code, file.bytes)), h("td", {}, percent(file.models, file.bytes)), h("td", {}, cited.get(file.path)?.map((mark) => `[${mark}]`).join(" ") ?? "")));
  return h("details", {}, h("summary", {}, `As a table${files.length > rows.length ? `, the first ${rows.length} of ${count(files.length)}` : ""}`), h("div", { class: "wide", role: "region", tabindex: 0, "aria-label": "files as a table" }, h("table", {}, h("thead", {}, head), h("tbody", {}, ...body))));
}

/** Tiles of the given areas in a box, as near to squares as they can be (Bruls, Huizing, van Wijk 2000). */
export function squarify(areas: number[], box: Box): Box[] {
  const sum = areas.reduce((one, other) => one + other, 0);
  const scale = sum ? (box.w * box.h) / sum : 0;
  const found: Box[] = [];
  const rest = { ...box };
  let row: number[] = [];
  const worst = (sizes: number[], side: number) => {
    const total = sizes.reduce((one, other) => one + other, 0);
    return Math.max((side * side * Math.max(...sizes)) / (total * total), (total * total) / (side * side * Math.min(...sizes)));
  };
  const flush = () => {
    const total = row.reduce((one, other) => one + other, 0);
    const wide = rest.w >= rest.h;
    const thick = total / (wide ? rest.h : rest.w) || 0;
    let along = wide ? rest.y : rest.x;
    for (const size of row) {
      const length = size / thick || 0;
      found.push(wide ? { x: rest.x, y: along, w: thick, h: length } : { x: along, y: rest.y, w: length, h: thick });
      along += length;
    }
    if (wide) [rest.x, rest.w] = [rest.x + thick, rest.w - thick];
    else [rest.y, rest.h] = [rest.y + thick, rest.h - thick];
    row = [];
  };
  for (const area of areas.map((one) => one * scale)) {
    const side = Math.min(rest.w, rest.h);
    if (row.length && worst([...row, area], side) > worst(row, side)) flush();
    row.push(area);
  }
  if (row.length) flush();
  return found;
}

