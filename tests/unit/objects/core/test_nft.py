"""NFTList and its two formats (docs/protocol/core-objects.md §3.12, §4.1)."""

from __future__ import annotations

import pytest

from cyfs_edge.base.errors import CodecError, ErrorCode
from cyfs_edge.objects.builder import BodyParts, build_object
from cyfs_edge.objects.content import ContentFormat
from cyfs_edge.objects.core.nft import NFT_LIST, NftFile, NftListDesc, make_nft_list
from tests.unit.objects.core.ids import NOW, PEOPLE
from tests.unit.objects.core.strategies import DEVICE, FILE


def test_we_write_the_format_of_the_rust_library() -> None:
    made = make_nft_list(PEOPLE, [FILE], create_time=NOW, update_time=NOW)
    assert (made.desc.format, made.desc.content[:1]) == (ContentFormat.RAW, b"\x0a")


def test_both_formats_are_read_and_each_has_its_own_id() -> None:
    """The TypeScript SDK 0.6.0 says protobuf; the id is that of the bytes, not of a list written again."""
    rust = make_nft_list(PEOPLE, [FILE, FILE], update_time=NOW)
    typescript = build_object(
        500,
        desc_content=rust.desc.content,
        desc_format=ContentFormat.PROTOBUF,
        owner=PEOPLE,
        body=BodyParts(update_time=NOW, format=ContentFormat.PROTOBUF),
    )
    assert NFT_LIST.decode(rust) == NFT_LIST.decode(typescript)
    assert rust.object_id != typescript.object_id


def test_only_file_descs_are_listed() -> None:
    desc = NftListDesc(nft_list=(NftFile(desc=FILE),))
    assert NftListDesc.decode(desc.encode()) == desc
    with pytest.raises(CodecError, match="instead of File") as refused:
        NftListDesc.decode(NftListDesc(nft_list=(NftFile(desc=DEVICE),)).encode())
    assert refused.value.code == ErrorCode.INVALID_DATA


def test_the_old_layout_reads_as_an_empty_list() -> None:
    """npm 0.5.8 has the list in the body and an empty desc."""
    old = build_object(500, owner=PEOPLE, body=BodyParts(content=b"\x0a\x02\x0a\x00", update_time=NOW))
    assert NFT_LIST.decode(old).desc == NftListDesc()
