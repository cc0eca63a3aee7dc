"""Checks of the distance between the feed that settles and the prices that are traded on."""

from __future__ import annotations

import polars as pl

from arena.units import SECOND
from research.audit.finding import Check, Limits, Measured, measured
from research.audit.view import MINUTE, View

TOGETHER_NS = 2 * SECOND
"""An oracle report and a spot price are of one moment when their venue times differ by no more."""
_HOUR = 60 * MINUTE
_MIN_PAIRS = 30


def basis(view: View) -> pl.DataFrame:
    """Oracle minus spot at the moments both were seen, in bps of spot: ``subject, at_ns, bps``.

    Each spot price is paired with the nearest oracle report of its coin by venue time; both clocks are the
    venues', so that neither's latency counts as basis. At most one pair a second and stream is kept.
    """
    reports: list[tuple[str, str, pl.DataFrame]] = []
    found = [pl.DataFrame(schema={"subject": pl.String, "at_ns": pl.Int64, "bps": pl.Float64})]
    for feed in view.feeds():  # those of oracles come first
        if feed.stream.startswith("oracle/"):
            reports.append((feed.asset, feed.subject, feed.rows.select("at_ns", report="price").sort("at_ns")))
            continue
        spot = feed.rows.filter("dollars")
        for name, theirs in [(name, theirs) for asset, name, theirs in reports if asset == feed.asset]:
            ours = (
                spot.filter(pl.col("at_ns").is_between(int(theirs["at_ns"][0]), int(theirs["at_ns"][-1])))
                .with_columns((pl.col("at_ns") // SECOND).alias("second"))
                .unique("second", keep="last", maintain_order=True)
                .sort("at_ns")
            )
            pairs = ours.join_asof(theirs, on="at_ns", strategy="nearest", tolerance=TOGETHER_NS).drop_nulls("report")
            found.append(
                pairs.select(
                    pl.lit(f"{name} − {feed.subject}").alias("subject"),
                    "at_ns",
                    (1e4 * (pl.col("report") / pl.col("price")).log()).alias("bps"),
                )
            )
    return pl.concat(found).sort("subject", "at_ns")


def level(view: View) -> Measured:
    """Median distance between the oracle and a spot feed."""
    off = pl.col("bps")
    subjects = (
        view.once(basis)
        .group_by("subject")
        .agg(
            pl.when(pl.len() >= _MIN_PAIRS).then(off.median().abs()).alias("figure"),
            pl.len().alias("over"),
            pl.format(
                "median {}, robust deviation {}, 1 % to 99 %: {} to {} bps",
                off.median().round(2),
                (1.4826 * (off - off.median()).abs().median()).round(2),
                off.quantile(0.01).round(2),
                off.quantile(0.99).round(2),
            ).alias("detail"),
        )
    )
    return measured(subjects)


def drift(view: View) -> Measured:
    """How far the median of an hour wanders, with the largest step between medians of five minutes."""
    rows = view.once(basis)
    hours = (
        rows.group_by("subject", (pl.col("at_ns") // _HOUR * _HOUR).alias("hour"))
        .agg(pl.col("bps").median(), pl.len().alias("n"))
        .filter(pl.col("n") >= 10)
    )
    fives = (
        rows.group_by("subject", (pl.col("at_ns") // (5 * MINUTE)).alias("five"))
        .agg(pl.col("bps").median())
        .sort("subject", "five")
        .with_columns((pl.col("bps").diff().abs()).over("subject").alias("jump"))
        .group_by("subject")
        .agg(pl.col("jump").max())
    )
    subjects = (
        hours.group_by("subject")
        .agg(
            pl.when(pl.len() >= 2).then(pl.col("bps").max() - pl.col("bps").min()).alias("figure"),
            pl.col("n").sum().alias("over"),
            pl.len().alias("hours"),
            pl.col("bps").min().alias("low"),
            pl.col("bps").max().alias("high"),
        )
        .join(fives, on="subject")
        .with_columns(
            pl.format(
                "hourly medians {} to {} bps in {} hours; largest step of five minutes {} bps",
                pl.col("low").round(2), pl.col("high").round(2), "hours", pl.col("jump").fill_null(0.0).round(2),
            ).alias("detail")
        )
    )  # fmt: skip
    middle = pl.col("bps").median().over("subject")
    examples = hours.sort((pl.col("bps") - middle).abs(), descending=True).select(
        "subject",
        pl.col("hour").alias("at_ns"),
        pl.format("median of this hour {} bps", pl.col("bps").round(2)).alias("what"),
    )
    return measured(subjects, examples)


CHECKS = (
    Check(
        "basis_level",
        "How far from the settlement feed is the price that is traded on?",
        "Median of oracle minus spot",
        "A strike from one feed and a price from the other shift every fair value by the basis, in windows that mostly "
        "move less than ten times as much.",
        Limits(2.0, 50.0, "bps", "outcomes flip on moves under 2 bps; 50 bps is another coin, currency or moment"),
        level,
    ),
    Check(
        "basis_drift",
        "Does the distance to the settlement feed wander?",
        "Highest minus lowest hourly median of oracle minus spot",
        "A basis that wanders cannot be subtracted: an edge measured against last hour's basis is its drift.",
        Limits(5.0, 50.0, "bps", "beyond 5 bps the correction is worth more than most edges; 50 is a fault"),
        drift,
    ),
)
