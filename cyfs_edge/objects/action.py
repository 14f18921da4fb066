"""Action: an event told by its desc fields alone (docs/protocol/objects.md §7.4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cyfs_edge.base.ids import ObjectId, ObjectTypeCode
from cyfs_edge.base.object_link import ObjectLink
from cyfs_edge.objects.builder import BodyParts, build_object
from cyfs_edge.objects.content import ContentCodec, DescFlag, read_nothing, show_nothing
from cyfs_edge.objects.envelope import NamedObject


def make_action(
    *,
    create_time: int | None,
    update_time: int,
    owner: ObjectId | None = None,
    dec_id: ObjectId | None = None,
    ref_objects: Sequence[ObjectLink] | None = None,
    prev: ObjectId | None = None,
    expired_time: int | None = None,
) -> NamedObject:
    """Times are bucky µs."""
    return build_object(
        ObjectTypeCode.ACTION,
        dec_id=dec_id,
        ref_objects=ref_objects,
        prev=prev,
        create_time=create_time,
        expired_time=expired_time,
        owner=owner,
        body=BodyParts(update_time=update_time),
    )


CODECS: Final = {
    ObjectTypeCode.ACTION: ContentCodec(
        "Action",
        read_nothing,
        read_nothing,
        sub_desc=DescFlag.OWNER,
        desc_json=show_nothing,
        body_json=show_nothing,
    )
}
