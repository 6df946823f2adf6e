# Two targets do all set-up on a machine that has only Python 3.11 and make: `make plan` and `make test`.
# `make conformance` asks real servers; it needs Debian (as root for what is missing), Go and Node.js.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: plan test conformance format notebook bench clean

plan: $(VENV)/.installed
	$(BIN)/planner optimize datasets/taiwan/scenario.yaml -o exports/taiwan

test: $(VENV)/.installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	MYPYPATH=tests/benchmarks:tests/oracles $(BIN)/mypy tests/benchmarks/bench_*.py tests/benchmarks/run_all.py
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -n auto --dist loadfile $(PYTEST)

conformance: $(VENV)/.installed-dev
	.ci/packages.sh
	.ci/tools.sh
	PLANNER_CONFORMANCE=1 $(BIN)/python -m pytest -m 'slow or not slow' tests/conformance $(PYTEST)

format: $(VENV)/.installed-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

notebook: $(VENV)/.installed-dev
	$(BIN)/jupyter lab notebooks

bench: $(VENV)/.installed-dev
	$(BIN)/python tests/benchmarks/run_all.py

# Each install leaves a mark, so that a second run starts at once; a changed project file renews it.
$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	touch $@

$(VENV)/.installed-dev: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@ $(VENV)/.installed

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
