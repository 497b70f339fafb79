"""One question to `rlms`, in its own virtual environment. argv[1]: the job as JSON. stdout: the answer."""

from __future__ import annotations

import json
import sys
from pathlib import Path

job = json.loads(sys.argv[1])
with sys.stdin if job["input"] is None else Path(job["input"]).open(encoding="utf-8") as file:
    text = file.read()

from rlm import RLM  # noqa: E402
from rlm.logger import RLMLogger  # noqa: E402

made = RLM(
    backend="openai",
    backend_kwargs={"model_name": "scripted", "base_url": job["url"], "api_key": "k"},
    environment="local",
    max_depth=job["depth"],
    max_iterations=job["turns"],
    logger=RLMLogger(log_dir=job["log"]) if job["log"] else None,
)
print(made.completion(text, root_prompt=job["question"]).response)
