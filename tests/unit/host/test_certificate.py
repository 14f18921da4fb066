"""The door's own certificate: made once, for its owner only, with all names; replaceable."""

from __future__ import annotations

import hashlib
import ssl
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.host.certificate import certificate_facts, door_certificate, own_certificate
from cyfs_edge.net.tls_listener import server_context
from cyfs_edge.wire.config import DoorConfig

NOW = datetime(2026, 11, 28, tzinfo=UTC)


def alternatives(path: Path) -> x509.SubjectAlternativeName:
    found = x509.load_pem_x509_certificate(path.read_bytes())
    return found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value


def test_it_is_made_once_and_readable_by_its_owner_only(tmp_path: Path) -> None:
    made = own_certificate(tmp_path, lambda: ["box.local", "böx", "192.0.2.9", "2001:db8::1"], NOW)
    for path in (made.cert, made.key):
        assert path.stat().st_mode & 0o777 == 0o600
    assert made.cert.parent.stat().st_mode & 0o777 == 0o700
    names = alternatives(made.cert)
    assert names.get_values_for_type(x509.DNSName) == ["localhost", "box.local"]
    addresses = [str(one) for one in names.get_values_for_type(x509.IPAddress)]
    assert addresses == ["192.0.2.9", "2001:db8::1"]
    assert made.self_signed
    facts = certificate_facts(tmp_path, DoorConfig())
    assert facts is not None
    assert str(facts["not_after"]).startswith("2046-")
    assert own_certificate(tmp_path, lambda: ["other"], NOW) == made
    assert sorted(path.name for path in made.cert.parent.iterdir()) == ["cert.pem", "key.pem"]
    der = ssl.PEM_cert_to_DER_cert(made.cert.read_text())
    assert made.fingerprint.replace(":", "").lower() == hashlib.sha256(der).hexdigest()
    server_context(str(made.cert), str(made.key))


def test_a_box_without_a_clock_makes_one_that_is_valid_now(tmp_path: Path) -> None:
    own_certificate(tmp_path, list, datetime(1970, 1, 1, tzinfo=UTC))
    facts = certificate_facts(tmp_path, DoorConfig())
    assert facts is not None
    assert str(facts["not_after"]) > "2040"


def test_a_key_without_its_certificate_is_replaced(tmp_path: Path) -> None:
    first = own_certificate(tmp_path, list, NOW)
    first.cert.unlink()
    second = own_certificate(tmp_path, list, NOW)
    assert second.fingerprint != first.fingerprint
    server_context(str(second.cert), str(second.key))


def test_the_configured_one_takes_its_place(tmp_path: Path) -> None:
    other = own_certificate(tmp_path / "other", lambda: ["x.example"], NOW)
    config = DoorConfig(cert=str(other.cert), key=str(other.key))
    root = tmp_path / "root"
    assert certificate_facts(root, DoorConfig()) is None
    assert door_certificate(root, config, NOW) == other
    assert not (root / "etc").exists()
    facts = certificate_facts(root, config)
    assert facts is not None
    assert facts["fingerprint"] == other.fingerprint


@pytest.mark.parametrize(
    "text", [None, "", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"]
)
def test_what_is_no_certificate_is_told(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "cert.pem"
    if text is not None:
        path.write_text(text)
    with pytest.raises(CyfsError) as caught:
        door_certificate(tmp_path, DoorConfig(cert=str(path), key=str(path)), NOW)
    assert caught.value.code == ErrorCode.INVALID_PARAM
    assert str(path) in caught.value.message
    with pytest.raises(CyfsError):
        server_context(str(path), str(path))
