"""Checks of clocks: ours against the venues', and how long news takes."""

from __future__ import annotations

import polars as pl

from arena.units import MS
from research.audit.finding import Check, Limits, Measured, measured
from research.audit.view import View

_CLOCKED = {
    "spot": pl.format("spot/{} {}", "venue", "asset"),
    "oracle": pl.format("oracle/{} {}", "feed", "asset"),
    "binary_quotes": pl.lit("binary_quotes"),
    "binary_trades": pl.lit("binary_trades"),
    "trades": pl.format("trades/{} {}", "venue", "symbol"),
    "l2": pl.format("l2/{} {}", "venue", "symbol"),
}
"""Streams with two clocks. Bars, funding and histories are stamped with what they are of, not with news."""


def delays(view: View) -> pl.DataFrame:
    """Receive minus venue time per stream: ``subject, over, distinct`` and quantiles in ms."""
    found = []
    late = (pl.col("recv_ns") - pl.col("event_ns")) / MS
    for table, name in _CLOCKED.items():
        frame = (
            view.source.scan(table)
            .filter(pl.col("event_ns").is_not_null())
            .group_by(pl.concat_str(name, pl.lit(" ("), "source", pl.lit(")")).alias("subject"))
            .agg(
                pl.len().alias("over"),
                (late != 0.0).any().alias("two_clocks"),
                (late < 0.0).mean().alias("early"),
                *(late.quantile(q).alias(f"p{q * 100:g}") for q in (0.01, 0.5, 0.99)),
                late.max().alias("most"),
                late.min().alias("least"),
                pl.col("recv_ns").get(late.arg_max()).alias("most_ns"),
                pl.col("recv_ns").get(late.arg_min()).alias("least_ns"),
            )
            .collect()
        )  # fmt: skip
        found.append(frame)
    return pl.concat(found)


def skew(view: View) -> Measured:
    """How far receive times run before venue times."""
    rows = view.once(delays)
    two = pl.col("two_clocks")
    subjects = rows.select(
        "subject",
        pl.when(two).then((-pl.col("p1")).clip(lower_bound=0.0)).alias("figure"),
        "over",
        pl.when(two)
        .then(pl.format("{} % before their venue time; median {} ms, least {} ms", (100.0 * pl.col("early")).round(2),
                        pl.col("p50").round(1), pl.col("least").round(1)))
        .otherwise(pl.lit("one clock: venue time is the receive time")).alias("detail"),
    )  # fmt: skip
    examples = rows.filter(pl.col("least") < 0.0).select(
        "subject",
        pl.col("least_ns").alias("at_ns"),
        pl.format("received {} ms before its venue time", (-pl.col("least")).round(1)).alias("what"),
    )
    return measured(subjects, examples)


def latency(view: View) -> Measured:
    """How late the latest hundredth of the rows was."""
    rows = view.once(delays)
    subjects = rows.select(
        "subject",
        pl.when("two_clocks").then(pl.col("p99") / 1e3).alias("figure"),
        "over",
        pl.when("two_clocks")
        .then(pl.format("median {} ms, 99 % {} ms, most {} ms", pl.col("p50").round(1), pl.col("p99").round(1),
                        pl.col("most").round(1)))
        .otherwise(pl.lit("one clock: latency was not recorded")).alias("detail"),
    )  # fmt: skip
    examples = rows.select(
        "subject",
        pl.col("most_ns").alias("at_ns"),
        pl.format("arrived {} ms after its venue time", pl.col("most").round(1)).alias("what"),
    )
    return measured(subjects, examples)


def offset(view: View) -> Measured:
    """How far our clock was from a server's."""
    rows = view.rows("clock", "server", "source", "recv_ns", "offset_ms", "round_trip_ms")
    name = pl.format("clock/{} ({})", "server", "source").alias("subject")
    off = pl.col("offset_ms")
    subjects = rows.group_by(name).agg(
        off.median().abs().alias("figure"),
        pl.len().alias("over"),
        pl.format(
            "median {} ms, from {} to {}, round trip {} ms",
            off.median().round(1), off.min().round(1), off.max().round(1), pl.col("round_trip_ms").median().round(1),
        ).alias("detail"),
    )  # fmt: skip
    examples = rows.sort(off.abs(), descending=True).select(
        name, pl.col("recv_ns").alias("at_ns"), pl.format("{} ms off", off.round(1)).alias("what")
    )
    return measured(subjects, examples)


CHECKS = (
    Check(
        "clock_skew",
        "Is anything received before it happened?",
        "How far receive times run before venue times (1 % quantile, where negative)",
        "A fast clock at the venue or a slow one here hides latency: the backtest sees news before it could arrive.",
        Limits(50.0, 1000.0, "ms", "50 ms is half a decision step of 90 ms; a second is longer than most edges last"),
        skew,
    ),
    Check(
        "latency",
        "How late is news?",
        "99 % quantile of receive minus venue time",
        "Rows that are late by more than a window's last seconds are no news; a backtest on venue time would use them.",
        Limits(5.0, 60.0, "s", "the engine takes a price of 5 s for current; after a minute it is history"),
        latency,
    ),
    Check(
        "clock_offset",
        "Was the recorder's clock right?",
        "Median distance of our clock from a server's",
        "Latencies measured with a wrong clock are wrong by its offset, and so is every fill that depends on them.",
        Limits(100.0, 1000.0, "ms", "a tenth of a second is one decision step; a second changes which book is hit"),
        offset,
    ),
)
