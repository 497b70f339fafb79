/** Logs of the reference implementation (alexzhang13/rlm): lines `metadata` and `iteration`, turned into events. */

import { Line, list, number, object, text } from "./events";
import type { Run } from "./model";

type Fields = Record<string, unknown>;

export function isReference(line: Line): boolean {
  return line.seq === undefined && (line.type === "metadata" || line.type === "iteration");
}

/** Tokens and cost of a call, its models added up. */
function sums(call: Fields): Fields {
  const summary = object(call.usage_summary);
  const sum = (name: string) => Object.values(object(summary.model_usage_summaries)).map(object).reduce((total, one) => total + number(one[name]), 0);
  return {
    input_tokens: sum("total_input_tokens") || number(call.prompt_tokens),
    output_tokens: sum("total_output_tokens") || number(call.completion_tokens),
    cost: summary.total_cost ?? null,
  };
}

/** Folds such a log into a run. It has no clock of its own: times are those that it says of each step, added up. */
export class ReferenceReader {
  private t = 0;
  private calls = 0;
  private origin: number | null = null;
  private answered = false;
  private last = "";

  constructor(private readonly run: Run) {}

  take(line: Line): void {
    if (line.type === "metadata") {
      const model = text(line.root_model);
      const others = list(line.other_backends).map(text).join(", ");
      this.emit({
        type: "run.started", run: "", version: "", question: "", sources: [], root_model: model, sub_model: others || model,
        at: text(line.timestamp), limits: { max_turns: line.max_iterations, max_depth: line.max_depth },
      });
      return;
    }
    const question = /original query: "([\s\S]*?)"/.exec(list(line.prompt).map((message) => text(object(message).content)).join("\n"))?.[1];
    if (question && !this.run.meta.question) this.run.meta.question = question;
    this.iteration(line, "0", null);
  }

  /** The log has no line for its end: it ends with its last. */
  close(): void {
    if (!this.run.finished) {
      this.emit({ type: "node.finished", node: "0", status: this.answered ? "answered" : "partial" });
      this.emit({ type: "answer.given", status: this.answered ? "answered" : "failed", text: this.last });
      this.emit({ type: "run.finished", status: this.answered ? "answered" : "failed", exit_code: 0 });
    }
  }

  private iteration(data: Fields, node: string, parent: string | null, usage: Fields = {}): void {
    if (!this.run.items.has(node)) {
      const question = parent ? this.prompt(list(data.prompt).slice(1, 2)) : this.run.meta.question;
      this.emit({ type: "node.started", node, question, parent: parent ? parent.split("/")[0] : null, cell: parent, site: null });
    }
    const turn = (this.run.items.get(node)?.children.length ?? 0) + 1;
    const blocks = list(data.code_blocks).map(object);
    const cellTime = blocks.reduce((sum, block) => sum + number(object(block.result).execution_time), 0);
    const began = this.clock(data) ?? this.t;
    this.t = Math.max(this.t, began);
    this.emit({ type: "turn.started", node, turn });
    if (turn === 1) for (const message of list(data.prompt).map(object)) this.emit({ type: "message", node, turn: 0, role: message.role, content: text(message.content) });
    const call = this.startCall({ node, turn, purpose: "root", model: this.run.meta.root, messages: null });
    this.t += Math.max(0, number(data.iteration_time) - cellTime);
    this.emit({ type: "call.finished", call, text: text(data.response), ...sums(usage) });
    this.emit({ type: "message", node, turn, role: "assistant", content: text(data.response) });
    blocks.forEach((block, place) => this.cell(block, node, turn, place + 1));
    this.emit({ type: "turn.finished", node, turn });
    if (node === "0" && typeof data.final_answer === "string") {
      this.answered = true;
      this.last = data.final_answer;
    }
  }

  private cell(block: Fields, node: string, turn: number, place: number): void {
    const cell = `${node}/${turn}.${place}`;
    const result = object(block.result);
    this.emit({ type: "cell.started", node, turn, cell, code: text(block.code) });
    list(result.rlm_calls).map(object).forEach((call, slot) => this.subCall(call, node, turn, cell, slot));
    const variables = Object.entries(object(result.locals)).map(([name, value]) => [name, Array.isArray(value) ? "list" : typeof value, text(value).slice(0, 80)]);
    const stderr = text(result.stderr);
    this.t += number(result.execution_time) / (1 + list(result.rlm_calls).length);
    this.emit({
      type: "cell.finished", node, turn, cell, output: text(result.stdout), output_length: text(result.stdout).length,
      error: stderr ? { type: "stderr", message: stderr } : null, variables, seconds: number(result.execution_time),
    });
  }

  private subCall(call: Fields, node: string, turn: number, cell: string, slot: number): void {
    const child = object(call.metadata);
    const messages = [{ role: "user", content: typeof call.prompt === "string" ? call.prompt : this.prompt(list(call.prompt)) || text(call.prompt) }];
    if (list(child.iterations).length) {
      const name = `${node}.${turn}-${slot + 1}`;
      // The log has sums for the whole child alone: its last reply carries them.
      list(child.iterations).map(object).forEach((one, place, all) => this.iteration(one, name, cell, place === all.length - 1 ? call : {}));
      this.emit({ type: "node.finished", node: name, status: call.error ? "failed" : "answered", answer: text(call.response) });
      return;
    }
    const id = this.startCall({ node, turn, purpose: "sub", model: text(call.root_model), cell, slot, site: null, messages });
    this.t += number(call.execution_time);
    if (call.error) this.emit({ type: "call.failed", call: id, error: "Error", message: text(call.error) });
    else this.emit({ type: "call.finished", call: id, text: text(call.response), ...sums(call) });
  }

  private prompt(messages: unknown[]): string {
    return messages.map((message) => text(object(message).content)).join("\n\n");
  }

  private clock(data: Fields): number | null {
    const ended = Date.parse(text(data.timestamp)) / 1000;
    if (!Number.isFinite(ended)) return null;
    const began = ended - number(data.iteration_time);
    this.origin ??= began;
    return Math.max(0, began - this.origin);
  }

  private startCall(fields: Fields): string {
    const call = `c${++this.calls}`;
    this.emit({ type: "call.started", call, ...fields });
    return call;
  }

  private emit(fields: Fields): void {
    const line = { seq: 0, at: "", t: this.t, ...fields } as unknown as Line;
    this.run.made.push(line);
    this.run.fold(line, -this.run.made.length);
  }
}
