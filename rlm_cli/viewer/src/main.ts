/** The page of `rlm view`: a tree of the run on one side, what is chosen on the other. Nothing is loaded or sent. */

import { answerPage } from "./answer";
import { detail, type Way } from "./detail";
import { h, clean, marked, oneLine, remembered } from "./dom";
import { bytes, duration, money, plural, tokens } from "./figures";
import { inputPage } from "./input";
import { Run, shownBy, type Item } from "./model";
import { Player } from "./player";
import { search } from "./search";
import { sumsPage } from "./sums";
import { timelinePage } from "./timeline";
import { nameOf, Tree, whereOf } from "./tree";

type Page = "steps" | "answer" | "step" | "timeline" | "input" | "sums" | "search";

const PAGES: [Page, string][] = [["steps", "Steps"], ["answer", "Answer"], ["step", "Step"], ["timeline", "Timeline"], ["input", "Input"], ["sums", "Sums"]];
const PRINTED = 200; // turns on paper
const POLL = 700; // milliseconds between two looks at a run that is going on
const KEYS = "/ search \u00b7 arrows or h j k l in the tree \u00b7 Enter read the step \u00b7 n p next and previous step \u00b7 space play \u00b7 1-5 pages \u00b7 e E open and close all \u00b7 d light or dark";

class Viewer {
  private run = new Run();
  private page: Page = "answer";
  private needle = "";
  private lines = 0; // of the step that is drawn
  private going = false; // whether a process writes the run that is followed
  private wait = 0; // until what is typed is searched for
  private readonly head = h("header", { class: "top" });
  private readonly tabs = h("div", { class: "tabs", role: "tablist", "aria-label": "Pages" });
  private readonly panel = h("div", { class: "panel", id: "panel", role: "tabpanel", tabindex: -1 });
  private readonly field = h("input", { type: "search", placeholder: "search everything  /", "aria-label": "search everything" });
  private readonly tree = new Tree(() => this.run, (item, focus) => this.chose(item, focus));
  private readonly player = new Player(() => this.run, this.tree);
  private readonly way: Way = { go: (item) => this.tree.select(item), needle: "" };

  constructor(private readonly place: HTMLElement) {
    this.field.addEventListener("input", () => {
      window.clearTimeout(this.wait);
      this.wait = window.setTimeout(() => this.look(), 150);
    });
    this.field.addEventListener("keydown", (event) => {
      if (event.key === "Enter") this.panel.querySelector<HTMLElement>(".hit button")?.focus();
      if (event.key === "Escape") this.field.blur();
    });
    document.addEventListener("keydown", (event) => this.key(event));
    window.addEventListener("hashchange", () => this.follow());
    window.addEventListener("beforeprint", () => this.print());
    window.addEventListener("dragover", (event) => event.preventDefault());
    window.addEventListener("drop", (event) => {
      event.preventDefault();
      const file = event.dataTransfer?.files[0];
      if (file) void this.open(file);
    });
    const theme = remembered.get("theme");
    if (theme) document.documentElement.dataset.theme = theme;
  }

  // --- data

  start(source: string, follow: string | null): void {
    this.going = Boolean(follow);
    this.run.add(source, !follow);
    this.show();
    if (follow) void this.poll(follow, 0);
  }

  async open(file: File): Promise<void> {
    let source = "";
    try {
      source = await file.text();
    } catch {
      this.welcome(`${clean(file.name)} (${bytes(file.size)}) is more than this browser can hold: rlm view --stats or --terminal can read it.`);
      return;
    }
    this.run = new Run();
    this.going = false;
    this.player.stop();
    this.tree.selected = null;
    this.needle = this.way.needle = this.field.value = "";
    this.run.add(source, true);
    history.replaceState(null, "", "#answer");
    this.show(file.name);
  }

  /** Ask the server that this page came from for what was written since. */
  private async poll(address: string, from: number): Promise<void> {
    const { run } = this;
    let at = from;
    try {
      const reply = await fetch(`${address}?from=${at}`, { cache: "no-store" });
      const more = await reply.text();
      if (run !== this.run) return; // another file was opened instead
      at += Number(reply.headers.get("X-Bytes") ?? more.length);
      const going = reply.headers.get("X-Going") === "1";
      const changed = going !== this.going;
      this.going = going;
      if (more) {
        this.run.add(more, false);
        this.grow();
      } else if (changed && !this.run.empty) this.grow();
      document.body.classList.toggle("lost", !reply.ok);
    } catch {
      document.body.classList.add("lost");
    }
    if (!this.run.finished) window.setTimeout(() => void this.poll(address, at), POLL);
  }

  private grow(): void {
    if (!this.place.querySelector(".tree")) this.show();
    for (const root of this.run.roots) root.open = true;
    this.header();
    this.tree.refresh();
    this.player.refresh();
    this.redraw();
  }

  /** Draw what has grown, unless the reader is busy with it. */
  private redraw(): void {
    const lines = this.tree.selected?.lines.length ?? 0;
    const changed = this.page === "step" ? lines !== this.lines : this.page !== "search";
    const busy = this.panel.contains(document.activeElement) || getSelection()?.isCollapsed === false;
    if (!changed || busy) return;
    const top = this.panel.scrollTop;
    this.draw();
    this.panel.scrollTop = top;
  }

  // --- drawing

  private show(name = ""): void {
    if (this.run.empty) {
      this.welcome(name && `${clean(name)} holds no run: it is no journal of rlm and no log of the reference implementation. A log of fast-rlm opens with: rlm view FILE`);
      return;
    }
    const side = h("aside", { class: "side" }, this.tree.element, this.player.element);
    this.place.replaceChildren(this.head, h("div", { class: "body" }, side, h("main", { class: "right" }, this.tabs, this.panel)), h("footer", { class: "keys" }, KEYS));
    for (const root of this.run.roots) root.open = true;
    this.header();
    this.tree.refresh();
    this.player.refresh();
    this.follow();
  }

  private welcome(problem: string): void {
    const input = h("input", { type: "file", accept: ".jsonl,application/jsonl", "aria-label": "a file of a run" });
    input.addEventListener("change", () => input.files?.[0] && void this.open(input.files[0]));
    this.place.replaceChildren(
      h("main", { class: "welcome" }, h("h1", {}, "rlm view"),
        problem ? h("p", { class: "error", role: "alert" }, problem) : null,
        h("p", {}, "Drop the journal of a run here (", h("code", {}, "*.jsonl"), "), or a log of the reference implementation."), input,
        h("p", { class: "dim" }, "The file is read in this page alone; nothing is sent anywhere.")),
    );
  }

  private header(): void {
    const { run } = this;
    const status = run.finished ? String(run.finished.status ?? "ended").replace("_", " ") : this.going ? "running" : "stopped";
    const sums = run.total;
    const cost = sums.unpriced ? (sums.cost ? `${money(sums.cost)} and some unknown` : "cost unknown") : money(sums.cost);
    document.title = `${oneLine(run.meta.question, 60) || "run"} \u00b7 rlm view`;
    this.head.replaceChildren(
      h("div", { class: "headline" }, h("h1", { dir: "auto" }, oneLine(run.meta.question, 300) || "a run"),
        h("p", { class: "dim" }, h("span", { class: `badge b-${status.replace(" ", "-")}` }, clean(status)),
          ` ${[run.meta.run, [...new Set([run.meta.root, run.meta.sub])].filter(Boolean).join(" \u203a "), plural(sums.calls, "call"), `${tokens(sums.input)} in, ${tokens(sums.output)} out`, cost, duration(run.t)].filter(Boolean).map(clean).join(" \u00b7 ")}`)),
      h("div", { class: "tools" }, this.field, h("button", { class: "small", title: "light or dark (d)", "aria-label": "light or dark", onclick: () => this.theme() }, "\u25d0")),
    );
  }

  private draw(): void {
    window.clearTimeout(this.wait); // who has gone on is not called back to the search
    document.body.dataset.page = this.page;
    this.tabs.replaceChildren(
      ...PAGES.map(([page, name], place) =>
        h("button", { role: "tab", class: `tab t-${page}`, id: `tab-${page}`, "aria-selected": String(page === this.page), "aria-controls": "panel", tabindex: page === this.page ? 0 : -1, title: place ? `${name} (${place})` : name, onclick: () => this.turn(page) },
          page === "step" && this.tree.selected ? nameOf(this.tree.selected) : name)),
    );
    this.panel.setAttribute("aria-labelledby", `tab-${this.page}`);
    const { run, way } = this;
    if (this.page === "steps") this.panel.replaceChildren();
    else if (this.page === "answer") this.panel.replaceChildren(answerPage(run, way, this.going));
    else if (this.page === "timeline") this.panel.replaceChildren(timelinePage(run, way));
    else if (this.page === "input") this.panel.replaceChildren(inputPage(run, way));
    else if (this.page === "sums") this.panel.replaceChildren(sumsPage(run, way));
    else if (this.page === "search") this.panel.replaceChildren(this.results());
    else if (this.tree.selected) {
      this.lines = this.tree.selected.lines.length;
      this.panel.replaceChildren(detail(run, this.tree.selected, way));
    }
    else this.panel.replaceChildren(h("p", { class: "dim" }, "Choose a step in the tree."));
  }

  private turn(page: Page): void {
    if (page === "step" && !this.tree.selected && this.run.roots[0]) this.tree.select(this.run.roots[0]);
    else {
      this.page = page;
      history.replaceState(null, "", `#${page === "step" && this.tree.selected ? this.tree.selected.id : page}`);
      this.draw();
      this.panel.scrollTop = 0;
    }
  }

  private chose(item: Item, focus: boolean): void {
    this.page = "step";
    this.player.follow(item);
    history.replaceState(null, "", `#${item.id}`);
    this.draw();
    this.panel.scrollTop = 0;
    if (focus) this.panel.focus();
  }

  /** Go where the address says: a page or an item. */
  private follow(): void {
    const wanted = unescaped(location.hash.slice(1));
    const item = this.run.items.get(wanted);
    if (item) this.tree.select(item);
    else {
      this.page = PAGES.some(([page]) => page === wanted) && wanted !== "step" ? (wanted as Page) : "answer";
      this.draw();
    }
  }

  // --- search

  private look(): void {
    this.needle = this.way.needle = this.field.value;
    this.page = this.needle.trim().length < 2 ? "answer" : "search";
    this.draw();
  }

  private results(): HTMLElement {
    const hits = search(this.run, this.needle);
    const rows = hits.map(({ item, field, around }) =>
      h("li", { class: "hit" }, h("button", { class: "plain", onclick: () => (item ? this.tree.select(item) : this.turn("answer")) },
        h("strong", {}, item ? whereOf(shownBy(item)) : "the run"), h("span", { class: "dim" }, `  ${field}  `), h("bdi", {}, marked(oneLine(around, 180), this.needle.trim())))));
    return h("article", { "aria-label": `search for ${this.needle}` }, h("h2", {}, `${hits.length >= 500 ? "The first " : ""}${plural(hits.length, "place")}`), h("ul", { class: "hits", role: "list" }, ...rows));
  }

  // --- keys, theme, paper

  private key(event: KeyboardEvent): void {
    const target = event.target as HTMLElement;
    if (event.ctrlKey || event.metaKey || event.altKey || target === this.field) return;
    const page = PAGES[Number(event.key)];
    if (target.role === "tab" && (event.key === "ArrowRight" || event.key === "ArrowLeft")) {
      const at = PAGES.findIndex(([name]) => name === this.page) + (event.key === "ArrowRight" ? 1 : -1);
      this.turn(PAGES[(at + PAGES.length) % PAGES.length]?.[0] ?? "answer");
      this.tabs.querySelector<HTMLElement>("[aria-selected=true]")?.focus();
    } else if (event.key === "/") this.field.focus();
    else if (event.key === "n") this.player.step(1);
    else if (event.key === "p") this.player.step(-1);
    else if (event.key === " " && !/^(BUTTON|SUMMARY)$/.test(target.tagName)) this.player.play();
    else if (event.key === "e" || event.key === "E") this.tree.openAll(event.key === "e");
    else if (event.key === "d") this.theme();
    else if (event.key === "t") this.tree.element.focus();
    else if (event.key === "Escape") this.tree.element.focus();
    else if (page && event.key !== "0") this.turn(page[0]);
    else return;
    event.preventDefault();
  }

  private theme(): void {
    const root = document.documentElement;
    const dark = (root.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
    root.dataset.theme = dark ? "light" : "dark";
    remembered.set("theme", root.dataset.theme);
  }

  /** On paper there is no tree to open: the answer, then every step of the root, one after another. */
  private print(): void {
    document.querySelector(".paper")?.remove();
    const turns = [...this.run.walk()].filter((item) => item.kind === "turn");
    const steps = turns.slice(0, PRINTED);
    const paper = h("div", { class: "paper" }, answerPage(this.run, this.way, this.going), sumsPage(this.run, this.way), ...steps.map((item) => detail(this.run, item, this.way)),
      turns.length > steps.length && h("p", {}, `${plural(turns.length - steps.length, "further turn")} not printed.`));
    this.place.append(paper);
    window.addEventListener("afterprint", () => paper.remove(), { once: true });
  }
}

function unescaped(address: string): string {
  try {
    return decodeURIComponent(address);
  } catch {
    return address;
  }
}

const place = document.getElementById("app");
const data = document.getElementById("journal");
if (place && data) {
  const source = (data.textContent ?? "").replace(/^\s*<!--journal-->\s*$/, "");
  const follow = data.dataset.follow ?? null;
  data.remove(); // one copy is enough
  new Viewer(place).start(source, follow);
}
