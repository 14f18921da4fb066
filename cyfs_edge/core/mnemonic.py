"""Recovery words: BIP39, English, twelve of them (docs/protocol/objects.md §8)."""

from __future__ import annotations

import hashlib
from functools import cache

from cyfs_edge.base.errors import CyfsError, ErrorCode

WORD_COUNT = 12
ENTROPY_SIZE = 16
"""Bytes of randomness behind the words."""

_WORD_BITS = 11
_CHECK_BITS = 4
_TEXT_MAX = 1024


@cache
def word_list() -> tuple[str, ...]:
    """The 2048 English words of BIP39, in order."""
    from importlib.resources import files

    return tuple(files("cyfs_edge.core").joinpath("english.txt").read_text("ascii").split())


@cache
def _positions() -> dict[str, int]:
    return {word: position for position, word in enumerate(word_list())}


def words_from_entropy(entropy: bytes) -> str:
    """The words of 16 bytes of good randomness, which the caller hands in; separated by single spaces."""
    if len(entropy) != ENTROPY_SIZE:
        raise CyfsError(ErrorCode.INVALID_PARAM, f"twelve words carry {ENTROPY_SIZE} bytes, not {len(entropy)}")
    bits = int.from_bytes(entropy, "big") << _CHECK_BITS | _checksum(entropy)
    words = word_list()
    shifts = range(_WORD_BITS * (WORD_COUNT - 1), -1, -_WORD_BITS)
    return " ".join(words[bits >> shift & len(words) - 1] for shift in shifts)


def entropy_from_words(text: str) -> bytes:
    """The 16 bytes behind twelve words. Case and extra white space do not matter: only these bytes enter the
    derivation.

    Raises ``INVALID_FORMAT``: for another number of words, an unknown word (named, with its place and the words it may
    have been: ``context`` has ``word``, ``position`` from 1, ``near``), or a wrong checksum.
    """
    words = text[: _TEXT_MAX + 1].lower().split()
    if len(text) > _TEXT_MAX or len(words) != WORD_COUNT:
        raise CyfsError(
            ErrorCode.INVALID_FORMAT, f"{WORD_COUNT} recovery words are needed, {len(text.split())} were given"
        )
    bits = 0
    for position, word in enumerate(words, 1):
        value = _positions().get(word)
        if value is None:
            raise _unknown_word(word, position)
        bits = bits << _WORD_BITS | value
    entropy = (bits >> _CHECK_BITS).to_bytes(ENTROPY_SIZE, "big")
    if bits & (1 << _CHECK_BITS) - 1 != _checksum(entropy):
        raise CyfsError(
            ErrorCode.INVALID_FORMAT,
            "these are recovery words, but together they do not add up: one is mistaken, or two are swapped",
        )
    return entropy


def _checksum(entropy: bytes) -> int:
    return hashlib.sha256(entropy).digest()[0] >> 8 - _CHECK_BITS


def _unknown_word(word: str, position: int) -> CyfsError:
    from difflib import get_close_matches

    near = get_close_matches(word[:16], word_list(), n=3)
    hint = f"; did you mean {' or '.join(near)}?" if near else ""
    return CyfsError(
        ErrorCode.INVALID_FORMAT,
        f"word {position}, {word[:32]!r}, is not a recovery word{hint}",
        word=word,
        position=position,
        near=near,
    )
