/** The step player: through turns, cells and children in the order in which they happened. */

import { h } from "./dom";
import { duration } from "./figures";
import type { Item, Run } from "./model";
import { nameOf, type Tree } from "./tree";

const PAUSE = 1200; // milliseconds a step

export class Player {
  readonly element: HTMLElement;
  private steps: Item[] = [];
  private at = -1;
  private timer = 0;
  private readonly slider = h("input", { type: "range", min: 0, max: 0, value: 0, "aria-label": "step" });
  private readonly label = h("output", {}, "");
  private readonly button = h("button", { class: "small", "aria-label": "play the steps", title: "play (space)", onclick: () => this.play() }, "play");

  constructor(private readonly run: () => Run, private readonly tree: Tree) {
    this.slider.addEventListener("input", () => this.to(Number(this.slider.value)));
    this.element = h(
      "div", { class: "player", role: "group", "aria-label": "step player" },
      h("button", { class: "small", "aria-label": "previous step", title: "previous step (p)", onclick: () => this.step(-1) }, "\u2039"), this.button,
      h("button", { class: "small", "aria-label": "next step", title: "next step (n)", onclick: () => this.step(1) }, "\u203a"),
      this.slider, this.label,
    );
  }

  /** The steps anew, after more of the run came in. */
  refresh(): void {
    this.steps = [...this.run().walk()].filter((item) => item.kind === "turn" || item.kind === "cell" || (item.kind === "node" && item.level > 1));
    this.steps.sort((one, other) => one.start - other.start || one.level - other.level);
    this.slider.max = String(Math.max(0, this.steps.length - 1));
    this.tell();
  }

  /** The step of what was chosen elsewhere is the one to go on from. */
  follow(item: Item): void {
    this.at = -1;
    for (let above: Item | null = item; above && this.at < 0; above = above.parent) this.at = this.steps.indexOf(above);
    this.tell();
  }

  step(by: number): void {
    this.to(this.at + by);
  }

  to(place: number): void {
    this.at = Math.max(0, Math.min(this.steps.length - 1, place));
    const item = this.steps[this.at];
    if (!item) return;
    this.tree.until = item.end ?? item.start;
    this.tree.select(item);
    this.tell();
  }

  play(): void {
    if (this.timer) {
      this.stop();
      return;
    }
    if (this.at >= this.steps.length - 1) this.at = -1;
    this.button.textContent = "pause";
    this.timer = window.setInterval(() => (this.at >= this.steps.length - 1 ? this.stop() : this.to(this.at + 1)), PAUSE);
    this.to(this.at + 1);
  }

  stop(): void {
    window.clearInterval(this.timer);
    this.timer = 0;
    this.button.textContent = "play";
    this.tree.until = Infinity;
  }

  private tell(): void {
    const item = this.steps[this.at];
    this.slider.value = String(Math.max(0, this.at));
    this.slider.setAttribute("aria-valuetext", item ? `${nameOf(item)} ${item.title}` : "before the first step");
    this.label.textContent = `${this.at + 1} / ${this.steps.length}${item ? `  ${duration(item.start)}` : ""}`;
  }
}
