"""`rlm doctor` tries what it names, says what does not hold, and shows no secret."""

from __future__ import annotations

from pathlib import Path

from tests.conftest import RunRlm

WHAT = ["version", "sandbox", "terminal", "settings", "keys", "state", "models"]


def test_everything_is_looked_at_and_the_sandbox_is_tried(rlm: RunRlm) -> None:
    done = rlm("doctor")
    assert done.exit == 0
    lines = done.stdout.splitlines()
    assert [line.split()[1] for line in lines] == WHAT
    assert {line.split()[0] for line in lines} <= {"ok", "warn"}
    assert "policy" in lines[1]
    assert "starts in" in lines[1]
    assert "litellm" in lines[-1]


def test_as_json(rlm: RunRlm) -> None:
    told = rlm("doctor", "--json").json
    assert [item["what"] for item in told["findings"]] == WHAT
    assert all(set(item) == {"state", "what", "text"} for item in told["findings"])


def test_keys_are_named_by_place_and_never_shown(rlm: RunRlm) -> None:
    canary = "sk-canary-0123456789abcdef"
    for words in (["doctor"], ["models"], ["keys"], ["config"]):
        done = rlm(*words, env={"OPENAI_API_KEY": canary})
        assert done.exit == 0
        assert canary not in done.stdout + done.stderr
        assert words != ["doctor"] or "openai (OPENAI_API_KEY)" in done.stdout


def test_what_does_not_work_is_told_and_decides_the_status(rlm: RunRlm, home: Path) -> None:
    home.mkdir()
    (home / "config.toml").write_text("max_costs = 1\n")
    done = rlm("doctor")
    assert done.exit == 2
    assert "fail  settings  " in done.stdout
    assert "Did you mean max_cost?" in done.stdout
    assert "ok    sandbox" in done.stdout or "warn  sandbox" in done.stdout  # the rest is looked at all the same


def test_a_slip_in_a_variable_is_a_warning(rlm: RunRlm) -> None:
    done = rlm("doctor", env={"RLM_MAX_COSTS": "1"})
    assert done.exit == 0
    assert "RLM_MAX_COSTS is not read; did you mean RLM_MAX_COST?" in done.stdout


def test_looking_makes_no_directory(rlm: RunRlm, home: Path) -> None:
    rlm("doctor")
    assert not home.exists()
