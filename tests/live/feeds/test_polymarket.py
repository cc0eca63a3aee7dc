"""The market channel: books of both tokens, trades, resolutions, and what makes a book unknown."""

from __future__ import annotations

import asyncio
import gzip
import json
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from live.feeds.base import BadFrame
from live.feeds.frame import Frame, Kind, note
from live.feeds.polymarket.feed import PolymarketFeed, Window
from live.feeds.polymarket.parser import PolymarketParser, book_hash
from live.feeds.rows import Rows
from tests.live.feeds.helpers import CLOSED, OPENED, T0, Collected, connected, frames, gamma, parse
from tests.venues.polymarket_ws import BTC, ETH, Listed, PolymarketWs

MS = T0 // 1_000_000
NAMED = [gamma(BTC.gamma()), gamma(ETH.gamma())]


def book(token: str, bids: dict[str, str], asks: dict[str, str], market: Listed = BTC) -> dict[str, Any]:
    """A snapshot, worst levels first."""
    return {
        "event_type": "book", "market": market.condition_id, "asset_id": token, "timestamp": str(MS), "hash": "9f",
        "bids": [{"price": p, "size": s} for p, s in bids.items()],
        "asks": [{"price": p, "size": s} for p, s in asks.items()],
    }  # fmt: skip


def change(token: str, price: str, size: str, side: str = "BUY", **best: str) -> dict[str, str]:
    return {"asset_id": token, "price": price, "size": size, "side": side, "hash": "1c"} | best


def changes(*rows: dict[str, str], market: Listed = BTC) -> dict[str, Any]:
    about = {"event_type": "price_change", "market": market.condition_id, "timestamp": str(MS + 1)}
    return about | {"price_changes": list(rows)}


UP = book(BTC.up, {"0.46": "40", "0.47": "12.5"}, {"0.5": "9", "0.48": "30"})
DOWN = book(BTC.down, {"0.50": "9", "0.52": "30"}, {"0.54": "40", "0.53": "12.5"})


def tables(*messages: Any, parser: PolymarketParser | None = None) -> dict[str, pl.DataFrame]:
    return parse(parser or PolymarketParser(), frames("polymarket", [*NAMED, *messages]))


def test_the_best_level_comes_last_on_the_wire_and_first_in_the_row() -> None:
    row = tables(UP, DOWN)["binary_quotes"].row(-1, named=True)
    assert (row["up_bid"], row["up_bid_size"], row["up_ask"], row["up_ask_size"]) == (0.47, 12.5, 0.48, 30.0)
    assert (row["up_bids_px"], row["up_bids_sz"]) == ([0.47, 0.46], [12.5, 40.0])
    assert (row["down_asks_px"], row["down_asks_sz"]) == ([0.53, 0.54], [12.5, 40.0])
    assert row["native"] == "both"


def test_a_book_that_has_not_come_is_null_and_not_empty() -> None:
    row = tables(UP)["binary_quotes"].row(0, named=True)
    assert row["native"] == "up"
    assert row["down_bid"] is None
    assert row["down_bids_px"] is None


def test_an_empty_side_is_an_empty_list_and_a_null_price() -> None:
    row = tables(book(BTC.up, {}, {"0.48": "1"}))["binary_quotes"].row(0, named=True)
    assert (row["up_bid"], row["up_bids_px"], row["up_ask"]) == (None, [], 0.48)


def test_one_message_about_both_tokens_is_one_row() -> None:
    message = changes(change(BTC.up, "0.47", "0"), change(BTC.down, "0.53", "0", "SELL"))
    quotes = tables(UP, DOWN, message)["binary_quotes"]
    assert quotes.height == 3
    assert quotes.select("up_bid", "down_ask").row(-1) == (0.46, 0.54)


def test_a_frame_may_be_an_array_of_messages() -> None:
    assert_frame_equal(
        tables([UP, DOWN])["binary_quotes"].drop("recv_ns"), tables(UP, DOWN)["binary_quotes"].drop("recv_ns")
    )


def test_at_most_ten_levels_are_kept_and_deeper_ones_come_up() -> None:
    deep = book(BTC.up, {f"{p / 100}": "1" for p in range(30, 45)}, {})
    quotes = tables(deep, changes(change(BTC.up, "0.44", "0")))["binary_quotes"]
    assert quotes["up_bids_px"].to_list() == [
        [round(0.44 - i / 100, 2) for i in range(10)],
        [round(0.43 - i / 100, 2) for i in range(10)],
    ]


def test_pongs_are_no_data() -> None:
    assert set(tables("PONG")) == {"windows"}


def test_a_market_nobody_has_named_is_counted_and_not_guessed() -> None:
    parser = PolymarketParser()
    parse(parser, frames("polymarket", [UP]))
    assert parser.counts == {"unknown_market": 1}


def test_a_token_of_another_market_changes_nothing() -> None:
    parser = PolymarketParser()
    quotes = tables(UP, changes(change(ETH.up, "0.47", "0"), change("999", "0.1", "1")), parser=parser)["binary_quotes"]
    assert quotes["up_bid"].to_list() == [0.47, 0.47]
    assert (parser.counts["foreign_asset"], parser.counts["unknown_asset"]) == (1, 1)


def test_a_reconnect_makes_books_unknown_until_a_snapshot_and_leaves_one_gap() -> None:
    late = changes(change(BTC.up, "0.47", "1"))
    result = tables(UP, DOWN, CLOSED, OPENED, late, UP, late, DOWN, late)
    gap = result["gaps"].row(0, named=True)
    assert result["gaps"].height == 1
    assert (gap["stream"], gap["asset"], gap["reason"]) == (f"binary_quotes/{BTC.slug}", "BTC", "reconnect")
    assert (gap["recv_ns"], gap["until_ns"]) == (T0 + 3_000_000, T0 + 9_000_000)
    assert result["binary_quotes"]["native"].to_list() == ["up", "both", "up", "up", "both", "both"]


def test_a_change_of_tick_size_throws_the_book_away() -> None:
    tick = {
        "event_type": "tick_size_change", "market": BTC.condition_id, "asset_id": BTC.up, "old_tick_size": "0.01",
        "new_tick_size": "0.001", "timestamp": str(MS),
    }  # fmt: skip
    fine = book(BTC.up, {"0.961": "5"}, {"0.962": "5"})
    result = tables(UP, DOWN, tick, changes(change(BTC.up, "0.47", "1")), fine)
    assert result["gaps"]["reason"].to_list() == ["tick_size"]
    assert result["binary_quotes"]["up_bid"].to_list() == [0.47, 0.47, None, 0.961]


BAD = [("0.47", "-1", "BUY"), ("1.2", "5", "BUY"), ("0", "5", "BUY"), ("0.4", "5", "HOLD"), ("nan", "5", "SELL")]


@pytest.mark.parametrize("bad", [change(BTC.up, *values) for values in BAD])
def test_a_message_that_cannot_be_believed_makes_its_books_unknown(bad: dict[str, str]) -> None:
    parser, rows = PolymarketParser(), Rows()
    recorded = frames("polymarket", [*NAMED, UP, DOWN, changes(bad), changes(change(BTC.up, "0.46", "1")), UP, DOWN])
    refused = 0
    for frame in recorded:
        try:
            parser.feed(frame, rows)
        except BadFrame:
            refused += 1
    result = rows.take()
    assert refused == parser.counts["bad_frame"] == 1
    assert result["binary_quotes"]["native"].to_list() == ["up", "both", "up", "both"]
    assert result["gaps"]["reason"].to_list() == ["bad_frame"]


def test_the_venues_best_prices_are_compared_with_ours() -> None:
    parser = PolymarketParser()
    right = change(BTC.up, "0.46", "1", best_bid="0.47", best_ask="0.48")
    wrong = change(BTC.up, "0.46", "1", best_bid="0.46", best_ask="0.48")
    said = {
        "event_type": "best_bid_ask", "market": BTC.condition_id, "asset_id": BTC.up, "best_bid": "0.47",
        "best_ask": "0.49", "spread": "0.02", "timestamp": str(MS),
    }  # fmt: skip
    tables(UP, changes(right), changes(wrong), said, parser=parser)
    assert (parser.counts["checks"], parser.counts["disagreements"]) == (3, 2)


@pytest.mark.parametrize("empty", [{"best_ask": ""}, {"best_ask": "1"}, {"best_ask": "0"}, {}])
def test_an_empty_side_may_be_said_in_any_way(empty: dict[str, str]) -> None:
    parser = PolymarketParser()
    one_sided = book(BTC.up, {"0.98": "5"}, {})
    quotes = tables(one_sided, changes(change(BTC.up, "0.99", "5", best_bid="0.99", **empty)), parser=parser)
    assert quotes["binary_quotes"]["up_bid"].to_list() == [0.98, 0.99]
    assert parser.counts["disagreements"] == 0


def trade(**other: str) -> dict[str, Any]:
    return {
        "event_type": "last_trade_price", "market": BTC.condition_id, "asset_id": BTC.down, "price": "0.48",
        "size": "7", "side": "BUY", "fee_rate_bps": "0", "timestamp": str(MS), "transaction_hash": "0xfe",
    } | other  # fmt: skip


def test_trades_are_of_the_token_that_changed_hands() -> None:
    row = tables(trade())["binary_trades"].row(0, named=True)
    assert (row["token"], row["price"], row["size"], row["taker_side"], row["tx_hash"]) == (
        "down",
        0.48,
        7.0,
        "buy",
        "0xfe",
    )
    assert row["event_ns"] == T0


def test_equal_trades_of_one_frame_are_numbered() -> None:
    assert tables([trade(), trade(side="SELL"), trade()], trade())["binary_trades"]["seq"].to_list() == [0, 0, 1, 0]


def resolved(**other: str) -> dict[str, Any]:
    return {
        "event_type": "market_resolved", "id": "77", "market": BTC.condition_id, "assets_ids": [BTC.up, BTC.down],
        "winning_asset_id": BTC.up, "winning_outcome": "Up", "timestamp": str(MS + 460_000),
    } | other  # fmt: skip


def test_a_resolution_completes_the_windows_row() -> None:
    window = tables(resolved())["windows"].filter(pl.col("market_id") == BTC.slug).row(0, named=True)
    assert (window["outcome"], window["outcome_source"]) == ("up", "polymarket_market_resolved")
    assert window["resolved_ns"] == T0 + 460_000_000_000
    assert (window["strike"], window["fee_rate"], window["up_token_id"]) == (64000.5, 0.07, BTC.up)


def test_a_resolution_that_contradicts_itself_is_quarantined() -> None:
    rows, parser = Rows(), PolymarketParser()
    for frame in frames("polymarket", [*NAMED, resolved(winning_outcome="Down")]):
        parser.feed(frame, rows)
    assert rows.take_refused()["windows"]["rule"].to_list() == ["outcome_disagrees"]
    assert rows.take()["windows"]["outcome"].null_count() == 2


def test_the_silence_of_a_resolved_market_is_no_gap() -> None:
    assert "gaps" not in tables(UP, DOWN, resolved(), CLOSED, OPENED)


def test_new_markets_and_unknown_events_are_counted() -> None:
    parser = PolymarketParser()
    tables({"event_type": "new_market", "market": "0xcc"}, {"event_type": "rain"}, parser=parser)
    assert (parser.counts["new_market"], parser.counts["unknown_event"]) == (1, 1)


@pytest.mark.parametrize("window", [BTC, ETH])
def test_gamma_is_read_by_label(window: Listed) -> None:
    row = parse(PolymarketParser(), frames("gamma", [gamma(window.gamma())]))["windows"].row(0, named=True)
    assert (row["up_token_id"], row["down_token_id"]) == (window.up, window.down)
    assert (row["open_ns"], row["close_ns"]) == (1790000100 * 10**9, 1790000400 * 10**9)
    assert (row["settlement_rule"], row["fee_rate"], row["rebate_rate"]) == ("twap60", 0.07, 0.2)


def test_what_gamma_tells_later_is_added_and_nothing_is_taken_back() -> None:
    later = BTC.gamma(closed=True, umaResolutionStatus="resolved", outcomePrices='["0", "1"]')
    del later["eventMetadata"]
    row = parse(PolymarketParser(), frames("gamma", [gamma(BTC.gamma()), gamma(later)]))["windows"].row(0, named=True)
    assert (row["strike"], row["outcome"]) == (64000.5, "up")


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"version": "v3"}, "gamma_refused"),
        ({"outcomes": '["Yes", "No"]'}, "gamma_refused"),
        ({"endDate": "2026-09-21T14:21:40Z"}, "gamma_refused"),
        ({"cryptoMarketConfig": None, "resolutionSource": "https://example.com"}, "unknown_settlement_rule"),
        ({"cryptoMarketConfig": {"twapEnabled": True, "twapLookbackSeconds": 45}}, "unknown_settlement_rule"),
    ],
)
def test_what_gamma_does_not_say_clearly_is_quarantined_with_the_rule_it_breaks(
    changes: dict[str, Any], rule: str
) -> None:
    rows, parser = Rows(), PolymarketParser()
    for frame in frames("gamma", [gamma(BTC.gamma(**changes)), UP]):
        parser.feed(frame, rows)
    refused = rows.take_refused()["windows"]
    assert refused.select("market_id", "rule").rows() == [(BTC.slug, rule)]
    assert BTC.slug in parser.last_refusal
    assert rows.take() == {}


def test_a_market_that_suddenly_has_other_tokens_is_quarantined() -> None:
    rows, parser = Rows(), PolymarketParser()
    other = BTC.gamma(clobTokenIds='["1", "2"]')
    thief = Listed("sol-updown-5m-1790000100", "0xcc", BTC.up, "5").gamma()
    for frame in frames("gamma", [gamma(BTC.gamma()), gamma(other), gamma(thief)]):
        parser.feed(frame, rows)
    assert rows.take_refused()["windows"]["rule"].to_list() == ["tokens_disagree"] * 2


def test_a_reply_that_is_no_success_is_counted() -> None:
    parser = PolymarketParser()
    assert parse(parser, frames("gamma", [gamma("gone", status=404)])) == {}
    assert parser.counts == {"gamma_status_404": 1}


def test_markets_of_other_kinds_are_left_out_and_lists_are_read() -> None:
    other = {"slug": "will-it-rain", "markets": [{"slug": "will-it-rain"}]}
    windows = parse(PolymarketParser(), frames("gamma", [gamma([BTC.gamma(), other, ETH.gamma()])]))["windows"]
    assert windows["market_id"].to_list() == [BTC.slug, ETH.slug]


def test_places_of_past_markets_are_used_again_and_their_books_forgotten() -> None:
    parser, rows = PolymarketParser(), Rows()
    day_later = T0 + 86_400 * 10**9
    new = Listed("btc-updown-5m-1790086500", "0xdd", "555", "666")
    for frame in frames("polymarket", [*NAMED, UP, DOWN]):
        parser.feed(frame, rows)
    kind, body = gamma(new.gamma())
    parser.feed(Frame("gamma", 0, day_later, 0, kind, body), rows)
    message = json.dumps(book(new.up, {"0.3": "1"}, {}, new)).encode()
    parser.feed(Frame("polymarket", 0, day_later + 1, 0, Kind.DATA, message), rows)
    assert len(parser.markets.slots) == 2
    quotes = rows.take()["binary_quotes"]
    assert quotes["market_id"].to_list() == [BTC.slug, BTC.slug, new.slug]
    assert quotes.select("up_bid", "down_bid").row(-1) == (0.3, None)


STEPS = [
    *NAMED, UP, DOWN, CLOSED, OPENED, trade(), resolved(), [UP, DOWN],
    book(ETH.up, {"0.3": "3"}, {"0.4": "4"}, ETH),
    changes(change(BTC.up, "0.45", "3"), change(BTC.down, "0.55", "3", "SELL")),
    changes(change(ETH.up, "0.31", "3"), market=ETH),
    (Kind.SILENT, note(reason="silence", streams=[[f"binary_quotes/{BTC.slug}", "BTC"]])),
    *(changes(change(BTC.up, "0.40", str(n), best_bid="0.47", best_ask="0.50")) for n in range(4)),
    (Kind.SENT, note(operation="subscribe", assets_ids=[BTC.up, BTC.down])),
    (Kind.SENT, note(operation="unsubscribe", assets_ids=[BTC.up])),
]  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(range(len(STEPS))), max_size=30), st.sets(st.integers(0, 30)))
def test_how_often_rows_are_taken_changes_no_row(steps: list[int], cuts: set[int]) -> None:
    recorded = frames("polymarket", [STEPS[i] for i in steps])
    whole, parts = Rows(), Rows()
    one, other = PolymarketParser(), PolymarketParser()
    taken: list[dict[str, pl.DataFrame]] = []
    for i, frame in enumerate(recorded):
        one.feed(frame, whole)
        other.feed(frame, parts)
        if i in cuts:
            taken.append(parts.take())
    taken.append(parts.take())
    together = whole.take()
    # A window's row is replaced by its next one; every other table only grows.
    for name in ("binary_quotes", "binary_trades", "gaps"):
        pieces = [tables[name] for tables in taken if name in tables]
        assert bool(pieces) == (name in together)
        if pieces:
            # A book turns out wrong when its batch is applied: its gap may come after one that ended later.
            assert_frame_equal(pl.concat(pieces), together[name], check_row_order=name != "gaps")
    assert one.counts == other.counts


class _Line(msgspec.Struct):
    payload: msgspec.Raw


def recorded_payloads(folder: Path) -> list[bytes]:
    """Every payload of the sample, byte for byte."""
    decoder = msgspec.json.Decoder(_Line)
    with gzip.open(folder / "polymarket_ws_raw_sample.jsonl.gz") as lines:
        return [bytes(decoder.decode(line).payload) for line in lines]


def sample_markets(payloads: list[bytes]) -> list[tuple[Kind, bytes]]:
    """Gamma replies that name the sample's markets; its tokens appear as UP, DOWN."""
    tokens: dict[str, list[str]] = {}
    for message in map(json.loads, payloads):
        for token in [c["asset_id"] for c in message.get("price_changes", ())] or [message["asset_id"]]:
            known = tokens.setdefault(message["market"], [])
            if token not in known:
                known.append(token)
    return [
        gamma(Listed(f"btc-updown-5m-{1790000100 + 300 * i}", condition, *both).gamma())
        for i, (condition, both) in enumerate(tokens.items())
    ]


@pytest.mark.recordings
def test_every_recorded_message_is_read_and_the_books_agree_with_the_venue(recordings_folder: Path) -> None:
    payloads = recorded_payloads(recordings_folder)
    parser = PolymarketParser(check_hashes=True)
    result = parse(parser, frames("polymarket", [*sample_markets(payloads), *payloads]))
    assert len(payloads) == 5544
    assert parser.counts["bad_frame"] == parser.counts["unknown_event"] == parser.counts["unknown_market"] == 0
    assert result["binary_trades"].height == 71
    assert parser.counts["disagreements"] / parser.counts["checks"] < 0.001
    assert parser.counts["disbelieved"] == 0, "what disagreed were races"
    assert (parser.counts["hashes"], parser.counts["hash_mismatches"]) == (4, 0)


@pytest.mark.recordings
def test_the_venues_own_hash_of_a_recorded_book_is_recomputed(recordings_folder: Path) -> None:
    books = [m for m in map(json.loads, recorded_payloads(recordings_folder)) if "last_trade_price" in m]
    assert {book_hash(m) == m["hash"] for m in books} == {True}


@pytest.mark.recordings
def test_the_recorded_messages_come_through_a_socket_byte_for_byte(recordings_folder: Path) -> None:
    payloads = recorded_payloads(recordings_folder)

    async def main() -> Collected:
        async with PolymarketWs(replay=payloads, speed=1.0) as venue:
            feed = PolymarketFeed([Window("m", "BTC", "0x", ("1", "2"), 0, 1)], url=venue.url)
            async with connected(feed) as (got, _):
                await got.until(lambda g: len(g.of(Kind.DATA)) == len(payloads), within_s=60.0)
            return got

    assert [frame.payload for frame in asyncio.run(main()).of(Kind.DATA)] == payloads


def wrong(n: int, **best: str) -> dict[str, Any]:
    """A change far from the best prices, which the venue says are others than ours."""
    return changes(change(BTC.up, "0.40", str(n + 1), **({"best_bid": "0.47", "best_ask": "0.50"} | best)))


RIGHT = wrong(9, best_ask="0.48")
STREAM = f"binary_quotes/{BTC.slug}"


def gaps_of(result: dict[str, pl.DataFrame]) -> list[tuple[Any, ...]]:
    return result["gaps"].select("recv_ns", "until_ns", "stream", "reason").rows() if "gaps" in result else []


def test_a_book_that_disagrees_three_times_in_a_row_is_unknown_until_both_snapshots() -> None:
    parser = PolymarketParser()
    result = tables(UP, DOWN, wrong(0), wrong(1), wrong(2), wrong(3), UP, DOWN, RIGHT, parser=parser)
    assert result["binary_quotes"]["native"].to_list() == ["up", "both", "both", "both", "up", "both", "both"]
    assert gaps_of(result) == [(T0 + 4_000_000, T0 + 9_000_000, STREAM, "disagreement")]
    assert parser.counts["disbelieved"] == 1


@pytest.mark.parametrize("between", [RIGHT, UP])
def test_disagreements_that_do_not_follow_one_another_are_races(between: dict[str, Any]) -> None:
    result = tables(UP, DOWN, wrong(0), wrong(1), between, wrong(2), wrong(3))
    assert result["binary_quotes"]["native"].to_list()[1:] == ["both"] * 6
    assert gaps_of(result) == []


def test_several_changes_in_one_message_disagree_once() -> None:
    both = changes(*(wrong(n)["price_changes"][0] for n in range(5)))
    assert gaps_of(tables(UP, DOWN, both, both, UP, DOWN)) == []


def test_best_prices_that_come_before_their_change_are_no_disagreement() -> None:
    early = {
        "event_type": "best_bid_ask", "market": BTC.condition_id, "asset_id": BTC.up, "best_bid": "0.47",
        "best_ask": "0.50", "timestamp": str(MS),
    }  # fmt: skip
    assert gaps_of(tables(UP, DOWN, early, early, early, early, UP, DOWN)) == []


def test_a_crossed_book_is_unknown_at_once_and_a_locked_one_is_not() -> None:
    crossed = tables(UP, DOWN, changes(change(BTC.up, "0.49", "1")), UP, DOWN)
    assert crossed["binary_quotes"]["native"].to_list() == ["up", "both", "up", "both"]
    assert gaps_of(crossed) == [(T0 + 4_000_000, T0 + 6_000_000, STREAM, "disagreement")]
    assert gaps_of(tables(UP, DOWN, changes(change(BTC.up, "0.48", "1")), UP, DOWN)) == []


def test_a_disbelieved_book_that_never_comes_back_is_a_gap_to_the_end() -> None:
    parser, rows = PolymarketParser(), Rows()
    for frame in frames("polymarket", [*NAMED, UP, DOWN, wrong(0), wrong(1), wrong(2)]):
        parser.feed(frame, rows)
    parser.finish(T0 + 10**9, rows)
    parser.finish(T0 + 10**9, rows)
    assert gaps_of(rows.take()) == [(T0 + 4_000_000, T0 + 10**9, STREAM, "disagreement")]
    resolving = tables(UP, DOWN, wrong(0), wrong(1), wrong(2), resolved())
    assert gaps_of(resolving) == [(T0 + 4_000_000, 1_790_000_400 * 10**9, STREAM, "disagreement")]
