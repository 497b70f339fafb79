"""One question to `rlmness`, in its own virtual environment. argv[1]: the job as JSON. stdout: the answer.

Its commands know three providers by address, so the endpoint is given from Python. `subprocess` is the quicker of its two
runtimes; limits are raised to where they do not bite.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from rlmness import ChatClient, Config, Journal, solve
from rlmness.providers import Provider

job = json.loads(sys.argv[1])
with sys.stdin if job["input"] is None else Path(job["input"]).open(encoding="utf-8") as file:
    text = file.read()

config = Config(
    primary_agent="scripted",
    runtime="subprocess",
    max_steps=job["turns"],
    max_depth=job["depth"] + 1,
    max_calls=10 * (job["calls"] + job["turns"]),
)
client = ChatClient("k", provider=Provider("bench", job["url"] + "/chat/completions", "BENCH_KEY"))
trace = Journal(Path(job["log"]) / "run.jsonl") if job["log"] else None
print(solve(text, client, instruction=job["question"], config=config, trace=trace).output)
