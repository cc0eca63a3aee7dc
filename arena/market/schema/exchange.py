"""Spot and perpetual exchanges, and the feed that settles binary markets."""

from __future__ import annotations

import polars as pl

from arena.market.schema.columns import ASSET, EVENT, F8, I4, I8, NS, RECV, SOURCE, STR, Column, Table

_VENUE = Column("venue", STR, "name", "coinbase, binance, binance_usdm, okx, bybit, kraken, bitfinex, ...")
_SYMBOL = Column("symbol", STR, "id", "the venue's name of the instrument, lower case")

SPOT = Table(
    name="spot",
    doc="Best bid and ask and last price of one coin on one venue, whenever they changed.",
    time="recv_ns",
    key=("venue", "source", "asset", "recv_ns", "event_ns", "bid", "ask", "last", "bid_size", "ask_size"),
    stream=("venue", "source", "asset"),
    columns=(
        Column("event_ns", NS, "ns UTC", "venue time of the update; for a bar, its close", True),
        Column("recv_ns", NS, "ns UTC", "when we could know it; for a bar, never before its close"),
        _VENUE,
        ASSET,
        Column("quote", STR, "currency", "USD or USDT: they are not the same price"),
        Column("bid", F8, "quote/coin", "best bid", True),
        Column("ask", F8, "quote/coin", "best ask", True),
        Column("last", F8, "quote/coin", "last trade, or a bar's close", True),
        Column("bid_size", F8, "coin", "size at the best bid (contracts on inverse futures)", True),
        Column("ask_size", F8, "coin", "size at the best ask (contracts on inverse futures)", True),
        SOURCE,
    ),
)

TRADES = Table(
    name="trades",
    doc="Trades on spot and perpetual exchanges.",
    time="recv_ns",
    key=("venue", "symbol", "source", "recv_ns", "event_ns", "price", "size", "taker_side", "seq"),
    stream=("venue", "symbol", "source"),
    columns=(
        EVENT,
        RECV,
        _VENUE,
        _SYMBOL,
        ASSET,
        Column("price", F8, "quote/coin", "price"),
        Column("size", F8, "coin", "quantity (contracts on inverse futures)"),
        Column("taker_side", STR, "buy|sell", "what the taker did; null = unknown", True),
        Column("seq", I8, "1", "the venue's trade id or, where none, the place among otherwise equal rows", True),
        SOURCE,
    ),
)

L2 = Table(
    name="l2",
    doc="Price levels of an order book: snapshots and changes. Size is the new total of the level, 0 removes it.",
    time="recv_ns",
    key=("venue", "symbol", "source", "recv_ns", "event_ns", "last_id", "side", "price", "size", "is_snapshot", "seq"),
    stream=("venue", "symbol", "source"),
    columns=(
        EVENT,
        RECV,
        _VENUE,
        _SYMBOL,
        ASSET,
        Column("side", STR, "bid|ask", "side of the book"),
        Column("price", F8, "quote/coin", "price of the level"),
        Column("size", F8, "coin", "new total size at the price; 0 = the level is gone"),
        Column("is_snapshot", pl.Boolean, "flag", "part of a full book; its rows share recv_ns and last_id"),
        Column("first_id", I8, "1", "venue's first update id of the message", True),
        Column("last_id", I8, "1", "venue's last update id; changes at or below a snapshot's are old", True),
        Column("seq", I8, "1", "place in the message or, in imports, among otherwise equal rows; null = unknown", True),
        SOURCE,
    ),
)

_QUOTE_BAR = tuple(
    Column(f"{side}_{what}", F8, "quote/coin", f"{what} of the best {side} over the bar", True)
    for side in ("bid", "ask")
    for what in ("open", "high", "low", "close")
)

BARS = Table(
    name="bars",
    doc="Bars of an instrument. A bar that opens at 12:00 and lasts a minute is known at 12:01.",
    time="recv_ns",
    key=("venue", "symbol", "source", "kind", "interval_s", "event_ns"),
    stream=("venue", "symbol", "source", "kind", "interval_s"),
    partition="1y",
    columns=(
        Column("event_ns", NS, "ns UTC", "open of the bar"),
        Column("recv_ns", NS, "ns UTC", "when we could know it: never before the bar's close"),
        _VENUE,
        _SYMBOL,
        ASSET,
        Column("quote", STR, "currency", "USD, USDT, ..."),
        Column("kind", STR, "trade|quote", "made of trades, or of best bids and asks"),
        Column("interval_s", I4, "s", "length of the bar"),
        Column("open", F8, "quote/coin", "first price (of a quote bar: mid)", True),
        Column("high", F8, "quote/coin", "highest price", True),
        Column("low", F8, "quote/coin", "lowest price", True),
        Column("close", F8, "quote/coin", "last price", True),
        Column("volume", F8, "coin", "traded quantity", True),
        Column("quote_volume", F8, "quote", "traded value", True),
        Column("trades", I8, "1", "number of trades", True),
        Column("taker_buy_volume", F8, "coin", "quantity bought by takers", True),
        *_QUOTE_BAR,
        Column("bid_size", F8, "coin", "size at the last best bid", True),
        Column("ask_size", F8, "coin", "size at the last best ask", True),
        SOURCE,
    ),
)

FUNDING = Table(
    name="funding",
    doc="Funding rates of perpetuals, as charged.",
    time="recv_ns",
    key=("venue", "asset", "source", "event_ns"),
    stream=("venue", "asset", "source"),
    partition="1y",
    columns=(
        Column("event_ns", NS, "ns UTC", "when the funding was charged"),
        RECV,
        _VENUE,
        ASSET,
        Column("rate", F8, "fraction", "paid by longs to shorts per interval, of notional"),
        Column("interval_s", I4, "s", "time between charges; null = not recorded", True),
        SOURCE,
    ),
)

IMPLIED_VOL = Table(
    name="implied_vol",
    doc="Volatility indices derived from option prices.",
    time="recv_ns",
    key=("venue", "asset", "index", "source", "event_ns"),
    stream=("venue", "asset", "index", "source"),
    partition="1y",
    columns=(
        Column("event_ns", NS, "ns UTC", "what moment the value is of; for a candle, its close"),
        RECV,
        _VENUE,
        ASSET,
        Column("index", STR, "name", "dvol, ..."),
        Column("value", F8, "fraction/sqrt(year)", "annualised volatility, 0.45 = 45 %"),
        SOURCE,
    ),
)

ORACLE = Table(
    name="oracle",
    doc="The settlement feeds: one report per second and feed.",
    time="recv_ns",
    key=("asset", "source", "feed", "event_ns"),
    stream=("asset", "source", "feed"),
    columns=(
        Column("event_ns", NS, "ns UTC", "the second the report is for"),
        Column("recv_ns", NS, "ns UTC", "when we could know it"),
        ASSET,
        Column("feed", STR, "name", "chainlink, chainlink_twap30, chainlink_twap60, polybolt_twap60, ..."),
        Column("price", F8, "USD", "reported price"),
        SOURCE,
    ),
)
