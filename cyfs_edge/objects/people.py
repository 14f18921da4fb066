"""People: the owner of devices (docs/protocol/objects.md §7.2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cyfs_edge.base.area import Area
from cyfs_edge.base.ids import ObjectId, ObjectTypeCode
from cyfs_edge.base.keys import PublicKey
from cyfs_edge.base.proto import ID, STRING, StandardMessage, pb
from cyfs_edge.objects.builder import BodyParts, build_object
from cyfs_edge.objects.content import (
    ContentCodec,
    ContentFormat,
    DescFlag,
    Json,
    read_message,
    read_nothing,
    show_nothing,
)
from cyfs_edge.objects.envelope import NamedObject

STANDALONE: Final = "standalone"
ACTIVE_STANDBY: Final = "active-standby"


@dataclass(frozen=True, slots=True)
class PeopleBody(StandardMessage):
    """``ood_list``: the first is the primary one, signatures name them by their place. ``icon``: a file."""

    ood_list: tuple[ObjectId, ...] = pb(1, ID, repeated=True)
    name: str | None = pb(2, STRING, optional=True)
    icon: ObjectId | None = pb(3, ID, optional=True)
    ood_work_mode: str | None = pb(4, STRING, optional=True)


def make_people(
    public_key: PublicKey,
    *,
    update_time: int,
    create_time: int | None = None,
    owner: ObjectId | None = None,
    area: Area | None = None,
    ood_list: Sequence[ObjectId] = (),
    name: str | None = None,
    icon: ObjectId | None = None,
    ood_work_mode: str | None = STANDALONE,
) -> NamedObject:
    """Times are bucky µs.

    Identities made from a mnemonic have no ``create_time``, so that their id can be made again.
    """
    body = PeopleBody(tuple(ood_list), name, icon, ood_work_mode)
    return build_object(
        ObjectTypeCode.PEOPLE,
        desc_format=ContentFormat.RAW,
        create_time=create_time,
        owner=owner,
        area=area,
        public_key=public_key,
        body=people_body(body, update_time),
    )


def people_body(body: PeopleBody, update_time: int) -> BodyParts:
    """For ``build_body``, to change a people object."""
    return BodyParts(body.encode(), update_time, format=ContentFormat.PROTOBUF)


def _body_json(body: PeopleBody) -> Json:
    view: dict[str, Json] = {
        "ood_list": [str(one) for one in body.ood_list],
        "ood_work_mode": body.ood_work_mode or STANDALONE,
    }
    for name, value in (("name", body.name), ("icon", body.icon)):
        if value is not None:
            view[name] = str(value)
    return view


CODECS: Final = {
    ObjectTypeCode.PEOPLE: ContentCodec(
        "People",
        read_nothing,
        read_message(PeopleBody),
        sub_desc=DescFlag.OWNER | DescFlag.AREA | DescFlag.PUBLIC_KEY,
        key_required=True,
        desc_json=show_nothing,
        body_json=_body_json,
    )
}
