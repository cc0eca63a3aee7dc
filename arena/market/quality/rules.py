"""Every rule, in the order in which they name a bad row."""

from __future__ import annotations

import polars as pl

from arena.market.quality import books, jump, order, ranges, records, times
from arena.market.quality.rule import Rule
from arena.market.schema import TABLES

_NUMBERS = tuple(name for name, table in TABLES.items() if pl.Float64 in table.schema.values())
_ARRIVALS = tuple(name for name, table in TABLES.items() if table.time == "recv_ns" and name != "gaps")
"""Tables whose rows are news when they arrive. A gap is written when it ends, with the time it began."""
_TWO_CLOCKS = tuple(name for name, table in TABLES.items() if {"event_ns", "recv_ns"} <= set(table.schema))

RULES: tuple[Rule, ...] = (
    Rule(
        "null_required",
        tuple(TABLES),
        "A column that may not be null is null; the row cannot be placed in time or in a stream.",
        records.null_required,
    ),
    Rule(
        "time_unit",
        tuple(TABLES),
        "A time outside 2015-2100, in another unit than nanoseconds or from a clock that was never set; the row would "
        "be replayed in another year. Where most rows of a file have one, the file is refused.",
        times.time_unit,
    ),
    Rule(
        "not_finite",
        _NUMBERS,
        "A number is NaN or infinite; one of them turns every later volatility and profit into NaN.",
        records.not_finite,
    ),
    Rule(
        "price_out_of_range",
        tuple(ranges.PRICES),
        "A binary price is not strictly between 0 and 1, or a coin price is not positive; buying at 0 is free money.",
        ranges.outside(ranges.PRICES),
    ),
    Rule(
        "negative_size",
        tuple(ranges.SIZES),
        "A size, volume or count is negative; a fill against it would pay us to trade.",
        ranges.outside(ranges.SIZES),
    ),
    Rule(
        "empty_trade",
        tuple(ranges.TRADED),
        "A trade of size zero; counted as a trade it would fill resting orders without anybody selling.",
        ranges.outside(ranges.TRADED),
    ),
    Rule(
        "phantom_level",
        ("binary_quotes", "spot", "l2", "universe_quotes"),
        "A best price or a level of a snapshot is shown with size zero; a touch fill would trade where nothing was "
        "offered.",
        books.phantom,
    ),
    Rule(
        "crossed_book",
        ("binary_quotes", "spot", "l2", "bars", "universe", "universe_quotes"),
        "Bid is above ask on one book (of a binary market: at or above, for its engine trades what meets); a backtest "
        "would buy and sell at once for a profit nobody could take.",
        books.crossed,
    ),
    Rule(
        "bad_depth",
        ("binary_quotes",),
        "Level lists differ in length, are not best first, hold impossible values or contradict the price or size of "
        "the top of book; walking them would fill at prices that were never there.",
        books.depth,
    ),
    Rule(
        "empty_book",
        ("binary_quotes", "marks", "spot", "bars", "universe_quotes"),
        "No price at all; as a quote it would look like a fresh market with nothing in it and hide a dead feed.",
        books.empty,
    ),
    Rule(
        "parity_break",
        ("binary_quotes",),
        "Both asks sum well below 1, or both bids well above it; buying (selling) the pair locks a profit that "
        "never existed: the two books were not seen at one moment.",
        books.parity,
    ),
    Rule(
        "complement_break",
        ("binary_quotes",),
        "Prices of a token whose book was not recorded are not one dollar less those of the other token; a fill on "
        "that side would be at a price that nobody derived from anything.",
        books.complement,
    ),
    Rule(
        "unknown_market",
        ("binary_quotes",),
        "The quote's market has no windows row; a position in it could never be settled.",
        records.unknown_market,
    ),
    Rule(
        "bad_window",
        ("windows",),
        "Close is not open plus interval, or a Polymarket window does not open on a multiple of its interval; "
        "time to expiry, and with it every fair value, would be wrong.",
        records.window,
    ),
    Rule(
        "bad_identity",
        ("windows",),
        "Both sides are one token, or the coin, length or open is not the one in the market's name; quotes, strikes "
        "and outcomes of another market would be joined to it.",
        records.identity,
    ),
    Rule(
        "bad_outcome",
        ("windows",),
        "The outcome is neither up nor down, or was published before the window closed; settlement would invent "
        "or foresee the result.",
        records.outcome,
    ),
    Rule(
        "bad_terms",
        tuple(ranges.TERMS),
        "A fee, rebate, tick or smallest order that no venue could have: a percent for a fraction, a tick wider than "
        "the market; every fill would be charged or rounded wrongly.",
        ranges.outside(ranges.TERMS),
    ),
    Rule(
        "bad_interval",
        tuple(ranges.INTERVALS),
        "A bar or a funding charge lasts no time; rates per interval and the moment a bar is known would be nonsense.",
        ranges.outside(ranges.INTERVALS),
    ),
    Rule(
        "bad_bar",
        ("bars",),
        "High is below, or low above, a price of the bar, takers bought more than was traded, or a bar of trades has "
        "no close; range volatility and stops within the bar would be computed from prices that were not there.",
        records.bar,
    ),
    Rule(
        "bar_known_early",
        ("bars",),
        "A bar is known before it has ended; a strategy would trade on its close while it was still being made.",
        records.bar_known_early,
    ),
    Rule(
        "bar_known_late",
        ("bars",),
        "A bar is known over a year after it has ended; a strategy would take a price of long ago for news, or, if the "
        "time is a mistake, never see the bar.",
        records.bar_known_late,
    ),
    Rule(
        "event_ahead",
        _TWO_CLOCKS,
        "The venue's time is over a day after the row was received; matched by venue time it would tell a strategy "
        "about a day that had not come.",
        records.event_ahead,
    ),
    Rule(
        "bad_ids",
        ("l2",),
        "The first update id of a message is above its last; the rebuilt book would skip the message or wait for ids "
        "that never come, and show levels that are gone.",
        records.update_ids,
    ),
    Rule(
        "bad_value",
        ("wallet_fills",),
        "A fill is worth more than its shares can ever pay; the wallet's stake, and every copy of it, would be that "
        "much too large.",
        records.fill_value,
    ),
    Rule(
        "funding_unit",
        tuple(ranges.FUNDING),
        f"Funding of more than {ranges.FUNDING_LIMIT:.0%} per charge, which no exchange levies: a percent read as a "
        "fraction; carry would be a hundred times too large.",
        ranges.outside(ranges.FUNDING),
    ),
    Rule(
        "vol_unit",
        tuple(ranges.VOL),
        "Annual volatility below 2 % or above 500 %: a percent read as a fraction or the reverse; every fair value "
        "priced with it would be a coin toss or a certainty.",
        ranges.outside(ranges.VOL),
    ),
    Rule(
        "unknown_word",
        tuple(records.VOCABULARIES),
        "A side, token or kind that the column does not know; a trade read with the wrong side turns pressure to buy "
        "into pressure to sell.",
        records.unknown_word,
    ),
    Rule(
        "bad_cost",
        ("pairs",),
        "The cost of a pair is not the sum of its asks; the profit of buying both would be made up.",
        records.pair_cost,
    ),
    Rule(
        "bad_band",
        ("universe",),
        "A price band's lower end is not below its upper end, or the market ends before it begins; it would exclude "
        "or contain its neighbours wrongly.",
        records.band,
    ),
    Rule(
        "bad_rank",
        tuple(ranges.RANKS),
        "A place of a ranking below 1; the best wallets would be the wrong ones.",
        ranges.outside(ranges.RANKS),
    ),
    Rule(
        "bad_round_trip",
        tuple(ranges.ROUND_TRIPS),
        "An answer that arrived before its question; latency measured from it would be negative.",
        ranges.outside(ranges.ROUND_TRIPS),
    ),
    Rule(
        "bad_gap",
        ("gaps",),
        "A gap ends before it begins; it would hide no silence at all.",
        records.gap,
    ),
    Rule(
        "duplicate",
        tuple(TABLES),
        "A row with the same key came before; counting it twice doubles volumes, windows and trades.",
        order.duplicate,
        relational=True,
    ),
    Rule(
        "time_jump",
        _ARRIVALS,
        "The receive time is over a minute ahead of the rows that follow, and those are more: a clock went wrong and "
        "came back. Replaying it would show the row when it was long known, and refuse all that follows as the past.",
        jump.time_jump,
        relational=True,
    ),
    Rule(
        "time_back",
        _ARRIVALS,
        "The receive time is earlier than one already seen in its stream; replaying it would show a strategy "
        "the past as news, or the future too early.",
        order.time_back,
        relational=True,
    ),
)
"""Every rule, in the order in which they name a bad row."""


def rules_for(table_name: str) -> tuple[Rule, ...]:
    """The rules that read one table, in order.

    >>> [rule.name for rule in rules_for("gaps")]
    ['null_required', 'time_unit', 'bad_gap', 'duplicate']
    """
    return tuple(rule for rule in RULES if table_name in rule.tables)
