"""Rules for the repository as a whole: sizes, leftovers, dependencies, executability of what is documented."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement

PROJECT = Path(__file__).parents[2]
LINES_MAX = 600
TEXT_SUFFIXES = frozenset({"", ".c", ".js", ".json", ".md", ".mjs", ".py", ".sh", ".svg", ".toml", ".txt", ".yml"})
NOT_OURS = frozenset({"__pycache__", "build", "dist", "node_modules"})

# Pieced together, so that this file does not contain what it looks for.
MACHINE_PATHS = re.compile("|".join(("/wor" + "k/", "shar" + "ed/(?:spec|vectors|design)", "/ro" + "ot/")))
LEFT_OPEN = re.compile("|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X", "NotImplemented" + "Error")))


def text_files() -> list[Path]:
    """All files of the project that a person reads; no environments, caches or recorded vectors."""
    found = []
    for path in sorted(PROJECT.rglob("*")):
        parts = path.relative_to(PROJECT).parts
        hidden = any(part.startswith(".") for part in parts) and parts[0] != ".ci"
        if hidden or any(part in NOT_OURS or part.endswith(".egg-info") for part in parts):
            continue
        if parts[:2] != ("tests", "vectors") and path.suffix in TEXT_SUFFIXES and path.is_file():
            found.append(path)
    return found


FILES = text_files()


def lines_with(pattern: re.Pattern[str], paths: list[Path]) -> list[str]:
    return [
        f"{path.relative_to(PROJECT)}:{number}: {line.strip()}"
        for path in paths
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if pattern.search(line)
    ]


def requirements() -> tuple[list[Requirement], list[Requirement]]:
    """What the product needs, and what is optional for it or for the tests. Tools, which only run, are left out."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    optional = [Requirement(text) for group in project["optional-dependencies"].values() for text in group]
    return (
        [Requirement(text) for text in project["dependencies"]],
        [need for need in optional if need.name not in ("build", "cyfs-edge", "mypy", "ruff", "schemathesis")],
    )


NEEDED, OPTIONAL = requirements()
IMPORTED_AS = {"pynacl": "nacl"}
"""Where the name on PyPI is another one."""


def test_the_walk_finds_the_project() -> None:
    names = {path.relative_to(PROJECT).as_posix() for path in FILES}
    assert {
        "Makefile",
        "README.md",
        "pyproject.toml",
        "cyfs_edge/base/ids.py",
        "tests/unit/test_repository.py",
    } <= names
    assert len(names) < 2000


def test_modules_are_short() -> None:
    sizes = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in FILES if path.suffix == ".py"}
    assert {str(path.relative_to(PROJECT)): size for path, size in sizes.items() if size > LINES_MAX} == {}


def test_nothing_depends_on_one_machine() -> None:
    assert lines_with(MACHINE_PATHS, FILES) == []


def test_nothing_is_left_open() -> None:
    assert lines_with(LEFT_OPEN, [path for path in FILES if path.suffix in (".py", ".sh")]) == []


def test_dependencies_are_those_that_are_imported() -> None:
    """Optional ones are loaded by name, where they are used."""
    imported: set[str] = set()
    for path in FILES:
        if path.suffix == ".py" and path.is_relative_to(PROJECT / "cyfs_edge"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                if isinstance(node, ast.ImportFrom) and node.level == 0:
                    names.append(node.module or "")
                imported.update(name.split(".")[0] for name in names)
    foreign = imported - set(sys.stdlib_module_names) - {"cyfs_edge"}
    assert foreign == {IMPORTED_AS.get(need.name, need.name) for need in NEEDED}


@pytest.mark.parametrize("need", [*NEEDED, *OPTIONAL], ids=lambda need: need.name)
def test_installed_versions_are_within_the_ranges(need: Requirement) -> None:
    assert need.specifier.contains(version(need.name), prereleases=True)


@pytest.mark.parametrize("name", ["bookworm", "trixie"])
def test_constraints_are_within_the_ranges(name: str) -> None:
    lines = (PROJECT / "constraints" / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    pinned = [Requirement(line) for line in lines if line and not line.startswith("#")]
    ranges = {need.name: need.specifier for need in (*NEEDED, *OPTIONAL)}
    for pin in pinned:
        (specifier,) = pin.specifier
        assert ranges[pin.name].contains(specifier.version), pin
    assert {need.name for need in NEEDED} <= {pin.name for pin in pinned}
