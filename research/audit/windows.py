"""Checks of the windows: are all there, and is it known who won?"""

from __future__ import annotations

import polars as pl

from arena.units import SECOND
from research.audit.finding import Check, Limits, Measured, measured
from research.audit.view import View, lasting

LEAST = 20
"""Fewer windows say nothing about a share of them: one is already a twentieth."""
GROUP = pl.format("{} {} {} s ({})", "venue", "asset", "interval_s", "source").alias("subject")


def _opens(view: View) -> pl.DataFrame:
    step_ns = pl.col("interval_s").cast(pl.Int64) * SECOND
    return view.windows.select(GROUP, "open_ns", "close_ns", step_ns.alias("step")).unique().sort("subject", "open_ns")


def holes(view: View) -> pl.DataFrame:
    """Spans between two windows of one kind that hold none: ``subject, begin_ns, end_ns, lost``, longest first."""
    before = pl.col("close_ns").shift(1).over("subject")
    return (
        _opens(view)
        .with_columns(before.alias("begin_ns"), pl.col("open_ns").alias("end_ns"))
        .with_columns(((pl.col("end_ns") - pl.col("begin_ns")) // pl.col("step")).alias("lost"))
        .filter(pl.col("lost") > 0)
        .select("subject", "begin_ns", "end_ns", "lost")
        .sort("lost", descending=True)
    )


def missing(view: View) -> Measured:
    """Share of the epochs between the first and the last window that have none."""
    rows, lost = _opens(view), view.once(holes)
    subjects = (
        rows.group_by("subject")
        .agg(
            ((pl.col("open_ns").max() - pl.col("open_ns").min()) // pl.col("step").first() + 1).alias("over"),
            pl.len().alias("n"),
        )
        .join(lost.group_by("subject").agg(pl.len().alias("holes"), pl.col("lost").max()), on="subject", how="left")
        .select(
            "subject",
            (1.0 - pl.col("n") / pl.col("over")).clip(lower_bound=0.0).alias("figure"),
            "over",
            pl.format("{} of {} epochs; {} holes, longest {} windows", "n", "over", pl.col("holes").fill_null(0),
                      pl.col("lost").fill_null(0)).alias("detail"),
        )
    )  # fmt: skip
    examples = lost.select(
        "subject",
        pl.col("begin_ns").alias("at_ns"),
        pl.format("{} windows missing, {}", "lost", lasting(pl.col("end_ns") - pl.col("begin_ns"))).alias("what"),
    )
    return measured(subjects, examples)


def unknown(view: View) -> Measured:
    """Share of windows without an outcome."""
    none = pl.col("outcome").is_null()
    subjects = view.windows.group_by(GROUP).agg(
        none.mean().alias("figure"),
        pl.len().alias("over"),
        pl.format("{} of {}; UP won {} % of the known", none.sum(), pl.len(),
                  (100.0 * (pl.col("outcome") == "up").mean().fill_null(0.0)).round(1)).alias("detail"),
    )  # fmt: skip
    examples = view.windows.filter(none).select(
        GROUP, pl.col("open_ns").alias("at_ns"), pl.col("market_id").alias("what")
    )
    return measured(subjects, examples)


CHECKS = (
    Check(
        "missing_windows",
        "Is every window between the first and the last there?",
        "Share of epochs without a window, per venue, coin, length and source",
        "Folds counted in windows are no folds of time, and windows that somebody chose are a biased sample.",
        Limits(0.005, 0.25, "share", "one in two hundred is a restart a day; a quarter is a choice or lost days"),
        missing,
        LEAST,
    ),
    Check(
        "unknown_outcomes",
        "Is every outcome known?",
        "Share of windows without an outcome",
        "Windows without an outcome drop out of a backtest; if they are the close ones, what is left is too easy.",
        Limits(0.02, 0.25, "share", "one in fifty is what a book read at the end leaves open; a quarter selects"),
        unknown,
        LEAST,
    ),
)
