"""Whether a value fits a JSON Schema, in a time that has an end.

Most schemas are done in steps that their size bounds, and are applied here. A pattern can be written that takes hours
to match, and references can be nested so that they are followed for ever: what holds either is applied in a process of
its own, which is ended when its time is over. A reference to an address is never fetched.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

SECONDS = 1.0
"""Of work that a value may cost, where a schema's size does not say what it costs."""
_MOST_WAIT = 60.0  # seconds of a machine that is busy with something else
_MOST_PLACES = 10_000  # of a schema, its references followed
_MOST_ERRORS = 50  # of a value that are compared to say the one that matters
_SLOW = frozenset(
    (
        *("pattern", "patternProperties", "uniqueItems", "unevaluatedProperties", "unevaluatedItems"),
        *("$id", "$anchor", "$dynamicAnchor", "$dynamicRef", "$recursiveRef"),
    )
)
_UNKNOWN = {"pattern": ""}
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_NAMED = frozenset({"properties", "$defs", "definitions", "dependentSchemas"})  # their keys are names of the user's
_NOT_APPLIED = "the schema cannot be applied"
_CHILD = (
    "import json, sys; given = json.load(sys.stdin); sys.path[:0] = given.pop('path'); "
    "from rlm_cli.validation import judge; judge(**given)"
)


def fault(schema: dict[str, Any], value: Any) -> str | None:
    """What is wrong with `value`, in a sentence for the model; None when it fits."""
    return _no_json(value) or _faults(schema, [value])[0]


def check(schema: Any) -> None:
    """Raises jsonschema.SchemaError for what is no schema of the draft that it names; 2020-12 where it names none."""
    import jsonschema

    jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator).check_schema(schema)


def inapplicable(schema: dict[str, Any]) -> str | None:
    """Why no value can be held against `schema`: a reference leads nowhere, or round. Shows on use alone."""
    faults = _faults(schema, [{}, [], "", 0])
    return next((why for why in faults if why is not None and why.startswith(_NOT_APPLIED)), None)


def is_bounded(schema: dict[str, Any]) -> bool:
    """Whether the size of `schema` bounds what it costs: no patterns, and references within it that come to an end."""
    if "$schema" in schema and not str(schema["$schema"]).startswith(_DIALECT):
        return False  # references of older drafts follow rules of their own
    left = _MOST_PLACES
    waiting: list[tuple[Any, tuple[str, ...]]] = [(schema, ())]  # places, and the references that led there
    while waiting:
        place, followed = waiting.pop()
        left -= 1
        if left < 0 or (isinstance(place, dict) and _SLOW & place.keys()):
            return False
        reference = place.get("$ref") if isinstance(place, dict) else None
        if isinstance(reference, str):
            if reference in followed:
                return False
            waiting.append((_at(schema, reference), (*followed, reference)))
        waiting += ((inner, followed) for inner in _inner(place))
    return True


def _inner(place: Any) -> Iterator[Any]:
    """The schemas within one; at least those."""
    if isinstance(place, list):
        yield from place
    elif isinstance(place, dict):
        for key, item in place.items():
            if key in _NAMED and isinstance(item, dict):
                yield from item.values()
            elif isinstance(item, dict | list):
                yield item


def _at(schema: Any, reference: str) -> Any:
    """What a reference within `schema` leads to; a pattern, which is slow, where that is not plain to see."""
    place = schema
    if reference != "#" and not reference.startswith("#/"):
        return _UNKNOWN
    for step in reference[2:].split("/") if reference != "#" else ():
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(place, dict) and name in place:
            place = place[name]
        elif isinstance(place, list) and step.isdecimal() and int(step) < len(place):
            place = place[int(step)]
        else:
            return _UNKNOWN
    return place


def _faults(schema: dict[str, Any], values: Sequence[Any]) -> list[str | None]:
    if is_bounded(schema):
        return [_fault(schema, value) for value in values]
    return _judged(schema, values)


def _fault(schema: Mapping[str, Any], value: Any) -> str | None:
    import jsonschema
    import referencing

    # An empty registry: a $ref to an address is never fetched.
    draft = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)
    validator = draft(schema, registry=referencing.Registry())
    try:
        error = jsonschema.exceptions.best_match(islice(validator.iter_errors(value), _MOST_ERRORS))
    except RecursionError:
        return f"{_NOT_APPLIED}: its references lead round in a circle, or the value is nested too deep"
    except Exception as failure:  # whatever there is where a reference leads: it need be no schema at all
        return f"{_NOT_APPLIED}: {failure}"[:500]
    if error is None:
        return None
    where = "/".join(str(step) for step in error.absolute_path)
    return f"at {where}: {error.message}"[:500] if where else error.message[:500]


def _judged(schema: Mapping[str, Any], values: Sequence[Any]) -> list[str | None]:
    """`_fault` of each value, from a process that has `SECONDS` of work and nothing in its environment."""
    given = {"path": [path for path in sys.path if Path(path).is_absolute()], "schema": schema, "values": values}
    try:
        done = subprocess.run(
            [sys.executable, "-s", "-P", "-S", "-X", "utf8", "-c", _CHILD],
            input=json.dumps(given).encode("ascii"),
            capture_output=True,
            env={},
            cwd="/",
            start_new_session=True,
            timeout=_MOST_WAIT,
            check=True,
        )
        told: list[str | None] = json.loads(done.stdout)
    except (subprocess.SubprocessError, OSError, ValueError):
        why = f"{_NOT_APPLIED} in {SECONDS:g} second: a pattern or reference in it takes too long with this value"
        return [why for _ in values]
    return told


def judge(schema: Mapping[str, Any], values: Sequence[Any]) -> None:
    """What such a process does: the faults to stdout. The system ends it when its time is over, whoever still waits."""
    import resource

    import jsonschema  # noqa: F401  (before the clock starts)

    used = resource.getrusage(resource.RUSAGE_SELF)
    limit = math.ceil(used.ru_utime + used.ru_stime + SECONDS)
    resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))
    json.dump([_fault(schema, value) for value in values], sys.stdout)


def _no_json(value: Any) -> str | None:
    """NaN and infinities fit `number`, and are no JSON all the same."""
    try:
        json.dumps(value, allow_nan=False)
    except ValueError:
        return "NaN and Infinity are no JSON: use null, or a number"
    except (TypeError, RecursionError) as error:
        return f"the value is no JSON: {error}"[:200]
    return None
