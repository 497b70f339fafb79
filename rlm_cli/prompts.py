"""Every word that is said to a model, from a prompt pack: one readable file each, in `packs/` or the user's own.

A pack fits a family of models. `full` runs every block of a reply; `small` runs the first alone and brings worked
examples. Templates hold `${names}`; what is put in is never expanded again, so the input cannot reach into a prompt.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from importlib import resources
from pathlib import Path
from string import Template
from typing import Any, Literal, Protocol, cast

from rlm_cli import named_files
from rlm_cli.errors import UsageError
from rlm_cli.examples import Example, chosen
from rlm_cli.models import Message

PACKS = ("full", "small")
# Names whose models were seen to lose the protocol with long prompts: fewer than about 9 billion parameters. The `a3b`
# of a mixture of experts is what is active, not what the model knows.
_FEW_PARAMETERS = re.compile(r"(?<![\w.])e?(?:0?\.\d+|[1-8](?:\.\d+)?)b(?![a-z])", re.I)
_SMALL_NAME = re.compile(r"(?:^|[-/:_])(?:small|tiny)(?:$|[-/:_])", re.I)
_SMALL_WINDOW = 24_000  # tokens: the full pack, 20,000 characters of output a turn and 20 turns need more
_LONG_WINDOW = 64_000  # tokens: a model that is called small and has this is small beside its maker's others only
_LONGEST_QUERY = 500  # characters of a question that are searched for at first
_LEAST_SHOWN = 400  # characters
_CHARACTERS = 3  # of a token, at the cautious end: code and tables take more tokens than prose


@dataclass(frozen=True, slots=True)
class Pack:
    """The words and sizes of one pack."""

    name: str
    about: str
    cells: Literal["all", "first"]
    output_limit: int  # characters of a cell's output that the model is shown
    preview_limit: int  # characters of the input's beginning in the first message
    chunk: int  # characters that a sub-call is advised to get
    stop: tuple[str, ...]
    examples: tuple[Example, ...]
    words: Mapping[str, str]
    digest: str  # of the file, for the journal
    direct_tokens: int | None = None  # of input, up to which one call reads all of it; None: as measured by the paper
    root_tokens: int | None = None  # most tokens of a root model's reply; None: by model
    sub_tokens: int | None = None
    temperature: float | None = None  # of both models; None: the provider's own
    marks: tuple[str, ...] = ()  # names that stand in the worked examples and nowhere else
    most_examples: int = 2  # of those that are chosen by the question
    examples_limit: int | None = None  # characters that worked examples may take; None: no bound

    def say(self, name: str, **values: object) -> str:
        """The text `name` with `values` filled in."""
        template = self.words[name]
        return Template(template).safe_substitute({key: str(value) for key, value in values.items()}).strip("\n")


_WORDS = (
    "system",
    "calls",
    "no_calls",
    "recursion_plain",
    "recursion_child",
    "advice_calls",
    "advice_no_calls",
    "first",
    "task",
    "child_task",
    "feedback",
    "no_code",
    "no_code_again",
    "flood",
    "failed",
    "no_output",
    "repeated",
    "plain_loop",
    "large_batch",
    "cut_off",
    "many_cells",
    "last_turn",
    "refused_unread",
    "refused_unsearched",
    "refused_empty",
    "refused_failed",
    "refused_early",
    "refused_plan",
    "refused_copied",
    "refused_invented",
    "refused_passed_over",
    "passed_over",
    "compact",
    "extract",
    "direct_system",
    "direct_task",
    "follow_up",
    "earlier",
    "tools",
    "sub_tools",
    "search_system",
    "search_task",
    "map_task",
    "merge_task",
    "votes_task",
    "sub_task",
    "schema_note",
    "schema_reply",
    "schema_refused",
    "schema_repair",
)
_SIZES = ("output_limit", "preview_limit", "chunk")
_NUMBERS = ("direct_tokens", "root_tokens", "sub_tokens", "temperature", "most_examples")


def load(name: str) -> Pack:
    """A pack by its name or by the path of its file. Raises UsageError that names the fault.

    A file with `base = "small"` says only what is different from that pack.
    """
    data, text = _read(name)
    if name not in PACKS and (base := data.pop("base", None)) is not None:
        if base not in PACKS:
            raise UsageError(f"the prompt pack {name!r} builds on {base!r}", f"`base` is one of {', '.join(PACKS)}.")
        known, under = _read(base)
        data, text = known | {"name": Path(name).stem, "about": "", **data}, under + text
    return _pack(name, data, hashlib.sha256(text.encode()).hexdigest()[:12])


def _read(name: str) -> tuple[dict[str, Any], str]:
    try:
        if name in PACKS:
            text = resources.files("rlm_cli").joinpath("packs", f"{name}.toml").read_text(encoding="utf-8")
        else:
            text = named_files.read(name).decode("utf-8")
        return tomllib.loads(text), text
    except (OSError, ValueError) as error:  # of the file, its encoding, its TOML
        why = error.strerror if isinstance(error, OSError) else str(error)
        hint = f"--pack takes auto, {', '.join(PACKS)} or the path of a TOML file."
        raise UsageError(f"cannot read the prompt pack {name!r}: {why}", hint) from None


def _pack(name: str, data: dict[str, Any], digest: str) -> Pack:
    known = {item.name for item in fields(Pack)} - {"words", "digest", "examples_limit"} | set(_WORDS)
    lacking = [key for key in (*_WORDS, *_SIZES, "cells") if key not in data]
    wrong = [key for key, value in data.items() if key not in known or not _fits(key, value)]
    if lacking and len(lacking) > len(_WORDS) // 2:
        raise UsageError(f"the prompt pack {name!r} lacks most of a pack", 'Begin it with base = "full" or "small".')
    if lacking or wrong:
        faults = [
            f"{verb} {', '.join(sorted(keys))}" for verb, keys in (("lacks", lacking), ("misspells", wrong)) if keys
        ]
        raise UsageError(f"the prompt pack {name!r} {' and '.join(faults)}")
    return Pack(
        name=data.get("name", Path(name).stem),
        about=data.get("about", ""),
        cells=cast(Literal["all", "first"], data["cells"]),
        output_limit=data["output_limit"],
        preview_limit=data["preview_limit"],
        chunk=data["chunk"],
        stop=tuple(data.get("stop", ())),
        examples=_examples(name, data.get("examples", [])),
        words={key: data[key] for key in _WORDS},
        digest=digest,
        marks=tuple(data.get("marks", ())),
        **{key: data[key] for key in _NUMBERS if key in data},
    )


def _fits(key: str, value: object) -> bool:
    """Whether `value` is of the kind that a pack's `key` takes."""
    if key in _SIZES or key in _NUMBERS:
        whole = isinstance(value, int) and not isinstance(value, bool)
        least = 0 if key in ("temperature", "most_examples", "preview_limit") else 1
        return (whole or (key == "temperature" and isinstance(value, float))) and cast(float, value) >= least
    if key in ("stop", "marks"):
        return isinstance(value, list) and all(isinstance(item, str) and item for item in value)
    if key == "cells":
        return value in ("all", "first")
    return key == "examples" or isinstance(value, str)


def _examples(name: str, given: Any) -> tuple[Example, ...]:
    if not isinstance(given, list) or not all(isinstance(each, dict) for each in given):
        raise UsageError(f"the examples of the prompt pack {name!r} are no [[examples]]")
    made = []
    for number, each in enumerate(given, start=1):
        try:
            made.append(Example.of(each))
        except ValueError as error:
            raise UsageError(f"example {number} of the prompt pack {name!r} cannot be used: {error}") from None
    return tuple(made)


def choose(model: str, window: int | None) -> str:
    """The pack for a model nobody chose one for: `small` for a window under 24,000 tokens or a small model's name."""
    if window is not None and window < _SMALL_WINDOW:
        return "small"
    called_small = _SMALL_NAME.search(model) and (window is None or window < _LONG_WINDOW)
    return "small" if called_small or _FEW_PARAMETERS.search(model) else "full"


def sized(pack: Pack, window: int | None, sub_window: int | None) -> Pack:
    """`pack` with its sizes cut to what the windows, in tokens, of the root model and of the sub-model can take.

    An output may take a sixteenth of the root's window, since there are some ten turns; the preview a quarter of that;
    the text of a sub-call half of the sub-model's window. The worked examples get a quarter of the root's window.
    """
    output_limit, preview_limit, chunk = pack.output_limit, pack.preview_limit, pack.chunk
    if window is not None:
        output_limit = min(output_limit, max(_LEAST_SHOWN, window * _CHARACTERS // 16))
        preview_limit = min(preview_limit, output_limit // 4)
    if sub_window is not None:
        chunk = min(chunk, max(_LEAST_SHOWN, sub_window * _CHARACTERS // 2 // 500 * 500))
    limit = None if window is None else window * _CHARACTERS // 4
    return replace(pack, output_limit=output_limit, preview_limit=preview_limit, chunk=chunk, examples_limit=limit)


def worked(pack: Pack, question: str) -> list[Message]:
    """The pack's worked examples for `question`, in the words of a real run. Where they are too long, the first go."""
    shown = [_conversation(pack, example) for example in chosen(pack.examples, question, pack.most_examples)]
    limit = pack.examples_limit
    while shown and limit is not None and sum(len(message.content) for turns in shown for message in turns) > limit:
        del shown[0]
    return [message for turns in shown for message in turns]


def _conversation(pack: Pack, example: Example) -> list[Message]:
    words = {"question": example.question, "limits": "", "schema": ""}
    said = [Message("user", pack.say("task", description=example.input, **words))]
    if pack.words["first"]:
        said.append(_reply(first_cell(pack, example.question)))
    for output, code in example.turns:
        if said[-1].role == "assistant":
            said.append(Message("user", pack.say("feedback", outputs=fence("output", output), notes="", **words)))
        said.append(_reply(code))
    return said


def _reply(code: str) -> Message:
    return Message("assistant", f"```repl\n{code}\n```")


def opening(
    pack: Pack,
    question: str,
    description: str,
    limits: str,
    *,
    depth_left: int,
    child: bool = False,
    schema: str = "",
    tools: str = "",
) -> list[Message]:
    """The messages that a conversation begins with: system, the pack's worked examples, the task.

    `tools` describes the functions that the user has added to the REPL.
    """
    calls = ""
    if depth_left > 0:
        recursion = pack.say("recursion_child" if depth_left > 1 else "recursion_plain")
        calls = pack.say("calls", recursion=recursion, chunk=f"{pack.chunk:_}") + "\n"
    advice = pack.say("advice_calls" if depth_left > 0 else "advice_no_calls", chunk=f"{pack.chunk:,}")
    system = pack.say(
        "system", calls=calls, advice=advice, output_limit=f"{pack.output_limit:,}", chunk=f"{pack.chunk:_}"
    )
    note = pack.say("tools", tools=tools) + "\n\n" if tools else ""
    note += pack.say("schema_note", schema=schema) + "\n\n" if schema else ""
    words = {"question": question, "description": description, "limits": limits, "schema": note}
    task = pack.say("child_task" if child else "task", **words)
    return [Message("system", system), *worked(pack, question), Message("user", task)]


class Asked(Protocol):
    """A question that was asked before, and what was answered."""

    @property
    def question(self) -> str: ...

    @property
    def answer(self) -> str: ...


def after(pack: Pack, question: str, earlier: Sequence[Asked]) -> str:
    """`question` with the last of the earlier ones, for a model that has not seen them."""
    if not earlier:
        return question
    last = earlier[-1]
    return pack.say("earlier", question=question, asked=last.question, answer=last.answer)


def first_cell(pack: Pack, question: str) -> str:
    """The code that the pack runs before the model's first turn; empty where it has none."""
    return pack.say("first", question=repr(question[:_LONGEST_QUERY])) if pack.words["first"] else ""


def fence(name: str, text: str) -> str:
    """`text` as data between tags that it cannot close itself."""
    return f"<{name}>\n{inert(name, text)}\n</{name}>"


def inert(name: str, text: str) -> str:
    """`text` in which nothing opens or closes the tag `name`, nor that of the question."""
    return re.sub(rf"<(?=/?(?:{name}|question)\b)", r"<\\", text, flags=re.IGNORECASE)


def numbered(name: str, text: str, first: int = 1) -> str:
    """`text` with the source before each line, `path:line: `, for strategy direct."""
    return "\n".join(f"{name}:{number}: {line}" for number, line in enumerate(_lines(text), start=first))


def _lines(text: str) -> list[str]:
    """Lines as editors and `grep -n` count them: a form feed or U+2028 ends none."""
    lines = text.split("\n")
    if lines and not lines[-1]:
        lines.pop()
    return [line.removesuffix("\r") for line in lines]


def transcript(messages: Sequence[Message]) -> str:
    """A conversation as text, for `history`."""
    return "\n\n".join(f"--- {message.role} ---\n{message.content}" for message in messages)
