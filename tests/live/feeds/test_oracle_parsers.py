"""Reports of RTDS and PolyBolt."""

from __future__ import annotations

import json
from typing import Any

import pytest

from live.feeds.base import BadFrame
from live.feeds.polybolt import Credentials, PolyBoltFeed
from live.feeds.rows import Rows
from live.feeds.rtds import RtdsFeed
from tests.live.feeds.helpers import CLOSED, OPENED, T0, frames, parse

MS = T0 // 1_000_000


def report(at: int = 0, *, topic: str = "crypto_prices_twap_sixty", **payload: Any) -> dict[str, Any]:
    held = {"symbol": "eth/usd", "timestamp": MS + at * 1000, "value": 3120.55} | payload
    return {"topic": topic, "type": "update", "timestamp": MS + 410, "payload": held}


def test_the_documented_report_is_read_in_full_accuracy() -> None:
    message = report(window_s=60, full_accuracy_value="3120550000000000000001")
    row = parse(RtdsFeed().parser(), frames("rtds", [message]))["oracle"].row(0, named=True)
    assert (row["event_ns"], row["asset"], row["feed"]) == (T0, "ETH", "chainlink_twap60")
    assert row["price"] == 3120550000000000000001 / 10**18


@pytest.mark.parametrize(
    ("topic", "payload", "feed"),
    [
        ("crypto_prices", {}, "chainlink"),
        ("crypto_prices", {"window_s": 30}, "chainlink_twap30"),
        ("crypto_prices_twap_sixty", {}, "chainlink_twap60"),
        ("crypto_prices_chainlink", {"window_s": 60}, "chainlink_twap60"),
    ],
)
def test_the_payload_decides_and_the_label_only_where_it_is_silent(
    topic: str, payload: dict[str, Any], feed: str
) -> None:
    tables = parse(RtdsFeed().parser(), frames("rtds", [report(topic=topic, **payload)]))
    assert tables["oracle"]["feed"].to_list() == [feed]


def test_binance_prices_and_unknown_averages_are_counted_not_guessed() -> None:
    parser = RtdsFeed().parser()
    assert parse(parser, frames("rtds", [report(symbol="ethusdt"), report(window_s=45)])) == {}
    assert parser.counts == {"unknown_symbol": 1, "unknown_average": 1}


def test_filters_have_no_blank_and_every_topic_is_asked_for_alone() -> None:
    messages = [json.loads(message) for message in RtdsFeed().subscribe()]
    assert all(len(message["subscriptions"]) == 1 for message in messages)
    filters = [message["subscriptions"][0]["filters"] for message in messages]
    assert filters[0] == '{"symbol":"btc/usd"}'
    assert not any(" " in text for text in filters)


def test_a_backfill_brings_only_what_was_missed() -> None:
    points = [{"timestamp": MS + at * 1000, "value": 3120.0 + at} for at in range(4)]
    backfill = {"topic": "crypto_prices", "type": "subscribe", "payload": {"symbol": "eth/usd", "data": points}}
    live = report(1, topic="crypto_prices_chainlink")
    parser = RtdsFeed().parser()
    tables = parse(parser, frames("rtds", [live, CLOSED, OPENED, backfill]))
    seconds = ((tables["oracle"]["event_ns"] - T0) // 1_000_000_000).to_list()
    assert seconds == [1, 2, 3]
    assert parser.counts["backfill_known"] == 2
    assert tables["gaps"]["reason"].to_list() == ["reconnect"]


def test_two_values_that_are_different_prices_are_refused() -> None:
    with pytest.raises(BadFrame, match="different prices"):
        RtdsFeed().parser().feed(frames("rtds", [report(full_accuracy_value="1")])[0], Rows())


KEYS = Credentials("key", "secret", "passphrase")


def bolt(seq: int, **changes: Any) -> dict[str, Any]:
    payload = {
        "symbol": "btcusd", "source": "chainlink", "value": 64000.5, "full_accuracy_value": "64000.5000000001",
        "timestamp": MS + seq * 1000, "window_seconds": 60,
    }  # fmt: skip
    return {"v": 1, "channel": "price.crypto.twap", "seq": seq, "ts": MS, "payload": payload} | changes


def test_polybolts_full_accuracy_is_a_plain_decimal() -> None:
    oracle = parse(PolyBoltFeed(KEYS).parser(), frames("polybolt", [bolt(1)]))["oracle"]
    assert oracle.select("feed", "price").rows() == [("polybolt_twap60", 64000.5000000001)]


def test_a_missing_number_and_an_admitted_drop_are_gaps() -> None:
    parser = PolyBoltFeed(KEYS).parser()
    tables = parse(parser, frames("polybolt", [bolt(1), bolt(3), bolt(4, dropped=7)]))
    assert tables["gaps"]["reason"].to_list() == ["sequence", "dropped"]
    assert (parser.counts["missed_messages"], parser.counts["dropped_messages"]) == (1, 7)


def test_another_version_of_the_protocol_is_refused() -> None:
    with pytest.raises(BadFrame, match="version 1"):
        PolyBoltFeed(KEYS).parser().feed(frames("polybolt", [bolt(1, v=2)])[0], Rows())


def test_numbers_run_per_channel() -> None:
    other = bolt(900, channel="price.crypto")
    assert "gaps" not in parse(PolyBoltFeed(KEYS).parser(), frames("polybolt", [bolt(1), other, bolt(2)]))


def test_polybolt_and_rtds_never_report_under_the_same_name() -> None:
    rtds = parse(RtdsFeed().parser(), frames("rtds", [report(window_s=60)]))["oracle"]
    polybolt = parse(PolyBoltFeed(KEYS).parser(), frames("polybolt", [bolt(1)]))["oracle"]
    assert not set(rtds["feed"]) & set(polybolt["feed"])


def test_an_average_that_was_asked_for_and_never_came_is_a_gap() -> None:
    parser, rows = PolyBoltFeed(KEYS, ["BTC"]).parser(), Rows()
    for frame in frames("polybolt", [OPENED, bolt(1)]):
        parser.feed(frame, rows)
    parser.finish(T0 + 10**9, rows)
    assert rows.take()["gaps"].select("recv_ns", "until_ns", "stream").rows() == [
        (T0, T0 + 10**9, "oracle/polybolt_twap30")
    ]
