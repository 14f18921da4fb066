"""State calls as commands use them, on behalf of the system dec (docs/protocol/http-api.md §11, §12)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import quote

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.cli.calls import OBJECT_LIMIT
from cyfs_edge.cli.client import JSON_LIMIT, Client, checked, read_body
from cyfs_edge.cli.context import Context
from cyfs_edge.cli.exits import CliError, Exit
from cyfs_edge.cli.ids import parse_id
from cyfs_edge.objects.core.dec_app import SYSTEM_DEC_ID
from cyfs_edge.wire import fields, rmeta, state

LIST_STEP = 500
"""Entries asked for at a time."""


@dataclass(frozen=True, slots=True)
class Found:
    """What is at a path of which root. ``raw`` is empty for data, which have no object."""

    object_id: ObjectId
    raw: bytes
    root: str
    revision: int


class StateClient:
    """One state of one dec."""

    def __init__(self, client: Client, category: str, dec: ObjectId) -> None:
        self.client = client
        self.category = category
        self.dec = dec
        self._headers = {fields.DEC_ID: str(SYSTEM_DEC_ID), state.TARGET_DEC_ID: str(dec)}

    def find(self, path: str) -> Found:
        """``NOT_FOUND`` when nothing is there."""
        answer = checked(
            self.client.request("GET", f"/{self.category}{quote(path)}?action=get-object-by-path", self._headers)
        )
        found = ObjectId.from_text(answer.headers.get(fields.OBJECT_ID) or "")
        root, revision = answer.headers.get(state.ROOT) or "", int(answer.headers.get(state.REVISION) or 0)
        return Found(found, read_body(answer, OBJECT_LIMIT), root, revision)

    def current_root(self) -> Mapping[str, object]:
        """The global root: ``root`` and ``revision``."""
        return self._call(
            "POST", "root", {state.ROOT_STATE_ACTION: "get-current-root"}, {"root_type": state.RootType.GLOBAL.value}
        )

    @contextmanager
    def op_env(self, kind: state.OpEnvType) -> Iterator[OpEnv]:
        """An op-env that is gone afterwards; what was not committed is not kept."""
        body = {"op_env_type": kind.value}
        made = self._call("POST", "op-env", {state.ROOT_STATE_ACTION: "create-op-env"}, body)
        env = OpEnv(self, str(made["sid"]))
        try:
            yield env
        finally:
            if not env.ended:
                env.abort()

    def entries(self, map_id: ObjectId) -> Iterator[dict[str, object]]:
        """The entries of a map or set as it is, however long."""
        with self.op_env(state.OpEnvType.SINGLE) as env:
            env.call("POST", "init/target", state.OpEnvAction.LOAD, {"target": str(map_id)})
            while True:
                page = env.call("POST", "iterator", state.OpEnvAction.NEXT, {"step": LIST_STEP}).get("result")
                rows = page if isinstance(page, list) else []
                yield from rows
                if len(rows) < LIST_STEP:
                    return

    def meta(self, method: str, verb: rmeta.MetaVerb, body: Mapping[str, object]) -> Mapping[str, object]:
        """A call on the access rules."""
        action = {rmeta.META_ACTION: rmeta.action_text(verb, rmeta.MetaKind.ACCESS)}
        return self._call(method, "meta/access", action, body)

    def _call(
        self, method: str, path: str, headers: Mapping[str, str], body: Mapping[str, object]
    ) -> Mapping[str, object]:
        data = json.dumps({"common": {"flags": 0}, **body}).encode()
        target = f"/{self.category}/{path}"
        text = read_body(checked(self.client.request(method, target, {**self._headers, **headers}, data)), JSON_LIMIT)
        value = json.loads(text) if text else {}
        if not isinstance(value, dict):
            raise CyfsError(ErrorCode.JSON_ERROR, f"the answer to {method} {target} is not a JSON object")
        return value


class OpEnv:
    __slots__ = ("_sid", "_state", "ended")

    def __init__(self, of: StateClient, sid: str) -> None:
        self._state = of
        self._sid = sid
        self.ended = False

    def call(
        self, method: str, path: str, action: state.OpEnvAction, body: Mapping[str, object]
    ) -> Mapping[str, object]:
        headers = {state.OP_ENV_ACTION: action.value, state.OP_ENV_SID: self._sid}
        return self._state._call(method, f"op-env/{path}", headers, body)

    def commit(self) -> Mapping[str, object]:
        """The new ``root``, ``revision`` and ``dec_root``."""
        self.ended = True
        return self.call("POST", "transaction", state.OpEnvAction.COMMIT, {"op_type": "commit"})

    def abort(self) -> None:
        self.ended = True
        self.call("DELETE", "transaction", state.OpEnvAction.ABORT, {})


def open_state(context: Context) -> StateClient:
    """The state that the options name: ``--dec`` (the system's when left out) and ``--category``."""
    args = context.args
    dec = SYSTEM_DEC_ID if args.dec is None else parse_id(args.dec)
    return StateClient(context.connect(), args.category, dec)


def checked_path(path: str) -> str:
    """A path as the state knows it; a wrong one is a usage error."""
    if not path.startswith("/") or "//" in path or (path.endswith("/") and path != "/"):
        raise CliError(
            ErrorCode.INVALID_PARAM,
            f"Not a path of a state: {path!r}.",
            Exit.USAGE,
            "A path is / or like /posts/first.",
        )
    return path
