"""``cyfs-edge door show|password|token`` (docs/door.md)."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Mapping

from cyfs_edge.base.errors import ErrorCode
from cyfs_edge.cli.client import call_json
from cyfs_edge.cli.context import Context
from cyfs_edge.cli.exits import CliError, Exit
from cyfs_edge.cli.output import time_text
from cyfs_edge.cli.share import revoke_each

_PASSWORD_LINE_MAX = 4096


def show(context: Context) -> int:
    out = context.out
    client = context.connect()
    try:
        report = call_json(client, "GET", "/control/door")
    finally:
        client.close()
    out.document(report)
    if not report["enabled"]:
        out.line("The owner door is off. Open it: enabled = true in the section [door] of")
        out.line(f"{context.root.config_file}; then start the gateway anew.")
        return Exit.OK
    listening = report["listening"]
    addresses = ", ".join(map(str, listening)) if isinstance(listening, list) and listening else None
    certificate = report["certificate"]
    rows: list[tuple[str, object]] = [
        ("address", report["url"]),
        ("listening", addresses or "no: the gateway is not running"),
        ("password", "set" if report["password_set"] else "not set: cyfs-edge door password"),
        ("tokens", report["tokens"]),
    ]
    if isinstance(certificate, dict):
        rows += [
            ("certificate", certificate["file"]),
            ("valid until", str(certificate["not_after"])[:10]),
            ("sha256", certificate["fingerprint"]),
        ]
    else:
        rows.append(("certificate", "none: HTTP without TLS" if report["plain"] else "made at the first start"))
    out.fields(rows)
    return Exit.OK


def password(context: Context) -> int:
    """Sets the owner's password and ends all sessions."""
    text = _ask_password()
    client = context.connect()
    try:
        report = call_json(client, "PUT", "/control/door/password", {"password": text})
    finally:
        client.close()
    out = context.out
    out.document(report)
    ended = report.get("ended_sessions")
    out.line("The password is set." + (f" {ended} sessions were ended." if ended else ""))
    return Exit.OK


def create_token(context: Context) -> int:
    args, out = context.args, context.out
    client = context.connect()
    try:
        made = call_json(client, "POST", "/control/door/tokens", {"name": args.name, "read_only": args.read_only})
    finally:
        client.close()
    out.document(made)
    out.fields([("id", made["id"]), ("name", made["name"]), ("may", _rights(made)), ("token", made["token"])])
    out.line("The token is shown now and never again. Give it as the password; the user name does not matter.")
    return Exit.OK


def list_tokens(context: Context) -> int:
    out = context.out
    client = context.connect()
    try:
        report = call_json(client, "GET", "/control/door/tokens")
    finally:
        client.close()
    out.document(report)
    tokens = report.get("tokens")
    rows = [_row(token) for token in tokens if isinstance(token, dict)] if isinstance(tokens, list) else []
    if rows:
        out.table(("id", "name", "may", "made", "last used"), rows)
    else:
        out.line("No tokens. Make one for a program: cyfs-edge door token create NAME")
    return Exit.OK


def revoke_tokens(context: Context) -> int:
    return revoke_each(context, "/control/door/tokens", "token")


def _ask_password() -> str:
    """Typed twice on a terminal; else the first line of standard input."""
    if not sys.stdin.isatty():
        return sys.stdin.readline(_PASSWORD_LINE_MAX).rstrip("\r\n")
    first = getpass.getpass("New password of the owner: ")
    if getpass.getpass("Once more: ") != first:
        raise CliError(ErrorCode.INVALID_PARAM, "The two passwords differ; nothing was changed.", Exit.USAGE)
    return first


def _rights(token: Mapping[str, object]) -> str:
    return "read" if token.get("read_only") else "read and change"


def _row(token: Mapping[str, object]) -> list[object]:
    return [token["id"], token["name"], _rights(token), _day(token["created"]), _day(token["used"])]


def _day(time: object) -> str:
    return time_text(time)[:10] if isinstance(time, int) else "never"
