/** The lines of a journal, as the event schema of rlm describes them. Every field may be missing: files are torn. */

export interface Line {
  seq: number;
  t: number;
  at: string;
  type: string;
  [field: string]: unknown;
}

export interface Citation {
  number: number;
  path: string;
  line: number;
  end_line: number;
  quote: string;
  verified: boolean;
  moved?: boolean;
}

/** One file, or one directory of `files` files: its size and how much of it was read, in bytes. */
export interface FileRead {
  path: string;
  bytes: number;
  code: number;
  models: number;
  files: number;
}

export const text = (value: unknown): string => (typeof value === "string" ? value : value === null || value === undefined ? "" : JSON.stringify(value));
export const number = (value: unknown): number => (typeof value === "number" && Number.isFinite(value) ? value : 0);
export const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
export const object = (value: unknown): Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};

/** What a table holds for a name that the journal says: `constructor` is no entry of any. */
export const entry = <T>(table: Record<string, T>, name: string): T | undefined => (Object.hasOwn(table, name) ? table[name] : undefined);

/**
 * The text of a journal and where its lines are. Texts of prompts and replies stay in it: a line is parsed when it is
 * looked at, so that a run of ten thousand calls takes little more memory than its file.
 */
export class Journal {
  private source = "";
  private ends: number[] = [];
  torn = 0;

  /** Add what came; a last line without an end waits for the rest, unless this is `all`. */
  append(more: string, all: boolean): { from: number; to: number } {
    const from = this.ends.length;
    let at = this.ends[from - 1] ?? 0;
    this.source += more;
    for (;;) {
      const end = this.source.indexOf("\n", at);
      if (end < 0) break;
      this.ends.push(end + 1);
      at = end + 1;
    }
    if (all && at < this.source.length) this.ends.push(this.source.length);
    return { from, to: this.ends.length };
  }

  get length(): number {
    return this.ends.length;
  }

  get text(): string {
    return this.source;
  }

  /** The line that holds the character at `offset`. */
  lineAt(offset: number): number {
    let low = 0;
    let high = this.ends.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.ends[middle] ?? 0) > offset) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  endOf(index: number): number {
    return this.ends[index] ?? this.source.length;
  }

  raw(index: number): string {
    return this.source.slice(this.ends[index - 1] ?? 0, this.ends[index]);
  }

  /** The line as a value, or null where it is none. */
  read(index: number): Line | null {
    const line = this.raw(index);
    if (!line.trim()) return null;
    try {
      const value: unknown = JSON.parse(line);
      if (typeof value === "object" && value !== null && typeof (value as Line).type === "string") return value as Line;
    } catch {
      // told below
    }
    return null;
  }
}
