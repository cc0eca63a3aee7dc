"""A venue's whole universe: which markets there are, how they relate, and what they were quoted at."""

from __future__ import annotations

import polars as pl

from arena.market.schema.columns import ASSET, EVENT, F8, MARKET, NS, RECV, SOURCE, STR, Column, Table

UNIVERSE = Table(
    name="universe",
    doc="One row per market in a snapshot of the venue's list. Markets of one group exclude or contain one another.",
    time="recv_ns",
    key=("market_id", "source", "recv_ns"),
    stream=("market_id", "source"),
    columns=(
        RECV,
        MARKET,
        ASSET,
        Column("question", STR, "text", "what it asks", True),
        Column("group_id", STR, "id", "event or question shared by related markets", True),
        Column("category", STR, "name", "politics, sports, crypto, ...", True),
        Column("condition_id", STR, "hex", "venue's condition id", True),
        Column("start_ns", NS, "ns UTC", "when it opened, or was first seen", True),
        Column("end_ns", NS, "ns UTC", "when it ends, or was last seen", True),
        Column("closed_ns", NS, "ns UTC", "when it was closed", True),
        Column("lower", F8, "USD", "price band: YES pays from this price on (inclusive)", True),
        Column("upper", F8, "USD", "price band: YES pays below this price", True),
        Column("outcome", STR, "yes|no|name", "official or inferred outcome; null = unknown", True),
        Column("outcome_source", STR, "name", "api = official; anything else is somebody's guess", True),
        Column("best_bid", F8, "USD/share", "best bid for YES at the snapshot", True),
        Column("best_ask", F8, "USD/share", "best ask for YES at the snapshot", True),
        Column("last_price", F8, "USD/share", "last trade of YES", True),
        Column("volume", F8, "USD", "traded volume so far", True),
        Column("liquidity", F8, "USD", "displayed liquidity", True),
        Column("tags", pl.List(STR), "names", "the venue's tags", True),
        SOURCE,
    ),
)

UNIVERSE_QUOTES = Table(
    name="universe_quotes",
    doc="Best bid and ask of YES of every market of a universe, sampled; sizes only where recorded.",
    time="recv_ns",
    key=("market_id", "source", "recv_ns", "bid", "ask"),
    stream=("market_id", "source"),
    columns=(
        EVENT,
        RECV,
        MARKET,
        ASSET,
        Column("bid", F8, "USD/share", "best bid for YES", True),
        Column("ask", F8, "USD/share", "best ask for YES", True),
        Column("bid_size", F8, "shares", "size at the bid", True),
        Column("ask_size", F8, "shares", "size at the ask", True),
        SOURCE,
    ),
)

PAIRS = Table(
    name="pairs",
    doc="Two related binary markets seen at one moment: a shorter window inside a longer one that ends with it.",
    time="recv_ns",
    key=("inner_id", "outer_id", "source", "recv_ns", "combo"),
    stream=("source",),
    columns=(
        RECV,
        ASSET,
        Column("nesting", STR, "name", "which length inside which, e.g. 5min15m"),
        Column("combo", STR, "name", "which token of the outer and of the inner market"),
        Column("outer_id", STR, "id", "market_id of the longer window"),
        Column("inner_id", STR, "id", "market_id of the shorter window"),
        Column("outer_ask", F8, "USD/share", "ask of the outer token", True),
        Column("inner_ask", F8, "USD/share", "ask of the inner token", True),
        Column("cost", F8, "USD", "one share of each"),
        Column("depth_usd", F8, "USD", "value displayed on the thinner leg", True),
        Column("outer_open", F8, "USD", "the recorder's spot at the outer open: not the strike", True),
        Column("inner_open", F8, "USD", "the recorder's spot at the inner open: not the strike", True),
        SOURCE,
    ),
)
