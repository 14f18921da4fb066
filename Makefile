# The targets for people; each prepares what it needs. `make help` lists them.
SHELL := /bin/bash
PY := .venv/bin/python
FAST := not slow and not interop and not serial

.DEFAULT_GOAL := help
.PHONY: help run test check interop bench fuzz oldest package ci-full clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

run: ## start the gateway, making an identity first if there is none; ARGS="--root DIR …" is passed on
	@bash scripts/venv.sh run
	@exec .venv/bin/cyfs-edge run --init $(ARGS)

test: ## all tests, tier by tier
	@bash scripts/venv.sh dev
	@bash scripts/compiler.sh || echo "going on without the tests that need it"
	@bash scripts/webdav.sh || echo "going on without the tests that need them"
	@bash scripts/seaweedfs.sh >/dev/null || echo "going on without the tests that need it"
	@PYTHON=$(PY) sh scripts/node.sh >/dev/null
	@$(PY) scripts/tiers.py

check: ## lint, types and the fast tests: before every commit
	@bash scripts/venv.sh dev
	@bash scripts/lint.sh
	@$(PY) -m pytest -q -n 2 -m "$(FAST)"

interop: ## the official SDK and the recorded exchanges against a started gateway
	@bash scripts/venv.sh dev
	@PYTHON=$(PY) sh scripts/node.sh >/dev/null
	@$(PY) scripts/tiers.py interop

bench: ## measure; ARGS are passed on
	@bash scripts/venv.sh dev
	@$(PY) -m bench $(ARGS)

fuzz: ## every decoder on mutated input for a while; ARGS are passed on
	@bash scripts/venv.sh dev
	@$(PY) -m fuzz $(ARGS)

oldest: ## the fast tests on the oldest library versions that are supported
	@bash scripts/oldest.sh

package: ## source and binary distribution in dist/, tried out
	@bash scripts/venv.sh dev
	@bash scripts/package.sh

ci-full: ## what CI runs, with the long variants of the tests
	@CYFS_KILL_ROUNDS=1000 CYFS_POWER_CUTS=5000 bash .ci/run

clean: ## remove everything that can be made again
	@rm -rf .venv .venv-oldest .cache build dist *.egg-info .hypothesis .mypy_cache .pytest_cache .ruff_cache tests/interop/node/node_modules
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
