"""``/s/<secret>[/inner/path]``: what a browser, or a program, gets for a link (docs/door.md).

A browser gets a page about a file or a folder, a program its bytes; ``?raw`` and ``?download`` ask for the bytes,
``?zip`` for a folder as one archive.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.core.api.router import split_target
from cyfs_edge.core.door.backoff import Backoff, Pace
from cyfs_edge.core.front import mime
from cyfs_edge.core.ndn import Data, NdnService
from cyfs_edge.core.ports import Clock, FileRange
from cyfs_edge.core.shares import pages
from cyfs_edge.core.shares.archive import ShareArchive
from cyfs_edge.core.shares.record import ObjectTarget, Share
from cyfs_edge.core.shares.service import ShareService
from cyfs_edge.core.shares.tree import Folder, Leaf
from cyfs_edge.wire import fields
from cyfs_edge.wire.door import (
    CONTENT_POLICY,
    NO_SCRIPT_POLICY,
    disposition,
    file_name,
    is_etag_listed,
    join_inner,
    split_inner,
    wants_page,
)
from cyfs_edge.wire.message import BodyStream, Headers, HttpRequest, HttpResponse

PREFIX = "/s/"
PAGE_SIZE = 200
"""Lines of a listing that are shown at once."""
TEXT_SHOWN = 64 * 1024
"""Bytes of a text that its page shows."""
GUESSES = Pace(free=20, first=1.0, most=60.0, forget=600.0)
_TEXT = "text/plain; charset=utf-8"
_READ_AS_TEXT = ("text/", "application/json", "application/manifest+json")
_SHOWN = ("image/", "video/", "audio/", "text/plain", "application/pdf")
_MEDIA = {"video/": pages.video, "audio/": pages.audio}
# Kept by the browser, and asked about each time: a link that was taken back shows nothing any more.
_ASK_AGAIN = ("cache-control", "private, no-cache")


class ShareApi:
    """Answers for everybody who has a link."""

    __slots__ = ("_archive", "_guesses", "_ndn", "_peek", "_shares")

    def __init__(
        self,
        shares: ShareService,
        ndn: NdnService,
        archive: ShareArchive,
        peek: Callable[[FileRange], Awaitable[bytes]],
        clock: Clock,
    ) -> None:
        self._shares = shares
        self._ndn = ndn
        self._archive = archive
        self._peek = peek
        self._guesses = Backoff(clock.monotonic, GUESSES)

    async def handle(self, request: HttpRequest) -> HttpResponse:
        """Below :data:`PREFIX`. What does not exist, has expired or was revoked is all the same page."""
        if request.method not in ("GET", "HEAD"):
            response = pages.message_page(405, "Not possible", "A share can only be read.")
            response.headers.append(("allow", "GET, HEAD"))
            return _closed(response)
        path, query = split_target(request.target)
        secret = path[len(PREFIX) :].partition("/")[0]
        # Whoever writes the request into a log writes no link.
        request.target = f"{PREFIX}…"
        wait = self._guesses.wait(request.peer.address)
        if wait > 0:
            response = pages.message_page(429, "Too many wrong links", "Try again in a minute.")
            response.headers.append(("retry-after", str(int(wait) + 1)))
            return _closed(response)
        share = await self._shares.open_link(secret)
        if share is None:
            self._guesses.failed(request.peer.address)
            return _closed(pages.not_found_page())
        try:
            return await self._show(request.headers, share, path, query)
        except CyfsError as error:
            if error.code in (ErrorCode.NOT_FOUND, ErrorCode.INNER_PATH_NOT_FOUND):
                return _closed(pages.not_found_page())
            if error.code == ErrorCode.OUT_OF_LIMIT:
                return _closed(pages.message_page(413, "Too large", error.message))
            raise

    async def _show(self, headers: Headers, share: Share, path: str, query: str) -> HttpResponse:
        secret, _, inner = path[len(PREFIX) :].partition("/")
        top, segments = PREFIX + secret, split_inner(inner)
        place = None if segments is None else await self._shares.place(share.target, segments)
        if place is None or segments is None:
            return _closed(pages.not_found_page())
        pairs = fields.parse_query(query) if query else []
        asked = {name for name, _ in pairs}
        if isinstance(place, Folder):
            spot = pages.Spot(top, share.label or _last_name(share) or place.name or "Shared folder", segments)
            if "zip" in asked:
                return await self._zip(place, spot.title)
            if not path.endswith("/"):
                # Names in the page are relative to the folder.
                location = f"{top}/{join_inner(segments)}/" if segments else f"{top}/"
                return _closed(HttpResponse(308, [("location", location)]))
            return await self._folder(place, spot, fields.last(pairs, "after") or "")
        name = segments[-1] if segments else share.label or _last_name(share) or str(place.object_id)[:12]
        if not place.has_data:
            return _closed(pages.message_page(200, name, "This object is not a file."))
        kind = await self._type_of(place, name)
        if not segments and mime.by_name(name) is None and (extension := mime.extension_of(kind)) is not None:
            # A file knows no name of its own.
            name = f"{name}.{extension}"
        if asked & {"raw", "download"} or not wants_page(headers):
            return await self._bytes(headers, place, name, kind, attach="raw" not in asked)
        spot = pages.Spot(top, share.label or _last_name(share) or name, segments)
        return await self._file(place, spot, name, kind)

    async def _folder(self, folder: Folder, spot: pages.Spot, after: str) -> HttpResponse:
        items = await self._shares.tree.items(folder, after, PAGE_SIZE + 1)
        more = items[PAGE_SIZE - 1].cursor if len(items) > PAGE_SIZE else None
        body = pages.folder_page(spot, items[:PAGE_SIZE], more=more, is_first=not after)
        return _closed(HttpResponse(200, [pages.HTML], body))

    async def _file(self, leaf: Leaf, spot: pages.Spot, name: str, kind: str) -> HttpResponse:
        length, time = await self._shares.tree.size_of(leaf)
        preview = ""
        if kind.startswith("image/"):
            preview = pages.image(name)
        elif kind.startswith(_READ_AS_TEXT):
            data = await self._start_of(leaf, TEXT_SHOWN)
            preview = pages.text_block(data.decode("utf-8", "replace"), is_cut=len(data) < (length or 0))
        for family, show in _MEDIA.items():
            if kind.startswith(family):
                preview = show()
        can_open = _served_as(kind).startswith(_SHOWN) and not _runs(kind)
        body = pages.file_page(spot, pages.facts_of(length, time), preview, can_open=can_open)
        return _closed(HttpResponse(200, [pages.HTML], body))

    async def _bytes(self, headers: Headers, leaf: Leaf, name: str, kind: str, *, attach: bool) -> HttpResponse:
        lines = [
            ("etag", leaf.etag),
            ("accept-ranges", "bytes"),
            ("vary", "accept"),
            _ASK_AGAIN,
            CONTENT_POLICY,
        ]
        if is_etag_listed(headers.get("if-none-match"), leaf.etag):
            return HttpResponse(304, lines)
        data = await self._shares.tree.data_of(leaf, _range_text(headers, leaf.etag))
        if data.range is not None and data.range.ranges is None:
            # What cannot be read as a range asks for everything (RFC 9110 §14.2).
            data = await self._shares.tree.data_of(leaf)
        # Chromium loads pictures whatever their disposition is: only who opens the address gets a file.
        lines.append(disposition("attachment" if attach or _runs(kind) else "inline", name))
        lines.append(("content-type", _served_as(kind)))
        status = 200
        if data.range is not None:
            lines.append(("content-range", data.range.content_range() or ""))
            if not data.range.ranges:
                return HttpResponse(416, lines)
            status = 206
        return HttpResponse(status, lines, BodyStream(data.length, self._ndn.read(data)))

    async def _zip(self, folder: Folder, title: str) -> HttpResponse:
        body = await self._archive.open(folder)
        lines = [("content-type", "application/zip"), disposition("attachment", file_name(title) + ".zip")]
        return HttpResponse(200, [*lines, CONTENT_POLICY], body)

    async def _type_of(self, leaf: Leaf, name: str) -> str:
        return mime.by_name(name) or mime.by_bytes(await self._start_of(leaf, mime.SNIFF_SIZE))

    async def _start_of(self, leaf: Leaf, size: int) -> bytes:
        data = await self._shares.tree.data_of(leaf)
        found = b""
        async for piece in self._ndn.read(_first(data, size)):
            found += piece if isinstance(piece, bytes) else await self._peek(piece)
        return found


def _last_name(share: Share) -> str:
    """What the end of the target's path says."""
    path = share.target.inner_path if isinstance(share.target, ObjectTarget) else share.target.path
    return path.rpartition("/")[2]


def _first(data: Data, size: int) -> Data:
    parts = []
    for chunk_id, start, end in data.chunks:
        if size <= 0:
            break
        parts.append((chunk_id, start, min(end, start + size)))
        size -= end - start
    return replace(data, chunks=tuple(parts))


def _range_text(headers: Headers, etag: str) -> str | None:
    """One range of the content that the client knows. For several at once it gets everything, as the RFC allows."""
    text = headers.get("range")
    known = headers.get("if-range")
    if text is None or "," in text or not text.startswith("bytes=") or (known is not None and known.strip() != etag):
        return None
    return text


def _runs(kind: str) -> bool:
    """Whether a browser that opens it would run what is in it."""
    return kind.startswith(("text/html", "image/svg", "text/xml", "application/xml"))


def _served_as(kind: str) -> str:
    """Texts of all kinds as plain text: nobody needs the others of a share, and none of them is run."""
    return _TEXT if kind.startswith(_READ_AS_TEXT) else kind


def _closed(response: HttpResponse) -> HttpResponse:
    response.headers.append(NO_SCRIPT_POLICY)
    return response
