# LLo11yPop: everything a person or a CI job runs. Needs make and Python 3.11 or newer, nothing else.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip -qq --disable-pip-version-check
HASHED := $(PIP) install --require-hashes
PYTEST_ARGS ?= -n 2
RUN_ARGS    ?=
export LANGGRAPH_STRICT_MSGPACK := true
export LANGSMITH_TRACING := false
unexport PYTHONDONTWRITEBYTECODE  # else every process that a test starts compiles all of it again

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run install test check format bench lock clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

run: $(VENV)/.package  ## install what running needs, then start a seeded fleet, the daemon and the console
	$(BIN)/llo11ypop up $(RUN_ARGS)

install: $(VENV)/.package $(VENV)/.dev  ## install the package (editable) and the development tools in .venv
	@:

test: install  ## run the tests in two processes (PYTEST_ARGS="-k word" to choose)
	$(BIN)/python -m pytest $(PYTEST_ARGS)

check: install  ## format, lint, types, import direction, docstrings, sizes, dependencies
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy --strict llo11ypop
	$(BIN)/lint-imports --no-logo
	$(BIN)/interrogate --quiet llo11ypop
	$(BIN)/python .ci/check_sizes.py
	$(BIN)/deptry .

format: install  ## rewrite the sources as `make check` wants them
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: install  ## run every script in benchmarks/
	@for script in benchmarks/*.py; do \
	  test -e "$$script" || { echo "no benchmarks yet"; break; }; \
	  echo "== $$script"; $(BIN)/python "$$script" || exit 1; \
	done

# uv resolves for every Python and platform at once; LOCK_ARGS=--upgrade takes new releases.
LOCK_ARGS ?=
COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-config \
          --no-annotate $(LOCK_ARGS)
lock: $(VENV)/bin/uv  ## compile constraints/*.txt again from pyproject.toml
	$(COMPILE) pyproject.toml -o constraints/runtime.txt
	$(COMPILE) constraints/build.in -c constraints/runtime.txt -o constraints/build.txt
	$(COMPILE) pyproject.toml --extra dev -c constraints/runtime.txt -c constraints/build.txt -o constraints/dev.txt

clean:  ## remove the virtual environment, caches and build products
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# ---------------------------------------------------------------- environment
# Stamp files: a second call is instant, an edited constraints file installs again.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: constraints/runtime.txt constraints/build.txt | $(BIN)/python
	$(HASHED) -r constraints/runtime.txt -r constraints/build.txt
	@touch $@

# Hash mode refuses a local project, so the project itself goes in by itself, built by the pinned hatchling.
$(VENV)/.package: pyproject.toml $(VENV)/.runtime
	$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: constraints/dev.txt | $(BIN)/python
	$(HASHED) -r constraints/dev.txt
	@touch $@

$(VENV)/bin/uv: | $(VENV)/.dev
