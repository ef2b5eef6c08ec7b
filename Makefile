# One word per verb; `make help` lists them.  CI calls the same words.
PYTHON ?= python3
PORT   ?= 8080
ONCE   ?=
FULL   ?=
ARGS   ?=
# How many processes run tests, each with its own PostgreSQL, S3 and SES.  Two for the two cores of CI.
WORKERS ?= 2
VENV   := .venv
PY     := $(VENV)/bin/python
PRISMA := tests/integration/prisma
FOLDER := prisma/migrations/20261125000000_add_scheduled_reports
# Everything a build fetches or caches stays inside the checkout.
export UV_CACHE_DIR := $(CURDIR)/.cache/uv
export PIP_CACHE_DIR := $(CURDIR)/.cache/pip
export npm_config_cache := $(CURDIR)/.cache/npm
export UV_LINK_MODE := copy
# As pip and npm do: a company's own certificate is trusted where the system trusts it.
export UV_SYSTEM_CERTS := true

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-unit test-slow check bench gallery prisma lock wheel resolve audit packages packages-dev

help:  ## what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## */\1\t/' | expand -t 12

setup: packages $(VENV)/.made  ## the set-up alone: system packages, .venv

demo: setup  ## one report from row to mail on a local Airflow; ONCE=1 stops after it, PORT= moves it
	@$(PY) -m demo --port $(PORT) $(if $(ONCE),--once)

test: packages-dev setup $(PRISMA)/node_modules/.made  ## unit, contract, integration, dags and one e2e
	$(PY) -m pytest -n $(WORKERS) -m "not slow" $(ARGS)

test-unit: setup  ## no Airflow, no server
	$(PY) -m pytest -n $(WORKERS) tests/unit $(ARGS)

test-slow: packages-dev setup $(PRISMA)/node_modules/.made  ## what needs a running Airflow for long
	$(PY) -m pytest -m slow $(ARGS)

check: setup  ## ruff, mypy --strict, import-linter
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports --no-logo

bench: setup  ## the benchmark table and bench/results.json; FULL=1 for the big cases
	$(PY) -m bench $(if $(FULL),--full)

gallery: packages-dev setup  ## pictures of what arrives and of the pages, in docs/gallery
	$(PY) -m demo.gallery

prisma: setup  ## the Prisma migration anew, from include/scheduled_reports/sql
	@mkdir -p $(FOLDER)
	$(PY) -m include.scheduled_reports prisma-migration > $(FOLDER)/migration.sql

lock: setup  ## resolve requirements*.txt anew into requirements.lock
	$(VENV)/bin/uv pip compile --universal --python-version 3.11 --no-header --no-annotate \
		requirements-dev.txt -o requirements.lock

resolve: setup  ## whether requirements.txt resolves beside Airflow and its oldest providers; asks PyPI
	@.ci/resolve

# What could not be looked up is not clean: --strict.
audit: setup  ## known vulnerabilities of the locked packages, Python's and the Prisma tests'; asks PyPI and npm
	$(VENV)/bin/uv tool run pip-audit==2.10.1 --strict --disable-pip --no-deps --requirement requirements.lock
	cd $(PRISMA) && npm audit --package-lock-only

wheel: setup  ## the package as a wheel, in dist/
	$(VENV)/bin/uv build --quiet --wheel --no-build-isolation --python $(PY) --out-dir dist

packages:
	@bash .ci/packages packages.txt

# What tests and pictures need besides: a browser, an office and a second reader of PDF.
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
