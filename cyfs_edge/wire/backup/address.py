"""How people write where backups are kept (docs/backup.md, "Where to")."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlsplit

from cyfs_edge.base.errors import CyfsError, ErrorCode

ADDRESS_MAX = 1024


@dataclass(frozen=True, slots=True)
class Address:
    """``kind``: ``folder`` (only ``path``), ``sftp`` or ``s3`` (``host`` is the bucket then)."""

    kind: str
    path: str
    host: str = ""
    port: int | None = None
    user: str | None = None
    endpoint: str | None = None
    region: str | None = None

    @property
    def text(self) -> str:
        if self.kind == "folder":
            return self.path
        user = f"{self.user}@" if self.user else ""
        port = f":{self.port}" if self.port else ""
        return f"{self.kind}://{user}{self.host}{port}{'/' if self.path else ''}{self.path.lstrip('/')}"


def parse_address(text: str) -> Address:
    """``/folder``, ``sftp://user@host:port/folder``, ``s3://bucket/prefix?endpoint=…&region=…``.

    ``INVALID_PARAM`` for anything else, and for passwords in it: it is shown and logged.
    """
    if len(text) > ADDRESS_MAX or any(ord(char) < 32 for char in text):
        raise _bad(text, "too long, or with control characters")
    if text.startswith("/"):
        return Address("folder", text.rstrip("/") or "/")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise _bad(text, str(error)) from None
    if parts.scheme not in ("sftp", "s3") or not parts.hostname or parts.fragment:
        raise _bad(text, "it must be a folder (/…), sftp://user@host/folder, or s3://bucket/prefix")
    if parts.password is not None:
        raise CyfsError(ErrorCode.INVALID_PARAM, "a password has no place in the address of a backup; use a key file")
    path = unquote(parts.path).strip("/")
    if parts.scheme == "sftp":
        if parts.query:
            raise _bad(text, "sftp has no options after ?")
        user = unquote(parts.username) if parts.username else None
        return Address("sftp", "/" + path, parts.hostname, port, user)
    if port is not None or parts.username:
        raise _bad(text, "s3 has a bucket there; its server is named with ?endpoint=https://host:port")
    options = dict(parse_qsl(parts.query))
    unknown = options.keys() - {"endpoint", "region"}
    if unknown:
        raise _bad(text, f"unknown option {sorted(unknown)[0]!r}")
    # A bucket keeps its capitals, which hostname has lost.
    return Address("s3", path, parts.netloc, None, None, options.get("endpoint"), options.get("region"))


def _bad(text: str, why: str) -> CyfsError:
    return CyfsError(ErrorCode.INVALID_PARAM, f"no place for backups: {text.partition('?')[0][:200]!r}: {why}")
