"""Checks of outcomes: against prices, and against another recorder's."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

import numpy as np
import polars as pl

from arena.errors import VenueRuleError
from arena.market.tape import F8, I8
from arena.market.windows import LOOKBACKS_S, near_boundary, oracle_reference
from arena.units import SECOND
from arena.venues.rules import rule_edges, rules_at
from research.audit.finding import Check, Limits, Measured, measured
from research.audit.view import MINUTE, View
from research.audit.windows import GROUP, LEAST

BOUNDARY = " at the boundary"
"""Said of a feed too coarse for the average that settles: its share of wrong outcomes is shown, not judged."""
CLEAR_BPS = 20.0
"""A disagreement over a move this large is no matter of basis or rounding: one of the two is wrong."""


def recomputed(view: View) -> pl.DataFrame:
    """Every known outcome beside each outcome that can be recomputed.

    Columns ``subject, by, market_id, open_ns, move_bps, agrees``; ``by`` says from what: the recorded strike
    and settle price, or the oracle or a spot feed under the market's dated rule. Windows of a venue or date
    without a rule are left out, as are those whose ends a feed did not see.
    """
    found = [pl.DataFrame(schema=_RECOMPUTED)]
    groups = list(_by_rule(view.windows.filter(pl.col("outcome").is_not_null())))
    for rows, _, tie_is_up in groups:
        source = pl.format("recorded {}", pl.col("strike_source").fill_null("prices"))
        ends = (rows[name].cast(pl.Float64).fill_null(np.nan).to_numpy() for name in ("strike", "settle_price"))
        found.append(_agreement(rows, source, next(ends), next(ends), tie_is_up))
    for (stream, asset), feeds in groupby(view.feeds(), lambda feed: (feed.stream, feed.asset)):
        # What several recorders saw of one feed is one feed.
        seen = pl.concat([feed.rows for feed in feeds]).sort("at_ns")
        for rows, lookback_s, tie_is_up in groups:
            opens, closes = rows["open_ns"].to_numpy(), rows["close_ns"].to_numpy()
            first, last = int(opens.min()) - 2 * lookback_s * SECOND, int(closes.max()) + MINUTE
            ordered = seen.filter(pl.col("at_ns").is_between(first, last))
            if rows["asset"][0] != asset or ordered.is_empty():
                continue
            start, end = (_reported(ordered, at, lookback_s) for at in (opens, closes))
            name = stream
            if not name.startswith("oracle/") and not np.isfinite(start + end).any():
                # Too coarse for an average: the price at the boundary is what there is.
                start, end = (_nearest(ordered, at) for at in (opens, closes))
                name += BOUNDARY if lookback_s else ""
            found.append(_agreement(rows, pl.lit(name), start, end, tie_is_up))
    return pl.concat(found)


_RECOMPUTED = {
    "subject": pl.String, "by": pl.String, "market_id": pl.String, "open_ns": pl.Int64, "move_bps": pl.Float64,
    "agrees": pl.Boolean,
}  # fmt: skip


def _by_rule(windows: pl.DataFrame) -> Iterator[tuple[pl.DataFrame, int, bool]]:
    """Windows that share a venue, coin, length, source and settlement rule, with its lookback and its tie."""
    keys = ["venue", "asset", "interval_s", "source", "settlement_rule"]
    for (venue, *_, own), rows in windows.group_by(keys, maintain_order=True):
        try:
            edges = np.array(rule_edges(str(venue)), dtype=np.int64)
        except VenueRuleError:
            continue
        epochs = np.searchsorted(edges, rows["open_ns"].to_numpy(), side="right")
        for epoch in np.unique(epochs):
            part = rows.filter(pl.Series(epochs == epoch))
            try:
                rules = rules_at(str(venue), int(part["interval_s"][0]), int(part["open_ns"][0]))
            except VenueRuleError:
                continue
            lookback = rules.lookback_s if own is None else LOOKBACKS_S.get(str(own), rules.lookback_s)
            yield part, lookback, rules.tie_is_up


def _reported(feed: pl.DataFrame, at_ns: I8, lookback_s: int) -> F8:
    """The settlement reference by the engine's own rule, from one price per second: its last."""
    second = ((pl.col("at_ns") + SECOND - 1) // SECOND * SECOND).alias("event_ns")
    reports = feed.group_by(second, maintain_order=True).agg(pl.col("recv_ns", "price").last())
    return oracle_reference(reports, at_ns, np.full(at_ns.shape[0], float(lookback_s)))[0]


def _nearest(feed: pl.DataFrame, at_ns: I8) -> F8:
    """The price at a boundary as the engine reads it from a venue."""
    return near_boundary(feed["price"].to_numpy(), feed["at_ns"].to_numpy(), at_ns)[0]


def _agreement(rows: pl.DataFrame, by: pl.Expr, start: F8, end: F8, tie_is_up: bool) -> pl.DataFrame:
    up = (end > start) | (tie_is_up & (end == start))
    return (
        rows.select(GROUP, by.alias("by"), "market_id", "open_ns", "outcome")
        .with_columns(
            pl.Series("move_bps", 1e4 * np.log(end / start)), pl.Series("agrees", up) == (pl.col("outcome") == "up")
        )
        .filter(pl.col("move_bps").is_finite())
        .select(*_RECOMPUTED)
    )


def disagreement(view: View) -> Measured:
    """Share of outcomes that the prices do not reproduce."""
    rows = view.once(recomputed).with_columns(pl.format("{} by {}", "subject", "by").alias("subject"))
    wrong, move = ~pl.col("agrees"), pl.col("move_bps").abs()
    subjects = rows.group_by("subject").agg(
        pl.when(~pl.col("by").first().str.ends_with(BOUNDARY)).then(wrong.mean()).alias("figure"),
        pl.len().alias("over"),
        pl.format("{} of {}; their moves: median {} bps, 90 % {}, largest {}", wrong.sum(), pl.len(),
                  *(m.fill_null(0.0).round(2) for m in (move.filter(wrong).median(), move.filter(wrong).quantile(0.9),
                                                        move.filter(wrong).max()))).alias("detail"),
    )  # fmt: skip
    return measured(subjects, _wrong_ones(rows))


def contradiction(view: View) -> Measured:
    """Share of clear moves that the outcome contradicts."""
    rows = (
        view.once(recomputed)
        .with_columns(pl.format("{} by {}", "subject", "by").alias("subject"))
        .filter(pl.col("move_bps").abs() > CLEAR_BPS)
    )
    subjects = rows.group_by("subject").agg(
        (~pl.col("agrees")).mean().alias("figure"),
        pl.len().alias("over"),
        pl.format("{} of {} windows that moved over 20 bps", (~pl.col("agrees")).sum(), pl.len()).alias("detail"),
    )
    return measured(subjects, _wrong_ones(rows))


def _wrong_ones(rows: pl.DataFrame) -> pl.DataFrame:
    return (
        rows.filter(~pl.col("agrees"))
        .sort(pl.col("move_bps").abs(), descending=True)
        .select(
            "subject",
            pl.col("open_ns").alias("at_ns"),
            pl.format("{}: moved {} bps, yet the other side won", "market_id", pl.col("move_bps").round(1)).alias(
                "what"
            ),
        )
    )


def conflicts(view: View) -> Measured:
    """Share of windows recorded twice whose outcomes differ."""
    rows = view.windows.select("market_id", "open_ns", "source", "outcome", "strike", "strike_source")
    pairs = (
        rows.join(rows, on="market_id", suffix="_b")
        .filter(pl.col("source") < pl.col("source_b"))
        .with_columns(
            pl.format("{} and {}", "source", "source_b").alias("subject"),
            (pl.col("outcome") != pl.col("outcome_b")).alias("differ"),
            (1e4 * (pl.col("strike") / pl.col("strike_b")).log()).abs().alias("bps"),
        )
    )
    subjects = pairs.group_by("subject").agg(
        pl.col("differ").mean().alias("figure"),
        pl.col("differ").count().alias("over"),
        pl.format("{} of {} outcomes; strikes differ by {} bps in the median", pl.col("differ").sum(),
                  pl.col("differ").count(), pl.col("bps").median().fill_null(0.0).round(2)).alias("detail"),
    )  # fmt: skip
    examples = pairs.filter("differ").select(
        "subject",
        pl.col("open_ns").alias("at_ns"),
        pl.format("{}: {} or {}", "market_id", "outcome", "outcome_b").alias("what"),
    )
    return measured(subjects, examples)


CHECKS = (
    Check(
        "outcome_disagreement",
        "Do prices reproduce the outcomes?",
        "Share of outcomes that recorded prices, the oracle under the dated rule, or a spot feed contradict",
        "Every wrong outcome pays the wrong side; a strategy that prices off this feed is settled by another one.",
        Limits(0.005, 0.10, "share", "the settling feed agrees in 284 of 284; one in ten is no basis but a fault"),
        disagreement,
        LEAST,
    ),
    Check(
        "outcome_contradiction",
        "Did the losing side of a clear move win?",
        "The same among windows that moved over 20 bps",
        "No basis explains it: the outcome, a side, or the window's times are wrong, and its whole profit is false.",
        Limits(0.0, 0.005, "share", "none is explicable; one in two hundred is systematic"),
        contradiction,
    ),
    Check(
        "window_conflicts",
        "Do two recorders of one window agree?",
        "Share of windows known to two sources with different outcomes",
        "A result would depend on which recorder was chosen.",
        Limits(0.0, 0.01, "share", "a settled market has one outcome; one in a hundred is more than slips"),
        conflicts,
        LEAST,
    ),
)
