"""``access show|grant|revoke`` on a real store."""

from __future__ import annotations

from pathlib import Path

import pytest

from cyfs_edge.base.ids import make_object_id
from tests.unit.cli.conftest import Cli

DEC = make_object_id(bytes(range(32)), 400)
CALLER = make_object_id(bytes(range(1, 33)), 400)


def test_rules_are_shown_in_their_order_and_revoked_one_by_one(cli: Cli, root: Path) -> None:
    of_dec = ("--dec", DEC, "--root", root)
    assert "No rules" in cli("access", "show", *of_dec).out
    assert cli("access", "grant", "/posts", "rwxrwxr--r--rwxr--", *of_dec).code == 0
    assert cli("access", "grant", "/posts", "r-x", "--caller-dec", CALLER, *of_dec).code == 0
    assert cli("access", "grant", "/posts/secret", "handler", *of_dec).code == 0
    rules = cli("access", "show", *of_dec, "--json").json
    assert rules["access"] == [
        {"path": "/posts/secret/", "access": "Handler"},
        {
            "path": "/posts/",
            "access": {"Specified": {"zone": None, "zone_category": None, "dec": str(CALLER), "access": 5}},
        },
        {"path": "/posts/", "access": {"Default": 0o474477}},
    ]
    text = cli("access", "show", *of_dec).out.splitlines()
    assert [line.split()[0] for line in text[1:]] == ["/posts/secret/", "/posts/", "/posts/"]
    assert text[3].split() == ["/posts/", "everybody", "rwxrwxr--r--rwxr--"]
    # Each revoke takes the rule for those callers and no other.
    assert cli("access", "revoke", "/posts", *of_dec).code == 0
    left = cli("access", "show", *of_dec, "--json").json["access"]
    assert left == rules["access"][:2]
    assert cli("access", "revoke", "/posts", *of_dec).code == 3
    removed = cli("access", "revoke", "/posts", "--caller-dec", CALLER, *of_dec, "--json").json
    assert removed["item"] == rules["access"][1]
    assert cli("access", "revoke", "/posts/secret", "--handler", *of_dec).code == 0
    assert cli("access", "show", *of_dec, "--json").json["access"] == []


def test_the_same_rule_again_changes_nothing_and_other_rights_do(cli: Cli, root: Path) -> None:
    arguments = ("access", "grant", "/x", "--zone-category", "friend-zone", "--dec", DEC, "--root", root, "--json")
    assert [cli(*arguments, rights).json["updated"] for rights in ("r--", "r--", "4", "rw-")] == [
        True,
        False,
        False,
        True,
    ]
    assert len(cli("access", "show", "--dec", DEC, "--root", root, "--json").json["access"]) == 1


def test_the_two_states_have_rules_of_their_own(cli: Cli, root: Path) -> None:
    cli("access", "grant", "/x", "0o777777", "--category", "local-cache", "--dec", DEC, "--root", root)
    assert cli("access", "show", "--dec", DEC, "--root", root, "--json").json["access"] == []
    cached = cli("access", "show", "--dec", DEC, "--category", "local-cache", "--root", root, "--json").json
    assert cached["access"] == [{"path": "/x/", "access": {"Default": 0o777777}}]


@pytest.mark.parametrize(
    "arguments",
    [
        ["grant", "/x", "zzz"],
        ["grant", "/x", "0o7777777"],
        ["grant", "x", "0"],
        ["grant", "/x", "8", "--caller-dec", str(CALLER)],
        ["grant", "/x", "rwxrwx", "--caller-dec", str(CALLER)],
        ["grant", "/x", "handler", "--caller-dec", str(CALLER)],
        ["grant", "/x", "0", "--zone", "nobody"],
        ["revoke", "/x", "--zone-category", "all"],
        ["show", "--dec", "nobody"],
    ],
    ids=" ".join,
)
def test_wrong_use_is_exit_code_2(cli: Cli, root: Path, arguments: list[str]) -> None:
    assert cli("access", *arguments, "--root", root).code == 2
