# Every target sets up .venv by itself; the second time it costs nothing.
#   make quickstart   discover activations on real data
#   make test         lint, types, arrows, tests: what CI runs
#   make test-all     the same and everything slow; the summary is kept
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
SHELL := bash
.SHELLFLAGS := -o pipefail -c
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: install quickstart test test-all lint clean
.DEFAULT_GOAL := install

install: $(VENV)/.installed

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing evoact and what it needs into $(VENV) (a few minutes the first time)"
	$(PIP) --editable .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@echo "Installing the tools of the tests into $(VENV)"
	$(PIP) --editable '.[dev]'
	$(BIN)/python tests/mend_torchvision.py
	@touch $@

quickstart: install
	$(BIN)/evoact search search_spaces/quickstart.yaml

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

test: lint
	$(BIN)/pytest -q -n 2 --dist loadgroup

test-all: lint
	mkdir -p benchmarks/results
	$(BIN)/pytest -q -n 2 --dist loadgroup -m 'not gpu' --durations=15 -rs 2>&1 | tee /dev/stderr | tail -n 40 > benchmarks/results/test-all.txt

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
