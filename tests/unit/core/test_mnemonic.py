"""Recovery words: what BIP39 fixes, and what a person who mistypes one is told."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.core.mnemonic import entropy_from_words, word_list, words_from_entropy

WORDS = "bar cinnamon grow hungry lens danger treat artist hello seminar document gasp"
ENTROPY = bytes.fromhex("1265219c37a8026ef9f0686ad87101b0")


def refused(text: str) -> CyfsError:
    with pytest.raises(CyfsError) as caught:
        entropy_from_words(text)
    assert caught.value.code == ErrorCode.INVALID_FORMAT
    return caught.value


def test_the_word_list_is_the_english_one_of_bip39() -> None:
    text = "".join(f"{word}\n" for word in word_list())
    assert (
        hashlib.sha256(text.encode()).hexdigest() == "2f5eed53a4727b4bf8880d8f3f199efc90e58503646d9ff8eff3a2ed3b24dbda"
    )


@pytest.mark.parametrize(
    ("entropy", "words"),
    [
        ("00" * 16, "abandon " * 11 + "about"),
        ("7f" * 16, "legal winner thank year wave sausage worth useful legal winner thank yellow"),
        ("80" * 16, "letter advice cage absurd amount doctor acoustic avoid letter advice cage above"),
        ("ff" * 16, "zoo " * 11 + "wrong"),
        (
            "9e885d952ad362caeb4efe34a8e91bd2",
            "ozone drill grab fiber curtain grace pudding thank cruise elder eight picnic",
        ),
        (ENTROPY.hex(), WORDS),
    ],
)
def test_words_and_entropy_are_those_of_the_bip39_test_vectors(entropy: str, words: str) -> None:
    assert words_from_entropy(bytes.fromhex(entropy)) == words
    assert entropy_from_words(words).hex() == entropy


@given(st.binary(min_size=16, max_size=16))
def test_entropy_survives_the_way_through_words(entropy: bytes) -> None:
    words = words_from_entropy(entropy)
    assert entropy_from_words(words) == entropy
    assert entropy_from_words("  " + words.upper().replace(" ", " \t\n") + "\n") == entropy


@pytest.mark.parametrize("size", [0, 15, 17, 32])
def test_other_amounts_of_entropy_are_refused(size: int) -> None:
    with pytest.raises(CyfsError) as caught:
        words_from_entropy(bytes(size))
    assert caught.value.code == ErrorCode.INVALID_PARAM


@pytest.mark.parametrize("text", ["", "   ", "abandon", WORDS.rsplit(" ", 1)[0], WORDS + " gasp"])
def test_another_number_of_words_is_named(text: str) -> None:
    assert f"12 recovery words are needed, {len(text.split())} were given" in refused(text).message


def test_an_unknown_word_is_named_with_its_place_and_what_it_may_have_been() -> None:
    error = refused(WORDS.replace("cinnamon", "cinamon"))
    assert "word 2, 'cinamon', is not a recovery word" in error.message
    assert "cinnamon" in error.message
    assert (error.context["word"], error.context["position"]) == ("cinamon", 2)
    assert "cinnamon" in error.context["near"]


def test_an_unknown_word_like_no_other_is_named_without_a_guess() -> None:
    error = refused(WORDS.replace("grow", "xyzzyqq"))
    assert error.message == "word 3, 'xyzzyqq', is not a recovery word"
    assert error.context["near"] == []


def test_swapped_words_are_told_from_unknown_ones_by_the_checksum() -> None:
    first, second, rest = WORDS.split(" ", 2)
    assert "do not add up" in refused(f"{second} {first} {rest}").message


def test_a_wrong_word_passes_the_checksum_once_in_sixteen() -> None:
    """Four bits of checksum: 128 of the 2048 possible last words fit. More would mean that it is not looked at."""
    head = WORDS.rsplit(" ", 1)[0]
    fitting = 0
    for word in word_list():
        try:
            entropy_from_words(f"{head} {word}")
        except CyfsError:
            continue
        fitting += 1
    assert fitting == 128


@given(st.text(max_size=2000) | st.lists(st.sampled_from(word_list()), min_size=12, max_size=12).map(" ".join))
def test_any_text_gives_entropy_or_a_format_error(text: str) -> None:
    try:
        entropy = entropy_from_words(text)
    except CyfsError as error:
        code = error.code
    else:
        code = ErrorCode.INVALID_FORMAT
        assert words_from_entropy(entropy) == text
    assert code == ErrorCode.INVALID_FORMAT


def test_a_very_long_text_is_refused_without_being_looked_up() -> None:
    assert "12 recovery words" in refused("abandon " * 100_000).message
