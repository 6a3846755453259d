# SPDX-License-Identifier: MIT
#
#   make run               set up this machine, then run the first scenario
#   make run BOARD=e500    the same on another board
#   make check             everything CI checks: lint, types, unit tests, scenarios on every board
#   make parts BOARDS=e500 fetch and build what runs of one board need, and no more

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/installed
SCENARIO ?= uart
BOARD ?= arm-virt
BOARDS := arm-virt e500
# Their guests have a kernel that boots faster than the board's own.
FAST := arm-virt
# Run once more on the nested QEMU of the distribution, which arm-virt has besides the one built, and
# with its kernel in the guest, whose drivers are the distribution's own binaries.
ON_STOCK_QEMU := uart sata sec-two-guests
# Run once more on hosts that boot from power-on, and not from a template.
COLD := uart dirty-host

.PHONY: run check lint parts test scenarios packages packages-for-checks clean
.NOTPARALLEL:

run: $(INSTALLED)
	@$(BIN)/testbed run --board $(BOARD) $(SCENARIO)

check parts test scenarios: BOARD := $(BOARDS)
check: lint test scenarios
	@echo "make check: everything passed"

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Fetched and built in sight first; tests and scenarios use them from the cache.
parts: $(INSTALLED)
	for board in $(BOARDS); do $(BIN)/testbed setup --board $$board --guest-qemu built || exit; done
	for board in $(filter $(FAST),$(BOARDS)); do $(BIN)/testbed setup --board $$board --guest-kernel fast || exit; done

test: parts | packages-for-checks
	$(BIN)/pytest

# One at a time: what CI finds is then the scenario's doing, not its neighbour's.
scenarios: parts
	for board in $(BOARDS); do $(BIN)/testbed run -j1 --board $$board scenarios || failed=1; done; test -z "$$failed"
	for board in $(BOARDS); do $(BIN)/testbed run -j1 --cold --board $$board $(COLD) || failed=1; done; test -z "$$failed"
	$(BIN)/testbed run -j1 --guest-kernel stock scenarios
	$(BIN)/testbed run -j1 --guest-qemu stock $(ON_STOCK_QEMU)
	$(BIN)/pytest tests/system

packages:
	@ci/packages $(BOARD)

packages-for-checks:
	@ci/packages --checks $(BOARD)

$(INSTALLED): pyproject.toml | packages
	@echo "making the virtual environment $(VENV)"
	@python3 -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

clean:
	rm -rf $(VENV) testbed-results
