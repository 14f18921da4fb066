"""Which golden vectors have passed. The summary of a run tells ``N of all`` for each file of ``tests/vectors``.

A test that has gone through a vector calls ``passed(file, name)``. The names travel with the reports of the tests, so
that the count is right when the tests are spread over processes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

VECTORS = Path(__file__).parent / "vectors"

Properties = list[tuple[str, object]]
"""The ``user_properties`` of a test."""

_LISTS = {
    "objects.json": ("vectors",),
    "core-objects.json": ("objects", "made_with_ts_sdk"),
    "object-map.json": ("bucket_hash", "objects", "hubs", "paths", "envs", "diffs", "global"),
}
"""File → the members that list its vectors."""
_KEY = "vector"
_running: list[Properties] = []


def load(file: str) -> Any:
    """The content of a vector file."""
    return json.loads((VECTORS / file).read_text(encoding="utf-8"))


def passed(file: str, name: str) -> None:
    """Notes that the running test has gone through the vector. Names are unique in a file."""
    _running[-1].append((_KEY, f"{file} {name}"))


def begin(properties: Properties) -> None:
    """A test starts in this process."""
    _running[:] = [properties]


def summary(reports: Iterable[Properties]) -> list[str]:
    """One line a file; ``reports``: the properties of the tests that passed."""
    names: dict[str, set[str]] = {}
    for properties in reports:
        for key, value in properties:
            if key == _KEY:
                file, _, name = str(value).partition(" ")
                names.setdefault(file, set()).add(name)
    return [f"vectors {file}: {len(names[file])} of {_total(file)}" for file in sorted(names)]


def _total(file: str) -> int:
    content = load(file)
    return sum(len(content[name]) for name in _LISTS[file])
