"""Files that change while a run reads them: the run survives, the file is told by name, the answer marks it."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from tests.conftest import RunRlm
from tests.server import Ask, Item, ScriptedServer

KEY = {"OPENAI_API_KEY": "sk-canary-1234567890"}
LINE = b"a line of a log that is long enough to be one\n"
SIZE = 64 << 20


class Writer(threading.Thread):
    """Cuts the file short and fills it again, over and over, until it is told to stop."""

    def __init__(self, path: Path) -> None:
        super().__init__(daemon=True)
        self.path = path
        self.done = threading.Event()

    def run(self) -> None:
        with self.path.open("r+b") as file:
            while not self.done.is_set():
                file.truncate(4096)
                file.truncate(SIZE)
            file.truncate(4096)


def test_a_search_survives_a_writer_that_truncates(rlm: RunRlm, tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_bytes((LINE * (SIZE // len(LINE) + 1))[:SIZE])
    writer = Writer(log)

    def script(asked: Ask) -> Item:
        if asked.number == 0:
            return "```repl\nkept = 42\nprint(context.count('nowhere'))\n```"
        if asked.number == 1:
            writer.start()
        if asked.number <= 3:
            search = f"for n in range(40):\n    found = context.count(f'nowhere {asked.number} {{n}}')"
            return f"```repl\n{search}\nprint('searched', kept)\n```"
        writer.done.set()
        return "```repl\nFINAL(f'kept {kept}, {context[:6]}')\n```"

    with ScriptedServer(script) as server:
        options = ["-m", "openai/root", "--api-base", server.url, "--strategy", "rlm", "--json"]
        done = rlm("ask", log, "what is nowhere?", *options, env=KEY)
    writer.done.set()
    assert done.exit == 0, done.stderr
    assert done.json["answer"] == "kept 42, a line"
    assert any("app.log" in warning for warning in done.json["warnings"])
    changed = {event["reason"] for event in done.of("input.changed")}
    assert changed & {"truncated", "modified"}


def test_a_file_cut_under_a_scan_costs_that_cell_alone(rlm: RunRlm, tmp_path: Path) -> None:
    """No race: the scan waits for a sub-call with its map open, and the file is cut before the sub-call is answered."""
    log = tmp_path / "app.log"
    lines = bytearray((LINE * (SIZE // len(LINE) + 1))[:SIZE])
    lines[8 << 20 : (8 << 20) + 6] = b"needle"
    log.write_bytes(lines)
    scan = "for hit in re.finditer('needle', context):\n    print(llm_query('is this it?'), hit.group())"
    cells = iter(
        [
            "kept = 42\nprint(context.count('nowhere'))",
            f"import re\n{scan}\nprint('not cut')",
            "FINAL(f'kept {kept}, {context.count(\"needle\")} left, {len(context)} long, {context[:6]}')",
        ]
    )

    def script(asked: Ask) -> Item:
        if asked.model == "sub":
            os.truncate(log, 4096)
            return "perhaps"
        return f"```repl\n{next(cells)}\n```"

    with ScriptedServer(script) as server:
        models = ["-m", "openai/root", "-s", "openai/sub", "--api-base", server.url, "--strategy", "rlm", "--json"]
        done = rlm("ask", log, "where is the needle?", *models, env=KEY)
    assert done.exit == 0, done.stderr
    assert done.json["answer"] == "kept 42, 0 left, 4096 long, a line"
    errors = [event["error"] for event in done.of("cell.finished") if event["error"]]
    assert len(errors) == 1, errors
    assert "app.log was cut short while it was read: SIGBUS" in str(errors[0])
    assert [(Path(event["name"]).name, event["reason"]) for event in done.of("input.changed")] == [
        ("app.log", "truncated")
    ]
    assert any("app.log" in warning for warning in done.json["warnings"])
    assert "app.log" in done.stderr


def test_what_grows_goes_or_is_another_file_is_told_by_name_and_reason(rlm: RunRlm, tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    for name in ("gone", "grown", "modified", "replaced", "same"):
        (folder / name).write_text(f"old {name}\n")

    def change() -> None:
        (folder / "gone").unlink()
        with (folder / "grown").open("a") as file:
            file.write("and more of it\n")
        (folder / "modified").write_text("new modified\n")
        (folder / "other").write_text("new replaced\n")
        (folder / "other").rename(folder / "replaced")

    def script(asked: Ask) -> Item:
        if asked.number == 0:
            return "```repl\nprint(context)\n```"
        change()
        return '```repl\nFINAL(f\'{context.count("old")} old, {context.count("more")} more\')\n```'

    with ScriptedServer(script) as server:
        options = ["-m", "openai/root", "--api-base", server.url, "--strategy", "rlm", "--json"]
        done = rlm("ask", folder, "what is old?", *options, env=KEY)
    assert done.exit == 0, done.stderr
    assert done.json["answer"] == "5 old, 0 more"
    told = {Path(event["name"]).name: event["reason"] for event in done.of("input.changed")}
    assert told == {"gone": "gone", "grown": "grown", "modified": "modified", "replaced": "replaced"}
    for name in told:
        assert any(f"logs/{name}" in warning for warning in done.json["warnings"]), done.json["warnings"]
        assert f"logs/{name}" in done.stderr
