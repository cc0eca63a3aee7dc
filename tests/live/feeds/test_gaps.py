"""What is broken and never comes back is a gap all the same, up to the end of the stream or of the session."""

from __future__ import annotations

from typing import Any

import pytest

from arena.units import MS, SECOND
from live.feeds.base import BadFrame
from live.feeds.coinbase import CoinbaseL2Feed
from live.feeds.frame import Frame, Kind, note
from live.feeds.okx import OkxFeed
from live.feeds.parsing import FeedParser
from live.feeds.polymarket.parser import PolymarketParser
from live.feeds.rows import Rows
from tests.live.feeds.helpers import CLOSED, OPENED, T0, frames, gamma, sent
from tests.live.feeds.test_polymarket import DOWN, NAMED, UP, change, changes, resolved
from tests.live.feeds.test_spot_parsers import book
from tests.venues.polymarket_ws import BTC, Listed

CLOSE = 1_790_000_400 * SECOND
ASKED = sent(type="market", assets_ids=[BTC.up, BTC.down])
AGAIN = [sent(operation=how, assets_ids=[BTC.up, BTC.down]) for how in ("unsubscribe", "subscribe")]
LATER = gamma(Listed("btc-updown-5m-1790000700", "0xcc", "5", "6").gamma())
TICK = {
    "event_type": "tick_size_change", "market": BTC.condition_id, "asset_id": BTC.up, "old_tick_size": "0.01",
    "new_tick_size": "0.001", "timestamp": str(T0 // MS),
}  # fmt: skip


def gaps(parser: FeedParser, feed: str, *messages: Any, until_ns: int | None = None, **jumps: int) -> list[Any]:
    """Rows of ``gaps``: from, until (ns after T0) and reason. ``_3=5`` has message 3 and the rest come at 5 ns."""
    rows = Rows()
    shift = 0
    for i, frame in enumerate(frames(feed, messages)):
        shift = jumps.get(f"_{i}", shift)
        recv_ns = max(T0 + shift, frame.recv_ns) if shift == 0 else T0 + shift + i
        try:
            parser.feed(frame._replace(recv_ns=recv_ns), rows)
        except BadFrame:
            continue
    if until_ns is not None:
        parser.finish(until_ns, rows)
        parser.finish(until_ns, rows)
    found = rows.take().get("gaps")
    if found is None:
        return []
    return [(a - T0, b - T0, why) for a, b, why in found.select("recv_ns", "until_ns", "reason").rows()]


def okx(symbol: str = "BTC-USDT") -> dict[str, Any]:
    data = {"asks": [["10", "1", "0", "1"]], "bids": [["9", "1", "0", "1"]], "ts": "1790000000000"}
    return {"arg": {"channel": "bbo-tbt", "instId": symbol}, "data": [data]}


def test_a_feed_that_dies_and_never_returns_is_a_gap_to_the_end_of_the_session() -> None:
    parser = OkxFeed(["BTC"]).parser()
    found = gaps(parser, "okx", OPENED, okx(), CLOSED, until_ns=T0 + SECOND)
    assert (MS, SECOND, "reconnect") in found


def test_what_comes_back_after_the_end_of_a_session_continues_its_gap() -> None:
    parser, rows = OkxFeed(["BTC"]).parser(), Rows()
    recorded = frames("okx", [OPENED, okx(), CLOSED, OPENED, okx()])
    for frame in recorded[:3]:
        parser.feed(frame, rows)
    parser.finish(recorded[3].recv_ns, rows)
    for frame in recorded[3:]:
        parser.feed(frame, rows)
    spot = rows.take()["gaps"].filter(stream="spot/okx")
    assert spot.select("recv_ns", "until_ns").rows() == [(T0 + MS, T0 + 3 * MS), (T0 + 3 * MS, T0 + 4 * MS)]


def test_a_stream_that_never_talked_is_a_gap_from_the_opening() -> None:
    found = gaps(CoinbaseL2Feed(["BTC"]).parser(), "coinbase_l2", OPENED, until_ns=T0 + SECOND)
    assert found == [(0, SECOND, "silence")]


def test_changes_of_a_book_without_a_snapshot_are_no_sign_of_life() -> None:
    parser = CoinbaseL2Feed(["BTC"]).parser()
    messages = [OPENED, book(0, "update", ("bid", "9", "1"))]
    assert gaps(parser, "coinbase_l2", *messages, until_ns=T0 + SECOND) == [(0, SECOND, "silence")]
    assert parser.talked == []


def test_a_channel_lost_before_the_close_and_back_after_it_is_a_gap_up_to_the_close() -> None:
    late = CLOSE - T0 + SECOND
    found = gaps(PolymarketParser(), "polymarket", *NAMED, ASKED, UP, DOWN, CLOSED, OPENED, LATER, _6=late)
    assert found == [(4 * MS, CLOSE - T0, "reconnect")]


def test_a_change_of_tick_size_without_a_snapshot_after_it_is_a_gap_up_to_the_close() -> None:
    late = CLOSE - T0 + SECOND
    found = gaps(PolymarketParser(), "polymarket", *NAMED, ASKED, UP, DOWN, TICK, LATER, _6=late)
    assert found == [(4 * MS, CLOSE - T0, "tick_size")]


@pytest.mark.parametrize("came", [[], [UP], [changes(change(BTC.up, "0.47", "1"))] * 5])
def test_a_market_without_both_snapshots_is_a_gap_from_when_it_was_asked_for(came: list[Any]) -> None:
    found = gaps(PolymarketParser(), "polymarket", *NAMED, ASKED, *came, resolved())
    assert found == [(2 * MS, CLOSE - T0, "silence")]


def test_an_open_gap_of_a_market_is_written_at_the_end_of_the_session() -> None:
    found = gaps(PolymarketParser(), "polymarket", *NAMED, ASKED, UP, DOWN, CLOSED, until_ns=T0 + SECOND)
    assert found == [(4 * MS, SECOND, "reconnect")]


def test_a_market_that_ended_well_has_no_gap() -> None:
    late = CLOSE - T0 + SECOND
    ended = [*NAMED, ASKED, UP, DOWN, CLOSED, OPENED, LATER]
    assert gaps(PolymarketParser(), "polymarket", *ended, until_ns=T0 + 10**13, _5=late) == []


def test_what_we_unsubscribe_from_is_unknown_until_its_next_snapshot() -> None:
    parser, rows = PolymarketParser(), Rows()
    late = changes(change(BTC.up, "0.47", "1"))
    for frame in frames("polymarket", [*NAMED, ASKED, UP, DOWN, *AGAIN, late, UP, DOWN]):
        parser.feed(frame, rows)
    assert rows.take()["binary_quotes"]["native"].to_list() == ["up", "both", "up", "both"]


@pytest.mark.parametrize("damage", [b"", b"\xff", b'{"market":"0xaa","price_changes":[{"asset', b"[[]"])
def test_a_message_that_does_not_say_whom_it_is_about_makes_every_book_of_its_connection_unknown(
    damage: bytes,
) -> None:
    parser, rows = PolymarketParser(), Rows()
    for frame in frames("polymarket", [*NAMED, UP, DOWN]):
        parser.feed(frame, rows)
    for conn in (1, 0):
        with pytest.raises(BadFrame):
            parser.feed(Frame("polymarket", conn, T0 + SECOND, 0, Kind.DATA, damage), rows)
    assert parser.counts["bad_frame"] == 2
    for frame in frames("polymarket", [changes(change(BTC.up, "0.46", "1")), UP, DOWN], start=2000):
        parser.feed(frame, rows)
    taken = rows.take()
    assert taken["binary_quotes"]["native"].to_list() == ["up", "both", "up", "both"]
    assert taken["gaps"]["reason"].to_list() == ["bad_frame"]


def test_damage_on_another_connection_is_none_of_a_books_business() -> None:
    parser, rows = PolymarketParser(), Rows()
    for frame in frames("polymarket", [*NAMED, UP, DOWN]):
        parser.feed(frame, rows)
    with pytest.raises(BadFrame):
        parser.feed(Frame("polymarket", 1, T0 + SECOND, 0, Kind.DATA, b"{"), rows)
    parser.feed(frames("polymarket", [changes(change(BTC.up, "0.46", "1"))], start=2000)[0], rows)
    assert rows.take()["binary_quotes"]["native"].to_list() == ["up", "both", "both"]


def test_what_the_venue_says_about_a_request_is_no_damage() -> None:
    assert gaps(PolymarketParser(), "polymarket", *NAMED, UP, DOWN, "INVALID OPERATION", until_ns=T0 + SECOND) == []


def test_silence_before_a_stream_ever_talked_begins_when_it_was_asked_for() -> None:
    silent = (Kind.SILENT, note(streams=[[f"binary_quotes/{BTC.slug}", "BTC"]]))
    found = gaps(PolymarketParser(), "polymarket", *NAMED, ASKED, silent, *AGAIN, UP, DOWN)
    assert found == [(2 * MS, 7 * MS, "silence")]
