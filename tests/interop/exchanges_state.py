"""What answers the recorded requests of state, meta, handlers and events.

From docs/protocol/http-api.md §11-§13 and docs/protocol/websocket.md §5, §7.

The recording's sessions are 1001 and 1002; those that this gateway made are put in (``sids_of``).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from .exchange_checks import ID, Check, Own, error, json_form, reply
from .rawhttp import Observed

NUMBER_TEXT = r"\d+"
DEC_ROOT = {"dec_root": ID, "revision": int, "root": ID}
ACCESS_ITEM = {"path": "/x/y/", "access": {"Default": int}}


def text(form: Any) -> Check:
    """A 200 of this JSON form, which the protocol calls text here (§4.3)."""
    return _with_type("text/plain;charset=utf-8", reply({}, json_form(form)))


def exact_text(body: bytes) -> Check:
    return _with_type("text/plain;charset=utf-8", reply({}, body))


def packet(content: bytes) -> Check:
    """An answer packet."""

    def check(got: Observed, _: Own) -> None:
        assert (got.outcome, got.body) == ("packet", content), got

    return check


def _with_type(content_type: str, inner: Check) -> Check:
    def check(got: Observed, own: Own) -> None:
        inner(got, own)
        assert got.header("content-type") == content_type

    return check


_DONE = reply({})
_NOTHING = text({})
_DENIED = error(403, "12")  # the path rules of the other dec grant nothing
_NO_MAP = error(504, "7")  # the session has no map, its load failed
_OLD_VALUE = text({"prev_value": "{own.text_id}"})

EXPECTED: Mapping[str, Check] = {
    "root_state.get_current_root (global)": text({"revision": int, "root": ID}),
    "root_state.get_current_root (dec)": _DENIED,
    "root_state.create_op_env path": text({"sid": NUMBER_TEXT}),
    "op_env.lock": _DONE,
    "op_env.get_by_path": _NOTHING,
    "op_env.get_by_key none": _NOTHING,
    "op_env.insert_with_path": _DONE,
    "op_env.set_with_path": _OLD_VALUE,
    "op_env.set_with_key (no prev)": _OLD_VALUE,
    "op_env.remove_with_path": text({"value": "{own.text_id}"}),
    "op_env.contains": error(404, "4"),  # the set is made by the insert that follows
    "op_env.insert": exact_text(b'{"result":true}'),
    "op_env.remove": exact_text(b'{"result":true}'),
    "op_env.create_new": _DONE,
    "op_env.metadata": text(
        {"content_mode": "simple", "content_type": "map", "count": "0", "depth": NUMBER_TEXT, "size": NUMBER_TEXT}
    ),
    "op_env.get_current_root": text(DEC_ROOT),
    "op_env.update": text(DEC_ROOT),
    "op_env.commit": text(DEC_ROOT),
    "op_env.abort": error(404, "4"),  # committed before
    "local_cache.create_op_env single": text({"sid": NUMBER_TEXT}),
    "op_env.load": error(404, "4"),
    "op_env.load_by_path": error(404, "4"),
    "op_env.next": _NO_MAP,
    "op_env.reset": _NO_MAP,
    "accessor.get_object_by_path": _DENIED,
    "accessor.list": _DENIED,
    "meta.add_access": exact_text(b'{"updated":true}'),
    "meta.add_access specified": exact_text(b'{"updated":true}'),
    "meta.remove_access": text({"item": ACCESS_ITEM}),
    "meta.clear_access": exact_text(b'{"count":1}'),
    "meta.add_link": exact_text(b'{"updated":true}'),
    "sync.status": error(400, "2"),  # no path of an OOD
    "router_handlers.add_post_object_handler (ws)": packet(b'{"err":"0"}'),
    "router_handlers.remove_handler (ws)": packet(b'{"err":"0"}'),
    "router_events.add zone_role_changed (ws)": packet(b'{"err":"0"}'),
    # Answers of the client, so these are what becomes of them: the object for who posted, "handled" for who emitted.
    "router handler event (server->client)": reply(
        {"cyfs-object-id": "{own.text_id}"}, lambda body, own: _equal(body, own.text_raw)
    ),
    "zone_role_changed event (server->client)": reply({}, b'{"handled":true}'),
    "http over ws: accessor.list (double ? quirk)": _DENIED,
    "http over ws: root_state.create_op_env": text({"sid": NUMBER_TEXT}),
}

LISTS = (exact_text(b'{"result":[]}'), error(404, "4"))
"""In the second run nothing was put there."""


def sids_of(recorded: str, got: Observed) -> dict[str, str]:
    """What to put in for a recorded session id, after the reply that told ours."""
    own = json.loads(got.body)["sid"]
    return {f"cyfs-op-env-sid: {recorded}": f"cyfs-op-env-sid: {own}", f'"sid":"{recorded}"': f'"sid":"{own}"'}


RECORDED_SIDS = {"root_state.create_op_env path": "1001", "local_cache.create_op_env single": "1002"}


def same_form(value: object, recorded: object, exact: Callable[[str], bool]) -> bool:
    """Whether two JSON values have the same member names and types, and the members that ``exact`` names are equal."""
    return _same_form("", value, recorded, exact)


def _same_form(name: str, value: object, recorded: object, exact: Callable[[str], bool]) -> bool:
    if isinstance(recorded, dict):
        return (
            isinstance(value, dict)
            and set(value) == set(recorded)
            and all(_same_form(key, value[key], recorded[key], exact) for key in recorded)
        )
    return type(value) is type(recorded) and (not exact(name) or value == recorded)


def _equal(body: bytes, expected: bytes) -> None:
    assert body == expected
