"""Filter expressions of router handlers (docs/protocol/websocket.md §6): read once, typed, then run on each request.

Reading is total: what the reference refuses, and what makes it abort, is ``INVALID_FORMAT``. An expression becomes a
list of steps on a stack, so neither reading nor running it recurses.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cyfs_edge.base.errors import CodecError, ErrorCode
from cyfs_edge.wire.filter_tokens import WORDS, Kind, Words
from cyfs_edge.wire.glob import Glob

FILTER_MAX = 4096
"""Characters of an expression."""
NONE = "$none"

Value = bool | int | str | Sequence[str] | None
Look = Callable[[str], Value]
"""Gives the value of a reserved word in the request at hand; ``None`` when it has none."""

_LEXER = re.compile(
    r"""\s+|(?P<operator>==|!=|<=|>=|&&|\|\||[<>!&|^()])|(?P<quoted>'[^'"]*'|"[^'"]*")|(?P<word>[\w.$*/\\-]+)"""
)
_PRIORITY = {"||": 1, "&&": 2, "|": 3, "^": 4, "&": 5, "==": 6, "!=": 6, "<": 7, "<=": 7, ">": 7, ">=": 7, "!": 8}
_ORDERS: dict[str, Callable[[int, int], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_BITS: dict[str, Callable[[int, int], int]] = {"&": operator.and_, "|": operator.or_, "^": operator.xor}
_BOOLS = {"true": True, "1": True, "false": False, "0": False}
_INTEGER = re.compile(r"(?:0x[0-9a-fA-F]+|0o[0-7]+|0b[01]+|\d+)", re.ASCII).fullmatch

_Step = Callable[[list[Value], Look], None]


@dataclass(slots=True)
class _Operand:
    """``kind`` ``None``: a constant, whose ``text`` gets its type from the other side. ``step``: its place."""

    kind: Kind | None
    step: int
    text: str
    offset: int


class Filter:
    """A good expression. ``text`` is as it came."""

    __slots__ = ("_steps", "text")

    def __init__(self, text: str, category: str) -> None:
        """``INVALID_FORMAT`` when it is none for this category."""
        self.text = text
        self._steps = [] if text.strip() == "*" else _Compiler(text, WORDS[category]).run()

    def matches(self, look: Look) -> bool:
        stack: list[Value] = [True]
        for step in self._steps:
            step(stack, look)
        return stack[-1] is True


class _Compiler:
    """Shunting-yard: operands become steps as they come, operators when their right side is complete."""

    __slots__ = ("_operands", "_operators", "_steps", "_text", "_words")

    def __init__(self, text: str, words: Words) -> None:
        self._text = text
        self._words = words
        self._steps: list[_Step] = []
        self._operands: list[_Operand] = []
        self._operators: list[tuple[str, int]] = []

    def run(self) -> list[_Step]:
        wants_operand = True
        for kind, text, offset in _lex(self._text):
            if kind == "word":
                if not wants_operand:
                    raise _bad(f"an operator is missing before {text!r}", offset)
                self._operand(text, offset)
                wants_operand = False
            elif text in ("(", "!"):
                if not wants_operand:
                    raise _bad(f"an operator is missing before {text!r}", offset)
                self._prefix(text, offset)
            elif wants_operand:
                raise _bad(f"an operand is missing before {text!r}", offset)
            elif text == ")":
                self._close(offset)
            else:
                while self._operators and _PRIORITY.get(self._operators[-1][0], 0) >= _PRIORITY[text]:
                    self._apply(*self._operators.pop())
                self._operators.append((text, offset))
                wants_operand = True
        if wants_operand:
            raise _bad("an operand is missing at the end", len(self._text))
        while self._operators:
            text, offset = self._operators.pop()
            if text == "(":
                raise _bad("a parenthesis is not closed", offset)
            self._apply(text, offset)
        if self._operands[0].kind is not Kind.BOOL:
            raise _bad("the expression is neither true nor false", 0)
        return self._steps

    def _operand(self, text: str, offset: int) -> None:
        kind = self._words.get(text)
        self._operands.append(_Operand(kind, len(self._steps), text, offset))
        self._steps.append(_load(text) if kind else _push(text))

    def _prefix(self, text: str, offset: int) -> None:
        if text == "!" and self._operators and self._operators[-1][0] == "!":
            self._operators.pop()
        else:
            self._operators.append((text, offset))

    def _close(self, offset: int) -> None:
        while self._operators:
            text, at = self._operators.pop()
            if text == "(":
                return
            self._apply(text, at)
        raise _bad("a parenthesis is not opened", offset)

    def _apply(self, text: str, offset: int) -> None:
        right = self._operands.pop()
        if text == "!":
            if right.kind is not Kind.BOOL and not (right.kind and right.kind.is_integer):
                raise _bad("'!' needs a word or expression that is a truth value or a number", offset)
            self._steps.append(_not)
            self._operands.append(_Operand(Kind.BOOL, right.step, "", offset))
            return
        left = self._operands.pop()
        kind = left.kind or right.kind
        if kind is None:
            raise _bad(f"two constants: {left.text!r} {text} {right.text!r}", offset)
        if left.kind is not None and right.kind is not None and left.kind is not right.kind:
            raise _bad(f"{left.text!r} and {right.text!r} have different types", offset)
        _check_operator(text, kind, offset)
        constant = left if left.kind is None else right if right.kind is None else None
        if constant is not None:
            self._steps[constant.step] = _push(self._constant(constant, kind, text))
        elif kind is Kind.GLOB:
            raise _bad(f"two globs: {left.text!r} {text} {right.text!r}", offset)
        self._steps.append(_binary(text))
        self._operands.append(_Operand(Kind.BOOL, left.step, "", offset))

    def _constant(self, operand: _Operand, kind: Kind, text: str) -> Value | Glob:
        value = operand.text
        if value == NONE and text in ("==", "!="):
            return None
        if kind is Kind.STRING:
            return value
        if kind is Kind.GLOB:
            return Glob(value)
        if kind is Kind.BOOL:
            if value not in _BOOLS:
                raise _bad(f"{value!r} is no truth value", operand.offset)
            return _BOOLS[value]
        if _INTEGER(value) is None or len(value) > 70:
            raise _bad(f"{value!r} is no number", operand.offset)
        number = int(value, 0) if value[:1] == "0" and value[1:2].isalpha() else int(value)
        if number >> int(kind.value):
            raise _bad(f"{value!r} does not fit into {kind.value} bits", operand.offset)
        return number


def _lex(text: str) -> list[tuple[str, str, int]]:
    """(``operator`` or ``word``, text, offset) of every token."""
    if len(text) > FILTER_MAX:
        raise _bad(f"longer than {FILTER_MAX} characters", FILTER_MAX)
    found: list[tuple[str, str, int]] = []
    at = 0
    while at < len(text):
        # A quote that is never closed is passed over, as the reference does: what follows are bare words.
        if text[at] in "'\"" and text[at] not in text[at + 1 :]:
            at += 1
            continue
        match = _LEXER.match(text, at)
        if match is None or not _is_bare(match["word"] or ""):
            raise _bad(f"unexpected {text[at]!r}", at)
        if match["operator"]:
            found.append(("operator", match["operator"], at))
        elif match["quoted"] is not None:
            found.append(("word", match["quoted"][1:-1], at))
        elif match["word"]:
            found.append(("word", match["word"], at))
        at = match.end()
    return found


def _is_bare(word: str) -> bool:
    """Letters must be ASCII; numeric characters of other scripts are allowed, as in the reference."""
    return all(letter.isascii() or letter.isnumeric() for letter in word)


def _check_operator(text: str, kind: Kind, offset: int) -> None:
    fits = text in ("==", "!=")
    if kind is Kind.BOOL:
        fits = fits or text in _ORDERS or text in ("&&", "||")
    elif kind.is_integer:
        fits = fits or text in _ORDERS or text in _BITS
    if not fits:
        raise _bad(f"{text!r} does not go with a {'number' if kind.is_integer else kind.value}", offset)


def _load(word: str) -> _Step:
    return lambda stack, look: stack.append(look(word))


def _push(value: Value | Glob) -> _Step:
    return lambda stack, look: stack.append(value)  # type: ignore[arg-type]  # a glob meets only its own operator


def _not(stack: list[Value], look: Look) -> None:
    value = stack.pop()
    stack.append(value is not None and not value)


def _binary(text: str) -> _Step:
    def step(stack: list[Value], look: Look) -> None:
        right, left = stack.pop(), stack.pop()
        stack.append(compute(left, right))

    compute = _COMPUTE[text]
    return step


def _equal(left: Value | Glob, right: Value | Glob) -> bool:
    if isinstance(left, Glob):
        left, right = right, left
    if isinstance(right, Glob):
        if left is None:
            return False
        return any(right.matches(item) for item in ([left] if isinstance(left, str) else left))  # type: ignore[union-attr]
    return left == right


def _ordered(text: str) -> Callable[[Value, Value], bool]:
    compare = _ORDERS[text]
    return lambda left, right: left is not None and right is not None and compare(left, right)  # type: ignore[arg-type]


def _bits(text: str) -> Callable[[Value, Value], bool]:
    combine = _BITS[text]
    return lambda left, right: left is not None and right is not None and combine(left, right) != 0  # type: ignore[arg-type]


_COMPUTE: dict[str, Callable[[Value, Value], bool]] = {
    "==": _equal,
    "!=": lambda left, right: not _equal(left, right),
    "&&": lambda left, right: left is True and right is True,
    "||": lambda left, right: left is True or right is True,
    **{text: _ordered(text) for text in _ORDERS},
    **{text: _bits(text) for text in _BITS},
}


def _bad(message: str, offset: int) -> CodecError:
    return CodecError(ErrorCode.INVALID_FORMAT, f"bad filter expression: {message}", offset)
