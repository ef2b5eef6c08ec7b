# One target per task; `make help` lists them.  CI uses the same targets.
PYTHON ?= python3
PORT   ?= 8080
ONCE   ?=
FULL   ?=
ARGS   ?=
# Test processes; each starts its own PostgreSQL, S3 and SES.  CI has two cores.
WORKERS ?= 2
VENV   := .venv
PY     := $(VENV)/bin/python
PRISMA := tests/integration/prisma
READERS := tests/readers
CLIENT := prisma/client
FOLDER := prisma/migrations/20261125000000_add_scheduled_reports
# All downloads and caches of a build stay inside the checkout.
export UV_CACHE_DIR := $(CURDIR)/.cache/uv
export PIP_CACHE_DIR := $(CURDIR)/.cache/pip
export npm_config_cache := $(CURDIR)/.cache/npm
export UV_LINK_MODE := copy
# Like pip and npm: trust a company's own certificate if the system trusts it.
export UV_SYSTEM_CERTS := true

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-unit test-slow check bench gallery prisma client lock wheel resolve audit packages packages-dev

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## */\1\t/' | expand -t 12

setup: packages $(VENV)/.made  ## install system packages and create .venv

demo: setup  ## run one report on a local Airflow, from row to email; ONCE=1 stops after it, PORT= sets the port
	@$(PY) -m demo --port $(PORT) $(if $(ONCE),--once)

test: packages-dev setup $(PRISMA)/node_modules/.made $(READERS)/node_modules/.made $(CLIENT)/node_modules/.made  ## run the unit, contract, integration, dags and fast e2e tests
	$(PY) -m pytest -n $(WORKERS) -m "not slow" $(ARGS)

test-unit: setup  ## run the unit tests: no Airflow, no server
	$(PY) -m pytest -n $(WORKERS) -m "not slow" tests/unit $(ARGS)

# Each process runs at most one Airflow at a time, and most of these tests wait for it.
test-slow: packages-dev setup $(PRISMA)/node_modules/.made $(READERS)/node_modules/.made $(CLIENT)/node_modules/.made  ## run the slow tests: most need a running Airflow
	$(PY) -m pytest -n $(WORKERS) -m slow $(ARGS)

check: setup  ## run ruff, mypy --strict and import-linter
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports --no-logo

bench: setup  ## run the benchmarks and write bench/results.json; FULL=1 for the large cases
	$(PY) -m bench $(if $(FULL),--full)

gallery: packages-dev setup  ## create the pictures of docs/gallery
	$(PY) -m demo.gallery

prisma: setup  ## write the Prisma migration from include/scheduled_reports/adapters/postgres/sql
	@mkdir -p $(FOLDER)
	$(PY) -m include.scheduled_reports prisma-migration > $(FOLDER)/migration.sql

client: setup $(CLIENT)/node_modules/.made  ## write the types of the Node.js client from the OpenAPI document
	$(PY) -m include.scheduled_reports openapi > $(CLIENT)/openapi.json
	cd $(CLIENT) && npm run --silent generate

lock: setup  ## resolve requirements-dev.txt into requirements.lock
	$(VENV)/bin/uv pip compile --universal --python-version 3.11 --no-header --no-annotate \
		--override .ci/overrides.txt requirements-dev.txt -o requirements.lock

resolve: setup  ## check that requirements.txt and the ranges of the wheel resolve with Airflow, oldest and newest; queries PyPI
	@.ci/resolve

# --strict: a package that cannot be looked up is a failure.  tests/readers is left out: SheetJS publishes to npm no
# version without known advisories, and the tests give it only files of our own.
audit: setup  ## look for known vulnerabilities of the locked packages; queries PyPI and npm
	$(VENV)/bin/uv tool run pip-audit==2.10.1 --strict --disable-pip --no-deps --requirement requirements.lock
	cd $(PRISMA) && npm audit --package-lock-only
	cd $(CLIENT) && npm audit --package-lock-only

wheel: setup  ## build the wheel into dist/
	$(VENV)/bin/uv build --quiet --wheel --no-build-isolation --python $(PY) --out-dir dist

packages:
	@bash .ci/packages packages.txt

# Tests and pictures also need a browser, an office suite and a second PDF reader.
packages-dev:
	@bash .ci/packages packages.txt packages-dev.txt

$(VENV)/.made: requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --quiet --disable-pip-version-check $$(grep '^uv==' requirements.lock)
	$(VENV)/bin/uv pip sync --quiet --python $(PY) requirements.lock
	@touch $@

$(PRISMA)/node_modules/.made: $(PRISMA)/package-lock.json $(wildcard $(PRISMA)/schema/*)
	@command -v npm >/dev/null || { echo "npm (Node.js 20.11 or later) is needed for the Prisma tests"; exit 1; }
	cd $(PRISMA) && npm ci --silent --no-audit --no-fund && npm run --silent generate
	@touch $@

$(CLIENT)/node_modules/.made: $(CLIENT)/package-lock.json
	@command -v npm >/dev/null || { echo "npm (Node.js 20.11 or later) is needed for the tests"; exit 1; }
	cd $(CLIENT) && npm ci --silent --no-audit --no-fund
	@touch $@

$(READERS)/node_modules/.made: $(READERS)/package-lock.json
	@command -v npm >/dev/null || { echo "npm (Node.js 20.11 or later) is needed for the tests"; exit 1; }
	cd $(READERS) && npm ci --silent --no-audit --no-fund
	@touch $@
