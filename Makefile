# `make backtest` and `make test` need Python 3.11 or newer, and nothing else.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check

.PHONY: help backtest test lint validate bench lock clean

help:
	@echo "make backtest   set up and run the main job on embedded data: a walk-forward of BTC_5M, a report, an MLflow run"
	@echo "make test       set up and run every check: ruff, mypy, import contract, tests"
	@echo "make validate   the slow statistical checks (marked slow)"
	@echo "make bench      benchmarks against peers, as ratios (installs the peers)"
	@echo "make lock       pin every version again"
	@echo "make clean      remove the virtual environment and everything generated, but never the trial ledger"

backtest: .venv/core.stamp
	$(BIN)/arena-backtest btc_5m --walk-forward

test: lint
	$(BIN)/pytest -m "not slow" --nbmake --nbmake-timeout=900 tests notebooks

lint: .venv/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

validate: .venv/dev.stamp
	ARENA_HYPOTHESIS=fresh $(BIN)/pytest -m slow

bench: .venv/bench.stamp
	$(BIN)/python -m benchmarks

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Arena needs Python 3.11 or newer; set PYTHON=...")'
	$(PYTHON) -m venv .venv

# The core comes first and alone: `make backtest` never waits for the development tools.
.venv/core.stamp: requirements/core.lock pyproject.toml | .venv/bin/python
	$(PIP) install --quiet --require-hashes -r requirements/core.lock
	$(PIP) install --quiet --no-deps --no-build-isolation -e .
	@touch $@

.venv/dev.stamp: requirements/dev.lock .venv/core.stamp
	$(PIP) install --quiet --require-hashes -r requirements/dev.lock
	@touch $@

.venv/bench.stamp: requirements/bench.lock .venv/core.stamp
	$(PIP) install --quiet --require-hashes -r requirements/bench.lock
	@touch $@

LOCK = $(BIN)/uv pip compile --quiet --python-version 3.11 --universal --generate-hashes \
	--no-header --no-annotate --no-emit-index-url --no-emit-find-links pyproject.toml requirements/build.in

lock: .venv/dev.stamp
	$(LOCK) -o requirements/core.lock
	$(LOCK) --extra dev -o requirements/dev.lock -c requirements/core.lock
	$(LOCK) --extra interop -o requirements/bench.lock -c requirements/core.lock

clean:
	rm -rf .venv reports mlflow.db mlartifacts .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find data -mindepth 1 -maxdepth 1 ! -name README.md -exec rm -rf {} +
