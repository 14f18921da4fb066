"""``cyfs-edge state get|list|set|remove|roots|export``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId, ObjectTypeCode
from cyfs_edge.cli import calls
from cyfs_edge.cli.client import Client
from cyfs_edge.cli.context import Context
from cyfs_edge.cli.exits import CliError, Exit
from cyfs_edge.cli.ids import parse_id
from cyfs_edge.cli.output import printable, size_text
from cyfs_edge.cli.state_calls import OpEnv, checked_path, open_state
from cyfs_edge.cli.views import type_name
from cyfs_edge.cli.write import write_file, write_pieces
from cyfs_edge.wire.state import OpEnvAction, OpEnvType


def get(context: Context) -> int:
    """What is at a path: its id and type, and its bytes into a file."""
    args, out = context.args, context.out
    path = checked_path(args.path)
    state = open_state(context)
    try:
        found = state.find(path)
    finally:
        state.client.close()
    document: dict[str, object] = {
        "path": path,
        "object_id": str(found.object_id),
        "root": found.root,
        "revision": found.revision,
        "size": len(found.raw),
    }
    if args.output is not None:
        write_file(Path(args.output), found.raw)
        document["output"] = args.output
    else:
        document["object_raw"] = found.raw.hex()
    out.document(document)
    size = size_text(len(found.raw)) + (f" to {args.output}" if args.output is not None else "")
    out.line(f"{found.object_id}  {_kind(found.object_id, found.raw)}  {size}")
    return Exit.OK


def list_entries(context: Context) -> int:
    """The entries of the map or set at a path."""
    args, out = context.args, context.out
    path = checked_path(args.path)
    state = open_state(context)
    try:
        found = state.find(path)
        if found.object_id.type_code != ObjectTypeCode.OBJECT_MAP:
            raise CyfsError(ErrorCode.NOT_SUPPORT, f"{found.object_id} at {path} is no map and no set")
        rows = state.entries(found.object_id)
        if out.as_json:
            out.stream_list("entries", rows)
            return Exit.OK
        count = 0
        for row in rows:
            out.line(_entry_line(row))
            count += 1
        out.line(f"{count} entries." if count else "No entries.")
    finally:
        state.client.close()
    return Exit.OK


def set_value(context: Context) -> int:
    """Puts an id at a path; maps on the way are made."""
    args, out = context.args, context.out
    value = parse_id(args.id)
    place = _place(args.path)
    state = open_state(context)
    try:
        with state.op_env(OpEnvType.PATH) as env:
            change = {**place, "value": str(value), "auto_insert": True}
            before = env.call("PUT", "map", OpEnvAction.SET_WITH_KEY, change).get("prev_value")
            document = _committed(env, args.path)
    finally:
        state.client.close()
    out.document({**document, "object_id": str(value), "previous": before})
    out.line(f"{printable(args.path)}  {value}" + (f", was {before}" if before is not None else ""))
    return Exit.OK


def remove(context: Context) -> int:
    """Removes what is at a path; exit code 3 when nothing was."""
    args, out = context.args, context.out
    place = _place(args.path)
    state = open_state(context)
    try:
        # An op-env would make the state of a dec that has none.
        state.find("/")
        with state.op_env(OpEnvType.PATH) as env:
            before = env.call("DELETE", "map", OpEnvAction.REMOVE_WITH_KEY, place).get("value")
            document = _committed(env, args.path) if before is not None else {"path": args.path}
    finally:
        state.client.close()
    out.document({**document, "previous": before})
    out.line(f"{printable(args.path)}  " + ("was not there" if before is None else f"removed, was {before}"))
    return Exit.NOT_FOUND if before is None else Exit.OK


def roots(context: Context) -> int:
    """The global root, and that of every dec that has a state."""
    out = context.out
    state = open_state(context)
    try:
        root = state.current_root()
        rows = list(state.entries(ObjectId.from_text(str(root["root"]))))
    finally:
        state.client.close()
    decs = [{"dec_id": row.get("key"), "root": row.get("value")} for row in rows]
    out.document({"category": state.category, "root": root["root"], "revision": root["revision"], "decs": decs})
    out.line(f"{state.category}  {root['root']}  revision {root['revision']}")
    out.table(("dec", "root"), [(row["dec_id"], row["root"]) for row in decs])
    return Exit.OK


def export(context: Context) -> int:
    """All objects of a state below a path, one in hex a line: what ``object put --hex`` reads."""
    args, out = context.args, context.out
    path = checked_path(args.path)
    if out.as_json and args.output is None:
        raise CliError(
            ErrorCode.INVALID_PARAM,
            "With --json standard output is for the report.",
            Exit.USAGE,
            "Write the objects to a file: -o FILE",
        )
    missing: list[str] = []
    counts = {"objects": 0, "size": 0}
    state = open_state(context)
    try:
        found = state.find(path)

        def lines() -> Iterator[bytes]:
            for raw in _reachable(state.client, found.object_id, missing):
                counts["objects"] += 1
                counts["size"] += len(raw)
                yield raw.hex().encode() + b"\n"

        if args.output is None:
            for line in lines():
                sys.stdout.buffer.write(line)
            sys.stdout.buffer.flush()
        else:
            write_pieces(Path(args.output), lines())
    finally:
        state.client.close()
    document = {"path": path, "object_id": str(found.object_id), "root": found.root, "revision": found.revision}
    out.document({**document, **counts, "missing": missing, "output": args.output})
    out.note(f"{found.object_id}: {counts['objects']} objects, {size_text(counts['size'])}.")
    if missing:
        out.note(f"{len(missing)} of the ids in it have no object here.")
    return Exit.OK


def _reachable(client: Client, top: ObjectId, missing: list[str]) -> Iterator[bytes]:
    """``top`` and what its maps hold, each once; data and chunks have no object."""
    from cyfs_edge.objects.envelope import decode_object
    from cyfs_edge.objects.object_map import ObjectMap

    waiting, seen = [top], {top}
    while waiting:
        one = waiting.pop()
        if one.is_chunk or one.is_data:
            continue
        try:
            _, raw = calls.get_object(client, one)
        except CyfsError as error:
            if error.code != ErrorCode.NOT_FOUND:
                raise
            missing.append(str(one))
            continue
        yield raw
        if one.type_code == ObjectTypeCode.OBJECT_MAP:
            content = decode_object(raw).desc.value
            if isinstance(content, ObjectMap):
                inner = sorted(content.object_ids() - seen, reverse=True)
                seen.update(inner)
                waiting += inner


def _place(path: str) -> dict[str, object]:
    if checked_path(path) == "/":
        raise CliError(ErrorCode.INVALID_PARAM, "The root of a state is no entry.", Exit.USAGE, "Name a path below /.")
    folder, _, key = path.rpartition("/")
    return {"path": folder or "/", "key": key}


def _committed(env: OpEnv, path: str) -> dict[str, object]:
    root = env.commit()
    return {"path": path, "root": root["root"], "dec_root": root["dec_root"], "revision": root["revision"]}


def _kind(object_id: ObjectId, raw: bytes) -> str:
    if object_id.is_data:
        return "Data"
    if not raw:
        return type_name(object_id.type_code or 0)
    from cyfs_edge.objects.envelope import decode_object

    return type_name(decode_object(raw).obj_type)


def _entry_line(row: dict[str, object]) -> str:
    if row.get("content_type") == "map":
        return f"{row.get('value')}  {printable(str(row.get('key')))}"
    if row.get("content_type") == "set":
        return str(row.get("value"))
    change = f"{row.get('prev') or '-'} -> {row.get('altered') or '-'}"
    return f"{change}  {printable(str(row['key']))}" if "key" in row else change
