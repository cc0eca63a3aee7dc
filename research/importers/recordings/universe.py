"""The whole list of a venue's markets, its quotes, and pairs of nested windows.

A list of markets was fetched at some moment that its file does not name. It can only have been known
after the latest thing it mentions, so that moment is taken: never earlier than the truth, and the same for
whoever imports the file.
"""

from __future__ import annotations

import json

import polars as pl
from polars._typing import PolarsDataType

from arena.market.quality import EARLIEST_NS, LATEST_NS
from arena.market.schema import NO_COIN, TABLES
from arena.units import SECOND
from research.importers import defects
from research.importers.coins import updown_asset
from research.importers.notes import Note
from research.importers.recording import Converted, Recording, one_table, present, text, to_ns

_NO_COIN = text(NO_COIN, "asset")
_DAY_NS = 86_400 * SECOND
_YES_NO = {1: "yes", 0: "no"}


def _yes_no(name: str) -> pl.Expr:
    return pl.col(name).replace_strict(_YES_NO, default=None, return_dtype=pl.String).alias("outcome")


def _latest(name: str) -> pl.Expr:
    """When a list could be known, as ``recv_ns``: the latest of its times that can be one."""
    ns = to_ns(name)
    return ns.filter(ns.is_between(EARLIEST_NS, LATEST_NS)).max().alias("recv_ns")


def _json_lists(cells: pl.Series, kind: PolarsDataType) -> tuple[pl.Series, Note]:
    """Cells of JSON as lists of one kind, null where a cell cannot be read; and a note of how many those are."""
    try:
        return cells.str.json_decode(pl.List(kind)), Note()
    except pl.exceptions.PolarsError:
        lists = pl.Series(cells.name, [_json_list(cell, kind) for cell in cells], dtype=pl.List(kind))
    lost = lists.null_count() - cells.null_count()
    return lists, Note(f"{lost} of {cells.name} could not be read as a JSON list and are empty.")


def _json_list(cell: str | None, kind: PolarsDataType) -> list[str] | list[float] | None:
    try:
        found = json.loads(cell or "null")
        if not isinstance(found, list):
            return None
        return [float(item) for item in found] if kind == pl.Float64 else [str(item) for item in found]
    except (TypeError, ValueError):
        return None


def _next_midnight(ns: pl.Expr) -> pl.Expr:
    return (ns // _DAY_NS + 1) * _DAY_NS


def btc_price_bands_markets(frame: pl.DataFrame) -> Converted:
    """Band markets with their bounds and payouts; known when the last of them had closed."""
    rows = frame.select(
        _latest("closed_ms"),
        pl.col("market_slug").alias("market_id"),
        text("BTC", "asset"),
        pl.col("event_slug").alias("group_id"),
        text("crypto", "category"),
        "condition_id",
        to_ns("start_ms").alias("start_ns"),
        to_ns("end_ms").alias("end_ns"),
        to_ns("closed_ms").alias("closed_ns"),
        "lower",
        "upper",
        _yes_no("yes_payout"),
        text("api", "outcome_source"),
        pl.col("volume_usd").alias("volume"),
        text("fated", "source"),
    )
    return one_table("universe", rows, defects.BAND_MARKETS)


def universe_markets(frame: pl.DataFrame) -> Converted:
    """Every market that is no sports; known when the last of them was seen."""
    rows = frame.select(
        _latest("last_ms"),
        pl.col("slug").alias("market_id"),
        _NO_COIN,
        "question",
        pl.col("question").alias("group_id"),
        "category",
        to_ns("first_ms").alias("start_ns"),
        to_ns("last_ms").alias("end_ns"),
        _yes_no("outcome"),
        pl.col("label_source").alias("outcome_source"),
        text("dinesh", "source"),
    )
    return one_table("universe", rows, defects.UNIVERSE_MARKETS)


def universe_markets_sports_1day(frame: pl.DataFrame) -> Converted:
    """Sports markets; known when the last game whose result they state had been played.

    The file has no times, but slugs carry the day of the game. Some season-long markets are decided long
    before the day in their slug: days more than a month after the middle one are not counted.
    """
    day = pl.col("slug").str.extract(r"(20\d\d-\d\d-\d\d)").str.to_datetime("%Y-%m-%d", time_unit="ns", strict=False)
    played = frame.filter(pl.col("outcome").is_not_null()).select(day.dt.epoch("ns").alias("day")).drop_nulls()
    near = played.filter(pl.col("day") <= pl.col("day").median() + 30 * _DAY_NS)
    known = _next_midnight(pl.lit(near["day"].max(), pl.Int64)).alias("recv_ns")
    rows = frame.select(
        known,
        pl.col("slug").alias("market_id"),
        _NO_COIN,
        "question",
        pl.col("question").alias("group_id"),
        text("sports", "category"),
        _yes_no("outcome"),
        pl.col("label_source").alias("outcome_source"),
        text("dinesh", "source"),
    )
    return one_table("universe", rows, defects.UNIVERSE_SPORTS)


def universe_quotes(frame: pl.DataFrame) -> Converted:
    """Best bid and ask of YES, a row when they changed, sampled about every two minutes."""
    rows = frame.select(
        to_ns("ts_ms").alias("event_ns"),
        to_ns("ts_ms").alias("recv_ns"),
        pl.col("slug").alias("market_id"),
        _NO_COIN,
        present("bid"),
        present("ask"),
        text("dinesh", "source"),
    )
    return one_table("universe_quotes", rows, defects.UNIVERSE_QUOTES)


def gamma_universe_snapshot(frame: pl.DataFrame) -> Converted:
    """The venue's list: one row per market, and its outcome prices as marks; the first outcome counts as YES.

    Known at the midnight after its newest market was made: markets of that day were still trading in it.
    """
    made = pl.col("created_date").str.to_datetime("%Y-%m-%dT%H:%M:%S%.fZ", time_unit="ns", strict=False).dt.epoch("ns")
    end = pl.col("end_date").str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_unit="ns", strict=False).dt.epoch("ns")
    known = _next_midnight(made.filter(made.is_between(EARLIEST_NS, LATEST_NS)).max()).alias("recv_ns")
    asset = updown_asset(frame["slug"])
    source = text("manja316", "source")
    tags, bad_tags = _json_lists(frame["tags"], pl.String)
    rows = frame.select(
        known,
        pl.col("slug").alias("market_id"),
        asset,
        "question",
        pl.col("question").alias("group_id"),
        "category",
        made.alias("start_ns"),
        end.alias("end_ns"),
        present("best_bid"),
        present("best_ask"),
        pl.col("last_trade_price").alias("last_price"),
        pl.col("volume_usd").alias("volume"),
        pl.col("liquidity_usd").alias("liquidity"),
        tags,
        source,
    )
    prices, bad_prices = _json_lists(frame["outcome_prices"], pl.Float64)
    marks = frame.select(
        known,
        pl.col("slug").alias("market_id"),
        asset,
        pl.lit(prices).list.get(0, null_on_oob=True).alias("yes_price"),
        pl.lit(prices).list.get(1, null_on_oob=True).alias("no_price"),
        text("gamma_outcome_price", "price_kind"),
        source,
    )
    return Converted(
        {"marks": TABLES["marks"].conform(marks), "universe": TABLES["universe"].conform(rows)},
        {
            "marks": {"manja316": (defects.GAMMA, bad_prices)},
            "universe": {"manja316": (defects.GAMMA, bad_tags)},
        },
    )


def nested_updown_pairs(frame: pl.DataFrame) -> Converted:
    """A window inside a longer one that ends with it; the first leg is the outer market's."""
    rows = frame.select(
        to_ns("ts_ms").alias("recv_ns"),
        "asset",
        "nesting",
        "combo",
        pl.col("outer_slug").alias("outer_id"),
        pl.col("inner_slug").alias("inner_id"),
        pl.col("ask_leg1").alias("outer_ask"),
        pl.col("ask_leg2").alias("inner_ask"),
        "cost",
        "depth_usd",
        pl.col("outer_open_price").alias("outer_open"),
        pl.col("inner_open_price").alias("inner_open"),
        text("thesaddestlandscape", "source"),
    )
    return one_table("pairs", rows, defects.PAIRS)


RECORDINGS = (
    Recording(
        "btc_price_bands_markets",
        10,
        ("start_ms", "end_ms", "closed_ms"),
        ("market_slug", "event_slug", "condition_id", "lower", "upper", "yes_payout", "volume_usd"),
        btc_price_bands_markets,
    ),
    Recording(
        "universe_markets",
        10,
        ("first_ms", "last_ms"),
        ("slug", "question", "category", "outcome", "label_source"),
        universe_markets,
    ),
    Recording(
        "universe_markets_sports_1day",
        10,
        (),
        ("slug", "question", "outcome", "label_source"),
        universe_markets_sports_1day,
    ),
    Recording("universe_quotes_2m", 10, ("ts_ms",), ("slug", "bid", "ask"), universe_quotes),
    Recording("universe_quotes_sports_1day", 10, ("ts_ms",), ("slug", "bid", "ask"), universe_quotes),
    Recording(
        "gamma_universe_snapshot",
        10,
        (),
        (
            *("slug", "question", "category", "tags", "created_date", "end_date", "outcome_prices"),
            *("best_bid", "best_ask", "last_trade_price", "volume_usd", "liquidity_usd"),
        ),
        gamma_universe_snapshot,
    ),
    Recording(
        "nested_updown_pairs",
        10,
        ("ts_ms",),
        (
            *("asset", "nesting", "combo", "inner_slug", "outer_slug", "ask_leg1", "ask_leg2"),
            *("cost", "depth_usd", "inner_open_price", "outer_open_price"),
        ),
        nested_updown_pairs,
    ),
)
