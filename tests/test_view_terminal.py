"""`rlm view` in the terminal: the finished tree, the run played again, sums; and where the page is written."""

from __future__ import annotations

import re
import stat
import sys
import time
from pathlib import Path

import pexpect
import pytest

from rlm_cli import journal
from rlm_cli.exports.trajectory import Trajectory
from rlm_cli.sinks.line import width
from rlm_cli.sinks.outline import outline
from rlm_cli.terminal import ASCII, UNICODE
from tests import events_sample
from tests.conftest import RunRlm
from tests.inside import runner

V1 = Path(__file__).parent / "data" / "journals" / "v1.jsonl"


@pytest.fixture
def rlm(
    home: Path, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> RunRlm:
    return runner(home, environment, monkeypatch, capsys)


def terminal(words: list[str], environment: dict[str, str], **more: str) -> str:
    """What a person at a terminal of 100 columns sees of `rlm WORDS`."""
    child = pexpect.spawn(sys.executable, ["-m", "rlm_cli", *words], env={**environment, "TERM": "xterm-256color", **more},
                          dimensions=(40, 100), encoding="utf-8", timeout=30)  # fmt: skip
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0, child.before
    return child.before or ""


def test_the_finished_tree_is_shown_with_children_and_answer(rlm: RunRlm) -> None:
    shown = rlm("view", V1, "--terminal")
    assert shown.exit == 0
    lines = shown.stdout.splitlines()
    for text in ("✓ 1  list the files and their sizes", "✗ 2  grep for auth entry points", "NameError: name 'hit' is not defined",
                 "↳ 4 sub-calls  1 failed", "child 1  Which routes skip the check", "✓ 1/1  find the routes", "[1] shop/src/auth/middleware.py:6-14"):  # fmt: skip
        assert any(text in line for line in lines), text
    assert "\x1b" not in shown.stdout


@pytest.mark.parametrize("columns", [40, 80, 200])
@pytest.mark.parametrize("sample", ["repository", "asking", "deep", "hostile", "wide"])
def test_every_run_fits_every_window(sample: str, columns: int) -> None:
    run = Trajectory.of(getattr(events_sample, sample)().records)
    for glyphs in (UNICODE, ASCII):
        for line in outline(run, columns, glyphs):
            assert width("".join(text for text, _ in line.pieces)) < columns
            assert not re.search("[\x00-\x1f\x7f-\x9f\u202e\u200b]", "".join(text for text, _ in line.pieces))


def test_a_torn_journal_still_shows(tmp_path: Path, rlm: RunRlm) -> None:
    lines = V1.read_bytes().splitlines(keepends=True)
    for end in (1, 5, 20, 33, 60):
        path = tmp_path / "run.jsonl"
        path.write_bytes(b"".join(lines[:end]) + lines[end][:30])
        assert rlm("view", path, "--terminal").exit == 0
        assert rlm("view", path, "--stats").exit == 0
        assert rlm("view", path, "-o", tmp_path / "page.html").exit == 0


def test_a_pager_is_used_on_a_terminal_alone(environment: dict[str, str], rlm: RunRlm) -> None:
    assert "PAGED" not in rlm("view", V1, "--terminal", env={"RLM_PAGER": "sed s/^/PAGED/"}).stdout
    shown = terminal(["view", str(V1), "--terminal"], environment, RLM_PAGER="sed s/^/PAGED/")
    assert shown.count("PAGED") > 20
    assert "\x1b[" in shown  # colour passes through
    plain = terminal(["view", str(V1), "--terminal"], environment, RLM_PAGER="")
    assert "PAGED" not in plain
    assert "list the files" in plain


def test_a_run_is_played_again_by_the_tree_that_drew_it(environment: dict[str, str]) -> None:
    began = time.monotonic()
    shown = terminal(["view", str(V1), "--play", "--speed", "10"], environment)
    assert time.monotonic() - began < 20
    text = re.sub(r"\x1b\[[\d;?]*[A-Za-z]|\x1b\]8;;[^\x1b]*\x1b\\", "", shown)
    assert text.count("✓ 1  list the files and their sizes") >= 1
    assert (
        text.index("✓ 1  list") < text.index("✗ 2  grep") < text.index("answered") < text.index("Every request passes")
    )
    assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l")  # the cursor comes back


def test_playing_keeps_the_time_of_the_run(rlm: RunRlm) -> None:
    records = list(journal.read(V1))
    seconds = records[-1].t - records[0].t
    began = time.monotonic()
    done = rlm("view", V1, "--play", "--speed", "2")
    assert time.monotonic() - began >= seconds / 2
    assert done.stdout.startswith("Every request passes")
    assert "turn 3 done: ask each file how it enforces auth, 4 sub-calls, 1 failed" in done.stderr


def test_sums_agree_with_the_journal(rlm: RunRlm) -> None:
    found = rlm("view", V1, "--stats", "--json").json
    events = [record.event for record in journal.read(V1)]
    costs = [getattr(event, "cost", None) or 0.0 for event in events if event.type in ("call.finished", "call.failed")]
    assert found["total"]["calls"] == 12
    assert found["total"]["cost_usd"] == pytest.approx(sum(costs))
    for by in ("depth", "model"):
        for name in ("calls", "failed", "input_tokens", "output_tokens", "cost_usd"):
            assert sum(row[name] for row in found["by"][by].values()) == pytest.approx(found["total"][name])
    text = rlm("view", V1, "--stats").stdout
    for name in ("By depth", "By model", "By call site", "0/3.1 line 3 ask each file how it enforces auth"):
        assert name in text


def test_the_page_is_its_owners_and_goes_where_it_is_told(rlm: RunRlm, tmp_path: Path) -> None:
    done = rlm("view", V1, "--no-browser")
    path = Path(done.stdout.strip())
    assert path.is_relative_to(done.home)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    target = tmp_path / "run.html"
    assert rlm("view", V1, "-o", target).stdout == ""
    assert target.read_bytes() == path.read_bytes()
    refused = rlm("view", V1, "-o", "/proc/run.html")
    assert refused.exit not in (0, 70)
    assert "cannot write /proc/run.html" in refused.stderr


def test_ways_to_look_are_not_mixed(rlm: RunRlm) -> None:
    for words in (["--stats", "--play"], ["--serve", "-o", "x.html"], ["--play", "--speed", "0"], ["nosuchrun"]):
        done = rlm("view", *([V1] if words[0].startswith("-") else []), *words)
        assert done.exit == 2, (words, done.stderr)
