"""What the replies of pages and downloads tell to those who keep copies (docs/protocol/http-front.md §7)."""

from __future__ import annotations

from cyfs_edge.core.api.call import Call
from cyfs_edge.wire.browser import FETCH_SITE, is_browser
from cyfs_edge.wire.conditions import ETAG, IF_NONE_MATCH, IF_RANGE, IMMUTABLE, REVALIDATED

_OTHER_SITES = ("cross-site", "same-site")


def keeps_copies(call: Call) -> bool:
    """Whether the caller asks as one who does; programs that do not get what every node answers."""
    headers = call.headers
    return call.is_head or IF_NONE_MATCH in headers or IF_RANGE in headers or is_browser(headers)


def validators(call: Call, tag: str, immutable: bool) -> list[tuple[str, str]]:
    """Headers of a 200, 206 or 304. ``immutable``: the address leads to nothing else, ever.

    What was fetched for a page of another site is asked for again: it may have been another site's to see.
    """
    for_other = call.headers.get(FETCH_SITE) in _OTHER_SITES
    return [(ETAG, tag), IMMUTABLE if immutable and not for_other else REVALIDATED]
