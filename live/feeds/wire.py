"""Reading venue bytes: one way to decode JSON and to read times, and one error for everything else.

Numbers come as JSON numbers or as strings of plain ASCII JSON number syntax; msgspec reads both and refuses
the rest (NaN, infinities, unicode digits, hexadecimal). Bounds are part of the types, so an impossible number
is refused with the path at which it stands.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import msgspec

from arena.market.quality import EARLIEST_NS, LATEST_NS
from arena.units import SECOND
from live.feeds.base import BadFrame

_MS = 1_000_000

Price = Annotated[float, msgspec.Meta(gt=0.0, lt=1e12)]
"""A coin's price."""
Size = Annotated[float, msgspec.Meta(ge=0.0, lt=1e18)]
"""A quantity; 0 where it is the new total of a level that is gone."""
Amount = Annotated[float, msgspec.Meta(gt=0.0, lt=1e18)]
"""A traded quantity: never 0."""
Share = Annotated[float, msgspec.Meta(gt=0.0, lt=1.0)]
"""A binary price in dollars per share, strictly between 0 and 1."""
Side = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
"""A best price of a binary book; 0 or 1 where the side is empty."""
Millis = Annotated[int, msgspec.Meta(ge=EARLIEST_NS // _MS, le=LATEST_NS // _MS)]
"""Milliseconds UTC between 2015 and 2100."""
Id = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
"""A venue's number of something, as an int64."""

MaybePrice = Price | Literal[""] | None
MaybeSize = Size | Literal[""] | None
MaybeSide = Side | Literal[""] | None
"""Numbers that venues leave out, or send as an empty text, where a side of the book is empty."""


def decoder(shape: Any) -> msgspec.json.Decoder[Any]:
    """A decoder of ``shape`` that also reads numbers that come as strings."""
    return msgspec.json.Decoder(shape, strict=False)


def decode(feed: str, reader: msgspec.json.Decoder[Any], payload: bytes) -> Any:
    """``payload`` as ``reader`` understands it.

    Raises:
        BadFrame: it is no JSON, or not of that shape, or a number is out of bounds.
    """
    try:
        return reader.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadFrame(feed, str(error)) from None


def known(value: float | str | None) -> float | None:
    """A number that may be left out or empty: null for both."""
    return value if isinstance(value, float) else None


def millis(value: int) -> int:
    """Milliseconds as nanoseconds."""
    return value * _MS


_RFC3339 = re.compile(r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9})\d*)?(?:Z|\+00(?::?00)?)", re.ASCII)


def rfc3339(feed: str, text: str) -> int | None:
    """Nanoseconds UTC of a timestamp in UTC, every digit kept; None for times outside 2015-2100.

    >>> rfc3339("x", "2026-11-20T10:00:00.123456789Z")
    1795168800123456789
    >>> rfc3339("x", "1970-01-01T00:00:00Z") is None
    True

    Raises:
        BadFrame: it is no RFC 3339 time in UTC.
    """
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise BadFrame(feed, f"{text[:40]!r} is no time in UTC")
    try:
        whole = datetime(*(int(part) for part in match.groups()[:6]), tzinfo=UTC)  # type: ignore[misc,arg-type]
    except ValueError as error:
        raise BadFrame(feed, f"{text[:40]!r} is no time: {error}") from None
    fraction = int((match[7] or "0").ljust(9, "0"))
    ns = int(whole.timestamp()) * SECOND + fraction
    return ns if EARLIEST_NS <= ns <= LATEST_NS else None
