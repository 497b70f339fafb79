"""From a model's reply to the cells that it holds.

Models write fences in many ways: other tags, no tag, no closing line, a closing fence behind the last statement, three
backticks inside a string. The reference runs one form only and loses the rest; here every form that can be told from
prose is run. Nothing is compiled in this process: the text is hostile, so one linear scan of its characters must do.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

# Possessive throughout: sixty thousand letters and a backtick took 24 s where the parts could take from each other.
_OPEN = re.compile(r"^[ \t]{0,3}(?P<fence>`{3,}+|~{3,}+)[ \t]*+(?P<tag>[\w+#.-]*+)[^\n`]*+$", re.MULTILINE)
_EXACT = 4_000_000  # characters that are scanned for strings in one reply; beyond, the next fence is believed
_CODE_TAGS = frozenset({"", "repl", "python", "python3", "py", "ipython", "tool_code", "code", "pycon"})
_EXPRESSION = re.compile(r"[fF][\"'].*[\"']|[A-Za-z_][\w.]*[(\[].*[)\]]", re.DOTALL)
_QUOTED = re.compile(r"[rRbB]?(\"\"\"|'''|\"|')(?P<body>.*)\1", re.DOTALL)
_LITERAL = re.compile(r"[rRbB]?(\"\"\"|'''|\"|')(?P<body>(?:(?!\1).)*)\1", re.DOTALL)
_SUBMISSION = re.compile(r"^[ \t*`]*(?P<name>FINAL_VAR|FINAL|NOT_FOUND)[ \t]*\(", re.MULTILINE)
# A reply with neither fence nor prose: what a weak model writes when it forgets the fence.
_CODE_START = re.compile(
    r"""(?:import\s+\w|from\s+\w[\w.]*\s+import\s|for\s+\w+(?:,\s*\w+)*\s+in\s.+:|(?:with|while|if|try|def)\b.*:\s*(?:\#.*)?$
        |(?:print|grep|search|chunks|ask|cite|llm_query|llm_query_batched|SHOW_VARS)\s*\(
        |[A-Za-z_]\w*(?:\[[^\]\n]*\])?\s*(?:[-+*/|]?=)(?!=)\s*\S|\#\s)""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Blocks:
    """The cells of a reply, in order, and where in the reply the first one ends (in characters)."""

    cells: tuple[str, ...]
    first_end: int
    """The reply is cut here for models that go on to invent the output."""
    prose: str
    """What stands outside the fences of the cells."""


def blocks(reply: str) -> Blocks:
    """Every block of code in `reply`. Text such as `FINAL(…)` outside a fence counts where there is no other code."""
    cells: list[str] = []
    outside: list[str] = []
    first_end = len(reply)
    position, budget = 0, max(_EXACT, 2 * len(reply))
    while (opening := _OPEN.search(reply, position)) is not None:
        body = min(opening.end() + 1, len(reply))
        end, after = _closing(reply, body, opening["fence"], exactly=budget > 0)
        budget -= len(reply) - body  # what it may have scanned
        if opening["tag"].lower() in _CODE_TAGS:
            outside.append(reply[position : opening.start()])
            code = _dedent_fence(reply[body:end])
            if code.strip():
                cells.append(code)
                first_end = after if len(cells) == 1 else first_end
        else:
            outside.append(reply[position : max(after, body)])
        position = max(after, body)
    prose = "".join((*outside, reply[position:])).strip()
    if not cells:
        code = _unfenced(reply)
        if code:
            cells.append(code)
            prose = "" if code == reply.strip() else prose
    return Blocks(tuple(cells), first_end, prose)


def answer_in(reply: str) -> str:
    """The answer in a reply whose code does not run any more: a text that it submits as such, else all that it says.

    Empty where it is code alone. A block without a tag may quote the input, so it stays.
    """
    found, text = blocks(reply), reply.strip()
    if not found.cells:
        return text
    _, argument = _submitted(found.cells[-1])
    quoted = _LITERAL.fullmatch(argument)
    if quoted:
        return quoted["body"].replace("\\n", "\n").strip()
    opening = _OPEN.match(text)
    return text if found.prose or (opening is not None and not opening["tag"]) else ""


def _closing(reply: str, start: int, fence: str, *, exactly: bool) -> tuple[int, int]:
    """Where the code that starts at `start` ends, and where the reply goes on. An unclosed block runs to the end."""
    # A triple-quoted string that never ends would swallow the rest: then the first fence is believed.
    exact = _scan(reply, start, fence, respect_strings=True) if exactly else None
    return exact or _scan(reply, start, fence, respect_strings=False) or (len(reply), len(reply))


def _scan(reply: str, start: int, fence: str, *, respect_strings: bool) -> tuple[int, int] | None:
    """The first closing fence outside a string literal, by one pass over the lines."""
    quote = ""  # the triple quote we are inside of
    position = start
    while position < len(reply):
        line_end = reply.find("\n", position)
        line_end = len(reply) if line_end < 0 else line_end
        line = reply[position:line_end]
        stripped = line.strip()
        if not quote and stripped.startswith(fence) and not stripped.strip(fence[0]):
            return position, min(line_end + 1, len(reply))
        if not quote and stripped.endswith(fence) and len(stripped) > len(fence):
            inside = _quote_after(line[: line.rindex(fence)], quote, single=True)
            if not inside:
                return position + line.rindex(fence), min(line_end + 1, len(reply))
        if respect_strings:
            quote = _quote_after(line, quote)
        position = line_end + 1
    return None


def _quote_after(line: str, quote: str, *, single: bool = False) -> str:
    """The string literal that is open after `line`: a triple quote, or with `single` any quote; else empty."""
    index, open_quote = 0, quote
    while index < len(line):
        character = line[index]
        if open_quote:
            if character == "\\":
                index += 2
                continue
            if line.startswith(open_quote, index):
                index += len(open_quote)
                open_quote = ""
                continue
        elif character == "#":
            break
        elif character in "\"'":
            triple = character * 3
            open_quote = triple if line.startswith(triple, index) else character
            index += len(open_quote)
            continue
        index += 1
    # A one-line string that is not closed ends with its line: Python would call it an error, not swallow the rest.
    return open_quote if single or len(open_quote) == 3 else ""


def _dedent_fence(code: str) -> str:
    """Code of a fence inside a list item is indented as a whole; take off what all lines share."""
    lines = code.split("\n")
    indents = [len(line) - len(line.lstrip(" ")) for line in lines if line.strip()]
    shared = min(indents, default=0)
    return "\n".join(line[shared:] for line in lines).strip("\n") if shared else code.strip("\n")


def _unfenced(reply: str) -> str:
    """Code of a reply without any fence: the whole of it where it begins as code, else a submission in the text."""
    text = reply.strip()
    if _CODE_START.match(text) and not _prose(text):
        return text
    return submission(text)


def _prose(text: str) -> bool:
    """Whether some unindented line reads as a sentence: it would be a syntax error anyhow."""
    return any(re.match(r"[A-Z][a-z']*(?: [A-Za-z',]+){4,}", line) for line in text.split("\n"))


def submission(text: str) -> str:
    """A cell for `FINAL(…)`, `FINAL_VAR(…)` or `NOT_FOUND(…)` that a model wrote as text; empty where there is none.

    The last one counts. Its argument is a Python string where it is quoted, an expression where it is a call, an item
    or an f-string, else the text that it is.
    """
    name, argument = _submitted(text)
    if not name:
        return ""
    if name == "FINAL_VAR":
        return f"FINAL_VAR({argument.strip(chr(34) + chr(39))!r})"
    if _EXPRESSION.fullmatch(argument):
        return f"{name}({argument})"
    quoted = _QUOTED.fullmatch(argument)
    return f"{name}({(quoted['body'] if quoted else argument)!r})"


def _submitted(text: str) -> tuple[str, str]:
    """The name and the argument of the last submission in a text, as written; empty where there is none."""
    found = list(_SUBMISSION.finditer(text))
    if not found:
        return "", ""
    rest = text[found[-1].end() :]
    end = rest.rfind(")")
    return found[-1]["name"], (rest[:end] if end >= 0 else rest).strip()


def shorten(text: str, limit: int, length: int | None = None) -> str:
    """`text` as the model sees it: head and tail of about `limit` characters in all, with the true length between.

    `length` is the number of characters that there were in truth, where `text` itself is already cut.
    """
    true = max(length or 0, len(text))
    if true <= limit:
        return text
    start, end = _ends(text, limit)
    hidden = true - len(start) - len(end)
    return f"{start.rstrip(chr(10))}\n[... {hidden:,} of {true:,} characters not shown ...]\n{end}"


def visible(text: str, limit: int, length: int | None = None) -> list[tuple[int, int]]:
    """The stretches of the true output, in characters, that `shorten` leaves."""
    true = max(length or 0, len(text))
    if true <= limit:
        return [(0, true)]
    start, end = _ends(text, limit)
    return [(0, len(start)), (true - len(end), true)]


def _ends(text: str, limit: int) -> tuple[str, str]:
    """Head and tail of a text that is too long."""
    head, tail = limit * 2 // 3, limit // 3
    start, end = text[:head], text[len(text) - tail :]
    # Cut at line ends where that costs at most a fifth of the part.
    if (cut := start.rfind("\n")) > head * 4 // 5:
        start = start[: cut + 1]
    if 0 <= (cut := end.find("\n")) < tail // 5:
        end = end[cut + 1 :]
    return start, end
