# SPDX-License-Identifier: MIT
#
#   make run     set up this machine, then run the first scenario
#   make check   everything CI checks: lint, types, unit tests, scenarios

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/installed
SCENARIO ?= uart

.PHONY: run check lint test scenarios packages clean
.NOTPARALLEL:

run: $(INSTALLED)
	@$(BIN)/testbed run $(SCENARIO)

check: lint test scenarios
	@echo "make check: everything passed"

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The parts are fetched and built in sight first; tests use them from the cache.
test: $(INSTALLED)
	$(BIN)/testbed setup
	$(BIN)/pytest

scenarios: $(INSTALLED)
	$(BIN)/testbed run scenarios
	$(BIN)/pytest tests/system

packages:
	@ci/packages

$(INSTALLED): pyproject.toml | packages
	@echo "making the virtual environment $(VENV)"
	@python3 -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

clean:
	rm -rf $(VENV) testbed-results
