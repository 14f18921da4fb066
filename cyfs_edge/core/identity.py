"""Identities from recovery words: the owner and a device of the owner (docs/protocol/objects.md §8, last part).

The owner's key is made, signs both objects, and is dropped: it is on no box and in no file. The words make it again.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from cyfs_edge.base.area import Area
from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId, UniqueId
from cyfs_edge.base.keys import KeyKind, PrivateKey, PublicKey
from cyfs_edge.base.signatures import REF_OWNER, REF_SELF, RefIndex, push_signature, sign, verify
from cyfs_edge.core.derivation import (
    LEVELS,
    Network,
    Progress,
    derive_key,
    device_index,
    device_path,
    device_seed,
    ignore_progress,
    people_path,
    people_seed,
)
from cyfs_edge.core.mnemonic import entropy_from_words
from cyfs_edge.objects.builder import build_body, next_update_time
from cyfs_edge.objects.device import DeviceCategory, make_device
from cyfs_edge.objects.envelope import NamedObject
from cyfs_edge.objects.people import STANDALONE, PeopleBody, make_people, people_body

DEFAULT_KEY_KIND = KeyKind.RSA2048
"""Official clients make RSA-1024 keys; other kinds give other ids from the same words."""

_I32 = range(-(1 << 31), 1 << 31)


@dataclass(frozen=True, slots=True)
class ExtInfo:
    """What ``ext_info`` keeps of a binding (docs/protocol/services.md §1).

    owner: the owner object as it was then, raw. index: that of the device below its owner. Network and unique text are
    of this project, for showing how to restore; the reference does not write them and skips them.
    """

    owner: bytes
    index: int
    unique_id_text: str | None = None
    network: Network | None = None

    def to_json(self) -> str:
        view: dict[str, Any] = {"owner": self.owner.hex(), "index": self.index}
        if self.unique_id_text is not None:
            view["unique_id_text"] = self.unique_id_text
        if self.network is not None:
            view["network"] = self.network.text
        return json.dumps(view)

    @classmethod
    def from_json(cls, data: bytes) -> ExtInfo:
        """Raises ``INVALID_FORMAT``. Unknown members are skipped."""
        try:
            view = json.loads(data)
            owner, index = bytes.fromhex(view["owner"]), view["index"]
            text, network = view.get("unique_id_text"), view.get("network")
            known_network = None if network is None else Network[network.upper()]
            if text is not None:
                text.encode("utf-8")  # a text, and without lone surrogates
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise _bad_ext_info(repr(error)) from None
        if type(index) is not int or index not in _I32:
            raise _bad_ext_info("index is not a 32-bit number")
        return cls(owner, index, text, known_network)


def _bad_ext_info(why: str) -> CyfsError:
    return CyfsError(ErrorCode.INVALID_FORMAT, f"not an ext_info: {why}")


@dataclass(frozen=True, slots=True)
class Identity:
    """An owner, one of the owner's devices, and both keys.

    unique_id_text: what the index and the id of the device come from.
    """

    people: NamedObject
    people_key: PrivateKey
    device: NamedObject
    device_key: PrivateKey
    network: Network
    unique_id_text: str

    @property
    def ext_info(self) -> ExtInfo:
        return ExtInfo(self.people.raw, device_index(self.unique_id_text), self.unique_id_text, self.network)


def create_identity(
    words: str,
    *,
    unique_id_text: str,
    now: int,
    key_kind: KeyKind = DEFAULT_KEY_KIND,
    network: Network = Network.MAIN,
    category: DeviceCategory = DeviceCategory.OOD,
    name: str | None = None,
    device_name: str | None = None,
    ood_work_mode: str | None = STANDALONE,
    known_people: NamedObject | None = None,
    expected_people_id: ObjectId | None = None,
    progress: Callable[[Progress], None] = ignore_progress,
) -> Identity:
    """The identity that these words, this key kind, this network and this text always make. RSA keys take seconds.

    unique_id_text: tells the owner's devices apart; official clients take the MAC address of an OOD as text. now: bucky
    µs, for update and sign times, which are in no id. known_people: the owner's present object, if there is one to be
    had; its name, icon, work mode and OODs are kept and the new OOD is added last (``name`` and ``ood_work_mode`` then
    do not count). expected_people_id: checked before the device is made. progress: called for twelve key pairs; what it
    raises ends the work.

    Raises ``INVALID_FORMAT`` (words), ``INVALID_PARAM`` (empty text), ``UNMATCH`` (another owner than expected or
    known), ``INVALID_SIGNATURE`` (the known owner object is not the owner's word).
    """
    if not unique_id_text:
        raise CyfsError(ErrorCode.INVALID_PARAM, "a device needs a unique text, such as the MAC address of the box")
    seed = people_seed(entropy_from_words(words))
    people_key = derive_key(seed, people_path(network), key_kind, _part(progress, 0))

    def new_people(*ood_list: ObjectId) -> NamedObject:
        return make_people(
            people_key.public(),
            update_time=now,
            area=Area(),
            ood_list=ood_list,
            name=name,
            ood_work_mode=ood_work_mode,
        )

    people_id = new_people().object_id
    for expected in (expected_people_id, known_people.object_id if known_people else None):
        if expected is not None and expected != people_id:
            raise _wrong_owner(people_id, expected, key_kind, network)
    if known_people is not None:
        _check_signed(known_people, people_key.public())

    path = device_path(network, device_index(unique_id_text))
    device_key = derive_key(device_seed(people_key, people_id), path, key_kind, _part(progress, LEVELS))
    device = make_device(
        device_key.public(),
        UniqueId.create(unique_id_text.encode("utf-8")),
        update_time=now,
        category=category,
        owner=people_id,
        name=device_name,
    )
    oods = (device.object_id,) if category is DeviceCategory.OOD else ()
    people = new_people(*oods) if known_people is None else _with_oods(known_people, oods, now)
    if people != known_people:
        people = _signed(people, people_key, REF_SELF, people.update_time)
    return Identity(
        people, people_key, _signed(device, people_key, REF_OWNER, now), device_key, network, unique_id_text
    )


def _part(progress: Callable[[Progress], None], levels_before: int) -> Callable[[Progress], None]:
    """The progress of one of the two derivations, as part of both."""
    return lambda one: progress(replace(one, level=one.level + levels_before, levels=2 * LEVELS))


def _wrong_owner(made: ObjectId, expected: ObjectId, key_kind: KeyKind, network: Network) -> CyfsError:
    return CyfsError(
        ErrorCode.UNMATCH,
        f"with key type {key_kind_text(key_kind)} on network {network.text} these words make the owner {made}, "
        f"not {expected}: give the key type and network of the recovery sheet",
    )


def _check_signed(people: NamedObject, key: PublicKey) -> None:
    """Refuses a body that the owner has not signed: it would be signed anew, with whatever OODs it names."""
    body = people.body
    if body is None or any(verify(key, body.hash, one) for one in people.body_signs or ()):
        return
    raise CyfsError(
        ErrorCode.INVALID_SIGNATURE, "the owner object given is not signed by its owner, so its OODs are not trusted"
    )


def _with_oods(people: NamedObject, oods: tuple[ObjectId, ...], now: int) -> NamedObject:
    content: PeopleBody = people.body.value if people.body else PeopleBody()
    missing = tuple(one for one in oods if one not in content.ood_list)
    if not missing:
        return people
    content = replace(content, ood_list=content.ood_list + missing)
    body = build_body(people.desc, people_body(content, next_update_time(people.update_time, now)))
    return people.with_parts(body=body, body_signs=None)


def _signed(obj: NamedObject, key: PrivateKey, ref_index: int, now: int) -> NamedObject:
    assert obj.body is not None
    desc_sign, body_sign = (sign(key, RefIndex(ref_index), digest, now) for digest in (obj.desc_hash, obj.body.hash))
    return obj.with_parts(desc_signs=push_signature(obj.desc_signs or (), desc_sign), body_signs=(body_sign,))


def key_kind_text(kind: KeyKind) -> str:
    """As it is written on the command line: ``rsa2048``."""
    return kind.name.lower()


def recovery_text(people: NamedObject, device: NamedObject, ext_info: ExtInfo | None, words: str | None = None) -> str:
    """The recovery sheet: what to write down, and what to do with it. ``words`` is shown once, when they are made."""
    assert isinstance(people.desc.public_key, PublicKey)
    key_type = key_kind_text(people.desc.public_key.kind)
    command = f"  cyfs-edge init --restore --key {key_type}"
    facts = (
        _word_facts(words)
        if words
        else [("Words", "the twelve shown when the owner was made; they are stored nowhere")]
    )
    facts += [("Key type", key_type), ("Owner id", str(people.object_id)), ("Device id", str(device.object_id))]
    if ext_info and ext_info.network:
        facts.append(("Network", ext_info.network.text))
        command += f" --network {ext_info.network.text}"
    steps = ["To be this owner again on a new box, which becomes a device of its own:", command]
    if ext_info and ext_info.unique_id_text:
        text = ext_info.unique_id_text
        facts.append(("Device id text", f"{text} (index {device_index(text)})"))
        steps.append("To be this very device again, when the old box is gone:")
        steps.append(f"{command} --device-id-text {shlex.quote(text)}")
    lines = [
        "CYFS recovery sheet",
        "",
        *(f"{name:<16}{value}" for name, value in facts),
        "",
        "Whoever has the words owns the zone, and nobody can bring them back.",
        "Write the sheet down and keep it away from the box.",
        "",
        *steps,
        "Another key type or network makes another owner from the same words.",
    ]
    return "\n".join(lines) + "\n"


def _word_facts(words: str) -> list[tuple[str, str]]:
    """Four numbered words a line."""
    numbered = [f"{number:2} {word:<10}" for number, word in enumerate(words.split(), 1)]
    rows = ["".join(numbered[at : at + 4]).rstrip() for at in range(0, len(numbered), 4)]
    return list(zip(("Words", "", ""), rows, strict=True))
