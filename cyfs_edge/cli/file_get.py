"""``cyfs-edge file get``: stored content back to files, every chunk and every file verified against its hash."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ChunkId, ObjectId, ObjectTypeCode
from cyfs_edge.cli import calls
from cyfs_edge.cli.client import Client
from cyfs_edge.cli.context import Context
from cyfs_edge.cli.exits import CliError, Exit
from cyfs_edge.cli.ids import parse_id
from cyfs_edge.cli.output import size_text
from cyfs_edge.cli.progress import Progress
from cyfs_edge.cli.tree import ENTRIES_MAX
from cyfs_edge.cli.write import write_pieces
from cyfs_edge.objects.dir import DirBody, DirList, DirNode, DirRange, decode_body_chunk, dir_list
from cyfs_edge.objects.envelope import NamedObject, decode_object
from cyfs_edge.objects.file import ChunkList, ChunkListKind, File, bundle_hash

_DEPTH_MAX = 64
_NAME_MAX = 255
_PARENT_CHUNK_MAX = 64 << 20
"""Largest chunk that is read as a whole: lists of names, and chunks that hold several small files."""


@dataclass(frozen=True, slots=True)
class Content:
    """Something to be written: its length, and its verified pieces when they are asked for."""

    length: int
    pieces: Callable[[], Iterable[bytes]]


Plan = dict[str, Content | None]
"""Inner path → file to write; ``None`` for a folder without entries."""


def get(context: Context) -> int:
    args, out = context.args, context.out
    object_id = parse_id(args.id)
    target = Path(args.output)
    client = context.connect()
    try:
        source = Source(client)
        plan = source.plan(object_id, args.inner_path)
        size = plan.length if isinstance(plan, Content) else sum(one.length for one in plan.values() if one)
        with Progress(f"get {target.name}", size, quiet=out.as_json) as bar:
            if isinstance(plan, Content):
                _write_one(target, plan, bar)
            else:
                _write_tree(target, plan, bar)
    finally:
        client.close()
    count = 1 if isinstance(plan, Content) else sum(one is not None for one in plan.values())
    out.document({"id": str(object_id), "path": args.output, "files": count, "size": size, "verified": True})
    out.line(f"{args.output}: {count} {'file' if count == 1 else 'files'}, {size_text(size)}, verified")
    return Exit.OK


class Source:
    """Objects and chunks of a stack, verified against their ids."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._objects: dict[ObjectId, bytes] = {}
        """What dirs carry in their bodies."""
        self._parent: tuple[ChunkId, bytes] | None = None

    def plan(self, object_id: ObjectId, inner_path: str | None = None) -> Content | Plan:
        """What ``object_id``, or what it has at ``inner_path``, is made of."""
        path = (inner_path or "").strip("/")
        if path and object_id.type_code != ObjectTypeCode.DIR:
            object_id, raw = calls.get_object(self._client, object_id, inner_path)
            self._objects[object_id] = raw
            path = ""
        if not path:
            return self._plan_of(object_id, None, 0)
        listing = self._listing(self._object(object_id))
        entry = listing.get(path)
        if entry is not None:
            return self._plan_of(entry.node, listing.parent_chunk, 0)
        below = {name: one for name, one in listing.entries.items() if name.startswith(path + "/")}
        if not below:
            raise CyfsError(ErrorCode.INNER_PATH_NOT_FOUND, f"{object_id} has nothing at {path!r}.")
        return self._plan_of_list(DirList(below, listing.parent_chunk), path + "/", 0)

    def _plan_of(self, node: DirNode, parent: ChunkId | None, depth: int) -> Content | Plan:
        if isinstance(node, DirRange):
            return self._range(node, parent)
        if node.is_chunk:
            chunk_id = ChunkId(node)
            return Content(chunk_id.length, lambda: self._chunk(chunk_id))
        obj = self._object(node)
        if obj.type_code == ObjectTypeCode.FILE:
            return self._file(obj)
        if obj.type_code != ObjectTypeCode.DIR:
            raise CliError(
                ErrorCode.INVALID_PARAM,
                f"{node} is no file, folder or chunk.",
                Exit.USAGE,
                f"Write its bytes instead: cyfs-edge object get {node} -o PATH",
            )
        if depth > _DEPTH_MAX:
            raise _bad(f"{node}: dirs are nested more than {_DEPTH_MAX} deep")
        return self._plan_of_list(self._listing(obj), "", depth)

    def _plan_of_list(self, listing: DirList, prefix: str, depth: int) -> Plan:
        plan: Plan = {}
        for name, entry in listing.entries.items():
            inner = _safe_path(name[len(prefix) :])
            found = self._plan_of(entry.node, listing.parent_chunk, depth + 1)
            more: Plan = {inner: found if isinstance(found, Content) else None}
            if isinstance(found, dict) and found:
                more = {f"{inner}/{below}": one for below, one in found.items()}
            if plan.keys() & more.keys():
                raise _bad(f"the dir has two entries of the same name at {inner!r}")
            plan |= more
            if len(plan) > ENTRIES_MAX:
                raise _bad(f"more than {ENTRIES_MAX} entries in one dir")
        return plan

    def _object(self, object_id: ObjectId) -> NamedObject:
        raw = self._objects.get(object_id)
        if raw is None:
            raw = calls.get_object(self._client, object_id)[1]
        obj = decode_object(raw)
        if obj.object_id != object_id:
            raise _bad(f"{object_id}: what is stored under it is the object {obj.object_id}")
        return obj

    def _file(self, obj: NamedObject) -> Content:
        file: File = obj.desc.value
        chunks = self._chunk_list(obj)
        length = sum(one.length for one in chunks.chunk_ids)
        if length != file.length:
            raise _bad(f"{obj.object_id}: its chunks have {length} bytes, not {file.length}")
        if chunks.kind is ChunkListKind.BUNDLE:
            if bundle_hash(chunks.chunk_ids) != file.hash:
                raise _bad(f"{obj.object_id}: its list of chunks does not have its hash")
            return Content(length, lambda: (piece for one in chunks.chunk_ids for piece in self._chunk(one)))
        return Content(length, lambda: self._file_pieces(obj.object_id, file.hash, chunks.chunk_ids))

    def _chunk_list(self, obj: NamedObject) -> ChunkList:
        for _ in range(_DEPTH_MAX):
            chunks = obj.body.value if obj.body else None
            if not isinstance(chunks, ChunkList):
                raise _bad(f"{obj.object_id} has no list of chunks")
            if chunks.file_id is None:
                return chunks
            obj = self._object(chunks.file_id)
        raise _bad(f"{obj.object_id}: its list of chunks is always in another file")

    def _file_pieces(self, file_id: ObjectId, digest: bytes, chunk_ids: tuple[ChunkId, ...]) -> Iterator[bytes]:
        whole = hashlib.sha256()
        for chunk_id in chunk_ids:
            for piece in self._chunk(chunk_id):
                whole.update(piece)
                yield piece
        if whole.digest() != digest:
            raise _bad(f"{file_id}: the content does not have its hash")

    def _chunk(self, chunk_id: ChunkId) -> Iterator[bytes]:
        digest = hashlib.sha256()
        length = 0
        if chunk_id.length:
            for piece in calls.read_chunk(self._client, chunk_id):
                digest.update(piece)
                length += len(piece)
                yield piece
        if ChunkId.of_hash(digest.digest(), length) != chunk_id:
            raise _bad(f"chunk {chunk_id}: the stored bytes do not have its hash")

    def _whole_chunk(self, chunk_id: ChunkId) -> bytes:
        if chunk_id.length > _PARENT_CHUNK_MAX:
            raise _bad(f"chunk {chunk_id} has {chunk_id.length} bytes, more than {_PARENT_CHUNK_MAX} in a dir")
        if self._parent is None or self._parent[0] != chunk_id:
            self._parent = chunk_id, self._objects.get(chunk_id) or b"".join(self._chunk(chunk_id))
            if ChunkId.of_data(self._parent[1]) != chunk_id:
                raise _bad(f"chunk {chunk_id}: the bytes in the dir do not have its hash")
        return self._parent[1]

    def _range(self, node: DirRange, parent: ChunkId | None) -> Content:
        if parent is None or not node.begin <= node.end <= parent.length:
            raise _bad("a dir names a part of a chunk that is not there")
        return Content(node.end - node.begin, lambda: (self._whole_chunk(parent)[node.begin : node.end],))

    def _listing(self, obj: NamedObject) -> DirList:
        body = obj.body.value if obj.body else None
        if isinstance(body, DirBody):
            carried = body.objects if body.chunk_id is None else decode_body_chunk(self._whole_chunk(body.chunk_id))
            self._objects.update(carried)
        listing = dir_list(obj)
        return listing if isinstance(listing, DirList) else DirList.decode(self._whole_chunk(listing))


def _safe_path(inner: str) -> str:
    """``inner`` when it stays below the folder it is written to."""
    parts = inner.split("/")
    for part in parts:
        if part in ("", ".", "..") or "\0" in part or len(os.fsencode(part)) > _NAME_MAX:
            raise _bad(f"the dir has an entry {inner!r}, which is no safe name for a file")
    return inner


def _write_one(target: Path, content: Content, bar: Progress) -> None:
    if target.is_dir():
        raise CliError(ErrorCode.INVALID_PARAM, f"{target} is a folder.", Exit.USAGE, "Name a file: -o PATH.")
    write_pieces(target, _counted(content, bar))


def _write_tree(target: Path, plan: Plan, bar: Progress) -> None:
    """Into a folder beside ``target``, which takes its place when all of it is there."""
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise CliError(
            ErrorCode.ALREADY_EXISTS, f"{target} is there already.", Exit.FAILED, "Name a new folder: -o PATH."
        )
    part = target.with_name(f".{target.name[:100]}.{secrets.token_hex(4)}.part")
    part.mkdir()
    try:
        for inner, content in plan.items():
            path = part / inner
            try:
                (path if content is None else path.parent).mkdir(parents=True, exist_ok=True)
            except (FileExistsError, NotADirectoryError):
                raise _bad(f"the dir has a file and a folder of the same name: {inner!r}") from None
            if content is not None:
                if path.exists():
                    raise _bad(f"the dir has a file and a folder of the same name: {inner!r}")
                write_pieces(path, _counted(content, bar), sync=False)
        os.sync()
        os.replace(part, target)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise


def _counted(content: Content, bar: Progress) -> Iterator[bytes]:
    for piece in content.pieces():
        yield piece
        bar.advance(len(piece))


def _bad(message: str) -> CyfsError:
    return CyfsError(ErrorCode.INVALID_DATA, message[:1].upper() + message[1:] + ".")
