"""NFTList: the files that are sold together (docs/protocol/core-objects.md §3.12).

The Rust library writes protobuf content under format 0, the TypeScript SDK 0.6.0 under format 1; both are read, and the
id is the one of the bytes. The layout of npm 0.5.8 (the list in the body) reads as an empty list.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cyfs_edge.base.ids import ObjectId, ObjectTypeCode
from cyfs_edge.base.proto import Message, pb
from cyfs_edge.objects.content import ContentFormat, DescFlag, Json
from cyfs_edge.objects.core.json_view import show_null, show_object
from cyfs_edge.objects.core.kinds import desc_of_type
from cyfs_edge.objects.core.types import NoContent, core_type
from cyfs_edge.objects.envelope import Desc, NamedObject, decode_object


@dataclass(frozen=True, slots=True, kw_only=True)
class NftFile(Message):
    """``desc``: of a File."""

    desc: Desc = pb(1, desc_of_type(ObjectTypeCode.FILE, "File"))


@dataclass(frozen=True, slots=True, kw_only=True)
class NftListDesc(Message):
    nft_list: tuple[NftFile, ...] = pb(1, NftFile, repeated=True)


def _list_json(desc: NftListDesc) -> Json:
    return [show_object(decode_object(nft.desc.raw))["desc"] for nft in desc.nft_list]


NFT_LIST: Final = core_type(
    500,
    "NFTList",
    NftListDesc,
    NoContent,
    sub_desc=DescFlag.OWNER | DescFlag.AUTHOR,
    desc_format=ContentFormat.RAW,
    desc_json=_list_json,
    body_json=show_null,
)

CODECS: Final = {500: NFT_LIST}


def make_nft_list(
    owner: ObjectId,
    nft_list: Sequence[Desc],
    *,
    update_time: int,
    create_time: int | None = None,
    author: ObjectId | None = None,
) -> NamedObject:
    """``nft_list``: of File objects. Times are bucky µs."""
    desc = NftListDesc(nft_list=tuple(NftFile(desc=one) for one in nft_list))
    return NFT_LIST.build(
        desc, NoContent(), update_time=update_time, create_time=create_time, owner=owner, author=author
    )
