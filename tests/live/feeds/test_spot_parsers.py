"""Quirks of the spot venues, message by message."""

from __future__ import annotations

from typing import Any

import pytest

from live.feeds.base import BadFrame
from live.feeds.binance_us import BinanceUsFeed
from live.feeds.bitfinex import BitfinexFeed
from live.feeds.bybit import BybitFeed
from live.feeds.coinbase import CoinbaseFeed, CoinbaseL2Feed
from live.feeds.frame import Kind, note
from live.feeds.kraken import KrakenFeed
from live.feeds.okx import OkxFeed
from live.feeds.rows import Rows
from tests.live.feeds.helpers import CLOSED, OPENED, T0, frames, parse, payload


def ticker(number: int, **changes: Any) -> dict[str, Any]:
    one = {
        "product_id": "ETH-USD", "price": "3120.5", "best_bid": "3120.4", "best_bid_quantity": "1.2",
        "best_ask": "3120.6", "best_ask_quantity": "0.7",
    }  # fmt: skip
    events = [{"type": "update", "tickers": [one | changes]}]
    at = "2026-11-20T10:00:00.123456789Z"
    return {"channel": "ticker", "timestamp": at, "sequence_num": number, "events": events}


def test_coinbases_documented_ticker_becomes_one_row() -> None:
    row = parse(CoinbaseFeed().parser(), frames("coinbase", [ticker(41)]))["spot"].row(0, named=True)
    assert row == {
        "event_ns": 1795168800123456789, "recv_ns": T0, "venue": "coinbase", "asset": "ETH", "quote": "USD",
        "bid": 3120.4, "ask": 3120.6, "last": 3120.5, "bid_size": 1.2, "ask_size": 0.7, "source": "test",
    }  # fmt: skip


@pytest.mark.parametrize(
    "changes", [{"price": "-1"}, {"best_bid": "nan"}, {"best_ask": "inf"}, {"price": "٣"}, {"price": None}]
)
def test_an_impossible_number_is_refused_with_its_place(changes: dict[str, Any]) -> None:
    rows, parser = Rows(), CoinbaseFeed().parser()
    with pytest.raises(BadFrame, match=next(iter(changes))):
        parser.feed(frames("coinbase", [ticker(1, **changes)])[0], rows)
    assert rows.take() == {}
    assert parser.counts["bad_frame"] == 1


def test_heartbeats_count_towards_the_sequence() -> None:
    beat = {"channel": "heartbeats", "timestamp": "2026-11-20T10:00:00Z", "sequence_num": 2, "events": [{}]}
    assert "gaps" not in parse(CoinbaseFeed().parser(), frames("coinbase", [ticker(1), beat, ticker(3)]))
    gaps = parse(CoinbaseFeed().parser(), frames("coinbase", [ticker(1), ticker(3)]))["gaps"]
    assert gaps.select("recv_ns", "until_ns", "stream", "asset", "reason").rows() == [
        (T0, T0 + 1_000_000, "spot/coinbase", "ETH", "sequence")
    ]


def test_a_sequence_may_begin_anywhere_on_a_new_connection() -> None:
    tables = parse(CoinbaseFeed().parser(), frames("coinbase", [ticker(900), CLOSED, OPENED, ticker(0), ticker(1)]))
    assert tables["gaps"]["reason"].to_list() == ["reconnect"]


def test_a_process_that_was_killed_leaves_an_outage() -> None:
    tables = parse(CoinbaseFeed().parser(), frames("coinbase", [ticker(5), OPENED, ticker(0)]))
    assert tables["gaps"]["reason"].to_list() == ["outage"]


def test_the_first_reason_of_a_break_is_the_one_recorded() -> None:
    silent = (Kind.SILENT, note(reason="silence", streams=[["spot/coinbase", "ETH"]]))
    tables = parse(CoinbaseFeed().parser(), frames("coinbase", [ticker(5), silent, CLOSED, OPENED, ticker(0)]))
    assert tables["gaps"]["reason"].to_list() == ["silence"]


def book(number: int, kind: str, *updates: tuple[str, str, str], at: str = "2026-11-20T10:00:00Z") -> dict[str, Any]:
    levels = [{"side": s, "event_time": at, "price_level": p, "new_quantity": q} for s, p, q in updates]
    events = [{"type": kind, "product_id": "BTC-USD", "updates": levels}]
    return {"channel": "l2_data", "timestamp": "2026-11-20T10:00:01Z", "sequence_num": number, "events": events}


def test_a_snapshots_levels_take_the_time_of_the_message_and_changes_their_own() -> None:
    messages = [
        book(0, "snapshot", ("bid", "99", "1"), at="1970-01-01T00:00:00Z"),
        book(1, "update", ("offer", "101", "0")),
    ]
    l2 = parse(CoinbaseL2Feed().parser(), frames("coinbase_l2", messages))["l2"]
    assert l2.select("event_ns", "side", "price", "size", "is_snapshot", "last_id").rows() == [
        (1795168801000000000, "bid", 99.0, 1.0, True, 0),
        (1795168800000000000, "ask", 101.0, 0.0, False, 1),
    ]


def test_levels_are_numbered_within_their_message() -> None:
    back = [("bid", "99", "5"), ("bid", "99", "0"), ("bid", "99", "5")]
    messages = [book(0, "snapshot", ("bid", "98", "1")), book(1, "update", *back)]
    l2 = parse(CoinbaseL2Feed().parser(), frames("coinbase_l2", messages))["l2"]
    assert l2.select("last_id", "size", "seq").rows() == [(0, 1.0, 0), (1, 5.0, 0), (1, 0.0, 1), (1, 5.0, 2)]


def test_after_a_lost_message_a_book_is_broken_until_its_snapshot_and_nothing_is_thrown_away() -> None:
    change = ("bid", "99", "1")
    messages = [
        book(0, "snapshot", change),
        book(2, "update", change),
        book(3, "update", change),
        book(4, "snapshot", change),
    ]
    parser = CoinbaseL2Feed().parser()
    tables = parse(parser, frames("coinbase_l2", messages))
    assert tables["gaps"].select("recv_ns", "until_ns", "stream", "reason").rows() == [
        (T0, T0 + 3_000_000, "l2/coinbase", "sequence")
    ]
    assert tables["l2"].height == 4
    assert parser.counts["before_snapshot"] == 2


def test_a_binance_trade_by_a_maker_who_bought_is_a_sale() -> None:
    trade = {
        "e": "trade",
        "E": 1,
        "s": "BTCUSDT",
        "t": 12,
        "p": "9.5",
        "q": "2",
        "T": 1790000000000,
        "m": True,
        "M": True,
    }
    tables = parse(BinanceUsFeed().parser(), frames("binance_us", [{"result": None, "id": 1}, trade]))
    row = tables["trades"].row(0, named=True)
    assert (row["taker_side"], row["price"], row["size"], row["seq"]) == ("sell", 9.5, 2.0, 12)
    assert tables["spot"].select("bid", "last").rows() == [(None, 9.5)]


def test_half_a_quote_is_completed_by_the_same_connection_only() -> None:
    quote = {"u": 5, "s": "BTCUSDT", "b": "9", "B": "1", "a": "10", "A": "1"}
    trade = {"e": "trade", "E": 1, "s": "BTCUSDT", "t": 1, "p": "9.5", "q": "2", "T": 1790000000000, "m": True}
    spot = parse(BinanceUsFeed().parser(), frames("binance_us", [quote, trade, CLOSED, OPENED, trade]))["spot"]
    assert spot.select("bid", "last").rows() == [(9.0, None), (9.0, 9.5), (None, 9.5)]


def test_okx_pongs_and_answers_are_no_data() -> None:
    messages = ["pong", {"event": "subscribe", "arg": {"channel": "tickers", "instId": "BTC-USDT"}, "connId": "a"}]
    assert parse(OkxFeed().parser(), frames("okx", messages)) == {}


def test_an_empty_side_of_okx_is_null() -> None:
    data = {"asks": [], "bids": [["9", "1", "0", "1"]], "ts": "1790000000000"}
    message = {"arg": {"channel": "bbo-tbt", "instId": "BTC-USDT"}, "data": [data]}
    row = parse(OkxFeed().parser(), frames("okx", [message]))["spot"].row(0, named=True)
    assert (row["bid"], row["ask"], row["event_ns"]) == (9.0, None, T0)


def test_an_empty_text_is_a_number_that_is_not_there() -> None:
    data = {"instId": "BTC-USDT", "last": "9", "bidPx": "", "askPx": "10", "ts": "1790000000000"}
    message = {"arg": {"channel": "tickers", "instId": "BTC-USDT"}, "data": [data]}
    assert parse(OkxFeed().parser(), frames("okx", [message]))["spot"].select("bid", "ask").rows() == [(None, 10.0)]
    tables = parse(CoinbaseFeed().parser(), frames("coinbase", [ticker(1, best_bid="", best_bid_quantity="")]))
    assert tables["spot"].select("bid", "ask").rows() == [(None, 3120.6)]


def best(update: int, kind: str = "snapshot", bids: Any = (("9", "1"),), asks: Any = (("10", "1"),)) -> dict[str, Any]:
    data = {"s": "BTCUSDT", "b": [list(b) for b in bids], "a": [list(a) for a in asks], "u": update, "seq": 7}
    return {"topic": "orderbook.1.BTCUSDT", "type": kind, "ts": 1790000000002, "cts": 1790000000000, "data": data}


def test_bybits_update_1_is_a_reset_and_a_gap() -> None:
    tables = parse(BybitFeed().parser(), frames("bybit", [best(50), best(1)]))
    assert tables["gaps"]["reason"].to_list() == ["reset"]
    assert tables["spot"]["event_ns"].to_list() == [T0, T0], "the time of the match, not of the sending"


def test_a_delta_of_bybit_changes_only_what_it_names() -> None:
    messages = [
        best(50),
        best(51, "delta", bids=[("9.5", "2")], asks=[]),
        best(52, "delta", bids=[("9.5", "0")], asks=[]),
    ]
    spot = parse(BybitFeed().parser(), frames("bybit", messages))["spot"]
    assert spot.select("bid", "bid_size", "ask").rows() == [(9.0, 1.0, 10.0), (9.5, 2.0, 10.0), (None, None, 10.0)]


def test_bybits_ticker_has_no_bid_of_its_own() -> None:
    data = {"symbol": "BTCUSDT", "lastPrice": "9.5"}
    message = {"topic": "tickers.BTCUSDT", "ts": 1790000000000, "type": "snapshot", "data": data}
    assert parse(BybitFeed().parser(), frames("bybit", [message, best(50)]))["spot"].select("bid", "last").rows() == [
        (None, 9.5),
        (9.0, 9.5),
    ]


def test_every_change_of_krakens_best_is_asked_for() -> None:
    assert b'"event_trigger":"bbo"' in KrakenFeed().subscribe()[0]


SUBSCRIBED = {"event": "subscribed", "channel": "ticker", "chanId": 7, "symbol": "tBTCUSD", "pair": "BTCUSD"}
NUMBERS = [9.0, 1.0, 10.0, 1.0, 0, 0, 9.5, 1, 11, 8]


@pytest.mark.parametrize("tail", [[4, 1790000000000], [1790000000000, 4]])
def test_bitfinex_may_append_number_and_time_in_either_order(tail: list[int]) -> None:
    parser = BitfinexFeed().parser()
    spot = parse(parser, frames("bitfinex", [SUBSCRIBED, [7, NUMBERS, *tail]]))["spot"]
    assert spot.select("event_ns", "bid", "ask", "last").rows() == [(T0, 9.0, 10.0, 9.5)]


def test_without_flags_bitfinex_has_no_time() -> None:
    assert parse(BitfinexFeed().parser(), frames("bitfinex", [SUBSCRIBED, [7, NUMBERS]]))["spot"][
        "event_ns"
    ].to_list() == [None]


def test_a_number_missing_in_a_bitfinex_heartbeat_is_a_gap() -> None:
    messages = [SUBSCRIBED, [7, NUMBERS, 1], [7, "hb", 3], [7, NUMBERS, 4]]
    assert parse(BitfinexFeed().parser(), frames("bitfinex", messages))["gaps"]["reason"].to_list() == ["sequence"]


def test_bitfinex_maintenance_is_a_gap_until_data_come_back() -> None:
    maintenance = {"event": "info", "code": 20060, "msg": "entering maintenance"}
    messages = [SUBSCRIBED, [7, NUMBERS], maintenance, [7, NUMBERS]]
    assert parse(BitfinexFeed().parser(), frames("bitfinex", messages))["gaps"]["reason"].to_list() == ["maintenance"]


def test_channels_of_an_earlier_connection_mean_nothing() -> None:
    parser = BitfinexFeed().parser()
    assert parse(parser, frames("bitfinex", [SUBSCRIBED, CLOSED, OPENED, [7, NUMBERS]])) == {}
    assert parser.counts["unknown_channel"] == 1


def last_price(price: str = "9.5") -> dict[str, Any]:
    data = {"symbol": "BTCUSDT", "lastPrice": price}
    return {"topic": "tickers.BTCUSDT", "ts": 1790000000000, "type": "snapshot", "data": data}


def test_a_quote_whose_channel_is_dead_is_left_out_of_the_rows_of_its_sibling() -> None:
    parser, rows = BybitFeed().parser(), Rows()
    for second, message in ((0, best(50)), (19, last_price()), (21, last_price()), (22, best(51))):
        parser.feed(frames("bybit", [message])[0]._replace(recv_ns=T0 + second * 10**9), rows)
    assert rows.take()["spot"].select("bid", "ask_size", "last").rows() == [
        (9.0, 1.0, None),
        (9.0, 1.0, 9.5),
        (None, None, 9.5),
        (9.0, 1.0, 9.5),
    ]


@pytest.mark.parametrize(
    ("feed", "quote", "last"),
    [
        (BybitFeed, best(50), last_price()),
        (
            BinanceUsFeed,
            {"u": 5, "s": "BTCUSDT", "b": "9", "B": "1", "a": "10", "A": "1"},
            {"e": "trade", "E": 1, "s": "BTCUSDT", "t": 1, "p": "9", "q": "2", "T": 1790000000000, "m": True},
        ),
        (
            OkxFeed,
            {
                "arg": {"channel": "bbo-tbt", "instId": "BTC-USDT"},
                "data": [{"asks": [], "bids": [["9", "1", "0", "1"]], "ts": "1790000000000"}],
            },
            {
                "arg": {"channel": "tickers", "instId": "BTC-USDT"},
                "data": [{"instId": "BTC-USDT", "last": "9", "ts": "1790000000000"}],
            },
        ),
    ],
)
def test_every_channel_is_a_stream_of_its_own(feed: Any, quote: Any, last: Any) -> None:
    watch = feed().watch()
    assert watch.see(payload(quote)).streams == [(f"spot/{feed.name}", "BTC")]
    assert watch.see(payload(last)).streams == [(f"trades/{feed.name}", "BTC")]
    assert {stream.name for stream in feed().streams()} == {f"spot/{feed.name}", f"trades/{feed.name}"}
