"""Recorded replies of Gamma to rows of ``windows``. What its fields mean is known in :mod:`live.rest.gamma_rows`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from arena.errors import DataError
from arena.market.windows import LOOKBACKS_S
from live.feeds.base import BadFrame
from live.feeds.wire import decode, decoder
from live.rest.gamma_rows import event_row, window_row


class _Reply(msgspec.Struct):
    url: str
    status: int
    body: str


_REPLY, _BODY = decoder(_Reply), msgspec.json.Decoder(dict[str, Any] | list[dict[str, Any]])


@dataclass(frozen=True, slots=True)
class Told:
    """One up/down market of a reply: its ``windows`` row, and the rule it breaks (None: it can be used)."""

    row: dict[str, Any]
    rule: str | None = None
    why: str = ""


def read_reply(feed: str, payload: bytes) -> tuple[int, list[Told]]:
    """The HTTP status of a recorded reply, and the up/down markets in it; other markets are left out.

    ``payload`` is ``{"url": ..., "status": ..., "body": <text of the reply>}``; the body is an event, a market, or
    a list of either.

    Raises:
        BadFrame: it is no reply, or one with status 200 that is neither.
    """
    reply: _Reply = decode(feed, _REPLY, payload)
    if reply.status != 200:
        return reply.status, []
    body = decode(feed, _BODY, reply.body.encode("utf-8", "replace"))
    things = body if isinstance(body, list) else [body]
    if not all("markets" in thing or "conditionId" in thing for thing in things):
        raise BadFrame(feed, "the reply is neither an event nor a market")
    return reply.status, [_told(thing) for thing in things if "-updown-" in str(thing.get("slug"))]


def _told(thing: dict[str, Any]) -> Told:
    named = {"market_id": str(thing.get("slug")), "venue": "polymarket"}
    try:
        row = event_row(thing, "") if "markets" in thing else window_row(thing, "")
    except DataError as error:
        return Told(named, "gamma_refused", str(error))
    if row["settlement_rule"] not in LOOKBACKS_S:
        named_rule = row["settlement_rule"] or "a rule it does not name"
        return Told(row, "unknown_settlement_rule", f"{row['market_id']} settles by {named_rule}, which is not known.")
    return Told(row)
