"""Checks of exchange recordings: bars that are missing, update ids that skip, rates in the wrong unit."""

from __future__ import annotations

import polars as pl

from arena.units import SECOND
from research.audit.finding import Check, Limits, Measured, measured
from research.audit.view import View, lasting
from research.importers.gaps import IRREGULAR_SILENCE_NS, REGULAR

DAY_NS = 86_400 * SECOND
VALUE_SLACK = 0.01
LARGEST_FEE = 0.07
"""Taker fee at the worst price, as a share of the value: 0.07 (1-p) per dollar. Some recorders add it in."""
UNCOUNTED = 0.5
"""Where half of all messages skip ids, the venue does not number them one by one: nothing can be said."""


def _bar_opens(view: View) -> pl.DataFrame:
    name = pl.format("{} {} {} {} s ({})", "venue", "symbol", "kind", "interval_s", "source").alias("subject")
    step = pl.col("interval_s").cast(pl.Int64) * SECOND
    # A day that was not recorded is for the calendar; only bars of a few per day miss whole days here.
    day = pl.when(pl.col("step") < DAY_NS // 24).then(pl.col("at_ns") // DAY_NS).otherwise(0).alias("day")
    rows = view.bars.select(name, "kind", pl.col("event_ns").alias("at_ns"), step.alias("step"))
    return rows.sort("subject", "at_ns").with_columns(day)


def bar_holes(view: View) -> pl.DataFrame:
    """Spans without a bar within a recorded day: ``subject, begin_ns, end_ns, lost``, most bars first.

    As at import: a stream of trade bars that leaves out what nothing traded in lacks a bar only after an hour.
    """
    before = pl.col("at_ns").shift(1).over("subject", "day") + pl.col("step")
    regular = (pl.col("at_ns") == before).mean().over("subject") >= REGULAR
    silent = pl.col("end_ns") - pl.col("begin_ns") + pl.col("step") > IRREGULAR_SILENCE_NS
    return (
        _bar_opens(view)
        .with_columns(before.alias("begin_ns"), pl.col("at_ns").alias("end_ns"), regular.alias("regular"))
        .with_columns(((pl.col("end_ns") - pl.col("begin_ns")) // pl.col("step")).alias("lost"))
        .filter((pl.col("lost") > 0) & (pl.col("regular") | (pl.col("kind") != "trade") | silent))
        .select("subject", "begin_ns", "end_ns", "lost")
        .sort("lost", descending=True)
    )


def missing_bars(view: View) -> Measured:
    """Share of bars absent between the first and the last of each recorded day; of longer bars, of the span."""
    holes = view.once(bar_holes)
    subjects = (
        _bar_opens(view)
        .group_by("subject")
        .agg(pl.len().alias("n"))
        .join(
            holes.group_by("subject").agg(
                pl.col("lost").sum(), pl.len().alias("holes"), pl.col("lost").max().alias("most")
            ),
            on="subject",
            how="left",
        )
        .with_columns(pl.col("lost", "holes", "most").fill_null(0))
        .select(
            "subject",
            (pl.col("lost") / (pl.col("lost") + pl.col("n"))).alias("figure"),
            pl.col("n").alias("over"),
            pl.format("{} missing in {} holes, longest {}", "lost", "holes", "most").alias("detail"),
        )
    )
    examples = holes.select(
        "subject",
        pl.col("begin_ns").alias("at_ns"),
        pl.format("{} bars, {}", "lost", lasting(pl.col("end_ns") - pl.col("begin_ns"))).alias("what"),
    )
    return measured(subjects, examples)


def sequence(view: View) -> Measured:
    """Share of depth messages that do not continue the ids of the one before."""
    name = pl.format("l2/{} {} ({})", "venue", "symbol", "source").alias("subject")
    messages = (
        view.source.scan("l2")
        .filter(~pl.col("is_snapshot") & pl.col("first_id").is_not_null() & pl.col("last_id").is_not_null())
        .select(name, "recv_ns", "first_id", "last_id")
        .unique()
        .sort("subject", "recv_ns", "last_id")
        .with_columns((pl.col("first_id") - pl.col("last_id").shift(1).over("subject") - 1).alias("lost"))
        .collect()
    )
    skips, back = pl.col("lost") > 0, pl.col("lost") < 0
    share = skips.mean()
    subjects = messages.group_by("subject").agg(
        pl.when(share < UNCOUNTED).then(share).alias("figure"),
        pl.len().alias("over"),
        pl.when(share < UNCOUNTED)
        .then(pl.format("{} skips, {} overlaps, largest skip {} ids", skips.sum(), back.sum(),
                        pl.col("lost").max().clip(lower_bound=0).fill_null(0)))
        .otherwise(pl.lit("this venue does not number its messages one by one")).alias("detail"),
    )  # fmt: skip
    examples = (
        messages.filter(skips)
        .sort("lost", descending=True)
        .select(
            "subject",
            pl.col("recv_ns").alias("at_ns"),
            pl.format("{} ids missing before {}", "lost", "first_id").alias("what"),
        )
    )
    return measured(subjects, examples)


def funding(view: View) -> Measured:
    """Typical size of funding, brought to eight hours."""
    hours = pl.col("interval_s").fill_null(28_800) / 3600.0
    rate = (pl.col("rate").abs() * 8.0 / hours).alias("size")
    rows = view.rows(
        "funding", pl.format("{} {} ({})", "venue", "asset", "source").alias("subject"), "event_ns", "rate", rate
    )
    subjects = rows.group_by("subject").agg(
        pl.col("size").median().alias("figure"),
        pl.len().alias("over"),
        pl.format("per charge: median {} bps, from {} to {}",
                  *((1e4 * e).round(2) for e in (pl.col("rate").median(), pl.col("rate").min(), pl.col("rate").max())))
        .alias("detail"),
    )  # fmt: skip
    examples = rows.sort("size", descending=True).select(
        "subject", pl.col("event_ns").alias("at_ns"), pl.format("{} per charge", "rate").alias("what")
    )
    return measured(subjects, examples)


def fill_values(view: View) -> Measured:
    """Share of wallet fills whose value is neither price times size nor that with a fee."""
    rows = view.rows(
        "wallet_fills", pl.format("wallet_fills ({})", "source").alias("subject"), "recv_ns", "market_id", "usd",
        (pl.col("price") * pl.col("size")).alias("value"),
    ).drop_nulls("usd")  # fmt: skip
    off = ~pl.col("usd").is_between(
        pl.col("value") * (1.0 - VALUE_SLACK) - 0.01, pl.col("value") * (1.0 + VALUE_SLACK + LARGEST_FEE) + 0.01
    )
    subjects = rows.group_by("subject").agg(
        off.mean().alias("figure"),
        pl.len().alias("over"),
        pl.format("median usd / (price × size) of those: {}", (pl.col("usd") / pl.col("value")).filter(off).median()
                  .fill_null(1.0).round(3)).alias("detail"),
    )  # fmt: skip
    examples = (
        rows.filter(off)
        .sort((pl.col("usd") - pl.col("value")).abs(), descending=True)
        .select(
            "subject",
            pl.col("recv_ns").alias("at_ns"),
            pl.format("{}: {} USD for {}", "market_id", pl.col("usd").round(2), pl.col("value").round(2)).alias("what"),
        )
    )
    return measured(subjects, examples)


CHECKS = (
    Check(
        "missing_bars",
        "Are bars missing within a recorded day?",
        "Share of bars absent between the first and the last of a day (of hourly and daily bars: of the span)",
        "Indicators that count bars stretch over the hole, and a return across it is taken for one of a single bar.",
        Limits(0.001, 0.1, "share", "a bar a day is 0.0007; a tenth is what bars without trades come to"),
        missing_bars,
    ),
    Check(
        "l2_sequence",
        "Do depth messages follow one another?",
        "Share of messages whose first id does not follow the last id before it",
        "A lost message leaves levels in the rebuilt book that are gone: queue positions and fills against ghosts.",
        Limits(0.0, 0.001, "share", "one loss spoils the book until the next snapshot; one in a thousand always"),
        sequence,
    ),
    Check(
        "funding_magnitude",
        "Is funding a fraction?",
        "Median size of the rate per eight hours",
        "A percent taken for a fraction charges a hundred times the carry, and turns every perpetual against us.",
        Limits(0.001, 0.005, "per 8 h", "the usual rate is 0.0001; ten times that is a mania, fifty times a unit"),
        funding,
    ),
    Check(
        "fill_value",
        "Is the value of a fill its price times its size?",
        "Share of fills whose value is over 1 % off, a taker fee allowed for",
        "Copied stakes and profits of wallets would be scaled by whatever was mixed in.",
        Limits(0.01, 0.5, "share", "what rounding and partial fees leave; half of all fills is another unit"),
        fill_values,
    ),
)
