"""Checks of single price feeds: do they stand still, fall silent, jump and return?"""

from __future__ import annotations

import math
from collections.abc import Iterator

import polars as pl

from arena.units import SECOND
from research.audit.finding import Check, Limits, Measured, measured
from research.audit.view import View, lasting, undeclared

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
    subjects = [pl.DataFrame(schema={"subject": pl.String, "n": pl.Int64, "p": pl.Float64})]
    odd = [pl.DataFrame(schema=_SPELL)]
    for feed in view.feeds():
        n, p, spells = _spells(feed.rows)
        subjects.append(pl.DataFrame({"subject": [feed.subject], "n": [n], "p": [p]}))
        odd.append(spells.select(pl.lit(feed.subject).alias("subject"), *list(_SPELL)[1:]))
    found = pl.concat(odd).sort("ns", descending=True, maintain_order=True)
    longest = found.group_by("subject").agg((pl.col("ns").max() / SECOND).alias("figure"), pl.len().alias("spells"))
    judged = pl.concat(subjects).join(longest, on="subject", how="left").select(
        "subject",
        pl.when(pl.col("n") > 0).then(pl.col("figure").fill_null(0.0)).alias("figure"),
        pl.col("n").alias("over"),
        pl.format("{} spells; {} % of updates repeat the price", pl.col("spells").fill_null(0),
                  (100.0 * pl.col("p")).round(1)).alias("detail"),
    )  # fmt: skip
    examples = found.select(
        "subject",
        pl.col("begin_ns").alias("at_ns"),
        pl.format("{} for {} through {} updates", "price", lasting(pl.col("ns")), "steps").alias("what"),
    )
    return measured(judged, examples)


_SPELL = {"subject": pl.String, "price": pl.Float64, "begin_ns": pl.Int64, "ns": pl.Int64, "steps": pl.UInt32}


def _spells(rows: pl.DataFrame) -> tuple[int, float, pl.DataFrame]:
    """Steps of a feed, the share of them that stand still, and its spells that are longer than chance explains."""
    same = (pl.col("price") == pl.col("price").shift(1)).fill_null(False)
    runs = (
        rows.lazy()
        .select("recv_ns", "price", (~same).cum_sum().alias("run"))
        .group_by("run", maintain_order=True)
        .agg(
            pl.col("price").first(),
            pl.col("recv_ns").first().alias("begin_ns"),
            (pl.col("recv_ns").last() - pl.col("recv_ns").first()).alias("ns"),
            (pl.len() - 1).alias("steps"),
        )
        .collect()
    )
    # Longest run of n independent steps that stand still with probability p: ln(n (1-p)) / ln(1/p)
    # (Erdős and Rényi 1970); never below one step.
    still = int(runs["steps"].sum())
    n = still + runs.height - 1
    p = min(max(still / n if n else 0.0, 1e-9), 1.0 - 1e-9)
    expected = max(1.0, math.log(max(math.e, n * (1.0 - p))) / -math.log(p))
    odd = (pl.col("steps") > FROZEN_FACTOR * expected) & (pl.col("ns") >= FROZEN_S * SECOND)
    return n, p, runs.filter(odd)


def spikes(view: View) -> Measured:
    """Prices that leave in one step and come back within three."""
    subjects = [pl.DataFrame(schema={"subject": pl.String, "over": pl.Int64})]
    odd = [pl.DataFrame(schema={"subject": pl.String, "recv_ns": pl.Int64, "price": pl.Float64, "bps": pl.Float64})]
    for feed in view.feeds():
        subjects.append(pl.DataFrame({"subject": [feed.subject], "over": [feed.rows.height]}))
        odd.append(_excursions(feed.rows).select(pl.lit(feed.subject).alias("subject"), "recv_ns", "price", "bps"))
    found = pl.concat(odd).sort(pl.col("bps").abs(), descending=True, maintain_order=True)
    judged = (
        pl.concat(subjects)
        .join(found.group_by("subject").agg(pl.len().alias("n"), pl.col("bps").abs().max().alias("most")), on="subject",
              how="left")
        .select(
            "subject", (1e5 * pl.col("n").fill_null(0) / pl.col("over").clip(SPIKE_LEAST)).alias("figure"), "over",
            pl.format("{} spikes, largest {} bps", pl.col("n").fill_null(0), pl.col("most").fill_null(0.0).round(1))
            .alias("detail"),
        )
    )  # fmt: skip
    examples = found.select(
        "subject",
        pl.col("recv_ns").alias("at_ns"),
        pl.format("{} bps away to {}, and back within three updates", pl.col("bps").round(1), "price").alias("what"),
    )
    return measured(judged, examples)


def _excursions(rows: pl.DataFrame) -> pl.DataFrame:
    """Updates of a feed that leave its price, by ``bps``, and are taken back by one of the next three."""
    level = pl.col("price").log() * 1e4
    step = (pl.col("price").log() - pl.col("price").shift(1).log()) * 1e4
    kept = [(level.shift(-k) - level.shift(1)).abs() for k in range(1, SPIKE_UPDATES + 1)]
    size = pl.col("bps").abs()
    # MAD of the steps that are not zero: most steps of a quiet feed are, and their MAD would be nothing.
    scale = 1.4826 * size.filter(pl.col("bps") != 0.0).median()
    return (
        rows.lazy()
        .with_columns(step.alias("bps"))
        .with_columns(scale.alias("scale"), pl.min_horizontal(kept).alias("kept"))
        .filter((size > SPIKE_BPS) & (size > SPIKE_SCALES * pl.col("scale")) & (pl.col("kept") < SPIKE_RETURN * size))
        .collect()
    )


def silent_spans(view: View) -> pl.DataFrame:
    """Silences of the arriving streams longer than a minute and three typical intervals, declared or not.

    Columns ``stream, asset, source, subject, begin_ns, end_ns, undeclared_ns`` and, per stream, ``first_ns``,
    ``last_ns`` and ``rows``.
    """
    who_is = dict.fromkeys(_STREAM, pl.String)
    facts = [pl.DataFrame(schema={**who_is, **_FACTS})]
    spans = [pl.DataFrame(schema={**who_is, "begin_ns": pl.Int64, "end_ns": pl.Int64})]
    for stream, asset, source, arrivals in _arrivals(view):
        names = dict(zip(_STREAM, (stream, asset, source, f"{stream} {asset} ({source})"), strict=True))
        who = [pl.lit(value).alias(name) for name, value in names.items()]
        step = arrivals.diff()
        limit = max(SILENCE_INTERVALS * float(step.median() or 0.0), SILENCE_S * SECOND)  # type: ignore[arg-type]
        fact = pl.DataFrame([(arrivals[0], arrivals[-1], arrivals.len())], schema=_FACTS, orient="row")
        facts.append(fact.select(*who, pl.all()))
        found = pl.DataFrame({"begin_ns": arrivals.shift(1), "end_ns": arrivals}).filter(step > limit)
        spans.append(found.select(*who, "begin_ns", "end_ns"))
    return pl.concat(facts).join(undeclared(pl.concat(spans), view.gaps), on=_STREAM, how="left")


_FACTS = {"first_ns": pl.Int64, "last_ns": pl.Int64, "rows": pl.UInt32}


def _arrivals(view: View) -> Iterator[tuple[str, str, str, pl.Series]]:
    """When something came on each stream, ns UTC; the rows of one message came together."""
    for feed in view.feeds():
        yield feed.stream, feed.asset, feed.source, feed.rows["recv_ns"].unique().sort()
    for table in ("trades", "l2"):
        for stream, asset, source, rows in view.streams(table, "venue"):
            yield stream, asset, source, rows.select("recv_ns").unique().collect()["recv_ns"].sort()


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
