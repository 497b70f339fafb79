"""`rlm` without a process of its own: for commands whose promise is not about processes, four times as quick."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rlm_cli.__main__ import run
from tests.conftest import Result, RunRlm


def runner(
    home: Path, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> RunRlm:
    """`rlm("config", "get", "jobs", env={…})`, in the environment of a stranger; see `conftest.rlm`."""

    def call(*arguments: str | Path, env: dict[str, str] | None = None) -> Result:
        wanted = environment | (env or {})
        with monkeypatch.context() as patch:
            for name in set(os.environ) - set(wanted):
                patch.delenv(name)
            for name, value in wanted.items():
                patch.setenv(name, value)
            capsys.readouterr()
            status = run([str(word) for word in arguments])
        out, err = capsys.readouterr()
        return Result(out, err, int(status), home)

    return call
