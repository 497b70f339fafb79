# Two commands for a newcomer: `make run` and `make test`. Both set everything up the first time and install nothing the second.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
ARGS ?= ask rlm_cli "where are secret files left out?"

.PHONY: smoke-llm run test check format lock completions recordings clean bench profile bench-context bench-walk bench-worker bench-gate bench-journal bench-view bench-terminal

run: $(READY)
	@$(BIN)/rlm $(ARGS)

test: $(READY)
	@$(BIN)/python -m pytest $(TESTS)

check: $(READY)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

format: $(READY)
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

# Hashes are checked, nothing is resolved anew: a stranger gets the versions that CI tested.
$(READY): requirements/dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("rlm needs Python 3.11 or newer; say which with: make run PYTHON=python3.12") if sys.version_info < (3, 11) else None'
	@echo "Setting up $(VENV) (about a minute, once) ..." >&2
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements/dev.lock
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

# Whatever is made from the table of options: completions, the man page, the tables of the README.
completions: $(READY)
	@$(BIN)/python -m rlm_cli.cli.completion.scripts completions
	@$(BIN)/python -m rlm_cli.cli.fragments README.md

# Beside peers from PyPI and plain tools, at most 20 minutes on two quiet cores; BENCH=help for one row of it.
bench: $(READY)
	@$(BIN)/python -m tests.bench.compare $(if $(BENCH),--row $(BENCH),--results tests/bench/results)

# Where the time of one real ask goes: flame graphs in build/profile, the dearest lines, what is imported.
profile: $(READY)
	@$(BIN)/python -m tests.bench.profile

bench-context bench-walk bench-worker bench-gate bench-journal bench-view bench-terminal: bench-%: $(READY)
	@$(BIN)/python -m tests.bench.bench_$*

# The recorded runs that `rlm replay` walks again in tests/test_recorded_runs.py: only where an output is meant to change.
recordings: $(READY)
	@$(BIN)/python -m tests.record_runs $(RUNS)

# A real model on small tasks, at an OpenAI-compatible endpoint: make smoke-llm BASE_URL=… MODEL=… [WINDOW=…] [TASKS=…]
# REFERENCE=1 runs the reference implementation on the same tasks beside it. No part of `make test`.
smoke-llm: $(READY)
	@$(BIN)/python -m tests.smoke.run --base-url "$(BASE_URL)" --model "$(MODEL)" $(if $(WINDOW),--window $(WINDOW)) $(if $(REFERENCE),--reference) $(TASKS)

lock:
	uv pip compile --universal --python-version 3.11 --generate-hashes -q --no-header --no-emit-index-url pyproject.toml -o requirements/run.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes -q --no-header --no-emit-index-url --extra dev pyproject.toml -c requirements/run.lock -o requirements/dev.lock

clean:
	rm -rf $(VENV) dist build
