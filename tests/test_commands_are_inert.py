"""Hostile names of files, models, profiles and runs come out of every command as visible text."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rlm_cli.events import RunFinished
from tests.conftest import RunRlm
from tests.events_sample import HOSTILE, Script

RAW = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
NAME = "\x1b]0;owned\x07\x1b[31m\u202egnp.exe\x9b2J::add-mask::x"
QUOTED = NAME.replace("\x1b", "\\u001b").replace("\x07", "\\u0007").replace("\x9b", "\\u009b")


@pytest.fixture
def hostile(home: Path, tmp_path: Path) -> Path:
    """A home with a hostile configuration and run, and a folder with hostile names in it."""
    (home / "runs").mkdir(parents=True)
    script = Script("20260101-080000-abcd").question(HOSTILE.replace("\udcff", ""), sources=[NAME])
    script.begin_turn().begin_cell(NAME).end_cell(NAME).end_turn().answer(HOSTILE.replace("\udcff", ""))
    script.add(RunFinished(status=NAME, exit_code=0, usage={}))
    lines = b"".join(record.to_line() for record in script.records)
    (tmp_path / "hostile.jsonl").write_bytes(lines)
    (home / "config.toml").write_text(
        f'model = "{QUOTED}"\nexclude = ["{QUOTED}"]\n[aliases]\n"{QUOTED}" = "{QUOTED}"\n'
        f'[profiles."{QUOTED}"]\nlinks = "{QUOTED}"\n',
        encoding="utf-8",
    )
    folder = tmp_path / "input"
    folder.mkdir()
    for number in range(3):
        (folder / (NAME.replace("/", "") + str(number))).write_text(HOSTILE.replace("\udcff", "") * 3, encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    "words",
    [
        "runs show RUN", "view RUN --terminal", "view RUN --play --speed 1000000", "config", "config get model",
        "config --env", "models", "keys", "doctor", "cache", "cache show", "ask INPUT NAME -n", "ask INPUT why? -m NAME",
        "ask NAME why?", "config get NAME", "config set NAME 1", "config unset NAME", "runs show NAME", "keys set NAME",
        "schema NAME", "completions print NAME", "NAME", "ask INPUT why? --profile NAME", "ask INPUT why? --NAME",
        "ask INPUT why? --format NAME", "ask INPUT why? --schema NAME", "cache clear NAME", "resume NAME",
        "export RUN --to NAME", "demo --speed NAME",
    ],
)  # fmt: skip
def test_no_command_lets_a_raw_byte_through(words: str, rlm: RunRlm, hostile: Path, tmp_path: Path) -> None:
    places = {"RUN": str(tmp_path / "hostile.jsonl"), "INPUT": str(hostile), "NAME": NAME}
    typed = [places.get(word) or word.replace("NAME", NAME) for word in words.split()]
    done = rlm(*typed)
    assert done.exit != 70, done.stderr
    # An answer on a pipe is exact, byte for byte: `test_clean` holds the terminal.
    shown = done.stderr if "--play" in words else done.stdout + done.stderr
    assert not RAW.search(shown), RAW.findall(shown)[:5]
    assert done.stdout or done.stderr
