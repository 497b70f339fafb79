"""Nothing that a cell can write reaches what it is after: with the language policy, and with the system's layers alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import RestrictedPython

import rlm_cli
from tests import escape_runs
from tests.escapes import LANGUAGE, SYSTEM, SYSTEM_PRELUDE
from tests.sandboxes import Bench

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the layers tested are those of Linux")

WORKING = [
    "open the secret", "size of the secret", "listdir", "tcp", "udp", "unix socket", "abstract socket",
    "write a file", "mkdir", "symlink", "fork", "a thread", "spawn", "a signal to the parent",
    "executable memory", "memfd", "is the parent there", "socketpair",
]  # fmt: skip
"""Attempts that work where nothing holds them: the proof that the others could have been noticed."""


def as_nobody(mode: str) -> dict[str, Any] | None:
    """The run of `mode` as an ordinary user, from root; None where no Python can be started as one."""
    site = str(Path(RestrictedPython.__file__).parent.parent)
    package = str(Path(rlm_cli.__file__).parent.parent)
    environment = {"PYTHONPATH": f"{package}:{site}", "PATH": os.environ["PATH"]}
    for python in (sys.executable, f"/usr/bin/python3.{sys.version_info.minor}"):
        try:
            done = subprocess.run(
                [python, "-m", "tests.escape_runs", mode],
                user=65534, group=65534, extra_groups=[], cwd=package, env=environment,
                stdout=subprocess.PIPE, text=True, timeout=110, check=False,
            )  # fmt: skip
        except OSError:  # not there, or not for everyone
            continue
        assert done.returncode == 0
        report: dict[str, Any] = json.loads(done.stdout)
        return report
    return None


def test_there_are_enough_attempts() -> None:
    assert len(set(LANGUAGE)) >= 500
    assert len(SYSTEM) >= 100


@pytest.mark.parametrize("mode", ["policy", "system"])
def test_no_attempt_reaches_its_goal(mode: str) -> None:
    report = escape_runs.run(mode)
    assert report["reached"] == {}
    assert report["alive"] is True
    assert "seccomp" in report["layers"]


@pytest.mark.skipif(os.geteuid() != 0, reason="this is an ordinary user already")
@pytest.mark.parametrize("mode", ["policy", "system"])
def test_no_attempt_reaches_its_goal_as_an_ordinary_user(mode: str) -> None:
    report = as_nobody(mode)
    if report is None:
        pytest.skip("no Python here can be started by an ordinary user")
    assert report["reached"] == {}
    assert report["alive"] is True
    assert "seccomp" in report["layers"]
    assert "user" not in report["layers"]


def test_the_traps_notice_what_is_not_confined(tmp_path: Path) -> None:
    """The same attempts without any layer: they work, and each is noticed."""
    world = escape_runs.World(tmp_path)
    unnoticed = []
    try:
        with escape_runs.without_policy(), Bench(escape_runs.FILES, level="off") as bench:
            for name in WORKING:
                code = SYSTEM[name]
                result = bench.result(SYSTEM_PRELUDE + world.prelude() + code, seconds=5.0)
                if not escape_runs.judge(code, result, bench, world):
                    unnoticed.append((name, result.error))
                world.signals.clear()
                world.before = world.look()
    finally:
        world.close()
    assert unnoticed == []
