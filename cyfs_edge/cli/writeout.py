"""Stored content on its way to files: read in batches and ahead, verified, handed to the target (docs/files.md)."""

from __future__ import annotations

import errno
import hashlib
import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ChunkId, ObjectId
from cyfs_edge.cli import tree
from cyfs_edge.cli.client import Client
from cyfs_edge.cli.exits import CliError, Exit
from cyfs_edge.cli.local_file import read_piece
from cyfs_edge.cli.progress import Progress
from cyfs_edge.cli.stored import Content, Item, Stored, bad, chunk_pieces
from cyfs_edge.cli.target import PART_NAME, Part, Target, Told
from cyfs_edge.cli.write import write_pieces
from cyfs_edge.objects.inner_names import file_path

THREADS = 3
BATCH_ITEMS = 256
SMALL_MAX = 4 << 20
"""Bytes of a file that is read in a call with others, and of all files of such a call."""
TOLD_MAX = 1000
"""Entries that are named in a report; the rest are counted."""

_AHEAD = 4
_AHEAD_CHUNK_MAX = 8 << 20
_HOLE_MIN = 4096
_OF_ONE_FILE = frozenset(
    {errno.EACCES, errno.EPERM, errno.ENOENT, errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.EINVAL}
    | {errno.ENAMETOOLONG, errno.EILSEQ, errno.EFBIG, errno.ETXTBSY}
)
"""Errors that the next file need not have."""
_OF_THE_STACK = frozenset(
    {ErrorCode.CONNECTION_ABORTED, ErrorCode.HTTP_ERROR, ErrorCode.JSON_ERROR, ErrorCode.ERROR_STATE}
    | {ErrorCode.TIMEOUT, ErrorCode.PERMISSION_DENIED}
)

Names = list[bytes]


@dataclass(slots=True)
class Report:
    """``files``: there now and right, ``unchanged`` of them before as well."""

    files: int = 0
    unchanged: int = 0
    size: int = 0
    failed: list[tuple[str, CyfsError | OSError]] = field(default_factory=list)
    failed_count: int = 0


class Getter:
    """Writes files of one stack. ``close`` at the end, also after a failure."""

    def __init__(self, client: Client, stored: Stored, bar: Progress) -> None:
        self.report = Report()
        self._client = client
        self._stored = stored
        self._bar = bar
        self._pool: ThreadPoolExecutor | None = None
        self._siblings: deque[Client] = deque()

    def close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
        for client in self._siblings:
            client.close()

    def write_one(self, path: Path, content: Content) -> None:
        """To exactly this path, replacing what is there. A device or a pipe is written to."""
        if path.is_dir():
            raise CliError(ErrorCode.INVALID_PARAM, f"{path} is a folder.", Exit.USAGE, "Name a file: -o PATH.")
        self._bar.total = content.length
        if path.exists() and not path.is_file():
            write_pieces(path, self._pieces(content))
            self._done(content, unchanged=False)
        else:
            if not path.parent.is_dir():
                raise FileNotFoundError(errno.ENOENT, "there is no such folder", str(path.parent))
            real = path.resolve() if path.is_symlink() else path
            target = Target(os.fsencode(real.parent), replace=True)
            try:
                self._write(target, [os.fsencode(real.name)], content, self._told(None, content))
                target.complete()
            finally:
                target.close()

    def write_tree(self, path: Path, items: Iterator[Item], *, replace: bool) -> None:
        """Into a folder, which may be there. Entries that cannot be written are reported, the others are written."""
        if path.exists() and not path.is_dir():
            raise CliError(
                ErrorCode.ALREADY_EXISTS, f"{path} is there and is no folder.", Exit.FAILED, "Name a folder: -o PATH."
            )
        first = _batch(items)
        path.mkdir(exist_ok=True)
        target = Target(os.fsencode(path), replace=replace)
        try:
            while first:
                self._write_batch(target, first)
                first = _batch(items)
            target.complete()
        finally:
            target.close()

    def _write_batch(self, target: Target, batch: list[Item]) -> None:
        files: list[tuple[Item, Names, Content]] = []
        self._stored.bring_near([one.node for one in batch if _is_file(one) and isinstance(one.node, ObjectId)])
        for item in batch:
            try:
                names = _safe_names(item.inner)
                if item.node is None:
                    target.make_folder(names)
                    continue
                content = self._stored.content(item)
                if self._is_there(target, names, content):
                    self._done(content, unchanged=True)
                else:
                    files.append((item, names, content))
            except (CyfsError, OSError) as error:
                self._fail(item, error)
        small: list[tuple[Item, Names, Content]] = []
        size = 0
        for one in files:
            length = sum(chunk.length for chunk in one[2].chunks)
            if one[2].span is not None or length > SMALL_MAX:
                self._write_reporting(target, one, None)
                continue
            if size + length > SMALL_MAX:
                self._write_small(target, small)
                small, size = [], 0
            small.append(one)
            size += length
        self._write_small(target, small)

    def _write_small(self, target: Target, files: list[tuple[Item, Names, Content]]) -> None:
        if files:
            chunks: dict[ChunkId, bytes] = {}
            try:
                chunks = self._stored.chunks([chunk for _, _, content in files for chunk in content.chunks])
            except CyfsError as error:
                # One of them is damaged. Read one by one, the others are not.
                if _is_general(error):
                    raise
            for one in files:
                self._write_reporting(target, one, chunks)

    def _write_reporting(
        self, target: Target, one: tuple[Item, Names, Content], chunks: dict[ChunkId, bytes] | None
    ) -> None:
        item, names, content = one
        try:
            if chunks is None:
                self._write(target, names, content, self._told(item, content))
            else:
                self._write_data(target, names, self._data(content, chunks), self._told(item, content))
        except (CyfsError, OSError) as error:
            self._fail(item, error)

    def _data(self, content: Content, chunks: dict[ChunkId, bytes]) -> bytes:
        missing = next((one for one in content.chunks if one not in chunks), None)
        if missing is not None:
            # Not here, or damaged: reading it alone tells which.
            return b"".join(self._pieces(content))
        data = b"".join(chunks[one] for one in content.chunks)
        if content.digest is not None and hashlib.sha256(data).digest() != content.digest:
            raise bad("the content does not have the hash of its file")
        return data

    def _write_data(self, target: Target, names: Names, data: bytes, told: Told) -> None:
        part = target.begin(names)
        try:
            os.ftruncate(part.fd, 0)
            _write_at(part.fd, data, 0)
        except BaseException:
            target.drop(part)
            raise
        target.finish(part, len(data), told)

    def _write(self, target: Target, names: Names, content: Content, told: Told) -> None:
        """One file of any size. What an earlier run left of it is verified and kept."""
        part = target.begin(names)
        size = 0
        try:
            whole, size, kept = self._kept(part, content)
            os.ftruncate(part.fd, size)
            for piece in self._raw_pieces(content, kept):
                _write_at(part.fd, piece, size)
                whole.update(piece)
                size += len(piece)
                self._bar.advance(len(piece))
            os.ftruncate(part.fd, size)
            if content.digest is not None and whole.digest() != content.digest:
                raise bad("the content does not have the hash of its file")
        except CyfsError:
            target.drop(part)
            raise
        except BaseException:
            # Broken off: what is here so far is verified again by the next run, which goes on behind it.
            if size > SMALL_MAX:
                part.close()
            else:
                target.drop(part)
            raise
        target.finish(part, size, told)

    def _kept(self, part: Part, content: Content) -> tuple[hashlib._Hash, int, int]:
        """The hash of what is there already and right, its bytes, and how many chunks that is."""
        whole, size, kept = hashlib.sha256(), 0, 0
        there = os.fstat(part.fd).st_size
        if content.span is None:
            for chunk_id in content.chunks:
                if chunk_id.length > _AHEAD_CHUNK_MAX or size + chunk_id.length > there:
                    break
                data = read_piece(part.fd, chunk_id.length, size)
                if ChunkId.of_data(data) != chunk_id:
                    break
                whole.update(data)
                size += len(data)
                kept += 1
        self._bar.advance(size)
        return whole, size, kept

    def _pieces(self, content: Content) -> Iterator[bytes]:
        """All of it; raises at the end when it has not the hash of its file."""
        whole = hashlib.sha256()
        for piece in self._raw_pieces(content, 0):
            whole.update(piece)
            yield piece
        if content.digest is not None and whole.digest() != content.digest:
            raise bad("the content does not have the hash of its file")

    def _raw_pieces(self, content: Content, skip: int) -> Iterator[bytes]:
        """From chunk ``skip`` on, verified chunk by chunk. Chunks of the usual size are read ahead and in parallel."""
        if content.span is not None:
            begin, end = content.span
            yield self._stored.whole_chunk(content.chunks[0])[begin:end]
            return
        chunk_ids = content.chunks[skip:]
        if len(chunk_ids) == 1 or any(one.length > _AHEAD_CHUNK_MAX for one in chunk_ids):
            for chunk_id in chunk_ids:
                yield from chunk_pieces(self._client, chunk_id)
            return
        coming: deque[Future[bytes]] = deque()
        for chunk_id in chunk_ids:
            coming.append(self._ahead(chunk_id))
            if len(coming) > _AHEAD:
                yield coming.popleft().result()
        while coming:
            yield coming.popleft().result()

    def _ahead(self, chunk_id: ChunkId) -> Future[bytes]:
        if self._pool is None:
            self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="get")
            self._siblings.extend(self._client.sibling() for _ in range(THREADS))

        def read() -> bytes:
            # As many clients as threads: there is always one.
            client = self._siblings.popleft()
            try:
                return b"".join(chunk_pieces(client, chunk_id))
            finally:
                self._siblings.append(client)

        return self._pool.submit(read)

    def _is_there(self, target: Target, names: Names, content: Content) -> bool:
        """Whether the file is there and right. ``ALREADY_EXISTS`` when another one is that is not to be replaced."""
        fd = target.open_there(names)
        if fd is None:
            return False
        try:
            if os.fstat(fd).st_size == content.length and self._is_same(fd, content):
                return True
        finally:
            os.close(fd)
        target.check_free()
        return False

    def _is_same(self, fd: int, content: Content) -> bool:
        if content.span is not None:
            return read_piece(fd, content.length, 0) == b"".join(self._raw_pieces(content, 0))
        whole, at = hashlib.sha256(), 0
        for chunk_id in content.chunks:
            digest, end = hashlib.sha256(), at + chunk_id.length
            while at < end:
                data = read_piece(fd, min(SMALL_MAX, end - at), at)
                if not data:
                    return False
                digest.update(data)
                whole.update(data)
                at += len(data)
            if ChunkId.of_hash(digest.digest(), chunk_id.length) != chunk_id:
                return False
        return content.digest is None or whole.digest() == content.digest

    def _told(self, item: Item | None, content: Content) -> Told:
        """``item`` ``None``: a failure is that of the command."""

        def told(failure: OSError | None) -> None:
            if failure is None:
                self._done(content, unchanged=False)
            elif item is None:
                raise failure
            else:
                self._fail(item, failure)

        return told

    def _done(self, content: Content, *, unchanged: bool) -> None:
        self.report.files += 1
        self.report.unchanged += unchanged
        self.report.size += content.length

    def _fail(self, item: Item, error: CyfsError | OSError) -> None:
        if _is_general(error):
            raise error
        self.report.failed_count += 1
        if len(self.report.failed) < TOLD_MAX:
            self.report.failed.append((item.inner, error))


def _batch(items: Iterator[Item]) -> list[Item]:
    batch: list[Item] = []
    for item in items:
        batch.append(item)
        if len(batch) == BATCH_ITEMS:
            break
    return batch


def _is_general(error: CyfsError | OSError) -> bool:
    """Whether the next file would fail in the same way."""
    if isinstance(error, CyfsError):
        return error.code in _OF_THE_STACK
    return error.errno not in _OF_ONE_FILE


def _is_file(item: Item) -> bool:
    return isinstance(item.node, ObjectId) and not item.node.is_chunk


def _safe_names(inner: str) -> Names:
    names = file_path(inner)
    if names is None or len(names) > tree.DEPTH_MAX + 1 or PART_NAME.fullmatch(names[-1]):
        raise bad(f"the dir has an entry {inner[:300]!r}, which is no safe name for a file")
    return names


def _write_at(fd: int, data: bytes, offset: int) -> None:
    """Long runs of zeros are left out, which makes a hole of them; the file must not have anything there yet."""
    if len(data) >= _HOLE_MIN and not (data[0] or data[-1] or data[len(data) // 2]) and data == bytes(len(data)):
        os.ftruncate(fd, offset + len(data))
        return
    rest = memoryview(data)
    while rest:
        written = os.pwrite(fd, rest, offset)
        rest, offset = rest[written:], offset + written
