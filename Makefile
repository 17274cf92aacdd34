# Everything a newcomer or CI runs. `make` alone lists it.
SHELL := /bin/sh
PYTHON ?= python3
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help setup browser demo demo-reset test prove bench check format lock

help: ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

.venv/ready: requirements.lock pyproject.toml tools/setup.sh
	@PYTHON=$(PYTHON) sh tools/setup.sh

setup: .venv/ready ## install everything into .venv, pinned by hash

browser: .venv/ready
	@sh tools/browser.sh

demo: .venv/ready ## start the product with sample data; prints URLs and logins
	@$(BIN)/remit demo

demo-reset: .venv/ready ## forget the demo's data
	@$(BIN)/remit demo-reset

test: browser ## run all tests
	$(BIN)/pytest -n 3 --dist worksteal

prove: browser ## run the guarantees at their full figures
	REMIT_PROVE=1 $(BIN)/pytest -n 2 --dist worksteal -m prove --timeout 1200

bench: .venv/ready ## compare reads, lists, an import and documents with floors, as ratios (about 20 minutes)
	$(BIN)/python -m bench
	$(BIN)/python -m bench.depth
	$(BIN)/python -m bench.imports
	$(BIN)/python -m bench.papers

check: .venv/ready ## format, lint, types, import order, committed schema, migrations
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/remit check

format: .venv/ready ## put the code into shape
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: .venv/ready ## resolve the dependencies anew
	$(BIN)/uv pip compile --universal --generate-hashes --no-header --no-emit-index-url --no-emit-find-links --no-annotate --extra dev pyproject.toml -o requirements.lock
