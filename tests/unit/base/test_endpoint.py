"""Endpoints: text, flags, equality."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cyfs_edge.base.codec import Reader
from cyfs_edge.base.endpoint import Endpoint, EndpointArea, Protocol
from cyfs_edge.base.errors import CodecError, CyfsError, ErrorCode
from tests import strategies


@given(strategies.endpoints)
def test_endpoints_come_back_from_bytes_and_text(endpoint: Endpoint) -> None:
    for again in (
        Endpoint.decode(endpoint.encode()),
        Endpoint.decode(endpoint.encode(signed=True)),
        Endpoint.from_text(str(endpoint)),
    ):
        assert again == endpoint
        assert again.area == endpoint.area
    assert len(endpoint.encode()) == (7 if endpoint.address.version == 4 else 19)


@given(st.binary(max_size=24))
def test_any_bytes_are_an_endpoint_or_too_short(raw: bytes) -> None:
    reader = Reader(raw)
    needed = 7 if not raw or not raw[0] & 0x10 else 19
    if len(raw) < needed:
        with pytest.raises(CodecError) as caught:
            Endpoint.read(reader)
        assert caught.value.code == ErrorCode.OUT_OF_LIMIT
    else:
        endpoint = Endpoint.read(reader)
        assert reader.pos == needed
        assert Endpoint.decode(endpoint.encode()) == endpoint


@pytest.mark.parametrize(
    ("flags", "area", "protocol"),
    [
        (0b0000_1000, EndpointArea.LAN, Protocol.UNKNOWN),
        (0b0000_1110, EndpointArea.LAN, Protocol.TCP),
        (0b0000_1101, EndpointArea.DEFAULT, Protocol.UDP),
        (0b0100_1101, EndpointArea.WAN, Protocol.UDP),
        (0b1100_0100, EndpointArea.WAN, Protocol.UDP),
    ],
)
def test_which_flag_wins(flags: int, area: EndpointArea, protocol: Protocol) -> None:
    """Static WAN over default, tcp over udp; an address without family bit is IPv4."""
    endpoint = Endpoint.decode(bytes((flags, 0x50, 0)) + bytes((1, 2, 3, 4)))
    assert (endpoint.area, endpoint.protocol) == (area, protocol)
    assert (endpoint.address, endpoint.port) == (IPv4Address("1.2.3.4"), 80)


def test_mapped_wan_is_written_as_wan() -> None:
    mapped = Endpoint.from_text("M4udp8.8.4.4:1")
    assert mapped.area is EndpointArea.MAPPED_WAN
    assert str(Endpoint.decode(mapped.encode())) == "W4udp8.8.4.4:1"


def test_equality_ignores_the_area() -> None:
    assert len({Endpoint.from_text(f"{area}4tcp1.2.3.4:5") for area in "LDWM"}) == 1
    assert Endpoint.from_text("L4tcp1.2.3.4:5") != Endpoint.from_text("L4udp1.2.3.4:5")
    assert Endpoint.from_text("L4tcp1.2.3.4:5") != Endpoint.from_text("L4tcp1.2.3.4:6")


@pytest.mark.parametrize(
    ("address", "text"),
    [
        ("2001:db8:0:0:0:0:0:1", "W6tcp[2001:db8::1]:443"),
        ("::", "W6tcp[::]:443"),
        ("2001:0:0:1:0:0:0:1", "W6tcp[2001:0:0:1::1]:443"),
        ("::ffff:1.2.3.4", "W6tcp[::ffff:1.2.3.4]:443"),
    ],
)
def test_v6_addresses_are_written_in_rfc_5952_form(address: str, text: str) -> None:
    endpoint = Endpoint(EndpointArea.WAN, Protocol.TCP, IPv6Address(address), 443)
    assert str(endpoint) == text
    assert Endpoint.from_text(text) == endpoint


def test_the_unknown_protocol_prints_but_is_not_read() -> None:
    endpoint = Endpoint(EndpointArea.LAN, Protocol.UNKNOWN, IPv4Address("1.2.3.4"), 5)
    assert str(endpoint) == "L4unk1.2.3.4:5"
    with pytest.raises(CyfsError):
        Endpoint.from_text(str(endpoint))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "X4udp1.2.3.4:5",
        "L6udp1.2.3.4:5",
        "L4udp[::1]:5",
        "L4udp1.2.3:5",
        "L4udp1.2.3.256:5",
        "L4udp01.2.3.4:5",
        "L4udp1.2.3.4:65536",
        "L4udp1.2.3.4",
        "L4udp1.2.3.4:5 ",
        "L6udp::1:5",
        "L6udp[fe80::1%eth0]:5",
        "l4udp1.2.3.4:5",
        "L4udp1.2.3.4:٥",
    ],
)
def test_other_texts_are_invalid_input(text: str) -> None:
    with pytest.raises(CyfsError) as caught:
        Endpoint.from_text(text)
    assert caught.value.code == ErrorCode.INVALID_INPUT
