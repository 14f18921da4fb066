"""The primality test decides as it must, and the generator takes its candidates in the protocol's order."""

from __future__ import annotations

import random
from collections.abc import Callable
from math import gcd

import pytest

from cyfs_edge.core import prime
from cyfs_edge.core.prime import find_prime, is_probable_prime


def stream_of(data: bytes) -> Callable[[int], bytes]:
    """Takes from ``data``, and fails beyond its end."""
    rest = memoryview(data)

    def take(size: int) -> bytes:
        nonlocal rest
        head, rest = bytes(rest[:size]), rest[size:]
        assert len(head) == size, "more was taken than the candidates need"
        return head

    return take


@pytest.mark.parametrize(
    "number",
    [
        65537,
        (1 << 61) - 1,
        (1 << 127) - 1,
        (1 << 255) - 19,
        (1 << 521) - 1,
        (1 << 1279) - 1,
        # many halvings: number - 1 is 2^n times something small
        3 * (1 << 534) + 1,
        0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141,
    ],
)
def test_primes_pass(number: int) -> None:
    assert is_probable_prime(number)


@pytest.mark.parametrize(
    "number",
    [
        16843009,  # a strong pseudoprime to base 2
        3215031751,  # … to 2, 3, 5 and 7
        3825123056546413051,  # … to the first nine primes
        318665857834031151167461,  # … to the first twelve
        3317044064679887385961981,  # … to the first thirteen
        294409,  # Carmichael numbers: Fermat's test with any base lets them pass
        56052361,
        118901521,
        (1 << 67) - 1,
        (1 << 521) - 3,
        ((1 << 127) - 1) * ((1 << 521) - 1),
        ((1 << 521) - 1) ** 2,
    ],
)
def test_composites_fail(number: int) -> None:
    assert not is_probable_prime(number)


def test_the_verdict_is_that_of_trial_division() -> None:
    for number in range(1_000_001, 1_002_001, 2):
        assert is_probable_prime(number) == all(number % factor for factor in range(3, 1002, 2)), number


def plain_find_prime(take: Callable[[int], bytes], bits: int) -> int:
    """The specification word for word, for whole bytes, and with nothing that saves time."""
    small = [3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53]
    while True:
        data = bytearray(take(bits // 8))
        data[0] |= 0xC0
        data[-1] |= 1
        number = int.from_bytes(data, "big")
        rest = number % 16294579238595022365
        for delta in range(0, 1 << 20, 2):
            if all((rest + delta) % factor for factor in small):
                number += delta
                break
        if number.bit_length() == bits and is_probable_prime(number):
            return number


@pytest.mark.parametrize("bits", [64, 128, 256, 512])
def test_the_sieve_changes_no_result(bits: int) -> None:
    data = random.Random(bits).randbytes(bits // 8 * 2000)
    fast, plain = stream_of(data), stream_of(data)
    for _ in range(3):
        assert find_prime(fast, bits, lambda tried: None) == plain_find_prime(plain, bits)


def test_a_candidate_moves_up_to_the_next_number_without_small_factors() -> None:
    found = (1 << 255) + (1 << 254)
    while gcd(found, 16294579238595022365 * 2) != 1 or not is_probable_prime(found):
        found += 1
    # The generator gets there from the even number before it only if no number between is free of small factors.
    start = found - 1
    assert find_prime(stream_of(start.to_bytes(32, "big")), 256, lambda tried: None) == found


def test_a_candidate_that_grows_a_bit_too_long_is_dropped() -> None:
    """Moving up from the highest number of that size leaves the size."""
    highest = bytes([0xFF]) * 32
    after = random.Random(5).randbytes(32 * 2000)
    assert gcd(int.from_bytes(highest, "big"), 16294579238595022365) != 1
    found = find_prime(stream_of(highest + after), 256, lambda tried: None)
    assert found == find_prime(stream_of(after), 256, lambda tried: None)


def test_every_costly_candidate_is_reported_before_it_is_tried() -> None:
    """And the sieve keeps most candidates from being costly."""
    take = stream_of(random.Random(1).randbytes(64 * 5000))
    costly = tried = 0
    for _ in range(5):
        seen: list[int] = []
        find_prime(take, 512, seen.append)
        assert seen == sorted(set(seen))
        costly += len(seen)
        tried += seen[-1]
    assert 0 < costly < 0.6 * tried


def test_gmpy2_finds_the_same_primes(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is taken where it is installed; no key may depend on that."""
    power = pytest.importorskip("gmpy2").powmod
    data = random.Random(2).randbytes(64 * 5000)
    found = []
    for one in (pow, power):
        monkeypatch.setattr(prime, "_modular_power", lambda one=one: one)
        take = stream_of(data)
        found.append([find_prime(take, 512, lambda tried: None) for _ in range(3)])
    assert found[0] == found[1]
    assert all(type(number) is int for number in found[1])
