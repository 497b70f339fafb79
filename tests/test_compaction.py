"""A long run stays inside the window: earlier turns become a summary, the raw ones stay in `history`, variables live on.
At a limit its last answer is written from what fits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import RunRlm
from tests.server import Ask, Item, ScriptedServer, count, too_long

MakeTree = Callable[[dict[str, str]], Path]
KEY = {"OPENAI_API_KEY": "sk-canary-1234567890"}
WINDOW = 12_000  # tokens
TURNS = 40


class Root:
    """A model with a small window that prints a lot for many turns, and summarises when it is asked to."""

    def __init__(self) -> None:
        self.turn = 0
        self.summaries = 0
        self.largest = 0

    def __call__(self, asked: Ask) -> Item:
        tokens = sum(count(str(message["content"])) for message in asked.messages)
        self.largest = max(self.largest, tokens)
        if tokens > WINDOW:
            return too_long(WINDOW)
        if "Write a summary" in asked.text:
            self.summaries += 1
            return f"So far: turn {self.turn}; `seen` counts the turns."
        self.turn += 1
        if self.turn == 1:
            return "```repl\nseen = 1\nprint(context[:1900])\n```"
        if self.turn <= TURNS:
            return f"```repl\nseen += 1\nprint('turn {self.turn}', context[:1800])\n```"
        return "```repl\nFINAL(f'{seen} turns, {history.count(\"turn 7 \")} in history')\n```"


def test_forty_turns_fit_a_window_of_twelve_thousand_tokens(rlm: RunRlm, tree: MakeTree) -> None:
    root = Root()
    folder = tree({"a.txt": "word " * 20_000})
    with ScriptedServer(root) as server:
        options = ["-m", "openai/root", "--api-base", server.url, "--context-window", str(WINDOW), "--max-turns", "60"]
        done = rlm("ask", folder, "how many?", *options, "--strategy", "rlm", "--json", env=KEY)
    assert done.exit == 0, done.stderr
    assert done.json["answer"].startswith("40 turns,")
    assert "0 in history" not in done.json["answer"]
    assert root.summaries >= 2
    assert root.largest <= WINDOW
    compacted = done.of("compacted")
    assert len(compacted) == root.summaries
    assert all("So far: turn" in event["summary"] for event in compacted)
    replayed = rlm("replay", "last", "--json")
    assert (replayed.exit, replayed.json["answer"]) == (0, done.json["answer"])


@pytest.mark.parametrize("known", [True, False], ids=["window known", "window unknown"])
def test_a_conversation_that_has_grown_beyond_the_window_goes_on(known: bool, rlm: RunRlm, tree: MakeTree) -> None:
    """One long turn is more than what was left, or the provider alone knows how much it takes: both are no end."""
    window, turns, summaries = 8_000, 0, 0

    def script(asked: Ask) -> Item:
        nonlocal turns, summaries
        if sum(count(str(message["content"])) for message in asked.messages) > window:
            return too_long(window)
        if "Write a summary" in asked.text:
            summaries += 1
            return "So far: `seen` counts the turns."
        turns += 1
        if turns > 12:
            return "```repl\nFINAL(f'{seen} turns')\n```"
        return "I look at one more part of it. " * 260 + f"\n```repl\nseen = {turns}\nprint(context[:1800])\n```"

    folder = tree({"a.txt": "word " * 20_000})
    with ScriptedServer(script) as server:
        words = ["-m", "openai/root", "--api-base", server.url, "--strategy", "rlm", "--compact-at", "0.95"]
        words += ["--context-window", str(window)] if known else []
        done = rlm("ask", folder, "how many?", *words, "--json", env=KEY)
    assert (done.exit, done.json and done.json["answer"]) == (0, "12 turns"), done.stderr
    assert len(done.of("compacted")) == summaries >= 2
    assert any(event["error"] == "ContextTooLong" for event in done.of("call.failed"))
    replayed = rlm("replay", "last", "--json")
    assert (replayed.exit, replayed.json["answer"]) == (0, "12 turns"), replayed.stderr


@pytest.mark.parametrize("limit", ["80000", "30000"])
def test_the_last_answer_of_a_long_run_is_written_from_what_fits(limit: str, rlm: RunRlm, tree: MakeTree) -> None:
    """The conversation is longer than what is kept for the last answer: its last turns are asked about, not none."""

    def script(asked: Ask) -> Item:
        if "must stop now" in asked.text:
            return "what there is"
        return "```repl\nseen = context[len(history):][:19000]\nprint(seen)\n```"

    folder = tree({"a.txt": "abc, def; 0x0007\n" * 20_000})
    with ScriptedServer(script) as server:
        words = ["-m", "openai/root", "--api-base", server.url, "--strategy", "rlm"]
        done = rlm("ask", folder, "how many?", *words, "--max-tokens", limit, "--json", env=KEY)
        assert (done.exit, done.json["answer"]) == (6, "what there is"), done.stderr
        last = server.asks[-1]
    assert "how many?" in last.text
    assert count("".join(str(message["content"]) for message in last.messages)) < 20_000
    replayed = rlm("replay", "last", "--json")
    assert (replayed.exit, replayed.json["answer"]) == (6, "what there is"), replayed.stderr
