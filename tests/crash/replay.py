"""What a disk may hold after a power cut, made from the record of the shim.

The model is harsher than a journaling file system, which keeps more than this:

- A write is on the disk when its file was synced after it, or when it went through ``O_DSYNC``. Of a later write any
  512-byte sector may be there or not; a file has the size of what is there of it.
- A name made, moved or removed is on the disk when its folder was synced after it. Later changes may be there or not,
  each for itself; moving from one folder to another is two changes. Moving within one folder is atomic.
- A sync that fails takes the writes it was for from the page cache without having written them: they never arrive.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from struct import Struct

SECTOR = 512
_ENTRY = Struct("<c3xIQII")


@dataclass(frozen=True, slots=True)
class Event:
    """One entry of the record. ``file``: number of the open; ``offset``: also flags of an open, size of a truncate."""

    op: str
    file: int
    offset: int
    path: bytes
    data: bytes


def read_record(path: Path) -> list[Event]:
    data = path.read_bytes()
    events = []
    pos = 0
    while pos < len(data):
        op, file, offset, path_size, data_size = _ENTRY.unpack_from(data, pos)
        pos += _ENTRY.size
        name, body = data[pos : pos + path_size], data[pos + path_size : pos + path_size + data_size]
        pos += path_size + data_size
        events.append(Event(op.decode(), file, offset, name, body))
    return events


@dataclass(slots=True, eq=False)
class _File:
    """``pending``: writes since the last sync, as offset and bytes; a cut is ``(size, None)``."""

    durable: bytearray = field(default_factory=bytearray)
    pending: list[tuple[int, bytes | None]] = field(default_factory=list)

    def sync(self) -> None:
        for offset, data in self.pending:
            _apply(self.durable, offset, data)
        self.pending.clear()

    def after_cut(self, random: Random, luck: float) -> bytes:
        content = bytearray(self.durable)
        for offset, data in self.pending:
            if data is None:
                if random.random() < luck:
                    _apply(content, offset, None)
                continue
            for start, piece in _sectors(offset, data):
                if random.random() < luck:
                    _apply(content, start, piece)
        return bytes(content)


def _apply(content: bytearray, offset: int, data: bytes | None) -> None:
    if data is None:
        del content[offset:]
        content.extend(bytes(offset - len(content)))
    elif data:
        if len(content) < offset:
            content.extend(bytes(offset - len(content)))
        content[offset : offset + len(data)] = data


def _sectors(offset: int, data: bytes) -> Iterator[tuple[int, bytes]]:
    pos = 0
    while pos < len(data):
        size = min(SECTOR - (offset + pos) % SECTOR, len(data) - pos)
        yield offset + pos, data[pos : pos + size]
        pos += size


@dataclass(slots=True, eq=False)
class _Folder:
    """``now``: what running programs see. ``pending``: changes since the last sync, each of some names."""

    now: dict[bytes, _Node] = field(default_factory=dict)
    durable: dict[bytes, _Node] = field(default_factory=dict)
    pending: list[dict[bytes, _Node | None]] = field(default_factory=list)

    def change(self, names: dict[bytes, _Node | None]) -> None:
        _change(self.now, names)
        self.pending.append(names)

    def sync(self) -> None:
        for names in self.pending:
            _change(self.durable, names)
        self.pending.clear()

    def after_cut(self, random: Random, luck: float) -> dict[bytes, _Node]:
        names = dict(self.durable)
        for change in self.pending:
            if random.random() < luck:
                _change(names, change)
        return names


_Node = _File | _Folder


def _change(names: dict[bytes, _Node], change: dict[bytes, _Node | None]) -> None:
    for name, node in change.items():
        if node is None:
            names.pop(name, None)
        else:
            names[name] = node


class Disk:
    """Takes events in order; ``cut`` writes an image of what is left when the power goes now."""

    def __init__(self, root: Path) -> None:
        self._root = bytes(root)
        self._top = _Folder()
        self._opened: dict[int, _Node] = {}
        self.marks: list[str] = []

    def _folder_of(self, path: bytes) -> tuple[_Folder, bytes]:
        parts = path.removeprefix(self._root + b"/").split(b"/")
        folder = self._top
        for part in parts[:-1]:
            node = folder.now[part]
            assert isinstance(node, _Folder)
            folder = node
        return folder, parts[-1]

    def _file(self, number: int) -> _File:
        node = self._opened[number]
        assert isinstance(node, _File)
        return node

    def apply(self, event: Event) -> None:
        if event.op == "a":
            self.marks.append(event.data.decode())
        elif event.op == "o":
            self._open(event)
        elif event.op == "w":
            self._file(event.file).pending.append((event.offset, event.data))
        elif event.op == "d":
            file = self._file(event.file)
            # Only this range is synced. What was written to it before is older, so it must not come on top of it.
            end = event.offset + len(event.data)
            assert all(
                data is not None and (offset >= end or offset + len(data) <= event.offset)
                for offset, data in file.pending
            )
            _apply(file.durable, event.offset, event.data)
        elif event.op == "t":
            self._file(event.file).pending.append((event.offset, None))
        elif event.op == "s":
            self._opened[event.file].sync()
        elif event.op == "x":
            self._opened[event.file].pending.clear()
        elif event.op == "m":
            folder, name = self._folder_of(event.path)
            folder.change({name: _Folder()})
        elif event.op == "u":
            folder, name = self._folder_of(event.path)
            folder.change({name: None})
        elif event.op == "r":
            self._rename(event)
        else:
            raise ValueError(event.op)

    def _open(self, event: Event) -> None:
        if event.path == self._root:
            self._opened[event.file] = self._top
            return
        folder, name = self._folder_of(event.path)
        if name not in folder.now:
            assert event.offset & os.O_CREAT, event.path
            folder.change({name: _File()})
        self._opened[event.file] = folder.now[name]

    def _rename(self, event: Event) -> None:
        old, new = event.path.rstrip(b"\0").split(b"\0")
        source, old_name = self._folder_of(old)
        target, new_name = self._folder_of(new)
        node = source.now[old_name]
        if source is target:
            source.change({old_name: None, new_name: node})
        else:
            source.change({old_name: None})
            target.change({new_name: node})

    def cut(self, image: Path, random: Random) -> None:
        """``image`` becomes the root as found when the power is back."""
        # Nothing of what was not synced, all of it, or anything in between.
        luck = random.choice((0.0, 0.1, 0.5, 0.9, 1.0))
        image.mkdir()
        waiting = [(self._top, os.fsencode(image))]
        while waiting:
            folder, path = waiting.pop()
            for name, node in folder.after_cut(random, luck).items():
                if isinstance(node, _Folder):
                    os.mkdir(path + b"/" + name)
                    waiting.append((node, path + b"/" + name))
                else:
                    with open(path + b"/" + name, "wb") as file:
                        file.write(node.after_cut(random, luck))
