"""What the offline model is shown: it reads its task and the outputs of its cells from the messages, like any model."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rlm_cli.models import Message

_QUESTION = re.compile(r"<question>\n(.*?)\n</question>", re.DOTALL)
_OUTPUT = re.compile(r"<output>\n(.*?)\n</output>", re.DOTALL)
_INPUT = re.compile(r"<input>\n(.*)\n</input>", re.DOTALL)
_TEXT = re.compile(r"<text>\n(.*)\n</text>", re.DOTALL)
_SIZE = re.compile(r"([\d.]+) (B|kB|MB|GB|TB) \(about")
_UNITS = ("B", "kB", "MB", "GB", "TB")
_PREVIEW = re.compile(r"<preview>\n(.*?)\n</preview>", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Task:
    """A question about `context`, and what was done about it so far: replies and outputs alternate."""

    question: str
    description: str
    replies: tuple[str, ...]
    outputs: tuple[str, ...]
    conclude: bool  # the run must stop: an answer in plain text is wanted, no code

    @property
    def preview(self) -> str:
        """The first lines of the input, as the description shows them."""
        found = _PREVIEW.search(self.description)
        return found[1] if found else ""

    @property
    def size(self) -> float:
        """Bytes of the input, as the description rounds them; 0 where it does not say."""
        found = _SIZE.search(self.description)
        return float(found[1]) * 1000 ** _UNITS.index(found[2]) if found else 0.0

    def output(self, mark: str) -> str:
        """The output of the last cell that holds `mark`, or an empty string."""
        for reply, output in reversed(list(zip(self.replies, self.outputs, strict=False))):
            if mark in reply:
                return output
        return ""


@dataclass(frozen=True, slots=True)
class Reading:
    """A question about a text that stands in the message itself. `numbered`: each line begins with `path:line: `."""

    question: str
    text: str
    numbered: bool


def understand(messages: Sequence[Message]) -> Task | Reading:
    """What is asked. A pack's worked examples hold questions too: the last question that is asked anew is the task."""
    asked = [
        (place, found[1].strip())
        for place, message in enumerate(messages)
        if message.role == "user" and (found := _last(_QUESTION, message.content))
    ]
    last = messages[-1].content if messages else ""
    numbered = _INPUT.search(last)
    if not asked or numbered:
        if numbered:
            return Reading(asked[-1][1] if asked else "", numbered[1], numbered=True)
        return _plain(last)
    question = asked[-1][1]
    begin = next(place for place, words in asked if words == question)
    after = messages[begin + 1 :]
    replies = tuple(message.content for message in after if message.role == "assistant")
    heard = [message.content for message in after if message.role == "user"]
    outputs = tuple("\n".join(_OUTPUT.findall(content)) or content for content in heard)
    conclude = asked[-1][0] > begin
    description = messages[begin].content
    return Task(question, description, replies, outputs, conclude)


def _last(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    return next(iter(list(pattern.finditer(text))[-1:]), None)


def _plain(content: str) -> Reading:
    """A sub-call: words and a text. The question is what stands before the text, or its shortest outer paragraph."""
    marked = _TEXT.search(content)
    if marked:
        before = content[: marked.start()].strip().split("\n\n")
        return Reading(before[0], marked[1], numbered=False)
    paragraphs = [part for part in re.split(r"\n\s*\n", content.strip()) if part.strip()]
    if len(paragraphs) < 2:
        lines = content.strip().split("\n")
        return Reading(lines[0], "\n".join(lines[1:]), numbered=False)
    asking = next((part for part in (paragraphs[0], paragraphs[-1]) if "?" in part), paragraphs[0])
    rest = paragraphs[1:] if asking is paragraphs[0] else paragraphs[:-1]
    return Reading(asking.strip(), "\n\n".join(rest), numbered=False)
