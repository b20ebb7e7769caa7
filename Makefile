# make quickstart: install what is needed and run the whole loop.  make test: install and run every check.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(shell command -v uv 2>/dev/null || echo $(VENV)/bin/uv)
.DEFAULT_GOAL := help

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 18

install: $(VENV)/.installed ## Make .venv with everything from the lock

$(VENV)/.installed: requirements.lock pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@command -v uv >/dev/null || test -x $(BIN)/uv || $(BIN)/pip install --quiet uv
	@$(UV) pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes --no-deps -r requirements.lock
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

quickstart: install ## Warm data, a warm adapter, and what the warmth cost, in minutes
	@$(BIN)/warmtune run quickstart

test: install lint typecheck ## Lint, types and the whole test suite, on two workers of one thread each
	@OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist loadgroup

coverage: install ## The whole suite again, with the share of each package's lines that it reaches
	@OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist loadgroup --cov --cov-report=json:.coverage.json --cov-report=
	@$(BIN)/python benchmarks/coverage_by_package.py .coverage.json

lint: install ## Style and import order
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

typecheck: install ## Strict types over warmtune/ and benchmarks/
	@$(BIN)/mypy

format: install ## Put the code in form
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

wheel: install ## Build dist/*.whl
	@$(UV) build --quiet --wheel --python $(BIN)/python

bench-quickstart: install ## Measure the quickstart, write benchmarks/results/quickstart.json
	@$(BIN)/python benchmarks/quickstart.py

bench-rewrite: install ## Measure rewriting, the guard and preparing data, write benchmarks/results/rewrite.json
	@$(BIN)/python benchmarks/rewrite.py

bench-analysis: install ## Measure the analysis on planted effects, its speed, and marking by rule, write benchmarks/results/analysis.json
	@$(BIN)/python benchmarks/analysis.py

bench-house: install ## Measure size, the debug recipe, coverage and marking anew, write benchmarks/results/house.json
	@$(BIN)/python benchmarks/house.py

bench-train: install ## Measure training side by side with TRL, and the memory estimate, write benchmarks/results/train.json
	@$(BIN)/python benchmarks/train.py

bench-train-gpu: install ## The same on one GPU, at the shapes of known models, write benchmarks/results/train_gpu.json
	@$(BIN)/python benchmarks/train_gpu.py

bench-sweep: install ## Measure a sweep against separate runs, and the comparison page, write benchmarks/results/sweep.json
	@$(BIN)/python benchmarks/sweep.py

gallery: install ## Run a sweep, a dial, cold and a system prompt on the embedded model, write docs/gallery
	@$(BIN)/python benchmarks/gallery.py

record-stages: install ## Record what each stage puts out for committed inputs, after its VERSION was raised
	@$(BIN)/python tests/pipeline/committed_stages.py

integration: install ## Rewrite through a real local server with the embedded model
	@$(BIN)/pytest -m integration

lock: ## Resolve requirements.lock anew
	@$(UV) pip compile pyproject.toml --group dev --group quickstart --universal --generate-hashes --no-header --upgrade --quiet -o requirements.lock

clean: ## Delete the environment, builds, caches and runs
	@rm -rf $(VENV) dist build runs .pytest_cache .mypy_cache .ruff_cache .coverage*

.PHONY: help install quickstart test coverage lint typecheck format wheel bench-quickstart bench-rewrite bench-analysis bench-house bench-train bench-train-gpu bench-sweep gallery record-stages integration lock clean
