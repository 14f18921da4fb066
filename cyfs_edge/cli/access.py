"""``cyfs-edge access show|grant|revoke``: the rules on the paths of a dec (docs/protocol/access-and-zone.md §4)."""

from __future__ import annotations

import argparse

from cyfs_edge.base.access import ACCESS_MASK, access_text, parse_access, parse_permission, permission_text
from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.cli.client import call_json, query
from cyfs_edge.cli.context import Context
from cyfs_edge.cli.exits import CliError, Exit
from cyfs_edge.cli.ids import parse_id
from cyfs_edge.cli.output import printable
from cyfs_edge.cli.state_calls import checked_path, open_state
from cyfs_edge.wire.rmeta import MetaVerb

_LISTS = (("access", "access"), ("link", "links"), ("object", "object meta"), ("config", "path configuration"))


def show(context: Context) -> int:
    """The rules of a dec, in the order in which they are tried."""
    out = context.out
    state = open_state(context)
    try:
        target = query("/control/access", dec=state.dec, category=state.category)
        report = call_json(state.client, "GET", target)
    finally:
        state.client.close()
    out.document(report)
    shown = False
    for name, title in _LISTS:
        items = report.get(name)
        rows = [_row(name, item) for item in items if isinstance(item, dict)] if isinstance(items, list) else []
        if rows:
            if shown:
                out.line()
            out.table((title, *_HEADS[name]), rows)
            shown = True
    if not shown:
        out.line(f"No rules for {state.category} of {state.dec}: only that dec and the system may use it.")
    return Exit.OK


def grant(context: Context) -> int:
    """Adds a rule, or changes the one for the same path and callers."""
    args, out = context.args, context.out
    item = {"path": checked_path(args.path), "access": _group_access(args)}
    state = open_state(context)
    try:
        updated = state.meta("PUT", MetaVerb.ADD, {"item": item}).get("updated") is True
    finally:
        state.client.close()
    out.document({"dec_id": str(state.dec), "category": state.category, "item": item, "updated": updated})
    out.line("  ".join(_row("access", item)) + ("" if updated else "  (was so already)"))
    return Exit.OK


def revoke(context: Context) -> int:
    """Removes the rule for a path and the same callers; exit code 3 when there is none."""
    args, out = context.args, context.out
    # Which rule it is tell the path and the callers; the rights do not matter.
    args.access = "handler" if args.ask_handler else "0" if not _callers(args) else "---"
    item = {"path": checked_path(args.path), "access": _group_access(args)}
    state = open_state(context)
    try:
        removed = state.meta("DELETE", MetaVerb.REMOVE, {"item": item}).get("item")
    finally:
        state.client.close()
    out.document({"dec_id": str(state.dec), "category": state.category, "item": removed})
    if isinstance(removed, dict):
        out.line("  ".join(_row("access", removed)) + "  removed")
        return Exit.OK
    out.line(f"{printable(args.path)}  has no such rule")
    return Exit.NOT_FOUND


def _callers(args: argparse.Namespace) -> dict[str, str]:
    found = {} if args.zone_category is None else {"zone_category": str(args.zone_category)}
    for name, value in (("zone", args.zone), ("dec", args.caller_dec)):
        if value is not None:
            found[name] = str(parse_id(value))
    return found


def _group_access(args: argparse.Namespace) -> object:
    callers = _callers(args)
    text = str(args.access)
    if text == "handler":
        if callers:
            raise _wrong("A handler is asked about every caller.", "Leave out --caller-dec, --zone, --zone-category.")
        return "Handler"
    if callers:
        return {"Specified": {**callers, "access": _permission(text)}}
    try:
        access = int(text, 0) if text[:1].isdigit() else parse_access(text)
    except (ValueError, CyfsError):
        access = -1
    if not 0 <= access <= ACCESS_MASK:
        raise _wrong(f"Not an access string: {text!r}.", f"Give a number or letters such as {access_text(0o770777)}.")
    return {"Default": access}


def _permission(text: str) -> int:
    try:
        value = int(text) if text.isascii() and text.isdigit() and len(text) == 1 else parse_permission(text)
    except CyfsError:
        value = -1
    if not 0 <= value <= 7:
        raise _wrong(f"Not the rights of one caller: {text!r}.", "Give letters such as r-x, or 0 to 7.")
    return value


def _wrong(message: str, hint: str) -> CliError:
    return CliError(ErrorCode.INVALID_PARAM, message, Exit.USAGE, hint)


_HEADS = {
    "access": ("callers", "rights"),
    "link": ("leads to",),
    "object": ("callers", "rights", "depth"),
    "config": ("storage", "depth"),
}


def _row(name: str, item: dict[str, object]) -> list[str]:
    if name == "access":
        return [printable(str(item.get("path"))), *_rights(item.get("access"))]
    if name == "link":
        return [printable(str(item.get("source"))), printable(str(item.get("target")))]
    depth = "-" if item.get("depth") is None else str(item["depth"])
    if name == "object":
        return [printable(str(item.get("selector"))), *_rights(item.get("access")), depth]
    storage = {None: "-", 0: "concrete", 1: "virtual"}.get(item.get("storage_state"), "-")  # type: ignore[call-overload]
    return [printable(str(item.get("path"))), storage, depth]


def _rights(access: object) -> tuple[str, str]:
    """Who it is about, and what they may."""
    if isinstance(access, dict) and isinstance(access.get("Specified"), dict):
        rule = access["Specified"]
        named = [f"{name} {rule[name]}" for name in ("zone_category", "zone", "dec") if rule.get(name) is not None]
        return ", ".join(named), permission_text(int(rule.get("access", 0)))
    if isinstance(access, dict):
        return "everybody", access_text(int(access.get("Default", 0)))
    return "everybody", "a handler decides"
