"""The certificate of the owner door: self-signed, made at the first start, valid for years (docs/door.md)."""

from __future__ import annotations

import hashlib
import ipaddress
import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.host.addresses import own_addresses
from cyfs_edge.wire.config import DoorConfig

if TYPE_CHECKING:
    from cryptography import x509

FOLDER = "etc/door"
CERT, KEY = "cert.pem", "key.pem"
VALID_YEARS = 20
"""A box without a network has nobody to renew it; who has pinned the fingerprint keeps it."""
_BACKDATED = timedelta(days=2)
# A box without a clock of its own may start in 1970.
_EARLIEST = datetime(2024, 1, 1, tzinfo=UTC)
NAMES_MAX = 64


@dataclass(frozen=True, slots=True)
class Certificate:
    """``fingerprint``: SHA-256 of the certificate, as browsers show it. ``self_signed``: nobody else vouches for it."""

    cert: Path
    key: Path
    fingerprint: str
    not_after: datetime
    self_signed: bool


def own_certificate(root: Path, names: Iterable[str], addresses: Iterable[str], now: datetime) -> Certificate:
    """That of ``root``, made when there is none. ``names``, ``addresses``: what it says beside ``localhost``."""
    cert, key = root / FOLDER / CERT, root / FOLDER / KEY
    if not (cert.exists() and key.exists()):
        _make(cert, key, names, addresses, max(now, _EARLIEST))
    return read_certificate(cert, key)


def read_certificate(cert: Path, key: Path) -> Certificate:
    """``INVALID_PARAM`` when the file holds no certificate."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    try:
        found = x509.load_pem_x509_certificate(cert.read_bytes())
        # Before cryptography 42 there is only the time without a zone.
        not_after = getattr(found, "not_valid_after_utc", None) or found.not_valid_after.replace(tzinfo=UTC)
    except (OSError, ValueError) as error:
        text = f"no certificate can be read from {cert}: {getattr(error, 'strerror', None) or error}"
        raise CyfsError(ErrorCode.INVALID_PARAM, text) from None
    digest = hashlib.sha256(found.public_bytes(Encoding.DER)).hexdigest().upper()
    fingerprint = ":".join(digest[at : at + 2] for at in range(0, len(digest), 2))
    return Certificate(cert, key, fingerprint, not_after, found.issuer == found.subject)


def door_certificate(root: Path, config: DoorConfig, names: Iterable[str], now: datetime) -> Certificate:
    """The one that the configuration names, else the door's own."""
    if config.cert is not None and config.key is not None:
        return read_certificate(Path(config.cert), Path(config.key))
    return own_certificate(root, (*config.names, *names), own_addresses(), now)


def certificate_facts(root: Path, config: DoorConfig) -> dict[str, object] | None:
    """What is told of the door's certificate; ``None`` while there is none."""
    cert, key = root / FOLDER / CERT, root / FOLDER / KEY
    if config.cert is not None and config.key is not None:
        cert, key = Path(config.cert), Path(config.key)
    elif not cert.exists():
        return None
    found = read_certificate(cert, key)
    return {
        "file": str(found.cert),
        "fingerprint": found.fingerprint,
        "not_after": found.not_after.isoformat(),
        "self_signed": found.self_signed,
    }


def _make(cert: Path, key: Path, names: Iterable[str], addresses: Iterable[str], now: datetime) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "cyfs-edge owner door")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before((now - _BACKDATED).replace(tzinfo=None))
        .not_valid_after((now + timedelta(days=365 * VALID_YEARS)).replace(tzinfo=None))
        .add_extension(x509.SubjectAlternativeName(_alternatives(names, addresses)), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(private, hashes.SHA256())
    )
    cert.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # The key first: a certificate without its key would never be replaced.
    _write(key, private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    _write(cert, made.public_bytes(Encoding.PEM))


def _alternatives(names: Iterable[str], addresses: Iterable[str]) -> list[x509.GeneralName]:
    from cryptography import x509

    found: list[x509.GeneralName] = []
    for name in dict.fromkeys(["localhost", *names]):
        try:
            found.append(x509.IPAddress(ipaddress.ip_address(name.strip("[]"))))
        except ValueError:
            # Names of other alphabets come in their ASCII form, or cannot be in a certificate.
            if name.isascii():
                found.append(x509.DNSName(name))
    for address in addresses:
        found.append(x509.IPAddress(ipaddress.ip_address(address)))
    return list(dict.fromkeys(found))[:NAMES_MAX]


def _write(path: Path, data: bytes) -> None:
    """In one step and durably; for its owner only."""
    beside = path.with_suffix(".new")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
