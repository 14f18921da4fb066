"""Primes for RSA keys from a stream of bytes, the way of Go's ``rand.Prime`` (docs/protocol/objects.md §8).

Which numbers are tried, and in which order, is part of the protocol: the same stream must give the same key everywhere.
How a candidate is found not to be prime is not, so the cheap tests come first here; they only throw out what the full
test would.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from math import gcd, isqrt, prod
from typing import cast

Tick = Callable[[int], None]
"""Called with the number of candidates tried so far, before each one that costs a modular power."""

_SMALL_PRODUCT = 16294579238595022365
"""3 · 5 · … · 53: a candidate moves up, by even steps, until it has none of these factors."""
_DELTA_END = 1 << 20
_BASES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71)
"""The twenty rounds. Candidates are random, so fixed bases do as well as random ones."""
_SIEVE_END = 1 << 14
"""With fewer primes more candidates cost a modular power, with more the gcd costs what it saves (docs/identity.md)."""


def find_prime(take: Callable[[int], bytes], bits: int, tick: Tick) -> int:
    """The stream's next prime of exactly ``bits`` bits (64 or more, whole bytes). ``take(n)``: its next n bytes."""
    # The two highest bits, so that a product of two primes has full length, and the lowest.
    always = (3 << bits - 2) | 1
    tried = 0
    while True:
        candidate = int.from_bytes(take(bits // 8), "big") | always
        rest = candidate % _SMALL_PRODUCT
        candidate += next((delta for delta in range(0, _DELTA_END, 2) if gcd(rest + delta, _SMALL_PRODUCT) == 1), 0)
        tried += 1
        if candidate.bit_length() == bits and gcd(candidate, _sieve()) == 1:
            tick(tried)
            if is_probable_prime(candidate):
                return candidate


def is_probable_prime(number: int) -> bool:
    """Miller-Rabin of an odd number above 2^14, 20 rounds. Nearly all composites fail in the first."""
    power = _modular_power()
    halvings = (number - 1 & 1 - number).bit_length() - 1
    odd = number - 1 >> halvings
    for base in _BASES:
        value = power(base, odd, number)
        if value in (1, number - 1):
            continue
        for _ in range(halvings - 1):
            value = value * value % number
            if value == number - 1:
                break
        else:
            return False
    return True


@cache
def _sieve() -> int:
    """The product of the primes from 59 up to 2^14."""
    is_prime = bytearray(b"\1") * _SIEVE_END
    for number in range(3, isqrt(_SIEVE_END) + 1, 2):
        if is_prime[number]:
            is_prime[number * number :: number] = bytes(len(range(number * number, _SIEVE_END, number)))
    return prod(number for number in range(59, _SIEVE_END, 2) if is_prime[number])


@cache
def _modular_power() -> Callable[[int, int, int], int]:
    """``pow``, or gmpy2's, which is seven to eight times as fast, where it is installed. The results are the same."""
    try:
        return cast("Callable[[int, int, int], int]", import_module("gmpy2").powmod)
    except ImportError:
        return pow
