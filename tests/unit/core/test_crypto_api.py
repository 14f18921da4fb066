"""crypto calls on a whole node in memory (http-api §9, objects §4, §5.4)."""

from __future__ import annotations

import json

import pytest

from cyfs_edge.base.aes import AesKey, decrypt_aeskey
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.base.signatures import RefIndex, verify
from cyfs_edge.objects.core.dec_app import SYSTEM_DEC_ID
from cyfs_edge.objects.core.text_storage import make_text
from cyfs_edge.objects.envelope import NamedObject, decode_object
from tests.node import DEC, DEVICE, NOW, OBJECTS, PEOPLE, Node, Reply

SYSTEM = str(SYSTEM_DEC_ID)


def text_of(owner: str) -> NamedObject:
    return make_text("id", "header", "value", owner=ObjectId.from_text(owner), update_time=NOW)


async def crypto(node: Node, call: str, body: bytes = b"", dec: str = SYSTEM, **headers: str) -> Reply:
    extra = {f"cyfs-{key.replace('_', '-')}": value for key, value in headers.items()}
    return await node.send("POST", f"/crypto/{call}", {"cyfs-dec-id": dec, **extra}, body)


@pytest.mark.parametrize(
    ("owner", "index"),
    [(DEVICE, 254), (PEOPLE, 252)],
    ids=["its own object: owner", "its owner's object: first OOD of the zone"],
)
async def test_the_device_signs_and_names_itself(node: Node, owner: str, index: int) -> None:
    reply = await crypto(node, "sign", text_of(owner).raw, crypto_flags="28")
    assert reply.headers["cyfs-sign-ret"] == "signed"
    signed = decode_object(reply.body)
    key = node.identity.device.desc.public_key
    for digest, signs in ((signed.desc_hash, signed.desc_signs), (signed.body_hash, signed.body_signs)):
        assert digest is not None
        assert signs is not None
        assert [sign.source for sign in signs] == [RefIndex(index)]
        assert verify(key, digest, signs[0])  # type: ignore[arg-type]


async def test_old_name_of_the_flags_header(node: Node) -> None:
    """SDK 0.5.8 sends ``cyfs-sign-flags``."""
    reply = await crypto(node, "sign", text_of(DEVICE).raw, sign_flags="12")
    assert decode_object(reply.body).body_signs is None
    assert decode_object(reply.body).desc_signs is not None


async def test_owner_signatures_are_pending(node: Node) -> None:
    """The owner's key is not on the box."""
    reply = await crypto(node, "sign", text_of(PEOPLE).raw, crypto_flags="26")
    assert (reply.status, reply.headers["cyfs-sign-ret"], reply.body) == (200, "pending", b"")


async def test_sign_compares_the_named_object(node: Node) -> None:
    reply = await crypto(node, "sign", text_of(DEVICE).raw, crypto_flags="28", object_id=PEOPLE)
    assert (reply.status, reply.code) == (500, 28)


@pytest.mark.parametrize(("call", "code"), [("sign", 12), ("decrypt", 12), ("verify", 0), ("encrypt", 0)])
async def test_ordinary_decs_may_verify_and_encrypt_only(node: Node, call: str, code: int) -> None:
    signed = (await crypto(node, "sign", text_of(DEVICE).raw, crypto_flags="28")).body
    headers = {
        "sign": {"crypto_flags": "28"},
        "verify": {"sign_type": "both", "verify_type": "owner"},
        "encrypt": {"encrypt_type": "encrypt_data", "crypto_flags": "4"},
        "decrypt": {"decrypt_type": "decrypt_data", "crypto_flags": "4"},
    }[call]
    assert (
        await crypto(node, call, signed if call in ("sign", "verify") else b"data", dec=DEC, **headers)
    ).code == code


async def verified(node: Node, raw: bytes, **headers: str) -> object:
    reply = await crypto(node, "verify", raw, **headers)
    assert reply.status == 200, reply.body
    return reply.json["result"]


async def test_verify_by_owner_object_own_and_listed_signatures(node: Node) -> None:
    signed = (await crypto(node, "sign", text_of(DEVICE).raw, crypto_flags="28")).body
    by_device = [{"index": "0", "sign_object_id": DEVICE, "valid": True}]
    good = {"body_signs": by_device, "desc_signs": by_device, "valid": True}
    assert await verified(node, signed, sign_type="both", verify_type="owner") == good
    assert await verified(node, signed, sign_type="both", verify_type="object", sign_obj_id=DEVICE) == good
    raw_signer = node.identity.device.raw.hex()
    headers = {"sign_obj_id": DEVICE, "sign_obj": raw_signer}
    assert await verified(node, signed, sign_type="both", verify_type="object", **headers) == good
    lists = json.dumps({"desc_signs": [0], "body_signs": [0]})
    assert await verified(node, signed, sign_type="both", verify_type="sign", verify_signs=lists) == good
    own = await verified(node, bytes(node.identity.owner.raw), sign_type="both", verify_type="own")  # type: ignore[union-attr]
    by_people = [{"index": "0", "sign_object_id": PEOPLE, "valid": True}]
    assert own == {"body_signs": by_people, "desc_signs": by_people, "valid": True}


async def test_a_wrong_signer_and_a_changed_body_do_not_verify(node: Node) -> None:
    signed = (await crypto(node, "sign", text_of(DEVICE).raw, crypto_flags="28")).body
    bad = {"body_signs": [], "desc_signs": [], "valid": False}
    assert await verified(node, signed, sign_type="both", verify_type="object", sign_obj_id=PEOPLE) == bad
    changed = signed.replace(b"value", b"VALUE")
    assert await verified(node, changed, sign_type="body", verify_type="owner") == bad


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"verify_type": "owner"}, 404, 4),
        ({"sign_type": "both"}, 404, 4),
        ({"sign_type": "both", "verify_type": "bogus"}, 400, 2),
        ({"sign_type": "bogus", "verify_type": "owner"}, 400, 8),
        ({"sign_type": "both", "verify_type": "object"}, 404, 4),
        ({"sign_type": "both", "verify_type": "object", "sign_obj_id": DEVICE, "sign_obj": "xy"}, 400, 8),
        ({"sign_type": "both", "verify_type": "sign", "verify_signs": "{"}, 400, 8),
        ({"sign_type": "both", "verify_type": "sign", "verify_signs": '{"desc_signs":[9]}'}, 404, 4),
        ({"sign_type": "both", "verify_type": "owner"}, 404, 4),
    ],
)
async def test_bad_verify_requests(node: Node, headers: dict[str, str], status: int, code: int) -> None:
    """The object here has no signatures at all: the last case is the complete request."""
    reply = await crypto(node, "verify", OBJECTS["text_v1"], **headers)
    assert (reply.status, reply.code) == (status, code)


async def test_encrypt_and_decrypt_are_inverse(node: Node) -> None:
    secret = await crypto(node, "encrypt", b"plain data", encrypt_type="encrypt_data", crypto_flags="4")
    plain = await crypto(node, "decrypt", secret.body, decrypt_type="decrypt_data", crypto_flags="4")
    assert (plain.headers["cyfs-decrypt-ret"], plain.body) == ("decrypted", b"plain data")


async def test_aes_key_exchange(node: Node) -> None:
    made = await crypto(node, "encrypt", encrypt_type="gen_aeskey_and_encrypt", crypto_flags="4")
    key, _ = decrypt_aeskey(node.identity.require_key(), made.body)
    assert key == AesKey.from_text(made.headers["cyfs-aes-key"])
    got = await crypto(node, "decrypt", made.body, decrypt_type="decrypt_aeskey", crypto_flags="4")
    assert got.body == key.raw


@pytest.mark.parametrize(
    ("call", "body", "headers", "status", "code"),
    [
        ("encrypt", b"x" * 500, {"encrypt_type": "encrypt_data", "crypto_flags": "4"}, 400, 22),
        ("encrypt", b"", {"encrypt_type": "encrypt_data", "crypto_flags": "4"}, 400, 2),
        ("encrypt", b"x", {"encrypt_type": "gen_aeskey_and_encrypt", "crypto_flags": "4"}, 400, 2),
        ("encrypt", b"x", {"encrypt_type": "encrypt_data", "crypto_flags": "0"}, 400, 2),
        ("encrypt", b"x", {"encrypt_type": "xyz", "crypto_flags": "4"}, 400, 8),
        ("decrypt", b"junk", {"decrypt_type": "decrypt_data", "crypto_flags": "4"}, 500, 11),
        ("decrypt", b"junk", {"decrypt_type": "decrypt_aeskey", "crypto_flags": "4"}, 500, 10),
        ("decrypt", b"junk", {"crypto_flags": "4"}, 404, 4),
    ],
)
async def test_bad_cipher_requests(
    node: Node, call: str, body: bytes, headers: dict[str, str], status: int, code: int
) -> None:
    reply = await crypto(node, call, body, **headers)
    assert (reply.status, reply.code) == (status, code)


async def test_broken_objects_are_told_before_missing_headers(node: Node) -> None:
    reply = await node.send("POST", "/crypto/sign", None, b"x")
    assert (reply.status, reply.code) == (500, 10)
