"""Named quality rules: what makes a recorded row unusable, and what it would have done to a backtest.

A rule is data: a name, the tables it reads, one sentence, and a function that returns a polars
expression marking bad rows. :func:`screen` applies them and splits a frame into clean and bad rows; a
bad row carries the name of the first rule it breaks, in the order of :data:`RULES`. Nothing is dropped:
clean plus bad is the input.

Rules that look at one row come first. ``duplicate`` and ``time_back`` compare rows with one another, so
each of them sees only the rows that passed every rule before it: a broken row must not condemn a good one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import polars as pl

from arena.errors import DataError
from arena.market.schema import TABLES, Table
from arena.units import SECOND

PARITY_SLACK = 0.02
"""How far below one dollar both asks (or above it both bids) may sum before the row is refused, USD/share."""

_FLOAT_SLACK = 1e-9  # 0.49 + 0.49 is not exactly 0.98 in binary floating point
_TOKENS = ("up", "down")
_SIDES = ("bid", "ask")
_BINARY_PRICES = tuple(f"{token}_{side}" for token in _TOKENS for side in _SIDES)

EARLIEST_NS = 1_420_070_400 * SECOND
"""2015-01-01 UTC. A time before it is a unit mistake: milliseconds read as nanoseconds are in 1970."""
LATEST_NS = 4_102_444_800 * SECOND
"""2100-01-01 UTC."""


@dataclass(frozen=True, slots=True)
class Seam:
    """Where new rows meet rows that were kept before: what ``duplicate`` and ``time_back`` need of those.

    ``keys`` are held rows with the columns of :func:`duplicate_key`, at least those that a new row could
    repeat; ``latest`` has the table's stream columns and ``recv_ns``, the latest of each stream (ns UTC), at
    least of the streams in which a new row could be late.
    """

    keys: pl.DataFrame
    latest: pl.DataFrame


@dataclass(frozen=True, slots=True)
class Facts:
    """What a rule may look at.

    ``frame`` conforms to ``table``; ``markets`` are the market ids that have a windows row, or None when
    that is not known (``unknown_market`` is then silent); ``seam`` is None when nothing was kept before.
    """

    table: Table
    frame: pl.DataFrame
    markets: pl.Series | None = None
    seam: Seam | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """One quality rule.

    ``doc`` says what it catches and what it would do to a backtest. ``mark`` returns a boolean
    expression over the frame (null counts as good), or None when the rule has nothing to say.
    ``relational`` rules compare rows and see only the rows that all earlier rules passed.
    """

    name: str
    tables: tuple[str, ...]
    doc: str
    mark: Callable[[Facts], pl.Expr | None]
    relational: bool = False


def _any(marks: Iterable[pl.Expr]) -> pl.Expr | None:
    listed = list(marks)
    return pl.any_horizontal(*(m.fill_null(False) for m in listed)) if listed else None


def _null_required(facts: Facts) -> pl.Expr | None:
    return _any(
        pl.col(c.name).is_null() for c in facts.table.columns if not c.nullable and facts.frame[c.name].null_count()
    )


def _not_finite(facts: Facts) -> pl.Expr | None:
    return _any(~pl.col(c.name).is_finite() for c in facts.table.columns if c.dtype == pl.Float64)


def _binary_price(facts: Facts) -> pl.Expr | None:
    return _any((pl.col(p) <= 0.0) | (pl.col(p) >= 1.0) for p in _BINARY_PRICES)


def _positive(*names: str) -> Callable[[Facts], pl.Expr | None]:
    return lambda facts: _any(pl.col(name) <= 0.0 for name in names)


def _price_out_of_range(facts: Facts) -> pl.Expr | None:
    prices = {
        "binary_quotes": _binary_price,
        "spot": _positive("bid", "ask", "last"),
        "oracle": _positive("price"),
        "windows": _positive("strike", "settle_price"),
    }
    return prices[facts.table.name](facts)


def _crossed_book(facts: Facts) -> pl.Expr | None:
    if facts.table.name == "spot":
        return pl.col("bid") >= pl.col("ask")
    return _any(pl.col(f"{token}_bid") >= pl.col(f"{token}_ask") for token in _TOKENS)


def _negative_size(facts: Facts) -> pl.Expr | None:
    if facts.table.name == "windows":
        return _any(pl.col(name) < 0.0 for name in ("volume", "min_order_size"))
    return _any(pl.col(f"{price}_size") < 0.0 for price in _BINARY_PRICES)


def _phantom_level(facts: Facts) -> pl.Expr | None:
    return _any(pl.col(price).is_not_null() & (pl.col(f"{price}_size") == 0.0) for price in _BINARY_PRICES)


def _bad_depth(facts: Facts) -> pl.Expr | None:
    marks: list[pl.Expr] = []
    for token in _TOKENS:
        for side in _SIDES:
            px_name, sz_name = f"{token}_{side}s_px", f"{token}_{side}s_sz"
            if facts.frame[px_name].null_count() == facts.frame.height == facts.frame[sz_name].null_count():
                continue  # no depth in this recording: spare the list work
            px, sz = pl.col(px_name), pl.col(sz_name)
            step = px.list.diff(null_behavior="drop")
            wrong_way = step.list.max() >= 0.0 if side == "bid" else step.list.min() <= 0.0
            marks += [
                px.is_null() != sz.is_null(),
                px.list.len() != sz.list.len(),
                px.list.eval(pl.element().is_null() | ~pl.element().is_finite()).list.any(),
                sz.list.eval(pl.element().is_null() | ~pl.element().is_finite()).list.any(),
                px.list.min() <= 0.0,
                px.list.max() >= 1.0,
                sz.list.min() <= 0.0,
                wrong_way,
                px.is_not_null() & px.list.first().ne_missing(pl.col(f"{token}_{side}")),
            ]
    return _any(marks)


def _empty_book(facts: Facts) -> pl.Expr | None:
    prices = _BINARY_PRICES if facts.table.name == "binary_quotes" else ("bid", "ask", "last")
    return pl.all_horizontal(*(pl.col(price).is_null() for price in prices))


def _parity_break(facts: Facts) -> pl.Expr | None:
    slack = PARITY_SLACK + _FLOAT_SLACK
    return _any(
        [
            pl.col("up_ask") + pl.col("down_ask") < 1.0 - slack,
            pl.col("up_bid") + pl.col("down_bid") > 1.0 + slack,
        ]
    )


def _unknown_market(facts: Facts) -> pl.Expr | None:
    if facts.markets is None:
        return None
    return ~pl.col("market_id").is_in(facts.markets.unique().implode())


def _bad_window(facts: Facts) -> pl.Expr | None:
    interval_ns = pl.col("interval_s").cast(pl.Int64) * SECOND
    # A zero interval would make the remainder null and slip through; it is caught by the first mark.
    return _any(
        [
            interval_ns <= 0,
            pl.col("close_ns") != pl.col("open_ns") + interval_ns,
            (pl.col("venue") == "polymarket") & (pl.col("open_ns") % interval_ns != 0),
        ]
    )


def _bad_outcome(facts: Facts) -> pl.Expr | None:
    return _any([~pl.col("outcome").is_in(["up", "down"]), pl.col("resolved_ns") < pl.col("close_ns")])


def _bad_gap(facts: Facts) -> pl.Expr | None:
    return pl.col("until_ns") <= pl.col("recv_ns")


def duplicate_key(table: Table) -> list[str]:
    """The columns by which ``duplicate`` knows a row again."""
    if table.name != "binary_quotes":
        return list(table.key)
    # With both tokens recorded, DOWN may change twice in a millisecond while UP stands still: no repeat.
    return list(dict.fromkeys([*table.key, *(f"down_{side}{what}" for side in _SIDES for what in ("", "_size"))]))


def _duplicate(facts: Facts) -> pl.Expr | None:
    key = duplicate_key(facts.table)
    frame, held = facts.frame.select(key), 0
    if facts.seam is not None and facts.seam.keys.height:
        held = facts.seam.keys.height
        frame = pl.concat([facts.seam.keys.select(key), frame])
    # Rows with one key share every part of it: compare whole keys only where an integer part repeats.
    part = next((name for name in key if frame.schema[name] == pl.Int64), key[0])
    if not frame[part].null_count() and frame[part].is_sorted():
        repeats = (pl.col(part) == pl.col(part).shift(1)) | (pl.col(part) == pl.col(part).shift(-1))
    else:
        repeats = pl.col(part).is_duplicated()
    candidates = frame.select(pl.arg_where(repeats.fill_null(False))).to_series()
    if candidates.is_empty():
        return None
    again = frame[candidates].select(~pl.struct(key).is_first_distinct()).to_series()
    later = candidates.filter(again & (candidates >= held))
    if later.is_empty():
        return None
    return pl.int_range(pl.len(), dtype=pl.UInt32).is_in((later - held).cast(pl.UInt32).implode())


def _time_back(facts: Facts) -> pl.Expr | None:
    time, stream = pl.col("recv_ns"), list(facts.table.stream)
    marks = []
    if not facts.frame["recv_ns"].is_sorted():
        # Against the latest time so far, not the row before: after one late row the next early one is late too.
        marks.append(time < time.cum_max().over(stream))
    if facts.seam is not None and facts.seam.latest.height:
        latest = facts.seam.latest.select(*stream, pl.col("recv_ns").alias("__latest"))
        known = facts.frame.select(stream).join(latest, on=stream, how="left", maintain_order="left")
        marks.append(time < pl.lit(known["__latest"]))
    return _any(marks)


_MARKET_DATA = ("binary_quotes", "spot", "oracle")

RULES: tuple[Rule, ...] = (
    Rule(
        "null_required",
        tuple(TABLES),
        "A column that may not be null is null; the row cannot be placed in time or in a stream.",
        _null_required,
    ),
    Rule(
        "not_finite",
        ("windows", *_MARKET_DATA),
        "A number is NaN or infinite; one of them turns every later volatility and profit into NaN.",
        _not_finite,
    ),
    Rule(
        "price_out_of_range",
        ("windows", *_MARKET_DATA),
        "A binary price is not strictly between 0 and 1, or a coin price is not positive; buying at 0 is free money.",
        _price_out_of_range,
    ),
    Rule(
        "negative_size",
        ("windows", "binary_quotes"),
        "A size or volume is negative; a fill against it would pay us to trade.",
        _negative_size,
    ),
    Rule(
        "phantom_level",
        ("binary_quotes",),
        "A best price is shown with size zero; a touch fill would trade where nothing was offered.",
        _phantom_level,
    ),
    Rule(
        "crossed_book",
        ("binary_quotes", "spot"),
        "Bid is at or above ask on one book; a backtest would buy and sell at once for a profit nobody could take.",
        _crossed_book,
    ),
    Rule(
        "bad_depth",
        ("binary_quotes",),
        "Level lists differ in length, are not best first, hold impossible values or contradict the top of book; "
        "walking them would fill at prices that were never there.",
        _bad_depth,
    ),
    Rule(
        "empty_book",
        ("binary_quotes", "spot"),
        "No price at all; as a quote it would look like a fresh market with nothing in it and hide a dead feed.",
        _empty_book,
    ),
    Rule(
        "parity_break",
        ("binary_quotes",),
        "Both asks sum well below 1, or both bids well above it; buying (selling) the pair locks a profit that "
        "never existed: the two books were not seen at one moment.",
        _parity_break,
    ),
    Rule(
        "unknown_market",
        ("binary_quotes",),
        "The quote's market has no windows row; a position in it could never be settled.",
        _unknown_market,
    ),
    Rule(
        "bad_window",
        ("windows",),
        "Close is not open plus interval, or a Polymarket window does not open on a multiple of its interval; "
        "time to expiry, and with it every fair value, would be wrong.",
        _bad_window,
    ),
    Rule(
        "bad_outcome",
        ("windows",),
        "The outcome is neither up nor down, or was published before the window closed; settlement would invent "
        "or foresee the result.",
        _bad_outcome,
    ),
    Rule(
        "bad_gap",
        ("gaps",),
        "A gap ends before it begins; it would hide no silence at all.",
        _bad_gap,
    ),
    Rule(
        "duplicate",
        tuple(TABLES),
        "A row with the same key came before; counting it twice doubles volumes, windows and trades.",
        _duplicate,
        relational=True,
    ),
    Rule(
        "time_back",
        _MARKET_DATA,
        "The receive time is earlier than one already seen in its stream; replaying it would show a strategy "
        "the past as news, or the future too early.",
        _time_back,
        relational=True,
    ),
)
"""Every rule, in the order in which they name a bad row."""


def rules_for(table_name: str) -> tuple[Rule, ...]:
    """The rules that read one table, in order.

    >>> [rule.name for rule in rules_for("oracle")]
    ['null_required', 'not_finite', 'price_out_of_range', 'duplicate', 'time_back']
    """
    return tuple(rule for rule in RULES if table_name in rule.tables)


def screen(
    table: Table,
    frame: pl.DataFrame,
    markets: pl.Series | Iterable[str] | None = None,
    seam: Seam | None = None,
    compare: bool = True,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Split ``frame`` into clean and bad rows.

    Args:
        table: which table the rows belong to.
        frame: rows of that table in file order; absent nullable columns are filled with null.
        markets: market ids that have a windows row; None leaves ``unknown_market`` out.
        seam: rows that were kept before these; None when there are none.
        compare: run the rules that compare rows with one another.

    Returns:
        ``(clean, bad)``: both keep the order of ``frame``; ``bad`` has one more column, ``rule``, with the
        name of the first rule the row breaks. Screening ``clean`` again finds nothing.

    Raises:
        DataError: a required column is absent or an unknown one is present.
    """
    frame = table.conform(frame)
    if markets is not None and not isinstance(markets, pl.Series):
        markets = pl.Series("market_id", list(markets), dtype=pl.String)
    rules = rules_for(table.name)
    clean, broken = _split(table, frame.with_row_index("__row"), [r for r in rules if not r.relational], markets, seam)
    bad = [broken]
    for rule in rules:
        if rule.relational and compare:
            clean, broken = _split(table, clean, [rule], markets, seam)
            bad.append(broken)
    return clean.drop("__row"), pl.concat(bad).sort("__row").drop("__row")


def _split(
    table: Table, frame: pl.DataFrame, rules: list[Rule], markets: pl.Series | None, seam: Seam | None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    facts = Facts(table, frame, markets, seam)
    marks = [(rule.name, mark) for rule in rules if (mark := rule.mark(facts)) is not None]
    if not marks:
        return frame, frame.clear().with_columns(pl.lit(None, pl.String).alias("rule"))
    named = pl.coalesce(pl.when(mark).then(pl.lit(name)) for name, mark in marks).cast(pl.String)
    verdict = frame.select(named.alias("rule")).to_series()
    if verdict.null_count() == frame.height:
        return frame, frame.clear().with_columns(pl.lit(None, pl.String).alias("rule"))
    good = verdict.is_null()
    return frame.filter(good), frame.with_columns(verdict).filter(~good)


def check_times(table: Table, frame: pl.DataFrame, where: str) -> None:
    """Refuse times that cannot be UTC nanoseconds between 2015 and 2100 (rule ``time_unit``).

    This is a unit mistake of a whole file (milliseconds, seconds, local dates), not a bad row: it is
    refused, never quarantined.

    Args:
        table: the table ``frame`` conforms to.
        frame: its rows; null times are not looked at.
        where: the file or writer to name in the error.

    Raises:
        DataError: names the first offending row, column and value.
    """
    for column in table.columns:
        if column.unit != "ns UTC" or column.name not in frame.columns:
            continue
        times = frame[column.name]
        wrong = (times < EARLIEST_NS) | (times > LATEST_NS)
        if wrong.any():
            row = int(wrong.arg_true()[0])
            raise DataError(
                f"{where}, row {row}: {column.name} = {times[row]} breaks rule time_unit: read as nanoseconds UTC "
                "it lies outside 2015-2100. Convert the recording's times (milliseconds × 1,000,000) before importing."
            )
