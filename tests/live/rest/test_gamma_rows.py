"""A market of Gamma as a row of ``windows``."""

from __future__ import annotations

import json
from typing import Any

import pytest

from arena.errors import DataError
from arena.market.schema import WINDOWS
from arena.units import SECOND
from live.rest.gamma_rows import event_row, window_row
from tests.venues.gamma import event

SLUG = "btc-updown-5m-1790000100"


def row(**market: Any) -> dict[str, Any]:
    return event_row(event(SLUG, **market), "arena")


def test_a_resolved_window_is_read_in_full() -> None:
    assert row() == {
        "market_id": SLUG,
        "venue": "polymarket",
        "asset": "BTC",
        "interval_s": 300,
        "open_ns": 1790000100 * SECOND,
        "close_ns": 1790000400 * SECOND,
        "strike": 100_000.25,
        "strike_source": "chainlink_twap60",
        "settle_price": 100_000.5,
        "settlement_rule": "twap60",
        "outcome": "up",
        "outcome_source": "gamma_resolution",
        "resolved_ns": 1790000454 * SECOND,
        "fee_rate": 0.07,
        "fee_exponent": 1.0,
        "rebate_rate": 0.2,
        "tick_size": None,
        "min_order_size": 5.0,
        "volume": 1234.5,
        "condition_id": f"0x{1790000100:064x}",
        "up_token_id": "11790000100",
        "down_token_id": "21790000100",
        "source": "arena",
    }


def test_a_row_has_exactly_the_columns_of_the_table() -> None:
    assert set(row()) == set(WINDOWS.schema)


@pytest.mark.parametrize("order", [("Up", "Down"), ("Down", "Up")])
@pytest.mark.parametrize("winner", ["Up", "Down"])
def test_tokens_and_payouts_are_matched_by_label_whatever_their_order(order: tuple[str, str], winner: str) -> None:
    tokens = {"Up": "111", "Down": "222"}
    found = row(
        outcomes=json.dumps(order),
        clobTokenIds=json.dumps([tokens[label] for label in order]),
        outcomePrices=json.dumps([str(int(label == winner)) for label in order]),
    )
    assert (found["up_token_id"], found["down_token_id"], found["outcome"]) == ("111", "222", winner.lower())


def test_lists_may_be_lists_as_well_as_texts() -> None:
    assert row(outcomes=["Down", "Up"], clobTokenIds=["2", "1"])["up_token_id"] == "1"


def test_the_open_is_the_event_start_and_not_the_creation_of_the_row() -> None:
    assert row(startDate="2026-09-20T14:18:44.123456Z")["open_ns"] == 1790000100 * SECOND


def test_a_live_window_has_a_tick_and_no_outcome() -> None:
    found = row(resolved=None)
    assert (found["tick_size"], found["outcome"], found["resolved_ns"], found["settle_price"]) == (
        0.01,
        None,
        None,
        None,
    )


def test_a_proposed_resolution_is_no_outcome() -> None:
    assert row(umaResolutionStatus="proposed")["outcome"] is None


def test_base_fees_of_1000_are_no_rate() -> None:
    found = row(feeSchedule=None)
    assert (found["fee_rate"], found["fee_exponent"], found["rebate_rate"]) == (None, None, None)


def test_a_market_without_fees_has_a_rate_of_zero() -> None:
    assert row(feesEnabled=False)["fee_rate"] == 0.0


def test_a_v2_market_is_traded_by_its_positions() -> None:
    found = row(version="v2", positionIds='["p-up", "p-down"]')
    assert (found["up_token_id"], found["down_token_id"]) == ("p-up", "p-down")


def test_a_market_from_before_versions_is_of_the_first() -> None:
    assert row(version=None)["up_token_id"] == "11790000100"


def test_ids_that_are_not_filled_in_yet_are_unknown() -> None:
    assert row(resolved=None, clobTokenIds="")["up_token_id"] is None
    assert row(resolved=None, clobTokenIds='["", ""]')["up_token_id"] is None


@pytest.mark.parametrize(
    ("config", "source", "rule"),
    [
        ({"twapEnabled": True, "twapLookbackSeconds": 30}, "", "twap30"),
        ({"twapEnabled": False}, "", "spot"),
        (None, "https://data.chain.link/streams/btc-usd-twap-30s-streams", "twap30"),
        (None, "https://data.chain.link/streams/btc-usd", "spot"),
        (None, "https://www.binance.com/en/trade/BTC_USDT", None),
    ],
)
def test_the_settlement_rule_is_what_the_market_says(config: Any, source: str, rule: str | None) -> None:
    assert row(cryptoMarketConfig=config, resolutionSource=source)["settlement_rule"] == rule


def test_where_nobody_says_how_a_market_settles_the_source_of_its_strike_is_unknown() -> None:
    found = row(cryptoMarketConfig=None, resolutionSource="")
    assert (found["strike"], found["settlement_rule"], found["strike_source"]) == (100_000.25, None, None)


def test_a_market_listed_without_its_event_has_no_reference_prices() -> None:
    found = window_row(event(SLUG)["markets"][0], "arena")
    assert (found["strike"], found["strike_source"], found["settle_price"]) == (None, None, None)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"version": "v3"}, "protocol version 'v3'"),
        ({"outcomes": '["Yes", "No"]'}, "not Up and Down"),
        ({"outcomes": '["Up", "Up"]'}, "not Up and Down"),
        ({"clobTokenIds": '["1"]'}, "one entry per outcome"),
        ({"clobTokenIds": '["1", "1"]'}, "both outcomes have the token 1"),
        ({"clobTokenIds": "[1, "}, "not a JSON list"),
        ({"eventStartTime": "2026-09-21T14:20:00Z"}, "by its name it is 2026-09-21T14:15:00Z"),
        ({"endDate": "2026-09-21T14:30:00Z"}, "by its name it is 2026-09-21T14:20:00Z"),
        ({"endDate": "tomorrow"}, "not a time"),
        ({"outcomePrices": '["0.5", "0.5"]'}, "instead of 1 and 0"),
        ({"outcomePrices": '["1", "win"]'}, "not a number"),
        ({"feeSchedule": {"rate": 1000, "exponent": 1}}, "no fraction"),
        ({"feeSchedule": {"rate": 0.07}}, "no rate or no exponent"),
        ({"feeSchedule": {"rate": 0.07, "exponent": 1, "takerOnly": False}}, "charges makers too"),
        ({"orderMinSize": "five"}, "not a number"),
        ({"cryptoMarketConfig": {"twapEnabled": True}}, "average of unknown length"),
        ({"slug": "will-it-rain"}, "no up/down window"),
    ],
)
def test_a_market_that_contradicts_itself_or_is_unknown_is_refused_by_name(changes: Any, sentence: str) -> None:
    with pytest.raises(DataError, match=sentence) as error:
        row(**changes)
    assert changes.get("slug", SLUG) in str(error.value)


def test_an_event_of_several_markets_is_no_window() -> None:
    with pytest.raises(DataError, match="exactly one market"):
        event_row(event(SLUG) | {"markets": []}, "arena")


@pytest.mark.parametrize("zero", ["0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
def test_a_time_outside_2015_to_2100_is_no_time(zero: str) -> None:
    assert row(closedTime=zero)["resolved_ns"] is None


@pytest.mark.parametrize("offset", ["+23:59", "-23:59"])
@pytest.mark.parametrize("edge", ["0001-01-01T00:00:00", "9999-12-31T23:59:59"])
def test_times_at_the_edge_of_what_can_be_written_are_survived(edge: str, offset: str) -> None:
    assert row(closedTime=edge + offset)["resolved_ns"] is None


@pytest.mark.parametrize("epoch", [0, 4_102_444_800])
def test_a_window_outside_2015_to_2100_is_refused(epoch: int) -> None:
    with pytest.raises(DataError, match="outside 2015-2100"):
        event_row(event(f"btc-updown-5m-{epoch}"), "arena")
