"""Help is quick, plain, complete and the same everywhere; what goes wrong while it is written is no traceback."""

from __future__ import annotations

import os
import pty
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rlm_cli.__main__ import run
from rlm_cli.cli import layout
from rlm_cli.cli.app import command
from rlm_cli.cli.commands import COMMANDS
from rlm_cli.cli.completion.tree import Node, root
from rlm_cli.cli.fragments import FRAGMENTS, refreshed
from rlm_cli.cli.help import first_sentence
from rlm_cli.errors import ExitStatus
from rlm_cli.settings import OPTIONS, Settings
from tests.conftest import RunRlm

HEAVY = ("litellm", "openai", "pydantic", "numpy", "RestrictedPython", "rich", "aiohttp", "asyncio", "jsonschema")
TREE = root()
EVERY = [path[1:] for path, _ in TREE.walk()]


def loaded(arguments: list[str], environment: dict[str, str]) -> set[str]:
    """The modules that a command line loads."""
    code = (
        "import sys; from rlm_cli.__main__ import run; status = run(sys.argv[1:]);"
        "print('\\n'.join(sys.modules), file=sys.stderr); sys.exit(int(status))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], env=environment, capture_output=True, text=True, check=True
    )
    return set(done.stderr.split())


def test_help_loads_nothing_heavy(environment: dict[str, str]) -> None:
    assert not loaded(["--help"], environment) & {*HEAVY, "typer"}
    assert not loaded(["ask", "--help"], environment) & set(HEAVY)
    assert "typer" in loaded(["ask", "--help"], environment)  # the test sees what is loaded


@pytest.mark.parametrize("path", EVERY, ids=" ".join)
def test_every_command_has_help_of_at_most_79_columns(
    path: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*path, "-h"]) == 0
    text, told = capsys.readouterr()
    assert run([*path, "--help"]) == 0
    assert (capsys.readouterr().out, told) == (text, "")
    for line in text.splitlines():
        assert len(line) <= 79, line
        assert line == line.rstrip()
    assert not set("╭│╰─\x1b") & set(text)
    assert "-h, --help" in text


@pytest.mark.parametrize("words", [("--help",), ("ask", "--help")])
def test_help_is_the_same_in_ci_without_colour_and_in_a_wide_terminal(rlm: RunRlm, words: tuple[str, ...]) -> None:
    plain = rlm(*words).stdout
    for more in ({"GITHUB_ACTIONS": "true", "FORCE_COLOR": "1"}, {"NO_COLOR": "1"}, {"COLUMNS": "200", "TERM": "dumb"}):
        assert rlm(*words, env=more).stdout == plain


def test_the_overview_names_every_command(rlm: RunRlm) -> None:
    done = rlm()
    assert done.exit == 0
    for entry in COMMANDS.values():
        assert re.search(rf"^  {entry.name} +{re.escape(entry.summary[:30])}", done.stdout, re.MULTILINE)
    assert 'rlm ask repo/ "where is auth handled"' in done.stdout
    assert rlm("help").stdout == rlm("-h").stdout
    assert rlm("help", "runs").stdout == rlm("runs", "-h").stdout


def test_a_summary_in_the_overview_is_what_the_command_says_of_itself() -> None:
    for node in TREE.below:
        first = first_sentence(node.about)
        assert COMMANDS[node.name].summary.split()[0] == first.split()[0], (COMMANDS[node.name].summary, first)


@pytest.mark.parametrize("node", [node for _, node in TREE.walk() if node.name != "rlm"], ids=lambda node: node.name)
def test_every_command_and_every_option_says_what_it_does(node: Node) -> None:
    assert node.about.endswith("."), node.name
    for flag in node.flags:
        assert flag.help, (node.name, flag.names)
        assert not flag.help.endswith("."), flag.help
        assert not flag.help[0].isupper() or flag.help.split()[0].isupper(), flag.help


def test_every_top_command_gives_examples() -> None:
    for node in TREE.below:
        assert f"rlm {node.name}" in node.examples, node.name


def test_ask_lists_every_option_of_a_run_and_every_exit_status(rlm: RunRlm) -> None:
    text = rlm("ask", "-h").stdout
    for option in OPTIONS.values():
        line = f"  {', '.join(option.flags)}" if len(option.flags) > 1 else f"      {option.flag}"
        assert line in text
        if option.takes_value and option.default not in (None, "", ()):
            assert f"[{option.show(option.default)}]" in text
    squeezed = " ".join(text.split())
    for status in ExitStatus:
        assert f"{int(status)} {status.meaning}" in squeezed


@pytest.mark.parametrize("node", TREE.below, ids=lambda node: node.name)
def test_every_example_is_a_command_line_that_parses(node: Node) -> None:
    for line in node.examples.strip().splitlines():
        pieces = [shlex.split(piece) for piece in re.split(r" {3,}", line)[0].split("|")]
        words = next(piece for piece in pieces if piece and piece[0] == "rlm")
        words = words[: words.index(">")] if ">" in words else words
        found: Any = command(words[1])
        rest = words[2:]
        if hasattr(found, "commands") and rest:
            found, rest = found.commands[rest[0]], rest[1:]
        with found.make_context("rlm", rest):
            pass


def test_version(rlm: RunRlm) -> None:
    assert re.fullmatch(r"rlm \d+\.\d+\.\d+\n", rlm("--version").stdout)


def test_settings_and_options_agree_on_what_a_switch_is() -> None:
    hints = Settings.__annotations__
    for option in OPTIONS.values():
        assert (option.kind == "switch") == (hints[option.name] == "bool"), option.name
        assert option.repeat == hints[option.name].startswith("tuple"), option.name


def test_the_readme_holds_the_tables_of_this_version() -> None:
    text = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
    assert all(f"<!-- {name} -->" in text for name in FRAGMENTS)
    assert refreshed(text) == text, "python -m rlm_cli.cli.fragments README.md"


def test_fragments_are_written_between_their_marks() -> None:
    text = "a\n<!-- statuses -->\nold\n<!-- end statuses -->\nb <!-- flags -->\n<!-- end flags -->"
    fresh = refreshed(text)
    assert "\nold\n" not in fresh
    assert fresh.startswith("a\n<!-- statuses -->\n| exit | meaning |")
    assert all(option.flag in fresh for option in OPTIONS.values())
    assert refreshed(fresh) == fresh
    assert all(make().startswith("|") for make in FRAGMENTS.values())


# --- where it is written -------------------------------------------------------------------------------------------


def shell(script: str, environment: dict[str, str]) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        ["bash", "-c", script.replace("RLM", f"'{sys.executable}' -m rlm_cli")],
        env=environment,
        capture_output=True,
        timeout=30,
        check=False,
    )


def test_a_reader_that_goes_away_is_no_error(environment: dict[str, str]) -> None:
    done = shell(
        "RLM ask -h | head -1; echo ${PIPESTATUS[0]}; RLM schema event | true; echo ${PIPESTATUS[0]}", environment
    )
    assert done.stdout.decode().splitlines() == ["Usage: rlm ask [OPTIONS] [SOURCE]... QUESTION", "0", "0"]
    assert done.stderr == b""


@pytest.mark.parametrize("words", ["-h", "ask -h", "config", "schema event", "completions print bash"])
def test_a_full_disk_is_told(words: str, environment: dict[str, str]) -> None:
    done = shell(f"RLM {words} > /dev/full", environment)
    assert done.returncode == ExitStatus.OUTPUT == 74
    assert b"No space left" in done.stderr
    assert done.stderr.count(b"\n") == 1


@pytest.mark.parametrize("words", ["-h", "ask -h", "config"])
def test_closed_streams_are_no_traceback(words: str, environment: dict[str, str]) -> None:
    for closed in (">&-", "2>&-", ">&- 2>&-"):
        done = shell(f"RLM {words} {closed}", environment)
        assert b"Traceback" not in done.stderr
        assert done.returncode in (0, ExitStatus.OUTPUT)


def on_a_terminal(words: list[str], environment: dict[str, str], columns: int) -> tuple[int, str]:
    """Exit status and what stood on a terminal of so many columns."""
    ours, theirs = pty.openpty()
    import fcntl
    import struct
    import termios

    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    variables = {name: value for name, value in environment.items() if name not in ("COLUMNS", "LINES")}
    command = [sys.executable, "-m", "rlm_cli", *words]
    process = subprocess.Popen(command, env=variables, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    data = b""
    try:
        while chunk := os.read(ours, 65536):
            data += chunk
    except OSError:  # the other end is closed
        pass
    status = process.wait(60)
    os.close(ours)
    return status, data.decode()


def test_a_narrow_terminal_gets_narrow_help(environment: dict[str, str]) -> None:
    status, shown = on_a_terminal(["-h"], environment, 60)
    assert status == 0
    assert max(map(len, shown.splitlines())) <= 60


@pytest.mark.parametrize("columns", [40, 60, 79])
def test_an_example_that_is_too_long_is_broken_as_a_shell_reads_it(
    columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layout, "width", lambda: columns)
    for node in TREE.below:
        lines = layout.examples(node.examples).splitlines()[1:]
        for line in lines:  # one quoted word may be longer than that: it stands alone
            assert len(line) <= columns or len(shlex.split(line.rstrip("\\"))) == 1, line
        whole = [shlex.split(line) for line in node.examples.strip().splitlines()]
        assert shlex.split("\n".join(lines).replace("\\\n", "\n")) == [word for words in whole for word in words]


def test_errors_and_lists_are_folded_between_words_on_a_terminal_and_whole_in_a_pipe(
    environment: dict[str, str], rlm: RunRlm
) -> None:
    words = ["ask", ".", "why is that?", "-m", "openai/gpt-5"]
    status, shown = on_a_terminal(words, environment, 60)
    piped = rlm(*words)
    assert (status, piped.exit) == (4, 4)
    assert len(piped.stderr.splitlines()) == 2
    assert max(map(len, shown.splitlines())) < 60
    assert shown.split() == piped.stderr.split()
    assert all(line.startswith(" " * 5) for line in shown.splitlines()[1:])
    status, shown = on_a_terminal(["config", "show", "--env"], environment, 60)
    assert max(map(len, shown.splitlines())) < 60
    assert shown.split() == rlm("config", "show", "--env").stdout.split()


def test_a_bug_of_ours_is_one_line_and_a_report_without_keys(environment: dict[str, str], home: Path) -> None:
    code = (
        "import sys, rlm_cli.__main__ as program\n"
        "def broken(arguments): raise ZeroDivisionError('with sk-verysecretkey12345 \\x1b]0;x\\x07')\n"
        "program.dispatch = broken\n"
        "sys.exit(int(program.run([])))"
    )
    secret = {"SOME_API_KEY": "canary-of-ours-123"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment | secret, capture_output=True, text=True, check=False
    )
    assert done.returncode == ExitStatus.BUG == 70
    assert "this is a bug in rlm: ZeroDivisionError" in done.stderr
    assert "\x1b" not in done.stderr
    assert "Traceback" not in done.stderr
    (report,) = home.glob("crash-*.txt")
    assert report.stat().st_mode & 0o777 == 0o600
    assert "Traceback" in report.read_text()
    assert "verysecretkey" not in report.read_text() + done.stderr
    shown = subprocess.run(
        [sys.executable, "-c", code], env=environment | {"RLM_DEBUG": "1"}, capture_output=True, text=True, check=False
    )
    assert "Traceback" in shown.stderr
