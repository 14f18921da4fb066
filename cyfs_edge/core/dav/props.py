"""Properties: those that follow from a file, and those that clients have left with it (RFC 4918 §4, §15)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from cyfs_edge.base.times import unix_micros
from cyfs_edge.core.dav.locks import Lock
from cyfs_edge.core.files.entry import Entry
from cyfs_edge.core.front import mime
from cyfs_edge.core.ports import StoreStat
from cyfs_edge.wire.dav.bodies import PropChange, PropFind, Wanted
from cyfs_edge.wire.dav.multistatus import SUPPORTED_LOCK, active_lock, propstat
from cyfs_edge.wire.dav.paths import href_of
from cyfs_edge.wire.dav.xml import DAV, Name, empty, tag_of
from cyfs_edge.wire.http_reply import http_date

_LATEST = 253_402_300_799
"""Unix seconds of the last moment of the year 9999, beyond which dates have no text."""
_OF_ALL = ("creationdate", "getlastmodified", "getetag", "resourcetype", "supportedlock", "lockdiscovery")
_OF_FILES = ("getcontentlength", "getcontenttype")
_OF_FOLDERS = ("quota-available-bytes", "quota-used-bytes")
LIVE = frozenset((DAV, name) for name in (*_OF_ALL, *_OF_FILES, *_OF_FOLDERS))
"""What cannot be changed by PROPPATCH."""


@dataclass(frozen=True, slots=True)
class Subject:
    """An entry with all that its properties depend on."""

    entry: Entry
    locks: Sequence[Lock]
    dead: dict[Name, str]
    stat: StoreStat
    prefix: str


def propstats(subject: Subject, asked: PropFind) -> list[str]:
    """What was asked of one entry, as parts of its response."""
    if asked.wanted is Wanted.NAMES:
        names = [name for name in sorted(LIVE) if _live(subject, name[1]) is not None]
        return [propstat(200, [empty(name) for name in (*names, *subject.dead)])]
    wanted = asked.names
    if asked.wanted is Wanted.ALL:
        usual = [(DAV, name) for name in (*_OF_ALL, *_OF_FILES)]
        wanted = tuple(dict.fromkeys((*usual, *subject.dead, *asked.names)))
    found: list[str] = []
    missing: list[str] = []
    for name in wanted:
        value = subject.dead.get(name) if name not in LIVE else _live(subject, name[1])
        if value is not None:
            found.append(value)
        elif name in asked.names:
            missing.append(empty(name))
    return [propstat(200, found), propstat(404, missing)]


def _live(subject: Subject, name: str) -> str | None:
    """The element of a property; ``None`` when this entry does not have it."""
    value = _value(subject, name)
    if value is None:
        return None
    tag, _ = tag_of((DAV, name))
    return f"<{tag}>{value}</{tag}>" if value else f"<{tag}/>"


def _value(subject: Subject, name: str) -> str | None:
    entry, stat = subject.entry, subject.stat
    if name == "resourcetype":
        return "<D:collection/>" if entry.is_folder else ""
    if name == "getcontentlength":
        return None if entry.length is None else str(entry.length)
    if name == "getcontenttype":
        return None if entry.is_folder else content_type(entry)
    if name == "getetag":
        return None if entry.tag is None else f'"{entry.tag}"'
    if name == "getlastmodified":
        return last_modified(entry)
    if name == "creationdate":
        return _creation_date(entry)
    if name == "supportedlock":
        return SUPPORTED_LOCK
    if name == "lockdiscovery":
        return "".join(active(lock, subject.prefix) for lock in subject.locks)
    if not entry.is_folder:
        return None
    return str(stat.free_space if name == "quota-available-bytes" else stat.storage_size + stat.chunk_size)


def active(lock: Lock, prefix: str) -> str:
    """A lock as clients are told of it."""
    href = href_of(prefix, lock.path, False)
    return active_lock(
        lock.token, href, exclusive=lock.exclusive, deep=lock.deep, owner=lock.owner, seconds=lock.seconds
    )


def content_type(entry: Entry) -> str:
    """By the name alone: nothing is read for it."""
    return mime.by_name(entry.name) or mime.OCTET_STREAM


def last_modified(entry: Entry) -> str | None:
    """As HTTP writes it; ``None`` when it is not known."""
    seconds = _seconds(entry)
    return None if seconds is None else http_date(seconds)


def _creation_date(entry: Entry) -> str | None:
    seconds = _seconds(entry)
    if seconds is None:
        return None
    # The one form from the other: there is no second source of time.
    _, day, month, year, clock, _ = http_date(seconds).split(" ")
    number = "JanFebMarAprMayJunJulAugSepOctNovDec".index(month) // 3 + 1
    return f"{year}-{number:02}-{day}T{clock}Z"


def _seconds(entry: Entry) -> int | None:
    seconds = unix_micros(entry.modified) // 1_000_000
    return min(seconds, _LATEST) if seconds else None


# ---- dead properties ------------------------------------------------------------------------------------------------


def decode_dead(data: bytes | None) -> dict[Name, str]:
    """The properties kept with an entry, each as XML, in the order in which they came. What is damaged is none."""
    try:
        held = {} if data is None else json.loads(data)
        return {(str(namespace), str(name)): str(xml) for namespace, name, xml in held.get("properties", ())}
    except (ValueError, TypeError, AttributeError):
        return {}


def encode_dead(dead: dict[Name, str]) -> bytes | None:
    if not dead:
        return None
    return json.dumps({"properties": [[*name, xml] for name, xml in dead.items()]}, ensure_ascii=False).encode()


def changed_dead(data: bytes | None, changes: Sequence[PropChange]) -> bytes | None:
    """What is kept after a PROPPATCH, all of whose changes are of dead properties."""
    dead = decode_dead(data)
    for change in changes:
        if change.xml is None:
            dead.pop(change.name, None)
        else:
            dead[change.name] = change.xml
    return encode_dead(dead)
