"""TransContext: from which devices a task downloads, and how (docs/protocol/core-objects.md §3.11)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.base.proto import ID, INT32, STRING, UINT32, Message, pb
from cyfs_edge.objects.content import Json
from cyfs_edge.objects.core.json_view import show
from cyfs_edge.objects.core.kinds import int_enum
from cyfs_edge.objects.core.types import core_type
from cyfs_edge.objects.envelope import NamedObject


class ChunkCodecDesc(IntEnum):
    UNKNOWN = 0
    STREAM = 1
    RAPTOR = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class TransContextDesc(Message):
    context_path: str = pb(1, STRING)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkCodecInfo(Message):
    """Which pieces of a chunk: from ``start`` to ``end``, backwards when ``step`` is negative."""

    start: int | None = pb(1, UINT32, optional=True)
    end: int | None = pb(2, UINT32, optional=True)
    step: int | None = pb(3, INT32, optional=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class TransContextDevice(Message):
    """``chunk_codec_info``: there for ``STREAM`` and ``RAPTOR``, though it may be empty, and only for them."""

    target: ObjectId = pb(1, ID)
    chunk_codec_desc: ChunkCodecDesc = pb(2, int_enum(ChunkCodecDesc, unknown=ChunkCodecDesc.UNKNOWN))
    chunk_codec_info: ChunkCodecInfo | None = pb(3, ChunkCodecInfo, optional=True)

    def __post_init__(self) -> None:
        if self.chunk_codec_desc != ChunkCodecDesc.UNKNOWN and self.chunk_codec_info is None:
            raise CyfsError(ErrorCode.INVALID_DATA, f"chunk codec {self.chunk_codec_desc.name} without its info")


@dataclass(frozen=True, slots=True, kw_only=True)
class TransContextBody(Message):
    device_list: tuple[TransContextDevice, ...] = pb(1, TransContextDevice, repeated=True)


def _body_json(body: TransContextBody) -> Json:
    devices = []
    for device in body.device_list:
        codec, info = show(device.chunk_codec_desc), device.chunk_codec_info
        if device.chunk_codec_desc != ChunkCodecDesc.UNKNOWN and info is not None:
            codec = {codec: [info.start, info.end, info.step]}
        devices.append({"target": str(device.target), "chunk_codec_desc": codec})
    return {"device_list": devices}


TRANS_CONTEXT: Final = core_type(350, "TransContext", TransContextDesc, TransContextBody, body_json=_body_json)

CODECS: Final = {350: TRANS_CONTEXT}


def fix_context_path(path: str) -> str:
    """``a/b``, ``/a/b/`` and ``$a/b`` → ``/a/b``; ``/`` stays."""
    if path == "/":
        return path
    path = path.lstrip("$").rstrip("/")
    return path if path.startswith("/") else "/" + path


def is_context_path(path: str) -> bool:
    """``/``, or begins with ``/`` and does not end with it."""
    return path == "/" or (path.startswith("/") and not path.endswith("/"))


def context_id(dec_id: ObjectId | None, path: str) -> ObjectId:
    """The id of the context at ``path`` of this DecApp; ``path`` may still be unfixed."""
    return TRANS_CONTEXT.build(TransContextDesc(context_path=fix_context_path(path)), dec_id=dec_id).object_id


def make_trans_context(
    dec_id: ObjectId | None, path: str, device_list: Sequence[TransContextDevice] = (), *, update_time: int
) -> NamedObject:
    """``path`` is fixed. A path given with ``$`` means a context without dec: ``dec_id`` must be ``None``.

    ``update_time``: bucky µs. Raises ``CyfsError`` (``INVALID_PARAM``).
    """
    if path.startswith("$") and dec_id is not None:
        raise CyfsError(ErrorCode.INVALID_PARAM, f"{path!r} is a context without dec", dec_id=dec_id)
    desc = TransContextDesc(context_path=fix_context_path(path))
    body = TransContextBody(device_list=tuple(device_list))
    return TRANS_CONTEXT.build(desc, body, update_time=update_time, dec_id=dec_id)
