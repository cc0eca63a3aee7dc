"""The market channel's messages, typed.

One flat shape serves every event, because the type comes last on the wire; its fields stand in the order of the
most frequent event, which is how msgspec finds them fastest.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from live.feeds.wire import Amount, MaybeSide, Millis, Share, Size, decoder

TakerSide = Literal["BUY", "SELL"]
Name = Annotated[str, msgspec.Meta(max_length=200)]


class Change(msgspec.Struct, gc=False):
    """One changed level; ``size`` is its new total, 0 removes it. The best prices are those after the message."""

    asset_id: str
    price: Share
    size: Size
    side: TakerSide
    best_bid: MaybeSide = None
    best_ask: MaybeSide = None


class Level(msgspec.Struct, gc=False):
    """One level of a snapshot."""

    price: Share
    size: Size


class Message(msgspec.Struct, gc=False):
    """Any event of the channel; which fields it has depends on ``event_type``."""

    market: str = ""
    price_changes: list[Change] | None = None
    timestamp: Millis | None = None
    event_type: str = ""
    asset_id: str = ""
    bids: list[Level] | None = None
    asks: list[Level] | None = None
    price: Share | None = None
    size: Amount | None = None
    side: TakerSide | None = None
    best_bid: MaybeSide = None
    best_ask: MaybeSide = None
    transaction_hash: Name | None = None
    hash: str | None = None
    last_trade_price: Any = None
    winning_asset_id: str | None = None
    winning_outcome: str | None = None


class Address(msgspec.Struct):
    """Whom a message is about, when the rest of it cannot be believed."""

    market: str = ""


NEEDED: dict[str, tuple[str, ...]] = {
    "price_change": ("price_changes", "timestamp"),
    "book": ("bids", "asks", "timestamp"),
    "last_trade_price": ("price", "size", "timestamp"),
    "best_bid_ask": ("timestamp",),
    "tick_size_change": ("timestamp",),
    "market_resolved": ("winning_asset_id", "timestamp"),
    "new_market": (),
}
"""Events we know, and the fields without which they cannot be read."""

MESSAGES = decoder(Message | list[Message])
ADDRESSES = decoder(Address | list[Address])
