"""AppGroup: a group without contents of its own (docs/protocol/objects.md §7.4)."""

from __future__ import annotations

from typing import Final

from cyfs_edge.base.ids import ObjectId, ObjectTypeCode
from cyfs_edge.objects.builder import BodyParts, build_object
from cyfs_edge.objects.content import ContentCodec, DescFlag, read_nothing, show_nothing
from cyfs_edge.objects.envelope import NamedObject


def make_app_group(*, create_time: int | None, update_time: int, owner: ObjectId | None = None) -> NamedObject:
    """Times are bucky µs."""
    body = BodyParts(update_time=update_time)
    return build_object(ObjectTypeCode.APP_GROUP, create_time=create_time, owner=owner, body=body)


CODECS: Final = {
    ObjectTypeCode.APP_GROUP: ContentCodec(
        "AppGroup",
        read_nothing,
        read_nothing,
        sub_desc=DescFlag.OWNER,
        desc_json=show_nothing,
        body_json=show_nothing,
    )
}
