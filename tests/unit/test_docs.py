"""What the documentation points at is there: links, anchors, paths, and the sections that docstrings cite.

A citation is ``<document> §<section>``, the document with or without ``.md``; a bare ``§2.1`` means a document that the
module names elsewhere, in a Markdown file that file itself. Sections of an RFC are not ours to check.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
PROTOCOL = PROJECT / "docs" / "protocol"
SOURCES = ("cyfs_edge", "examples", "tests", "bench", "fuzz", "scripts")
FOLDERS = ("bench", "constraints", "cyfs_edge", "docs", "examples", "fuzz", "scripts", "tests")

HEADING = re.compile(r"^#{1,6} +(.+?)\s*$", re.MULTILINE)
NUMBERED = re.compile(r"#{2,6} +(\d+(?:\.\d+)*)")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)\)")
CODE_PATH = re.compile(rf"`((?:{'|'.join(FOLDERS)})/[\w./-]*|[A-Z]+\.md)`")
DOCUMENT = re.compile(r"docs/(?:[\w-]+/)*[\w-]+\.md")
SECTION_LIST = r"§\s?[0-9]+(?:\.[0-9]+)*(?:(?:,| and| to|\s?[–-])\s?§?[0-9]+(?:\.[0-9]+)*)*"
CITATION = re.compile(rf"(?:\b(RFC[ \n]?[0-9]+|[a-z][a-z-]*(?:\.md)?)`?[\s#]+(?:for )?)?({SECTION_LIST})")


def sections(document: str) -> set[str]:
    """The numbered headings; row 8 of a table in §0 that numbers its rows, or item 8 of a list there, is §0.8."""
    found: set[str] = set()
    current = ""
    for line in (PROTOCOL / f"{document}.md").read_text(encoding="utf-8").splitlines():
        if heading := NUMBERED.match(line):
            current = heading.group(1)
            found.add(current)
        elif row := re.match(r"(?:\| )?(\d+)(?: \||\. )", line):
            found.add(f"{current}.{row.group(1)}")
    return found


DOCUMENTS = {path.stem: sections(path.stem) for path in PROTOCOL.glob("*.md")}


def citation_faults(text: str, homes: set[str]) -> Iterator[str]:
    """Cited sections that are nowhere. ``homes``: the documents that a bare section may be in."""
    for match in CITATION.finditer(text):
        source = (match.group(1) or "").removesuffix(".md")
        if source.startswith("RFC"):
            continue
        where = {source} if source in DOCUMENTS else homes
        if not where:
            yield f"{match.group(0)!r} names no document"
            continue
        for number in re.findall(r"[0-9]+(?:\.[0-9]+)*", match.group(2)):
            if not any(number in DOCUMENTS.get(home, ()) for home in where):
                yield f"no section {number} in {' or '.join(sorted(where))}"


def python_faults(text: str) -> list[str]:
    """Citations and documents in a module."""
    homes = {stem for stem in DOCUMENTS if re.search(rf"(?<![\w-]){stem}(?:\.md)?[ \n]§|(?<![\w-]){stem}\.md", text)}
    faults = [f"no file {name}" for name in DOCUMENT.findall(text) if not (PROJECT / name).is_file()]
    return faults + list(citation_faults(text, homes))


def slug(heading: str) -> str:
    """The anchor that code hosts give a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def markdown_faults(path: Path, text: str) -> list[str]:
    """Links, paths and citations in a Markdown file at ``path``."""
    faults: list[str] = []
    prose = FENCE.sub("", text)
    for target in LINK.findall(prose):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        goal = (path.parent / name).resolve() if name else path
        if not goal.exists():
            faults.append(f"no such file: {target}")
        elif anchor and anchor not in map(slug, HEADING.findall(text if goal == path else goal.read_text("utf-8"))):
            faults.append(f"no such heading: {target}")
    faults.extend(f"no such path: {name}" for name in CODE_PATH.findall(prose) if not (PROJECT / name).exists())
    if path.parent == PROTOCOL:
        faults.extend(citation_faults(prose, {path.stem}))
    return faults


def modules() -> list[Path]:
    found = [path for folder in SOURCES for path in (PROJECT / folder).rglob("*.py")]
    return sorted(path for path in found if "node_modules" not in path.parts and path != Path(__file__))


def documents() -> list[Path]:
    return sorted([*PROJECT.glob("*.md"), *(PROJECT / "docs").rglob("*.md")])


def test_there_is_something_to_check() -> None:
    assert len(modules()) > 20
    assert len(documents()) > 10
    assert sum(len(DOCUMENTS[stem]) for stem in DOCUMENTS) > 100


def test_citations_in_the_code_resolve() -> None:
    faults = [
        f"{path.relative_to(PROJECT)}: {fault}"
        for path in modules()
        for fault in python_faults(path.read_text("utf-8"))
    ]
    assert not faults, "\n".join(faults)


def test_links_paths_and_citations_in_the_documents_resolve() -> None:
    faults = [
        f"{path.relative_to(PROJECT)}: {fault}"
        for path in documents()
        for fault in markdown_faults(path, path.read_text("utf-8"))
    ]
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize(
    "text",
    [
        '"""Ids (docs/protocol/objects.md §99)."""',
        '"""Ids (docs/protocol/nowhere.md §1)."""',
        '"""Ids (docs/protocol/objects.md §2)."""\n# as in §2.99',
        '"""Ids (docs/protocol/objects.md §2, §99)."""',
        '"""No document here."""\n# see §1.1',
        '"""Limits (docs/nowhere.md)."""',
    ],
)
def test_a_wrong_citation_is_found(text: str) -> None:
    assert len(python_faults(text)) >= 1


def test_good_citations_pass() -> None:
    text = (
        '"""Ids (docs/protocol/objects.md §2, §2.5 and core-objects.md §1)."""\n# §2.1; http-api §4.1; RFC 9112 §77.1'
    )
    assert python_faults(text) == []


@pytest.mark.parametrize(
    "text",
    ["[a](nowhere.md)", "[a](#not-there)\n# There", "see `docs/nowhere.md`", "see `NOWHERE.md`", "as §999 says"],
)
def test_a_broken_link_is_found(text: str) -> None:
    assert len(markdown_faults(PROTOCOL / "objects.md", text)) == 1


def test_good_links_pass() -> None:
    text = "# Here it is\n[a](#here-it-is) [b](../../LICENSE) [c](https://example.org/x) `cyfs_edge/base/ids.py` §2.5"
    assert markdown_faults(PROTOCOL / "objects.md", text) == []
