"""How often the offline model sends a reader to the right file.

    python tests/bench/eval_offline.py --fetch DIR     install the packages into DIR (once), pinned, without dependencies
    python tests/bench/eval_offline.py DIR             ask every question through `rlm ask`, print a table
    python tests/bench/eval_offline.py DIR -v          also print each question that was missed

A question is met when one of its files is among the first three sources. `tuned` packages were looked at while the model
was made, `unseen` ones only measured; see `offline_questions.py`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from offline_questions import TUNED, UNSEEN, VERSIONS, Questions

_SOURCES = 3


def fetch(target: Path) -> None:
    """Install the pinned packages into `target`."""
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-compile", "--target", str(target)]
    subprocess.run([*pip, *VERSIONS], check=True)


def sources(package: Path, question: str, home: str) -> tuple[list[str], float]:
    """The paths of the answer's sources in order, and seconds from start to exit."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "rlm_cli", "ask", str(package), question, "-m", "offline/extractive", "--json"]
    # --no-ignore: an installed package may lie below an ignored directory.
    done = subprocess.run(
        [*command, "--no-ignore"],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "RLM_HOME": home},
    )
    seconds = time.perf_counter() - began
    if done.returncode not in (0, 1):
        raise SystemExit(f"rlm ask failed with {done.returncode} on {question!r}:\n{done.stderr}")
    return [citation["path"] for citation in json.loads(done.stdout)["citations"]], seconds


def measure(title: str, packages: dict[str, Questions], root: Path, home: str, verbose: bool) -> None:
    """Ask, and print a row for each package and one for all."""
    asked = met = first = 0
    slowest = 0.0
    for package, questions in packages.items():
        here = here_first = 0
        for question, files in questions:
            paths, seconds = sources(root / package, question, home)
            slowest = max(slowest, seconds)
            good = [any(path.endswith(f"/{file}") for file in files) for path in paths[:_SOURCES]]
            here += any(good)
            here_first += bool(good and good[0])
            if verbose and not any(good):
                print(f"  missed: {question} → {', '.join(paths[:_SOURCES]) or 'nothing'}; wanted {', '.join(files)}")
        print(f"{title:8} {package:10} {here:3} of {len(questions):3}   first source: {here_first}", flush=True)
        asked, met, first = asked + len(questions), met + here, first + here_first
    print(
        f"{title:8} {'all':10} {met:3} of {asked:3} ({met / asked:.0%})   first source: {first} ({first / asked:.0%})"
    )
    print(f"{title:8} slowest question {slowest:.1f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=Path)
    parser.add_argument("--fetch", action="store_true", help="install the packages into ROOT and stop")
    parser.add_argument("-v", "--verbose", action="store_true")
    arguments = parser.parse_args()
    if arguments.fetch:
        fetch(arguments.root)
        return
    with tempfile.TemporaryDirectory() as home:
        measure("tuned", TUNED, arguments.root, home, arguments.verbose)
        measure("unseen", UNSEEN, arguments.root, home, arguments.verbose)


if __name__ == "__main__":
    main()
