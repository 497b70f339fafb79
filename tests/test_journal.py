"""The journal: every line fits the schema that is shipped, nothing is lost that was written, and no secret is in it."""

from __future__ import annotations

import fcntl
import json
import os
import resource
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlm_cli import events, journal, schemas
from rlm_cli.errors import OutputError, UsageError
from rlm_cli.events import REGISTRY, Event, Record, Unknown, parse
from rlm_cli.exports.trajectory import Trajectory
from rlm_cli.journal import Journal, Reading
from rlm_cli.recorder import Recorder
from rlm_cli.redaction import LONGEST
from rlm_cli.state import State
from tests import events_sample, make_schemas
from tests.conftest import Result, RunRlm
from tests.journals import fault, faults
from tests.server import Ask, ScriptedServer

DATA = Path(__file__).parent / "data" / "journals"
MakeTree = Callable[[dict[str, str]], Path]
EVENTS = [cls for name, cls in REGISTRY.items() if name != "unknown" and not cls.live]
AT = "2026-11-21T08:00:00.000Z"

# --- the schema ----------------------------------------------------------------------------------------------------


def test_the_schema_is_that_of_the_events() -> None:
    assert schemas.text("event") == make_schemas.text(), "python -m tests.make_schemas"
    jsonschema.Draft202012Validator.check_schema(schemas.load("event"))


JSON = st.recursive(st.none() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3), max_leaves=4)


def _values(kind: Any) -> st.SearchStrategy[Any]:
    """Anything that a field of that type may hold."""
    origin, inner = get_origin(kind), get_args(kind)
    if kind is Any:
        return JSON
    if origin is list:
        return st.lists(_values(inner[0]), max_size=3)
    if origin is dict:
        return st.dictionaries(st.text(), _values(inner[1]), max_size=3)
    if origin is UnionType:
        return st.one_of([_values(one) for one in inner])
    return {str: st.text(st.characters()), int: st.integers(-(2**63), 2**63 - 1), bool: st.booleans(),
            NoneType: st.none(), float: st.floats(-1e15, 1e15)}[kind]  # fmt: skip


def _events() -> st.SearchStrategy[Event]:
    def of(cls: type[Event]) -> st.SearchStrategy[Event]:
        hints = get_type_hints(cls)
        return st.builds(cls, **{item.name: _values(hints[item.name]) for item in fields(cls)})  # type: ignore[arg-type]

    return st.one_of([of(cls) for cls in EVENTS])


@given(_events(), st.integers(1, 10**9), st.floats(0, 1e6))
def test_every_event_is_a_line_that_fits_the_schema_and_comes_back(event: Event, seq: int, t: float) -> None:
    line = Record(seq, t, AT, event).to_line()
    assert line.isascii()
    assert line.count(b"\n") == 1
    assert fault(line) is None
    assert parse(line) == Record(seq, round(t, 6), AT, event)


def test_the_fast_judge_of_lines_agrees_with_the_schema() -> None:
    whole = jsonschema.Draft202012Validator(schemas.load("event"))
    lines = [record.to_line() for record in events_sample.deep().records[:60] if not record.event.live]
    for line in lines:
        value = json.loads(line)
        assert whole.is_valid(value) and fault(line) is None  # noqa: PT018
        for name in list(value):
            broken = dict(value, **{name: {"no": "such"}})
            assert whole.is_valid(broken) == (fault(json.dumps(broken)) is None), (name, value["type"])


# --- versions ------------------------------------------------------------------------------------------------------


def test_there_is_a_journal_of_this_version_and_of_the_one_before() -> None:
    kept = {int(path.stem.partition("-")[0].removeprefix("v")) for path in DATA.glob("*.jsonl")}
    assert {version for version in (events.SCHEMA_VERSION - 1, events.SCHEMA_VERSION) if version} <= kept


@pytest.mark.parametrize(
    "path", sorted(DATA.glob("*.jsonl"), key=lambda path: path.stat().st_mtime_ns), ids=lambda path: path.stem
)
def test_kept_journals_are_read_as_ever(path: Path) -> None:
    """These files are never made anew: they stand for those that people have."""
    reading, state, run = Reading(), State(), Trajectory()
    for record in journal.read(path, reading):
        assert not isinstance(record.event, Unknown)
        state.apply(record)
        run.apply(record)
    assert not reading.torn
    assert state.answer is not None and run.answer is not None  # noqa: PT018
    assert state.totals.calls == len(run.calls) > 0
    assert state.totals.cost == pytest.approx(sum(call.cost or 0.0 for call in run.calls.values()))


def test_what_a_newer_version_adds_is_passed_over() -> None:
    newer = {"seq": 3, "t": 1.5, "at": AT, "type": "planet.aligned", "planet": "mars"}
    assert parse(json.dumps(newer)).event == Unknown(name="planet.aligned", data={"planet": "mars"})
    more = json.loads(Record(1, 0.0, AT, events.Warned(message="x")).to_line()) | {"colour": "red"}
    assert parse(json.dumps(more)).event == events.Warned(message="x")


def test_the_page_knows_the_same_version() -> None:
    """Its source has the number a second time."""
    source = (Path(journal.__file__).parent / "viewer" / "src" / "model.ts").read_text(encoding="utf-8")
    assert f"const KNOWN = {events.SCHEMA_VERSION};" in source


# --- accidents -----------------------------------------------------------------------------------------------------


def warned(number: int) -> Record:
    return Record(number, number / 10, AT, events.Warned(message=f"number {number}"))


def test_torn_and_foreign_lines_are_told_and_cost_no_other(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    foreign = [b"not json\n", b"[1, 2]\n", b'{"type": "metadata"}\n', b"\xff\xfe\n", b"[" * 100_000 + b"\n", b"\n"]
    lines = [warned(1).to_line(), *foreign, warned(2).to_line(), warned(3).to_line()[:-9]]
    path.write_bytes(b"".join(lines))
    reading = Reading()
    assert [record.seq for record in journal.read(path, reading)] == [1, 2]
    assert reading.torn == [2, 3, 4, 5, 6, 9]
    with_more = Journal(path)  # closes the torn line, so that the next record is one of its own
    with_more.append(warned(4))
    with_more.close()
    assert [record.seq for record in journal.read(path)] == [1, 2, 4]


def test_two_writers_do_not_mix(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    first = Journal(path)
    first.append(warned(1))
    with pytest.raises(UsageError, match="still being written by another process"):
        Journal(path)
    code = f"from pathlib import Path; from rlm_cli.journal import Journal; Journal(Path({str(path)!r}))"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "still being written by another process" in other.stderr
    first.append(warned(2))
    first.close()
    Journal(path).close()
    assert [record.seq for record in journal.read(path)] == [1, 2]


def test_who_looks_whether_a_run_is_going_on_does_not_keep_it_from_being_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`rlm view --serve` asks again and again, and holds the lock while it does."""
    path = tmp_path / "run.jsonl"
    Journal(path).close()
    looks = path.open("rb")
    fcntl.flock(looks, fcntl.LOCK_SH)
    monkeypatch.setattr(time, "sleep", lambda _seconds: looks.close())  # the look ends while the writer waits
    journal_of_resume = Journal(path)
    assert journal.going(path)
    journal_of_resume.close()
    assert not journal.going(path)


def test_a_full_disk_is_told_with_what_to_do(tmp_path: Path) -> None:
    full = tmp_path / "full"
    full.symlink_to("/dev/full")
    made = Journal(full)
    with pytest.raises(OutputError, match="No space left on device") as told:
        made.append(warned(1))
    assert "rlm resume" in told.value.hint
    made.close()


def test_what_is_written_once_there_is_room_again_is_not_lost_with_the_line_that_was_cut(tmp_path: Path) -> None:
    """The disk filled in the middle of a line; the calls that end then are paid, and on record where they fit."""
    path = tmp_path / "run.jsonl"
    writer, before = Journal(path), resource.getrlimit(resource.RLIMIT_FSIZE)
    writer.append(Record(1, 0.0, AT, events.Warned(message="before")))
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 50, before[1]))
        with pytest.raises(OutputError):
            writer.append(Record(2, 0.0, AT, events.Warned(message="cut")))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    writer.append(Record(3, 0.0, AT, events.Warned(message="after")))
    writer.close()
    reading = Reading()
    assert [record.seq for record in journal.read(path, reading)] == [1, 3]
    assert reading.torn == [2]


def test_a_disk_that_fills_up_ends_the_run_with_its_answer_so_far(rlm: RunRlm, tree: MakeTree) -> None:
    done = rlm("ask", tree({"a.py": "def login(): pass\n"}), "where is login?", "--strategy", "rlm", "--trajectory", "/dev/full")  # fmt: skip
    assert done.exit not in (0, 70)
    assert "No space left on device" in done.stderr


def test_a_journal_that_is_deleted_during_the_run_is_told_and_not_named_as_its_record(
    rlm: RunRlm, tree: MakeTree, home: Path
) -> None:
    """A clean-up job took the folder: the answer is right, and `rlm resume` has nothing to go on from."""

    def script(ask: Ask) -> str:
        if ask.number == 0:
            shutil.rmtree(home / "runs")
            return "```repl\nprint(grep('login'))\n```"
        return "```repl\nFINAL('a.py has it')\n```"

    with ScriptedServer(script) as server:
        words = ["-m", "openai/root", "--api-base", server.url, "--strategy", "rlm", "--json"]
        done = rlm("ask", tree({"a.py": "def login(): pass\n"}), "where is login?", *words, env={"OPENAI_API_KEY": "k"})
    assert done.exit == 0
    assert done.json["answer"] == "a.py has it"
    assert done.json["trace"] is None
    assert done.stderr.count("was deleted during the run: there is no record of it") == 1


def test_what_was_paid_is_on_the_disk_before_the_next_turn_and_not_flushed_one_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The call of a turn may take minutes, and the power may fail in them."""
    path = tmp_path / "run.jsonl"
    safe: list[int] = []  # lines on the disk, at each flush
    monkeypatch.setattr(os, "fdatasync", lambda _: safe.append(path.read_bytes().count(b"\n")))
    monkeypatch.setattr(time, "monotonic", lambda: 1000.0)
    recorder = Recorder()
    recorder.attach(Journal(path))
    for turn in range(1, 4):
        recorder.emit(events.TurnStarted(node="0", turn=turn))
        for number in range(20):
            ended = {"text": "x", "finish": "stop", "input_tokens": 1, "output_tokens": 1}
            recorder.emit(events.CallFinished(call=f"c{turn}{number}", **ended))  # type: ignore[arg-type]
    recorder.close()
    assert safe == [2, 22, 43, 63]  # the first reply, two turns, the end


def test_every_line_is_one_write(tmp_path: Path) -> None:
    """A reader at any moment sees whole lines: half of one comes only from a kill within the write itself."""
    path = tmp_path / "run.jsonl"
    made = Journal(path)
    reader = os.open(path, os.O_RDONLY)
    for number in range(1, 50):
        made.append(Record(number, 0.0, AT, events.Warned(message="x" * number * 999)))
        assert os.read(reader, 1 << 20).endswith(b"\n")
    os.close(reader)
    made.close()


# --- what is in it -------------------------------------------------------------------------------------------------

CANARY = "canary-5f1e9c"


def recorded(rlm: RunRlm, folder: Path, *more: str) -> Result:
    """A run with a cell, two sub-calls, a child-less answer with a source, and a failing cell."""
    root = iter(
        [
            "I look.\n```repl\nhits = grep(r'password')\nprint(hits)\nshort = hits[0].text\n```",
            "```repl\nnotes = llm_query_batched(['what is said here?', 'and here?'], files[sorted(files)[0]])\nprint(notes)\n1/0\n```",
            "```repl\nFINAL(f'The password is {notes[0]} {cite(hits[0])}')\n```",
        ]
    )
    with ScriptedServer(
        lambda asked: next(root) if asked.model == "root" else "it says " + CANARY + " indeed"
    ) as server:
        names = ("-m", "openai/root", "-s", "openai/sub", "--api-base", server.url, "--strategy", "rlm", "--no-memo")
        secrets = {"OPENAI_API_KEY": "sk-key-canary-77aa", "SOME_SECRET": "env-canary-88bb"}
        return rlm("ask", folder, "what is the password?", *names, *more, env=secrets)


def journal_of(done: Result) -> Path:
    return max((done.home / "runs").glob("*.jsonl"), key=lambda path: path.stat().st_mtime_ns)


def test_a_run_is_on_record_whole_and_no_key_or_variable_of_the_environment_is(rlm: RunRlm, tree: MakeTree) -> None:
    done = recorded(rlm, tree({"notes.txt": f"one\npassword: {CANARY}\nthree\n"}))
    assert done.exit == 0, done.stderr
    path = journal_of(done)
    text = path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert faults(path) == []
    assert "sk-key-canary-77aa" not in text
    assert "env-canary-88bb" not in text
    kinds = [event["type"] for event in done.events]
    for kind in ("run.started", "input.opened", "message", "cell.started", "batch.started", "call.finished", "input.read",
                 "answer.given", "run.finished"):  # fmt: skip
        assert kind in kinds
    started, finished = done.of("call.started"), done.of("call.finished")
    assert len(started) == len(finished) == 5
    assert any(CANARY in message["content"] for call in started for message in call["messages"] or [])
    assert [event["seq"] for event in done.events] == list(range(1, len(kinds) + 1))


def test_a_run_grows_by_what_is_new(rlm: RunRlm, tree: MakeTree) -> None:
    """Messages are told once, never the conversation so far: the journal of twice the turns is about twice as long."""

    def size(turns: int) -> int:
        cells = [f"```repl\nprint('{'x' * 2_000}', {number})\ngrep('a')\n```" for number in range(turns)]
        left = iter([*cells, "```repl\nFINAL('done')\n```"])
        with ScriptedServer(lambda _: next(left)) as server:
            done = rlm("ask", tree({"a.txt": "a\n"}), "q?", "-m", "openai/r", "--api-base", server.url, "--strategy", "rlm",
                       env={"OPENAI_API_KEY": "x"})  # fmt: skip
        assert done.exit == 0, done.stderr
        return journal_of(done).stat().st_size

    few, many = size(3), size(12)
    assert (many - few) / 9 < 3 * (few / 3)


def test_redaction_keeps_sizes_and_hashes_and_no_text_of_the_input(rlm: RunRlm, tree: MakeTree) -> None:
    done = recorded(rlm, tree({"notes.txt": f"one\npassword: {CANARY}\nthree\n"}), "--redact")
    assert done.exit == 0, done.stderr
    assert CANARY in done.stdout  # the answer is not the record
    path = journal_of(done)
    assert CANARY not in path.read_text()
    assert "password:" not in path.read_text()
    assert faults(path) == []
    replies = {event["text"] for event in done.of("call.finished") if event["call"] in ("c3", "c4")}
    assert len(replies) == 1  # equal texts, equal hashes
    assert next(iter(replies)).startswith("[redacted: 28 characters, ")
    assert done.of("run.started")[0]["question"] == "what is the password?"
    assert [row[1:] for row in done.of("cell.finished")[0]["variables"] if row[0] == "short"] == [
        ["str", "23 characters"]
    ]
    state = State()
    for record in journal.read(path):
        state.apply(record)
    assert state.totals.calls == 5
    again = rlm("replay", path)
    assert again.exit == 2
    assert "--redact" in again.stderr


def test_hashes_of_two_runs_cannot_be_compared(tmp_path: Path) -> None:
    texts = []
    for name in ("a", "b"):
        made = Journal(tmp_path / name, redact=True)
        made.append(Record(1, 0.0, AT, events.MessageAdded(node="0", turn=1, role="user", content="yes")))
        made.close()
        texts.append((tmp_path / name).read_bytes())
    assert texts[0] != texts[1]


def test_a_text_over_a_megabyte_is_cut_and_its_true_size_told(tmp_path: Path) -> None:
    head, tail = "H" * 10, "T" * 10
    text = head + "ä" * 3_000_000 + tail
    made = Journal(tmp_path / "run")
    made.append(
        Record(1, 0.0, AT, events.CallStarted(call="c1", node="0", turn=1, purpose="sub", model="m", input_tokens=1,
               max_tokens=1, reserved=None, messages=[{"role": "user", "content": text}, {"role": "user", "content": "b"}]))
    )  # fmt: skip
    made.close()
    (record,) = journal.read(tmp_path / "run")
    assert isinstance(record.event, events.CallStarted)
    assert record.event.messages is not None
    kept, other = (message["content"] for message in record.event.messages)
    assert other == "b"
    assert kept.startswith(head) and kept.endswith(tail)  # noqa: PT018
    assert f"{len(text):,} characters" in kept
    assert len(kept) < LONGEST + 100


def test_the_lock_of_a_journal_is_held_as_long_as_it_is_written(tmp_path: Path) -> None:
    made = Journal(tmp_path / "run")
    with (tmp_path / "run").open("rb") as reader:
        with pytest.raises(BlockingIOError):
            fcntl.flock(reader, fcntl.LOCK_SH | fcntl.LOCK_NB)
        made.close()
        fcntl.flock(reader, fcntl.LOCK_SH | fcntl.LOCK_NB)
