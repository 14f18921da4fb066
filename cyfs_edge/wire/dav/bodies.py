"""The XML bodies of PROPFIND, PROPPATCH and LOCK (RFC 4918 §14)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from cyfs_edge.base.errors import CyfsError
from cyfs_edge.wire.dav.errors import dav_error
from cyfs_edge.wire.dav.xml import DAV, Element, Name, parse_xml, write_xml

NAMES_MAX = 256
"""Most properties that one request names."""


class Wanted(Enum):
    ALL = "allprop"
    NAMES = "propname"
    SOME = "prop"


@dataclass(frozen=True, slots=True)
class PropFind:
    """``names``: of the properties wanted, or for ``ALL`` of those wanted as well."""

    wanted: Wanted
    names: tuple[Name, ...] = ()


@dataclass(frozen=True, slots=True)
class PropChange:
    """``xml``: the element to keep; ``None`` removes the property."""

    name: Name
    xml: str | None


@dataclass(frozen=True, slots=True)
class LockInfo:
    """``owner``: what the client says of who holds the lock, as XML; empty when it says nothing."""

    exclusive: bool
    owner: str


def parse_propfind(body: bytes) -> PropFind:
    """Everything when there is no body."""
    if not body:
        return PropFind(Wanted.ALL)
    root = _root(body, "propfind")
    asked = [wanted for wanted in Wanted if root.child(wanted.value) is not None]
    if len(asked) != 1:
        raise _bad("propfind asks for one of allprop, propname and prop")
    listed = root.child("include" if asked[0] is Wanted.ALL else "prop")
    names = [] if listed is None else [child.name for child in listed.children]
    if len(names) > NAMES_MAX:
        raise _bad(f"more than {NAMES_MAX} properties")
    return PropFind(asked[0], tuple(dict.fromkeys(names)))


def parse_proppatch(body: bytes) -> tuple[PropChange, ...]:
    """The changes in their order."""
    changes: list[PropChange] = []
    for part in _root(body, "propertyupdate").children:
        if part.name not in ((DAV, "set"), (DAV, "remove")):
            continue
        props = part.child("prop")
        if props is None:
            raise _bad(f"{part.name[1]} without prop")
        for prop in props.children:
            changes.append(PropChange(prop.name, write_xml(prop) if part.name[1] == "set" else None))
    if not changes or len(changes) > NAMES_MAX:
        raise _bad(f"propertyupdate changes 1 to {NAMES_MAX} properties")
    return tuple(changes)


def parse_lockinfo(body: bytes) -> LockInfo:
    root = _root(body, "lockinfo")
    scope, kind, owner = (root.child(name) for name in ("lockscope", "locktype", "owner"))
    if scope is None or kind is None or kind.child("write") is None:
        raise _bad("lockinfo needs a lockscope, and write as its locktype")
    exclusive = scope.child("exclusive") is not None
    if exclusive == (scope.child("shared") is not None):
        raise _bad("lockscope is exclusive or shared")
    return LockInfo(exclusive, "" if owner is None else write_xml(owner))


def _root(body: bytes, name: str) -> Element:
    root = parse_xml(body)
    if root.name != (DAV, name):
        raise _bad(f"the root element is {root.name[1][:40]}, not {name}")
    return root


def _bad(what: str) -> CyfsError:
    return dav_error(400, f"the body of the request: {what}")
