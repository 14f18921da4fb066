"""The HTML of shares: plain pages without scripts. Every text in them may be a stranger's, and is escaped."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import escape
from urllib.parse import quote

from cyfs_edge.base.times import unix_micros
from cyfs_edge.base.units import size_text
from cyfs_edge.core.shares.tree import Item
from cyfs_edge.wire.door import join_inner
from cyfs_edge.wire.message import HttpResponse

HTML = ("content-type", "text/html; charset=utf-8")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

NOT_FOUND = "Nothing here"
NOT_FOUND_TEXT = "The link is wrong, has expired, or was taken back by the owner of this box."


def message_page(status: int, title: str, text: str) -> HttpResponse:
    """A page that says one thing."""
    body = f'<h1>{escape(title)}</h1>\n<p class="lead">{escape(text)}</p>\n'
    return HttpResponse(status, [HTML], page(title, body))


def not_found_page() -> HttpResponse:
    """The same for every address that leads nowhere, whyever it does."""
    return message_page(404, NOT_FOUND, NOT_FOUND_TEXT)


def page(title: str, body: str) -> bytes:
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="robots" content="noindex">\n<meta name="color-scheme" content="light dark">\n'
        f'<title>{escape(title)}</title>\n<link rel="icon" href="/favicon.svg">\n'
        '<link rel="stylesheet" href="/door.css">\n</head>\n<body>\n<main>\n'
        f"{body}</main>\n</body>\n</html>\n"
    ).encode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a page is. ``top``: the path of the share, ``share``: what it is called, ``trail``: the names below it."""

    top: str
    share: str
    trail: tuple[str, ...]

    @property
    def title(self) -> str:
        return self.trail[-1] if self.trail else self.share


def file_page(spot: Spot, facts: str, preview: str, *, can_open: bool) -> bytes:
    """``preview``: HTML that is safe. ``can_open``: whether a browser shows such a file by itself."""
    opening = '<a class="button quiet" href="?raw">Open</a>\n' if can_open else ""
    body = (
        f'{_trail(spot)}<h1>{escape(spot.title)}</h1>\n<p class="facts">{escape(facts)}</p>\n'
        f'<p class="actions"><a class="button" href="?download">Download</a>\n{opening}</p>\n{preview}'
    )
    return page(spot.title, body)


def folder_page(spot: Spot, items: list[Item], *, more: str | None, is_first: bool) -> bytes:
    """``more``: the cursor that the next part begins behind; ``None`` at the end."""
    body = f"{_trail(spot)}<h1>{escape(spot.title)}</h1>\n"
    if not items and is_first:
        return page(spot.title, body + '<p class="lead">This folder is empty.</p>\n')
    dated = any(item.time for item in items)
    date_head = '<th scope="col" class="date">Date</th>' if dated else ""
    rows = "".join(_row(item, dated) for item in items)
    body += (
        '<p class="actions"><a class="button" href="?zip">Download all (ZIP)</a></p>\n'
        '<table class="listing">\n<thead><tr><th scope="col">Name</th><th scope="col" class="number">Size</th>'
        f"{date_head}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table>\n"
    )
    links = [] if is_first else ['<a href="?">To the beginning</a>']
    if more is not None:
        links.append(f'<a href="?after={quote(more, safe="")}" rel="next">Next</a>')
    if links:
        body += f'<nav class="pager" aria-label="Parts of the list">{" ".join(links)}</nav>\n'
    return page(spot.title, body)


def image(name: str) -> str:
    return f'<img class="preview" src="?raw" alt="{escape(name)}">\n'


def video() -> str:
    return '<video class="preview" src="?raw" controls preload="metadata"></video>\n'


def audio() -> str:
    return '<audio class="preview" src="?raw" controls preload="metadata"></audio>\n'


def text_block(text: str, *, is_cut: bool) -> str:
    note = '<p class="facts">Only the beginning is shown.</p>\n' if is_cut else ""
    return f'<pre class="preview" tabindex="0">{escape(text)}</pre>\n{note}'


def facts_of(length: int | None, time: int) -> str:
    parts = [] if length is None else [size_text(length)]
    if time:
        parts.append(date_text(time))
    return " · ".join(parts)


def date_text(bucky: int) -> str:
    """``2026-11-28``; empty for none, and where the calendar ends."""
    if not bucky:
        return ""
    try:
        return f"{_EPOCH + timedelta(microseconds=unix_micros(bucky)):%Y-%m-%d}"
    except OverflowError:
        return ""


def _row(item: Item, dated: bool) -> str:
    name = escape(item.name)
    if item.is_folder:
        shown = f'<a class="folder" href="{join_inner((item.name,))}/">{name}/</a>'
    elif item.has_data:
        shown = f'<a href="{join_inner((item.name,))}">{name}</a>'
    else:
        shown = f"{name} <small>(not a file)</small>"
    size = "" if item.length is None else size_text(item.length)
    date = f'<td class="date">{date_text(item.time)}</td>' if dated else ""
    return f'<tr><td>{shown}</td><td class="number">{size}</td>{date}</tr>\n'


def _trail(spot: Spot) -> str:
    """The folders above, as links."""
    if not spot.trail:
        return ""
    links = [f'<a href="{escape(spot.top)}/">{escape(spot.share)}</a>']
    for depth, name in enumerate(spot.trail[:-1], 1):
        links.append(f'<a href="{escape(spot.top)}/{join_inner(spot.trail[:depth])}/">{escape(name)}</a>')
    return f'<nav class="trail" aria-label="Folders above">{" / ".join(links)} /</nav>\n'
