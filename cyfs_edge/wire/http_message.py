"""A whole HTTP request or reply in one piece, as WebSocket packets carry it (docs/protocol/websocket.md §3)."""

from __future__ import annotations

from cyfs_edge.base.errors import CodecError, ErrorCode
from cyfs_edge.wire.http_chunked import ChunkedDecoder
from cyfs_edge.wire.http_head import HEAD_MAX, RequestHead, head_error, parse_head
from cyfs_edge.wire.http_reply import ReplyHead, parse_reply_head


def parse_request(content: bytes) -> tuple[RequestHead, bytes]:
    """Head and body of ``content``. A body that is shorter than announced is what is there, as in the reference; what
    is behind its end is dropped. Anything else that is no request is a ``CodecError``, see :func:`parse_head`.
    """
    end = content.find(b"\r\n\r\n", 0, HEAD_MAX) + 4
    if end < 4:
        raise head_error("the request head does not end, or is too large")
    head = parse_head(content[:end])
    if head.chunked:
        return head, ChunkedDecoder().feed(content[end:])
    return head, content[end : end + head.content_length]


def parse_reply(content: bytes) -> tuple[ReplyHead, bytes]:
    """Head and body of ``content``, which ends with the body; ``INVALID_DATA`` for anything else."""
    end = content.find(b"\r\n\r\n", 0, HEAD_MAX) + 4
    if end < 4:
        raise CodecError(ErrorCode.INVALID_DATA, "the head of the reply does not end, or is too large")
    head = parse_reply_head(content[:end])
    if head.chunked or (head.length is not None and head.length != len(content) - end):
        raise CodecError(ErrorCode.INVALID_DATA, "the reply is not as long as its head says")
    return head, content[end:]
