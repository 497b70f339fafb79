"""The sandbox where the kernel refuses a part of it: no user namespaces (a plain container), no seccomp, no Landlock."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import RestrictedPython

import rlm_cli

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() != "x86_64",
    reason="the numbers of the refused calls are those of x86_64",
)

REPOSITORY = Path(rlm_cli.__file__).parent.parent
LIBRARIES = Path(RestrictedPython.__file__).parent.parent
LEVELS = """
import json
from rlm_cli.errors import SandboxError
from tests.sandboxes import Bench
told = {}
for level in ("auto", "strict", "off"):
    try:
        with Bench({"a.txt": b"text"}, level=level) as bench:
            told[level] = [list(bench.ready.layers), list(bench.ready.missing), bench.output("print(context)")]
    except SandboxError as error:
        told[level] = [error.exit_status, error.message, error.hint]
print(json.dumps(told))
"""


def started(refused: str, words: list[str], *, ordinary: bool = False, **more: Any) -> subprocess.CompletedProcess[str]:
    """Python with `words`, where the kernel refuses those calls; skips where no user but root can start one."""
    environment = {"PYTHONPATH": f"{REPOSITORY}:{LIBRARIES}", "PATH": os.environ["PATH"], **more}
    user: dict[str, Any] = {"user": 65534, "group": 65534, "extra_groups": []} if ordinary else {}
    for python in (sys.executable, f"/usr/bin/python3.{sys.version_info.minor}"):
        try:
            return subprocess.run(
                [python, "-m", "tests.refusing", refused, python, *words],
                cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=110, check=False, **user,
            )  # fmt: skip
        except OSError:
            continue
    pytest.skip("no Python here can be started by an ordinary user")


USERS = [pytest.param(False, id="as it is"), pytest.param(True, id="as an ordinary user")]


@pytest.mark.parametrize("ordinary", USERS if os.geteuid() == 0 else USERS[:1])
def test_a_container_without_namespaces_has_every_layer(ordinary: bool) -> None:
    done = started("namespaces", ["-c", LEVELS], ordinary=ordinary)
    told = json.loads(done.stdout)
    for level in ("auto", "strict"):
        layers, missing, output = told[level]
        assert {"policy", "rlimits", "no new privileges", "seccomp"} <= set(layers)
        assert not [line for line in missing if not line.startswith("landlock")]
        assert output == "text\n"
    assert told["off"] == [["policy"], [], "text\n"]


@pytest.mark.parametrize("ordinary", USERS if os.geteuid() == 0 else USERS[:1])
def test_where_a_filter_is_refused_a_namespace_takes_its_place(ordinary: bool) -> None:
    told = json.loads(started("seccomp", ["-c", LEVELS], ordinary=ordinary).stdout)
    layers, missing, output = told["auto"]
    assert "seccomp: Operation not permitted" in missing
    assert output == "text\n"
    if {"landlock", "network namespace"} <= set(layers):
        assert told["strict"][0] == layers
    else:
        assert told["strict"][0] == 8


@pytest.mark.parametrize("ordinary", USERS if os.geteuid() == 0 else USERS[:1])
def test_where_nothing_is_left_strict_refuses_and_says_what_to_do(ordinary: bool) -> None:
    told = json.loads(started("namespaces,seccomp,landlock", ["-c", LEVELS], ordinary=ordinary).stdout)
    layers, missing, output = told["auto"]
    assert {"policy", "rlimits", "no new privileges"} <= set(layers)
    assert {line.partition(":")[0] for line in missing} == {"landlock", "seccomp", "network namespace"}
    assert output == "text\n"
    status, message, hint = told["strict"]
    assert status == 8
    assert "seccomp: Operation not permitted" in message
    assert "--sandbox auto" in hint


def test_a_run_and_doctor_say_so(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\n")
    home = {"RLM_HOME": str(tmp_path / "home"), "HOME": str(tmp_path)}
    words = ["-m", "rlm_cli", "ask", str(tmp_path / "a.py"), "what is x?", "--strategy", "rlm"]
    refused = "namespaces,seccomp,landlock"
    done = started(refused, [*words, "--sandbox", "strict"], **home)
    assert done.returncode == 8
    assert done.stdout == ""
    assert "rlm: The sandbox is not strict here (" in done.stderr
    assert "--sandbox auto" in done.stderr
    for level in ("auto", "off"):
        done = started(refused, [*words, "--sandbox", level], **home)
        assert done.returncode in (0, 1), done.stderr
    told = started(refused, ["-m", "rlm_cli", "doctor", "--json"], **home)
    [sandbox] = [item for item in json.loads(told.stdout)["findings"] if item["what"] == "sandbox"]
    assert sandbox["state"] == "warn"
    assert "rlimits" in sandbox["text"]
    assert "seccomp: Operation not permitted" in sandbox["text"]
