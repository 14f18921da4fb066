"""What a handler gets to see of a request and its reply, and what it may change (docs/protocol/http-api.md §14,
websocket.md §4): one :class:`Codec` per category; those of the object calls are here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Generic, Protocol, TypeVar

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.objects.envelope import NamedObject, decode_object
from cyfs_edge.wire import json_values as values
from cyfs_edge.wire.filter import Look, Value
from cyfs_edge.wire.handler import Category
from cyfs_edge.wire.json_values import Members
from cyfs_edge.wire.requests import (
    DeleteObject,
    DeleteObjectReply,
    GetObject,
    GetObjectReply,
    NonCommon,
    PostObject,
    PostObjectReply,
    PutObject,
    PutObjectReply,
    PutResult,
    UtilCommon,
)
from cyfs_edge.wire.source import Source, ZoneCategory

U32_MAX = 0xFFFF_FFFF
U64_MAX = 0xFFFF_FFFF_FFFF_FFFF
REPLY_PREFIX = "resp."

Q = TypeVar("Q")
R = TypeVar("R")
CommonT = TypeVar("CommonT", NonCommon, UtilCommon)


@dataclass(frozen=True, slots=True)
class Got(Generic[R]):
    """A reply that is there, whatever its value."""

    value: R


Outcome = Got[R] | CyfsError | None
"""What a request has led to so far: a reply, an error, or nothing yet."""


class Codec(ABC, Generic[Q, R]):
    """One category. ``merge_request`` and ``merge_reply`` take over what a handler may change, and nothing else."""

    category: Category

    @abstractmethod
    def describe(self, request: Q) -> str:
        """For error texts."""
        ...

    @abstractmethod
    def req_path(self, request: Q) -> tuple[str | None, Source]:
        """The request path, and whose dec it means when it names none."""
        ...

    @abstractmethod
    def request_json(self, request: Q) -> Members: ...

    @abstractmethod
    def reply_json(self, reply: R) -> Members: ...

    @abstractmethod
    def merge_request(self, request: Q, members: Members) -> Q: ...

    @abstractmethod
    def read_reply(self, members: Members, request: Q) -> R:
        """The whole reply that a handler gives in place of the node's own."""
        ...

    @abstractmethod
    def merge_reply(self, reply: R, members: Members, request: Q) -> R: ...

    @abstractmethod
    def request_words(self, request: Q) -> Look: ...

    @abstractmethod
    def reply_words(self, reply: R) -> Look: ...

    def param_json(self, request: Q, outcome: Outcome[R]) -> str:
        """What a routine is sent: the request, and the reply where there is one."""
        param: Members = {"request": self.request_json(request)}
        if isinstance(outcome, CyfsError):
            param["response"] = {"error": {"code": str(int(outcome.code)), "msg": outcome.message}}
        elif outcome is not None:
            param["response"] = {"value": self.reply_json(outcome.value)}
        return values.write(param)

    def look(self, request: Q, outcome: Outcome[R]) -> Look:
        """The reserved words of a filter, read when they are asked for."""
        of_request = self.request_words(request)
        of_reply: Look = look_in({})
        if isinstance(outcome, CyfsError):
            of_reply = look_in({"error.code": int(outcome.code), "error.msg": outcome.message})
        elif outcome is not None:
            of_reply = self.reply_words(outcome.value)

        def look(word: str) -> Value:
            if word.startswith(REPLY_PREFIX):
                return of_reply(word[len(REPLY_PREFIX) :])
            return of_request(word)

        return look


class PutObjectCodec(Codec[PutObject, PutObjectReply]):
    category = Category.PUT_OBJECT

    def describe(self, request: PutObject) -> str:
        return f"put_object of {request.object_id}"

    def req_path(self, request: PutObject) -> tuple[str | None, Source]:
        return request.common.req_path, request.common.source

    def request_json(self, request: PutObject) -> Members:
        members = {"common": common_json(request.common), "object": object_json(request.object_id, request.raw)}
        return members if request.access is None else {**members, "access": request.access}

    def reply_json(self, reply: PutObjectReply) -> Members:
        return {"result": reply.result.value, **_times_json(reply.update_time, reply.expires_time)}

    def merge_request(self, request: PutObject, members: Members) -> PutObject:
        object_id, raw = read_named_object(values.inner(members, "object"))
        return replace(request, common=merge_common(request.common, members), object_id=object_id, raw=raw)

    def read_reply(self, members: Members, request: PutObject) -> PutObjectReply:
        try:
            result = PutResult(values.text(members, "result"))
        except ValueError:
            raise values.bad("result", "is no result of put_object") from None
        return PutObjectReply(result, *_read_times(members))

    def merge_reply(self, reply: PutObjectReply, members: Members, request: PutObject) -> PutObjectReply:
        return self.read_reply(members, request)

    def request_words(self, request: PutObject) -> Look:
        return either(common_words(request.common), ObjectWords(request.object_id, request.raw))

    def reply_words(self, reply: PutObjectReply) -> Look:
        words: dict[str, Value] = {
            "result": reply.result.value,
            "object_update_time": reply.update_time,
            "object_expires_time": reply.expires_time,
        }
        return words.get


class GetObjectCodec(Codec[GetObject, GetObjectReply]):
    category = Category.GET_OBJECT

    def describe(self, request: GetObject) -> str:
        return f"get_object of {request.object_id}"

    def req_path(self, request: GetObject) -> tuple[str | None, Source]:
        return request.common.req_path, request.common.source

    def request_json(self, request: GetObject) -> Members:
        return _named_json(request)

    def reply_json(self, reply: GetObjectReply) -> Members:
        members = {
            "object": object_json(reply.object_id, reply.raw),
            **_times_json(reply.update_time, reply.expires_time),
        }
        return members if reply.attributes is None else {**members, "attr": reply.attributes}

    def merge_request(self, request: GetObject, members: Members) -> GetObject:
        return replace(
            request,
            common=merge_common(request.common, members),
            object_id=values.object_id(members, "object_id"),
            inner_path=values.optional_text(members, "inner_path"),
        )

    def read_reply(self, members: Members, request: GetObject) -> GetObjectReply:
        object_id, raw = read_named_object(values.inner(members, "object"))
        attributes = values.optional_number(members, "attr", 0, U32_MAX)
        return GetObjectReply(object_id, raw, *_read_times(members), attributes)

    def merge_reply(self, reply: GetObjectReply, members: Members, request: GetObject) -> GetObjectReply:
        object_id, raw = _read_maybe_object(members)
        return reply if object_id is None else replace(reply, object_id=object_id, raw=raw)

    def request_words(self, request: GetObject) -> Look:
        return _named_words(request)

    def reply_words(self, reply: GetObjectReply) -> Look:
        return ObjectWords(reply.object_id, reply.raw)


class PostObjectCodec(Codec[PostObject, PostObjectReply]):
    category = Category.POST_OBJECT

    def describe(self, request: PostObject) -> str:
        return f"post_object of {request.object_id}"

    def req_path(self, request: PostObject) -> tuple[str | None, Source]:
        return request.common.req_path, request.common.source

    def request_json(self, request: PostObject) -> Members:
        return {"common": common_json(request.common), "object": object_json(request.object_id, request.raw)}

    def reply_json(self, reply: PostObjectReply) -> Members:
        return _maybe_object_json(reply.object_id, reply.raw)

    def merge_request(self, request: PostObject, members: Members) -> PostObject:
        object_id, raw = read_named_object(values.inner(members, "object"))
        return replace(request, common=merge_common(request.common, members), object_id=object_id, raw=raw)

    def read_reply(self, members: Members, request: PostObject) -> PostObjectReply:
        return PostObjectReply(*_read_maybe_object(members))

    def merge_reply(self, reply: PostObjectReply, members: Members, request: PostObject) -> PostObjectReply:
        return self.read_reply(members, request)

    def request_words(self, request: PostObject) -> Look:
        return either(common_words(request.common), ObjectWords(request.object_id, request.raw))

    def reply_words(self, reply: PostObjectReply) -> Look:
        return ObjectWords(reply.object_id, reply.raw)


class DeleteObjectCodec(Codec[DeleteObject, DeleteObjectReply]):
    category = Category.DELETE_OBJECT

    def describe(self, request: DeleteObject) -> str:
        return f"delete_object of {request.object_id}"

    def req_path(self, request: DeleteObject) -> tuple[str | None, Source]:
        return request.common.req_path, request.common.source

    def request_json(self, request: DeleteObject) -> Members:
        return _named_json(request)

    def reply_json(self, reply: DeleteObjectReply) -> Members:
        return _maybe_object_json(reply.object_id, reply.raw)

    def merge_request(self, request: DeleteObject, members: Members) -> DeleteObject:
        common = merge_common(request.common, members)
        return replace(request, common=common, object_id=values.object_id(members, "object_id"))

    def read_reply(self, members: Members, request: DeleteObject) -> DeleteObjectReply:
        return DeleteObjectReply(*_read_maybe_object(members))

    def merge_reply(self, reply: DeleteObjectReply, members: Members, request: DeleteObject) -> DeleteObjectReply:
        return self.read_reply(members, request)

    def request_words(self, request: DeleteObject) -> Look:
        return _named_words(request)

    def reply_words(self, reply: DeleteObjectReply) -> Look:
        return ObjectWords(reply.object_id, reply.raw)


class ObjectWords:
    """The words of an object: those of its id, and those of its content, which is decoded at the first of them."""

    def __init__(self, object_id: ObjectId | None, raw: bytes) -> None:
        self._object_id = object_id
        self._raw = raw

    @cached_property
    def _object(self) -> NamedObject | None:
        try:
            return decode_object(self._raw) if self._raw else None
        except CyfsError:
            return None

    def __call__(self, word: str) -> Value:
        if word in _ID_WORDS:
            return _ID_WORDS[word](self._object_id) if self._object_id is not None else None
        if word in _CONTENT_WORDS:
            return _CONTENT_WORDS[word](self._object) if self._object is not None else None
        return None


def _area(name: str) -> Callable[[ObjectId], Value]:
    return lambda object_id: getattr(object_id.area, name) if object_id.area is not None else None


_ID_WORDS: dict[str, Callable[[ObjectId], Value]] = {
    "object_id": str,
    "obj_type_code": lambda object_id: int(object_id.type_code),
    "obj_category": lambda object_id: object_id.category.text,
    **{f"area.{name}": _area(name) for name in ("country", "carrier", "city", "inner")},
}
_CONTENT_WORDS: dict[str, Callable[[NamedObject], Value]] = {
    "obj_type": lambda obj: obj.desc.obj_type,
    "object.dec_id": lambda obj: id_text(obj.dec_id),
    "object.author": lambda obj: id_text(obj.author),
    "object.owner": lambda obj: id_text(obj.owner),
}


def id_text(object_id: ObjectId | None) -> str | None:
    return None if object_id is None else str(object_id)


def either(first: Look, second: Look) -> Look:
    """Words of ``first``, and of ``second`` where it has none."""

    def look(word: str) -> Value:
        value = first(word)
        return second(word) if value is None else value

    return look


def source_json(source: Source) -> Members:
    members: Members = {
        "dec": str(source.dec),
        "protocol": source.protocol,
        "zone": {
            "device": str(source.device),
            "zone": str(source.zone),
            "zone_category": source.category.text,
        },
    }
    if source.verified is not None:
        members["verified"] = str(source.verified)
    return members


def read_source(members: Members) -> Source:
    """What :func:`source_json` writes. A zone that is not told is that of the device alone."""
    zone = values.inner(members, "zone")
    device = values.object_id(zone, "device")
    category = values.text(zone, "zone_category")
    found = next((one for one in ZoneCategory if one.text == category), None)
    if found is None:
        raise values.bad("zone_category", "is unknown")
    return Source(
        values.text(members, "protocol"),
        device,
        values.optional_id(zone, "zone") or device,
        found,
        values.object_id(members, "dec"),
        values.optional_id(members, "verified"),
    )


def source_words(source: Source) -> dict[str, Value]:
    return {
        "source.dec_id": str(source.dec),
        "source.device": str(source.device),
        "source.zone": str(source.zone),
        "source.zone_category": source.category.text,
        "source.protocol": source.protocol,
    }


def common_json(common: NonCommon | UtilCommon) -> Members:
    members: Members = {"flags": common.flags, "source": source_json(common.source)}
    if isinstance(common, NonCommon):
        members["level"] = common.level.value
    if common.req_path is not None:
        members["req_path"] = common.req_path
    if common.target is not None:
        members["target"] = str(common.target)
    return members


def merge_common(common: CommonT, members: Members) -> CommonT:
    """Path, target and flags; never the source."""
    changed = values.inner(members, "common")
    return replace(
        common,
        req_path=values.optional_text(changed, "req_path"),
        target=values.optional_id(changed, "target"),
        flags=values.number(changed, "flags", 0, U32_MAX),
    )


def common_words(common: NonCommon | UtilCommon) -> Look:
    words = source_words(common.source)
    words.update({"req_path": common.req_path, "target": id_text(common.target), "flags": common.flags})
    if isinstance(common, NonCommon):
        words["level"] = common.level.value
    return words.get


def object_json(object_id: ObjectId, raw: bytes) -> Members:
    return {"object_id": str(object_id), "object_raw": raw.hex()}


def read_named_object(members: Members) -> tuple[ObjectId, bytes]:
    """``UNMATCH`` when the bytes are another object than the id says."""
    object_id, raw = values.object_id(members, "object_id"), values.hex_bytes(members, "object_raw")
    found = decode_object(raw).object_id
    if found != object_id:
        raise CyfsError(ErrorCode.UNMATCH, f"the object given is {found}, not {object_id}")
    return object_id, raw


def look_in(words: dict[str, Value]) -> Look:
    return words.get


class _Named(Protocol):
    """A request for an object by its id and a path inside it."""

    @property
    def common(self) -> NonCommon: ...
    @property
    def object_id(self) -> ObjectId: ...
    @property
    def inner_path(self) -> str | None: ...


def _named_json(request: _Named) -> Members:
    members: Members = {"common": common_json(request.common), "object_id": str(request.object_id)}
    return members if request.inner_path is None else {**members, "inner_path": request.inner_path}


def _named_words(request: _Named) -> Look:
    own: dict[str, Value] = {"inner_path": request.inner_path}
    return either(own.get, either(common_words(request.common), ObjectWords(request.object_id, b"")))


def _maybe_object_json(object_id: ObjectId | None, raw: bytes) -> Members:
    return {} if object_id is None else {"object": object_json(object_id, raw)}


def _read_maybe_object(members: Members) -> tuple[ObjectId | None, bytes]:
    found = values.optional_inner(members, "object")
    return (None, b"") if found is None else read_named_object(found)


def _times_json(update_time: int | None, expires_time: int | None) -> Members:
    times = {"object_update_time": update_time, "object_expires_time": expires_time}
    return {name: str(time) for name, time in times.items() if time is not None}


def _read_times(members: Members) -> tuple[int | None, int | None]:
    return (
        values.optional_number(members, "object_update_time", 0, U64_MAX),
        values.optional_number(members, "object_expires_time", 0, U64_MAX),
    )


PUT_OBJECT = PutObjectCodec()
GET_OBJECT = GetObjectCodec()
POST_OBJECT = PostObjectCodec()
DELETE_OBJECT = DeleteObjectCodec()
