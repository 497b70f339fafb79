/** Python in colours: enough of its grammar to tell strings, comments, numbers and words apart. */

import { h } from "./dom";

const WORDS = new Set(
  ("False None True and as assert async await break case class continue def del elif else except finally for from global if " +
    "import in is lambda match nonlocal not or pass raise return try while with yield").split(" "),
);
const NAMES = new Set(
  ("context files grep search chunks llm_query llm_query_batched llm_batch rlm_query rlm_query_batched ask cite FINAL FINAL_VAR " +
    "NOT_FOUND SHOW_VARS budget history answer").split(" "),
);
const TOKEN =
  /(#[^\n]*)|([rbfuRBFU]{0,2}(?:"""[\s\S]*?(?:"""|$)|'''[\s\S]*?(?:'''|$)|"(?:\\[\s\S]|[^"\\\n])*"?|'(?:\\[\s\S]|[^'\\\n])*'?))|(\b\d[\w.]*)|([A-Za-z_]\w*)/g;
const MOST = 100_000; // characters that are coloured; the rest is shown plain

/** `code` as elements, with `needle` marked where no colour is. */
export function highlighted(code: string): DocumentFragment {
  const fragment = document.createDocumentFragment();
  const part = code.slice(0, MOST);
  let end = 0;
  for (const found of part.matchAll(TOKEN)) {
    const [whole, comment, string, digits, word] = found;
    let kind = "";
    if (comment) kind = "comment";
    else if (string) kind = "string";
    else if (digits) kind = "digits";
    else if (word && WORDS.has(word)) kind = "word";
    else if (word && NAMES.has(word)) kind = "name";
    if (!kind) continue;
    fragment.append(part.slice(end, found.index), h("span", { class: `py-${kind}` }, whole));
    end = found.index + whole.length;
  }
  fragment.append(code.slice(end));
  return fragment;
}
