"""Gamma's replies to rows of ``windows``: what a window is, what it costs, and how it ended.

Nothing is guessed: a market of an unknown version, settlement rule, fee or spelling becomes a refused row with
the name of the rule it breaks.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from arena.units import SECOND
from live.feeds.base import BadFrame
from live.feeds.wire import Price, Size, decode, decoder, rfc3339

INTERVALS_S = {"5m": 300, "15m": 900, "4h": 14_400}
_SLUG = re.compile(r"([a-z]{2,10})-updown-(5m|15m|4h)-(\d{9,11})", re.ASCII)
_TWAP_SOURCE = re.compile(r"-twap-(\d{1,4})s?(?:-streams)?/?$", re.ASCII)


class _Reply(msgspec.Struct):
    url: str
    status: int
    body: str


class _Fees(msgspec.Struct):
    rate: Size
    exponent: Size
    taker_only: bool = msgspec.field(name="takerOnly")
    rebate_rate: Size | None = msgspec.field(name="rebateRate", default=None)


class _Config(msgspec.Struct):
    twap: bool | None = msgspec.field(name="twapEnabled", default=None)
    lookback_s: int | None = msgspec.field(name="twapLookbackSeconds", default=None)


class _Metadata(msgspec.Struct):
    price_to_beat: Price | None = msgspec.field(name="priceToBeat", default=None)
    final_price: Price | None = msgspec.field(name="finalPrice", default=None)


class _Parent(msgspec.Struct):
    metadata: _Metadata | None = msgspec.field(name="eventMetadata", default=None)
    resolution_source: str | None = msgspec.field(name="resolutionSource", default=None)


class _Market(msgspec.Struct):
    slug: str
    condition_id: str = msgspec.field(name="conditionId")
    outcomes: str | None = None
    token_ids: str | None = msgspec.field(name="clobTokenIds", default=None)
    position_ids: str | None = msgspec.field(name="positionIds", default=None)
    outcome_prices: str | None = msgspec.field(name="outcomePrices", default=None)
    version: str | None = None
    start: str | None = msgspec.field(name="eventStartTime", default=None)
    end: str | None = msgspec.field(name="endDate", default=None)
    closed: bool = False
    closed_time: str | None = msgspec.field(name="closedTime", default=None)
    resolution_status: str | None = msgspec.field(name="umaResolutionStatus", default=None)
    volume: Size | None = msgspec.field(name="volumeNum", default=None)
    fees_enabled: bool | None = msgspec.field(name="feesEnabled", default=None)
    fees: _Fees | None = msgspec.field(name="feeSchedule", default=None)
    min_size: Size | None = msgspec.field(name="orderMinSize", default=None)
    tick_size: Price | None = msgspec.field(name="orderPriceMinTickSize", default=None)
    config: _Config | None = msgspec.field(name="cryptoMarketConfig", default=None)
    resolution_source: str | None = msgspec.field(name="resolutionSource", default=None)
    events: list[_Parent] = []


class _Event(_Parent):
    markets: list[_Market] = []


_REPLY = msgspec.json.Decoder(_Reply)
_SHAPE = msgspec.json.Decoder(dict[str, msgspec.Raw] | list[dict[str, msgspec.Raw]])
_EVENT, _MARKET = decoder(_Event), decoder(_Market)
_STRINGS = msgspec.json.Decoder(list[str])


class Refused(Exception):  # noqa: N818
    """A market that must not be used as it stands; ``rule`` says why."""

    def __init__(self, rule: str) -> None:
        super().__init__(rule)
        self.rule = rule


class Told:
    """One market as a reply tells it: what it is called, and its ``windows`` row or the rule it breaks."""

    def __init__(self, market: _Market, parent: _Parent | None) -> None:
        self.row: dict[str, Any] = {"market_id": market.slug, "venue": "polymarket", "condition_id": market.condition_id}
        self.rule: str | None = None
        try:
            self.row |= _window(market, parent)
        except Refused as refused:
            self.rule = refused.rule


def read_reply(feed: str, payload: bytes) -> tuple[int, list[Told]]:
    """The HTTP status of a recorded reply, and the up/down markets it tells of; other markets are left out.

    Raises:
        BadFrame: the frame is no reply, or a reply with status 200 has no Gamma event or market in it.
    """
    reply: _Reply = decode(feed, _REPLY, payload)
    if reply.status != 200:
        return reply.status, []
    body = reply.body.encode(errors="surrogatepass")
    shape = decode(feed, _SHAPE, body)
    told = []
    for keys in shape if isinstance(shape, list) else [shape]:
        raw = msgspec.json.encode(keys)
        if "markets" in keys:
            event: _Event = decode(feed, _EVENT, raw)
            told += [(market, event) for market in event.markets]
        elif "conditionId" in keys:
            market: _Market = decode(feed, _MARKET, raw)
            told.append((market, market.events[0] if market.events else None))
        else:
            raise BadFrame(feed, "the reply is neither an event nor a market")
    return reply.status, [Told(market, parent) for market, parent in told if _SLUG.fullmatch(market.slug)]


def _window(market: _Market, parent: _Parent | None) -> dict[str, Any]:
    match = _SLUG.fullmatch(market.slug)
    if match is None:
        raise Refused("unknown_slug")
    interval_s, open_s = INTERVALS_S[match[2]], int(match[3])
    open_ns, close_ns = open_s * SECOND, (open_s + interval_s) * SECOND
    for told, derived in ((market.start, open_ns), (market.end, close_ns)):
        if told is not None and _time(told) != derived:
            raise Refused("window_times_disagree")
    up, down = _tokens(market)
    metadata = parent.metadata if parent is not None and parent.metadata is not None else _Metadata()
    fee_rate, fee_exponent, rebate_rate = _fees(market)
    outcome = _outcome(market)
    has_strike = metadata.price_to_beat is not None
    return {
        "asset": match[1].upper(),
        "interval_s": interval_s,
        "open_ns": open_ns,
        "close_ns": close_ns,
        "strike": metadata.price_to_beat,
        "strike_source": "gamma_event_metadata" if has_strike else None,
        "settle_price": metadata.final_price,
        "settlement_rule": _settlement_rule(market, parent),
        "outcome": outcome,
        "outcome_source": "gamma_resolution" if outcome is not None else None,
        "resolved_ns": _time(market.closed_time) if outcome is not None and market.closed_time is not None else None,
        "fee_rate": fee_rate,
        "fee_exponent": fee_exponent,
        "rebate_rate": rebate_rate,
        "tick_size": market.tick_size,
        "min_order_size": market.min_size,
        "volume": market.volume,
        "up_token_id": up,
        "down_token_id": down,
    }


def _time(text: str) -> int | None:
    try:
        return rfc3339("gamma", text)
    except BadFrame:
        raise Refused("unknown_time") from None


def _strings(text: str | None) -> list[str]:
    try:
        return _STRINGS.decode(text or "[]")
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        raise Refused("unknown_tokens") from None


def _sides(market: _Market) -> tuple[int, int]:
    """Places of "Up" and "Down" among the outcomes: by label, never by order."""
    labels = _strings(market.outcomes)
    if sorted(labels) != ["Down", "Up"]:
        raise Refused("unknown_outcomes")
    return labels.index("Up"), labels.index("Down")


def _tokens(market: _Market) -> tuple[str, str]:
    """Ids of the UP and the DOWN token, from the list that the market's version trades."""
    if market.version not in (None, "v1", "v2"):
        raise Refused("unknown_version")
    up, down = _sides(market)
    ids = _strings(market.position_ids if market.version == "v2" else market.token_ids)
    if len(ids) != 2 or ids[0] == ids[1] or not all(ids) or not market.condition_id:
        raise Refused("unknown_tokens")
    return ids[up], ids[down]


def _fees(market: _Market) -> tuple[float | None, float | None, float | None]:
    if market.fees_enabled is False:
        return 0.0, 1.0, 0.0
    if market.fees is None:
        return None, None, None
    if not market.fees.taker_only:
        raise Refused("unknown_fee")
    return market.fees.rate, market.fees.exponent, market.fees.rebate_rate


def _settlement_rule(market: _Market, parent: _Parent | None) -> str:
    source = market.resolution_source or (parent.resolution_source if parent is not None else None) or ""
    said = set()
    if market.config is not None and market.config.twap is not None:
        said.add(market.config.lookback_s if market.config.twap else 0)
    if "data.chain.link" in source:
        average = _TWAP_SOURCE.search(source)
        said.add(int(average[1]) if average else 0)
    rules: dict[int | None, str] = {0: "spot", 30: "twap30", 60: "twap60"}
    if len(said) != 1 or not said <= set(rules):
        raise Refused("unknown_settlement_rule")
    return rules[said.pop()]


def _outcome(market: _Market) -> str | None:
    """``up`` or ``down`` where the market is closed, resolved, and pays one side all; None before."""
    if not market.closed or market.resolution_status not in (None, "resolved"):
        return None
    prices = _strings(market.outcome_prices)
    if not prices:
        return None
    up, down = _sides(market)
    paid = {("1", "0"): "up", ("0", "1"): "down"}.get((prices[up], prices[down])) if len(prices) == 2 else None
    if paid is None and market.resolution_status == "resolved":
        raise Refused("unknown_outcome")
    return paid
