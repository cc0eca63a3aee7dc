"""The unit of a recording: one thing that happened on one connection, with the bytes as they came."""

from __future__ import annotations

import json
from enum import IntEnum
from typing import Any, NamedTuple


class Kind(IntEnum):
    """What a frame records. Only ``DATA`` (and ``HTTP``) carry a venue's bytes; the others are our own notes.

    ``OPENED``: a connection is up. ``CLOSED``: it is gone. ``SENT``: we sent the payload.
    ``HTTP``: a REST reply. ``CLOCK``: a measurement of our clock. ``SILENT``: the watchdog of a stream fired.
    """

    DATA = 0
    OPENED = 1
    CLOSED = 2
    SENT = 3
    HTTP = 4
    CLOCK = 5
    SILENT = 6


class Frame(NamedTuple):
    """One recorded event.

    ``recv_ns`` is the wall clock (ns UTC) and ``mono_ns`` the monotonic clock (ns), both read before anything
    looks at ``payload``. ``conn`` numbers the connections of a feed within the process, from 0.
    """

    feed: str
    conn: int
    recv_ns: int
    mono_ns: int
    kind: int
    payload: bytes


def note(**values: Any) -> bytes:
    """The payload of a frame that is our own note: a small JSON object, keys in the order given.

    >>> note(reason="silence", streams=["spot/okx"])
    b'{"reason":"silence","streams":["spot/okx"]}'
    """
    return json.dumps(values, separators=(",", ":")).encode()
