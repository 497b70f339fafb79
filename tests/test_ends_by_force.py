"""A run that is ended from outside leaves nothing behind, loses nothing that was paid, and changes no word when it goes on."""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import RunRlm
from tests.server import Ask, Broken, Item, ScriptedServer

MakeTree = Callable[[dict[str, str]], Path]
KEY = {"OPENAI_API_KEY": "sk-canary-1234567890"}


def words(folder: Path, url: str, *more: str) -> list[str]:
    models = ["-m", "openai/root", "-s", "openai/sub", "--api-base", url]
    return ["ask", str(folder), "how much?", *models, "--strategy", "rlm", "--no-memo", *more]


def spoken(asked: Ask) -> int:
    return sum(message["role"] == "assistant" for message in asked.messages)


def cell(code: str) -> str:
    return f"```repl\n{code}\n```"


def of_this_test(home: Path) -> list[int]:
    """Processes that were started with this RLM_HOME."""
    mark = f"RLM_HOME={home}\0".encode()
    found = []
    for folder in Path("/proc").iterdir():
        try:
            if folder.name.isdigit() and mark in (folder / "environ").read_bytes():
                found.append(int(folder.name))
        except OSError:
            continue
    return found


@pytest.mark.parametrize("children", [0, 16])
def test_an_interrupt_with_64_calls_in_flight_leaves_nothing_behind(
    children: int, tree: MakeTree, environment: dict[str, str], home: Path, tmp_path: Path
) -> None:
    folder, scratch = tree({"a.txt": "some words\n" * 200}), tmp_path / "scratch"
    scratch.mkdir()
    calls = "x = llm_query_batched([f'q {n}' for n in range(%d)])"

    def script(asked: Ask) -> Item:
        if asked.model == "sub":
            return Broken("hang")
        if "You are a child" in str(asked.messages) or not children:
            return cell("print(context[:9])\n" + calls % (64 // max(1, children)))
        return cell(f"print(context[:9])\nrlm_query_batched(['go'] * {children}, [context] * {children})")

    with ScriptedServer(script) as server:
        process = subprocess.Popen(
            [sys.executable, "-m", "rlm_cli", *words(folder, server.url, "-j", "64", "--max-depth", "2")],
            env=environment | KEY | {"TMPDIR": str(scratch)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        until = time.monotonic() + 60
        while server.open < 64 and time.monotonic() < until:
            time.sleep(0.01)
        assert server.open == 64
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
        print(f"{time.monotonic() - began:.2f} s from the signal to the end")
    assert process.returncode == 130, said
    assert "Go on with: rlm resume" in said
    assert not of_this_test(home)
    assert not list(scratch.iterdir())


def test_an_interrupt_does_not_wait_for_a_library_that_is_still_being_imported(
    tree: MakeTree, environment: dict[str, str], home: Path, tmp_path: Path
) -> None:
    """litellm takes three seconds, and eight where the machine is busy: here it never ends."""
    library = tmp_path / "libraries" / "litellm"
    library.mkdir(parents=True)
    (library / "__init__.py").write_text("import time\ntime.sleep(300)\n")
    command = [sys.executable, "-m", "rlm_cli", "ask", str(tree({"a.txt": "words"})), "what?", "--strategy", "rlm"]
    process = subprocess.Popen(
        [*command, "-m", "litellm/openai/root", "--api-base", "http://127.0.0.1:9/v1"],
        env=environment | KEY | {"PYTHONPATH": str(library.parent)},
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    until = time.monotonic() + 60
    while not any("call.started" in path.read_text() for path in home.glob("runs/*.jsonl")):
        assert time.monotonic() < until, "no call began"
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "Go on with: rlm resume" in said


@pytest.mark.parametrize(("strategy", "work"), [("search", "retrieval.search"), ("map", "mapping.split")])
def test_an_interrupt_does_not_wait_for_the_end_of_a_large_input(
    strategy: str, work: str, tree: MakeTree, environment: dict[str, str], tmp_path: Path
) -> None:
    """To search 20 GB takes a minute: here it never ends."""
    begun = tmp_path / "begun"
    code = (
        "import pathlib, sys, time, rlm_cli.mapping, rlm_cli.retrieval\n"
        "from rlm_cli.__main__ import main\n"
        f"def endless(*_): pathlib.Path({str(begun)!r}).touch(); time.sleep(300)\n"
        f"rlm_cli.{work} = endless\n"
        "main()"
    )
    where = ["ask", str(tree({"a.txt": "words"})), "what?", "--strategy", strategy, "-m", "offline/extractive"]
    process = subprocess.Popen(
        [sys.executable, "-c", code, *where], env=environment, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    until = time.monotonic() + 60
    while not begun.exists():
        assert time.monotonic() < until, "it did not begin"
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said


def test_what_was_sent_before_is_the_beginning_of_what_is_sent_next_also_after_a_resume(
    rlm: RunRlm, tree: MakeTree
) -> None:
    """A provider's cache of prompts holds as far as the bytes are the same."""
    folder = tree({"a.txt": "some words\n" * 200})
    cells = ["print(context[:50])", "print(llm_query('one'))", "1 / 0", "print(len(context))", "FINAL('done')"]

    def script(asked: Ask) -> Item:
        return "two" if asked.model == "sub" else cell(cells[spoken(asked)])

    with ScriptedServer(script) as server:
        assert rlm(*words(folder, server.url, "--max-turns", "3"), env=KEY).exit == 6
        assert rlm("resume", "--max-turns", "9", "--max-cost", "2", env=KEY).exit == 0
        asked = [ask.messages for ask in server.asks if ask.model == "root"]
    assert len(asked) == 6
    turns = [[json.dumps(message) for message in messages] for messages in (*asked[:3], *asked[4:])]  # less the extract
    for before, after in pairwise(turns):
        assert len(before) < len(after)
        assert after[: len(before)] == before


def test_a_disk_that_is_full_in_the_middle_ends_the_run_and_costs_no_reply_that_is_on_record(
    rlm: RunRlm, tree: MakeTree, environment: dict[str, str], home: Path
) -> None:
    folder = tree({"a.txt": "some words\n" * 200})
    cells = ["x = [llm_query(f'q {n}') for n in range(40)]\nprint(context[:9])", "FINAL(str(len(x)))"]

    def script(asked: Ask) -> Item:
        return "y" * 2_000 if asked.model == "sub" else cell(cells[spoken(asked)])

    def small_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))

    with ScriptedServer(script) as server:
        full = subprocess.run(
            [sys.executable, "-m", "rlm_cli", *words(folder, server.url)],
            env=environment | KEY,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            preexec_fn=small_files,
            timeout=60,
            check=False,
        )
        assert full.returncode == 74, full.stderr
        assert "cannot write the trajectory" in full.stderr
        done = rlm("resume", "--json", env=KEY)
        sent: Counter[Any] = Counter(ask.text for ask in server.asks if ask.model == "sub")
    assert (done.exit, done.json["answer"]) == (0, "40"), done.stderr
    again = [text for text, times in sent.items() if times > 1]
    assert len(again) <= 1  # the one whose reply found no room


def test_a_home_that_cannot_be_written_is_one_sentence_before_anything_is_paid(
    rlm: RunRlm, tree: MakeTree, tmp_path: Path
) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "runs").write_text("in the way")
    with ScriptedServer(lambda _: "never") as server:
        done = rlm(*words(tree({"a.txt": "words"}), server.url), env=KEY | {"RLM_HOME": str(tmp_path / "home")})
        assert not server.asks
    assert done.exit == 3, done.stderr
    assert "--no-save" in done.stderr
