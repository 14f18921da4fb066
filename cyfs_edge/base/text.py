"""Base58 (Bitcoin alphabet) and base36 text of byte strings (docs/protocol/objects.md §2.3)."""

from __future__ import annotations

from cyfs_edge.base.errors import CodecError, ErrorCode

_ALPHABET58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_ALPHABET36 = "0123456789abcdefghijklmnopqrstuvwxyz"
_VALUES58 = {char: value for value, char in enumerate(_ALPHABET58)}
_VALUES36 = {char: value for value, char in enumerate(_ALPHABET36)} | {
    char.upper(): value for value, char in enumerate(_ALPHABET36)
}
# Two digits a step, and ten digits a limb that fits a machine word: several times faster than digit by digit.
_PAIRS58 = [high + low for high in _ALPHABET58 for low in _ALPHABET58]
_LIMB58 = 58**10
_PAIR58 = 58 * 58

TEXT_MAX = 1024
"""Longest text that is decoded: the cost grows with the square of the length."""


def encode_base58(data: bytes) -> str:
    number = int.from_bytes(data, "big")
    parts: list[str] = []
    while number:
        number, limb = divmod(number, _LIMB58)
        for _ in range(5):
            limb, pair = divmod(limb, _PAIR58)
            parts.append(_PAIRS58[pair])
    parts.reverse()
    return "1" * _leading_zeros(data) + "".join(parts).lstrip("1")


def encode_base36(data: bytes) -> str:
    number = int.from_bytes(data, "big")
    digits: list[str] = []
    while number:
        number, digit = divmod(number, 36)
        digits.append(_ALPHABET36[digit])
    digits.reverse()
    return "0" * _leading_zeros(data) + "".join(digits)


def decode_base58(text: str) -> bytes:
    """Raises ``INVALID_FORMAT`` at the first wrong character."""
    return _decode(text, _VALUES58, 58, "1")


def decode_base36(text: str) -> bytes:
    """Case insensitive. Raises ``INVALID_FORMAT`` at the first wrong character."""
    return _decode(text, _VALUES36, 36, "0")


def _decode(text: str, values: dict[str, int], base: int, zero: str) -> bytes:
    if len(text) > TEXT_MAX:
        raise CodecError(ErrorCode.INVALID_FORMAT, f"base{base} text of {len(text)} characters is too long", TEXT_MAX)
    number = 0
    try:
        for char in text:
            number = number * base + values[char]
    except KeyError as error:
        raise CodecError(
            ErrorCode.INVALID_FORMAT, f"not a base{base} character: {error.args[0]!r}", text.index(error.args[0])
        ) from None
    zeros = len(text) - len(text.lstrip(zero))
    return bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8, "big")


def _leading_zeros(data: bytes) -> int:
    return len(data) - len(data.lstrip(b"\0"))
