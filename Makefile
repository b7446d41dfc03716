# `make` lists what can be made. Variables can be given on the command line:
#   make install PYTHON=python3.12      make mnist ARGS="--seed=1"      make test ARGS="-k losses"
PYTHON ?= python3
ARGS ?=
WORKERS ?= 2
# What `make gpu` installs: cuda, or cuda13 for drivers from 580 on.
CUDA ?= cuda
unexport PYTHONDONTWRITEBYTECODE # or each of a hundred processes would compile all modules again

VENV := .venv
BIN := $(VENV)/bin
LOCK := requirements.lock

.DEFAULT_GOAL := help
.PHONY: help install mnist distributed lessons results test browser slow parity peers foreign gpu check docs dist format lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-11s %s\n", $$1, $$2}' Makefile

install: $(VENV)/.installed ## install everything, at the tested versions, into .venv

mnist: install ## train the classic network (MNIST if it can be had, else digits)
	$(BIN)/python -m experiments.mnist $(ARGS)

distributed: install ## train one network in two processes, and verify its bits in one
	$(BIN)/python -m experiments.distributed $(ARGS)

lessons: install ## run the lessons, and write one page of what they found
	$(BIN)/python -m experiments.lessons --all $(ARGS)

results: install ## run the commands that docs/results.md cites, and write the page: hours
	$(BIN)/python -m experiments.results --run $(ARGS)

test: install ## run the tests and the documentation's examples
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(ARGS)

browser: install ## test the pages of runs in Chromium or Chrome, where one is installed
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check \
	  --constraint $(LOCK) --editable '.[browser]'
	$(BIN)/python -m pytest tests/browser $(ARGS)

slow: install ## repeat what the tests do once, and train the classic recipes: minutes
	XLA_FLAGS= $(BIN)/python -m pytest -m slow $(ARGS)

parity: foreign ## test against PyTorch and Keras themselves, in an environment of their own
	KERAS_BACKEND=jax build/parity/bin/python -m pytest tests/interop tests/speed $(ARGS)

peers: foreign ## how fast they train the same network, beside this library: ten minutes
	build/parity/bin/python -m experiments.benchmark --peers $(ARGS)

gpu: ## measure on an NVIDIA GPU: programs, promises, speed: nine minutes after a download
	@nvidia-smi -L >/dev/null 2>&1 || { echo "error: make gpu needs an NVIDIA GPU: nvidia-smi finds none" >&2; exit 1; }
	@"$(PYTHON)" -m venv build/gpu
	build/gpu/bin/python -m pip install --quiet --disable-pip-version-check --constraint $(LOCK) \
	  --editable '.[experiments,$(CUDA)]'
	@mkdir -p docs/measured/gpu
	build/gpu/bin/python -m experiments.benchmark --gpu --json=docs/measured/gpu/gpu.json $(ARGS)

foreign:
	@"$(PYTHON)" -m venv build/parity
	build/parity/bin/python -m pip install --quiet --disable-pip-version-check --constraint $(LOCK) \
	  --extra-index-url https://download.pytorch.org/whl/cpu \
	  --editable '.[experiments,safetensors,dev,parity,peers]'
	KERAS_BACKEND=jax build/parity/bin/python -c "import keras, torch"

check: docs ## format, lint and type checks, the book, then the tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/python -m mypy
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(ARGS)

docs: $(VENV)/.docs ## build the book into build/docs
	$(BIN)/python -m sphinx --fresh-env --fail-on-warning --keep-going --quiet docs build/docs
	@echo "The book is build/docs/index.html"

dist: install ## build the wheel and the source distribution, and try the wheel alone
	rm -rf dist
	$(BIN)/python -m build --no-isolation
	@echo "Installing the wheel into an environment of its own ..."
	@alone="$$(mktemp -d)" && trap 'rm -rf "$$alone"' EXIT && cp tests/wheel_alone.py "$$alone" \
	  && "$(BIN)/python" -m venv "$$alone/env" \
	  && "$$alone/env/bin/python" -m pip install --quiet --disable-pip-version-check \
	    --constraint $(LOCK) dist/*.whl \
	  && version="$$($(BIN)/python -c 'import jaxmlp; print(jaxmlp.__version__)')" \
	  && cd "$$alone" && env/bin/python -I wheel_alone.py "$$version" "$$alone"

format: install ## rewrite the source in the house's format
	$(BIN)/ruff check --fix --select I .
	$(BIN)/ruff format .

lock: ## resolve the newest versions allowed and write them to the lock
	@"$(PYTHON)" -m venv .lockenv && .lockenv/bin/python -m pip install --quiet uv
	.lockenv/bin/uv pip compile --quiet --universal --python-version 3.11 --upgrade \
	  --no-annotate --no-emit-index-url --custom-compile-command 'make lock' \
	  --output-file $(LOCK) \
	  --extra experiments --extra tensorboard --extra frames --extra safetensors --extra dev --extra docs --extra browser pyproject.toml
	@rm -rf .lockenv

clean: ## remove .venv, caches and builds; runs/ stays
	rm -rf $(VENV) .lockenv .hypothesis .mypy_cache .pytest_cache .ruff_cache build dist
	find jaxmlp experiments tests -name __pycache__ -type d -prune -exec rm -rf {} +

# Runs again only when the dependencies changed. A broken .venv is built anew.
$(VENV)/.installed: pyproject.toml $(LOCK)
	@"$(PYTHON)" -c 'import sys; v = sys.version.split()[0]; sys.exit(None if sys.version_info >= (3, 11) else "jaxmlp needs Python 3.11 or newer, but $(PYTHON) is " + v + "; try: make $(MAKECMDGOALS) PYTHON=python3.12")'
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || "$(PYTHON)" -m venv --clear $(VENV) \
	  || { echo "Could not make $(VENV). On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@echo "Installing into $(VENV), about a minute the first time ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check \
	  --constraint $(LOCK) --editable '.[experiments,tensorboard,frames,safetensors,dev]'
	@touch $@

$(VENV)/.docs: $(VENV)/.installed
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check \
	  --constraint $(LOCK) --editable '.[docs]'
	@touch $@
