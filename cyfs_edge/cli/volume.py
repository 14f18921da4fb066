"""``cyfs-edge volume add|list|drain|remove``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from cyfs_edge.base.errors import ErrorCode
from cyfs_edge.cli.client import Client, call_json, checked, query
from cyfs_edge.cli.context import Context
from cyfs_edge.cli.exits import CliError, Exit
from cyfs_edge.cli.jobs import run_job
from cyfs_edge.cli.output import printable, size_text

_ID_LEAST = 4
"""Characters of an id that are enough when they name one volume only."""
_OWN = ("root", "remote")


def add(context: Context) -> int:
    """Large chunks go to this folder from now on."""
    path = Path(context.args.path).absolute()
    client = context.connect()
    try:
        body = {"path": str(path), "same_disk": context.args.same_disk}
        added = call_json(client, "POST", "/control/volumes", body)
    finally:
        client.close()
    context.out.document(added)
    context.out.line(f"Volume {added.get('name')} at {printable(str(path))}: large chunks go there from now on.")
    return Exit.OK


def list_volumes(context: Context) -> int:
    """All places of large chunks, what they have and how they are; exit code 1 when one is missing or failing."""
    out = context.out
    client = context.connect()
    try:
        places = _places(client)
    finally:
        client.close()
    out.document({"volumes": places})
    out.table(("ID", "STATE", "CHUNKS", "TAKES", "FREE", "WHERE"), [_row(place) for place in places])
    bad = [place for place in places if place.get("state") in ("missing", "failing")]
    for place in bad:
        out.line(f"{place.get('name')} is {place.get('state')}: {printable(str(place.get('why')))}")
    return Exit.FAILED if bad else Exit.OK


def drain(context: Context) -> int:
    """Moves all that a volume has elsewhere; exit code 4 when some of it cannot be read."""
    out = context.out
    client = context.connect()
    try:
        name = _name(client, context.args.id)
        if context.args.undo:
            checked(client.request("POST", f"/control/volumes/{name}/keep")).close()
            out.document({"name": name, "draining": False})
            out.line(f"Volume {name} takes large chunks again.")
            return Exit.OK
        report = run_job(client, f"/control/volumes/{name}/drain", "drain", quiet=out.as_json)
    finally:
        client.close()
    out.document(report)
    out.line(f"Moved {report.get('chunks', 0)} chunks, {_size(report.get('bytes'))}.")
    left = report.get("left")
    if not report.get("failed"):
        out.line(f"Nothing is left on it: cyfs-edge volume remove {name}")
        return Exit.OK
    out.line(f"{report.get('failed')} chunks could not be moved:")
    listed = left if isinstance(left, list) else []
    rows = [(one.get("chunk_id"), one.get("what")) for one in listed if isinstance(one, dict)]
    out.table(("CHUNK", "WHAT"), rows)
    out.line("Put them again from their source after: cyfs-edge object delete ID")
    return Exit.BAD_DATA


def remove(context: Context) -> int:
    """Forgets a volume that has nothing; with ``--lost`` one that does not come back, telling what goes with it."""
    out, lost = context.out, context.args.lost
    client = context.connect()
    try:
        name = _name(client, context.args.id)
        listed = []
        if lost:
            _require_gone(client, name)
            for one in _chunks(client, name):
                out.line(" ".join(str(part) for part in (one.get("chunk_id"), *_files(one))))
                if out.as_json:
                    listed.append(one)
        target = query(f"/control/volumes/{name}/remove", lost=1 if lost else None)
        report = run_job(client, target, "remove", quiet=out.as_json)
    finally:
        client.close()
    out.document({"name": name, **report, "lost": listed})
    if lost:
        gone = f"{report.get('chunks', 0)} chunks, {_size(report.get('bytes'))}"
        out.line(f"Lost: {gone}; they are listed above with the files that they are part of.")
    out.line(f"Volume {name} is forgotten.")
    return Exit.OK


def _places(client: Client) -> list[dict[str, object]]:
    found = call_json(client, "GET", "/control/volumes").get("volumes")
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _name(client: Client, text: str) -> str:
    """The volume whose id begins so."""
    names = [str(place.get("name")) for place in _places(client)]
    found = [name for name in names if name not in _OWN and name.startswith(text)]
    if len(text) < _ID_LEAST or len(found) != 1:
        raise CliError(
            ErrorCode.NOT_FOUND,
            f"{'No volume is' if not found else 'More than one volume is'} {printable(text)!r}.",
            Exit.NOT_FOUND,
            f"cyfs-edge volume list shows them; {_ID_LEAST} characters of an id are enough",
        )
    return found[0]


def _require_gone(client: Client, name: str) -> None:
    state = next((place.get("state") for place in _places(client) if place.get("name") == name), None)
    if state not in ("missing", "failing"):
        raise CliError(
            ErrorCode.ERROR_STATE,
            f"Volume {name} is here and well.",
            Exit.FAILED,
            f"cyfs-edge volume drain {name} moves what it has; then remove it without --lost",
        )


def _chunks(client: Client, name: str) -> Iterator[dict[str, object]]:
    after: object = None
    while True:
        page = call_json(client, "GET", query(f"/control/volumes/{name}/chunks", after=after))
        found = page.get("chunks")
        yield from found if isinstance(found, list) else ()
        after = page.get("next")
        if not isinstance(after, str):
            return


def _files(one: dict[str, object]) -> list[object]:
    files = one.get("files")
    return files if isinstance(files, list) else []


def _row(place: dict[str, object]) -> list[object]:
    free = place.get("free")
    return [
        place.get("name"),
        place.get("state"),
        place.get("chunks"),
        _size(place.get("bytes")),
        _size(free) if isinstance(free, int) else "-",
        printable(str(place.get("where"))),
    ]


def _size(value: object) -> str:
    return size_text(value if isinstance(value, int) else 0)
