"""One task through the reference implementation (`rlms`), in a virtual environment of its own. Imports nothing of ours.

stdin: {"model", "base_url", "question", "text", "max_iterations", "max_timeout", "temperature"}. stdout's last line: the
answer, turns and tokens. The reference takes one text: several files follow each other under `==> path <==`.
"""

from __future__ import annotations

import json
import sys

from rlm import RLM

wanted = json.load(sys.stdin)
turns = 0


def turn(depth: int, number: int, seconds: float) -> None:
    global turns  # noqa: PLW0603
    turns += depth == 0


model = RLM(
    backend="openai",
    backend_kwargs={
        "model_name": wanted["model"],
        "base_url": wanted["base_url"],
        "api_key": wanted["key"],
        "timeout": wanted["max_timeout"],
    },
    environment="local",
    max_depth=1,
    max_iterations=wanted["max_iterations"],
    max_timeout=wanted["max_timeout"],
    sampling_args={} if wanted["temperature"] is None else {"temperature": wanted["temperature"]},
    on_iteration_complete=turn,
)
answer, error, tokens = "", "", [0, 0]
try:
    done = model.completion(wanted["text"], root_prompt=wanted["question"])
    answer = str(done.response)
    used = done.usage_summary.model_usage_summaries.values()
    tokens = [sum(each.total_input_tokens for each in used), sum(each.total_output_tokens for each in used)]
except Exception as failure:
    error = f"{type(failure).__name__}: {failure}"
    answer = str(getattr(failure, "partial_answer", "") or "")
print(json.dumps({"answer": answer, "turns": turns, "input": tokens[0], "output": tokens[1], "error": error[:300]}))
