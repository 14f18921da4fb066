"""How the contents of one object type are read and shown: the entry of the type table (objects/registry.py)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final, Generic, TypeVar

from cyfs_edge.base.codec import Reader
from cyfs_edge.base.errors import CodecError, CyfsError
from cyfs_edge.base.proto import Message

D = TypeVar("D")
B = TypeVar("B")
M = TypeVar("M", bound=Message)

Json = Any
"""What ``json.dumps`` takes."""


class ContentFormat(IntEnum):
    """The format byte before a content (docs/protocol/objects.md §3.2). Other values occur and are kept."""

    RAW = 0
    PROTOBUF = 1
    JSON = 2


class DescFlag(IntEnum):
    """Bits of ``obj_flags`` that say which fields a desc has (§3.1)."""

    DEC_ID = 0x0020
    REF_OBJECTS = 0x0040
    PREV = 0x0080
    CREATE_TIMESTAMP = 0x0100
    CREATE_TIME = 0x0200
    EXPIRED_TIME = 0x0400
    OWNER = 0x0800
    AREA = 0x1000
    AUTHOR = 0x2000
    PUBLIC_KEY = 0x4000
    EXT = 0x8000


@dataclass(frozen=True, slots=True)
class EmptyContent:
    """A content without fields."""

    def encode(self) -> bytes:
        return b""


NO_CONTENT: Final = EmptyContent()


@dataclass(frozen=True, slots=True)
class ContentCodec(Generic[D, B]):
    """One object type. Readers get exactly the content; bytes that they leave are ignored (§3.2).

    name: the reference's name of the type. sub_desc: which of owner, area, author and public key a desc may have.
    agree: refuses (by raising ``CyfsError``) a body content that does not go with the desc content.
    hash_content: the content in its *Hash* form (§1.2), where that differs.
    desc_json, body_json: the views of ``format_json``; without them contents are shown as ``[unimplemented]`` for
    standard objects, and in hex for all others.
    """

    name: str
    desc: Callable[[Reader], D]
    body: Callable[[Reader], B]
    sub_desc: int = 0
    key_required: bool = False
    agree: Callable[[D, B], None] | None = None
    hash_content: Callable[[bytes, D], bytes] | None = None
    desc_json: Callable[[D], Json] | None = None
    body_json: Callable[[B], Json] | None = None

    def read_desc(self, reader: Reader) -> D:
        """Raises :class:`CodecError` only."""
        start = reader.pos
        try:
            return self.desc(reader)
        except CodecError:
            raise
        except CyfsError as error:
            raise CodecError(error.code, error.message, start) from None

    def read_body(self, reader: Reader, desc: D) -> B:
        """Raises :class:`CodecError` only."""
        start = reader.pos
        try:
            content = self.body(reader)
            if self.agree is not None:
                self.agree(desc, content)
            return content
        except CodecError:
            raise
        except CyfsError as error:
            raise CodecError(error.code, error.message, start) from None


def read_nothing(reader: Reader) -> EmptyContent:
    return NO_CONTENT


def read_message(message: type[M]) -> Callable[[Reader], M]:
    """A reader of contents that are one protobuf message."""

    def read(reader: Reader) -> M:
        return message.decode(reader.data, reader.pos, reader.end)

    return read


def show_nothing(content: object) -> Json:
    return {}
