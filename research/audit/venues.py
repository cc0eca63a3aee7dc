"""Checks of price feeds against one another: who stands still, who is off, what lies between oracle and spot."""

from __future__ import annotations

import polars as pl

from research.audit.finding import Check, Limits, Measured, measured
from research.audit.view import MINUTE, View, undeclared

MOVE_BPS = 5.0
"""A minute in which the other feeds moved this much: more than any tick, spread or conversion noise of a coin."""
MIN_MINUTES = 30
"""Fewer common minutes say nothing about a feed."""

OUTLIER_SCALES = 10.0
OUTLIER_BPS = 10.0
SCALE_FLOOR_BPS = 1.0
"""An outlier is ten robust deviations (1.4826 MAD, at least 1 bp) and 10 bps from where the feed usually lies
beside the median: normal noise reaches ten deviations never, a fat-tailed one a few times in a million."""

_KEY = ["subject", "asset", "stream", "source"]


def _beside(view: View) -> pl.DataFrame:
    """Minutes of coins with at least two feeds, with ``rivals`` = feeds of the coin in that minute."""
    return view.minutes.with_columns(pl.len().over("asset", "minute").alias("rivals")).filter(
        pl.col("subject").n_unique().over("asset") > 1
    )


def stuck(view: View) -> Measured:
    """Share of the minutes in which the others moved and this feed did not."""
    minutes = _beside(view).sort("subject", "minute")
    after = pl.col("minute") - pl.col("minute").shift(1) == MINUTE
    step = pl.when(after.over("subject")).then((pl.col("last").log().diff() * 1e4).over("subject")).alias("bps")
    minutes = minutes.with_columns(step)
    spans = minutes.group_by(_KEY).agg(pl.col("minute").min().alias("first"), pl.col("minute").max().alias("end"))
    others = spans.join(minutes.select("asset", "minute", "bps", other="subject"), on="asset").filter(
        (pl.col("other") != pl.col("subject")) & pl.col("minute").is_between("first", "end", closed="right")
    )
    moving = (
        others.group_by(*_KEY, "minute")
        .agg(pl.col("bps").abs().median().alias("theirs"))
        .filter(pl.col("theirs") > MOVE_BPS)
        .join(minutes.select("subject", "minute", "last", "bps", "moved"), on=["subject", "minute"], how="left")
    )
    # A minute without any row is as still as one with equal prices, unless a gap declares it.
    hidden = undeclared(
        moving.with_columns(pl.col("minute").alias("begin_ns"), (pl.col("minute") + MINUTE).alias("end_ns")), view.gaps
    ).filter(pl.col("undeclared_ns") == MINUTE)
    still = (pl.col("bps").fill_null(0.0) == 0.0) & ~pl.col("moved").fill_null(False)
    odd = hidden.with_columns(still.alias("still"))
    subjects = (
        spans.select("subject")
        .join(
            odd.group_by("subject").agg(pl.col("still").mean().alias("share"), pl.len().alias("n")),
            on="subject",
            how="left",
        )
        .select(
            "subject",
            pl.when(pl.col("n") >= MIN_MINUTES).then("share").alias("figure"),
            pl.col("n").fill_null(0).alias("over"),
            pl.format("of {} minutes in which the others moved", pl.col("n").fill_null(0)).alias("detail"),
        )
    )
    examples = (
        odd.filter("still")
        .sort("theirs", descending=True)
        .select(
            "subject",
            pl.col("minute").alias("at_ns"),
            pl.format("others moved {} bps in this minute, this feed did not", pl.col("theirs").round(1)).alias("what"),
        )
    )
    return measured(subjects, examples)


def outliers(view: View) -> Measured:
    """Share of minutes in which a feed lies far from where it usually lies beside the median of all feeds."""
    minutes = _beside(view).filter(pl.col("rivals") > 1)
    off = (1e4 * (pl.col("last") / pl.col("last").median().over("asset", "minute")).log()).alias("off")
    minutes = minutes.with_columns(off)
    usual = minutes.group_by("subject").agg(pl.col("off").median().alias("usual"), pl.len().alias("over"))
    minutes = minutes.join(usual, on="subject", how="left").with_columns((pl.col("off") - pl.col("usual")).alias("odd"))
    scale = (1.4826 * pl.col("odd").abs().median()).clip(lower_bound=SCALE_FLOOR_BPS).over("subject")
    minutes = minutes.with_columns((pl.col("odd") / scale).alias("z"))
    far = (pl.col("z").abs() > OUTLIER_SCALES) & (pl.col("odd").abs() > OUTLIER_BPS)
    subjects = minutes.group_by("subject").agg(
        pl.when(pl.len() >= MIN_MINUTES).then(far.mean()).alias("figure"),
        pl.len().alias("over"),
        pl.format(
            "usually {} bps from the median of the feeds; farthest {} bps",
            pl.col("usual").first().round(2),
            pl.col("odd").abs().max().round(1),
        ).alias("detail"),
    )
    examples = (
        minutes.filter(far)
        .sort(pl.col("odd").abs(), descending=True)
        .select(
            "subject",
            pl.col("minute").alias("at_ns"),
            pl.format("{} at the end of the minute, {} bps off, z {}", "last", pl.col("odd").round(1),
                      pl.col("z").round(1)).alias("what"),
        )
    )  # fmt: skip
    return measured(subjects, examples)


CHECKS = (
    Check(
        "stuck_feed",
        "Does a feed stand still while the others move?",
        "Share of the minutes in which the other feeds of the coin moved over 5 bps and this one not at all",
        "A stuck venue votes for the past in every median and lead-lag signal, and looks like a slow market.",
        Limits(
            0.01, 0.2, "share", "chance makes no feed miss a 5 bps move; at a fifth of the moves it is no live feed"
        ),
        stuck,
    ),
    Check(
        "venue_outlier",
        "Is a feed far from the median of the venues?",
        "Share of minutes over 10 robust deviations and 10 bps from its usual place beside the median",
        "Signals built on the difference of venues would trade on a wrong print, and settle on a price nobody saw.",
        Limits(0.001, 0.01, "share", "one minute in a thousand is a bad print a day; one in a hundred a bad feed"),
        outliers,
    ),
)
