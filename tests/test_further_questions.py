"""A further question is asked anew: by whatever road, in whatever shape, it never gets what an earlier one was told."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.conftest import Result, RunRlm
from tests.server import Ask, Item, Say, ScriptedServer

MakeTree = Callable[[dict[str, str]], Path]
KEY = {"OPENAI_API_KEY": "sk-canary-1234567890"}
LETTERS = "abcdef"


def question(asked: Ask) -> int:
    """The number of the last question that the messages hold."""
    said = "".join(str(message["content"]) for message in asked.messages)
    return max(number for number, letter in enumerate(LETTERS) if f"question-{letter}" in said)


def script(asked: Ask) -> Item:
    """Each call names its question in its reply; a value is only given where it is asked for a second time."""
    if "Make of the answer below" in asked.text:
        return f'{{"n": {asked.text.rpartition("it is ")[2][0]}}}'
    number = question(asked)
    if "path:line: " in asked.system or asked.model == "sub":  # strategy direct or map
        return f"it is {number}"
    return f"```repl\nprint(context[:4])\nFINAL('it is {number}')\n```"


def test_every_road_after_every_other_answers_its_own_question(rlm: RunRlm, tree: MakeTree) -> None:
    folder = tree({"a.txt": "blue\n" * 50})
    shaped = ("--strategy", "direct", "--schema", "n int")
    roads = [
        (shaped, 2, {"n": 0}),
        (("--strategy", "rlm", "--votes", "2"), 2, "it is 1\n\n2 of 2 independent runs agree."),
        (("--strategy", "rlm"), 1, "it is 2"),
        (shaped, 2, {"n": 3}),
        (("--strategy", "rlm", "--votes", "2"), 2, "it is 4\n\n2 of 2 independent runs agree."),
        (("--strategy", "rlm"), 1, "it is 5"),
    ]
    for number, (road, calls, answer) in enumerate(roads):
        words = [folder, "-m", "openai/root"] if not number else ["--continue"]
        with ScriptedServer(script) as server:
            asked = f"question-{LETTERS[number]}"
            done = rlm("ask", *words, asked, *road, "--no-memo", "--json", "--api-base", server.url, env=KEY)
            assert (done.exit, done.json["answer"]) == (0, answer), done.stderr
            assert len(server.asks) == calls, asked
    on_record(done)
    replayed = rlm("replay", "last", "--json")
    assert (replayed.exit, replayed.json["answer"]) == (0, "it is 5"), replayed.stderr


def on_record(done: Result) -> None:
    """Each question has its messages in the journal, and no turn or child has the name of another one."""
    said: list[list[str]] = [[]]
    begun: list[Any] = []
    for event in done.events:
        if event["type"] == "question.asked":
            said.append([])
        elif event["type"] == "message" and event["role"] == "user":
            said[-1].append(event["content"])
        elif event["type"] == "turn.started":
            begun.append((event["node"], event["turn"]))
    assert all(f"question-{letter}" in "".join(texts) for letter, texts in zip(LETTERS, said, strict=True))
    assert len(set(begun)) == len(begun) == 8


def test_a_further_question_that_was_killed_goes_on_in_its_own_shape(
    rlm: RunRlm, tree: MakeTree, environment: dict[str, str], tmp_path: Path
) -> None:
    """The shape is that of the second question, as it was read: its file is gone by then, and the first one had none."""
    first = "```repl\nkept = context[:4]\nprint(kept)\nFINAL('blue')\n```"
    shape = tmp_path / "shape.json"
    shape.write_text('{"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}}')
    with ScriptedServer(lambda ask: Say("late", delay=600) if ask.number else first) as server:
        names = ("-m", "openai/root", "--strategy", "rlm", "--api-base", server.url)
        assert rlm("ask", tree({"a.txt": "blue\n" * 50}), "which?", *names, env=KEY).exit == 0
        words = ["ask", "--continue", "how many?", "--schema", f"@{shape}"]
        with subprocess.Popen(
            [sys.executable, "-m", "rlm_cli", *words],
            env=environment | KEY,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as second:
            server.wait_for(2, second)
            second.kill()
    assert "refused" not in str(server.asks[1].messages)  # the first answer was not held against the second shape
    shape.unlink()
    with ScriptedServer([f"```repl\nFINAL({value})\n```" for value in ("kept", "{'n': len(kept)}")]) as server:
        done = rlm("resume", "--json", "--api-base", server.url, env=KEY)
    assert (done.exit, done.json["answer"]) == (0, {"n": 4}), done.stderr
    replayed = rlm("replay", "last", "--json")
    assert (replayed.exit, replayed.json["answer"]) == (0, {"n": 4}), replayed.stderr


def test_a_run_that_was_cut_off_has_to_be_answered_before_it_is_asked_further(rlm: RunRlm, tree: MakeTree) -> None:
    """The question that was cut off would be dropped without a word, and what it has paid for asked again."""
    with ScriptedServer(script) as server:
        words = ("-m", "openai/root", "--api-base", server.url, "--strategy", "rlm", "--json")
        done = rlm("ask", tree({"a.txt": "blue\n"}), "question-a", *words, env=KEY)
        [path] = (done.home / "runs").glob("*.jsonl")
        whole = path.read_bytes().splitlines(keepends=True)
        path.write_bytes(
            b"".join(line for line in whole if b'"answer.given"' not in line and b'"run.finished"' not in line)
        )
        refused = rlm("ask", "--continue", "question-b", "--json", env=KEY)
        assert refused.exit == 2
        assert "was not answered" in refused.stderr
        assert "rlm resume last" in refused.stderr
        assert rlm("resume", "last", "--json", env=KEY).json["answer"] == "it is 0"
        assert rlm("ask", "--continue", "question-b", "--json", env=KEY).json["answer"] == "it is 1"
