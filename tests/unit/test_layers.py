"""The layers of docs/architecture.md: imports only go down, and L0-L2 touch nothing of the machine they run on.

The rules read the source as a syntax tree, so an import inside a function or under ``TYPE_CHECKING`` counts as well.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = "cyfs_edge"
ROOT = Path(__file__).parents[2] / PACKAGE

# A module may import its own part and parts of a lower rank; parts of one rank do not know one another.
RANKS = {
    "": 0,  # the package itself, which holds the version only
    "base": 1,
    "objects": 2,
    "wire": 3,
    "core": 4,
    "store": 5,
    "net": 5,
    "host": 5,
    "keepers": 6,
    "stack": 7,
    "services": 8,
    "sdk": 8,
    "sim": 9,
    "web": 9,
    "cli": 10,
}
PURE = frozenset({"", "base", "objects", "wire", "core"})

# What a pure module must be handed instead of reaching for it: I/O, time, randomness, threads, processes.
FORBIDDEN_MODULES = frozenset(
    {
        "aiohttp",
        "asyncio",
        "concurrent",
        "fcntl",
        "http.client",
        "http.server",
        "httptools",
        "io",
        "lmdb",
        "logging",
        "mmap",
        "multiprocessing",
        "os",
        "pathlib",
        "psutil",
        "random",
        "sdnotify",
        "secrets",
        "select",
        "selectors",
        "shutil",
        "signal",
        "socket",
        "socketserver",
        "ssl",
        "subprocess",
        "tempfile",
        "threading",
        "time",
        "urllib.request",
        "uuid",
        "uvloop",
        "wsproto",
    }
)
FORBIDDEN_CALLS = frozenset({"breakpoint", "input", "open", "print"})
FORBIDDEN_CLOCKS = frozenset({"date.today", "datetime.now", "datetime.today", "datetime.utcnow"})


def part_of(module: str) -> str:
    """``cyfs_edge.base.ids`` -> ``base``; a top-level module is a part of its own."""
    return [*module.split("."), ""][1]


def absolute(node: ast.ImportFrom, module: str, is_package: bool) -> str:
    """The module that a ``from`` import names, relative ones resolved."""
    if node.level == 0:
        return node.module or ""
    base = module.split(".") if is_package else module.split(".")[:-1]
    base = base[: len(base) - node.level + 1]
    return ".".join([*base, node.module] if node.module else base)


def imported(tree: ast.AST, module: str, is_package: bool) -> Iterator[tuple[int, str]]:
    """Line and full name of everything that is imported; ``from a import b`` gives ``a.b``, since b may be a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            source = absolute(node, module, is_package)
            for alias in node.names:
                yield node.lineno, f"{source}.{alias.name}"
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in ("import_module", "__import__") and isinstance(node.args[0].value, str):
                yield node.lineno, node.args[0].value


def import_faults(tree: ast.AST, module: str, is_package: bool) -> Iterator[str]:
    own = part_of(module)
    for line, name in imported(tree, module, is_package):
        if name.split(".")[0] != PACKAGE:
            continue
        other = part_of(name)
        if other not in RANKS and own != "":
            other = ""  # a name of the package itself, such as the version
        if other != own and RANKS[other] >= RANKS[own]:
            yield f"{module}:{line} imports {name}: {own or PACKAGE} stands on a level with {other} or below it"


def purity_faults(tree: ast.AST, module: str, is_package: bool) -> Iterator[str]:
    for line, name in imported(tree, module, is_package):
        pieces = name.split(".")
        reached = {".".join(pieces[:count]) for count in range(1, len(pieces) + 1)}
        for forbidden in sorted(reached & FORBIDDEN_MODULES):
            yield f"{module}:{line} imports {forbidden}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name) and node.func.id in FORBIDDEN_CALLS:
                yield f"{module}:{node.lineno} calls {node.func.id}()"
            elif ".".join(ast.unparse(node.func).split(".")[-2:]) in FORBIDDEN_CLOCKS:
                yield f"{module}:{node.lineno} reads the clock: {ast.unparse(node.func)}()"


def faults(root: Path) -> list[str]:
    """All that breaks the rules in the package folder ``root``, one sentence each."""
    found: list[str] = []
    for path in sorted(root.rglob("*.py")):
        names = path.relative_to(root).with_suffix("").parts
        is_package = names[-1] == "__init__"
        module = ".".join((PACKAGE, *(names[:-1] if is_package else names)))
        if part_of(module) not in RANKS:
            found.append(f"{module} has no place in the table of layers")
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
        found.extend(import_faults(tree, module, is_package))
        if part_of(module) in PURE:
            found.extend(purity_faults(tree, module, is_package))
    return found


def test_the_package_keeps_the_layers() -> None:
    assert len(list(ROOT.rglob("*.py"))) > 20
    assert faults(ROOT) == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("base/ids", "from cyfs_edge.objects import envelope"),
        ("base/ids", "import cyfs_edge.wire.message"),
        ("base/ids", "from ..objects.envelope import decode_object"),
        ("base/ids", "def late():\n    from cyfs_edge.core.ports import Clock"),
        ("wire/message", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from cyfs_edge.core import ports"),
        ("core/non", "from cyfs_edge import store"),
        ("objects/registry", "from importlib import import_module\nimport_module('cyfs_edge.core.non')"),
        ("store/lmdb_store", "from cyfs_edge.net.http import Server"),
        ("net/http", "from cyfs_edge.host import systemd"),
        ("net/http", "from cyfs_edge.stack import build"),
        ("stack", "from cyfs_edge.services.gateway import main"),
        ("services/gateway", "from cyfs_edge.cli.main import main"),
        ("sdk/stack", "from cyfs_edge.services.gateway import main"),
        ("net/ws_client", "from cyfs_edge.sdk.caller import Caller"),
        ("__init__", "from .base import ids"),
        ("core/clock", "import time"),
        ("core/clock", "from datetime import datetime\nstamp = datetime.now()"),
        ("core/non", "import asyncio"),
        ("core/non", "from os import urandom"),
        ("core/non", "import os.path"),
        ("objects/file", "import socket as s"),
        ("wire/http", "import urllib.request"),
        ("base/words", "words = open('words.txt').read()"),
        ("base/words", "print('hello')"),
        ("extra/module", "x = 1"),
    ],
)
def test_a_violation_is_found(tmp_path: Path, module: str, source: str) -> None:
    path = tmp_path.joinpath(*module.split("/")).with_suffix(".py")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(source, encoding="utf-8")
    assert len(faults(tmp_path)) >= 1


def test_what_is_allowed_is_not_reported(tmp_path: Path) -> None:
    allowed = {
        "core/jobs": "def start(clock):\n    return clock.now()",
        "base/ids": "import hashlib\nfrom . import codec\nfrom cyfs_edge import __version__",
        "wire/http": "from urllib.parse import quote",
        "core/non": "from cyfs_edge.wire.message import Request\nfrom cyfs_edge.base.ids import ObjectId",
        "store/lmdb_store": "import lmdb, os, threading\nfrom cyfs_edge.core.ports import ObjectStore\nopen('x')",
        "sdk/caller": "import asyncio\nfrom cyfs_edge.net.http_client import HttpClient",
        "stack": "import asyncio\nfrom cyfs_edge.store import lmdb_store\nfrom cyfs_edge.net import http",
        "cli/main": "from cyfs_edge.services import gateway\nfrom cyfs_edge.stack import build\nprint(1)",
    }
    for module, source in allowed.items():
        path = tmp_path.joinpath(*module.split("/")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source, encoding="utf-8")
    assert faults(tmp_path) == []
