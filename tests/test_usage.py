"""The command line says what is wrong at once, in a sentence, and never waits for input that nobody promised."""

from __future__ import annotations

import os
import pty
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlm_cli.cli.words import split
from rlm_cli.errors import InputError, RlmError, UsageError
from tests.conftest import RunRlm

SPLIT = (
    "import sys; from rlm_cli.cli.words import split; from rlm_cli.errors import RlmError\n"
    "try: print(*split(sys.argv[1:], None), sep='|')\n"
    "except RlmError as error: print(int(error.status), error.message, sep='|')\n"
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "repo").mkdir()
    (tmp_path / "repo" / "a.py").write_text("x = 1\n")
    (tmp_path / "q.md").write_text("\nwhere is\nauth?\n")
    (tmp_path / "app.log").write_text("line\n")
    (tmp_path / "[odd].txt").write_text("line\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


# --- which words are what ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "sources", "question"),
    [
        (["repo/", "where is auth"], ("repo/",), "where is auth"),
        (["repo", "app.log", "why?"], ("repo", "app.log"), "why?"),
        (["repo/**/*.py", "why?"], ("repo/**/*.py",), "why?"),
        (["*.nothing", "why?"], ("*.nothing",), "why?"),
        (["[odd].txt", "why?"], ("[odd].txt",), "why?"),
        (["repo", "what does * do?"], ("repo",), "what does * do?"),
        (["repo", "@q.md"], ("repo",), "where is\nauth?"),
        (["repo", "@@mentions?"], ("repo",), "@mentions?"),
        (["repo", "@"], ("repo",), "@"),
        (["-", "why?"], ("-",), "why?"),
    ],
)
def test_the_last_word_is_the_question(words: list[str], sources: tuple[str, ...], question: str) -> None:
    assert split(words) == (sources, question)


@pytest.mark.parametrize(
    ("words", "error", "told", "hint"),
    [
        ([], UsageError, "there is no question", 'rlm ask repo/ "where is auth handled"'),
        (["repo/"], UsageError, "'repo/' is a path; what is the question?", "rlm ask repo/ "),
        (["repo", "app.log"], UsageError, "'app.log' is a path; what is the question?", ""),
        (["repo/*.py"], UsageError, "'repo/*.py' is a path; what is the question?", ""),
        (["repo", "-"], UsageError, "what is the question?", ""),
        (["repo", "  "], UsageError, "the question is empty", ""),
        (["repo", ""], UsageError, "the question is empty", ""),
        (["", "why?"], UsageError, "a SOURCE is empty", ""),
        (["-", "-", "why?"], UsageError, "stdin can be read once", ""),
        (["-", "@-"], UsageError, "stdin can be read once", ""),
        (["repo", "@no.md"], InputError, "cannot read the question from 'no.md'", "@@no.md"),
        (["nope", "why?"], InputError, "there is no file or directory 'nope'", "A SOURCE is a file"),
        (["repo", "where", "is", "it?"], InputError, "'where'", 'Quote the question: rlm ask repo "where is it?"'),
        (["repos/", "where", "is it?"], InputError, "'repos/'", "A SOURCE is a file"),
        (["where", "is", "it?"], InputError, "'where'", 'Quote the question: rlm ask "where is it?"'),
        (["repo", 'the', '"x"', "y"], InputError, "'the'", "Quote the question: rlm ask repo \"the 'x' y\""),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_told(words: list[str], error: type[RlmError], told: str, hint: str) -> None:
    with pytest.raises(error) as refused:
        split(words)
    assert told in refused.value.message
    assert hint in refused.value.hint


def test_stdin_is_the_list_of_files_or_a_source_but_not_both() -> None:
    with pytest.raises(UsageError, match="stdin can be read once"):
        split(["-", "why?"], files_from="-")


@given(st.lists(st.text(max_size=8), max_size=4))
def test_any_words_are_split_or_refused_in_a_sentence(words: list[str]) -> None:
    with suppress(RlmError):
        sources, question = split(words, files_from="list.txt")
        assert question.strip()
        assert len(sources) == len(words) - 1


# --- stdin, as real processes have it ------------------------------------------------------------------------------


def run(arguments: list[str], stdin: int | None, data: bytes | None = None, timeout: float = 20) -> str:
    """What `split` makes of its words, in a process with that stdin."""
    given = {"stdin": stdin} if data is None else {"input": data}
    done = subprocess.run(
        [sys.executable, "-c", SPLIT, *arguments], stdout=subprocess.PIPE, timeout=timeout, check=True, **given
    )
    return done.stdout.decode().strip()


def test_a_pipe_is_the_source_when_there_is_none() -> None:
    assert run(["why?"], None, b"data") == "('-',)|why?"


def test_a_regular_file_on_stdin_is_the_source(folder: Path) -> None:
    with (folder / "app.log").open("rb") as file:
        assert run(["why?"], file.fileno()) == "('-',)|why?"


def test_dev_null_is_no_source() -> None:
    assert run(["why?"], subprocess.DEVNULL) == "2|nothing to ask about: no SOURCE is given and stdin is not a pipe"


def test_a_socket_is_read_only_when_named() -> None:
    """Programs of Node hand over sockets that never end."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert run(["why?"], theirs.fileno()).startswith("2|nothing to ask about")
        assert run(["-", "why?"], theirs.fileno()) == "('-',)|why?"


def test_a_terminal_is_no_source() -> None:
    ours, theirs = pty.openpty()
    try:
        assert run(["why?"], theirs) == "2|nothing to ask about: no SOURCE is given and stdin is a terminal"
    finally:
        os.close(ours)
        os.close(theirs)


def test_a_pipe_that_never_ends_is_not_waited_for_when_a_source_is_given() -> None:
    ours, theirs = os.pipe()
    try:
        assert run(["repo", "why?"], ours, timeout=10) == "('repo',)|why?"
        assert run(["why?"], ours, timeout=10) == "('-',)|why?"  # looked at, not read
    finally:
        os.close(ours)
        os.close(theirs)


@pytest.fixture
def without_stdin(environment: dict[str, str]) -> list[str]:
    return ["sh", "-c", f'exec "{sys.executable}" -m rlm_cli "$@" <&-', "sh"]


def test_closed_stdin_is_told_at_once(without_stdin: list[str], environment: dict[str, str]) -> None:
    done = subprocess.run(
        [*without_stdin, "ask", "why?"], env=environment, capture_output=True, timeout=20, check=False
    )
    assert done.returncode == 2
    assert b"stdin is closed" in done.stderr
    assert b'rlm ask repo/ "where is auth handled"' in done.stderr
    assert b'| rlm ask "' in done.stderr
    named = subprocess.run([*without_stdin, "ask", "-", "why?"], env=environment, capture_output=True, check=False)
    assert named.returncode == 3


def test_the_question_may_come_on_stdin() -> None:
    assert run(["repo", "@-"], None, b"\xef\xbb\xbfwhere?\n") == "('repo',)|where?"
    assert run(["@-"], None, b"where?\n").startswith("2|nothing to ask about")


def test_looking_at_stdin_takes_no_byte_of_it() -> None:
    ours, theirs = os.pipe()
    threading.Thread(target=lambda: (os.write(theirs, b"all of it"), os.close(theirs))).start()
    code = SPLIT + "import os; print(os.read(0, 100))"
    done = subprocess.run([sys.executable, "-c", code, "why?"], stdin=ours, capture_output=True, check=True)
    os.close(ours)
    assert done.stdout.decode().splitlines() == ["('-',)|why?", "b'all of it'"]


# --- flags ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "told", "hint"),
    [
        (["ask", ".", "q", "--max-costs", "1"], "there is no option --max-costs", "Did you mean --max-cost?"),
        (["ask", ".", "q", "--max_cost", "1"], "there is no option --max_cost", "Did you mean --max-cost?"),
        (["ask", ".", "q", "--cost", "1"], "there is no option --cost", "Did you mean --max-cost?"),
        (["ask", ".", "q", "--zzz"], "there is no option --zzz", "rlm ask -h"),
        (["ask", ".", "q", "--max-cost"], "--max-cost needs a value: --max-cost USD", ""),
        (["ask", ".", "q", "--max-cost", "abc"], "--max-cost: 'abc' is not an amount of dollars", ""),
        (["ask", ".", "q", "--hidden=1"], "--hidden takes no value", ""),
        (["ask", ".", "q", "--format", "jsn"], "did you mean json", ""),
        (["ask", ".", "q", "--json", "-f", "text"], "--json and --format text say different things", ""),
        (["ask", ".", "q", "-q", "-v"], "-q and -v", "Choose one"),
        (["ask", ".", "q", "--profile", "none"], "there is no profile 'none'", ""),
        (["cofnig"], "there is no command 'cofnig'", "rlm config"),
        (["config", "shw"], "there is no command 'shw'; did you mean 'show'?", ""),
        (["config", "zzz"], "there is no command 'zzz'", "rlm config -h"),
        (["keys", "set"], "PROVIDER is missing", "rlm keys set -h"),
        (["doctor", "now"], "there are words too many: now", "rlm doctor -h"),
        (["view", "--port", "x"], "--port takes a whole number", ""),
        (["demo", "--speed", "x"], "--speed takes a number", ""),
        (["demo", "--speed", "0"], "--speed 0 is not a speed", "4 four times as fast"),
        (["--verison"], "there is no option --verison", "Did you mean --version?"),
        (["confg", "show"], "there is no command 'confg'", "rlm config"),
        (["aks", "src", "why?"], "there is no command 'aks'", "rlm ask"),
        (["keys", "set", "openai"], "stdin is no terminal and no pipe", "pass show openai | rlm keys set openai"),
        (["runs", "--all"], "there is no option --all", "Did you mean rlm runs list --all?"),
        (["bench", "--keep"], "there is no option --keep", "Did you mean --keep-inputs?"),
        (["where"], "there is no command 'where'", 'rlm ask "where"'),
        (["runs", "show", "nope"], "there are no runs", ""),
    ],
)
def test_a_slip_is_told_with_what_was_meant(rlm: RunRlm, words: list[str], told: str, hint: str) -> None:
    done = rlm(*words)
    assert (done.exit, done.stdout) == (2, "")
    assert told in done.stderr
    assert hint in done.stderr


@pytest.mark.parametrize("words", [["repo", "why is that?"], ["--max-cost", "1", "repo", "why?"], ["why is that?"]])
def test_words_that_name_no_command_are_asked(rlm: RunRlm, words: list[str]) -> None:
    """Seen by what `ask` alone refuses."""
    done = rlm(*words, "--schema", "{")
    assert done.exit == 2
    assert "--schema" in done.stderr or "nothing to ask about" in done.stderr


def test_words_after_two_hyphens_are_no_flags() -> None:
    assert split(["repo", "--is it?"]) == (("repo",), "--is it?")


def test_foreign_bytes_in_an_argument_reach_stderr_inert(rlm: RunRlm) -> None:
    done = rlm("ask", "repo\x1b]0;owned\x07\x1b[31m", "why?")
    assert done.exit == 3
    assert not {"\x1b", "\x07"} & set(done.stderr)


def test_a_name_that_is_no_text_is_told_and_no_bug(environment: dict[str, str]) -> None:
    command = [sys.executable.encode(), b"-m", b"rlm_cli", b"ask", b"caf\xe9", b"why?"]
    done = subprocess.run(command, env=environment, capture_output=True, stdin=subprocess.DEVNULL, check=False)
    assert done.returncode == 3
    assert rb"caf\xe9" in done.stderr
