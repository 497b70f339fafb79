/** Search over everything that the journal holds: names, code, output, prompts, replies. */

import type { Line } from "./events";
import { shownBy, type Item, type Run } from "./model";

export interface Hit {
  item: Item | null; // null: the answer
  field: string;
  around: string;
}

const MOST = 500;
// Fields in which is searched, and what they are called.
const FIELDS: Record<string, string> = {
  content: "prompt", code: "code", output: "output", text: "reply", message: "message", question: "question", answer: "answer",
  summary: "summary", quote: "quote", reason: "reason", draft: "draft", name: "name", model: "model",
};

/** The first hits, one an item and field, in the order of the journal. */
export function search(run: Run, needle: string): Hit[] {
  const hits: Hit[] = [];
  if (needle.trim().length < 2) return hits;
  const wanted = needle.toLowerCase();
  const seen = new Set<string>();
  const look = (index: number, line: Line | null) => {
    if (!line) return;
    const item = run.ofLine.get(index) ?? null;
    if (!item && line.type !== "answer.given" && line.type !== "run.started") return;
    const said = line.type === "message" && line.role === "assistant"; // the reply again, as part of the conversation
    for (const [name, value] of strings(line, "")) {
      const at = value.toLowerCase().indexOf(wanted);
      const field = said ? "reply" : item ? (FIELDS[name] ?? name) : name === "text" ? "answer" : name;
      const key = `${item ? shownBy(item).id : ""}:${field}`;
      if (at < 0 || seen.has(key)) continue;
      seen.add(key);
      hits.push({ item, field, around: `${at > 40 ? "\u2026" : ""}${value.slice(Math.max(0, at - 40), at + 120)}` });
    }
  };
  run.made.forEach((line, place) => look(-1 - place, line));
  if (run.reference) return hits.slice(0, MOST);
  // Over the raw text first: only lines that may hold it are parsed.
  const pattern = new RegExp(escaped(needle), "gi");
  const { journal } = run;
  for (let found = pattern.exec(journal.text); found && hits.length < MOST; found = pattern.exec(journal.text)) {
    const index = journal.lineAt(found.index);
    look(index, journal.read(index));
    pattern.lastIndex = journal.endOf(index);
  }
  return hits;
}

/** A pattern for `needle` as it is spelled inside of JSON, where other letters than ASCII are escapes. */
function escaped(needle: string): string {
  return [...JSON.stringify(needle).slice(1, -1)]
    .map((one) => {
      if (one < "\u0080") return one.replace(/[.*+?^${}()|[\]\\]/g, "\\$&").replace("<", "(?:<|\\\\u003c)");
      const spelled = (letter: string) => [...Array(letter.length).keys()].map((at) => `\\\\u${letter.charCodeAt(at).toString(16).padStart(4, "0")}`).join("");
      return `(?:${[...new Set([one, one.toLowerCase(), one.toUpperCase()])].map((letter) => `${letter}|${spelled(letter)}`).join("|")})`;
    })
    .join("");
}

function* strings(value: unknown, field: string): Generator<[string, string]> {
  if (typeof value === "string") {
    if (field in FIELDS) yield [field, value];
  } else if (Array.isArray(value)) for (const one of value) yield* strings(one, field);
  else if (typeof value === "object" && value !== null) for (const [name, one] of Object.entries(value)) yield* strings(one, name);
}
