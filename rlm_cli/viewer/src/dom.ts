/** Making elements. Text of a run enters the page through here alone, as text, cleaned: there is no innerHTML. */

type Child = Node | string | null | undefined | false;
type Attributes = Record<string, string | number | boolean | null | undefined | ((event: never) => void)>;

/** An element: `h("button", { class: "plain", onclick: f }, "text")`. Attributes that are null or false are left out. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value as unknown as EventListener);
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : clean(String(value)));
  }
  for (const child of children) if (child !== null && child !== undefined && child !== false) element.append(typeof child === "string" ? clean(child) : child);
  return element;
}

const NAMESPACE = "http://www.w3.org/2000/svg";

/** An SVG element. */
export function svg(tag: string, attributes: Record<string, string | number> = {}, ...children: Node[]): SVGElement {
  const element = document.createElementNS(NAMESPACE, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, clean(String(value)));
  element.append(...children);
  return element;
}

// Controls, lone surrogates, marks and overrides of direction, and what cannot be seen.
const HIDDEN =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]|\udb40[\udc00-\udc7f]/g;

/** Text of others with everything spelled out that could hide or turn around what stands beside it. */
export function clean(text: string): string {
  return text.replace(/\r\n/g, "\n").replace(HIDDEN, (found) => {
    const code = found.codePointAt(0) ?? 0;
    return code < 256 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`;
  });
}

/** Text of others on one line of at most `limit` characters. */
export function oneLine(text: string, limit = 200): string {
  const line = clean(text.slice(0, limit * 4)).replace(/\s+/g, " ").trim();
  return line.length <= limit ? line : line.slice(0, limit - 1) + "\u2026";
}

/** `text` with every place of `needle` marked, at most 500 of them. */
export function marked(text: string, needle: string): DocumentFragment {
  const fragment = document.createDocumentFragment();
  const pattern = needle ? new RegExp(needle.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"), "gi") : null;
  let end = 0;
  for (let count = 0; pattern && count < 500; count++) {
    const found = pattern.exec(text);
    if (!found) break;
    fragment.append(text.slice(end, found.index), h("mark", {}, found[0]));
    end = found.index + found[0].length;
  }
  fragment.append(text.slice(end));
  return fragment;
}

/** Remembered choices of the reader (theme). Storage may be refused, as in a file of its own. */
export const remembered = {
  get(name: string): string | null {
    try {
      return localStorage.getItem(`rlm.${name}`);
    } catch {
      return null;
    }
  },
  set(name: string, value: string): void {
    try {
      localStorage.setItem(`rlm.${name}`, value);
    } catch {
      // not kept, then
    }
  },
};
