"""WebDAV on the owner's files (RFC 4918, classes 1 and 2): one handler for all that is below a prefix.

Who may ask is not decided here: whoever mounts the handler has let the caller in as the owner.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.times import bucky_from_unix
from cyfs_edge.core.api.front import NOSNIFF, SANDBOX
from cyfs_edge.core.dav.conditions import Conditions
from cyfs_edge.core.dav.locks import LOCK_SECONDS, LOCK_SECONDS_MAX, Lock, LockTable, Touch
from cyfs_edge.core.dav.propfind import PropFinder, patch
from cyfs_edge.core.dav.props import active, content_type, last_modified
from cyfs_edge.core.files.path import TreePath
from cyfs_edge.core.files.tree import FileTree, Look, OpenFile
from cyfs_edge.core.ports import Clock, Random, StatSource
from cyfs_edge.wire.data_range import parse_range
from cyfs_edge.wire.dav import bodies, headers
from cyfs_edge.wire.dav.errors import dav_error
from cyfs_edge.wire.dav.headers import Depth
from cyfs_edge.wire.dav.multistatus import error_to_reply, lock_reply
from cyfs_edge.wire.dav.paths import parse_path, parse_reference
from cyfs_edge.wire.dav.xml import XML_MAX
from cyfs_edge.wire.message import BodyStream, Headers, HttpRequest, HttpResponse

MTIME = "x-oc-mtime"
"""The modification time of what is put, as several clients send it: unix seconds."""
_UNIX_TIME = re.compile(r"(\d{1,11})(?:\.\d*)?", re.ASCII).fullmatch
_FOLDER_TEXT = b"This is a folder. Mount it with a WebDAV client to see what is in it.\n"


@dataclass(frozen=True, slots=True)
class DavCall:
    """A request with what all methods read of it."""

    request: HttpRequest
    prefix: str
    path: TreePath
    conditions: Conditions

    @property
    def headers(self) -> Headers:
        return self.request.headers


class DavApi:
    """``stat`` tells the space that is left and used."""

    __slots__ = ("_locks", "_methods", "_stat", "_tree")

    def __init__(self, tree: FileTree, stat: StatSource, clock: Clock, random: Random) -> None:
        self._tree = tree
        self._stat = stat
        self._locks = LockTable(clock, random)
        self._methods: dict[str, Callable[[DavCall], Awaitable[HttpResponse]]] = {
            "OPTIONS": self._options,
            "GET": self._get,
            "HEAD": self._get,
            "PUT": self._put,
            "DELETE": self._delete,
            "MKCOL": self._mkcol,
            "COPY": self._copy,
            "MOVE": self._move,
            "PROPFIND": self._propfind,
            "PROPPATCH": self._proppatch,
            "LOCK": self._lock,
            "UNLOCK": self._unlock,
        }

    async def handle(self, request: HttpRequest, prefix: str) -> HttpResponse:
        """``prefix``: the path that is mounted, such as ``/dav``, without a slash at its end."""
        try:
            method = self._methods.get(request.method)
            if method is None:
                raise dav_error(405, f"{request.method} is not for files", code=ErrorCode.NOT_SUPPORT)
            path = parse_path(request.target, prefix)
            call = DavCall(request, prefix, path, Conditions.of(request.headers, path, prefix))
            return await method(call)
        except CyfsError as error:
            response = error_to_reply(error, prefix)
            if response.status == 405:
                response.headers.append(("allow", ", ".join(self._methods)))
            return response

    async def _options(self, call: DavCall) -> HttpResponse:
        """``MS-Author-Via`` tells clients of Microsoft that this is WebDAV, and not their older way."""
        return HttpResponse(200, [("dav", "1, 2"), ("allow", ", ".join(self._methods)), ("ms-author-via", "DAV")])

    # -- content ------------------------------------------------------------------------------------------------------

    async def _get(self, call: DavCall) -> HttpResponse:
        await call.conditions.verify(self._tree.look, self._locks, reading=True)
        entry = await self._tree.stat(call.path)
        if entry.is_folder:
            return HttpResponse(200, [("content-type", "text/plain")], _FOLDER_TEXT)
        file = await self._tree.open(call.path)
        told = [("etag", f'"{file.entry.tag}"'), ("cache-control", "private, no-cache")]
        modified = last_modified(file.entry)
        if modified is not None:
            told.append(("last-modified", modified))
        if call.conditions.is_unchanged(file.entry):
            return HttpResponse(304, told)
        start, end = 0, file.length
        status = 200
        asked = parse_range(_range_text(call.headers, file), file.length)
        if asked is not None and asked.ranges is not None and len(asked.ranges) <= 1:
            # Several ranges at once are answered with everything, as any range may be.
            content_range = asked.content_range() or ""
            told.append(("content-range", content_range))
            if not asked.ranges:
                response = error_to_reply(asked.error(), call.prefix)
                response.status = 416
                response.headers += told
                return response
            status = 206
            ((start, end),) = asked.ranges
        told += [("content-type", content_type(file.entry)), ("accept-ranges", "bytes"), NOSNIFF, SANDBOX]
        pieces = await self._tree.read(file, start, end)
        return HttpResponse(status, told, BodyStream(end - start, pieces))

    async def _put(self, call: DavCall) -> HttpResponse:
        for name in ("content-range", "content-encoding"):
            if call.headers.get(name) not in (None, "", "identity"):
                raise dav_error(400, f"a PUT holds the whole file as it is: {name} is not taken")
        modified = _mtime(call.headers.get(MTIME))
        touches = [Touch(call.path)]
        check = call.conditions.check(self._locks, touches)
        # Also before the body is read: nobody should send gigabytes to hear that a file is locked.
        await check(self._tree.look)
        length = call.request.body.length
        if length is not None and length > self._stat().free_space:
            raise CyfsError(ErrorCode.OUT_OF_LIMIT, f"there is no room for {length} bytes")
        written = await self._tree.write(call.path, _whole(call.request), modified=modified, check=check)
        told = [("etag", f'"{written.entry.tag}"')]
        if modified is not None:
            told.append((MTIME, "accepted"))
        return HttpResponse(201 if written.created else 204, told)

    # -- names --------------------------------------------------------------------------------------------------------

    async def _mkcol(self, call: DavCall) -> HttpResponse:
        if call.request.body.length != 0:
            raise dav_error(415, "MKCOL takes no body", code=ErrorCode.NOT_SUPPORT)
        if not call.path:
            raise CyfsError(ErrorCode.ALREADY_EXISTS, "the top of the tree is there already")
        check = call.conditions.check(self._locks, [Touch(call.path, member=True)])
        await self._tree.make_dir(call.path, check=check)
        return HttpResponse(201)

    async def _delete(self, call: DavCall) -> HttpResponse:
        if headers.parse_depth(call.headers.get("depth")) not in (None, Depth.INFINITY):
            raise dav_error(400, "DELETE is of all that is below: Depth is infinity")
        check = call.conditions.check(self._locks, [Touch(call.path, deep=True, member=True)])
        await self._tree.remove(call.path, check=check)
        self._locks.forget(call.path)
        return HttpResponse(204)

    async def _copy(self, call: DavCall) -> HttpResponse:
        depth = headers.parse_depth(call.headers.get("depth"))
        if depth is Depth.ONE:
            raise dav_error(400, "COPY is of Depth 0 or infinity")
        to, replace = _destination(call)
        check = call.conditions.check(self._locks, [Touch(to, deep=True)])
        with _taken_is_412():
            created = await self._tree.copy(call.path, to, replace=replace, deep=depth is not Depth.ZERO, check=check)
        self._locks.forget(to, itself=False)
        return HttpResponse(201 if created else 204)

    async def _move(self, call: DavCall) -> HttpResponse:
        if headers.parse_depth(call.headers.get("depth")) not in (None, Depth.INFINITY):
            raise dav_error(400, "MOVE is of all that is below: Depth is infinity")
        to, replace = _destination(call)
        touches = [Touch(call.path, deep=True, member=True), Touch(to, deep=True)]
        check = call.conditions.check(self._locks, touches)
        with _taken_is_412():
            created = await self._tree.move(call.path, to, replace=replace, check=check)
        self._locks.forget(call.path)
        self._locks.forget(to, itself=False)
        return HttpResponse(201 if created else 204)

    # -- properties ---------------------------------------------------------------------------------------------------

    async def _propfind(self, call: DavCall) -> HttpResponse:
        depth = headers.parse_depth(call.headers.get("depth"))
        asked = bodies.parse_propfind(await call.request.body.read(XML_MAX))
        await call.conditions.verify(self._tree.look, self._locks, reading=True)
        finder = PropFinder.of(self._tree, self._locks, call.path, call.prefix, asked, self._stat())
        return await finder.reply(depth)

    async def _proppatch(self, call: DavCall) -> HttpResponse:
        changes = bodies.parse_proppatch(await call.request.body.read(XML_MAX))
        return await patch(self._tree, self._locks, call.conditions, call.prefix, changes)

    # -- locks --------------------------------------------------------------------------------------------------------

    async def _lock(self, call: DavCall) -> HttpResponse:
        """Locks; without a body it renews. Where nothing is, an empty file is made, so that the name is taken."""
        seconds = headers.parse_timeout(call.headers.get("timeout"), LOCK_SECONDS, LOCK_SECONDS_MAX)
        depth = headers.parse_depth(call.headers.get("depth"))
        if depth is Depth.ONE:
            raise dav_error(400, "LOCK is of Depth 0 or infinity")
        body = await call.request.body.read(XML_MAX)
        await call.conditions.verify(self._tree.look, self._locks)
        if not body:
            lock = self._locks.renew(call.path, call.conditions.tokens, seconds)
            return lock_reply(200, active(lock, call.prefix), None)
        info = bodies.parse_lockinfo(body)
        lock = self._locks.take(
            call.path,
            exclusive=info.exclusive,
            deep=depth is not Depth.ZERO,
            owner=info.owner,
            seconds=seconds,
        )
        try:
            made = await self._make_free(call, lock)
        except BaseException:
            self._locks.release(lock.path, lock.token)
            raise
        return lock_reply(201 if made else 200, active(lock, call.prefix), lock.token)

    async def _make_free(self, call: DavCall, lock: Lock) -> bool:
        """Makes an empty file at a locked name where nothing is. Never replaces anything."""
        if await self._tree.look(call.path) is not None:
            return False
        allowed = call.conditions.check(self._locks, [Touch(call.path)], frozenset((lock.token,)))

        async def check(look: Look) -> None:
            await allowed(look)
            if await look(call.path) is not None:
                raise CyfsError(ErrorCode.ALREADY_EXISTS, "somebody else was first")

        try:
            await self._tree.write(call.path, _nothing(), check=check)
        except CyfsError as error:
            if error.code != ErrorCode.ALREADY_EXISTS:
                raise
            return False
        return True

    async def _unlock(self, call: DavCall) -> HttpResponse:
        token = headers.parse_lock_token(call.headers.get("lock-token"))
        await call.conditions.verify(self._tree.look, self._locks)
        self._locks.release(call.path, token)
        return HttpResponse(204)


async def _whole(request: HttpRequest) -> AsyncIterator[bytes]:
    """The body; ``UNEXPECTED_EOF`` at its end when that came too early."""
    came = 0
    async for piece in request.body:
        came += len(piece)
        yield piece
    length = request.body.length
    if length is not None and came != length:
        text = f"the body broke off after {came} of {length} bytes; the file is as it was before"
        raise dav_error(400, text, code=ErrorCode.UNEXPECTED_EOF)


async def _nothing() -> AsyncIterator[bytes]:
    yield b""


def _destination(call: DavCall) -> tuple[TreePath, bool]:
    """Where to, and whether what is there may be replaced."""
    text = call.headers.get("destination")
    if text is None:
        raise dav_error(400, f"{call.request.method} needs a Destination")
    to = parse_reference(text, call.headers.get("host") or "", call.prefix)
    if to is None:
        raise dav_error(502, "the Destination is not among the files of this box", code=ErrorCode.NOT_SUPPORT)
    return to, headers.parse_overwrite(call.headers.get("overwrite"))


@contextmanager
def _taken_is_412() -> Iterator[None]:
    """What must not be replaced is a condition of the request here, not a wrong method."""
    try:
        yield
    except CyfsError as error:
        if error.code != ErrorCode.ALREADY_EXISTS:
            raise
        raise dav_error(412, error.message, code=ErrorCode.ALREADY_EXISTS) from None


def _range_text(lines: Headers, file: OpenFile) -> str | None:
    """The range asked for, unless If-Range says that it is of an older state."""
    state = lines.get("if-range")
    if state is not None and state not in (f'"{file.entry.tag}"', last_modified(file.entry)):
        return None
    return lines.get("range")


def _mtime(text: str | None) -> int | None:
    """Bucky µs; fractions of a second are dropped."""
    if text is None:
        return None
    found = _UNIX_TIME(text.strip())
    if found is None:
        raise dav_error(400, f"X-OC-Mtime is a number of seconds, not {text[:40]!r}")
    return bucky_from_unix(int(found[1]))
