"""Door and shares on the administration socket, for the CLI (docs/cli.md)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.core.api.control import Action, Query, json_reply
from cyfs_edge.core.door.door import OwnerDoor
from cyfs_edge.core.door.sessions import user_json
from cyfs_edge.core.ports import Clock
from cyfs_edge.core.shares.api import PREFIX
from cyfs_edge.core.shares.record import Audience, ObjectTarget, StateTarget, Target, share_json
from cyfs_edge.core.shares.service import Made, NewShare
from cyfs_edge.wire.door import read_password
from cyfs_edge.wire.message import HttpRequest, HttpResponse

BODY_MAX = 64 * 1024
LIFE_MAX = 100 * 365 * 24 * 3600
"""Seconds that a share may be given at most."""


class ControlDoor:
    """``door``, ``door/password``, ``door/tokens[/id]``, ``shares[/id]`` below ``/control/``."""

    __slots__ = ("_clock", "_door")

    def __init__(self, door: OwnerDoor, clock: Clock) -> None:
        self._door = door
        self._clock = clock

    def routes(self) -> Mapping[tuple[str, str], Action]:
        return {
            ("GET", "door"): self._show,
            ("PUT", "door"): self._set_password,
            ("POST", "door"): self._create_token,
            ("DELETE", "door"): self._revoke_token,
            ("GET", "shares"): self._list_shares,
            ("POST", "shares"): self._create_share,
            ("DELETE", "shares"): self._revoke_share,
        }

    async def _show(self, request: HttpRequest, rest: str, query: Query) -> HttpResponse:
        if rest == "tokens":
            return json_reply({"tokens": [user_json(user) for user in await self._door.sessions.tokens()]})
        _require(rest, "")
        return json_reply(await self._door.show())

    async def _set_password(self, request: HttpRequest, rest: str, query: Query) -> HttpResponse:
        """Ends all sessions: whoever knew the old password is out."""
        _require(rest, "password")
        await self._door.password.set(read_password(await request.body.read(BODY_MAX)))
        return json_reply({"ended_sessions": await self._door.sessions.end_all_sessions()})

    async def _create_token(self, request: HttpRequest, rest: str, query: Query) -> HttpResponse:
        _require(rest, "tokens")
        body = await _body(request)
        secret, user = await self._door.sessions.create_token(_text(body, "name"), body.get("read_only") is True)
        return json_reply({**user_json(user), "token": secret})

    async def _revoke_token(self, request: HttpRequest, rest: str, query: Query) -> HttpResponse:
        kind, _, token_id = rest.partition("/")
        _require(kind, "tokens")
        return json_reply(user_json(await self._door.sessions.revoke_token(token_id)))

    async def _list_shares(self, request: HttpRequest, rest: str, query: Query) -> HttpResponse:
        _require(rest, "")
        now = self._clock.now()
        return json_reply({"shares": [share_json(share, now) for share in await self._door.shares.shares()]})

    async def _create_share(self, request: HttpRequest, rest: str, query: Query) -> HttpResponse:
        _require(rest, "")
        new = self._new_share(await _body(request))
        if new.audience is Audience.ANYONE and not self._door.config.enabled:
            text = "a link needs the owner door, which is off; set enabled = true in [door] and start the gateway anew"
            raise CyfsError(ErrorCode.ERROR_STATE, text, status=409)
        return json_reply(self._told(await self._door.shares.create(new)))

    async def _revoke_share(self, request: HttpRequest, rest: str, query: Query) -> HttpResponse:
        return json_reply(share_json(await self._door.shares.revoke(rest), self._clock.now()))

    def _new_share(self, body: Mapping[str, Any]) -> NewShare:
        """``{"for", "label", "life_s"}`` and ``object_id`` with ``inner_path``, or ``dec_id`` with ``path``."""
        try:
            audience = Audience(body.get("for"))
        except ValueError:
            text = f"'for' is one of {', '.join(one.value for one in Audience)}"
            raise CyfsError(ErrorCode.INVALID_PARAM, text) from None
        if "object_id" in body:
            inner_path = _text(body, "inner_path", "").strip("/")
            target: Target = ObjectTarget(ObjectId.from_text(_text(body, "object_id")), inner_path)
        else:
            target = StateTarget(ObjectId.from_text(_text(body, "dec_id")), _text(body, "path"))
        life = body.get("life_s")
        if life is not None and (type(life) is not int or not 1 <= life <= LIFE_MAX):
            raise CyfsError(ErrorCode.INVALID_PARAM, f"'life_s' is a whole number of seconds from 1 to {LIFE_MAX}")
        expires = 0 if life is None else self._clock.now() + life * 1_000_000
        return NewShare(audience, target, _text(body, "label", ""), expires)

    def _told(self, made: Made) -> dict[str, object]:
        told = share_json(made.share, self._clock.now())
        if made.secret is not None:
            return {**told, "url": f"{self._door.url}{PREFIX}{made.secret}"}
        return {**told, "objects": made.objects, "missing": made.missing}


async def _body(request: HttpRequest) -> dict[str, Any]:
    try:
        value = json.loads(await request.body.read(BODY_MAX))
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise CyfsError(ErrorCode.INVALID_FORMAT, "the body must be a JSON object")
    return value


def _text(body: Mapping[str, Any], name: str, default: str | None = None) -> str:
    value = body.get(name, default)
    if not isinstance(value, str):
        raise CyfsError(ErrorCode.INVALID_PARAM, f"{name!r} must be a text")
    return value


def _require(path: str, wanted: str) -> None:
    if path != wanted:
        raise CyfsError(ErrorCode.NOT_FOUND, f"no such control call: {path[:100]!r}")
