"""What the package of the SDK promises as a whole."""

from __future__ import annotations

import subprocess
import sys

import pytest

import cyfs_edge.sdk
from cyfs_edge.base.ids import make_object_id
from cyfs_edge.sdk import CyfsError, CyfsStack, ErrorCode
from cyfs_edge.wire.data_range import range_text

SERVER_ONLY = ("aiohttp", "coincurve", "cryptography", "lmdb", "psutil", "uvloop", "cyfs_edge.core", "cyfs_edge.store")


def test_an_app_does_not_load_the_server() -> None:
    script = f"import sys, cyfs_edge.sdk; print([name for name in {SERVER_ONLY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_all_names_are_there_once() -> None:
    names = cyfs_edge.sdk.__all__
    assert len(names) == len(set(names))
    assert all(hasattr(cyfs_edge.sdk, name) for name in names)


async def test_addresses_of_pages() -> None:
    dec = make_object_id(bytes(32), 400)
    pages = CyfsStack(dec, http="[::1]:21318").pages
    origin = f"http://a.{dec.base36}.localhost:21318"
    assert pages.url() == origin + "/"
    assert pages.url("/a/ü?#.html") == origin + "/a/%C3%BC%3F%23.html"
    assert pages.object_url(dec) == f"{origin}/o/{dec}"


def test_ranges() -> None:
    assert range_text([]) is None
    assert range_text([(0, 5), (7, None)]) == "bytes=0-4,7-"


@pytest.mark.parametrize("span", [(5, 5), (6, 5), (-1, 5)])
def test_a_range_without_bytes_is_not_sent(span: tuple[int, int]) -> None:
    with pytest.raises(CyfsError) as caught:
        range_text([span])
    assert caught.value.code == ErrorCode.INVALID_PARAM
