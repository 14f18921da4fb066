#!/usr/bin/env bash
# Lint, format and types; expects .venv at level dev.
. "$(dirname "$0")/lib.sh"

.venv/bin/python -m ruff check --quiet .
.venv/bin/python -m ruff format --check --quiet . || fail "some files are not formatted" ".venv/bin/ruff format"
.venv/bin/python -m mypy --no-error-summary
