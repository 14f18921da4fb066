"""``cyfs-edge share create|list|revoke`` (docs/door.md)."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from typing import Any

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.cli.client import call_json
from cyfs_edge.cli.context import Context
from cyfs_edge.cli.exits import CliError, Exit
from cyfs_edge.cli.ids import parse_id
from cyfs_edge.cli.output import time_text
from cyfs_edge.objects.core.dec_app import SYSTEM_DEC_ID

_UNITS = {"m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_QUIET = 2
"""Modules of empty space around a QR code, which scanners need."""
_AUDIENCES = {"anyone": "anyone with the link", "friends": "friends and the own zone", "zone": "the own zone"}


def create(context: Context) -> int:
    args, out = context.args, context.out
    body: dict[str, object] = {"for": args.audience, "label": args.label, **_target(args.target, args.dec)}
    if args.expires is not None:
        body["life_s"] = parse_life(args.expires)
    client = context.connect()
    try:
        made = call_json(client, "POST", "/control/shares", body)
    finally:
        client.close()
    out.document(made)
    url = made.get("url")
    out.fields([("share", made["id"]), ("for", _AUDIENCES[args.audience]), ("until", _until(made)), ("link", url)])
    if isinstance(url, str):
        out.line("The link is shown now and never again. Whoever has it can read what is shared.")
        if args.qr and not out.as_json:
            sys.stdout.write(qr_text(url))
    else:
        out.line(f"Opened to them: {made.get('objects')} objects or paths." + _missing(made))
    return Exit.OK


def list_shares(context: Context) -> int:
    out = context.out
    client = context.connect()
    try:
        report = call_json(client, "GET", "/control/shares")
    finally:
        client.close()
    out.document(report)
    shares = report.get("shares")
    rows = [_row(share) for share in shares if isinstance(share, dict)] if isinstance(shares, list) else []
    if rows:
        out.table(("id", "for", "state", "until", "label", "what"), rows)
    else:
        out.line("Nothing is shared. Share something: cyfs-edge share create ID")
    return Exit.OK


def revoke(context: Context) -> int:
    return revoke_each(context, "/control/shares", "share")


def revoke_each(context: Context, path: str, what: str) -> int:
    """All ids of the command below ``path`` that can be revoked are; exit code 3 when one was not there."""
    out = context.out
    code = Exit.OK
    results: list[dict[str, object]] = []
    client = context.connect()
    try:
        for shown_id in context.args.ids:
            try:
                results.append(call_json(client, "DELETE", f"{path}/{parse_share_id(shown_id)}"))
                out.line(f"{shown_id}  revoked")
            except CyfsError as error:
                if error.code != ErrorCode.NOT_FOUND:
                    raise
                code = Exit.NOT_FOUND
                out.line(f"{shown_id}  is no {what}")
    finally:
        client.close()
    out.document({"revoked": results})
    return code


def parse_share_id(text: str) -> str:
    """As lists show it."""
    if not re.fullmatch(r"[0-9a-f]{12}", text):
        raise CliError(
            ErrorCode.INVALID_PARAM, f"Not the id of a share or token: {text!r}.", Exit.USAGE, "The lists show the ids."
        )
    return text


def parse_life(text: str) -> int:
    """``7d`` → seconds; a wrong one is a usage error."""
    match = re.fullmatch(r"([1-9][0-9]{0,5})([mhdw])", text)
    if match is None:
        raise CliError(
            ErrorCode.INVALID_PARAM, f"Not a time: {text!r}.", Exit.USAGE, "Give a number with m, h, d or w: 12h, 7d."
        )
    return int(match[1]) * _UNITS[match[2]]


def qr_text(text: str) -> str:
    """A QR code of half blocks: two rows of modules in a line. Dark on a light ground whatever the terminal's are."""
    import segno

    rows = [list(row) for row in segno.make_qr(text, error="m").matrix]
    width = len(rows[0])
    side = [0] * _QUIET
    rows = [[0] * (width + 2 * _QUIET)] * _QUIET + [side + row + side for row in rows]
    rows += [[0] * (width + 2 * _QUIET)] * (_QUIET + len(rows) % 2)
    blocks = {(0, 0): "█", (0, 1): "▀", (1, 0): "▄", (1, 1): " "}
    lines = (
        "".join(blocks[upper, lower] for upper, lower in zip(*rows[at : at + 2], strict=True))
        for at in range(0, len(rows), 2)
    )
    # White on black: what is light in the code is drawn.
    return "".join(f"\x1b[97;40m{line}\x1b[0m\n" for line in lines)


def _target(text: str, dec: str | None) -> dict[str, object]:
    if text.startswith("/"):
        return {"dec_id": str(SYSTEM_DEC_ID if dec is None else parse_id(dec)), "path": text.rstrip("/") or "/"}
    if dec is not None:
        raise CliError(
            ErrorCode.INVALID_PARAM, "--dec goes with a path.", Exit.USAGE, "An id names its object by itself."
        )
    object_id, _, inner = text.partition("/")
    return {"object_id": str(parse_id(object_id)), "inner_path": inner}


def _row(share: Mapping[str, Any]) -> list[object]:
    target = share["target"]
    if "path" in target:
        what = f"{target['path']} of {target['dec_id']}"
    else:
        what = target["object_id"] + (f"/{target['inner_path']}" if target["inner_path"] else "")
    return [share["id"], share["for"], share["state"], _until(share), share["label"] or "-", what]


def _until(share: Mapping[str, object]) -> str:
    expires = share.get("expires")
    return time_text(expires) if isinstance(expires, int) else "revoked"


def _missing(made: Mapping[str, object]) -> str:
    return f" {made['missing']} in the folder are not here." if made.get("missing") else ""
