#!/usr/bin/env bash
# Builds the source distribution, the wheel from that, and runs the command from the wheel. Expects .venv at level dev.
. "$(dirname "$0")/lib.sh"

rm -rf dist
quietly "the package could not be built" "see the lines above" .venv/bin/python -m build --outdir dist .
trial=$(mktemp -d)
trap 'rm -rf "$trial"' EXIT
quietly "the wheel could not be installed" "see the lines above" \
    .venv/bin/python -m pip install --quiet --no-deps --target "$trial" dist/*.whl
cd "$trial"
PYTHONPATH=$trial "$project/.venv/bin/python" -P - <<'PYTHON'
import sys
from pathlib import Path

import cyfs_edge

if Path(cyfs_edge.__file__).parent.parent != Path.cwd():
    sys.exit(f"error: the package came from {cyfs_edge.__file__}, not from the wheel")
PYTHON
PYTHONPATH=$trial "$project/.venv/bin/python" -P -m cyfs_edge.cli.main --version
