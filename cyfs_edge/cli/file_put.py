"""``cyfs-edge file put``: files and folders become chunks, File and Dir objects.

The same content of the same owner always gets the same ids: objects are made without a create time.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ChunkId, ObjectId
from cyfs_edge.cli import calls
from cyfs_edge.cli.client import Client, call_json
from cyfs_edge.cli.context import Context
from cyfs_edge.cli.exits import CliError, Exit
from cyfs_edge.cli.output import size_text
from cyfs_edge.cli.progress import Progress
from cyfs_edge.cli.tree import Tree, scan
from cyfs_edge.objects.dir import DirEntry, DirList, make_dir
from cyfs_edge.objects.envelope import NamedObject
from cyfs_edge.objects.file import CHUNK_SIZE, make_file


def put(context: Context) -> int:
    """Stores every path and prints its id. What is stored already is not sent again, so a broken-off put goes on."""
    out = context.out
    sources = [_source(Path(name)) for name in context.args.paths]
    total = sum(source.size if isinstance(source, Tree) else source.stat().st_size for source in sources)
    results: list[dict[str, object]] = []
    client = context.connect()
    try:
        with Progress("put", total, quiet=out.as_json) as bar:
            putter = Putter(client, bar)
            for name, source in zip(context.args.paths, sources, strict=True):
                bar.label = f"put {Path(name).name}"
                results.append({"path": name, **putter.put(source)})
    finally:
        client.close()
    out.document({"files": results})
    for result in results:
        count = f"{result['entries']} files, " if result["kind"] == "dir" else ""
        out.line(f"{result['id']}  {count}{size_text(int(str(result['size'])))}  {result['path']}")
    for source in sources:
        for path, reason in source.skipped if isinstance(source, Tree) else ():
            out.note(f"left out: {path} ({reason})")
    return Exit.OK


def _source(path: Path) -> Path | Tree:
    if path.is_dir():
        return scan(path)
    if not path.exists():
        raise CliError(ErrorCode.NOT_FOUND, f"There is no {path}.", Exit.NOT_FOUND)
    if not path.is_file():
        raise CliError(ErrorCode.INVALID_PARAM, f"{path} is neither a file nor a folder.", Exit.USAGE)
    return path


class Putter:
    """Puts files and folders for one owner."""

    def __init__(self, client: Client, bar: Progress) -> None:
        self._client = client
        self._bar = bar
        self._owner = ObjectId.from_text(str(call_json(client, "GET", "/control/status").get("owner_id")))
        self._new_chunks = 0
        self._size = 0

    def put(self, source: Path | Tree) -> dict[str, object]:
        """``id``, ``kind``, ``size`` in bytes, ``new_chunks``; of a folder also the number of ``entries``."""
        self._new_chunks = self._size = 0
        result: dict[str, object]
        if isinstance(source, Tree):
            result = {"id": str(self._folder(source)), "kind": "dir", "entries": len(source.files)}
            result["skipped"] = [{"path": path, "reason": reason} for path, reason in source.skipped]
        else:
            result = {"id": str(self._file(source)), "kind": "file"}
        return result | {"size": self._size, "new_chunks": self._new_chunks}

    def _folder(self, tree: Tree) -> ObjectId:
        entries = {inner: DirEntry(self._file(path)) for inner, path in tree.files.items()}
        if tree.empty:
            empty = self._store(make_dir(self._owner, DirList({}), update_time=0))
            entries |= {inner: DirEntry(empty) for inner in tree.empty}
        return self._store(make_dir(self._owner, DirList(entries), update_time=0))

    def _file(self, path: Path) -> ObjectId:
        """Reads the file once, whatever its length says: what was read is what is described."""
        digest = hashlib.sha256()
        chunk_ids: list[ChunkId] = []
        size = 0
        with path.open("rb") as file:
            while data := file.read(CHUNK_SIZE):
                chunk_id = ChunkId.of_data(data)
                if not calls.has_chunk(self._client, chunk_id):
                    self._new_chunks += calls.put_chunk(self._client, chunk_id, data)
                digest.update(data)
                chunk_ids.append(chunk_id)
                size += len(data)
                self._bar.advance(len(data))
        self._size += size
        file_id = self._store(make_file(self._owner, size, digest.digest(), chunk_ids, update_time=0))
        calls.index_file(self._client, file_id)
        return file_id

    def _store(self, obj: NamedObject) -> ObjectId:
        try:
            calls.put_object(self._client, obj.object_id, obj.raw)
        except CyfsError as error:
            if error.context.get("status") != 413:
                raise
            raise CliError(
                ErrorCode.OUT_OF_LIMIT,
                f"The object of {obj.size} bytes that lists all this is larger than the gateway accepts.",
                Exit.FAILED,
                "Put the folder in parts, or raise object_size under [limits] in the configuration.",
            ) from None
        return obj.object_id
