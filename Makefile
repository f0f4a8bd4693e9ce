# `make help` lists what there is to do. Every target makes .venv when it is missing or older than pyproject.toml, and
# what is in C when it is not of these sources.

PYTHON ?= python3
VENV   := .venv
READY  := $(VENV)/.ready
RUN    := $(VENV)/bin/python

# Tests run on so many processes, those of one file on one, the files that take longest first (tests/conftest.py).
# SLOW=1 adds the slow ones, which may take an hour. Bytecode is kept, whatever the environment says: tests start Python
# a thousand times.
WORKERS ?= auto
SPREAD  := --numprocesses $(WORKERS) --maxprocesses 8 --dist loadfile --no-loadscope-reorder
PYTEST  := PYTHONDONTWRITEBYTECODE= $(RUN) -m pytest $(SPREAD)
ifdef SLOW
PYTEST  += -m "" -o timeout=600 -o faulthandler_timeout=3600
endif

NATIVE := $(RUN) -P radon/host/native/build.py
CLIENT := $(RUN) -P radon/bench/native/build.py

# What `make sanitize` runs, on the native domain alone and without bugs that are planted elsewhere; and for how many
# seconds `make fuzz` attacks each target.
TESTS   ?= $(wildcard tests/conformance tests/equivalence tests/hostile tests/simulation tests/gateways/test_tcp*.py) -k "not python and not planted"
SECONDS ?= 60

.DEFAULT_GOAL := help
.PHONY: help native demo test check lint format bench sanitize fuzz clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

native: $(READY)  ## the native twin of the domain and the client of `radon bench`, compiled
	@$(NATIVE)
	@$(CLIENT)

demo: native  ## the bank: built, deployed, killed under load, audited
	@$(RUN) examples/demo.py

test: native  ## the tests, except the slow ones
	@scripts/debian-packages
	@$(PYTEST)

check:  ## lint, all tests, the slow ones too, sanitizers, a while of fuzzing
	@$(MAKE) --no-print-directory lint
	@$(MAKE) --no-print-directory test SLOW=1
	@$(MAKE) --no-print-directory sanitize fuzz

lint: native  ## ruff, mypy and the C compiler's warnings
	@$(RUN) -m ruff check
	@$(RUN) -m ruff format --check
	@$(RUN) -m mypy
	@$(NATIVE) lint
	@$(CLIENT) lint

format: $(READY)  ## let ruff repair what it can
	@$(RUN) -m ruff check --fix
	@$(RUN) -m ruff format

bench: native  ## the benchmarks: one JSON line per result
	@set -e; for file in $(sort $(wildcard benchmarks/[a-z]*.py)); do $(RUN) "$$file"; done

sanitize: $(READY)  ## TESTS on a native twin that watches memory (ASan, UBSan)
	@scripts/sanitize $(SPREAD) $(TESTS)

fuzz: $(READY)  ## libFuzzer on the native sources, SECONDS a target
	@scripts/debian-packages
	@scripts/fuzz $(SECONDS)

clean:  ## remove what make and tests made; deployments (.radon) stay
	@rm -rf $(VENV) build dist .hypothesis .mypy_cache .pytest_cache .ruff_cache
	@rm -rf radon/host/native/_native.* radon/bench/native/_client.* radon/*/native/missing.txt radon/*/native/.build*
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): pyproject.toml
	@scripts/venv $(PYTHON) $(VENV)
	@touch $@
