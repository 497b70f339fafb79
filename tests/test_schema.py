"""--schema: every form is read, a wrong one is refused with a sentence, and no value that does not fit gets through."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rlm_cli.errors import UsageError
from rlm_cli.schema import Schema

TABLE = {
    "type": "object",
    "properties": {"path": {"type": "string"}, "line": {"type": "integer"}, "why": {"type": "string"}},
    "required": ["path", "line", "why"],
}


def test_the_short_form_is_an_object_with_typed_fields() -> None:
    assert Schema.parse("path, line int, why").json == TABLE
    assert Schema.parse("path\nline int\nwhy").json == TABLE


def test_a_list_is_asked_for_by_brackets_or_flag() -> None:
    wanted = {"type": "array", "items": TABLE}
    assert Schema.parse("path, line int, why[]").json == wanted
    assert Schema.parse("path, line int, why", multi=True).json == wanted


def test_a_file_holds_either_form(tmp_path: Path) -> None:
    (tmp_path / "s.json").write_text('{"type": "integer"}')
    (tmp_path / "s.txt").write_text("n int: how many, if any\nwhy")
    assert Schema.parse(str(tmp_path / "s.json")).json == {"type": "integer"}
    short = Schema.parse(str(tmp_path / "s.txt")).json["properties"]
    assert short == {"n": {"type": "integer", "description": "how many, if any"}, "why": {"type": "string"}}
    assert Schema.parse(f"@{tmp_path / 's.json'}").json == {"type": "integer"}


NOWHERE = [
    '{"$ref": "#/nope"}',
    '{"$ref": "#"}',
    '{"$dynamicRef": "#x"}',
    '{"$ref": "http://127.0.0.1:9/schema.json"}',  # never fetched
    '{"$ref": "file:///etc/passwd"}',
    '{"a":' * 3000,
]


@pytest.mark.parametrize("wrong", NOWHERE)
def test_a_reference_that_leads_nowhere_is_refused_before_anything_is_spent(wrong: str) -> None:
    with pytest.raises(UsageError, match="--schema"):
        Schema.parse(wrong)


DRAFTS = [
    (
        "http://json-schema.org/draft-07/schema#",
        {"items": [{"type": "integer"}], "additionalItems": False},
        [1],
        [1, 2],
    ),
    ("http://json-schema.org/draft-07/schema", {"$ref": "#/definitions/a", "definitions": {"a": {"const": 1}}}, 1, 2),
    ("http://json-schema.org/draft-04/schema#", {"minimum": 0, "exclusiveMinimum": True}, 1, 0),
    (
        "https://json-schema.org/draft/2020-12/schema",
        {"prefixItems": [{"type": "integer"}], "items": False},
        [1],
        [1, 2],
    ),
]


@pytest.mark.parametrize(("draft", "schema", "fits", "unfit"), DRAFTS)
def test_a_schema_is_of_the_draft_that_it_names(
    draft: str, schema: dict[str, object], fits: object, unfit: object
) -> None:
    text = json.dumps({"$schema": draft} | schema)
    assert Schema.parse(text).fault(fits) is None
    assert Schema.parse(text).fault(unfit) is not None
    assert Schema.parse(text, multi=True).fault([fits, fits]) is None
    assert Schema.parse(text, multi=True).fault([fits, unfit]) is not None


def test_the_references_of_a_schema_lead_where_they_led_when_several_are_asked_for() -> None:
    one = {"$defs": {"p": {"type": "integer"}}, "type": "object", "properties": {"n": {"$ref": "#/$defs/p"}}}
    several = Schema.parse(json.dumps(one), multi=True)
    assert several.fault([{"n": 1}]) is None
    assert several.fault([{"n": "x"}]) is not None
    assert Schema.given(json.dumps(one)).fault({"n": "x"}) is not None


def test_the_short_form_knows_the_types_by_both_names() -> None:
    assert (
        Schema.parse("a integer, b boolean, c string, d number").json
        == Schema.parse("a int, b bool, c str, d float").json
    )


def test_references_that_lead_round_are_told_in_words() -> None:
    circle = {"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"}
    with pytest.raises(UsageError, match="lead round in a circle"):
        Schema.parse(json.dumps(circle))


def test_nan_is_no_json() -> None:
    assert "no JSON" in (Schema.parse("v number").read({"v": float("nan")})[1] or "")


@pytest.mark.parametrize("wrong", ["", "a b c", "1x", '{"type": "nonsense"}', "{", "@/no/such/file", "name: x, y ???"])
def test_a_wrong_schema_is_refused_before_anything_is_spent(wrong: str) -> None:
    with pytest.raises(UsageError) as refused:
        Schema.parse(wrong)
    assert "--schema" in refused.value.message
    assert refused.value.exit_status == 2


def test_a_value_that_does_not_fit_is_told_where() -> None:
    schema = Schema.parse("path, line int[]")
    assert schema.read([{"path": "a", "line": 1}]) == ([{"path": "a", "line": 1}], None)
    assert schema.read({"items": [{"path": "a", "line": 1}]}) == ([{"path": "a", "line": 1}], None)
    assert schema.read({"path": "a", "line": 1}) == ([{"path": "a", "line": 1}], None)
    assert "0/line" in (schema.read([{"path": "a", "line": "x"}])[1] or "")
    assert schema.read("```json\n[]\n```") == ([], None)
    assert "not a sentence" in (schema.read("There are none.")[1] or "")
    assert Schema({"type": "string"}).read("12") == ("12", None)


HOSTILE = [
    "/etc/passwd",
    "@/etc/passwd",
    {"$ref": "http://127.0.0.1:9/schema.json"},
    {"$ref": "file:///etc/passwd"},
    {"type": "string", "pattern": "(a+)+$"},
    {"type": "object", "properties": {"x": {"patternProperties": {"(a+)+$": {}}}}},
    {"$ref": "#/properties", "properties": {"pattern": {"type": "string"}}},
    {"$ref": "#/enum/0", "enum": [{"pattern": "(a+)+$"}]},
    {"$ref": "#/nowhere"},
    {"$ref": "#/$defs/n", "$defs": {"n": {"items": {"$ref": "#/$defs/n"}}}},
    {
        "$defs": {f"n{n}": {"allOf": [{"$ref": f"#/$defs/n{n + 1}"}] * 2} for n in range(30)} | {"n30": {}},
        "$ref": "#/$defs/n0",
    },
    {"type": "nonsense"},
    {"enum": ["x" * 200_000]},
    ["not", "a", "schema"],
    7,
]


@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: str(value)[:30])
def test_a_schema_from_a_cell_reaches_no_file_no_address_and_no_slow_pattern(value: object) -> None:
    with pytest.raises(ValueError, match=r".") as refused:
        Schema.given(value)
    assert "root:" not in str(refused.value)


def test_a_schema_from_a_cell_takes_both_forms() -> None:
    assert Schema.given("path, line int, why").json == TABLE
    assert Schema.given("path, line int, why[]").json == {"type": "array", "items": TABLE}
    assert Schema.given(TABLE).json == TABLE
    shared = {"$ref": "#/$defs/n", "$defs": {"n": {"type": "object", "properties": {"pattern": {"type": "integer"}}}}}
    assert Schema.given(shared).read({"pattern": 3}) == ({"pattern": 3}, None)
    assert Schema.given("pattern, line int").read({"pattern": "x", "line": 1})[1] is None


def test_a_pattern_that_never_ends_is_ended() -> None:
    schema = Schema.parse('{"type": "string", "pattern": "^(a+)+$"}')
    assert schema.read("aaa") == ("aaa", None)
    assert "does not match" in (schema.fault("b") or "")
    assert "takes too long" in (schema.fault("a" * 60 + "!") or "")


def test_references_that_multiply_are_ended_and_those_to_themselves_work() -> None:
    tree = Schema.parse(
        '{"$ref": "#/$defs/n", "$defs": {"n": {"type": "object", "properties": {"n": {"$ref": "#/$defs/n"}}}}}'
    )
    assert tree.read({"n": {"n": {}}}) == ({"n": {"n": {}}}, None)
    assert "at n/n: 3" in (tree.fault({"n": {"n": 3}}) or "")
    many = {f"n{n}": {"allOf": [{"$ref": f"#/$defs/n{n + 1}"}] * 2} for n in range(30)}
    with pytest.raises(UsageError, match="takes too long"):
        Schema.parse(json.dumps({"$defs": many | {"n30": {}}, "$ref": "#/$defs/n0"}))


def test_a_reference_to_what_is_no_schema_is_a_fault_and_no_bug() -> None:
    with pytest.raises(UsageError, match="cannot be applied"):
        Schema.parse('{"$ref": "#/enum/0", "enum": [{"type": 5}]}')
