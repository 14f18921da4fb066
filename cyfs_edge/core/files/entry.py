"""What is told of a file or folder, and where it is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cyfs_edge.base.errors import CyfsError
from cyfs_edge.base.ids import ChunkId, ObjectId, ObjectTypeCode
from cyfs_edge.core.ports import ObjectRecord
from cyfs_edge.objects.envelope import NamedObject, decode_object
from cyfs_edge.objects.file import File
from cyfs_edge.objects.object_map import MapContentType, ObjectMap


@dataclass(frozen=True, slots=True)
class Span:
    """A file that is a part of a chunk, as lists of Dirs may have them: bytes ``[begin, end)``."""

    chunk_id: ChunkId
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class DirFolder:
    """A folder of a Dir object. ``modified``: that of the Dir; ``odd``: entries of it that can be no files."""

    children: Mapping[str, Node]
    modified: int
    odd: int = 0


Node = ObjectId | Span | DirFolder
"""What a name stands for: an object or chunk, or something inside a Dir that has no id of its own."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file or folder as it is now.

    ``length``: bytes, ``None`` for folders and for files that are not here. ``modified``: bucky µs, 0 = unknown.
    ``tag``: changes with the content, ``None`` where nothing tells (a folder inside a Dir).
    """

    name: str
    is_folder: bool
    length: int | None
    modified: int
    tag: str | None


def entry_of(name: str, node: Node, obj: NamedObject | None) -> Entry:
    """``obj``: the object, where the node is one and it is here."""
    if isinstance(node, DirFolder):
        return Entry(name, True, None, node.modified, None)
    if isinstance(node, Span):
        return Entry(name, False, node.end - node.begin, 0, f"{node.chunk_id}-{node.begin}-{node.end}")
    if node.is_chunk:
        return Entry(name, False, ChunkId(node).length, 0, str(node))
    if obj is None:
        return Entry(name, _may_be_folder(node), None, 0, str(node))
    if is_folder(obj):
        return Entry(name, True, None, modified_of(obj), str(node))
    content = obj.desc.value
    length = content.length if isinstance(content, File) else len(obj.raw)
    return Entry(name, False, length, modified_of(obj), str(node))


def is_folder(obj: NamedObject) -> bool:
    """A map or a Dir; a set is a thing of a program, and is shown like any other object."""
    content = obj.desc.value
    if isinstance(content, ObjectMap):
        return content.content_type is MapContentType.MAP
    return obj.type_code == ObjectTypeCode.DIR


def modified_of(obj: NamedObject) -> int:
    """The create time of the desc: what it says holds for this id for ever. Without one, that of the body's update."""
    return obj.desc.create_time or obj.update_time


def _may_be_folder(object_id: ObjectId) -> bool:
    return object_id.type_code in (ObjectTypeCode.OBJECT_MAP, ObjectTypeCode.DIR)


def shown_object(record: ObjectRecord | None) -> NamedObject | None:
    """A damaged object is shown like one that is not here: the others of its folder must be seen."""
    try:
        return None if record is None else decode_object(record.raw)
    except CyfsError:
        return None
