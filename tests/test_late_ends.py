"""An answer in hand is delivered, whatever happens at the very end; and no cell makes the host hold what no model takes."""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import RunRlm
from tests.server import Ask, Broken, Item, ScriptedServer

MakeTree = Callable[[dict[str, str]], Path]
KEY = {"OPENAI_API_KEY": "sk-canary-1234567890"}
LOOK = "```repl\nprint(context[:80])\n```"


def words(folder: Path, url: str, *more: str) -> list[str]:
    return ["ask", str(folder), "where?", "-m", "openai/root", "--api-base", url, "--strategy", "rlm", *more]


def test_a_disk_that_fills_at_the_answer_costs_the_journal_and_not_the_answer(
    tree: MakeTree, environment: dict[str, str], tmp_path: Path
) -> None:
    folder = tree({"a.py": "def login():\n    return 1\n"})
    final = "```repl\nFINAL('found. ' + 'x' * 300_000)\n```"

    def small_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    with ScriptedServer([LOOK, final]) as server:
        done = subprocess.run(
            [sys.executable, "-m", "rlm_cli", *words(folder, server.url)],
            env=environment | KEY,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            preexec_fn=small_files,
            timeout=60,
            check=False,
        )
    assert done.stdout.startswith(b"found. xxx")
    assert done.returncode == 74, done.stderr
    assert b"Traceback" not in done.stderr


def test_a_draft_of_the_cell_that_is_cut_off_is_the_answer(tree: MakeTree, environment: dict[str, str]) -> None:
    cell = "answer['content'] = 'half of it'\nllm_query('and the rest?', context[:20])"

    def script(asked: Ask) -> Item:
        return Broken("hang") if asked.model == "sub" else f"```repl\n{cell}\n```"

    with ScriptedServer(script) as server:
        started = [sys.executable, "-m", "rlm_cli", *words(tree({"a.txt": "words\n" * 99}), server.url)]
        run = subprocess.Popen(
            [*started, "-s", "openai/sub"], env=environment | KEY, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        server.wait_for(2, run)
        run.send_signal(signal.SIGINT)
        said, _ = run.communicate(timeout=60)
    assert run.returncode == 130
    assert b"half of it" in said


@pytest.mark.parametrize("draft", ["half of it", ""], ids=["the draft", "last words"])
def test_a_run_whose_time_is_up_in_a_cell_can_be_replayed(draft: str, rlm: RunRlm, tree: MakeTree) -> None:
    cells = [f"print(context[:20])\nanswer['content'] = {draft!r}", "llm_query('and the rest?', context[:20])"]

    def script(asked: Ask) -> Item:
        if asked.model == "sub":
            return Broken("hang")
        turn = sum(message["role"] == "assistant" for message in asked.messages)
        return f"```repl\n{cells[turn]}\n```" if turn < len(cells) else "Last words."

    with ScriptedServer(script) as server:
        folder = tree({"a.txt": "words\n" * 99})
        given = words(folder, server.url, "-s", "openai/sub", "--no-memo", "--json", "--max-time", "4s")
        done = rlm(*given, env=KEY)
    assert done.exit == 7, done.stderr
    again = rlm("replay", "--json")
    assert (again.exit, again.json["answer"]) == (7, done.json["answer"]), again.stderr


def test_the_whole_input_is_refused_as_a_prompt_by_its_size_alone(rlm: RunRlm, tmp_path: Path) -> None:
    log = tmp_path / "huge.log"
    log.write_bytes(b"a line\n")
    with log.open("r+b") as file:
        file.truncate(8 << 30)  # sparse: reading it would take minutes and all memory
    cells = [
        "print(context[:20])",
        "try:\n    llm_query('what is it?', context)\nexcept SubcallError as error:\n    FINAL(str(error))",
    ]

    def script(asked: Ask) -> Item:
        return f"```repl\n{cells[asked.number]}\n```"

    with ScriptedServer(script) as server:
        done = rlm(*words(log, server.url, "--binary"), env=KEY)
    assert "Split it" in done.stdout, done.stderr


def test_children_are_no_more_at_once_than_jobs(rlm: RunRlm, tree: MakeTree) -> None:
    folder = tree({"a.txt": "some words\n" * 100})

    def script(asked: Ask) -> Item:
        if "You are a child" in str(asked.messages):
            return "```repl\nprint(context[:20])\nFINAL('done')\n```"
        return (
            "```repl\nprint(context[:300])\nFINAL(str(rlm_query_batched(['go'] * 9, context[:200]).count('done')))\n```"
        )

    with ScriptedServer(script, latency=0.05) as server:
        done = rlm(*words(folder, server.url, "--max-depth", "2", "-j", "3"), env=KEY)
        assert server.peak <= 3
    assert done.stdout.splitlines()[0] == "9", done.stderr


def test_an_answer_whose_calls_met_a_limit_is_partial(rlm: RunRlm, tree: MakeTree) -> None:
    cell = "```repl\nprint(context[:300])\nFINAL(str(llm_query_batched(['a', 'b', 'c'])))\n```"
    with ScriptedServer(lambda asked: cell if asked.number == 0 else "fine") as server:
        done = rlm(*words(tree({"a.txt": "words\n" * 50}), server.url, "--max-calls", "3", "--json"), env=KEY)
    assert done.exit == 6, done.stderr
    assert (done.json["status"], done.json["stopped_by"]) == ("partial", "calls")


@pytest.mark.parametrize(
    ("limits", "told"),
    [
        (["--max-calls", "30"], "a batch of 20 calls may take 20 of the 28 calls that are left"),
        (["--max-tokens", "150k"], "a batch of 20 calls may take 82,"),
        ([], ""),
    ],
    ids=["calls", "tokens", "plenty"],
)
def test_a_batch_over_half_of_what_is_left_is_announced_before_it_is_sent(
    limits: list[str], told: str, rlm: RunRlm, tree: MakeTree
) -> None:
    cells = ["print(context[:9])\nx = llm_query_batched([f'q {n}' for n in range(20)])\nprint(len(x))", "FINAL('done')"]
    shown: list[str] = []

    def script(asked: Ask) -> Item:
        if asked.model == "sub":
            return "fine"
        shown.append(asked.text)
        return f"```repl\n{cells[len(shown) - 1]}\n```"

    with ScriptedServer(script) as server:
        done = rlm(
            *words(tree({"a.txt": "words\n" * 50}), server.url, "-s", "openai/sub", "--no-memo", *limits), env=KEY
        )
        assert done.exit == 0, done.stderr
        types = [event["type"] for event in done.events]
        again = rlm("replay", "last")
    if not told:
        assert "may take" not in done.stderr + shown[-1]
        return
    assert told in done.stderr
    assert "Your batch of 20 calls" in shown[-1]
    assert types.index("warned") < [event.get("purpose") for event in done.events].index("sub")
    assert (again.exit, "may take" in again.stderr.partition("replay")[2]) == (0, False), again.stderr
