"""Targets of the object layer: objects, their contents, and the values they are made of."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import Any

from cyfs_edge.base.access import access_text, parse_access
from cyfs_edge.base.aes import AesKey, decrypt_aeskey
from cyfs_edge.base.area import Area
from cyfs_edge.base.bucky_error import BuckyError
from cyfs_edge.base.codec import Reader, Writer
from cyfs_edge.base.der import decode_integers
from cyfs_edge.base.endpoint import Endpoint
from cyfs_edge.base.errors import CodecError, CyfsError
from cyfs_edge.base.ids import ObjectId, UniqueId
from cyfs_edge.base.keys import PrivateKey, PublicKey, read_public_key_value, write_public_key_value
from cyfs_edge.base.object_link import ObjectLink
from cyfs_edge.base.signatures import Signature
from cyfs_edge.base.text import decode_base36, decode_base58, encode_base36, encode_base58
from cyfs_edge.objects.content import ContentCodec
from cyfs_edge.objects.core.registry import CORE_TYPES
from cyfs_edge.objects.dir import DirList, decode_body_chunk, encode_body_chunk
from cyfs_edge.objects.envelope import NamedObject, decode_object, read_desc
from cyfs_edge.objects.format_json import format_json
from cyfs_edge.objects.registry import STANDARD_TYPES, codec_of, decode_typed
from cyfs_edge.objects.tx import Caller
from fuzz.target import Target, distinct, just, texts
from tests.vector_count import load

Read = Callable[[Reader], Any]
Write = Callable[[Writer, Any], object]


@cache
def known_objects() -> tuple[NamedObject, ...]:
    """Those of the golden vectors."""
    core = load("core-objects.json")
    encoded = [vector["object_hex"] for vector in core["objects"] + core["made_with_ts_sdk"] if "object_hex" in vector]
    for vector in load("objects.json")["vectors"]:
        if "hex" in vector and vector["kind"] not in {"cip_people", "cip_device", "object_id", "chunk_id", "reject"}:
            encoded += [vector["hex"]] if "id" in vector else []
    return tuple(decode_object(bytes.fromhex(text)) for text in encoded)


def run_object(data: bytes) -> None:
    """What is read is kept, is read again, has a view, and can be changed."""
    try:
        obj = decode_object(data)
    except CodecError as error:
        check_offset(error, data)
        return
    assert data.startswith(obj.raw)
    assert decode_object(obj.raw, exact=True) == obj
    assert len(obj.object_id) == 32
    format_json(obj)
    with suppress(CodecError):
        decode_typed(obj)
    for bare in (obj.with_parts(desc_signs=None), obj.with_parts(body=None, body_signs=None, nonce=None)):
        assert decode_object(bare.raw, exact=True) == bare
        assert bare.object_id == obj.object_id


def run_desc(data: bytes) -> None:
    try:
        desc = read_desc(Reader(data))
    except CodecError as error:
        check_offset(error, data)
        return
    assert read_desc(Reader(desc.raw)) == desc


def check_offset(error: CodecError, data: bytes) -> None:
    assert 0 <= error.offset <= len(data), error


def content_target(obj_type: int, part: str) -> Target:
    """A desc or body content by itself: what is read is written and read again the same."""

    def run(data: bytes) -> None:
        codec = _codec(obj_type)
        read: Read = codec.desc if part == "desc" else codec.body
        try:
            value = read(Reader(data))
        except CodecError as error:
            check_offset(error, data)
        except CyfsError:
            return
        else:
            assert read(Reader(value.encode())) == value

    def seeds() -> list[bytes]:
        contents = [getattr(obj, part) for obj in known_objects() if obj.obj_type == obj_type]
        return distinct([content.content for content in contents if content is not None])

    return Target(run, seeds)


def _codec(obj_type: int) -> ContentCodec[Any, Any]:
    codec = codec_of(obj_type)
    assert codec is not None
    return codec


def _content_targets() -> dict[str, Target]:
    targets = {}
    for obj_type in sorted(STANDARD_TYPES | set(CORE_TYPES)):
        for part in ("desc", "body"):
            targets[f"{_codec(obj_type).name}-{part}"] = content_target(obj_type, part)
    return targets


def value_target(read: Read, write: Write, *seeds: str) -> Target:
    """A value of the raw codec: what is read is written and read again the same."""

    def run(data: bytes) -> None:
        try:
            value = read(Reader(data))
        except CodecError as error:
            check_offset(error, data)
            return
        writer = Writer()
        write(writer, value)
        assert read(Reader(writer.getvalue())) == value

    return Target(run, just(*(bytes.fromhex(seed) for seed in seeds)))


def text_target(parse: Callable[[str], Any], show: Callable[[Any], str], *seeds: str) -> Target:
    """A text: what is parsed shows itself so that it is parsed again the same."""

    def run(data: bytes) -> None:
        try:
            value = parse(data.decode("utf-8", "replace"))
        except CyfsError:
            return
        assert parse(show(value)) == value

    return Target(run, texts(*seeds))


def vectors_of(*kinds: str) -> list[str]:
    return [vector["hex"] for vector in load("objects.json")["vectors"] if vector["kind"] in kinds]


def public_keys() -> list[str]:
    return [vector["public_key_raw"] for vector in load("objects.json")["vectors"] if "public_key_raw" in vector]


_SECP256K1_KEY = PrivateKey.from_secp256k1(b"\1" * 32)
_AES_KEY = AesKey(bytes(range(48)))


def run_aeskey_exchange(data: bytes) -> None:
    with suppress(CyfsError):
        decrypt_aeskey(_SECP256K1_KEY, data)


def run_aes(data: bytes) -> None:
    try:
        plain = _AES_KEY.decrypt(data)
    except CyfsError:
        return
    assert _AES_KEY.encrypt(plain) == data


def run_der(data: bytes) -> None:
    try:
        values = decode_integers(data, 3)
    except CodecError as error:
        check_offset(error, data)
        return
    assert all(value >= 0 for value in values)


_ID = "5r4MYfFLsj2ZndcxiGobMgJnMQswpcCa29EmfSnH7aqG"
_ID36 = "1slp8j7m5sycay65k7xxcb587ued30uitll13dxen8drg0wctf"

TARGETS: dict[str, Target] = {
    "object": Target(run_object, lambda: distinct([obj.raw for obj in known_objects()])),
    "desc": Target(run_desc, lambda: distinct([obj.desc.raw for obj in known_objects()])),
    **_content_targets(),
    "signature": value_target(Signature.read, lambda writer, value: value.write(writer), *vectors_of("signature")),
    "public_key": value_target(PublicKey.read, lambda writer, value: value.write(writer), *public_keys()),
    "public_key_value": value_target(read_public_key_value, write_public_key_value, *vectors_of("public_key_value")),
    "private_key": value_target(
        PrivateKey.read,
        lambda writer, value: writer.raw(value.encode()),
        *vectors_of("keypair", "key_from_seed"),
    ),
    "object_link": value_target(ObjectLink.read, lambda writer, value: value.write(writer), 32 * "48" + "00"),
    "endpoint": value_target(Endpoint.read, lambda writer, value: value.write(writer), *vectors_of("endpoint")),
    "area": value_target(Area.read, lambda writer, value: value.write(writer), *vectors_of("area")),
    "bucky_error": value_target(BuckyError.read, lambda writer, value: value.write(writer), *vectors_of("bucky_error")),
    "caller": value_target(Caller.read, lambda writer, value: value.write(writer), "05" + 32 * "48"),
    "dir_list": value_target(
        DirList.read,
        lambda writer, value: writer.raw(value.encode()),
        "00010005706174683100000000006000000000a11d7c6220bdb049fe8dd41b27483c96cc59b581e022d547290d69",
    ),
    "dir_body_chunk": value_target(
        lambda reader: decode_body_chunk(reader.rest()),
        lambda writer, value: writer.raw(encode_body_chunk(value)),
        "01" + 32 * "60" + "03616263",
    ),
    "der": Target(run_der, just(bytes.fromhex("3009020101020101020101"))),
    "aes": Target(run_aes, just(_AES_KEY.encrypt(b""), _AES_KEY.encrypt(bytes(40)))),
    "aeskey_exchange": Target(run_aeskey_exchange, just(_SECP256K1_KEY.public().encode()[1:] + b"rest")),
    "object_id_text": text_target(ObjectId.from_text, str, _ID, _ID36),
    "unique_id_text": text_target(UniqueId.from_text, str, "14nKufWWfL2kohKTL9ppiA"),
    "base58": text_target(decode_base58, encode_base58, _ID),
    "base36": text_target(decode_base36, encode_base36, _ID36),
    "endpoint_text": text_target(Endpoint.from_text, str, "L4udp127.0.0.1:8050", "W6tcp[2001:db8::1]:443"),
    "area_text": text_target(Area.from_text, str, "333:14:3345:32"),
    "access_text": text_target(parse_access, access_text, "rwxrwxrwx---rwxrwx"),
    "aes_key_text": text_target(AesKey.from_text, str, str(_AES_KEY)),
}
