"""Lists of markets, their quotes, nested pairs, and who traded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from arena.market.schema import NO_COIN
from arena.units import MS, SECOND
from research.importers.gaps import universe_gaps
from tests.research.importers.support import AT_MS, AT_NS, imported, read, row, save

DAY_MS = 86_400_000


def market(**changes: Any) -> dict[str, Any]:
    given = {"slug": "a", "question": "Who wins?", "category": "politics", "first_ms": AT_MS, "last_ms": AT_MS + DAY_MS}
    return given | {"outcome": None, "label_source": None} | changes


OUTCOME = {"outcome": pl.Int32, "label_source": pl.String}


def test_a_list_is_known_when_the_last_thing_it_mentions_had_happened(tmp_path: Path) -> None:
    given = [market(outcome=1, label_source="api"), market(slug="b", last_ms=AT_MS + 3 * DAY_MS)]
    rows = read(tmp_path, "universe_markets", given, **OUTCOME).tables["universe"]
    assert rows["recv_ns"].unique().to_list() == [(AT_MS + 3 * DAY_MS) * MS]
    assert rows["group_id"].unique().to_list() == ["Who wins?"]
    assert rows["asset"].unique().to_list() == [NO_COIN]


def test_an_outcome_says_whether_it_is_official(tmp_path: Path) -> None:
    given = [
        market(outcome=1, label_source="api"),
        market(slug="b", outcome=0, label_source="convergence"),
        market(slug="c"),
    ]
    rows = read(tmp_path, "universe_markets", given, **OUTCOME).tables["universe"]
    assert rows.select("outcome", "outcome_source").rows() == [("yes", "api"), ("no", "convergence"), (None, None)]


def test_sports_are_known_at_the_midnight_after_the_last_game_of_known_result(tmp_path: Path) -> None:
    days = ["2026-07-14", "2026-07-15", "2026-07-16", "2027-07-14"]
    given = [{"slug": f"game-{d}", "question": d, "outcome": 1, "label_source": "api"} for d in days]
    given.append({"slug": "game-2026-07-20", "question": "later", "outcome": None, "label_source": None})
    rows = read(tmp_path, "universe_markets_sports_1day", given, **OUTCOME).tables["universe"]
    assert rows.select(pl.from_epoch("recv_ns", time_unit="ns").dt.to_string().unique()).to_series()[0][:16] == (
        "2026-07-17 00:00"
    )


def test_crossed_quotes_of_a_universe_are_set_aside_and_the_rest_are_nearest_decimals(tmp_path: Path) -> None:
    given = [
        {"ts_ms": AT_MS + i, "slug": "a", "bid": b, "ask": a} for i, (b, a) in enumerate([(0.16, 0.27), (0.31, 0.3)])
    ]
    given.append({"ts_ms": AT_MS + 9, "slug": "b", "bid": None, "ask": 0.01})
    save(tmp_path / "in", "universe_quotes_2m", given, bid=pl.Float32, ask=pl.Float32)
    catalog = imported(tmp_path / "in")
    assert catalog.scan("universe_quotes").select("bid", "ask").collect().rows() == [(0.16, 0.27), (None, 0.01)]
    assert catalog.manifest.tables["universe_quotes"].quarantined == {"crossed_book": 1}


def test_a_universe_is_silent_when_no_market_of_it_was_sampled() -> None:
    times = [(0, "a"), (120, "b"), (240, "a"), (900, "b")]
    rows = pl.DataFrame([(AT_NS + t * SECOND, m) for t, m in times], schema=["recv_ns", "market_id"], orient="row")
    found = universe_gaps(rows.with_columns(source=pl.lit("s")))
    assert found.select("recv_ns", "until_ns").rows() == [(AT_NS + 240 * SECOND, AT_NS + 900 * SECOND)]


def test_a_band_pays_from_its_lower_to_its_upper_price(tmp_path: Path) -> None:
    given = {"market_slug": "m", "event_slug": "e", "condition_id": "0x", "lower": 100_000, "upper": 102_000}
    given |= {"start_ms": AT_MS, "end_ms": AT_MS + 1, "closed_ms": AT_MS + 2, "yes_payout": 1, "volume_usd": 5.0}
    found = row(tmp_path, "btc_price_bands_markets", "universe", given)
    assert (found["lower"], found["upper"], found["outcome"], found["group_id"]) == (100_000.0, 102_000.0, "yes", "e")
    assert (found["recv_ns"], found["closed_ns"], found["asset"]) == (AT_NS + 2 * MS, AT_NS + 2 * MS, "BTC")


def listed(**changes: Any) -> dict[str, Any]:
    given = {"slug": "dota2-og-2026-04-13", "question": "OG?", "category": "sports", "tags": '["esports", "dota"]'}
    given |= {"created_date": "2026-04-13T06:50:06.052096Z", "end_date": "2026-04-13T12:00:00Z"}
    given |= {"outcome_prices": "[0.25, 0.75]", "best_bid": None, "best_ask": 1.0, "last_trade_price": 0.2}
    return given | {"volume_usd": 9.0, "liquidity_usd": 1.0} | changes


def test_json_within_a_list_of_markets_is_read(tmp_path: Path) -> None:
    given = [listed(), listed(slug="btc-updown-5m-1776081600", tags="[]", created_date="2026-04-12T00:00:00.1Z")]
    tables = read(tmp_path, "gamma_universe_snapshot", given, best_bid=pl.Float64).tables
    first, second = tables["universe"].rows(named=True)
    midnight = (AT_MS + DAY_MS // 2) * MS
    assert (first["tags"], first["best_bid"], first["best_ask"]) == (["esports", "dota"], None, None)
    assert (first["end_ns"], first["recv_ns"], second["recv_ns"]) == (AT_NS, midnight, midnight)
    assert (first["asset"], second["asset"], second["tags"]) == (NO_COIN, "BTC", [])
    assert tables["marks"].select("yes_price", "no_price", "price_kind").row(0) == (0.25, 0.75, "gamma_outcome_price")


def test_the_first_leg_of_a_pair_is_the_outer_market(tmp_path: Path) -> None:
    given = {"ts_ms": AT_MS, "asset": "BTC", "nesting": "5min15m", "combo": "YESout+NOin", "cost": 1.64}
    given |= {"inner_slug": "in", "outer_slug": "out", "ask_leg1": 0.99, "ask_leg2": 0.65, "depth_usd": 9.0}
    found = row(tmp_path, "nested_updown_pairs", "pairs", given | {"inner_open_price": 2.0, "outer_open_price": 1.0})
    assert (found["outer_id"], found["outer_ask"], found["outer_open"]) == ("out", 0.99, 1.0)
    assert (found["inner_id"], found["inner_ask"], found["inner_open"]) == ("in", 0.65, 2.0)


def fill(**changes: Any) -> dict[str, Any]:
    given = {"ts_ms": AT_MS, "wallet": "0xw", "side": "BUY", "market_id": "btc-updown-5m-1776081600", "outcome": "Down"}
    given |= {"condition_id": "0xc", "price": 0.4, "size": 2.0, "usd": 0.8, "tx_hash": "0xt", "source": "hxx344"}
    return given | {"question": None, "wallet_age_hours": None, "wallet_open_positions": None} | changes


NULLS = {"question": pl.String, "wallet_age_hours": pl.Float64, "wallet_open_positions": pl.Int64}


def test_fills_of_coins_and_of_everything_else_are_told_apart_by_their_slug(tmp_path: Path) -> None:
    slugs = ["eth-updown-15m-1776081600", "bitcoin-up-or-down-july-2-2026-2am-et", "pltr-up-or-down-on-february-27"]
    rows = read(tmp_path, "wallet_trades", [fill(market_id=s) for s in slugs], **NULLS).tables["wallet_fills"]
    assert rows["asset"].to_list() == ["ETH", "BTC", NO_COIN]
    assert rows.select("token", "side").unique().rows() == [("down", "buy")]


def test_merges_and_redemptions_are_set_aside_and_equal_fills_survive(tmp_path: Path) -> None:
    merge = fill(side=None, outcome=None, price=0.0)
    save(tmp_path / "in", "wallet_trades", [fill(), fill(), merge], **NULLS)
    catalog = imported(tmp_path / "in")
    assert catalog.scan("wallet_fills").collect()["seq"].to_list() == [0, 1]
    assert catalog.manifest.tables["wallet_fills"].quarantined == {"null_required": 1}


def test_ranks_count_from_one(tmp_path: Path) -> None:
    given = {"ts_ms": AT_MS, "wallet": "0xw", "timeframe": None, "rank_combined": 1, "rank_pnl": 0, "rank_vol": None}
    given |= {"pnl_usd": -5.0, "volume_usd": 9.0, "score": 0.9}
    found = row(tmp_path, "wallet_leaderboard", "wallet_ranks", given, timeframe=pl.String, rank_vol=pl.Int32)
    assert (found["rank_combined"], found["rank_pnl"], found["rank_volume"]) == (1, 1, None)
    assert (found["recv_ns"], found["pnl_usd"]) == (AT_NS, -5.0)
