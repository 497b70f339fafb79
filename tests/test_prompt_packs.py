"""A pack of prompts is data: users bring their own, faults are one sentence, and the journal says which was used."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from rlm_cli import prompts
from tests.conftest import RunRlm
from tests.server import ScriptedServer

Tree = Callable[[dict[str, str]], Path]
OWN = """
base = "small"
output_limit = 1_200
no_code = "Kein Code: schreibe einen Block."
examples = []
"""


def test_a_pack_of_the_users_own_says_only_what_is_different(rlm: RunRlm, tree: Tree) -> None:
    folder = tree({"a.txt": "There are seven lamps.\n" * 40, "own.toml": OWN})
    script = ["Seven, I think.", "```repl\nprint(grep('seven'))\n```", "```repl\nFINAL('seven')\n```"]
    with ScriptedServer(script) as server:
        command = ["ask", folder / "a.txt", "how many lamps?", "-m", "compatible/x", "--api-base", server.url]
        done = rlm(*command, "--strategy", "rlm", "--pack", folder / "own.toml")
    assert (done.exit, done.stdout.splitlines()[0]) == (0, "seven"), done.stderr
    assert len(server.asks[0].messages) == 4  # system, task, the first look, its output: no example
    assert "Kein Code" in server.asks[1].messages[-1]["content"]
    [started] = done.of("run.started")
    used = prompts.load(str(folder / "own.toml"))
    assert (started["pack"], started["pack_hash"]) == ("own", used.digest)
    assert used.digest != prompts.load("small").digest
    assert (used.output_limit, used.words["system"]) == (1_200, prompts.load("small").words["system"])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = [", "cannot read the prompt pack"),
        ('base = "huge"', "builds on 'huge'"),
        ('name = "mine"', "lacks most of a pack"),
        ('base = "small"\nno_coed = "x"\nstop = "x"\nchunk = true', "misspells chunk, no_coed, stop"),
        ('base = "small"\noutput_limit = -1\ntemperature = "warm"', "misspells output_limit, temperature"),
        ('base = "small"\nexamples = [{ question = "q", input = "i" }]', "example 1 of the prompt pack"),
        (
            'base = "full"\nexamples = [{ question = "q", input = "i", turns = [{ code = "1" }], when = "(" }]',
            "its `when` is no pattern",
        ),
        (None, "No such file"),
    ],
)
def test_a_broken_pack_is_one_sentence_before_anything_is_sent(
    text: str | None, said: str, rlm: RunRlm, tree: Tree
) -> None:
    folder = tree({"a.txt": "x\n", **({} if text is None else {"own.toml": text})})
    done = rlm("ask", folder / "a.txt", "q?", "-m", "offline/extractive", "--pack", folder / "own.toml")
    assert done.exit == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) <= 2, done.stderr


def test_the_pack_in_the_readme_is_one(tmp_path: Path) -> None:
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    shown = re.search(r"(?:^    # terse\.toml.*\n)(?:^(?:    .*)?\n)+", readme, re.MULTILINE)
    assert shown is not None
    (tmp_path / "terse.toml").write_text(textwrap.dedent(shown[0]), encoding="utf-8")
    pack = prompts.load(str(tmp_path / "terse.toml"))
    assert (pack.name, pack.output_limit, pack.temperature) == ("terse", 1_200, 0.3)
    assert "unpaid" in prompts.worked(pack, "which INVOICE is late?")[1 + 2].content
