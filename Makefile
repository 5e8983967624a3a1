# Patchbay. `make run` serves, `make test` tests; both make their own environment.
PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 4000
VENV := .venv
BIN := $(VENV)/bin

.PHONY: run test check lint types imports unit live bench docs clean

run: $(VENV)/.runtime
	$(BIN)/python -m proxy serve --host $(HOST) --port $(PORT) $(if $(CONFIG),--config $(CONFIG))

test: lint types imports unit

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: requirements.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/.dev: requirements-dev.txt requirements.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@ $(VENV)/.runtime

.venv-clients/.done: requirements-clients.txt
	$(PYTHON) -m venv .venv-clients
	.venv-clients/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-clients.txt
	@touch $@

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev
	$(BIN)/mypy

imports: $(VENV)/.dev
	$(BIN)/lint-imports

unit: $(VENV)/.dev .venv-clients/.done
	$(BIN)/python -m pytest

clean:
	rm -rf $(VENV) .venv-clients
