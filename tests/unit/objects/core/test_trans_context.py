"""TransContext and its path rules (docs/protocol/core-objects.md §3.11)."""

from __future__ import annotations

import pytest

from cyfs_edge.base.errors import CodecError, CyfsError, ErrorCode
from cyfs_edge.objects.core.trans_context import (
    TRANS_CONTEXT,
    ChunkCodecDesc,
    ChunkCodecInfo,
    TransContextBody,
    TransContextDevice,
    context_id,
    fix_context_path,
    is_context_path,
    make_trans_context,
)
from tests.unit.objects.core.ids import APP, NOW, OOD, OTHER_APP

TARGET = b"\x0a\x20" + OOD


@pytest.mark.parametrize(
    ("given", "fixed"),
    [
        ("/", "/"),
        ("a/b", "/a/b"),
        ("/a/b/", "/a/b"),
        ("/a/b//", "/a/b"),
        ("$a/b", "/a/b"),
        ("$/a/b", "/a/b"),
        ("$$a", "/a"),
        ("", "/"),
        ("$", "/"),
        ("//", "/"),
    ],
)
def test_paths_are_fixed(given: str, fixed: str) -> None:
    assert fix_context_path(given) == fixed
    assert is_context_path(fixed)


@pytest.mark.parametrize(("path", "valid"), [("/", True), ("/a", True), ("a", False), ("/a/", False), ("", False)])
def test_which_paths_are_valid(path: str, valid: bool) -> None:
    assert is_context_path(path) is valid


def test_the_id_covers_dec_and_path_only() -> None:
    device = TransContextDevice(target=OOD)
    assert make_trans_context(APP, "a/", [device], update_time=NOW).object_id == context_id(APP, "/a")
    assert len({context_id(dec, path) for dec in (None, APP, OTHER_APP) for path in ("/a", "/b")}) == 6


def test_a_global_path_goes_with_no_dec() -> None:
    assert make_trans_context(None, "$a", update_time=NOW).object_id == context_id(None, "/a")
    with pytest.raises(CyfsError) as refused:
        make_trans_context(APP, "$a", update_time=NOW)
    assert refused.value.code == ErrorCode.INVALID_PARAM


def test_stream_and_raptor_come_with_their_info_be_it_empty() -> None:
    device = TransContextDevice(target=OOD, chunk_codec_desc=ChunkCodecDesc.RAPTOR, chunk_codec_info=ChunkCodecInfo())
    assert device.encode() == TARGET + b"\x10\x02\x1a\x00"
    for codec in (b"\x10\x01", b"\x10\x02"):
        with pytest.raises(CodecError, match="without its info") as refused:
            TransContextBody.decode(b"\x0a\x24" + TARGET + codec)
        assert refused.value.code == ErrorCode.INVALID_DATA


def test_unknown_chunk_codecs_read_as_unknown() -> None:
    assert TransContextDevice.decode(TARGET + b"\x10\x07").chunk_codec_desc is ChunkCodecDesc.UNKNOWN


def test_devices_are_kept_in_order() -> None:
    devices = [TransContextDevice(target=OOD), TransContextDevice(target=APP), TransContextDevice(target=OOD)]
    body = TRANS_CONTEXT.decode(make_trans_context(APP, "/a", devices, update_time=NOW)).body
    assert body == TransContextBody(device_list=tuple(devices))
