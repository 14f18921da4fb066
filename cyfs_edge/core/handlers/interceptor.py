"""Requests on their way past the handlers: the one place where services meet them (docs/protocol/websocket.md §4).

A service asks ``idle`` first: while nobody is registered, nothing else of this is touched.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

from cyfs_edge.base.access import Permission
from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.core.handlers.registry import Handler, HandlerRegistry
from cyfs_edge.wire.handler import Action, Answer, Chain, parse_answer
from cyfs_edge.wire.handler_crypto_json import ACL, AclRequest
from cyfs_edge.wire.handler_json import Codec, Got, Outcome
from cyfs_edge.wire.req_path import ReqPath
from cyfs_edge.wire.source import Source

Q = TypeVar("Q")
R = TypeVar("R")


class Interceptor:
    """Runs chains of handlers around, or in place of, the work of a service."""

    __slots__ = ("_registry",)

    def __init__(self, registry: HandlerRegistry) -> None:
        self._registry = registry

    @property
    def idle(self) -> bool:
        return self._registry.idle

    async def around(
        self, pre: Chain, post: Chain, codec: Codec[Q, R], request: Q, work: Callable[[Q], Awaitable[R]]
    ) -> R:
        """``work`` between the handlers before and those after it. A reply of one before takes the place of all."""
        request, answered, _ = await self._walk(pre, codec, request, None)
        if answered is not None:
            return answered.value
        if not self._registry.at((post, codec.category)):
            return await work(request)
        outcome: Outcome[R]
        try:
            outcome = Got(await work(request))
        except CyfsError as error:
            outcome = error
        _, answered, outcome = await self._walk(post, codec, request, outcome)
        outcome = answered or outcome
        if isinstance(outcome, Got):
            return outcome.value
        assert outcome is not None
        raise outcome

    async def consume(self, codec: Codec[Q, R], request: Q) -> R:
        """The reply of the handlers that the request is for; ``NOT_HANDLED`` when none gives one."""
        request, answered, _ = await self._walk(Chain.HANDLER, codec, request, None)
        if answered is None:
            raise CyfsError(ErrorCode.NOT_HANDLED, f"no handler answers {codec.describe(request)}")
        return answered.value

    async def allows(
        self, source: Source, dec: ObjectId, category: str, path: str, query: str | None, permission: Permission
    ) -> bool:
        """Whether the handlers of the ``acl`` chain grant it; no answer is no. For ``PathRules``."""
        try:
            request = AclRequest(category, dec, source, path, query, permission)
            _, answered, _ = await self._walk(Chain.ACL, ACL, request, None)
        except CyfsError:
            return False
        return answered is not None and answered.value

    async def _walk(
        self, chain: Chain, codec: Codec[Q, R], request: Q, outcome: Outcome[R]
    ) -> tuple[Q, Got[R] | None, Outcome[R]]:
        """Request and outcome as the handlers leave them, and between them the reply that one gave, if any."""
        handlers = self._registry.at((chain, codec.category))
        path = _path_of(codec, request) if handlers else None
        for handler in handlers:
            if not _is_meant(handler, path, codec, request, outcome):
                continue
            action, changed, answered, merged = await _ask(handler, codec, request, outcome)
            if action is Action.REJECT:
                raise CyfsError(ErrorCode.REJECT, f"{codec.describe(request)} was rejected: {_told(handler)}")
            if action is Action.DROP:
                raise CyfsError(ErrorCode.IGNORED, f"{codec.describe(request)} was dropped: {_told(handler)}")
            if action is Action.RESPONSE:
                if isinstance(answered, CyfsError):
                    raise answered
                if answered is None:
                    text = f"no response to {codec.describe(request)}: {_told(handler)}"
                    raise CyfsError(ErrorCode.INTERNAL_ERROR, text)
                return request, answered, outcome
            if changed is not request:
                path = _path_of(codec, changed)
            request, outcome = changed, merged
            if action is Action.DEFAULT:
                break
        return request, None, outcome


def _told(handler: Handler) -> str:
    return f"handler {handler.key.id!r}, chain {handler.key.chain.value}"


def _path_of(codec: Codec[Q, R], request: Q) -> ReqPath | None | CyfsError:
    """The request path with its dec. The error of a bad one is not told here: the service itself looks at it."""
    text, source = codec.req_path(request)
    if text is None:
        return None
    try:
        path = ReqPath.parse(text)
    except CyfsError as error:
        return error
    return path if path.dec is not None else replace(path, dec=source.dec)


def _is_meant(
    handler: Handler, path: ReqPath | None | CyfsError, codec: Codec[Q, R], request: Q, outcome: Outcome[R]
) -> bool:
    """Path and filter must both fit, and one of them must really have been looked at."""
    looked = False
    if handler.path is not None and path is not None:
        if isinstance(path, CyfsError) or not _covers(handler.path, path):
            return False
        looked = True
    if handler.filter is not None:
        if not handler.filter.matches(codec.look(request, outcome)):
            return False
        looked = True
    return looked


def _covers(own: ReqPath, path: ReqPath) -> bool:
    return (own.category, own.root, own.dec) == (path.category, path.root, path.dec) and path.path.startswith(own.path)


async def _ask(
    handler: Handler, codec: Codec[Q, R], request: Q, outcome: Outcome[R]
) -> tuple[Action, Q, Outcome[R], Outcome[R]]:
    """The action; the request as changed; the reply given; the outcome as changed. A failure is the default action."""
    if handler.routine is None:
        return handler.param.default_action, request, None, outcome
    try:
        answer = parse_answer(await handler.routine.call(handler.key, codec.param_json(request, outcome)))
        changed = request if answer.request is None else codec.merge_request(request, answer.request)
        if answer.action is Action.RESPONSE:
            return answer.action, request, _replied(codec, request, answer), outcome
        return answer.action, changed, None, _merged(codec, request, answer, outcome)
    except CyfsError as error:
        handler.failures += 1
        handler.last_failure = str(error)
        return handler.param.default_action, request, None, outcome


def _replied(codec: Codec[Q, R], request: Q, answer: Answer) -> Outcome[R]:
    if answer.reply is None or isinstance(answer.reply, CyfsError):
        return answer.reply
    return Got(codec.read_reply(answer.reply, request))


def _merged(codec: Codec[Q, R], request: Q, answer: Answer, outcome: Outcome[R]) -> Outcome[R]:
    if answer.reply is None:
        return outcome
    if isinstance(answer.reply, CyfsError):
        return answer.reply
    if isinstance(outcome, Got):
        return Got(codec.merge_reply(outcome.value, answer.reply, request))
    return Got(codec.read_reply(answer.reply, request))
