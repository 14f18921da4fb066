"""One record of path meta: four lists, kept in their order (docs/protocol/access-and-zone.md §4.1-§4.4)."""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.wire.filter import Filter
from cyfs_edge.wire.rmeta import (
    AccessItem,
    AskHandler,
    ConfigItem,
    GroupAccess,
    LinkItem,
    MetaItem,
    MetaKind,
    ObjectItem,
    Specified,
    item_json,
    parse_access_item,
    parse_config,
    parse_link,
    parse_object_item,
)

ITEMS_MAX = 1024
"""Most items of one list."""
RECORD_MAX = 1 << 20
"""Most bytes of a record as it is stored."""
LINK_ROUNDS = 32
"""How often a path may be replaced by what a link points to; more is a cycle."""
OBJECT_WORDS = "object_meta"

I = TypeVar("I", AccessItem, LinkItem, ConfigItem, ObjectItem)  # noqa: E741  # an item
Key = Any
"""What an item is found and sorted by: items of one list have keys of one shape."""


class MetaList(Generic[I]):
    """Items sorted by key; an item with the key of another takes its place."""

    __slots__ = ("_key", "_keys", "items")

    def __init__(self, key: Callable[[I], Key], items: list[I]) -> None:
        self._key: Callable[[I], Key] = key
        self.items: list[I] = []
        self._keys: list[Key] = []
        for item in items:
            self.add(item)

    def add(self, item: I) -> bool:
        """False when the very same is there already; ``OUT_OF_LIMIT`` beyond ``ITEMS_MAX`` items."""
        key = self._key(item)
        at = bisect_left(self._keys, key)
        if at < len(self.items) and self._keys[at] == key:
            if self.items[at] == item:
                return False
            self.items[at] = item
            return True
        if len(self.items) >= ITEMS_MAX:
            raise CyfsError(ErrorCode.OUT_OF_LIMIT, f"a list of path meta holds at most {ITEMS_MAX} items")
        self.items.insert(at, item)
        self._keys.insert(at, key)
        return True

    def find(self, key: Key) -> I | None:
        at = bisect_left(self._keys, key)
        return self.items[at] if at < len(self.items) and self._keys[at] == key else None

    def remove(self, key: Key) -> I | None:
        """Gives what was there."""
        found = self.find(key)
        if found is not None:
            at = bisect_left(self._keys, key)
            del self.items[at], self._keys[at]
        return found

    def clear(self) -> int:
        """Gives how many there were."""
        count = len(self.items)
        self.items.clear()
        self._keys.clear()
        return count


class MetaRecord:
    """The path meta of one dec and category. Object meta keeps the order in which it was added."""

    __slots__ = ("_selectors", "accesses", "configs", "links", "objects")

    def __init__(
        self,
        accesses: list[AccessItem] | None = None,
        links: list[LinkItem] | None = None,
        configs: list[ConfigItem] | None = None,
        objects: list[ObjectItem] | None = None,
    ) -> None:
        self.accesses = MetaList(access_key, accesses or [])
        self.links = MetaList(link_key, links or [])
        self.configs = MetaList(_config_key, configs or [])
        self.objects = list(objects or [])
        self._selectors: dict[str, Filter | None] = {}

    @classmethod
    def decode(cls, data: bytes) -> MetaRecord:
        """``INVALID_DATA`` when the bytes are no record. A list that is missing is empty."""
        try:
            value = json.loads(data)
            return cls(
                [parse_access_item(item) for item in _listed(value, "access")],
                [parse_link(item) for item in _listed(value, "link")],
                [parse_config(item) for item in _listed(value, "config")],
                [parse_object_item(item) for item in _listed(value, "object")],
            )
        except (ValueError, RecursionError, TypeError, AttributeError, CyfsError) as error:
            raise CyfsError(ErrorCode.INVALID_DATA, f"the path meta is damaged: {error}") from None

    def encode(self) -> bytes:
        """The JSON of the reference, byte for byte: ids of state roots depend on it. ``OUT_OF_LIMIT`` when too long."""
        lists: dict[str, list[Any]] = {
            "access": self.accesses.items,
            "link": self.links.items,
            "config": self.configs.items,
            "object": self.objects,
        }
        value = {name: {"list": [item_json(item) for item in items]} for name, items in lists.items()}
        data = json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
        if len(data) > RECORD_MAX:
            raise CyfsError(ErrorCode.OUT_OF_LIMIT, f"path meta of {len(data)} bytes, at most {RECORD_MAX}")
        return data

    def add(self, item: MetaItem) -> bool:
        """True when something changed. Links: ``UN_SUPPORT`` from ``/``, ``ALREADY_EXISTS`` for a second target."""
        if isinstance(item, AccessItem):
            return self.accesses.add(item)
        if isinstance(item, ConfigItem):
            return self.configs.add(item)
        if isinstance(item, ObjectItem):
            return self._add_object(item)
        if item.source == "/":
            raise CyfsError(ErrorCode.UN_SUPPORT, "the root cannot be a link")
        held = self.links.find(link_key(item))
        if held is not None and held.target != item.target:
            raise CyfsError(ErrorCode.ALREADY_EXISTS, f"{item.source} is a link to {held.target} already")
        return self.links.add(item)

    def remove(self, item: MetaItem) -> MetaItem | None:
        """Removes what stands in the place of ``item``; of a link only the source counts."""
        if isinstance(item, AccessItem):
            return self.accesses.remove(access_key(item))
        if isinstance(item, ConfigItem):
            return self.configs.remove(_config_key(item))
        if isinstance(item, LinkItem):
            return self.links.remove(link_key(item))
        at = self._place(item)
        return None if at is None else self.objects.pop(at)

    def clear(self, kind: MetaKind) -> int:
        if kind is MetaKind.OBJECT:
            count = len(self.objects)
            self.objects.clear()
            return count
        if kind is MetaKind.ACCESS:
            return self.accesses.clear()
        return self.links.clear() if kind is MetaKind.LINK else self.configs.clear()

    def resolve_link(self, path: str) -> str:
        """Where ``path`` (which ends with ``/``) leads; ``OUT_OF_LIMIT`` after 32 links in a row."""
        for _ in range(LINK_ROUNDS):
            link = next((link for link in self.links.items if path.startswith(link.source)), None)
            if link is None:
                return path
            path = link.target + path[len(link.source) :]
        raise CyfsError(ErrorCode.OUT_OF_LIMIT, f"more than {LINK_ROUNDS} links in a row at {path[:200]}")

    def config_of(self, path: str) -> ConfigItem | None:
        """The configuration of ``path`` itself, or the nearest one above it whose ``depth`` reaches down to it."""
        below = 0
        while True:
            found = self.configs.find(path)
            if found is not None and (found.depth is None or below <= found.depth):
                return found
            if path == "/":
                return None
            path = path[: path.rindex("/", 0, -1) + 1]
            below += 1

    def selector(self, item: ObjectItem) -> Filter | None:
        """The compiled selector; ``None`` for one that cannot be read, which then selects nothing."""
        if item.selector not in self._selectors:
            try:
                self._selectors[item.selector] = Filter(item.selector, OBJECT_WORDS)
            except CyfsError:
                self._selectors[item.selector] = None
        return self._selectors[item.selector]

    def _add_object(self, item: ObjectItem) -> bool:
        Filter(item.selector, OBJECT_WORDS)
        at = self._place(item)
        if at is None:
            if len(self.objects) >= ITEMS_MAX:
                raise CyfsError(ErrorCode.OUT_OF_LIMIT, f"a list of path meta holds at most {ITEMS_MAX} items")
            self.objects.append(item)
            return True
        if self.objects[at] == item:
            return False
        self.objects[at] = item
        return True

    def _place(self, item: ObjectItem) -> int | None:
        wanted = item.selector, _kind(item.access)
        for at, held in enumerate(self.objects):
            if (held.selector, _kind(held.access)) == wanted:
                return at
        return None


def access_key(item: AccessItem) -> Key:
    """Longer paths first, then bytewise; of one path Specified (by their selectors), then Default, then Handler."""
    path = item.path.encode()
    return (-len(path), path, *_kind(item.access))


def _kind(access: GroupAccess) -> tuple[Any, ...]:
    """Kind and selectors: what makes two items of one path different items (§4.1, order and identity)."""
    if isinstance(access, Specified):
        category, zone, dec = access.selector
        return (0, -1 if category is None else int(category), zone is None, zone or b"", dec is None, dec or b"")
    return (2,) if isinstance(access, AskHandler) else (1,)


def link_key(item: LinkItem) -> Key:
    """Descending: the first source that is a prefix of a path is the longest one that is."""
    return [0x110000 - ord(letter) for letter in item.source] + [0x110001]


def _config_key(item: ConfigItem) -> Key:
    return item.path


def _listed(value: Any, name: str) -> list[Any]:
    return list(value.get(name, {}).get("list", []))
