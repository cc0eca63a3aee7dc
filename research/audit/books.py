"""Checks of the books of binary markets: whole, fresh, and of one moment."""

from __future__ import annotations

import polars as pl

from arena.units import SECOND
from research.audit.finding import Check, Limits, Measured, measured
from research.audit.view import View

LEFT_S = (600, 300, 240, 180, 120, 90, 60, 45, 30, 20, 15, 10, 5, 2)
"""Moments at which the age of a book is asked for, seconds before the close; only those inside the window."""
PARITY_SLACK = 0.02
"""Prices of UP and DOWN that miss one dollar by more were not seen at one moment, USD; as in the quality rules."""

_SOURCE = pl.format("binary_quotes ({})", "source").alias("subject")


def one_sided(view: View) -> Measured:
    """Share of books that lack a side."""
    sides = ("up_bid", "up_ask", "down_bid", "down_ask")
    lacking = pl.any_horizontal(*(pl.col(side).is_null() for side in sides))
    frame = (
        view.source.scan("binary_quotes")
        .group_by(_SOURCE)
        .agg(
            lacking.mean().alias("figure"),
            pl.len().alias("over"),
            *(pl.col(side).is_null().mean().alias(side) for side in sides),
        )
        .collect()
    )
    subjects = frame.select(
        *("subject", "figure", "over"),
        pl.format("missing: UP bid {} %, ask {} %, DOWN bid {} %, ask {} %",
                  *((100.0 * pl.col(side)).round(2) for side in sides)).alias("detail"),
    )  # fmt: skip
    examples = (
        view.source.scan("binary_quotes")
        .filter(lacking)
        .group_by(_SOURCE, "market_id")
        .agg(pl.col("recv_ns").first().alias("at_ns"), pl.len().alias("n"))
        .sort("n", descending=True)
        .with_columns(pl.format("{}: {} one-sided books, the first here", "market_id", "n").alias("what"))
        .collect()
    )
    return measured(subjects, examples)


def ages(view: View) -> pl.DataFrame:
    """Age of the last book at fixed times before the close: ``subject, market_id, left_s, at_ns, age_s``.

    One row per quoted market and moment of :data:`LEFT_S` inside its life; ``age_s`` is the time since the last
    book, or since the open where no book had come yet.
    """
    found = [_ages(life, quotes) for life, quotes in view.quoted()]
    none = {"subject": pl.String, "market_id": pl.String, "left_s": pl.Int64, "at_ns": pl.Int64, "age_s": pl.Float64}
    return pl.concat([pl.DataFrame(schema=none), *found]).sort("subject", "at_ns")


def _ages(life: pl.DataFrame, quotes: pl.DataFrame) -> pl.DataFrame:
    markets = quotes.select("market_id", "source").unique(maintain_order=True).join(life, on="market_id")
    left = pl.DataFrame({"left_s": LEFT_S}, schema={"left_s": pl.Int64})
    moments = (
        markets.join(left, how="cross")
        .with_columns((pl.col("close_ns") - pl.col("left_s") * SECOND).alias("at_ns"))
        .filter(pl.col("at_ns") > pl.col("open_ns"))
        .sort("at_ns")
    )
    by = ["market_id", "source"]
    last = quotes.with_columns(pl.col("recv_ns").alias("book_ns")).sort("recv_ns")
    seen = moments.join_asof(
        last, left_on="at_ns", right_on="recv_ns", by=by, strategy="backward", check_sortedness=False
    )
    since = pl.max_horizontal("book_ns", "open_ns")
    return seen.select(_SOURCE, "market_id", "left_s", "at_ns", ((pl.col("at_ns") - since) / SECOND).alias("age_s"))


def staleness(view: View) -> Measured:
    """How old books are in the last minute."""
    late = view.once(ages).filter(pl.col("left_s") <= 60)
    age = pl.col("age_s")
    subjects = late.group_by("subject").agg(
        age.quantile(0.9).alias("figure"),
        pl.len().alias("over"),
        pl.format(
            "median {} s, 90 % {} s, oldest {} s; {} markets",
            age.median().round(2), age.quantile(0.9).round(1), age.max().round(1), pl.col("market_id").n_unique(),
        ).alias("detail"),
    )  # fmt: skip
    examples = late.sort("age_s", descending=True).select(
        "subject",
        "at_ns",
        pl.format("{}: book {} s old with {} s left", "market_id", age.round(1), "left_s").alias("what"),
    )
    return measured(subjects, examples)


def coverage(view: View) -> Measured:
    """Share of windows whose books do not reach over most of their life, where any book was recorded."""
    life = view.windows.select("market_id", "open_ns", "close_ns").unique("market_id", keep="first")
    seen = pl.col("recv_ns").clip("open_ns", "close_ns")
    inside = (
        view.source.scan("binary_quotes")
        .select("market_id", "source", "recv_ns")
        .join(life.lazy(), on="market_id")
        .group_by("source", "market_id", "open_ns", "close_ns")
        .agg((seen.max() - seen.min()).alias("covered"), pl.len().alias("n"))
        .with_columns((pl.col("covered") / (pl.col("close_ns") - pl.col("open_ns"))).alias("share"))
        .collect(engine="streaming")
    )
    short = pl.col("share") < 0.5
    subjects = inside.group_by(_SOURCE).agg(
        short.mean().alias("figure"),
        pl.len().alias("over"),
        pl.format("{} of {} quoted windows; median coverage {} %", short.sum(), pl.len(),
                  (100.0 * pl.col("share").median()).round(1)).alias("detail"),
    )  # fmt: skip
    examples = (
        inside.filter(short)
        .sort("share", "open_ns")
        .select(
            _SOURCE,
            pl.col("open_ns").alias("at_ns"),
            pl.format("{}: {} books over {} % of its life", "market_id", "n", (100.0 * pl.col("share")).round(1)).alias(
                "what"
            ),
        )
    )
    return measured(subjects, examples)


def residuals(view: View) -> pl.DataFrame:
    """How far the mids of UP and DOWN, or a mark's two prices, miss one dollar: ``subject, at_ns, market_id, miss``."""
    mid = {t: (pl.col(f"{t}_bid") + pl.col(f"{t}_ask")) / 2.0 for t in ("up", "down")}
    books = (
        view.source.scan("binary_quotes")
        # A side that was derived as one minus the other misses by construction nothing.
        .filter(pl.col("native") == "both")
        .select(_SOURCE, pl.col("recv_ns").alias("at_ns"), "market_id", (mid["up"] + mid["down"] - 1.0).alias("miss"))
        .collect()
    )
    marks = view.rows(
        "marks",
        pl.format("marks/{} ({})", "price_kind", "source").alias("subject"),
        pl.col("recv_ns").alias("at_ns"),
        "market_id",
        (pl.col("yes_price") + pl.col("no_price") - 1.0).alias("miss"),
    )
    return pl.concat([books, marks]).drop_nulls("miss")


def parity(view: View) -> Measured:
    """Share of rows whose two tokens were not seen at one moment."""
    rows = residuals(view)
    miss = pl.col("miss")
    far = miss.abs() > PARITY_SLACK + 1e-9
    subjects = rows.group_by("subject").agg(
        far.mean().alias("figure"),
        pl.len().alias("over"),
        pl.format("median {} c, 1 % to 99 %: {} to {} c",
                  *((100.0 * miss.quantile(q)).round(2) for q in (0.5, 0.01, 0.99))).alias("detail"),
    )  # fmt: skip
    examples = (
        rows.filter(far)
        .sort(miss.abs(), descending=True)
        .select("subject", "at_ns", pl.format("{}: {} c", "market_id", (100.0 * miss).round(2)).alias("what"))
    )
    return measured(subjects, examples)


def orphans(view: View) -> Measured:
    """Share of rows of up/down markets that have no window."""
    known = view.windows.select("market_id").unique()
    subjects, examples = [], []
    for table in ("binary_trades", "marks", "wallet_fills"):
        rows = (
            view.source.scan(table)
            .filter(pl.col("market_id").str.contains("-updown-") if table != "binary_trades" else pl.lit(True))
            .group_by(pl.format(f"{table} ({{}})", "source").alias("subject"), "market_id")
            .agg(pl.len().alias("n"), pl.col("recv_ns").min().alias("at_ns"))
            .collect()
        )
        lost = rows.join(known, on="market_id", how="anti").sort("n", descending=True)
        subjects.append(
            rows.group_by("subject")
            .agg(pl.col("n").sum().alias("over"))
            .join(lost.group_by("subject").agg(pl.col("n").sum(), pl.len().alias("m")), on="subject", how="left")
            .select(
                "subject",
                (pl.col("n").fill_null(0) / pl.col("over")).alias("figure"),
                "over",
                pl.format("{} markets without a window", pl.col("m").fill_null(0)).alias("detail"),
            )
        )
        examples.append(lost.select("subject", "at_ns", pl.format("{}: {} rows", "market_id", "n").alias("what")))
    return measured(pl.concat(subjects), pl.concat(examples))


CHECKS = (
    Check(
        "one_sided_books",
        "How often does a book lack a side?",
        "Share of books without a bid or an ask of a token",
        "A missing ask cannot be bought: a backtest that fills it in trades where nobody sold, one that skips it "
        "trades a gentler market.",
        Limits(0.1, 0.5, "share", "near the close the loser's bid is gone by right; half of all books is a lost side"),
        one_sided,
    ),
    Check(
        "stale_books",
        "How old are books in the last minute of a window?",
        "90 % quantile of the age of the last book, 60 s and less before the close",
        "An order decided late meets an old book: fills at prices that were gone are where false edges come from.",
        Limits(10.0, 50.0, "s", "a liquid book changes every second; 50 s old in the last minute is no book at all"),
        staleness,
    ),
    Check(
        "short_books",
        "Do books cover the windows they belong to?",
        "Share of quoted windows whose first and last book span less than half of their life",
        "Windows seen only in part trade a strategy at other times before the close than it will live through.",
        Limits(0.05, 0.5, "share", "one in twenty is what restarts cost; half is another sample of windows"),
        coverage,
    ),
    Check(
        "parity_residual",
        "Were UP and DOWN seen at one moment?",
        "Share of rows in which the prices of both tokens miss one dollar by over 2 cents",
        "Two tokens of different moments sum to a pair that locks a profit nobody could take.",
        Limits(0.001, 0.05, "share", "a change of one token lasts milliseconds before the other follows"),
        parity,
    ),
    Check(
        "orphan_rows",
        "Do trades, marks and fills belong to recorded windows?",
        "Share of rows of up/down markets without a windows row",
        "A fill or signal in a market without times and outcome can be neither priced nor settled.",
        Limits(0.0, 0.5, "share", "each is a lost row; at half, the tables are of different markets"),
        orphans,
        20,
    ),
)
