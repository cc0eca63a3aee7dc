"""The tables of the catalog, column by column, with units. This is the only place that defines them.

Times are UTC epoch **nanoseconds** (int64). ``event_ns`` is the venue's clock and may be null;
``recv_ns`` is ours, is never null and never decreases within a stream. Decisions see the world by
``recv_ns`` only. Binary prices are dollars per share in 0-1; a missing side of a book is null, never
0 or 1. Sizes are shares (binaries) or base coin (spot).
"""

from __future__ import annotations

from arena.market.schema.binary import BINARY_QUOTES, BINARY_TRADES, MARKS, WINDOWS
from arena.market.schema.columns import NO_COIN, Column, Table
from arena.market.schema.exchange import BARS, FUNDING, IMPLIED_VOL, L2, ORACLE, SPOT, TRADES
from arena.market.schema.people import WALLET_FILLS, WALLET_RANKS
from arena.market.schema.universe import PAIRS, UNIVERSE, UNIVERSE_QUOTES
from arena.market.schema.watch import CLOCK, GAPS

SCHEMA_VERSION = 3
"""2 added sizes to ``spot``, ids to ``windows``, the feed to the key of ``oracle``, and thirteen tables; 3 added the
place within a message to ``l2``."""

TABLES: dict[str, Table] = {
    t.name: t
    for t in (
        *(WINDOWS, BINARY_QUOTES, BINARY_TRADES, MARKS),
        *(SPOT, TRADES, L2, BARS, FUNDING, IMPLIED_VOL, ORACLE),
        *(WALLET_FILLS, WALLET_RANKS),
        *(UNIVERSE, UNIVERSE_QUOTES, PAIRS),
        *(GAPS, CLOCK),
    )
}
"""Every table, by name, in the order in which they are written: windows before what refers to them."""

__all__ = [
    "BARS", "BINARY_QUOTES", "BINARY_TRADES", "CLOCK", "FUNDING", "GAPS", "IMPLIED_VOL", "L2", "MARKS", "NO_COIN",
    "ORACLE", "PAIRS", "SCHEMA_VERSION", "SPOT", "TABLES", "TRADES", "UNIVERSE", "UNIVERSE_QUOTES", "WALLET_FILLS",
    "WALLET_RANKS", "WINDOWS", "Column", "Table",
]  # fmt: skip
