"""Network endpoints of devices (docs/protocol/objects.md §1.6)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum
from ipaddress import IPv4Address, IPv6Address

from cyfs_edge.base.codec import Reader, Writer
from cyfs_edge.base.errors import CyfsError, ErrorCode

_DEFAULT, _TCP, _UDP, _IPV4, _IPV6, _WAN, _SIGNED = (1 << bit for bit in (0, 1, 2, 3, 4, 6, 7))
_TEXT = re.compile(r"([LDWM])([46])(tcp|udp)(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+)):([0-9]{1,5})", re.ASCII)

ENDPOINT_SIZE_MIN = 7


class EndpointArea(Enum):
    LAN = "L"
    DEFAULT = "D"
    WAN = "W"
    MAPPED_WAN = "M"
    """Written like ``WAN`` and therefore read back as it."""


class Protocol(Enum):
    UNKNOWN = "unk"
    TCP = "tcp"
    UDP = "udp"


_AREA_FLAGS = {
    EndpointArea.LAN: 0,
    EndpointArea.DEFAULT: _DEFAULT,
    EndpointArea.WAN: _WAN,
    EndpointArea.MAPPED_WAN: _WAN,
}
_PROTOCOL_FLAGS = {Protocol.UNKNOWN: 0, Protocol.TCP: _TCP, Protocol.UDP: _UDP}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Equality ignores the area."""

    area: EndpointArea = field(compare=False)
    protocol: Protocol
    address: IPv4Address | IPv6Address
    port: int

    @classmethod
    def read(cls, reader: Reader) -> Endpoint:
        """Static WAN wins over default, tcp over udp; without the IPv6 bit it is IPv4."""
        flags = reader.u8()
        port = reader.u16_le()
        address = IPv6Address(reader.take(16)) if flags & _IPV6 else IPv4Address(reader.take(4))
        area = EndpointArea.WAN if flags & _WAN else EndpointArea.DEFAULT if flags & _DEFAULT else EndpointArea.LAN
        protocol = Protocol.TCP if flags & _TCP else Protocol.UDP if flags & _UDP else Protocol.UNKNOWN
        return cls(area, protocol, address, port)

    def write(self, writer: Writer, *, signed: bool = False) -> None:
        """``signed``: the SignedEndpoint variant."""
        flags = _AREA_FLAGS[self.area] | _PROTOCOL_FLAGS[self.protocol]
        flags |= _IPV4 if self.address.version == 4 else _IPV6
        writer.u8(flags | _SIGNED if signed else flags).u16_le(self.port).raw(self.address.packed)

    def encode(self, *, signed: bool = False) -> bytes:
        writer = Writer()
        self.write(writer, signed=signed)
        return writer.getvalue()

    @classmethod
    def decode(cls, data: bytes) -> Endpoint:
        return cls.read(Reader(data))

    @classmethod
    def from_text(cls, text: str) -> Endpoint:
        """``L4udp127.0.0.1:8050``, ``W6tcp[2001:db8::1]:443``. Raises ``INVALID_INPUT``."""
        match = _TEXT.fullmatch(text)
        if match is None:
            raise CyfsError(ErrorCode.INVALID_INPUT, f"not an endpoint: {text!r}")
        area, family, protocol, v6, v4, port = match.groups()
        try:
            address = IPv4Address(v4) if v6 is None else IPv6Address(v6)
        except ValueError:
            raise CyfsError(ErrorCode.INVALID_INPUT, f"not an endpoint address: {text!r}") from None
        if address.version != int(family):
            raise CyfsError(ErrorCode.INVALID_INPUT, f"the family of the endpoint is not that of its address: {text!r}")
        if int(port) > 0xFFFF:
            raise CyfsError(ErrorCode.INVALID_INPUT, f"endpoint port out of range: {text!r}")
        return cls(EndpointArea(area), Protocol(protocol), address, int(port))

    def __str__(self) -> str:
        address = self.address
        host = str(address) if address.version == 4 else f"[{_ipv6_text(address)}]"
        return f"{self.area.value}{address.version}{self.protocol.value}{host}:{self.port}"


def _ipv6_text(address: IPv6Address) -> str:
    """RFC 5952; a mapped IPv4 address in dotted form (§5 there), which ``str`` does from Python 3.13 on only."""
    return str(address) if address.ipv4_mapped is None else f"::ffff:{address.ipv4_mapped}"
