"""Settings: four layers, the first that speaks wins, and every value knows where it came from."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import FrozenInstanceError, fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlm_cli import values
from rlm_cli.errors import UsageError
from rlm_cli.options import Option
from rlm_cli.places import places, write_private
from rlm_cli.settings import OPTIONS, Settings, load


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in list(os.environ):
        if name.startswith("RLM_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("RLM_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def write(home: Path, text: str) -> Path:
    home.mkdir(exist_ok=True)
    (home / "config.toml").write_text(text, encoding="utf-8", errors="surrogateescape")
    return home / "config.toml"


def test_flags_beat_environment_beats_profile_beats_file_beats_default(
    own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (load().max_cost, load().origins["max_cost"].layer) == (1.0, "default")
    write(own_home, "max_cost = 0.2\n[profiles.ci]\nmax_cost = 0.3\n")
    assert (load().max_cost, load().origins["max_cost"].layer) == (0.2, "config")
    assert (load({"profile": "ci"}).max_cost, load({"profile": "ci"}).origins["max_cost"].layer) == (0.3, "profile")
    monkeypatch.setenv("RLM_MAX_COST", "0.4")
    assert (load({"profile": "ci"}).max_cost, str(load().origins["max_cost"])) == (0.4, "RLM_MAX_COST")
    found = load({"profile": "ci", "max_cost": "0.5"})
    assert (found.max_cost, str(found.origins["max_cost"])) == (0.5, "--max-cost")


def test_every_option_can_be_said_in_every_layer(own_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    samples = {
        "count": "7",
        "money": "0.25",
        "duration": "90s",
        "size": "200M",
        "switch": "true",
        "tally": "1",
        "share": "0.5",
    }
    for option in OPTIONS.values():
        if not option.stored or option.name == "profile":
            continue
        default = option.default
        text = option.choices[-1] if option.choices else samples.get(option.kind, "some")
        text = "false" if default is True else text
        (own_home / "config.toml").unlink(missing_ok=True)
        by_flag = getattr(load({option.name: [text] if option.repeat else text}), option.name)
        assert by_flag != default, option.name
        monkeypatch.setenv(option.variable, text)
        assert getattr(load(), option.name) == by_flag, option.name
        monkeypatch.delenv(option.variable)
        write(own_home, f'{option.name} = "{text}"\n' if option.kind != "switch" else f"{option.name} = {text}\n")
        assert getattr(load(), option.name) == by_flag, option.name


def test_options_are_fields_with_the_same_default() -> None:
    for item in fields(Settings):
        if item.name in OPTIONS:
            assert OPTIONS[item.name].default == item.default
    with pytest.raises(FrozenInstanceError):
        Settings().max_cost = 3.0  # type: ignore[misc]


@pytest.mark.parametrize("option", [item for item in OPTIONS.values() if item.default not in (None, "", ())])
def test_a_default_is_shown_as_it_is_written(option: Option) -> None:
    assert option.read(option.show(option.default)) == option.default


def test_no_two_options_share_a_flag() -> None:
    flags = [flag for option in OPTIONS.values() for flag in (*option.flags, option.inverse)]
    own = [flag for flag in flags if flags.count(flag) > 1]
    assert own == []


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("max_time", "10m", 600.0),
        ("max_time", "1h30m", 5400.0),
        ("max_time", "90", 90.0),
        ("max_time", "none", None),
        ("call_time", "250ms", 0.25),
        ("max_cost", "$2", 2.0),
        ("max_cost", ".5", 0.5),
        ("max_cost", "NONE", None),
        ("max_tokens", "5M", 5_000_000),
        ("max_tokens", "128k", 128_000),
        ("max_tokens", "1.5M", 1_500_000),
        ("max_decompressed", "2G", 2 * 1024**3),
        ("max_decompressed", "512 MiB", 512 * 1024**2),
        ("hidden", "no", False),
        ("format", "JSON", "json"),
        ("links", "myapp://{path}", "myapp://{path}"),
    ],
)
def test_values_are_read_as_people_write_them(name: str, text: str, value: object) -> None:
    assert OPTIONS[name].read(text) == value


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("max_cost", "abc", "not an amount of dollars"),
        ("max_cost", "-1", "not an amount of dollars"),
        ("max_cost", "nan", "not an amount of dollars"),
        ("max_time", "0", "not a time"),
        ("max_time", "10 parsecs", "not a time"),
        ("max_turns", "0", "less than 1"),
        ("max_turns", "2.5", "not a whole number"),
        ("max_turns", "none", "not a whole number"),
        ("max_decompressed", "big", "not a size"),
        ("format", "jsn", "did you mean json"),
        ("hidden", "maybe", "neither yes nor no"),
        ("jobs", "٣", "not a whole number"),
        ("max_tokens", "9" * 400, "not a whole number"),
        ("max_cost", "9" * 400, "not an amount of dollars"),
        ("max_decompressed", "9" * 5000, "not a size"),
    ],
)
def test_a_wrong_value_is_told_with_its_place(
    name: str, text: str, told: str, own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError, match=told) as by_flag:
        load({name: text})
    assert by_flag.value.message.startswith(OPTIONS[name].flag)
    monkeypatch.setenv(OPTIONS[name].variable, text)
    with pytest.raises(UsageError, match=f"{OPTIONS[name].variable}.*{told}"):
        load()
    monkeypatch.delenv(OPTIONS[name].variable)
    write(own_home, f'{name} = "{text}"\n')
    with pytest.raises(UsageError, match=rf"config\.toml {name}: .*{told}"):
        load()


@given(st.floats(0.001, 1e6).map(lambda value: round(value, 3)))
def test_a_duration_that_is_shown_is_read_back(seconds: float) -> None:
    assert values.duration(values.show_duration(seconds)) == pytest.approx(seconds, rel=1e-4)


@given(st.integers(0, 10**15 - 1))
def test_a_size_that_is_shown_is_read_back(size: int) -> None:
    assert values.size(values.show_size(size)) == size


@given(st.integers(0, 10**12))
def test_a_count_that_is_shown_is_read_back(count: int) -> None:
    assert values.count(values.show_count(count)) == count


@given(st.sampled_from([option for option in OPTIONS.values() if not option.repeat]), st.text(max_size=12))
def test_any_text_is_a_value_or_a_sentence(option: Option, text: str) -> None:
    with suppress(ValueError):
        assert option.read(text) != ...
        return
    with pytest.raises(ValueError, match=r"^is "):
        option.read(text)


@pytest.mark.parametrize(
    ("text", "told", "hint"),
    [
        ("max_costs = 1\n", "no setting 'max_costs'", "Did you mean max_cost?"),
        ("[profiles.ci]\nprogres = 'plain'\n", "profiles.ci: there is no setting 'progres'", "Did you mean progress?"),
        ("include_secrets = true\n", "cannot stand in a configuration", "--include-secrets"),
        ("max_cost = \n", "not valid TOML", "by hand"),
        ("profiles = 3\n", "not a table", "[profiles]"),
        ("max_cost = true\n", "max_cost: true is not a number", ""),
        ("hidden = 'perhaps'\n", "neither yes nor no", ""),
        ("hidden = 1\n", "hidden: 1 is not true or false", ""),
        ("jobs = [1]\n", "jobs: a list is not a number", ""),
        ("jobs.a.b = 1\n", "jobs: a table is not a number", ""),
        ("max_time = 2026-01-01\n", "max_time: 2026-01-01 is not a number", ""),
        ("model = 5\n", "model: 5 is not text in quotes", ""),
        ("exclude = [1]\n", "exclude: a list is not text in quotes, nor a list of such", ""),
        ("profile = 5\n", "profile: 5 is not text in quotes", ""),
        ("[aliases]\nfast = 5\n", "aliases.fast: 5 is not text in quotes", ""),
        ("[key_cmd]\nopenai = ['pass']\n", "key_cmd.openai: a list is not text in quotes", ""),
        ("[profiles.ci]\nprofile = 'ci'\n", "a profile cannot name a profile", ""),
        ("a = " + "[" * 5_000, "nested too deeply", "by hand"),
        ("jobs = " + "1" * 5_000, "not valid TOML", "by hand"),
        ("jobs = '" + "x" * 9_000 + "'\n", "x…' is not a whole number", ""),
        ("\udcff = 1\n", "not valid TOML", "by hand"),
    ],
)
def test_a_configuration_with_a_slip_is_refused(own_home: Path, text: str, told: str, hint: str) -> None:
    write(own_home, text)
    with pytest.raises(UsageError) as refused:
        load()
    assert told in refused.value.message
    assert hint in refused.value.hint


def test_keys_may_be_written_with_hyphens(own_home: Path) -> None:
    write(own_home, "max-cost = 0.25\nexclude = ['a', 'b']\n")
    assert (load().max_cost, load().exclude) == (0.25, ("a", "b"))


def test_an_unknown_profile_names_the_near_one(own_home: Path) -> None:
    write(own_home, "[profiles.nightly]\njobs = 2\n")
    with pytest.raises(UsageError) as refused:
        load({"profile": "nigthly"})
    assert "nightly" in refused.value.hint


def test_an_alias_without_a_name_is_no_model(own_home: Path) -> None:
    write(own_home, "[aliases]\n'' = 'openai/gpt-5-mini'\n")
    assert load().model == ""


def test_aliases_name_models(own_home: Path) -> None:
    write(own_home, "[aliases]\nfast = 'openai/gpt-5-mini'\n")
    settings = load({"model": "fast", "sub_model": "openai/other"})
    assert (settings.model, settings.sub_model) == ("openai/gpt-5-mini", "openai/other")
    assert "alias fast" in str(settings.origins["model"])


def test_a_variable_that_looks_like_ours_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RLM_MAX_COSTS", "0.1")
    monkeypatch.setenv("RLM_SOMETHING_OF_ANOTHER_TOOL", "1")
    (warning,) = load().warnings
    assert "RLM_MAX_COSTS" in warning
    assert "did you mean RLM_MAX_COST?" in warning


def test_nothing_is_read_from_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (".rlm.toml", "config.toml", "rlm.toml", ".env", "pyproject.toml"):
        (tmp_path / name).write_text("max_cost = 99\nRLM_MAX_COST=99\n[tool.rlm]\nmax_cost = 99\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert load().max_cost == 1.0


def test_places_follow_rlm_home_then_xdg_then_the_usual(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert places().runs == tmp_path / "home" / "runs"
    monkeypatch.delenv("RLM_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    assert places().config_file == tmp_path / ".config" / "rlm" / "config.toml"
    assert (places().state, places().cache) == (tmp_path / ".local" / "state" / "rlm", tmp_path / ".cache" / "rlm")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    assert places().runs == tmp_path / "state" / "rlm" / "runs"
    assert list(tmp_path.iterdir()) == []  # looking creates nothing


def test_a_home_of_a_user_that_there_is_not_is_a_name_like_any_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no shell has looked at it: in the environment of a container."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RLM_HOME", "~nobody-of-this-name/rlm")
    assert places().runs == tmp_path / "~nobody-of-this-name" / "rlm" / "runs"


def test_what_is_written_is_private_whole_and_follows_links(tmp_path: Path) -> None:
    real = tmp_path / "dotfiles" / "config.toml"
    write_private(real, "a")
    link = tmp_path / "linked.toml"
    link.symlink_to(real)
    write_private(link, "b")
    assert real.read_text() == "b"
    assert link.is_symlink()
    assert real.stat().st_mode & 0o777 == 0o600
    assert real.parent.stat().st_mode & 0o777 == 0o700
    assert sorted(path.name for path in real.parent.iterdir()) == ["config.toml"]
