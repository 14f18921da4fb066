"""SipHash-1-3 against CPython's own, which hashes bytes with it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from cyfs_edge.base.siphash import siphash13

_PRINT_HASHES = "for size in range(1, 70): print(hash(bytes(range(size))) % (1 << 64))"


@pytest.mark.skipif(sys.hash_info.algorithm != "siphash13", reason="this Python hashes bytes with something else")
def test_hashes_with_zero_keys_are_those_of_cpython_without_hash_randomisation() -> None:
    result = subprocess.run(
        [sys.executable, "-c", _PRINT_HASHES],
        env={**os.environ, "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=True,
    )
    hashes = [int(line) for line in result.stdout.split()]
    assert [siphash13(bytes(range(size))) for size in range(1, 70)] == hashes


def test_the_empty_message() -> None:
    assert siphash13(b"") == 0xD1FBA762150C532C
