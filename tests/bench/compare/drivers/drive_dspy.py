"""One question to `dspy.RLM`, in its own virtual environment. argv[1]: the job as JSON. stdout: the answer."""

from __future__ import annotations

import json
import sys
from pathlib import Path

job = json.loads(sys.argv[1])
with sys.stdin if job["input"] is None else Path(job["input"]).open(encoding="utf-8") as file:
    text = file.read()

import dspy  # noqa: E402

dspy.configure(lm=dspy.LM("openai/scripted", api_base=job["url"], api_key="k"))
made = dspy.RLM(
    "context, query -> answer",
    max_iters=job["turns"],
    max_llm_calls=job["calls"] + job["turns"],
    interpreter_factory=dspy.LocalInterpreter,
)
print(made(context=text, query=job["question"]).answer)
