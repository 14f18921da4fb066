"""Area of an object: country, carrier, city, inner (docs/protocol/objects.md §1.5)."""

from __future__ import annotations

from dataclasses import dataclass

from cyfs_edge.base.codec import Reader, Writer
from cyfs_edge.base.errors import CodecError, CyfsError, ErrorCode

COUNTRY_MAX = 0x1FF
CARRIER_MAX = 0xF
CITY_MAX = 0x1FFF


@dataclass(frozen=True, slots=True)
class Area:
    """country 9 bits, carrier 4, city 13, inner 8."""

    country: int = 0
    carrier: int = 0
    city: int = 0
    inner: int = 0

    def __post_init__(self) -> None:
        if not (
            0 <= self.country <= COUNTRY_MAX
            and 0 <= self.carrier <= CARRIER_MAX
            and 0 <= self.city <= CITY_MAX
            and 0 <= self.inner <= 0xFF
        ):
            raise CyfsError(ErrorCode.INVALID_FORMAT, f"area out of range: {self}")

    @classmethod
    def from_text(cls, text: str) -> Area:
        """``country:carrier:city:inner``, decimal; inner is read as u16 and cut to 8 bits."""
        parts = text.split(":")
        if len(parts) != 4 or not all(part.isascii() and part.isdigit() for part in parts):
            raise CyfsError(ErrorCode.INVALID_FORMAT, f"area must be four decimal numbers: {text!r}")
        country, carrier, city, inner = (int(part) for part in parts)
        if inner > 0xFFFF:
            raise CyfsError(ErrorCode.INVALID_FORMAT, f"inner part of the area is out of range: {text!r}")
        return cls(country, carrier, city, inner & 0xFF)

    def __str__(self) -> str:
        return f"{self.country}:{self.carrier}:{self.city}:{self.inner}"

    @classmethod
    def read(cls, reader: Reader) -> Area:
        start = reader.pos
        country, carrier, city_high, city, inner = reader.take(5)
        try:
            return cls(country | (city_high >> 7) << 8, carrier & 0xF, (city_high & 0x1F) << 8 | city, inner)
        except CyfsError as error:
            raise CodecError(error.code, error.message, start) from None

    def write(self, writer: Writer) -> None:
        high = self.city >> 8 | (self.country >> 8) << 7
        writer.raw(bytes((self.country & 0xFF, self.carrier, high, self.city & 0xFF, self.inner)))
