"""``cyfs-edge object put|get|list|delete``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from cyfs_edge.base.access import ACCESS_MASK, access_text, parse_access
from cyfs_edge.base.errors import CodecError, CyfsError, ErrorCode
from cyfs_edge.base.ids import ChunkId, ObjectId, ObjectTypeCode
from cyfs_edge.cli import calls
from cyfs_edge.cli.context import Context
from cyfs_edge.cli.exits import CliError, Exit, exit_of
from cyfs_edge.cli.file_list import pages
from cyfs_edge.cli.ids import parse_id
from cyfs_edge.cli.inputs import hex_lines, parse_hex, read_input
from cyfs_edge.cli.output import describe, size_text, time_text
from cyfs_edge.cli.views import type_name
from cyfs_edge.cli.write import write_file
from cyfs_edge.objects.core.dec_app import SYSTEM_DEC_ID

# Types of which there are no stored objects, or that ids do not tell apart.
_NOT_LISTED = (ObjectTypeCode.UNKNOWN, ObjectTypeCode.RESERVED, ObjectTypeCode.CHUNK, ObjectTypeCode.CUSTOM)


def put(context: Context) -> int:
    """Stores each object; goes on after a bad one. The exit code is that of the first failure."""
    args, out = context.args, context.out
    access = None if args.access is None else _parse_access(args.access)
    dec = SYSTEM_DEC_ID if args.dec is None else parse_id(args.dec)
    results: list[dict[str, object]] = []
    code = Exit.OK
    client = context.connect()
    try:
        for name, data in _objects(args.files, args.hex):
            try:
                if isinstance(data, CyfsError):
                    raise data
                object_id = _checked_id(data)
                result = calls.put_object(client, object_id, data, access=access, dec=dec)
                out.line(f"{object_id}  {result}")
                results.append({"source": name, "object_id": str(object_id), "result": result})
            except CyfsError as error:
                number, message = describe(error)
                code = code or exit_of(error)
                out.note(f"{name}: {message}")
                results.append({"source": name, "error": {"code": number, "msg": message}})
    finally:
        client.close()
    out.document({"objects": results})
    return code


def _objects(files: list[str], as_hex: bool) -> Iterator[tuple[str, bytes | CyfsError]]:
    for name in files:
        if not as_hex:
            yield name, read_input(name)
            continue
        for number, line in enumerate(hex_lines(name), 1):
            try:
                yield f"{name}:{number}", parse_hex(line)
            except CodecError as error:
                yield f"{name}:{number}", error


def _checked_id(data: bytes) -> ObjectId:
    from cyfs_edge.objects.envelope import decode_object

    return decode_object(data, exact=True).object_id


def get(context: Context) -> int:
    """The bytes of an object, to a file or to standard output."""
    args, out = context.args, context.out
    object_id = parse_id(args.id)
    if args.output is None and not out.as_json and sys.stdout.isatty():
        raise CliError(
            ErrorCode.INVALID_PARAM,
            "The object is binary and standard output is a terminal.",
            Exit.USAGE,
            f"Write it to a file: -o PATH. Or look at it: cyfs-edge object show {args.id}",
        )
    client = context.connect()
    try:
        found, raw = calls.get_object(client, object_id, args.inner_path)
    finally:
        client.close()
    if args.output is not None:
        write_file(Path(args.output), raw)
        out.document({"object_id": str(found), "size": len(raw), "path": args.output})
        out.line(f"{found}  {size_text(len(raw))} to {args.output}")
    elif out.as_json:
        out.document({"object_id": str(found), "size": len(raw), "object_raw": raw.hex()})
    else:
        sys.stdout.buffer.write(raw)
        sys.stdout.buffer.flush()
    return Exit.OK


def list_objects(context: Context) -> int:
    args, out = context.args, context.out
    client = context.connect()
    try:
        rows = pages(client, "/control/objects", "objects", args.limit, prefix=_type_name(args.type))
        if out.as_json:
            out.stream_list("objects", rows)
            return Exit.OK
        count = 0
        for row in rows:
            size, stored = (int(str(row.get(name) or 0)) for name in ("size", "insert_time"))
            code = int(str(row.get("obj_type", 0)))
            out.line(f"{row.get('object_id')}  {type_name(code):<13} {size_text(size):>8}  {time_text(stored)[:10]}")
            count += 1
        out.line(f"{count} objects." if count else "No objects.")
    finally:
        client.close()
    return Exit.OK


def delete(context: Context) -> int:
    """Deletes each; exit code 3 when one was not there."""
    args, out = context.args, context.out
    ids = [parse_id(text) for text in args.ids]
    results: list[dict[str, object]] = []
    client = context.connect()
    try:
        for one in ids:
            there = calls.delete_chunk(client, ChunkId(one)) if one.is_chunk else calls.delete_object(client, one)
            out.line(f"{one}  {'deleted' if there else 'was not there'}")
            results.append({"object_id": str(one), "deleted": there})
    finally:
        client.close()
    out.document({"objects": results})
    return Exit.OK if all(row["deleted"] for row in results) else Exit.NOT_FOUND


def _type_name(text: str | None) -> str | None:
    if text is None:
        return None
    names = [code.name.lower() for code in ObjectTypeCode if code not in _NOT_LISTED]
    name = text.lower().replace("-", "_")
    if text.isascii() and text.isdigit() and len(text) < 3 and int(text) < ObjectTypeCode.CUSTOM:
        name = ObjectTypeCode(int(text)).name.lower()
    if name not in names:
        raise CliError(ErrorCode.INVALID_PARAM, f"Unknown type {text!r}.", Exit.USAGE, f"Types are {', '.join(names)}.")
    return name


def _parse_access(text: str) -> int:
    try:
        value = int(text, 0) if text[:1].isdigit() else parse_access(text)
    except (ValueError, CyfsError):
        value = -1
    if not 0 <= value <= ACCESS_MASK:
        raise CliError(
            ErrorCode.INVALID_PARAM,
            f"Not an access string: {text!r}.",
            Exit.USAGE,
            f"Give a number up to 0o777777, or letters such as {access_text(0o770777)}.",
        )
    return value
