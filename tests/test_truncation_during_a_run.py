"""A file that shrinks under the map while a cell searches it: the run survives, the file is told, the answer marks it."""

from __future__ import annotations

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
