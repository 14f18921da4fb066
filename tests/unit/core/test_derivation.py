"""The steps of the derivation one by one: indices, paths, odd turns of the generator, progress, cancelling."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from cyfs_edge.base.keys import KeyKind
from cyfs_edge.core.derivation import (
    HARDENED,
    LEVELS,
    Network,
    Progress,
    derive_key,
    device_index,
    device_path,
    key_from_seed,
    people_path,
    people_seed,
    rsa_primes,
)
from cyfs_edge.core.prime import is_probable_prime

SEED = people_seed(bytes(range(16)))
EXPONENT = 65537


def take_from(*parts: bytes) -> Callable[[int], bytes]:
    rest = b"".join(parts)

    def take(size: int) -> bytes:
        nonlocal rest
        head, rest = rest[:size], rest[size:]
        return head

    return take


def text_of(path: tuple[int, ...]) -> str:
    return "/".join(["m", *(f"{step & ~HARDENED}'" if step & HARDENED else str(step) for step in path)])


def test_paths_are_those_of_the_clients() -> None:
    assert text_of(people_path(Network.MAIN)) == "m/809'/2'/0'/0/0"
    assert text_of(people_path(Network.BETA, account=3, index=4)) == "m/809'/2'/3'/2/4"
    assert text_of(device_path(Network.TEST, 28694)) == "m/809'/1'/0'/1/28694"


@pytest.mark.parametrize(
    ("unique_text", "index"),
    [
        ("00:15:5d:01:02:03", 28694),  # from the vectors
        ("aa:bb:cc:dd:ee:ff", 1636),
        ("", 0),
    ],
)
def test_the_device_index_comes_from_the_clients_hash(unique_text: str, index: int) -> None:
    if unique_text:
        assert device_index(unique_text) == index
    assert 0 <= device_index(unique_text) <= 33906


def test_the_device_index_takes_the_absolute_value_of_a_signed_hash() -> None:
    """Both signs occur; an unsigned hash would give indices up to 67813."""
    indices = [device_index(str(number)) for number in range(200)]
    assert max(indices) <= 33906
    assert min(indices) >= 0
    assert len(set(indices)) > 190


def test_a_password_gives_another_seed() -> None:
    assert people_seed(bytes(16), "x") != people_seed(bytes(16))


def test_same_seed_and_path_give_the_same_key_and_any_other_step_another() -> None:
    paths = [people_path(network, account, index) for network in Network for account in (0, 1) for index in (0, 1)]
    keys = {derive_key(SEED, path, KeyKind.SECP256K1).raw for path in paths}
    assert len(keys) == len(paths)
    assert derive_key(SEED, paths[0], KeyKind.SECP256K1).raw in keys


def test_hardened_and_normal_steps_differ() -> None:
    assert derive_key(SEED, (1,), KeyKind.SECP256K1) != derive_key(SEED, (1 | HARDENED,), KeyKind.SECP256K1)


def test_an_rsa3072_key_can_be_derived() -> None:
    """No vector has one; the key must at least work, and come out again."""
    key = key_from_seed(bytes(32), KeyKind.RSA3072)
    assert key.kind is KeyKind.RSA3072
    message = b"signed with a derived key"
    assert key.public().verify(message, key.sign(message), key.kind.signature_kind)


def prime_above(start: int, step: int = 2) -> int:
    while not is_probable_prime(start):
        start += step
    return start


def test_primes_that_leave_no_private_exponent_are_drawn_again() -> None:
    """p ≡ 1 modulo 65537 has no inverse of the exponent: the reference starts over with fresh primes."""
    bad = (3 << 510 | 1) // EXPONENT * EXPONENT + 1 + EXPONENT
    bad = prime_above(bad + EXPONENT * (bad % 2 == 0), 2 * EXPONENT)
    assert bad % EXPONENT == 1
    assert bad.bit_length() == 512
    other = prime_above(3 << 510 | 12345)
    rest = random.Random(3).randbytes(64 * 5000)
    fresh = rsa_primes(take_from(rest), 1024, lambda prime, tried: None)
    for first, second in ((bad, other), (other, bad)):
        head = first.to_bytes(64, "big") + second.to_bytes(64, "big")
        assert rsa_primes(take_from(head, rest), 1024, lambda prime, tried: None) == fresh


def test_equal_primes_are_drawn_again() -> None:
    one = prime_above(3 << 510 | 12345).to_bytes(64, "big")
    rest = random.Random(3).randbytes(64 * 5000)
    fresh = rsa_primes(take_from(rest), 1024, lambda prime, tried: None)
    assert rsa_primes(take_from(one, one, rest), 1024, lambda prime, tried: None) == fresh


def test_progress_goes_through_every_prime_of_every_level_in_order() -> None:
    seen: list[Progress] = []
    derive_key(SEED, people_path(Network.MAIN), KeyKind.RSA1024, seen.append)
    places = [(one.level, one.prime, one.tried) for one in seen]
    assert places == sorted(places)
    assert {(one.level, one.prime) for one in seen} == {
        (level, prime) for level in range(1, LEVELS + 1) for prime in (1, 2)
    }
    assert all(one.levels == LEVELS for one in seen)
    fractions = [one.fraction for one in seen]
    assert fractions == sorted(fractions)
    assert fractions[0] == 0
    assert fractions[-1] == 11 / 12


def test_progress_of_a_secp256k1_key_is_once_per_level() -> None:
    seen: list[Progress] = []
    derive_key(SEED, people_path(Network.MAIN), KeyKind.SECP256K1, seen.append)
    assert [one.level for one in seen] == list(range(1, LEVELS + 1))


class Cancelled(Exception):
    pass


def test_an_exception_from_progress_ends_the_derivation_at_once() -> None:
    calls = 0

    def cancel(progress: Progress) -> None:
        nonlocal calls
        calls += 1
        if progress.level == 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        derive_key(SEED, people_path(Network.MAIN), KeyKind.RSA1024, cancel)
    at_cancel = calls
    assert at_cancel > 1
    # Nothing is kept of it: the same derivation goes its full way afterwards.
    assert derive_key(SEED, people_path(Network.MAIN), KeyKind.SECP256K1).kind is KeyKind.SECP256K1
