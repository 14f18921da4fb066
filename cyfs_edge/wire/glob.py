"""Globs of handler filters (docs/protocol/websocket.md §6.4), matched in linear steps: no pattern can make it slow.

``*`` and ``?`` stay within a path segment, ``**`` between slashes crosses them; ``[a-z]``, ``[!a]``, ``{a,b}``, ``\\x``
are known; case does not matter.
"""

from __future__ import annotations

from collections.abc import Callable

from cyfs_edge.base.errors import CyfsError, ErrorCode

PATTERN_MAX = 256
"""Characters of a pattern."""
VALUE_MAX = 1024
"""A longer value matches nothing but is no error."""
BRACES_MAX = 16
"""How deep braces may stand in one another."""

_Test = Callable[[str], bool]


class Glob:
    """A compiled pattern: a machine of states, all of which are followed at once."""

    __slots__ = ("_free", "_next", "_tests")

    def __init__(self, pattern: str) -> None:
        """``INVALID_FORMAT`` when the pattern is malformed."""
        if len(pattern) > PATTERN_MAX:
            raise _bad(pattern, f"longer than {PATTERN_MAX} characters")
        machine = _Compiler(pattern.lower())
        machine.run()
        self._tests, self._next, self._free = machine.tests, machine.next, machine.free

    def matches(self, value: str) -> bool:
        """Whether ``value`` fits, as it is or with a slash behind it."""
        if len(value) > VALUE_MAX:
            return False
        states = self._reach({0})
        last = len(self._tests) - 1
        for letter in value.lower():
            states = self._step(states, letter)
            if not states:
                return False
        return last in states or last in self._step(states, "/")

    def _step(self, states: set[int], letter: str) -> set[int]:
        tests = self._tests
        return self._reach({self._next[at] for at in states if (test := tests[at]) is not None and test(letter)})

    def _reach(self, states: set[int]) -> set[int]:
        waiting = list(states)
        while waiting:
            for other in self._free[waiting.pop()]:
                if other not in states:
                    states.add(other)
                    waiting.append(other)
        return states


class _Compiler:
    """States by number: one with a test reads a letter and goes to ``next``, and from each one may go on ``free``."""

    __slots__ = ("_at", "_braces", "_pattern", "free", "next", "tests")

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._at = 0
        self._braces: list[tuple[int, list[int]]] = []
        self.tests: list[_Test | None] = []
        self.next: list[int] = []
        self.free: list[list[int]] = []

    def _state(self, test: _Test | None, following: int = -1) -> int:
        """A new state, which goes on to the one after it unless told otherwise."""
        number = len(self.tests)
        self.tests.append(test)
        self.next.append(number + 1 if following < 0 else following)
        self.free.append([])
        return number

    def run(self) -> None:
        while self._at < len(self._pattern):
            letter = self._pattern[self._at]
            self._at += 1
            if letter == "*":
                self._stars()
            elif letter == "?":
                self._state(_not_slash)
            elif letter == "[":
                self._state(self._one_of())
            elif letter == "{":
                self._open()
            elif letter == "," and self._braces:
                self._alternative()
            elif letter == "}":
                self._close()
            else:
                self._state(_is(self._escaped() if letter == "\\" else letter))
        if self._braces:
            raise _bad(self._pattern, "a brace is not closed")
        self._state(None)

    def _escaped(self) -> str:
        if self._at == len(self._pattern):
            raise _bad(self._pattern, "it ends in a backslash")
        self._at += 1
        return self._pattern[self._at - 1]

    def _stars(self) -> None:
        start = self._at - 1
        while self._pattern[self._at : self._at + 1] == "*":
            self._at += 1
        before = self._pattern[start - 1] if start else "/"
        after = self._pattern[self._at : self._at + 1]
        if self._at - start != 2 or before not in "/{," or after not in ("", "/", ",", "}"):
            self._loop(_not_slash)
        elif after == "/":
            # With the slash behind it: nothing, or anything that ends in a slash.
            self._at += 1
            fork = self._state(None)
            self._loop(_any)
            slash = self._state(_is("/"))
            self.free[fork] += [fork + 1, slash + 1]
        else:
            self._loop(_any)

    def _loop(self, test: _Test) -> None:
        """Any number of characters that pass ``test``."""
        entry = self._state(None)
        again = self._state(test, entry)
        self.free[entry] += [again, again + 1]

    def _one_of(self) -> _Test:
        negated = self._pattern[self._at : self._at + 1] in ("!", "^") and self._at < len(self._pattern)
        self._at += negated
        end = self._pattern.find("]", self._at + 1)
        if end < 0:
            raise _bad(self._pattern, "a bracket is not closed")
        inside, self._at = self._pattern[self._at : end], end + 1
        ranges: list[tuple[str, str]] = []
        at = 0
        while at < len(inside):
            first = last = inside[at]
            if inside[at + 1 : at + 2] == "-" and at + 2 < len(inside):
                last = inside[at + 2]
                at += 2
            if first > last:
                raise _bad(self._pattern, f"the range {first}-{last} is empty")
            ranges.append((first, last))
            at += 1
        return lambda letter: any(first <= letter <= last for first, last in ranges) != negated

    def _open(self) -> None:
        if len(self._braces) == BRACES_MAX:
            raise _bad(self._pattern, f"more than {BRACES_MAX} braces in one another")
        fork = self._state(None)
        self.free[fork].append(fork + 1)
        self._braces.append((fork, []))

    def _alternative(self) -> None:
        fork, ends = self._braces[-1]
        ends.append(end := self._state(None))
        self.free[fork].append(end + 1)

    def _close(self) -> None:
        if not self._braces:
            raise _bad(self._pattern, "a brace is not opened")
        _, ends = self._braces.pop()
        last = self._state(None)
        for end in (*ends, last):
            self.free[end].append(last + 1)


def _any(letter: str) -> bool:
    return True


def _not_slash(letter: str) -> bool:
    return letter != "/"


def _is(wanted: str) -> _Test:
    return lambda letter: letter == wanted


def _bad(pattern: str, why: str) -> CyfsError:
    return CyfsError(ErrorCode.INVALID_FORMAT, f"bad glob {pattern[:100]!r}: {why}")
