"""``cyfs-edge init``, and what ``run --init`` does before it runs: a root directory with an identity in it."""

from __future__ import annotations

import os
import re
import secrets
import sys
import time
from pathlib import Path

from cyfs_edge.base.errors import ErrorCode
from cyfs_edge.base.keys import KeyKind
from cyfs_edge.base.times import bucky_from_unix
from cyfs_edge.cli.context import Context
from cyfs_edge.cli.exits import CliError, Exit
from cyfs_edge.cli.output import wrapped
from cyfs_edge.cli.progress import Progress
from cyfs_edge.cli.roots import Root, make_layout
from cyfs_edge.core.derivation import Network
from cyfs_edge.core.derivation import Progress as Derivation
from cyfs_edge.core.identity import Identity, create_identity, key_kind_text, recovery_text
from cyfs_edge.core.mnemonic import ENTROPY_SIZE, entropy_from_words, words_from_entropy
from cyfs_edge.store.identity_files import save_identity

_WORDS_TEXT_MAX = 16 * 1024
_STEPS = 1000


def init(context: Context) -> int:
    args = context.args
    if args.recovery_file is not None and not args.restore:
        raise CliError(
            ErrorCode.INVALID_PARAM,
            "--recovery-file holds the words of an identity that is restored.",
            Exit.USAGE,
            "Add --restore, or leave it out to make a new identity.",
        )
    words = _ask_words(args.recovery_file) if args.restore else None
    make_identity(context, words)
    if not context.out.as_json:
        option = f" --root {context.root.path}" if context.root.source == "--root" else ""
        context.out.line(f"Next: cyfs-edge run{option}")
    return Exit.OK


def make_identity(context: Context, words: str | None = None) -> None:
    """Makes root and identity and shows the result. Without ``words`` new ones are shown once and stored nowhere."""
    root = context.root
    if root.has_identity:
        raise CliError(
            ErrorCode.ALREADY_EXISTS,
            f"The root {root.path} already has an identity; it is never overwritten.",
            Exit.FAILED,
            "Look at it: cyfs-edge identity show. For another one name another root: --root DIR.",
        )
    make_layout(root)
    new_words = None if words else words_from_entropy(secrets.token_bytes(ENTROPY_SIZE))
    identity = _derive(context, words or new_words or "")
    save_identity(
        root.path,
        device=identity.device,
        device_key=identity.device_key,
        owner=identity.people,
        ext_info=identity.ext_info,
    )
    _show(context, root, identity, new_words)


def _derive(context: Context, words: str) -> Identity:
    args = context.args
    kind = KeyKind[args.key.upper()]
    with Progress(f"making {args.key} keys", _STEPS, quiet=context.out.as_json, text=None) as bar:

        def report(progress: Derivation) -> None:
            bar.set(int(progress.fraction * _STEPS))

        return create_identity(
            words,
            unique_id_text=args.device_id_text or _machine_text(),
            now=bucky_from_unix(time.time()),
            key_kind=kind,
            network=Network[args.network.upper()],
            name=args.name,
            device_name=os.uname().nodename or None,
            progress=report,
        )


def _show(context: Context, root: Root, identity: Identity, new_words: str | None) -> None:
    out = context.out
    document: dict[str, object] = {
        "root": str(root.path),
        "device_id": str(identity.device.object_id),
        "owner_id": str(identity.people.object_id),
        "key": key_kind_text(identity.device_key.kind),
        "network": identity.network.text,
        "device_id_text": identity.unique_id_text,
    }
    if new_words is not None:
        document["words"] = new_words
    out.document(document)
    out.line(f"{'New' if new_words else 'Restored'} identity in {root.path}")
    out.line()
    sheet = recovery_text(identity.people, identity.device, identity.ext_info, new_words)
    for line in sheet.splitlines():
        out.line(wrapped(line, len(line) - len(line.lstrip()) + 2))
    if new_words:
        out.line()
        out.line("These words are shown now and never again: write them down.")
    out.line()


def _ask_words(file: str | None) -> str:
    """The words from a file, a terminal, or standard input; checked before any work is begun."""
    if file is not None:
        with Path(file).open(encoding="utf-8", errors="replace") as stream:
            text = stream.read(_WORDS_TEXT_MAX)
    elif sys.stdin.isatty():
        sys.stderr.write("Recovery words, twelve of them, in one line: ")
        sys.stderr.flush()
        text = sys.stdin.readline(_WORDS_TEXT_MAX)
    else:
        text = sys.stdin.read(_WORDS_TEXT_MAX)
    words = _words_in(text)
    entropy_from_words(words)
    return words


def _words_in(text: str) -> str:
    """The words of a saved recovery sheet, which numbers them, or the text as it is."""
    sheet = re.search(r"^Words\b(.*(?:\n[ \t].*)*)", text, re.MULTILINE)
    return " ".join(re.findall(r"[a-zA-Z]+", sheet[1])) if sheet else text


def _machine_text() -> str:
    """The MAC address of the first interface, as official clients take it; random text where there is none.

    Those of hardware come first: bridges and tunnels come and go, and would make another device of the same box.
    """
    interfaces = sorted(
        Path("/sys/class/net").glob("*/address"), key=lambda path: (not (path.parent / "device").exists(), path)
    )
    for interface in interfaces:
        try:
            address = interface.read_text("ascii").strip()
        except (OSError, UnicodeDecodeError):
            continue
        if interface.parent.name != "lo" and address.strip("0:"):
            return address
    return secrets.token_hex(8)
