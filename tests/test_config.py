"""`rlm config` shows what holds and why, and writes the file as its owner would have: comments, order, links, 0600."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rlm_cli.options import Option
from rlm_cli.settings import OPTIONS
from tests.conftest import RunRlm
from tests.inside import runner

COMMENTED = """\
# mine
max_cost = 0.5   # half a dollar

[profiles.ci]
progress = "plain"  # no pictures

[aliases]
fast = "openai/gpt-5-mini"
"""


@pytest.fixture
def rlm(
    home: Path, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> RunRlm:
    return runner(home, environment, monkeypatch, capsys)


@pytest.fixture
def file(home: Path) -> Path:
    home.mkdir()
    (home / "config.toml").write_text(COMMENTED, encoding="utf-8")
    return home / "config.toml"


def test_comments_and_order_survive_a_change(rlm: RunRlm, file: Path) -> None:
    assert rlm("config", "set", "max_cost", "0.75").exit == 0
    assert file.read_text() == COMMENTED.replace("0.5 ", "0.75 ")
    assert rlm("config", "set", "jobs", "4", "--profile", "ci").exit == 0
    assert rlm("config", "unset", "jobs", "--profile", "ci").exit == 0
    assert rlm("config", "set", "max-cost", "0.5").exit == 0
    assert file.read_text() == COMMENTED


def test_the_file_is_made_private_and_only_when_it_is_written(rlm: RunRlm, home: Path) -> None:
    assert rlm("config").exit == 0
    assert rlm("config", "path").stdout == f"{home / 'config.toml'}\n"
    assert not home.exists()
    assert rlm("config", "set", "progress", "plain").exit == 0
    assert (home / "config.toml").stat().st_mode & 0o777 == 0o600
    assert home.stat().st_mode & 0o777 == 0o700


def test_every_value_is_shown_with_its_origin(rlm: RunRlm, file: Path) -> None:
    lines = rlm("config", "show", "--profile", "ci", env={"RLM_JOBS": "3"}).stdout.splitlines()
    found = {line.split()[0]: line.split(None, 2)[1:] for line in lines if line.strip()}
    assert found["max_cost"] == ["0.50", "~/rlm-home/config.toml max_cost"]
    assert found["progress"] == ["plain", "~/rlm-home/config.toml [profiles.ci] progress"]
    assert found["jobs"] == ["3", "RLM_JOBS"]
    assert found["max_turns"] == ["20", "default"]
    assert found["file"] == ["~/rlm-home/config.toml"]


def test_as_json(rlm: RunRlm, file: Path) -> None:
    told = rlm("config", "show", "--json").json
    assert told["settings"]["max_cost"] == 0.5
    assert told["origins"]["max_cost"] == {"layer": "config", "place": "~/rlm-home/config.toml max_cost"}
    assert set(told["settings"]) == {name for name, option in OPTIONS.items() if option.stored}


def test_the_variables_are_listed(rlm: RunRlm) -> None:
    names = [line.split()[0] for line in rlm("config", "show", "--env").stdout.splitlines()]
    assert names == [option.variable for option in OPTIONS.values() if option.stored]


def test_get_prints_the_value_alone(rlm: RunRlm, file: Path) -> None:
    assert rlm("config", "get", "max-cost").stdout == "0.50\n"
    assert rlm("config", "get", "progress", "--profile", "ci").stdout == "plain\n"
    assert rlm("config", "get", "aliases.fast").stdout == "openai/gpt-5-mini\n"
    assert rlm("config", "get", "max_time").stdout == "10m\n"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["get", "max_cots"], "Did you mean max_cost?"),
        (["get", "aliases.slow"], "aliases.slow is not set"),
        (["set", "max_cots", "1"], "Did you mean max_cost?"),
        (["set", "max_cost", "lots"], "is not an amount of dollars"),
        (["set", "max_cost", "1", "2"], "takes one value"),
        (["set", "schema", "a"], "cannot stand in a configuration"),
        (["set", "include_secrets", "true"], "cannot stand in a configuration"),
        (["set", "profiles.ci.max_cost", "1"], "there is no setting"),
        (["unset", "jobs"], "jobs is not set"),
        (["unset", "aliases.slow"], "aliases.slow is not set"),
        (["unset", "max_cost.of.what"], "max_cost.of.what is not set"),
        (["unset", "aliases.fast.x"], "aliases.fast.x is not set"),
        (["unset", ""], "is not set"),
        (["set", "aliases.", "1"], "there is no setting 'aliases.'"),
        (["set", "aliases", "1"], "there is no setting 'aliases'"),
    ],
)
def test_a_slip_changes_nothing(rlm: RunRlm, file: Path, words: list[str], told: str) -> None:
    done = rlm("config", *words)
    assert done.exit == 2
    assert told in done.stderr
    assert file.read_text() == COMMENTED


@pytest.mark.parametrize("option", [item for item in OPTIONS.values() if item.stored], ids=lambda item: item.name)
def test_what_is_set_is_what_the_next_run_reads(
    option: Option, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from rlm_cli.__main__ import run
    from rlm_cli.settings import load

    monkeypatch.setenv("RLM_HOME", str(home))
    samples = {
        "count": "7",
        "money": "0.25",
        "duration": "90s",
        "size": "200M",
        "switch": "true",
        "tally": "1",
        "share": "0.5",
    }
    text = option.choices[-1] if option.choices else samples.get(option.kind, "some")
    if option.name == "profile":
        assert run(["config", "set", "jobs", "2", "--profile", text]) == 0
    assert run(["config", "set", option.name, *([text, "more"] if option.repeat else [text])]) == 0
    wanted = option.read([text, "more"] if option.repeat else text)
    assert getattr(load(), option.name) == wanted
    assert run(["config", "get", option.name]) == 0
    assert capsys.readouterr().out.strip() == option.show(wanted)
    assert run(["config", "unset", option.name]) == 0
    assert load().origins[option.name].layer in ("default", "profile")


def test_a_limit_is_lifted_in_the_file_too(rlm: RunRlm) -> None:
    assert rlm("config", "set", "max_cost", "none").exit == 0
    assert rlm("config", "get", "max_cost").stdout == "none\n"


def test_a_broken_file_is_left_alone_and_an_unknown_key_can_be_taken_out(rlm: RunRlm, file: Path) -> None:
    file.write_text("max_costs = 1\n")
    assert "Did you mean max_cost?" in rlm("config").stderr
    assert rlm("config", "set", "jobs", "1").exit == 2
    assert file.read_text() == "max_costs = 1\n"
    assert rlm("config", "unset", "max_costs").exit == 0
    assert rlm("config", "set", "jobs", "1").exit == 0
    file.write_text("max_cost = = 1\n")
    assert rlm("config", "set", "jobs", "1").exit == 2
    assert file.read_text() == "max_cost = = 1\n"
    file.write_text(f"{'a.' * 200}b = 1\n")
    assert "nested more than" in rlm("config", "set", "jobs", "1").stderr


def test_a_configuration_that_cannot_be_read_is_told(rlm: RunRlm, home: Path) -> None:
    (home / "config.toml").mkdir(parents=True)
    done = rlm("ask", ".", "why?")
    assert done.exit == 2
    assert "cannot read" in done.stderr


def test_an_alias_and_a_profile_reach_a_run(rlm: RunRlm, file: Path, home: Path) -> None:
    done = rlm("config", "show", "--json", "--profile", "ci", env={"RLM_MODEL": "fast"})
    settings = json.loads(done.stdout)["settings"]
    assert (settings["model"], settings["progress"]) == ("openai/gpt-5-mini", "plain")
