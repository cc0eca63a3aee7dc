"""Checks of single price feeds: do they stand still, fall silent, jump and return?"""

from __future__ import annotations

import math

import polars as pl

from arena.units import SECOND
from research.audit.finding import Check, Limits, Measured, measured
from research.audit.view import View, lasting, subject, undeclared

FROZEN_S = 30.0
FROZEN_FACTOR = 4.0
"""A run of equal prices is suspicious when it is this many times longer than the longest one expected of
independent steps: calm hours change prices several times less often than the day as a whole."""

SPIKE_BPS = 20.0
SPIKE_SCALES = 20.0
SPIKE_RETURN = 0.2
SPIKE_UPDATES = 3
"""A spike leaves by more than 20 bps and 20 robust deviations of a step, and within three updates all but a fifth of
it is taken back: prices that really move do not come back at once to where they were. A false print is often sent
twice, or once for each side of the book."""
SPIKE_LEAST = 30_000
"""Shorter streams are judged as if they had so many updates (eight hours of one a second): one to three spikes are a
warning, not a failure."""

SILENCE_S = 60.0
SILENCE_INTERVALS = 3.0

_STREAM = ["stream", "asset", "source", "subject"]


def frozen(view: View) -> Measured:
    """Longest time in which a feed kept reporting one unchanged price."""
    prices = view.prices
    same = (pl.col("price") == pl.col("price").shift(1)).fill_null(False) & (
        pl.col("subject") == pl.col("subject").shift(1)
    ).fill_null(False)
    runs = (
        prices.select("subject", "recv_ns", "price", same.alias("same"))
        .with_columns((~pl.col("same")).cum_sum().alias("run"))
        .group_by("run", maintain_order=True)
        .agg(
            pl.col("subject").first(),
            pl.col("price").first(),
            pl.col("recv_ns").first().alias("begin_ns"),
            (pl.col("recv_ns").last() - pl.col("recv_ns").first()).alias("ns"),
            (pl.len() - 1).alias("steps"),
        )
    )
    # Longest run of n independent steps that stand still with probability p: ln(n (1-p)) / ln(1/p)
    # (Erdős and Rényi 1970); never below one step.
    still = runs.group_by("subject").agg(
        pl.col("steps").sum().alias("still"), (pl.col("steps").sum() + pl.len() - 1).alias("n")
    )
    p = (pl.col("still") / pl.col("n")).clip(1e-9, 1.0 - 1e-9)
    expected = ((pl.col("n") * (1.0 - p)).clip(lower_bound=math.e).log() / -p.log()).clip(lower_bound=1.0)
    runs = runs.join(still.select("subject", "n", expected.alias("expected")), on="subject")
    odd = runs.filter(
        (pl.col("steps") > FROZEN_FACTOR * pl.col("expected")) & (pl.col("ns") >= FROZEN_S * SECOND)
    ).sort("ns", descending=True)
    longest = odd.group_by("subject").agg((pl.col("ns").max() / SECOND).alias("figure"), pl.len().alias("spells"))
    subjects = still.join(longest, on="subject", how="left").select(
        "subject",
        pl.when(pl.col("n") > 0).then(pl.col("figure").fill_null(0.0)).alias("figure"),
        pl.col("n").alias("over"),
        pl.format("{} spells; {} % of updates repeat the price", pl.col("spells").fill_null(0), (100.0 * p).round(1))
        .alias("detail"),
    )  # fmt: skip
    examples = odd.select(
        "subject",
        pl.col("begin_ns").alias("at_ns"),
        pl.format("{} for {} through {} updates", "price", lasting(pl.col("ns")), "steps").alias("what"),
    )
    return measured(subjects, examples)


def spikes(view: View) -> Measured:
    """Prices that leave in one step and come back within three."""
    step = (pl.col("price").log() - pl.col("price").shift(1).log()).over("subject") * 1e4
    level = pl.col("price").log() * 1e4
    kept = [(level.shift(-k) - level.shift(1)).over("subject").abs() for k in range(1, SPIKE_UPDATES + 1)]
    rows = view.prices.select("subject", "recv_ns", "price", step.alias("bps"), pl.min_horizontal(kept).alias("kept"))
    # MAD of the steps that are not zero: most steps of a quiet feed are, and their MAD would be nothing.
    moving = pl.col("bps").filter(pl.col("bps") != 0.0).abs()
    scale = (1.4826 * moving.median()).alias("scale")
    rows = rows.join(rows.group_by("subject").agg(scale), on="subject", how="left", maintain_order="left")
    odd = rows.filter(
        (pl.col("bps").abs() > SPIKE_BPS)
        & (pl.col("bps").abs() > SPIKE_SCALES * pl.col("scale"))
        & (pl.col("kept") < SPIKE_RETURN * pl.col("bps").abs())
    ).sort(pl.col("bps").abs(), descending=True)
    subjects = (
        rows.group_by("subject")
        .agg(pl.len().alias("over"))
        .join(odd.group_by("subject").agg(pl.len().alias("n"), pl.col("bps").abs().max().alias("most")), on="subject",
              how="left")
        .select(
            "subject", (1e5 * pl.col("n").fill_null(0) / pl.col("over").clip(SPIKE_LEAST)).alias("figure"), "over",
            pl.format("{} spikes, largest {} bps", pl.col("n").fill_null(0), pl.col("most").fill_null(0.0).round(1))
            .alias("detail"),
        )
    )  # fmt: skip
    examples = odd.select(
        "subject",
        pl.col("recv_ns").alias("at_ns"),
        pl.format("{} bps away to {}, and back within three updates", pl.col("bps").round(1), "price").alias("what"),
    )
    return measured(subjects, examples)


def silent_spans(view: View) -> pl.DataFrame:
    """Silences of the arriving streams longer than a minute and three typical intervals, declared or not.

    Columns ``stream, asset, source, subject, begin_ns, end_ns, undeclared_ns`` and, per stream, ``first_ns``,
    ``last_ns`` and ``rows``.
    """
    found = [view.prices.select(*_STREAM, "recv_ns")]
    for table in ("trades", "l2"):
        arrivals = view.rows(table, pl.format(f"{table}/{{}}", "venue").alias("stream"), "asset", "source", "recv_ns")
        named = arrivals.with_columns(subject().cast(pl.Categorical).alias("subject"))
        found.append(named.select(*_STREAM, "recv_ns").sort("subject", "recv_ns"))
    # Rows of one message arrive together and are one arrival.
    again = (pl.col("recv_ns") == pl.col("recv_ns").shift(1)) & (pl.col("subject") == pl.col("subject").shift(1))
    rows = pl.concat(found).filter(~again.fill_null(False))
    step = pl.col("recv_ns").diff().over("subject")
    rows = rows.with_columns(step.alias("step"), pl.col("recv_ns").shift(1).over("subject").alias("begin_ns"))
    facts = rows.group_by(_STREAM).agg(
        pl.col("recv_ns").min().alias("first_ns"),
        pl.col("recv_ns").max().alias("last_ns"),
        pl.len().alias("rows"),
        pl.col("step").median().alias("typical"),
    )
    limit = pl.max_horizontal(SILENCE_INTERVALS * pl.col("typical"), pl.lit(SILENCE_S * SECOND))
    spans = (
        rows.join(facts, on=_STREAM)
        .filter(pl.col("step") > limit)
        .select(*_STREAM, "begin_ns", pl.col("recv_ns").alias("end_ns"))
    )
    return facts.drop("typical").join(undeclared(spans, view.gaps), on=_STREAM, how="left")


def silence(view: View) -> Measured:
    """Share of a stream's span in silences that the gaps table does not declare."""
    spans = view.once(silent_spans).filter(pl.col("rows") > 1)
    hidden = pl.col("undeclared_ns").fill_null(0)
    subjects = (
        spans.group_by("subject")
        .agg(
            (hidden.sum() / (pl.col("last_ns").first() - pl.col("first_ns").first())).alias("figure"),
            pl.col("rows").first().alias("over"),
            (hidden > SECOND).sum().alias("n"),
            hidden.max().alias("most"),
        )
        .with_columns(pl.format("{} undeclared silences, longest {}", "n", lasting(pl.col("most"))).alias("detail"))
    )
    examples = (
        spans.filter(hidden > SECOND)
        .sort("undeclared_ns", descending=True)
        .select("subject", pl.col("begin_ns").alias("at_ns"), lasting(pl.col("undeclared_ns")).alias("what"))
    )
    return measured(subjects, examples)


def declared(view: View) -> Measured:
    """Share of a stream's span in declared gaps."""
    gaps = view.gaps.filter(~pl.col("stream").str.starts_with("binary_quotes/"))
    spans = view.once(silent_spans).group_by(_STREAM).agg(pl.col("first_ns", "last_ns", "rows").first())
    inside = gaps.join(spans, on=["stream", "asset", "source"]).with_columns(
        (pl.col("until_ns") - pl.col("recv_ns")).alias("ns")
    )
    subjects = spans.join(
        inside.group_by("subject").agg(pl.col("ns").sum(), pl.len().alias("n")), on="subject", how="left"
    ).select(
        "subject",
        pl.when(pl.col("rows") > 1)
        .then(pl.col("ns").fill_null(0) / (pl.col("last_ns") - pl.col("first_ns")))
        .alias("figure"),
        pl.col("rows").alias("over"),
        pl.format("{} gaps, {} together", pl.col("n").fill_null(0), lasting(pl.col("ns").fill_null(0))).alias("detail"),
    )
    examples = inside.sort("ns", descending=True).select(
        "subject",
        pl.col("recv_ns").alias("at_ns"),
        pl.format("{} ({})", lasting(pl.col("ns")), "reason").alias("what"),
    )
    return measured(subjects, examples)


CHECKS = (
    Check(
        "frozen_feed",
        "Does a feed repeat one price while it keeps reporting?",
        "Longest spell of one unchanged price that is over four times longer than chance explains",
        "A frozen price looks fresh: volatility falls, fair values harden, and a strategy buys the side that the real "
        "market has already left.",
        Limits(FROZEN_S, 300.0, "s", "half a minute is a tenth of the shortest window; after five minutes a whole one"),
        frozen,
    ),
    Check(
        "price_spike",
        "Do prices jump away and straight back?",
        "Spikes (away and back within three updates) per 100,000 updates, of short streams per 30,000 at least",
        "One false print moves every volatility estimate behind it and fires every gate that waits for a move.",
        Limits(0.0, 10.0, "per 100,000", "an honest feed has none; ten are one in every three hours at a second each"),
        spikes,
    ),
    Check(
        "silence",
        "Is a stream silent without saying so?",
        "Share of the span in silences over a minute and three typical intervals that no gap declares",
        "The engine holds the last price over an undeclared silence and trades on it as if it were current.",
        Limits(0.001, 0.05, "share", "a thousandth is 86 s a day; at a twentieth, one window in twenty is affected"),
        silence,
    ),
    Check(
        "declared_gaps",
        "How much of a stream is missing by its own account?",
        "Share of the span in declared gaps",
        "Windows in a gap are skipped or decided on old prices; if gaps come with volatility, the calm ones remain.",
        Limits(0.01, 0.2, "share", "at a hundredth a five-minute window in thirty may touch one; at a fifth, most do"),
        declared,
    ),
)
