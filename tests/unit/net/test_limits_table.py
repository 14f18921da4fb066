"""docs/limits.md says what the code does: every limit has a row with its value and a test that exists."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from cyfs_edge.core import volumes as core_volumes
from cyfs_edge.core.api.call import ApiLimits
from cyfs_edge.core.events import router_events
from cyfs_edge.core.handlers import registry
from cyfs_edge.core.maps import node, paths, tree
from cyfs_edge.core.rmeta import record
from cyfs_edge.core.rmeta import service as rmeta_service
from cyfs_edge.core.state import map_cache, op_env, path_lock, service
from cyfs_edge.net import http_client, http_routines, outlet, stream_server, ws_client
from cyfs_edge.net.http_limits import HttpLimits
from cyfs_edge.net.ws_limits import WsLimits
from cyfs_edge.store import remote, s3, volume, volumes
from cyfs_edge.wire import data_range, filter, front, glob, handler, http_chunked, http_head, ndn, rmeta
from cyfs_edge.wire.config import ChunksConfig, LimitsConfig

PROJECT = Path(__file__).parents[3]
ROW = re.compile(r"^\| `([\w.]+)` \| ([^|]+) \| [^|]+ \| `([^`]+)::(\w+)` \|$", re.MULTILINE)
UNITS = {"KiB": 1024, "MiB": 1024 * 1024, "s": 1, "": 1}


def limits() -> dict[str, float]:
    """Every limit that a client can run into, and those of our own clients, by the name it has in the table."""
    found: dict[str, float] = {
        "service.ENVS_MAX": service.ENVS_MAX,
        "service.IDLE_MAX": service.IDLE_MAX,
        "op_env.WRITES_MAX": op_env.WRITES_MAX,
        "op_env.ALL_WRITES_MAX": op_env.ALL_WRITES_MAX,
        "op_env.CHANGED_MAX": op_env.CHANGED_MAX,
        "op_env.ALL_CHANGED_MAX": op_env.ALL_CHANGED_MAX,
        "path_lock.LOCKS_MAX": path_lock.LOCKS_MAX,
        "path_lock.ALL_LOCKS_MAX": path_lock.ALL_LOCKS_MAX,
        "path_lock.PATH_MAX": path_lock.PATH_MAX,
        "paths.SEGMENT_MAX": paths.SEGMENT_MAX,
        "paths.SHOWN_MAX": paths.SHOWN_MAX,
        "node.DEPTH_MAX": node.DEPTH_MAX,
        "tree.SIMPLE_SIZE_MAX": tree.SIMPLE_SIZE_MAX,
        "map_cache.CACHE_SIZE": map_cache.CACHE_SIZE,
        "record.ITEMS_MAX": record.ITEMS_MAX,
        "record.RECORD_MAX": record.RECORD_MAX,
        "rmeta.PATH_MAX": rmeta.PATH_MAX,
        "rmeta.SELECTOR_MAX": rmeta.SELECTOR_MAX,
        "rmeta_service.CACHE_MAX": rmeta_service.CACHE_MAX,
        "registry.HANDLERS_MAX": registry.HANDLERS_MAX,
        "router_events.LISTENERS_MAX": router_events.LISTENERS_MAX,
        "handler.ID_MAX": handler.ID_MAX,
        "handler.REQ_PATH_MAX": handler.REQ_PATH_MAX,
        "handler.ROUTINE_MAX": handler.ROUTINE_MAX,
        "filter.FILTER_MAX": filter.FILTER_MAX,
        "glob.PATTERN_MAX": glob.PATTERN_MAX,
        "glob.BRACES_MAX": glob.BRACES_MAX,
        "glob.VALUE_MAX": glob.VALUE_MAX,
        "LimitsConfig.handler_timeout": LimitsConfig().handler_timeout,
        "data_range.RANGES_MAX": data_range.RANGES_MAX,
        "ndn.REFERER_MAX": ndn.REFERER_MAX,
        "front.SEGMENTS_MAX": front.SEGMENTS_MAX,
        "http_head.LENGTH_MAX": http_head.LENGTH_MAX,
        "http_chunked.SIZE_LINE_MAX": http_chunked.SIZE_LINE_MAX,
        "http_chunked.TRAILERS_MAX": http_chunked.TRAILERS_MAX,
        "stream_server.REFUSED_MAX": stream_server.REFUSED_MAX,
        "outlet.WRITE_HIGH": outlet.WRITE_HIGH,
        "http_client.BODY_MAX": http_client.BODY_MAX,
        "http_client.READ_HIGH": http_client.READ_HIGH,
        "http_client.KEPT_MAX": http_client.KEPT_MAX,
        "http_client.TIMEOUT": http_client.TIMEOUT,
        "http_routines.CONNECTIONS": http_routines.CONNECTIONS,
        "ws_client.MESSAGE_MAX": ws_client.MESSAGE_MAX,
        "ws_client.CALLS": ws_client.CALLS,
        "volumes.VOLUMES_MAX": volumes.VOLUMES_MAX,
        "volume.MARKER_MAX": volume.MARKER_MAX,
        "volume.RETRY_S": volume.RETRY_S,
        "core_volumes.LEFT_LISTED": core_volumes.LEFT_LISTED,
        "remote.RETRY_S": remote.RETRY_S,
        "remote.DOOMED_MAX": remote.DOOMED_MAX,
        "ChunksConfig.cache": ChunksConfig().cache,
        "ChunksConfig.timeout": ChunksConfig().timeout,
        "s3.SLOWEST": s3.SLOWEST,
        "s3.CREDENTIALS_MAX": s3.CREDENTIALS_MAX,
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
