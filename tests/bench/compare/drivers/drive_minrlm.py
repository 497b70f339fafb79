"""One question to `minrlm`, in its own virtual environment. argv[1]: the job as JSON. stdout: the answer.

As its command does it (`RLMReasoning`, without Docker), with limits raised to where they do not bite.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

job = json.loads(sys.argv[1])
with sys.stdin if job["input"] is None else Path(job["input"]).open(encoding="utf-8") as file:
    text = file.read()

from minrlm.core_reasoning import RLMReasoning  # noqa: E402

made = RLMReasoning(
    model="scripted",
    base_url=job["url"],
    api_key="k",
    max_iterations=job["turns"],
    max_time_seconds=600,
    max_sub_llm_calls=job["calls"],
    log_dir=job["log"],
    use_docker=False,
)
print(made.completion(task=job["question"], context=text).response)
