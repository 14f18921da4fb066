"""Filter expressions: grammar, types, missing values, and refusal of all that is none (websocket.md §6)."""

from __future__ import annotations

import contextlib
import operator
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.wire.filter import FILTER_MAX, Filter, Value
from cyfs_edge.wire.filter_tokens import WORDS
from cyfs_edge.wire.handler import Category

REQUEST: dict[str, Value] = {
    "req_path": "/demo/call",
    "source.zone_category": "current-zone",
    "source.protocol": "http-local",
    "flags": 0x12,
    "obj_type": 32801,
    "object_id": "abc",
    "resp.result": "Accept",
}


def holds(text: str, category: str = "put_object", values: dict[str, Value] | None = None) -> bool:
    return Filter(text, category).matches((REQUEST if values is None else values).get)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("*", True),
        (" * ", True),
        ("obj_type == 32801 && source.zone_category != 'current-device'", True),
        ("req_path == '/demo/**'", True),
        ("(flags & 0x10) || object.owner == $none", True),
        ("obj_type==0x8021", True),
        ("obj_type == 0b1000000000100001", True),
        ("obj_type == 0o100041", True),
        ("32801 == obj_type", True),
        ("32800 < obj_type", True),
        ("obj_type < 32801", False),
        ("obj_type <= 32801", True),
        ("obj_type >= 32802", False),
        ("obj_type > 5 && obj_type < 6", False),
        ("flags & 1", False),
        ("flags | 0", True),
        ("flags ^ 0x12", False),
        ("!flags", False),
        ("!!(flags & 2)", True),
        ("!(flags & 2)", False),
        ("!(flags & 2) == false", True),
        ("source.protocol == http-local", True),
        ('source.protocol == "http-local"', True),
        ("source.protocol == 'HTTP-LOCAL'", False),
        ("req_path == /DEMO/*", True),
        ("req_path != /demo/*", False),
        ("'flags' == 0x12", True),
        ("flags == 1 || flags == 2 && flags == 3", False),
        ("flags == 18 || flags == 2 && flags == 3", True),
        ("(flags == 18 || flags == 2) && flags == 3", False),
        ("true == (flags == 18)", True),
        ("(flags == 18) != 0", True),
        ("object_id == object.owner", False),
        ("object.owner == $none", True),
        ("object.owner != $none", False),
        ("object_id == $none", False),
        ("object.owner == x", False),
        ("object.owner != x", True),
        ("object_id == 'abc", True),
        ("resp.result == Accept", True),
        ("resp.object_update_time > 5", False),
        ("resp.object_update_time <= 5", False),
        ("!resp.object_update_time", False),
        ("resp.object_update_time & 1", False),
        ("resp.error.code == 4", False),
        ("object_id == ''", False),
    ],
)
def test_what_holds(text: str, expected: bool) -> None:
    assert holds(text) is expected


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "(", ")", "()", "((flags == 1)", "flags == 1)", "flags", "!", "!object_id", "true", "!true"),
        *("flags = 1", "flags ==", "== 1", "flags 1", "flags == 1 2", "flags == == 1", "(*) && flags == 1"),
        *(
            "* && flags == 1",
            "1 == 1",
            "a == b",
            "flags == x",
            "flags == -1",
            "flags == 4294967296",
            "obj_type == 65536",
        ),
        *("object_id < 5", "object_id & 1", "req_path < a", "flags && flags == 1", "object_id && flags == 1"),
        *("flags == object_id", "obj_type == flags", "req_path == req_path", "object_id < $none", "flags & $none"),
        *("a?b", "object_id == a:b", "object_id == a,b", "object_id == {a}", "object_id == 'a\"b'", "object_id == ä"),
        *("error.code == 4", "inner_path == a", "req_path == '[a'", "resp.result == Accept &&", "$none == $none"),
        "flags == 0x",
        "flags == 1 & 1 == 1",
        "object_id == " + "a" * FILTER_MAX,
    ],
)
def test_what_is_refused(text: str) -> None:
    """With one code, where the reference may refuse or abort."""
    with pytest.raises(CyfsError) as caught:
        Filter(text, "put_object")
    assert caught.value.code == ErrorCode.INVALID_FORMAT


def test_an_expression_nested_to_the_limit_is_read_and_run() -> None:
    """Neither does recurse: as many parentheses, or operators, as the length allows."""
    deep = FILTER_MAX // 2 - 10
    assert holds("(" * deep + "flags == 18" + ")" * deep)
    assert holds("flags == 18" + " && flags == 18" * ((FILTER_MAX - 20) // 15))
    assert holds("!" * 2000 + "(flags == 18)")
    with pytest.raises(CyfsError):
        Filter("(" * FILTER_MAX, "put_object")


def test_a_list_fits_when_any_element_does() -> None:
    values: dict[str, Value] = {"referer_object": ["/a", "/b/c"]}
    assert holds("referer_object == '/b/*'", "get_data", values)
    assert not holds("referer_object == '/c/*'", "get_data", values)
    assert holds("referer_object == $none", "get_data", {})


def test_every_category_has_its_words() -> None:
    assert {category.value for category in Category} <= set(WORDS)
    assert holds("resp.valid", "verify_object", {"resp.valid": True})
    assert not holds("resp.valid", "verify_object", {})
    assert holds("resp.action == true", "acl", {"resp.action": True})


COMPARE: dict[str, Callable[[int, int], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
leaf = st.tuples(st.sampled_from(sorted(COMPARE)), st.integers(0, 3), st.integers(0, 3))
trees = st.recursive(
    leaf, lambda inner: st.tuples(st.sampled_from(["&&", "||", "!", "=="]), inner, inner), max_leaves=12
)


@given(tree=trees)
def test_random_expressions_mean_what_python_means(tree: tuple[str, object, object]) -> None:
    """Against a plain evaluation of the same tree, written out with every parenthesis."""

    def text_of(node: tuple[str, object, object]) -> str:
        name, left, right = node
        if isinstance(left, int):
            return f"({'flags' if left % 2 else 'obj_type'} {name} {right})"
        if name == "!":
            return f"!{text_of(left)}"  # type: ignore[arg-type]
        return f"({text_of(left)} {name} {text_of(right)})"  # type: ignore[arg-type]

    def value_of(node: tuple[str, object, object]) -> bool:
        name, left, right = node
        if isinstance(left, int):
            assert isinstance(right, int)
            return COMPARE[name](1 if left % 2 else 2, right)
        if name == "!":
            return not value_of(left)  # type: ignore[arg-type]
        first, second = value_of(left), value_of(right)  # type: ignore[arg-type]
        return {"&&": first and second, "||": first or second, "==": first == second}[name]

    assert holds(text_of(tree), values={"flags": 1, "obj_type": 2}) is value_of(tree)


@given(st.text("()!&|^=<>'\" flags$none.obj_typ*/1x", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(CyfsError):
        holds(text)
