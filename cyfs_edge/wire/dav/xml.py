"""XML in and out, as far as WebDAV needs it: no document types, no entities, bounded depth and size.

Elements are told by namespace and name. What is written declares its namespaces in each element, so that any piece
can be kept and put into another document.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.parsers import expat

from cyfs_edge.base.errors import CodecError, ErrorCode

DAV = "DAV:"
XML_MAX = 256 * 1024
"""Bytes of a body."""
DEPTH_MAX = 32
"""Elements inside one another."""
ELEMENTS_MAX = 5000
"""Elements and attributes of a body."""

XML_HEAD = '<?xml version="1.0" encoding="utf-8"?>\n'
_XML_NAMESPACE = "http://www.w3.org/XML/1998/namespace"
_LANG = (_XML_NAMESPACE, "lang")
# No name can have it, and no namespace that expat accepts.
_SEPARATOR = "\n"

Name = tuple[str, str]
"""Namespace, which may be empty, and local name."""


@dataclass(slots=True)
class Element:
    """``content``: texts and elements in order. ``lang``: the language that holds here, also from further out."""

    name: Name
    attributes: dict[Name, str] = field(default_factory=dict)
    content: list[Element | str] = field(default_factory=list)
    lang: str | None = None

    @property
    def children(self) -> Iterator[Element]:
        return (item for item in self.content if isinstance(item, Element))

    def child(self, name: str) -> Element | None:
        """The first one of this name in the namespace of WebDAV."""
        return next((one for one in self.children if one.name == (DAV, name)), None)


def parse_xml(data: bytes) -> Element:
    """The root element. ``CodecError`` with status 400 for what is no XML or too deep, 413 for what is too long."""
    if len(data) > XML_MAX:
        raise _fault(f"more than {XML_MAX} bytes", 0, status=413, code=ErrorCode.OUT_OF_LIMIT)
    parser = expat.ParserCreate(namespace_separator=_SEPARATOR)
    builder = _Builder(parser)
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise _fault(expat.errors.messages.get(error.code, "malformed"), parser.ErrorByteIndex) from None
    except (LookupError, UnicodeError, ValueError):
        raise _fault("the encoding is not known", 0) from None
    if builder.root is None:
        raise _fault("no element", 0)
    return builder.root


class _Builder:
    def __init__(self, parser: expat.XMLParserType) -> None:
        self._parser = parser
        self.root: Element | None = None
        self._open: list[Element] = []
        self._count = 0
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.StartDoctypeDeclHandler = self._refuse
        parser.EntityDeclHandler = self._refuse

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._count += 1 + len(attributes)
        if self._count > ELEMENTS_MAX or len(self._open) >= DEPTH_MAX:
            raise _fault("too many elements, or too deep", self._parser.CurrentByteIndex)
        element = Element(_name(name), {_name(key): value for key, value in attributes.items()})
        if self._open:
            parent = self._open[-1]
            element.lang = parent.lang
            parent.content.append(element)
        else:
            self.root = element
        element.lang = element.attributes.get(_LANG, element.lang)
        self._open.append(element)

    def _end(self, name: str) -> None:
        self._open.pop()

    def _text(self, text: str) -> None:
        self._open[-1].content.append(text)

    def _refuse(self, *declaration: object) -> None:
        raise _fault("document types and entities are not taken", self._parser.CurrentByteIndex)


def _name(text: str) -> Name:
    namespace, _, local = text.rpartition(_SEPARATOR)
    return namespace, local


def _fault(what: str, offset: int, *, status: int = 400, code: ErrorCode = ErrorCode.INVALID_FORMAT) -> CodecError:
    return CodecError(code, f"the XML of the request cannot be read: {what}", max(0, offset), status=status)


def escape(text: str) -> str:
    """For the text of an element and for values in double quotes."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
    return text.replace("\r", "&#13;").replace("\n", "&#10;").replace("\t", "&#9;")


def write_xml(element: Element) -> str:
    """The element with its language, whatever it is put into; reading it gives the element again."""
    extra = {} if element.lang is None or _LANG in element.attributes else {_LANG: element.lang}
    return _written({**element.attributes, **extra}, element)


def _written(attributes: dict[Name, str], element: Element) -> str:
    tag, declared = tag_of(element.name)
    parts = [f"<{tag}{declared}"]
    for number, ((namespace, name), value) in enumerate(attributes.items()):
        if namespace == _XML_NAMESPACE:
            parts.append(f' xml:{name}="{escape(value)}"')
        elif namespace:
            parts.append(f' xmlns:a{number}="{escape(namespace)}" a{number}:{name}="{escape(value)}"')
        else:
            parts.append(f' {name}="{escape(value)}"')
    inner = "".join(escape(one) if isinstance(one, str) else _written(one.attributes, one) for one in element.content)
    parts.append(f">{inner}</{tag}>" if inner else "/>")
    return "".join(parts)


def tag_of(name: Name) -> tuple[str, str]:
    """How an element is called, and what its start must declare for that. ``D`` is declared by every document."""
    namespace, local = name
    if namespace == DAV:
        return f"D:{local}", ""
    if namespace == _XML_NAMESPACE:
        return f"xml:{local}", ""
    return (f"p:{local}", f' xmlns:p="{escape(namespace)}"') if namespace else (local, "")


def empty(name: Name) -> str:
    """An element without content."""
    tag, declared = tag_of(name)
    return f"<{tag}{declared}/>"
