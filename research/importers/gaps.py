"""Silences in a recording, written down as rows of the ``gaps`` table.

All of them are measured on ``recv_ns``: a gap is a time in which *we* knew nothing new.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import polars as pl

from arena.market.schema import NO_COIN, TABLES
from arena.units import MINUTE, SECOND

ORACLE_SILENCE_NS = 10 * SECOND
SPOT_SILENCE_NS = 10 * SECOND
SPOT_INTERVALS = 3.0
QUOTE_SILENCE_NS = 30 * SECOND
QUOTE_INTERVALS = 1.5
"""A venue sampled once a minute is not silent for 59 seconds: quotes need a gap of 1.5 typical intervals too."""
SAMPLER_SILENCE_NS = 10 * MINUTE
REGULAR = 0.99
"""Share of steps of exactly one interval from which on a stream of bars counts as complete but for its gaps."""
IRREGULAR_SILENCE_NS = 60 * MINUTE
"""Streams of bars that leave out what nothing traded in: less than this is no gap."""

FOUND_HERE = ("silence", "missing")
"""Reasons of the gaps that are found in rows; what a recorder said about itself has other reasons."""

_ID, _STEP = "__stream", "__step"
_LIFE = ("market_id", "open_ns", "close_ns")


def oracle_gaps(frame: pl.DataFrame) -> pl.DataFrame:
    """Gaps of more than 10 s between reports of one asset and source."""
    steps = _steps(frame, ["asset", "source", "feed"])
    return _gaps(steps, pl.lit(ORACLE_SILENCE_NS), pl.concat_str(pl.lit("oracle/"), "feed"))


def spot_gaps(frame: pl.DataFrame) -> pl.DataFrame:
    """Gaps of more than three typical (median) intervals of the stream, and more than 10 s."""
    steps = _steps(frame, ["asset", "source", "venue"])
    limit = pl.max_horizontal(SPOT_INTERVALS * pl.col("typical"), pl.lit(float(SPOT_SILENCE_NS)))
    typical = steps.group_by(_ID).agg(pl.col(_STEP).median().alias("typical"))
    return _gaps(steps.join(typical, on=_ID), limit, pl.concat_str(pl.lit("spot/"), "venue"))


def bar_gaps(frame: pl.DataFrame) -> pl.DataFrame:
    """Bars that are missing within a stream of bars.

    Of a stream that is complete but for its gaps (:data:`REGULAR`), every absent bar. Of one that leaves
    out what nothing traded in, absences of more than an hour. A stream's beginning and end are no gaps.
    """
    steps = _steps(frame, ["venue", "symbol", "source", "kind", "interval_s"])
    length = pl.col("interval_s").cast(pl.Int64) * SECOND
    regular = steps.group_by(_ID).agg((pl.col(_STEP) == length).mean().alias("regular"))
    limit = pl.when(pl.col("regular") >= REGULAR).then(length)
    name = pl.concat_str(pl.lit("bars"), "venue", "symbol", "kind", pl.col("interval_s").cast(pl.String), separator="/")
    return _gaps(
        steps.join(regular, on=_ID),
        limit.otherwise(pl.max_horizontal(length, pl.lit(IRREGULAR_SILENCE_NS))),
        name,
        "missing",
    )


def universe_gaps(frame: pl.DataFrame) -> pl.DataFrame:
    """Times in which no market of a universe was sampled for more than ten minutes: the recorder was down.

    A single market is silent whenever its prices stand still, which says nothing.
    """
    looks = frame.unique(["source", "recv_ns"]).with_columns(pl.lit(NO_COIN).alias("asset"))
    return _gaps(_steps(looks, ["source"]), pl.lit(SAMPLER_SILENCE_NS), pl.lit("universe_quotes/all"))


def quote_gaps(quotes: pl.DataFrame, windows: pl.DataFrame) -> pl.DataFrame:
    """Gaps of more than 30 s (and 1.5 typical intervals) between a window's open and its close.

    A quote before the open counts as known at the open. Silence from the open to the first quote, and
    from the last quote to the close, are gaps too; they begin (end) at the open (close). A change-only
    recording is also silent when nothing changes: a gap is a warning, not a proof of an outage.

    Args:
        quotes: ``binary_quotes`` rows, any order.
        windows: ``windows`` rows; quotes of other markets are left out.
    """
    life = windows.select(_LIFE).unique("market_id", keep="first", maintain_order=True)
    inside = (
        quotes.select("market_id", "asset", "source", "recv_ns")
        .join(life, on="market_id", how="inner")
        .with_columns(pl.col("recv_ns").clip(pl.col("open_ns"), pl.col("close_ns")))
    )
    quoted = inside.unique(["market_id", "source"])
    edges = [quoted.with_columns(pl.col(edge).alias("recv_ns")) for edge in ("open_ns", "close_ns")]
    steps = _steps(pl.concat([inside, *edges]), ["market_id", "source"])
    typical = (
        steps.filter(pl.col(_STEP) > 0)
        .group_by("source")
        .agg(
            pl.max_horizontal(QUOTE_INTERVALS * pl.col(_STEP).median(), pl.lit(float(QUOTE_SILENCE_NS))).alias("limit")
        )
    )
    # Nothing shorter can be a gap: the few that are left are looked at by source.
    long = steps.filter(pl.col(_STEP) > QUOTE_SILENCE_NS).join(typical, on="source")
    return _gaps(long, pl.col("limit"), pl.concat_str(pl.lit("binary_quotes/"), "market_id"))


def _steps(frame: pl.DataFrame, stream: Sequence[str]) -> pl.DataFrame:
    """``frame`` stream by stream in time order, with the time since the row before; null for a stream's first."""
    # Numbers sort several times faster than the names they stand for.
    numbered = frame.with_columns(frame.select(stream).hash_rows().alias(_ID)).sort(_ID, "recv_ns")
    same = pl.col(_ID) == pl.col(_ID).shift(1)
    return numbered.with_columns(pl.when(same).then(pl.col("recv_ns").diff()).alias(_STEP))


def _gaps(steps: pl.DataFrame, limit_ns: pl.Expr, stream: pl.Expr, reason: str = "silence") -> pl.DataFrame:
    return TABLES["gaps"].conform(
        steps.filter(pl.col(_STEP) > limit_ns)
        .select(
            (pl.col("recv_ns") - pl.col(_STEP)).alias("recv_ns"),
            pl.col("recv_ns").alias("until_ns"),
            stream.alias("stream"),
            "asset",
            pl.lit(reason).alias("reason"),
            "source",
        )
        .sort("recv_ns", "stream", "asset", "source")
    )


@dataclass(frozen=True, slots=True)
class Finder:
    """How the gaps of a table are found: in these columns of its rows, by this function of them and of ``windows``."""

    columns: tuple[str, ...]
    find: Callable[[pl.DataFrame, pl.LazyFrame], pl.DataFrame]


FINDERS: dict[str, Finder] = {
    "binary_quotes": Finder(
        ("market_id", "asset", "source", "recv_ns"),
        lambda rows, windows: quote_gaps(rows, windows.select(_LIFE).collect()),
    ),
    "spot": Finder(("asset", "source", "venue", "recv_ns"), lambda rows, _: spot_gaps(rows)),
    "oracle": Finder(("asset", "source", "feed", "recv_ns"), lambda rows, _: oracle_gaps(rows)),
    "bars": Finder(
        ("venue", "symbol", "asset", "source", "kind", "interval_s", "recv_ns"), lambda rows, _: bar_gaps(rows)
    ),
    "universe_quotes": Finder(("source", "recv_ns"), lambda rows, _: universe_gaps(rows)),
}
"""Tables in whose rows gaps are looked for, and how."""
