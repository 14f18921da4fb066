"""``cyfs-edge object show``: decodes anything."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from cyfs_edge.base.errors import CodecError, CyfsError, ErrorCode
from cyfs_edge.base.ids import ChunkId, ObjectId
from cyfs_edge.cli.context import Context
from cyfs_edge.cli.exits import CliError, Exit
from cyfs_edge.cli.inputs import hex_lines, parse_hex, read_input
from cyfs_edge.cli.output import json_text, printable
from cyfs_edge.cli.views import error_record, id_record, object_record, text_lines


def show(context: Context) -> int:
    """One record for one argument, a list for several. With ``--hex``: one record a line, whatever the lines hold."""
    if context.args.hex:
        return max(_show_lines(context, name) for name in context.args.what)
    records = [_record(context, what) for what in context.args.what]
    context.out.document(records[0] if len(records) == 1 else records)
    for number, record in enumerate(records):
        if number:
            context.out.line()
        for line in text_lines(record):
            context.out.line(line)
    return Exit.OK


def _show_lines(context: Context, name: str) -> Exit:
    code = Exit.OK
    for number, line in enumerate(hex_lines(name), 1):
        record = _line_record(line)
        if "error" in record:
            code = Exit.BAD_DATA
        if context.out.as_json:
            sys.stdout.write(json_text(record) + "\n")
        elif "error" in record:
            sys.stdout.write(f"{name}:{number}: {printable(record['error'])} (at byte {record['offset']})\n\n")
        else:
            sys.stdout.write("\n".join(text_lines(record)) + "\n\n")
        # Whoever feeds us line by line waits for the answer to each.
        sys.stdout.flush()
    return code


def _line_record(line: bytes) -> dict[str, Any]:
    try:
        return object_record(parse_hex(line))
    except CodecError as error:
        return error_record(error)


def _record(context: Context, what: str) -> dict[str, Any]:
    if what == "-" or Path(what).is_file():
        try:
            return object_record(read_input(what))
        except CodecError as error:
            name = "Standard input" if what == "-" else what
            raise CodecError(
                error.code, f"{name} is no object: {error.message}, at byte {error.offset}.", error.offset
            ) from None
    try:
        object_id = ObjectId.from_text(what)
    except CyfsError:
        raise CliError(
            ErrorCode.NOT_FOUND,
            f"{what!r} is neither a file nor an object id.",
            Exit.NOT_FOUND,
            "Give an id, a file that holds an object, or - for standard input.",
        ) from None
    return _stored_record(context, object_id)


def _stored_record(context: Context, object_id: ObjectId) -> dict[str, Any]:
    """The stored object; what the id itself tells when it is not stored, or cannot have been looked up."""
    record = id_record(object_id)
    if object_id.is_data:
        return record
    from cyfs_edge.cli import calls

    try:
        client = context.connect()
    except (CyfsError, OSError) as error:
        context.out.note(f"Not looked up in a store: {error.message if isinstance(error, CyfsError) else error}")
        return record
    try:
        if object_id.is_chunk:
            return record | {"stored": calls.has_chunk(client, ChunkId(object_id))}
        raw = calls.get_object(client, object_id)[1]
    except CyfsError as error:
        if error.code != ErrorCode.NOT_FOUND:
            raise
        return record | {"stored": False}
    finally:
        client.close()
    return object_record(raw) | {"base36": record["base36"], "stored": True}
