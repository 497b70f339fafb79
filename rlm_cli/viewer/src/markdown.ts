/** The Markdown that answers are written in, as elements. Links are shown with their address and lead nowhere. */

import { clean, h } from "./dom";
import { highlighted } from "./python";

/** What stands for a mark such as [3]: an element, or null where it names no source. */
export type Mark = (number: number) => Node | null;

const INLINE = /(`+)([\s\S]+?)\1|\*\*([\s\S]+?)\*\*|\*([^*\s][^*]*?)\*|\[(\d{1,4})\](?!\()|\[([^\]\n]*)\]\(([^)\n]*)\)/g;
const ITEM = /^(\s*)(?:[-*+]|(\d{1,9})[.)])\s+(.*)$/;

const COLUMNS = 50; // of a table
const NESTED = 20; // quotes and lists inside of each other; what is deeper is text

export function markdown(source: string, mark: Mark): HTMLElement {
  const body = h("div", { class: "markdown", dir: "auto" });
  blocks(clean(source).split("\n"), body, mark);
  return body;
}

function blocks(lines: string[], into: HTMLElement, mark: Mark, level = 0): void {
  if (level > NESTED) {
    into.append(lines.join("\n"));
    return;
  }
  for (let at = 0; at < lines.length; ) {
    const line = lines[at] ?? "";
    const fence = /^\s*(```+|~~~+)\s*(\w*)/.exec(line);
    const heading = /^(#{1,6})\s+(.*)$/.exec(line);
    if (!line.trim()) at++;
    else if (fence) at = code(lines, at, fence[1] ?? "```", fence[2] ?? "", into);
    else if (heading) {
      const level = Math.min(6, (heading[1]?.length ?? 1) + 2) as 3 | 4 | 5 | 6;
      into.append(h(`h${level}`, {}, inline(heading[2] ?? "", mark)));
      at++;
    } else if (/^\s*(\*\*\*+|---+|___+)\s*$/.test(line)) {
      into.append(h("hr"));
      at++;
    } else if (ITEM.test(line)) at = items(lines, at, into, mark, level);
    else if (/^\s*>/.test(line)) {
      const quoted = [];
      while (/^\s*>/.test(lines[at] ?? "")) quoted.push((lines[at++] ?? "").replace(/^\s*>\s?/, ""));
      const quote = h("blockquote");
      blocks(quoted, quote, mark, level + 1);
      into.append(quote);
    } else if (/\|/.test(line) && /^\s*\|?[\s:-]*-[\s:|-]*$/.test(lines[at + 1] ?? "")) at = table(lines, at, into, mark);
    else {
      const words = [];
      while (at < lines.length && (lines[at] ?? "").trim() && !(words.length && /^\s*(```|~~~|#{1,6}\s|>)/.test(lines[at] ?? "")) && !(words.length && ITEM.test(lines[at] ?? "")))
        words.push(lines[at++] ?? "");
      into.append(h("p", {}, inline(words.join("\n"), mark)));
    }
  }
}

function code(lines: string[], at: number, fence: string, language: string, into: HTMLElement): number {
  const indent = /^\s*/.exec(lines[at] ?? "")?.[0].length ?? 0;
  const body = [];
  for (at++; at < lines.length && !(lines[at] ?? "").trim().startsWith(fence); at++) {
    const line = lines[at] ?? "";
    body.push(line.slice(0, indent).trim() ? line : line.slice(indent));
  }
  const text = body.join("\n");
  into.append(h("pre", {}, h("code", {}, ["", "py", "python", "repl"].includes(language) ? highlighted(text) : text)));
  return at + 1;
}

function items(lines: string[], at: number, into: HTMLElement, mark: Mark, level: number): number {
  const first = ITEM.exec(lines[at] ?? "");
  const indent = first?.[1]?.length ?? 0;
  const ordered = first?.[2] !== undefined;
  const list = h(ordered ? "ol" : "ul", ordered && first?.[2] !== "1" ? { start: first?.[2] } : {});
  while (at < lines.length) {
    const found = ITEM.exec(lines[at] ?? "");
    if (!found || (found[1]?.length ?? 0) > indent + 1 || (found[1]?.length ?? 0) < indent || (found[2] !== undefined) !== ordered) break;
    const own = [found[3] ?? ""];
    const width = (lines[at] ?? "").length - (found[3] ?? "").length;
    for (at++; at < lines.length; at++) {
      const line = lines[at] ?? "";
      const blank = !line.trim();
      const deeper = /^\s/.test(line) && line.search(/\S/) > indent;
      if (!deeper && !(blank && /^\s{2,}/.test(lines[at + 1] ?? ""))) break;
      own.push(line.slice(Math.min(width, Math.max(0, line.search(/\S/)))));
    }
    while (at < lines.length && !(lines[at] ?? "").trim() && ITEM.test(lines[at + 1] ?? "")) at++;
    const item = h("li");
    blocks(own, item, mark, level + 1);
    list.append(item);
  }
  into.append(list);
  return at;
}

function table(lines: string[], at: number, into: HTMLElement, mark: Mark): number {
  const cells = (line: string) => line.trim().replace(/^\||\|$/g, "").split("|", COLUMNS).map((cell) => cell.trim());
  const row = (line: string, tag: "th" | "td") => h("tr", {}, ...cells(line).map((cell) => h(tag, {}, inline(cell, mark))));
  const made = h("table", {}, h("thead", {}, row(lines[at] ?? "", "th")));
  const body = h("tbody");
  for (at += 2; at < lines.length && /\|/.test(lines[at] ?? ""); at++) body.append(row(lines[at] ?? "", "td"));
  made.append(body);
  into.append(h("div", { class: "wide", role: "region", tabindex: 0, "aria-label": "table" }, made));
  return at;
}

function inline(source: string, mark: Mark): DocumentFragment {
  const fragment = document.createDocumentFragment();
  let end = 0;
  for (const found of source.matchAll(INLINE)) {
    const [whole, , code, strong, emphasis, number, label, address] = found;
    let node: Node | null = null;
    if (code !== undefined) node = h("code", {}, code.trim());
    else if (strong !== undefined) node = h("strong", {}, inline(strong, mark));
    else if (emphasis !== undefined) node = h("em", {}, emphasis);
    else if (number !== undefined) node = mark(Number(number));
    else if (address !== undefined) node = h("span", { class: "link" }, label ? `${label} (${address})` : address);
    if (!node) continue;
    fragment.append(source.slice(end, found.index), node);
    end = found.index + whole.length;
  }
  fragment.append(source.slice(end));
  return fragment;
}
