"""docs/limits.md is true: its rows have the values of the code, and the tests that it names are there."""

from __future__ import annotations

import dataclasses
import re
from importlib import import_module
from pathlib import Path

import pytest

from cyfs_edge.core.api.call import ApiLimits
from cyfs_edge.core.trans.limits import TransLimits
from cyfs_edge.net.http_limits import HttpLimits
from cyfs_edge.net.ws_limits import WsLimits
from cyfs_edge.wire.config import ChunksConfig, LimitsConfig

PROJECT = Path(__file__).parents[3]
ROW = re.compile(r"^\| `([\w.]+)` \| ([^|]+) \| [^|]+ \| `([^`]+)::(\w+)` \|$", re.MULTILINE)
UNITS = {"KiB": 1024, "MiB": 1024 * 1024, "GiB": 1 << 30, "s": 1, "": 1}
CONFIGURED = {"LimitsConfig": LimitsConfig(), "ChunksConfig": ChunksConfig()}
TABLES = (HttpLimits(), WsLimits(), ApiLimits(), TransLimits())


def in_tables() -> dict[str, float]:
    """The limits that stand together in a class, by the name they have in the table."""
    return {
        f"{type(table).__name__}.{field.name}": getattr(table, field.name)
        for table in TABLES
        for field in dataclasses.fields(table)
    }


def value_of(name: str) -> float:
    """Of a limit: in a class, in the configuration, or (all other names) a constant of the module it begins with."""
    found = in_tables().get(name)
    if found is not None:
        return found
    place, _, constant = name.rpartition(".")
    holder = CONFIGURED.get(place) or import_module(f"cyfs_edge.{place}")
    value: float = getattr(holder, constant)
    return value


def rows() -> list[tuple[str, str, str, str]]:
    return ROW.findall((PROJECT / "docs" / "limits.md").read_text(encoding="utf-8"))


def test_no_limit_has_two_rows_and_those_of_the_servers_have_one() -> None:
    names = [name for name, *_ in rows()]
    assert len(set(names)) == len(names)
    assert set(in_tables()) <= set(names)


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, value, _, _ in rows()])
def test_the_values_are_those_of_the_code(name: str, value: str) -> None:
    number, _, unit = value.partition(" ")
    assert int(number.replace(",", "")) * UNITS[unit] == value_of(name)


@pytest.mark.parametrize(("file", "test"), sorted({(file, test) for _, _, file, test in rows()}))
def test_the_tests_are_there(file: str, test: str) -> None:
    assert re.search(rf"^(async )?def {test}\(", (PROJECT / file).read_text(encoding="utf-8"), re.MULTILINE)
