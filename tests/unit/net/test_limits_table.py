"""docs/limits.md says what the code does: every limit has a row with its value and a test that exists."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from cyfs_edge.core import importing, scrub
from cyfs_edge.core.api.call import ApiLimits
from cyfs_edge.core.backup import dec_restore, verify
from cyfs_edge.host.backup import root_files
from cyfs_edge.host.imports import reference_root
from cyfs_edge.net import outlet, stream_server
from cyfs_edge.net.http_limits import HttpLimits
from cyfs_edge.net.ws_limits import WsLimits
from cyfs_edge.wire import http_chunked, http_head, reference_archive
from cyfs_edge.wire.backup import address, layout

PROJECT = Path(__file__).parents[3]
ROW = re.compile(r"^\| `([\w.]+)` \| ([^|]+) \| [^|]+ \| `([^`]+)::(\w+)` \|$", re.MULTILINE)
UNITS = {"KiB": 1024, "MiB": 1024 * 1024, "s": 1, "": 1}


def limits() -> dict[str, float]:
    """Every limit of the servers, by the name it has in the table."""
    found: dict[str, float] = {
        "http_head.LENGTH_MAX": http_head.LENGTH_MAX,
        "http_chunked.SIZE_LINE_MAX": http_chunked.SIZE_LINE_MAX,
        "http_chunked.TRAILERS_MAX": http_chunked.TRAILERS_MAX,
        "stream_server.REFUSED_MAX": stream_server.REFUSED_MAX,
        "outlet.WRITE_HIGH": outlet.WRITE_HIGH,
        "root_files.FILE_MAX": root_files.FILE_MAX,
        "root_files.FILES_MAX": root_files.FILES_MAX,
        "layout.BLOB_MAX": layout.BLOB_MAX,
        "dec_restore.WANTED_MAX": dec_restore.WANTED_MAX,
        "verify.PROBLEMS_MAX": verify.PROBLEMS_MAX,
        "scrub.TOLD_MAX": scrub.TOLD_MAX,
        "address.ADDRESS_MAX": address.ADDRESS_MAX,
        "reference_root.OBJECT_MAX": reference_root.OBJECT_MAX,
        "reference_root.CHUNK_MAX": reference_root.CHUNK_MAX,
        "reference_root.ROWS_PER_FILE_MAX": reference_root.ROWS_PER_FILE_MAX,
        "reference_archive.INDEX_MAX": reference_archive.INDEX_MAX,
        "reference_archive.VOLUMES_MAX": reference_archive.VOLUMES_MAX,
        "importing.PROBLEMS_MAX": importing.PROBLEMS_MAX,
    }
    for values in (HttpLimits(), WsLimits(), ApiLimits()):
        for field in dataclasses.fields(values):
            found[f"{type(values).__name__}.{field.name}"] = getattr(values, field.name)
    return found


def rows() -> list[tuple[str, str, str, str]]:
    return ROW.findall((PROJECT / "docs" / "limits.md").read_text(encoding="utf-8"))


def test_every_limit_has_one_row() -> None:
    names = [name for name, *_ in rows()]
    assert sorted(names) == sorted(limits())


def test_the_values_are_those_of_the_code() -> None:
    for name, value, _, _ in rows():
        number, _, unit = value.partition(" ")
        assert int(number.replace(",", "")) * UNITS[unit] == limits()[name], name


@pytest.mark.parametrize(("file", "test"), sorted({(file, test) for _, _, file, test in rows()}))
def test_the_tests_are_there(file: str, test: str) -> None:
    assert re.search(rf"^(async )?def {test}\(", (PROJECT / file).read_text(encoding="utf-8"), re.MULTILINE)
