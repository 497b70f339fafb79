"""The identifiers that a question spells out."""

from __future__ import annotations

import re

_IDENTIFIER = r"[A-Za-z_]\w*(?:(?:\.|::|#)[A-Za-z_]\w*)*"
_ASKED = re.compile(
    r"\bwhere(?:'s|\s+is|\s+are|\s+was)?\s+(?:the\s+)?(?:(?:function|class|method|constant|variable|type|name)\s+)?"
    rf"[`'\"]?({_IDENTIFIER})(?:\(\))?[`'\"]?\s+(?:(?:function|class|method|constant|variable|type)\s+)?"
    r"(?:is\s+)?(?:defined|declared)\b"
    rf"|\bdefinition\s+of\s+(?:the\s+)?(?:(?:function|class|method)\s+)?[`'\"]?({_IDENTIFIER})",
    re.I,
)
_TOKEN = re.compile(rf"(?<![\w/.-]){_IDENTIFIER}(?![\w/-])")
_WRITTEN_AS_CODE = re.compile(r"[A-Za-z0-9]_[A-Za-z0-9]|[a-z][A-Z]|[A-Z]{2}[a-z]|\w{2}(?:\.|::|#)\w{2}")
_FILE = re.compile(
    r"\.(?:py|pyi|js|jsx|ts|tsx|md|rst|txt|toml|json|ya?ml|log|cfg|ini|html|css|sh|csv|c|h|cc|cpp|hpp|go|rs|java|rb)$",
    re.I,
)


def identifier(question: str) -> str:
    """What the question asks the definition of, as written, or an empty string."""
    found = _ASKED.search(question)
    return (found[1] or found[2]) if found else ""


def identifiers(question: str) -> list[str]:
    """The words of a question that are written as code is: with `_`, inner capitals, or a dot between names."""
    tokens = (token.rstrip(".") for token in _TOKEN.findall(question))
    return [token for token in tokens if _WRITTEN_AS_CODE.search(token) and not _FILE.search(token)]


def written_as_code(name: str) -> bool:
    return bool(_WRITTEN_AS_CODE.search(name))


def last_part(name: str) -> str:
    """`open_session` of `Transport.open_session`."""
    return re.split(r"\.|::|#", name)[-1]
