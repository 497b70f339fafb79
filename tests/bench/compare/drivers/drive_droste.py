"""One question to the command `droste`, in its own virtual environment. argv[1]: the job as JSON. stdout: the answer."""

from __future__ import annotations

import json
import sys

from droste_cli.main import main

job = json.loads(sys.argv[1])
sys.argv = ["droste", job["question"], "--provider", "openai", "--base-url", job["url"], "--api-key", "k"]
sys.argv += [
    "--model",
    "scripted",
    "--subcall-model",
    "scripted",
    "--max-bytes",
    str(10**12),
    "--max-file-bytes",
    str(10**12),
]
sys.argv += [
    "--max-iterations",
    str(job["turns"]),
    "--budget-subcalls",
    str(job["calls"]),
    "--budget-tokens",
    str(10**9),
]
sys.argv += ["--budget-wall-ms", "600000"]
if job["input"] is not None:
    sys.argv.insert(2, job["input"])
sys.exit(main())
