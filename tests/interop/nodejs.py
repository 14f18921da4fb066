"""The official SDK on node, for tests: ``scripts/node.sh`` finds or installs node, npm what the lock file names."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parent / "node"
NODE_SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "node.sh"


@dataclass(frozen=True, slots=True)
class Check:
    """One line of a suite. ``error``: the exception's text, ``None`` when it held."""

    name: str
    ok: bool
    error: str | None


@dataclass(frozen=True, slots=True)
class SuiteResult:
    """``finished``: the suite came to its end (a crash in between loses checks)."""

    checks: tuple[Check, ...]
    finished: bool
    stderr: str


class NodeMissing(Exception):
    """No node, no npm, or the SDK could not be installed; the text holds the output."""


def install() -> str:
    """The path of node, once the packages of ``package-lock.json`` are there (again when the lock changes)."""
    node = _run([str(NODE_SCRIPT)]).strip().splitlines()[-1]
    stamp = PROJECT / "node_modules" / ".lock-sha256"
    digest = hashlib.sha256((PROJECT / "package-lock.json").read_bytes()).hexdigest()
    if not stamp.exists() or stamp.read_text(encoding="ascii") != digest:
        npm = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(PROJECT)]
        _run([str(NODE_SCRIPT), *npm])
        stamp.write_text(digest, encoding="ascii")
    return node


def run_suite(node: str, setting: Mapping[str, Any], timeout: float) -> SuiteResult:
    """Runs ``suite.js`` with ``setting``; every line of its output is one check."""
    arguments = [node, "suite.js", json.dumps(setting)]
    done = subprocess.run(arguments, cwd=PROJECT, capture_output=True, text=True, timeout=timeout, check=False)
    entries = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    checks = tuple(Check(e["check"], e["ok"], e.get("error")) for e in entries if "check" in e)
    return SuiteResult(checks, any("done" in entry for entry in entries), done.stderr)


def _run(arguments: list[str]) -> str:
    env = {**os.environ, "PYTHON": sys.executable}
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=600, check=False, env=env)
    if done.returncode:
        raise NodeMissing(f"{' '.join(arguments)}: exit code {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done.stdout
