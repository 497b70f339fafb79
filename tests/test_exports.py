"""Exports and imports: what other programs read is what they say they read, and a run survives the way there and back."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pyte
import pytest

from rlm_cli import journal
from rlm_cli.errors import OutputError
from rlm_cli.events import CallFailed, Record
from rlm_cli.exports import EXPORTS, Choices, Source, export
from rlm_cli.exports.sft import repair
from rlm_cli.exports.trajectory import Trajectory
from rlm_cli.journal import read
from rlm_cli.sinks.outline import outline
from rlm_cli.sinks.playing import frames
from rlm_cli.terminal import UNICODE
from tests import events_sample
from tests.conftest import RunRlm
from tests.inside import runner
from tests.journals import faults

DATA = Path(__file__).parent / "data"
V1 = DATA / "journals" / "v1.jsonl"
GOLDEN = DATA / "exports"
LOGS = DATA / "logs"


@pytest.fixture
def rlm(
    home: Path, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> RunRlm:
    return runner(home, environment, monkeypatch, capsys)


def exported(name: str, path: Path = V1, **choices: Any) -> str:
    return b"".join(export(name, Source(path), Choices(**choices))).decode()


def lines(name: str, path: Path = V1, **choices: Any) -> list[Any]:
    return [json.loads(line) for line in exported(name, path, **choices).splitlines()]


def kept(records: list[Record], tmp_path: Path) -> Path:
    path = tmp_path / "20260101-000000-abcd.jsonl"
    path.write_bytes(b"".join(record.to_line() for record in records if not record.event.live))
    return path


@pytest.mark.parametrize("name", [name for name in EXPORTS if name != "html"])
def test_the_form_is_as_it_was(name: str) -> None:
    """Golden files. A wanted change is looked at and then written with: python -m tests.make_exports."""
    found = re.sub(r'"version","value":\{"stringValue":"[^"]*"|"version":"[\d.]+"', '"version"', exported(name))
    golden = GOLDEN / f"v1{EXPORTS[name][1]}" if name != "sft" else GOLDEN / "v1.sft.jsonl"
    assert found == golden.read_text(encoding="utf-8"), "python -m tests.make_exports"


# --- visualizer ----------------------------------------------------------------------------------------------------


class Visualizer:
    """What the visualizer of the reference does with a log, as far as it can fail. From its documented requirements."""

    def __init__(self, text: str) -> None:
        self.metadata: dict[str, Any] = {}
        self.iterations: list[dict[str, Any]] = []
        for line in text.splitlines():
            value = json.loads(line)
            if value.get("type") == "metadata":
                self.metadata = value
            else:
                self.iterations.append(self.iteration(value))

    def iteration(self, value: dict[str, Any]) -> dict[str, Any]:
        for message in value["prompt"]:
            assert isinstance(message["role"], str)
            assert isinstance(message["content"], str)
        assert isinstance(value["response"], str)
        assert isinstance(value["iteration"], int)
        datetime.fromisoformat(value["timestamp"])
        assert "final_answer" in value  # `!== null` takes an absent one for an answer
        assert value["final_answer"] is None or isinstance(value["final_answer"], str)
        assert isinstance(value["iteration_time"], float)
        for block in value["code_blocks"]:
            result = block["result"]
            assert isinstance(block["code"], str)
            assert all(isinstance(result[name], str) for name in ("stdout", "stderr"))
            assert isinstance(result["locals"]["context"], str)
            assert isinstance(result["execution_time"], float)
            for call in result["rlm_calls"]:
                assert isinstance(call["execution_time"], float)
                assert all(isinstance(call[name], str) for name in ("response", "prompt", "root_model"))
                assert all(isinstance(call[name], int) for name in ("prompt_tokens", "completion_tokens"))
                assert call["usage_summary"]["model_usage_summaries"]
        return value

    @property
    def question(self) -> str | None:
        for message in self.iterations[0]["prompt"]:
            if message["role"] == "user" and (found := re.search(r'original query: "([^"]*)"', message["content"])):
                return found[1]
        return None


def test_the_visualizer_of_the_reference_finds_all_that_it_looks_for() -> None:
    found = Visualizer(exported("visualizer"))
    assert found.metadata["root_model"] == "openai/root"
    assert found.question == "where is auth handled, and which routes skip it?"
    assert [one["iteration"] for one in found.iterations] == [1, 2, 3, 4, 5, 6, 7]  # five turns, two of the child
    answers = [one["final_answer"] for one in found.iterations]
    assert answers[:-1] == [None] * 6
    assert "AuthMiddleware" in answers[-1]
    calls = [call for one in found.iterations for block in one["code_blocks"] for call in block["result"]["rlm_calls"]]
    assert len(calls) == 6  # four sub-calls, the child, the sub-call of the child
    assert [call.get("error") for call in calls if call.get("error")] == [
        call["response"] for call in calls if call.get("error")
    ]


@pytest.mark.parametrize("sample", ["repository", "deep", "hostile", "wide", "asking"])
def test_the_visualizer_takes_any_run(sample: str, tmp_path: Path) -> None:
    Visualizer(exported("visualizer", kept(getattr(events_sample, sample)().records, tmp_path)))


def test_prompts_are_what_the_model_was_sent_after_turns_became_a_summary() -> None:
    run = Trajectory.of(events_sample.compacted().records)
    assert run.root is not None
    prompts = [[message.content for message in run.root.conversation(turn)] for turn in run.root.turns]
    opening = ["the rules", "the task"]
    assert prompts[1] == [*opening, "reply 1", "feedback 1"]
    assert prompts[2] == [*opening, "what was found before", "feedback 2"]
    assert prompts[3] == [*opening, "what was found before", "feedback 2", "reply 3", "feedback 3"]


# --- sft -----------------------------------------------------------------------------------------------------------


def test_every_turn_of_the_root_is_a_sample_that_ends_with_its_reply() -> None:
    samples = lines("sft", tokens=True)
    assert [sample["turn"] for sample in samples] == [1, 2, 3, 4, 5]
    for sample in samples:
        roles = [message["role"] for message in sample["messages"]]
        assert roles[:2] == ["system", "user"]
        assert roles[-1] == "assistant"
        assert sample["messages"][-1]["content"].count("```repl") == 1
        assert sample["input_tokens"] > 0
        assert {type(value) for value in sample.values()} <= {str, int, list, bool}
    assert len(samples[4]["messages"]) == len(samples[0]["messages"]) + 8  # what was said between, once
    assert {frozenset(sample) for sample in samples} == {frozenset(samples[0])}  # one table for `datasets`


def test_samples_are_unicode_whatever_the_input_was(tmp_path: Path) -> None:
    """`datasets` reads with pyarrow, which refuses the file for one half of a surrogate pair."""
    text = "bad \udc80 byte, \ud83d\ude00 face, \\ud83d text, \ud83d half"
    script = events_sample.Script().question("q").begin_turn(text=text).end_turn().begin_turn(text=text).end_turn()
    samples = exported("sft", kept(script.answer("a").records, tmp_path))
    found = [message["content"] for line in samples.splitlines() for message in json.loads(line)["messages"]]
    assert "bad \ufffd byte, \U0001f600 face, \\ud83d text, \ufffd half" in found
    columns = [{name: type(value) for name, value in json.loads(line).items()} for line in samples.splitlines()]
    assert all(one == columns[0] for one in columns)  # pyarrow takes the types of the first lines for all


def test_runs_without_an_answer_and_long_turns_are_left_out_and_told(tmp_path: Path) -> None:
    told: list[str] = []
    failed = kept(events_sample.repository().records[:-3], tmp_path)
    assert lines("sft", failed, tell=told.append) == []
    assert "left out" in told[0]
    assert len(lines("sft", failed, failed=True)) == 4
    told.clear()
    assert len(lines("sft", most=6_000, tell=told.append)) < 5
    assert "over 6,000 characters" in told[0]


@pytest.mark.parametrize(
    ("reply", "repaired"),
    [
        ("Look.\n```repl\nprint(1)\n```", "Look.\n```repl\nprint(1)\n```"),
        ("```python\nprint(1)\n```", "```repl\nprint(1)\n```"),
        ("```\nprint(1)\n```\nand\n```py\n2\n```", "```repl\nprint(1)\n```\nand\n```repl\n2\n```"),
        ("```json\n{}\n```\n```\nprint(1)\n```", "```json\n{}\n```\n```repl\nprint(1)\n```"),
        ("```repl\nFINAL('result')\n```", "```repl\nFINAL_VAR('result')\n```"),
        ("```repl\nFINAL('other')\n```", "```repl\nFINAL('other')\n```"),
        ("I have it.\n\nFINAL_VAR(result)", "I have it.\n\n```repl\nFINAL_VAR('result')\n```"),
        ("no code at all", "no code at all"),
    ],
)
def test_slips_of_the_template_are_repaired(reply: str, repaired: str) -> None:
    assert repair(reply, {"result", "x"}) == repaired


def test_several_runs_go_into_one_file(rlm: RunRlm, tmp_path: Path) -> None:
    target = tmp_path / "train.jsonl"
    assert rlm("export", V1, V1, "--to", "sft", "-o", target).exit == 0
    assert len(target.read_text().splitlines()) == 10
    assert target.stat().st_mode & 0o777 == 0o600


# --- markdown, asciicast, html -------------------------------------------------------------------------------------


def test_an_answer_stands_under_the_question_that_it_answers(tmp_path: Path) -> None:
    path = kept(events_sample.continued().records, tmp_path)
    report = exported("markdown", path)
    assert report.startswith("# and who logs out\n")
    assert "asked before: where is auth handled" in report
    assert "The session ends by itself." in report
    assert next(iter(outline(Trajectory.of(read(path)), 80, UNICODE))).text.endswith("and who logs out")


def test_samples_hold_the_reply_that_came_after_a_resume(tmp_path: Path) -> None:
    script = events_sample.Script().question("q").begin_turn()
    stopped = [
        replace(one, event=CallFailed(call="c1", error="Interrupted", message="stopped by you"))
        for one in script.records
        if one.event.type == "call.finished"
    ]
    again = script.call_started(purpose="root")
    script.call_finished(again)
    before, after = script.records[:-3], script.records[-2:]
    turn = Trajectory.of([*before[:-1], *stopped, *after]).turns["0", 1]
    assert turn.call is not None
    assert (turn.call.id, [call.id for call in turn.others]) == (again, ["c1"])


def test_a_report_cannot_be_broken_by_what_is_in_it(tmp_path: Path) -> None:
    from markdown_it import MarkdownIt

    attack = (
        "<script>alert(1)</script> [x](javascript:alert(1)) ![](http://evil.example/a.png)\n````\n# no heading\n```"
    )
    script = events_sample.Script().question(attack).turn(attack, attack, error={"type": attack, "message": attack})
    script.warn(attack)
    path = kept(
        script.answer("done", citations=[{"number": 1, "path": attack, "line": 1, "quote": attack}]).records, tmp_path
    )
    tokens = MarkdownIt("commonmark").parse(exported("markdown", path))
    flat = [child for token in tokens for child in [token, *(token.children or [])]]
    assert {token.type for token in flat} & {"html_block", "html_inline", "link_open", "image"} == set()
    headings = [tokens[place + 1].content for place, token in enumerate(tokens) if token.type == "heading_open"]
    assert "no heading" not in headings


def test_a_recording_plays_to_the_same_end_as_the_live_tree(tmp_path: Path) -> None:
    """Its text, put through a terminal: the finished turns, the sums, then the answer."""
    header, *rest = lines("asciicast")
    assert header["version"] == 2
    assert (header["width"], header["height"]) == (100, 30)
    times = [time for time, kind, _ in rest if kind == "o"]
    assert times == sorted(times)
    screen = pyte.HistoryScreen(100, 200)
    stream = pyte.Stream(screen)
    for _, _, text in rest:
        stream.feed(re.sub(r"\x1b\[\?2026[hl]|\x1b\]8;;[^\x1b]*\x1b\\", "", text))
    shown = "\n".join(line.rstrip() for line in screen.display)
    for text in (
        "✓ 1  list the files",
        "✗ 2  grep for auth",
        "answered",
        "12 calls",
        "Every request passes",
        "Sources",
    ):
        assert text in shown


def test_long_pauses_are_cut_and_frames_follow_the_clock() -> None:
    script = events_sample.Script().question("q").turn("one", seconds=4_000).turn("two", seconds=2)
    found = list(frames(script.answer("a").records, 80, 24))
    assert found[-1][0] < 20
    assert len(found) < 60


def test_the_page_is_an_export_too() -> None:
    assert '"question":"where is auth handled' in exported("html")


# --- imports -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["reference", "fast_rlm"])
def test_logs_of_others_become_runs(name: str, rlm: RunRlm) -> None:
    done = rlm("import", LOGS / f"{name}.jsonl")
    assert done.exit == 0, done.stderr
    path = done.home / "runs" / f"{done.stdout.strip()}.jsonl"
    assert faults(path) == []
    run = Trajectory.of(journal.read(path))
    assert run.answer is not None
    assert "Lisbon" in run.answer.text
    assert len(run.nodes) == 2
    child = run.nodes["0.1"]
    assert [len(turn.cells) for turn in child.turns] == [1, 1]
    assert "Lisbon 17" in child.answer
    assert sum(cell.children == [child] for cell in run.cells.values()) == 1
    assert rlm("runs", "show", "last").stdout.count("Lisbon") >= 1
    sums = rlm("view", "last", "--stats", "--json").json
    assert sums["total"]["input_tokens"] == {"reference": 6900, "fast_rlm": 4700}[name]
    assert sums["total"]["cost_usd"] == {"reference": 0.0016, "fast_rlm": 0.0042}[name]
    for form in EXPORTS:
        assert exported(form, path)


def test_a_log_of_the_reference_comes_back_as_it_was_where_the_form_has_room() -> None:
    """There and back: question, models, code, outputs, calls, answer."""
    there = [json.loads(line) for line in (LOGS / "reference.jsonl").read_text().splitlines()]
    back = lines("visualizer", LOGS / "reference.jsonl")
    assert back[0]["root_model"] == there[0]["root_model"]
    own = [back[1], back[-1]]  # the child's two steps stand between
    for before, after in zip(there[1:], own, strict=True):
        assert after["response"] == before["response"]
        assert after["final_answer"] == before["final_answer"]
        assert [block["code"] for block in after["code_blocks"]] == [block["code"] for block in before["code_blocks"]]
        for one, other in zip(after["code_blocks"], before["code_blocks"], strict=True):
            assert one["result"]["stdout"] == other["result"]["stdout"]
    calls = own[1]["code_blocks"][0]["result"]["rlm_calls"]
    assert calls[0]["prompt_tokens"] == 6100
    assert calls[0]["usage_summary"]["total_cost"] == 0.0016


def test_an_import_that_cannot_be_finished_leaves_no_half_of_a_run(
    home: Path, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    append = journal.Journal.append
    written: list[Record] = []

    def until_full(self: journal.Journal, record: Any, **given: Any) -> None:
        written.append(record)
        if len(written) == 5:
            raise OutputError("cannot write: No space left on device", "Free some space, then go on with: rlm resume")
        append(self, record, **given)

    monkeypatch.setattr(journal.Journal, "append", until_full)
    done = runner(home, environment, monkeypatch, capsys)("import", LOGS / "reference.jsonl")
    assert done.exit != 0
    assert "then import it again" in done.stderr
    assert list((home / "runs").iterdir()) == []


def test_a_log_that_is_none_is_refused(rlm: RunRlm, tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text('{"hello": 1}\n')
    for path, word in (
        (tmp_path / "x.jsonl", "no log that is known"),
        (tmp_path / "none", "does not exist"),
        (V1, "no log"),
    ):
        done = rlm("import", path)
        assert done.exit in (2, 3)
        assert word in done.stderr


def test_wrong_flags_are_told(rlm: RunRlm) -> None:
    for words, told in (
        (["--to", "pdf"], "there is no form 'pdf'"), ([], "--to says which form"), (["--to", "html", "--endpoint", "x"], "--endpoint"),
        (["--to", "asciicast", "--size", "9x9"], "is not a size"), ([V1, "--to", "html"], "takes one run"),
    ):  # fmt: skip
        done = rlm("export", V1, *words)
        assert (done.exit, told in done.stderr) == (2, True), done.stderr
