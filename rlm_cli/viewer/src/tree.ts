/** The tree of the run as a list of rows of one height, of which only those in view exist. */

import { h } from "./dom";
import { count, duration, money, plural, tokens } from "./figures";
import { below, shownBy, type Item, type Run, type Status } from "./model";

const ROW = 30; // pixels
const SPARE = 12; // rows kept above and below what is seen

const SIGNS: Record<Status, [string, string]> = {
  ok: ["\u2713", "done"],
  failed: ["\u2717", "failed"],
  partial: ["!", "partly done"],
  "not found": ["\u2205", "not found"],
  running: ["\u2026", "running"],
};

/** What a row is called: `3 grep for auth`, `12 calls`, `child 0.2 …`. */
export function nameOf(item: Item): string {
  const short = item.id.split("/").pop() ?? item.id;
  if (item.kind === "turn") return `turn ${short}`;
  if (item.kind === "cell") return `cell ${short}`;
  if (item.kind === "group") return item.purpose === "children" ? plural(item.children.length, "child", "children") : plural(item.children.length, "call");
  if (item.kind === "call") return item.id;
  return item.level === 1 ? "root" : `child ${item.id.split(".").slice(1).join(".")}`;
}

/** The name of an item away from its parents: `turn 3`, `cell 1/2.1` of child 1, `c17`. */
export function whereOf(item: Item): string {
  if (item.kind !== "turn" && item.kind !== "cell") return nameOf(item);
  return `${item.kind} ${item.id.replace(/^0[/.]/, "")}`;
}

/** Tokens, money and time of an item, as far as they say something. */
export function figuresOf(item: Item, now: number): string {
  return [...more(item), ...short(item, now)].join(" \u00b7 ");
}

function more(item: Item): string[] {
  const { calls, input, output } = item.sums;
  return [item.kind !== "call" && calls > 1 ? plural(calls, "call") : "", item.memo ? "memo" : "", input + output ? `${tokens(input + output)} tok` : ""].filter(Boolean);
}

function short(item: Item, now: number): string[] {
  const seconds = duration((item.end ?? now) - item.start);
  return item.sums.cost > 0 ? [money(item.sums.cost), seconds] : [seconds];
}

export class Tree {
  readonly element: HTMLElement;
  private readonly canvas: HTMLElement;
  private rows: Item[] = [];
  private places = new Map<Item, number>();
  private frame = 0;
  selected: Item | null = null;
  until = Infinity; // what began later is dimmed: for the step player

  constructor(private readonly run: () => Run, private readonly chosen: (item: Item, focus: boolean) => void) {
    this.canvas = h("div", { class: "rows", role: "presentation" });
    this.element = h("div", { class: "tree", role: "tree", tabindex: 0, "aria-label": "Steps of the run" }, this.canvas);
    this.element.addEventListener("scroll", () => this.later());
    this.element.addEventListener("keydown", (event) => this.key(event));
    this.canvas.addEventListener("click", (event) => this.click(event));
    new ResizeObserver(() => this.later()).observe(this.element);
  }

  /** The rows anew, after something was opened or came in. */
  refresh(): void {
    this.rows = [];
    this.places.clear();
    const walk = (items: Item[]) => {
      for (const item of items) {
        this.places.set(item, this.rows.length);
        this.rows.push(item);
        if (item.open) walk(below(item));
      }
    };
    walk(this.run().roots);
    this.canvas.style.height = `${this.rows.length * ROW}px`;
    this.draw();
  }

  /** Select an item: open what it is in, and bring it into view. */
  select(item: Item, { focus = false, tell = true } = {}): void {
    item = shownBy(item);
    let changed = false;
    for (let above = item.parent; above; above = above.parent) {
      changed ||= !above.open;
      above.open = true;
    }
    this.selected = item;
    if (changed) this.refresh();
    const top = (this.places.get(item) ?? 0) * ROW;
    const { scrollTop, clientHeight } = this.element;
    if (top < scrollTop || top + ROW > scrollTop + clientHeight) this.element.scrollTop = top - clientHeight / 3;
    this.draw();
    if (focus) this.element.focus();
    if (tell) this.chosen(item, focus);
  }

  toggle(item: Item, open = !item.open): void {
    item.open = open && below(item).length > 0;
    this.refresh();
  }

  openAll(open: boolean): void {
    for (const item of this.run().walk()) item.open = open ? item.kind !== "group" || item.children.length <= 50 : item.level < 2;
    this.refresh();
  }

  private later(): void {
    if (this.frame) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      this.draw();
    });
  }

  private draw(): void {
    const first = Math.max(0, Math.floor(this.element.scrollTop / ROW) - SPARE);
    const last = Math.min(this.rows.length, Math.ceil((this.element.scrollTop + this.element.clientHeight) / ROW) + SPARE);
    this.canvas.replaceChildren(...this.rows.slice(first, last).map((item, index) => this.row(item, first + index)));
    const place = this.selected ? this.places.get(this.selected) : undefined;
    const shown = place !== undefined && place >= first && place < last;
    if (shown) this.element.setAttribute("aria-activedescendant", `row-${place}`);
    else this.element.removeAttribute("aria-activedescendant");
  }

  private row(item: Item, place: number): HTMLElement {
    const run = this.run();
    const [sign, word] = SIGNS[item.status];
    const siblings = item.parent ? below(item.parent) : run.roots;
    const parent = below(item).length > 0;
    const figures = figuresOf(item, run.t);
    const title = [item.kind === "group" ? groupTitle(item) : item.title, item.error].filter(Boolean).join("  ");
    const row = h(
      "div",
      {
        class: `row ${item.kind} s-${item.status.replace(" ", "-")}${item.start > this.until ? " later" : ""}`,
        id: `row-${place}`, role: "treeitem", "aria-level": item.level, "aria-setsize": siblings.length,
        "aria-posinset": siblings.length > 2000 ? null : siblings.indexOf(item) + 1, "aria-selected": item === this.selected ? "true" : "false",
        "aria-expanded": parent ? String(item.open) : null, "data-id": item.id,
        "aria-label": `${nameOf(item)} ${title} ${figures}, ${word}`,
      },
      h("span", { class: "twist", "aria-hidden": "true" }, parent ? (item.open ? "\u25be" : "\u25b8") : ""),
      h("span", { class: "sign", "aria-hidden": "true", title: word }, sign),
      h("span", { class: "name" }, nameOf(item)), " ",
      h("bdi", { class: "title" }, title), " ",
      h("span", { class: "figures" }, h("span", { class: "minor" }, ...more(item).map((part) => `${part} \u00b7 `)), short(item, run.t).join(" \u00b7 ")),
    );
    row.style.top = `${place * ROW}px`;
    row.style.paddingInlineStart = `${6 + Math.min(item.level - 1, 12) * 16}px`;
    return row;
  }

  private click(event: MouseEvent): void {
    const row = (event.target as Element).closest<HTMLElement>(".row");
    const item = row && this.run().items.get(row.dataset.id ?? "");
    if (!item) return;
    if ((event.target as Element).closest(".twist")) this.toggle(item);
    else {
      if (item === this.selected) this.toggle(item);
      this.select(item);
    }
  }

  private key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const place = this.selected ? (this.places.get(this.selected) ?? 0) : -1;
    const page = Math.max(1, Math.floor(this.element.clientHeight / ROW) - 1);
    const item = this.selected;
    const to = (wanted: number) => {
      const found = this.rows[Math.max(0, Math.min(this.rows.length - 1, wanted))];
      if (found) this.select(found);
    };
    switch (event.key) {
      case "ArrowDown": case "j": to(place + 1); break;
      case "ArrowUp": case "k": to(place - 1); break;
      case "PageDown": to(place + page); break;
      case "PageUp": to(place - page); break;
      case "Home": to(0); break;
      case "End": to(this.rows.length - 1); break;
      case "ArrowRight": case "l":
        if (!item) to(0);
        else if (below(item).length && !item.open) this.toggle(item, true);
        else to(place + (below(item).length ? 1 : 0));
        break;
      case "ArrowLeft": case "h":
        if (item?.open && item.children.length) this.toggle(item, false);
        else if (item?.parent) this.select(item.parent);
        break;
      case "Enter":
        if (item) this.chosen(item, true);
        break;
      default: return;
    }
    event.preventDefault();
    event.stopPropagation();
  }
}

export function groupTitle(item: Item): string {
  const asked = Number(item.title) || 0;
  const parts = [`${count(item.children.filter((child) => child.status === "ok").length)} ok`];
  if (item.sums.failed) parts.push(`${count(item.sums.failed)} failed`);
  if (item.sums.memo) parts.push(`${count(item.sums.memo)} from memory`);
  const open = item.children.filter((child) => child.status === "running").length;
  if (open) parts.push(`${count(open)} running`);
  if (asked > item.children.length) parts.push(`${count(asked)} asked for`);
  return parts.join(", ");
}
