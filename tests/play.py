"""Plays a sample of events through the real sinks, as a process of its own: `python -m tests.play SCRIPT [options]`."""

from __future__ import annotations

import argparse
import sys
import time
from types import SimpleNamespace

from rlm_cli.errors import ExitStatus, RlmError
from rlm_cli.sinks import open_sinks
from rlm_cli.sinks.answer import write_answer
from rlm_cli.sinks.report import Report
from rlm_cli.state import State
from rlm_cli.terminal import Environment, keep_standard_descriptors
from tests import events_sample


def main() -> int:
    keep_standard_descriptors()
    parser = argparse.ArgumentParser()
    parser.add_argument("script")
    parser.add_argument("--format", default="text")
    parser.add_argument("--progress", default="auto")
    parser.add_argument("--color", default="auto")
    parser.add_argument("--verbose", type=int, default=0)
    parser.add_argument("--pause", type=float, default=0.0, help="seconds between events")
    parser.add_argument("--hold", type=float, default=0.0, help="seconds before the end")
    parser.add_argument("--end", default="close", choices=["close", "raise", "exit"])
    options = parser.parse_args()
    environment = Environment.of_process(options.color)
    state = State()
    display = SimpleNamespace(progress=options.progress, format=options.format, quiet=False, verbose=options.verbose)
    sinks = open_sinks(display, environment, on_reader_gone=lambda: None)
    try:
        for record in getattr(events_sample, options.script)().records:
            time.sleep(options.pause)
            state.apply(record)
            for sink in sinks:
                sink.emit(record)
        time.sleep(options.hold)
        if options.end == "raise":
            raise RuntimeError("a bug")
        if options.end == "exit":
            sys.exit(5)
    except BrokenPipeError:
        return ExitStatus.PIPE
    except RlmError as error:
        environment.stderr.line(f"rlm: {error.message}")
        return error.status
    finally:
        if options.end == "close":
            for sink in reversed(sinks):
                sink.close()
    try:
        write_answer(Report.of(state, exit_code=0), options.format, environment)
    except RlmError as error:
        environment.stderr.line(f"rlm: {error.message}")
        return error.status
    return 0


if __name__ == "__main__":
    sys.exit(main())
