"""Who trades: fills of single wallets and their rankings."""

from __future__ import annotations

from arena.market.schema.columns import ASSET, EVENT, F8, I4, I8, MARKET, RECV, SOURCE, STR, Column, Table

WALLET_FILLS = Table(
    name="wallet_fills",
    doc="Fills of known wallets. The venue's times are whole block seconds: never order them against books.",
    time="recv_ns",
    key=("wallet", "source", "recv_ns", "event_ns", "market_id", "token", "side", "price", "size", "tx_hash", "seq"),
    stream=("wallet", "source"),
    columns=(
        EVENT,
        RECV,
        Column("wallet", STR, "address", "who traded"),
        MARKET,
        ASSET,
        Column("token", STR, "name", "outcome bought or sold: up, down, yes, no, or a name; lower case"),
        Column("side", STR, "buy|sell", "what the wallet did"),
        Column("price", F8, "USD/share", "price"),
        Column("size", F8, "shares", "quantity"),
        Column("usd", F8, "USD", "value", True),
        Column("seq", I8, "1", "place among otherwise equal rows, from 0", True),
        Column("tx_hash", STR, "hex", "settling transaction, where recorded", True),
        Column("condition_id", STR, "hex", "venue's condition id", True),
        Column("question", STR, "text", "the market's question", True),
        Column("wallet_age_hours", F8, "h", "age of the wallet at the fill", True),
        Column("wallet_open_positions", I8, "1", "positions the wallet held", True),
        SOURCE,
    ),
)

WALLET_RANKS = Table(
    name="wallet_ranks",
    doc="Leaderboard snapshots. Profit is of a trailing span, so consecutive snapshots overlap.",
    time="recv_ns",
    key=("wallet", "source", "recv_ns", "timeframe", "rank_combined"),
    stream=("source",),
    columns=(
        RECV,
        Column("wallet", STR, "address", "who"),
        ASSET,
        Column("timeframe", STR, "name", "span of the ranking; null = not recorded", True),
        Column("rank_combined", I4, "1", "place, 1 = best", True),
        Column("rank_pnl", I4, "1", "place by profit", True),
        Column("rank_volume", I4, "1", "place by volume", True),
        Column("pnl_usd", F8, "USD", "profit over the span", True),
        Column("volume_usd", F8, "USD", "volume over the span", True),
        Column("score", F8, "1", "the recorder's score", True),
        SOURCE,
    ),
)
