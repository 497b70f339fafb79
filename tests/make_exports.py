"""Writes the golden files of the exports anew: `python -m tests.make_exports`. Look at the difference."""

from __future__ import annotations

import re

from rlm_cli.exports import EXPORTS
from tests.test_exports import GOLDEN, exported

if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    for name, (_, ending) in EXPORTS.items():
        if name != "html":
            text = re.sub(r'"version","value":\{"stringValue":"[^"]*"|"version":"[\d.]+"', '"version"', exported(name))
            (GOLDEN / (f"v1{ending}" if name != "sft" else "v1.sft.jsonl")).write_text(text, encoding="utf-8")
