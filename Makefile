# Every command of the project. `make` alone lists them.
SHELL := /bin/bash
# The first Python that is new enough; PYTHON=... names another.
PYTHON ?= $(shell for one in python3.11 python3 python; do $$one -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$one && break; done)
VENV := .venv
BIN := $(VENV)/bin
export PYTHONUNBUFFERED = 1

.DEFAULT_GOAL := help
.PHONY: help demo serve test check format bench replay replay-labels invoices soak faults fuzz lock schema graphiql clean

help: ## List the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1|/' | awk -F'|' '{printf "  make %-13s %s\n", $$1, $$2}'

# The environment is made once per lock file; a broken attempt leaves no stamp behind.
# -qq keeps pip's warnings to itself and shows its errors.
$(VENV)/run.stamp: requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: install it, or name it with PYTHON=..."; exit 1; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@echo "Installing the pinned dependencies ..."
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/dev.stamp: requirements-dev.lock $(VENV)/run.stamp
	@echo "Installing the tools for tests and checks ..."
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

demo: $(VENV)/run.stamp ## The demo mall on http://127.0.0.1:8000, from nothing
	@exec $(BIN)/shelfgraph demo

serve: $(VENV)/run.stamp ## The server alone, on the configured database
	@exec $(BIN)/shelfgraph serve

# One process per core and one more, for tests that wait; each has a PostgreSQL of its own. The tests of a file
# share one process, as they share a database.
test: $(VENV)/dev.stamp ## Every test, on an embedded PostgreSQL
	@$(BIN)/python -m pytest --dist=loadfile --numprocesses=$$($(BIN)/python -c 'import os; print(min(8, os.cpu_count() + 1))')

check: $(VENV)/dev.stamp ## Format, lint, types, and the tests of the house itself
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/python -m pytest tests/house

format: $(VENV)/dev.stamp ## Rewrite the code in the house's format
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: $(VENV)/dev.stamp ## Rates and latencies beside their ceilings; only=reads,hub chooses
	@$(BIN)/python -m tests.bench $(foreach name,only seconds rounds,$(if $($(name)),--$(name)=$($(name))))

soak: $(VENV)/dev.stamp ## Random kills while writers commit; minutes=2 seed=7 redis=without choose
	@$(BIN)/python -m tests.soak $(foreach name,minutes seed redis,$(if $($(name)),--$(name)=$($(name))))

faults: $(VENV)/dev.stamp ## Kills of server and PostgreSQL amid checkouts; checkouts=1000 seed=7 choose
	@$(BIN)/python -m tests.faults $(foreach name,checkouts seed,$(if $($(name)),--$(name)=$($(name))))

fuzz: $(VENV)/dev.stamp ## Every property at length, with new chances each time; only=tests/inventory chooses
	@$(BIN)/python -m pytest --hypothesis-profile=fuzz --timeout=0 $$(grep -rlE 'from hypothesis(.stateful)? import' --include='test_*.py' $(or $(only),tests))

schema: $(VENV)/run.stamp ## Print schema.graphql anew from the code
	@$(BIN)/shelfgraph schema export --output schema.graphql

replay: $(VENV)/dev.stamp ## Three years of real prices and a year of real coupons, every difference told
	@$(BIN)/python -m tests.replay
	@$(BIN)/python -m tests.loyalty.journey
	@$(BIN)/python -m pytest -m long

invoices: $(VENV)/dev.stamp ## A year of a web shop's invoices as orders and returns, to the penny
	@$(BIN)/python -m tests.replay.invoices

replay-labels: $(VENV)/dev.stamp ## The same prices as load for shelf labels, one store per chain; chart=FILE.png draws its peak
	@$(BIN)/python -m tests.replay.labels $(if $(chart),--chart=$(chart))

lock: $(VENV)/dev.stamp ## Pin the dependencies anew, with hashes and without addresses
	@$(BIN)/uv pip compile --quiet --upgrade --universal --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-annotate --extra build -o requirements.lock pyproject.toml
	@$(BIN)/uv pip compile --quiet --upgrade --universal --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-annotate --extra build --extra dev -c requirements.lock -o requirements-dev.lock pyproject.toml

graphiql: ## Rebuild the explorer of /graphql (the only command that needs Node)
	@cd tools/graphiql && npm ci --ignore-scripts --no-audit --no-fund && npm run --silent build

clean: ## Remove the environment and the demo's data
	@rm -rf $(VENV) var
