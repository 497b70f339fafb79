"""What the README shows of answers and of Python is what happens."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import RunRlm
from tests.server import ScriptedServer

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
DOCS = {
    "docs/tokens.md": "# Tokens\n\nTokens live for one hour.\nA token is renewed when it is used.\n",
    "docs/auth.py": "LIFETIME = 3600  # seconds\n",
}


def block(heading: str, language: str) -> str:
    """The first code block below a heading."""
    found = re.search(rf"^## {heading}\n.*?^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
    assert found, heading
    return found[1]


def test_the_session_leads_where_the_readme_says(rlm: RunRlm) -> None:
    """The files and names of the first two places; sizes and lines drift with the code."""
    shown = block("A session", "console")
    done = rlm("ask", "rlm_cli", "where are secret files left out?", cwd=Path(__file__).parent.parent)
    for text in (shown, done.stdout):
        assert re.findall(r"^\[([12])\] (.*):", text, re.MULTILINE) == [
            ("1", "rlm_cli/context/secrets.py"),
            ("2", "rlm_cli/context/discovery.py"),
        ]
        assert [name in text for name in ("is_secret(path: bytes)", "_decide(self, at: _Directory")] == [True, True]


def test_the_answer_with_its_doubts_is_a_real_one(rlm: RunRlm, tree: Callable[[dict[str, str]], Path]) -> None:
    folder = tree(DOCS)
    shown = block("What the answer tells you", "console").split("\n", 1)[1]
    said = shown.partition("\n\n")[0]
    claimed = (
        said.replace("?", "").replace(" [quote not found]", "").replace("\n", " ").replace("[1]", "{cite(hits[0])}")
    )
    cell = f"```repl\nhits = grep('one hour')\nprint(hits)\nFINAL(f{claimed!r})\n```"
    with ScriptedServer([cell]) as server:
        flags = ("-m", "openai/root", "--api-base", server.url, "--strategy", "rlm")
        done = rlm("ask", "docs/", "how long do tokens live?", *flags, cwd=folder, env={"OPENAI_API_KEY": "sk-canary"})
    answer, sources = done.stdout.split("\n\n", 1)
    assert answer == said.replace("\n", " ")
    told = [line.partition("] ")[2] for line in done.stderr.splitlines()]
    wanted = shown.split("\n\n", 1)[1].replace("\n! ", "\n").replace("\n  ", "\n")
    assert wanted.startswith(sources)
    assert [line for line in wanted[len(sources) :].splitlines() if line] == told[-4:]


def test_the_python_of_the_readme_runs(
    tree: Callable[[dict[str, str]], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("RLM_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("RLM_MODEL", "offline/extractive")
    monkeypatch.chdir(tree(DOCS))
    exec(compile(textwrap.dedent(block("From Python", "python")), "README.md", "exec"), {})
    out = capsys.readouterr().out
    assert out.startswith("answered The places")
    assert "cannot fill" in out  # the embedded model has no count of parts: the error holds what there is
