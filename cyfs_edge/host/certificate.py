"""The certificate of the owner door: self-signed, made at the first start, valid for years (docs/door.md)."""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.host.addresses import own_addresses, own_names
from cyfs_edge.host.whole_file import write_whole
from cyfs_edge.wire.config import DoorConfig

if TYPE_CHECKING:
    from cryptography import x509

FOLDER = "etc/door"
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
    self_signed: bool


def own_certificate(root: Path, names: Callable[[], Iterable[str]], now: datetime) -> Certificate:
    """That of ``root``, made when there is none. ``names``: what it says beside ``localhost``, addresses included."""
    cert, key = _own_files(root)
    if not (cert.exists() and key.exists()):
        _make(cert, key, names(), max(now, _EARLIEST))
    # Read without the libraries that it takes to make one: most starts make none.
    return Certificate(cert, key, _fingerprint(_der_of(cert)), True)


def door_certificate(root: Path, config: DoorConfig, now: datetime) -> Certificate:
    """The one that the configuration names, else the door's own. ``INVALID_PARAM`` when it cannot be read."""
    if config.cert is not None and config.key is not None:
        cert, key = Path(config.cert), Path(config.key)
        self_signed, _ = _look(cert)
        return Certificate(cert, key, _fingerprint(_der_of(cert)), self_signed)
    return own_certificate(root, lambda: (*config.names, *own_names(), *own_addresses()), now)


def certificate_facts(root: Path, config: DoorConfig) -> dict[str, object] | None:
    """What is told of the door's certificate; ``None`` while there is none."""
    cert = _own_files(root)[0] if config.cert is None else Path(config.cert)
    if config.cert is None and not cert.exists():
        return None
    self_signed, not_after = _look(cert)
    return {
        "file": str(cert),
        "fingerprint": _fingerprint(_der_of(cert)),
        "not_after": not_after.isoformat(),
        "self_signed": self_signed,
    }


def _own_files(root: Path) -> tuple[Path, Path]:
    return root / FOLDER / "cert.pem", root / FOLDER / "key.pem"


def _der_of(cert: Path) -> bytes:
    """The first certificate of a PEM file."""
    import ssl

    try:
        text = cert.read_text("ascii")
        begin = text.index("-----BEGIN CERTIFICATE-----")
        end = "-----END CERTIFICATE-----"
        return ssl.PEM_cert_to_DER_cert(text[begin : text.index(end, begin) + len(end)] + "\n")
    except (OSError, ValueError) as error:
        raise _unreadable(cert, error) from None


def _fingerprint(der: bytes) -> str:
    digest = hashlib.sha256(der).hexdigest().upper()
    return ":".join(digest[at : at + 2] for at in range(0, len(digest), 2))


def _look(cert: Path) -> tuple[bool, datetime]:
    """Whether it has signed itself, and until when it is valid."""
    from cryptography import x509

    try:
        found = x509.load_der_x509_certificate(_der_of(cert))
        # Before cryptography 42 there is only the time without a zone.
        not_after = getattr(found, "not_valid_after_utc", None) or found.not_valid_after.replace(tzinfo=UTC)
    except ValueError as error:
        raise _unreadable(cert, error) from None
    return found.issuer == found.subject, not_after


def _unreadable(cert: Path, error: Exception) -> CyfsError:
    reason = getattr(error, "strerror", None) or str(error)
    return CyfsError(ErrorCode.INVALID_PARAM, f"no certificate can be read from {cert}: {reason}")


def _make(cert: Path, key: Path, names: Iterable[str], now: datetime) -> None:
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
        .add_extension(x509.SubjectAlternativeName(_alternatives(names)), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(private, hashes.SHA256())
    )
    cert.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # The key first: a certificate without its key would never be replaced.
    write_whole(key, private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), 0o600)
    write_whole(cert, made.public_bytes(Encoding.PEM), 0o600)


def _alternatives(names: Iterable[str]) -> list[x509.GeneralName]:
    from cryptography import x509

    found: list[x509.GeneralName] = []
    for name in dict.fromkeys(["localhost", *names]):
        try:
            found.append(x509.IPAddress(ipaddress.ip_address(name.strip("[]"))))
        except ValueError:
            # Names of other alphabets come in their ASCII form, or cannot be in a certificate.
            if name.isascii():
                found.append(x509.DNSName(name))
    return list(dict.fromkeys(found))[:NAMES_MAX]
