/** What a run looks like: a fold over its journal into a tree of items, one a row. Texts stay in the journal. */

import { oneLine } from "./dom";
import { Citation, entry, FileRead, Journal, Line, list, number, object, text } from "./events";
import { isReference, ReferenceReader } from "./reference";

export type Kind = "node" | "turn" | "cell" | "group" | "call";
export type Status = "running" | "ok" | "failed" | "partial" | "not found";

/** Sums over model calls. `unpriced` counts those whose cost nobody knows. */
export interface Sums {
  calls: number;
  failed: number;
  retries: number;
  memo: number;
  input: number;
  output: number;
  cached: number;
  cost: number;
  unpriced: number;
}

export const noSums = (): Sums => ({ calls: 0, failed: 0, retries: 0, memo: 0, input: 0, output: 0, cached: 0, cost: 0, unpriced: 0 });

export interface Item {
  id: string;
  kind: Kind;
  parent: Item | null;
  children: Item[];
  level: number;
  title: string;
  status: Status;
  start: number;
  end: number | null;
  sums: Sums;
  lines: number[]; // journal lines about this item
  node: string;
  open: boolean;
  model: string;
  memo: boolean;
  error: string;
  purpose: string;
}

interface Meta {
  run: string;
  question: string;
  sources: string[];
  root: string;
  sub: string;
  version: string;
  started: string;
  limits: Record<string, unknown>;
  pack: string;
}

export interface Notice {
  kind: "limit" | "warning" | "input" | "sandbox" | "note";
  message: string;
  t: number;
}

export interface Answer {
  status: string;
  text: string;
  partial: boolean;
  stoppedBy: string;
  citations: Citation[];
  coverage: Record<string, unknown>;
}

/** What stands below an item in the tree. A root call is shown by its turn. */
export function below(item: Item): Item[] {
  return item.kind === "turn" ? item.children.filter((child) => child.purpose !== "root") : item.children;
}

/** The item that shows what `item` holds. */
export function shownBy(item: Item): Item {
  return item.purpose === "root" && item.parent ? item.parent : item;
}

const NESTED = 150; // levels of the tree; deeper children stand beside their parents, since all that draw them recurse
const KNOWN = 1; // version of the events
const FILE_HEADER = /==> (.{1,300}?) <==/;

export class Run {
  readonly journal = new Journal();
  meta: Meta = { run: "", question: "", sources: [], root: "", sub: "", version: "", started: "", limits: {}, pack: "" };
  input: Line | null = null;
  answer: Answer | null = null;
  finished: Line | null = null;
  files: FileRead[] = [];
  notices: Notice[] = [];
  layers: string[] = [];
  strategy = "";
  t = 0;
  torn: number[] = [];
  readonly items = new Map<string, Item>();
  readonly roots: Item[] = [];
  readonly ofLine = new Map<number, Item>();
  readonly models = new Map<string, Sums>();
  readonly messages = new Map<string, number[]>(); // node → lines of its conversation
  readonly cuts = new Map<string, { at: number; keep: number; line: number }[]>(); // node → where turns became a summary
  readonly total = noSums();
  reference: ReferenceReader | null = null;
  readonly made: Line[] = []; // lines that a log of another program was turned into; their index is negative

  /** Take in more of the journal. `all`: nothing more comes. */
  add(more: string, all: boolean): void {
    const { from, to } = this.journal.append(more, all);
    for (let index = from; index < to; index++) {
      const line = this.journal.read(index);
      if (line === null) {
        if (this.journal.raw(index).trim()) this.torn.push(index + 1);
      } else if (isReference(line)) {
        this.reference ??= new ReferenceReader(this);
        this.reference.take(line);
      } else this.fold(line, index);
    }
    if (all) this.reference?.close();
  }

  /** The line at `index`, as `Item.lines` names it. */
  line(index: number): Line | null {
    return index < 0 ? (this.made[-1 - index] ?? null) : this.journal.read(index);
  }

  /** The lines about an item that are of one type. */
  linesOf(item: Item, type: string): Line[] {
    return item.lines.map((index) => this.line(index)).filter((line): line is Line => line?.type === type);
  }

  /** What the model of a node was sent for its reply in `turn`: compaction took out the turns between. */
  conversation(node: string, turn: number): Line[] {
    const all = this.messages.get(node) ?? [];
    const read = (index: number | undefined) => (index === undefined ? null : this.line(index));
    let end = all.findIndex((index) => {
      const line = this.line(index);
      return number(line?.turn) === turn && line?.role === "assistant";
    });
    if (end < 0) end = all.length; // the reply is still to come
    const cut = (this.cuts.get(node) ?? []).filter(({ at }) => at <= end).pop();
    const lines = cut ? [...all.slice(0, cut.keep), cut.line, ...all.slice(Math.max(cut.keep, cut.at - 1), end)] : all.slice(0, end);
    return lines.map(read).filter((line): line is Line => line !== null);
  }

  get empty(): boolean {
    return !this.roots.length && !this.meta.run && !this.answer;
  }

  /** Every item of the tree in the order in which it is drawn. */
  *walk(items: Item[] = this.roots): Generator<Item> {
    for (const item of items) {
      yield item;
      yield* this.walk(item.children);
    }
  }

  item(kind: Kind, id: string, parent: Item | null, start: number, title = ""): Item {
    let found = this.items.get(id);
    if (!found) {
      found = {
        id, kind, parent, children: [], level: parent ? parent.level + 1 : 1, title, status: "running", start, end: null,
        sums: noSums(), lines: [], node: "", open: false, model: "", memo: false, error: "", purpose: "",
      };
      this.items.set(id, found);
      (parent ? parent.children : this.roots).push(found);
    }
    return found;
  }

  note(item: Item, index: number): void {
    item.lines.push(index);
    this.ofLine.set(index, item);
  }

  // --- folding

  fold(line: Line, index: number): void {
    this.t = Math.max(this.t, number(line.t));
    const fold = entry(FOLDS, line.type);
    if (fold) fold(this, line, index);
  }

  nodeOf(name: string, t: number): Item {
    const known = this.items.get(name);
    if (known) return known;
    const made = this.item("node", name, null, t, name === "0" ? "root" : `child ${name}`);
    made.node = name;
    return made;
  }

  turnOf(node: string, turn: number, t: number): Item {
    const parent = this.nodeOf(node, t);
    const made = this.item("turn", `${node}/${turn}`, parent, t);
    made.node = node;
    return made;
  }

  cellOf(node: string, cell: string, t: number): Item {
    const known = this.items.get(cell);
    if (known) return known;
    const turn = Number(/\/(\d+)/.exec(cell)?.[1] ?? 1);
    const made = this.item("cell", cell, this.turnOf(node, turn, t), t);
    made.node = node;
    return made;
  }

  /** Where a call or a child of a cell goes: into the group of its call site, which is made for the second one. */
  place(cell: Item, site: string, recursive: boolean, t: number, batch = false): Item {
    const id = `${cell.id}@${site}${recursive ? "r" : ""}`;
    const known = this.items.get(id);
    if (known) return known;
    const before = cell.children.filter((child) => child.purpose === `${site}${recursive ? "r" : ""}`);
    if (!batch && !before.length) return cell;
    const group = this.item("group", id, cell, before[0]?.start ?? t);
    group.node = cell.node;
    group.purpose = recursive ? "children" : "calls";
    for (const child of before) {
      cell.children.splice(cell.children.indexOf(child), 1);
      group.children.push(child);
      child.parent = group;
      for (const item of [child, ...this.walk(child.children)]) item.level++;
      for (const name of Object.keys(group.sums) as (keyof Sums)[]) group.sums[name] += child.sums[name];
    }
    return group;
  }

  count(item: Item | null, change: Partial<Sums>, model: string): void {
    const sums = [this.total];
    if (model) {
      const own = this.models.get(model) ?? noSums();
      this.models.set(model, own);
      sums.push(own);
    }
    for (let above = item; above; above = above.parent) sums.push(above.sums);
    for (const one of sums) for (const [name, value] of Object.entries(change) as [keyof Sums, number][]) one[name] += value;
  }

  warn(kind: Notice["kind"], message: string, t: number): void {
    if (this.notices.length < 1000) this.notices.push({ kind, message: message.slice(0, 4000), t });
  }
}

/** It is over, however it may have looked when the run was stopped before. */
function close(item: Item, t: number, status: Status): void {
  item.end = t;
  item.status = status;
}

/** What had not ended by itself is over with what holds it. */
function end(item: Item, t: number, status: Status): void {
  if (item.end === null) item.end = t;
  if (item.status === "running") item.status = status;
}

function groupEnd(item: Item, t: number): void {
  const group = item.parent?.kind === "group" ? item.parent : null;
  if (!group) return;
  group.end = t;
  group.status = group.children.some((child) => child.status === "running") ? "running" : group.sums.failed ? "partial" : "ok";
}

function cellAbove(item: Item): Item | null {
  let above = item.parent;
  while (above && above.kind !== "cell") above = above.parent;
  return above;
}

const STATUS: Record<string, Status> = { answered: "ok", not_found: "not found", partial: "partial", failed: "failed" };

function labelOf(line: Line): string {
  if (line.about) return oneLine(text(line.about));
  for (const message of [...list(line.messages)].reverse().map(object)) {
    const content = text(message.content);
    const file = FILE_HEADER.exec(content.slice(0, 4000));
    if (file) return oneLine(file[1] ?? "");
    const first = content.slice(0, 1000).split("\n").find((part) => part.trim());
    if (message.role === "user" && first) return oneLine(first);
  }
  return "";
}

type Fold = (run: Run, line: Line, index: number) => void;

const FOLDS: Record<string, Fold> = {
  "run.started"(run, line) {
    run.meta = {
      run: text(line.run), question: text(line.question), sources: list(line.sources).map(text), root: text(line.root_model),
      sub: text(line.sub_model), version: text(line.version), started: text(line.at), limits: object(line.limits), pack: text(line.pack),
    };
    if (number(line.schema_version) > KNOWN) run.warn("warning", `This run was written by a newer rlm (${run.meta.version}): what it adds is not shown.`, line.t);
  },
  "run.resumed"(run, line) {
    run.finished = run.answer = null;
    // The root goes on, and so does what had not ended below it.
    for (let item = run.items.get("0"); item && item.status !== "ok"; item = item.children.at(-1)) {
      if (item.kind === "call") break;
      item.end = null;
      item.status = "running";
    }
    run.warn("note", `resumed${line.unpaid ? `; ${text(line.unpaid)} calls were in flight at the stop` : ""}`, line.t);
  },
  "question.asked"(run, line) {
    run.warn("note", `asked before: ${run.meta.question}`, line.t);
    run.meta.question = text(line.question);
    run.finished = run.answer = null;
    const root = run.nodeOf("0", line.t);
    root.end = null;
    root.status = "running";
  },
  "input.opened"(run, line) {
    run.input = line;
  },
  "input.read"(run, line) {
    run.files = list(line.files).map(list).map(([path, bytes, code, models, files]) => ({
      path: text(path), bytes: number(bytes), code: number(code), models: number(models), files: number(files) || 1,
    }));
  },
  "input.changed"(run, line) {
    run.warn("input", `${text(line.name)} ${text(line.reason)}`, line.t);
  },
  "strategy.chosen"(run, line) {
    run.strategy = `${text(line.strategy)}: ${text(line.reason)}`;
  },
  "limit.reached"(run, line) {
    run.warn("limit", text(line.message), line.t);
  },
  warned(run, line) {
    run.warn("warning", text(line.message), line.t);
  },
  "sandbox.ready"(run, line) {
    if (!run.layers.length) run.layers = list(line.layers).map(text);
  },
  "sandbox.lost"(run, line) {
    run.warn("sandbox", `the worker was replaced: ${text(line.reason)}`, line.t);
  },
  "answer.given"(run, line) {
    run.answer = {
      status: text(line.status), text: text(line.text), partial: line.partial === true, stoppedBy: text(line.stopped_by),
      citations: list(line.citations).map(object) as unknown as Citation[], coverage: object(line.coverage),
    };
    if (!run.answer.text && line.value !== null && line.value !== undefined) run.answer.text = JSON.stringify(line.value, null, 2);
  },
  "run.finished"(run, line) {
    run.finished = line;
    for (const item of run.items.values()) end(item, line.t, "partial");
  },
  "node.started"(run, line, index) {
    const id = text(line.node);
    let cell = line.cell ? run.cellOf(text(line.parent), text(line.cell), line.t) : null;
    while (cell && cell.level > NESTED) cell = cellAbove(cell);
    const site = text(line.site);
    const parent = cell ? run.place(cell, site, true, line.t) : null;
    const node = run.item("node", id, parent, line.t);
    node.title = oneLine(text(line.question));
    node.node = id;
    node.purpose = cell ? `${site}r` : "";
    run.note(node, index);
  },
  "node.finished"(run, line, index) {
    const node = run.nodeOf(text(line.node), line.t);
    close(node, line.t, entry(STATUS, text(line.status)) ?? "ok");
    const last = node.children.at(-1);
    // A cell that submits ends its turn without a word; one that was stopped has no end.
    if (last) end(last, line.t, last.children.at(-1)?.status === "ok" ? "ok" : "partial");
    run.note(node, index);
    groupEnd(node, line.t);
  },
  "turn.started"(run, line, index) {
    run.note(run.turnOf(text(line.node), number(line.turn), line.t), index);
  },
  "turn.finished"(run, line) {
    const turn = run.turnOf(text(line.node), number(line.turn), line.t);
    const reply = turn.children.filter((child) => child.kind === "call").at(-1); // a resume asks once more
    const failed = turn.children.some((child) => child.kind === "cell" && child.status === "failed");
    close(turn, line.t, failed || reply?.status === "failed" ? "failed" : "ok");
  },
  message(run, line, index) {
    const node = text(line.node);
    const lines = run.messages.get(node) ?? [];
    run.messages.set(node, lines);
    lines.push(index);
    const turn = number(line.turn);
    const item = turn ? run.turnOf(node, turn, line.t) : run.nodeOf(node, line.t);
    run.note(item, index);
    if (turn && line.role === "assistant" && !item.title) item.title = oneLine(text(line.content).replace(/```[\s\S]*/, ""));
  },
  compacted(run, line, index) {
    const node = text(line.node);
    const turn = run.turnOf(node, number(line.turn), line.t);
    run.note(turn, index);
    const cuts = run.cuts.get(node) ?? [];
    run.cuts.set(node, cuts);
    cuts.push({ at: run.messages.get(node)?.length ?? 0, keep: number(line.keep), line: index });
    run.warn("note", `turn ${turn.id}: earlier turns became a summary`, line.t);
  },
  "cell.started"(run, line, index) {
    const cell = run.cellOf(text(line.node), text(line.cell), line.t);
    cell.title = oneLine(text(line.title) || text(line.code).split("\n").find((part) => part.trim()) || "");
    if (cell.parent?.kind === "turn" && cell.title) cell.parent.title = cell.title;
    run.note(cell, index);
  },
  "cell.finished"(run, line, index) {
    const cell = run.cellOf(text(line.node), text(line.cell), line.t);
    const error = object(line.error);
    if (line.error) cell.error = oneLine(`${text(error.type)}: ${text(error.message)}`);
    close(cell, line.t, line.error ? "failed" : "ok");
    run.note(cell, index);
  },
  "batch.started"(run, line) {
    const cell = run.cellOf(text(line.node), text(line.cell), line.t);
    const group = run.place(cell, text(line.site), line.recursive === true, line.t, true);
    group.title = `${Number(group.title || 0) + number(line.total)}`;
  },
  "call.started"(run, line, index) {
    const node = text(line.node);
    const purpose = text(line.purpose);
    const turn = run.turnOf(node, number(line.turn), line.t);
    let parent = turn;
    if (line.cell) parent = run.place(run.cellOf(node, text(line.cell), line.t), text(line.site), false, line.t);
    const call = run.item("call", text(line.call), parent, line.t);
    call.node = node;
    call.model = text(line.model);
    call.memo = line.memo === true;
    call.purpose = line.cell ? text(line.site) : purpose;
    call.title = line.cell ? labelOf(line) || call.id : entry(PURPOSES, purpose) ?? purpose;
    run.note(call, index);
  },
  "call.retried"(run, line, index) {
    const call = run.items.get(text(line.call));
    if (call) run.note(call, index);
    run.count(call ?? null, { retries: 1 }, call?.model ?? "");
  },
  "call.finished"(run, line, index) {
    const call = run.items.get(text(line.call));
    const memo = line.memo === true;
    const unpriced = line.cost === null && !memo ? 1 : 0;
    run.count(call ?? null, {
      calls: 1, memo: memo ? 1 : 0, input: number(line.input_tokens), output: number(line.output_tokens),
      cached: number(line.cached_tokens), cost: number(line.cost), unpriced,
    }, call?.model ?? "");
    if (!call) return;
    call.memo ||= memo;
    end(call, line.t, "ok");
    run.note(call, index);
    groupEnd(call, line.t);
  },
  "call.failed"(run, line, index) {
    const call = run.items.get(text(line.call));
    run.count(call ?? null, { calls: 1, failed: 1, cost: number(line.cost) }, call?.model ?? "");
    if (!call) return;
    call.error = oneLine(`${text(line.error)}: ${text(line.message)}`);
    end(call, line.t, "failed");
    run.note(call, index);
    groupEnd(call, line.t);
  },
};

const PURPOSES: Record<string, string> = {
  root: "the root model's reply",
  extract: "the best answer so far, asked for at the limit",
  compact: "a summary of earlier turns",
  schema: "a repair of the answer's form",
};
