"""Binary markets: their windows, books, trades, and price observations that nobody could trade on."""

from __future__ import annotations

import polars as pl

from arena.market.schema.columns import ASSET, EVENT, F8, I4, I8, MARKET, NS, RECV, SOURCE, STR, Column, Table

_LEVELS = pl.List(pl.Float64)

WINDOWS = Table(
    name="windows",
    doc="One row per binary up/down market: its life, its reference prices, its rules, its outcome.",
    time="open_ns",
    key=("market_id", "source"),
    stream=("market_id", "source"),
    columns=(
        Column("market_id", STR, "id", "venue slug, e.g. btc-updown-5m-1776081600"),
        Column("venue", STR, "name", "polymarket, kalshi or lab"),
        ASSET,
        Column("interval_s", I4, "s", "length of the window"),
        Column("open_ns", NS, "ns UTC", "start of the window"),
        Column("close_ns", NS, "ns UTC", "end of the window"),
        Column("strike", F8, "USD", "reference price at the open, on the settlement source", True),
        Column("strike_source", STR, "name", "where strike and settle_price come from", True),
        Column("settle_price", F8, "USD", "reference price at the close, on the same source", True),
        Column("settlement_rule", STR, "name", "recorded rule; null = the dated venue table decides", True),
        Column("outcome", STR, "up|down", "official outcome; null = unknown", True),
        Column("outcome_source", STR, "name", "who said so", True),
        Column("resolved_ns", NS, "ns UTC", "when the outcome was published", True),
        Column("fee_rate", F8, "1", "recorded taker fee rate; null = the dated venue table decides", True),
        Column("fee_exponent", F8, "1", "recorded exponent of p(1-p) in the taker fee", True),
        Column("tick_size", F8, "USD/share", "smallest price step", True),
        Column("min_order_size", F8, "shares", "smallest resting order", True),
        Column("volume", F8, "USD", "traded volume, where recorded", True),
        Column("rebate_rate", F8, "1", "recorded share of the taker fee that makers get back", True),
        Column("condition_id", STR, "hex", "venue's condition id", True),
        Column("up_token_id", STR, "id", "token that pays when UP wins", True),
        Column("down_token_id", STR, "id", "token that pays when DOWN wins", True),
        SOURCE,
    ),
)

_BOOK = tuple(
    Column(f"{token}_{side}{what}", F8, unit, f"best {side} of the {token.upper()} token{text}", True)
    for token in ("up", "down")
    for side in ("bid", "ask")
    for what, unit, text in (("", "USD/share", ": price"), ("_size", "shares", ": displayed size"))
)
_DEPTH = tuple(
    Column(
        f"{token}_{side}s_{what}",
        _LEVELS,
        unit,
        f"{token.upper()} {side} levels, best first: {text}; null = only the top of book was recorded",
        True,
    )
    for token in ("up", "down")
    for side in ("bid", "ask")
    for what, unit, text in (("px", "USD/share", "prices"), ("sz", "shares", "sizes"))
)

BINARY_QUOTES = Table(
    name="binary_quotes",
    doc="The book of a binary market, both tokens, whenever it changed.",
    time="recv_ns",
    key=("market_id", "source", "recv_ns", "event_ns", "up_bid", "up_ask", "up_bid_size", "up_ask_size"),
    stream=("market_id", "source"),
    columns=(
        EVENT,
        RECV,
        MARKET,
        ASSET,
        *_BOOK,
        *_DEPTH,
        Column("native", STR, "up|down|both", "which token's book was really recorded", True),
        SOURCE,
    ),
)

BINARY_TRADES = Table(
    name="binary_trades",
    doc="Trades of binary markets, as the venue printed them.",
    time="recv_ns",
    key=("market_id", "source", "recv_ns", "event_ns", "token", "price", "size", "taker_side", "seq"),
    stream=("market_id", "source"),
    columns=(
        EVENT,
        RECV,
        MARKET,
        ASSET,
        Column("token", STR, "up|down", "which token changed hands"),
        Column("price", F8, "USD/share", "price of that token"),
        Column("size", F8, "shares", "quantity of that token"),
        Column("taker_side", STR, "buy|sell", "what the taker did with that token; null = unknown", True),
        Column("seq", I8, "1", "place among otherwise equal rows, from 0; null = the venue's rows are distinct", True),
        Column("tx_hash", STR, "hex", "settling transaction, where recorded", True),
        SOURCE,
    ),
)

MARKS = Table(
    name="marks",
    doc="Price observations of markets that were not executable quotes: last trades, mids, price histories.",
    time="recv_ns",
    key=("market_id", "source", "recv_ns", "price_kind"),
    stream=("market_id", "source"),
    columns=(
        EVENT,
        RECV,
        MARKET,
        ASSET,
        Column("yes_price", F8, "USD/share", "price of YES or UP", True),
        Column("no_price", F8, "USD/share", "price of NO or DOWN", True),
        Column("price_kind", STR, "name", "mid, last, history, gamma_outcome_price, ..."),
        SOURCE,
    ),
)
