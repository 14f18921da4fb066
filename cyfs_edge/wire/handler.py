"""Router handlers as they are registered and as they answer (docs/protocol/websocket.md §4, §5)."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeVar
from urllib.parse import urlsplit

from cyfs_edge.base.errors import CyfsError, ErrorCode, normalize_code
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.wire import json_values as values
from cyfs_edge.wire.json_values import Members

ID_MAX = 256
"""Characters of a handler's id."""
REQ_PATH_MAX = 4096
ROUTINE_MAX = 1024


class Chain(Enum):
    PRE_NOC = "pre_noc"
    POST_NOC = "post_noc"
    PRE_ROUTER = "pre_router"
    POST_ROUTER = "post_router"
    PRE_FORWARD = "pre_forward"
    POST_FORWARD = "post_forward"
    PRE_CRYPTO = "pre_crypto"
    POST_CRYPTO = "post_crypto"
    HANDLER = "handler"
    ACL = "acl"
    NDN = "ndn"


class Category(Enum):
    PUT_OBJECT = "put_object"
    GET_OBJECT = "get_object"
    POST_OBJECT = "post_object"
    SELECT_OBJECT = "select_object"
    DELETE_OBJECT = "delete_object"
    GET_DATA = "get_data"
    PUT_DATA = "put_data"
    DELETE_DATA = "delete_data"
    SIGN_OBJECT = "sign_object"
    VERIFY_OBJECT = "verify_object"
    ENCRYPT_DATA = "encrypt_data"
    DECRYPT_DATA = "decrypt_data"
    ACL = "acl"
    INTEREST = "interest"


class Action(Enum):
    """What becomes of a request after a handler has seen it."""

    DEFAULT = "Default"
    RESPONSE = "Response"
    REJECT = "Reject"
    DROP = "Drop"
    PASS = "Pass"  # noqa: S105  # no secret


EnumT = TypeVar("EnumT", bound=Enum)


@dataclass(frozen=True, slots=True)
class HandlerKey:
    """Names one handler within all; ``dec``: who registered it."""

    chain: Chain
    category: Category
    id: str
    dec: ObjectId | None

    @property
    def place(self) -> tuple[Chain, Category]:
        return self.chain, self.category


@dataclass(frozen=True, slots=True)
class HandlerParam:
    """``filter`` and ``req_path``: ``None`` = none. ``routine``: the callback that is wanted, if any."""

    index: int
    default_action: Action
    filter: str | None = None
    req_path: str | None = None
    routine: str | None = None


@dataclass(frozen=True, slots=True)
class RoutineUrl:
    """Where an HTTP routine listens. ``path`` begins and ends with a slash."""

    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Answer:
    """A routine's answer. ``reply``: ``None`` = none given, an error, or the value as JSON."""

    action: Action
    request: Members | None = None
    reply: Members | CyfsError | None = None


def parse_name(kind: type[EnumT], text: str, code: ErrorCode = ErrorCode.UN_SUPPORT) -> EnumT:
    """A chain or category by its text; ``code`` when there is none of this name."""
    try:
        return kind(text)
    except ValueError:
        raise CyfsError(code, f"unknown router {kind.__name__.lower()}: {text[:80]!r}") from None


def parse_id(text: str) -> str:
    if not text or len(text) > ID_MAX:
        raise CyfsError(ErrorCode.INVALID_FORMAT, f"a handler's id has 1 to {ID_MAX} characters, not {len(text)}")
    return text


def parse_key(members: Members) -> HandlerKey:
    """Chain, category, id and dec of the messages over WebSocket, where every wrong name is ``INVALID_FORMAT``."""
    return HandlerKey(
        parse_name(Chain, values.text(members, "chain"), ErrorCode.INVALID_FORMAT),
        parse_name(Category, values.text(members, "category"), ErrorCode.INVALID_FORMAT),
        parse_id(values.text(members, "id")),
        values.optional_id(members, "dec_id"),
    )


def parse_param(members: Members) -> HandlerParam:
    """``param`` of a registration, in the forms of the TypeScript and of the Rust SDK."""
    return HandlerParam(
        index=values.number(members, "index", -(1 << 31), (1 << 31) - 1),
        default_action=_action(members.get("default_action")),
        filter=values.optional_text(members, "filter") or None,
        req_path=_bounded(members, "req_path", REQ_PATH_MAX),
        routine=_bounded(members, "routine", ROUTINE_MAX),
    )


def key_json(key: HandlerKey) -> Members:
    """What a registration and its removal have in common; the removal is no more than this."""
    members: Members = {"chain": key.chain.value, "category": key.category.value, "id": key.id}
    return members if key.dec is None else {**members, "dec_id": str(key.dec)}


def registration_json(key: HandlerKey, param: HandlerParam) -> Members:
    """As the TypeScript SDK writes it."""
    members: Members = {"index": param.index, "default_action": param.default_action.value}
    given = {"filter": param.filter, "req_path": param.req_path, "routine": param.routine}
    members |= {name: value for name, value in given.items() if value is not None}
    return {**key_json(key), "param": members}


def parse_answer(data: bytes) -> Answer:
    """What a routine answers; its request and reply are looked at by the category."""
    members = values.read_object(data, "the answer of a handler")
    action = _action_name(values.text(members, "action"))
    return Answer(action, values.optional_inner(members, "request"), parse_outcome(members))


def answer_json(answer: Answer) -> bytes:
    members: Members = {"action": answer.action.value}
    if answer.request is not None:
        members["request"] = answer.request
    if isinstance(answer.reply, CyfsError):
        members["response"] = {"error": {"code": str(int(answer.reply.code)), "msg": answer.reply.message}}
    elif answer.reply is not None:
        members["response"] = {"value": answer.reply}
    return values.write(members).encode("utf-8", "backslashreplace")


def parse_outcome(members: Members) -> Members | CyfsError | None:
    """The ``response`` in what a routine is told or answers: a value as JSON, an error, or none."""
    response = values.optional_inner(members, "response")
    if response is None:
        return None
    error = values.optional_inner(response, "error")
    return values.inner(response, "value") if error is None else parse_error(error)


def parse_error(members: Members) -> CyfsError:
    """``{"code", "msg"}`` as a handler answers it, the code as number or text."""
    code = normalize_code(values.number(members, "code", 0, 0xFFFF))
    return CyfsError(code, values.optional_text(members, "msg") or "")


def parse_routine_url(text: str) -> RoutineUrl:
    """``http://IP:PORT/base/`` on this machine's loopback; ``INVALID_FORMAT`` for anything else that is no such URL,
    ``PERMISSION_DENIED`` for another machine's.
    """
    try:
        url = urlsplit(text)
        host, port = url.hostname, url.port
        address = ipaddress.ip_address(host or "")
    except ValueError:
        raise CyfsError(ErrorCode.INVALID_FORMAT, f"a routine is http://IP:PORT/base/, not {text[:100]!r}") from None
    printable = all("!" <= letter <= "~" for letter in text)
    if url.scheme != "http" or not port or "@" in url.netloc or url.query or url.fragment or not printable:
        raise CyfsError(ErrorCode.INVALID_FORMAT, f"a routine is http://IP:PORT/base/, not {text[:100]!r}")
    if not address.is_loopback:
        raise CyfsError(ErrorCode.PERMISSION_DENIED, f"a routine is called on this machine only, not at {address}")
    # A relative URL is joined to it: what stands behind the last slash goes.
    return RoutineUrl(str(address), port, url.path[: url.path.rfind("/") + 1] or "/")


def result_json(error: CyfsError | None) -> bytes:
    """The answer to a registration: ``err`` is a text, as some clients insist."""
    if error is None:
        return b'{"err":"0"}'
    answer: dict[str, Any] = {"err": str(int(error.code))}
    if error.message:
        answer["msg"] = error.message
    return values.write(answer).encode("utf-8", "backslashreplace")


def check_result(data: bytes) -> None:
    """Raises the refusal that the answer to a registration tells, if it is one."""
    members = values.read_object(data, "the answer to a registration")
    if values.number(members, "err", 0, 0xFFFF):
        raise parse_error({"code": members["err"], "msg": members.get("msg")})


def event_json(key: HandlerKey, param: str) -> bytes:
    """The content of cmd 13; ``param``: request and reply as JSON text."""
    event = {"category": key.category.value, "chain": key.chain.value, "id": key.id, "param": param}
    return values.write(event).encode("utf-8", "backslashreplace")


def _action(value: object) -> Action:
    if isinstance(value, dict):
        value = value.get("action")
    if value is None:
        raise CyfsError(ErrorCode.NOT_FOUND, "field not found: default_action")
    if not isinstance(value, str):
        raise values.bad("default_action", "must be a text")
    return _action_name(value)


def _action_name(text: str) -> Action:
    try:
        return Action(text)
    except ValueError:
        raise CyfsError(ErrorCode.INVALID_FORMAT, f"unknown action of a handler: {text[:80]!r}") from None


def _bounded(members: Members, name: str, most: int) -> str | None:
    value = values.optional_text(members, name)
    if value is not None and len(value) > most:
        raise values.bad(name, f"has more than {most} characters")
    return value
