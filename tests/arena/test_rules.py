from __future__ import annotations

from datetime import UTC, datetime

import pytest

from arena.errors import VenueRuleError
from arena.venues.rules import Rules, rule_edges, rules_at, table_version, up_wins

SECOND = 1_000_000_000


def moment(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * SECOND


def at(text: str, interval_s: int = 300) -> Rules:
    return rules_at("polymarket", interval_s, moment(text))


def before(text: str, interval_s: int = 300) -> Rules:
    return rules_at("polymarket", interval_s, moment(text) - 1)


# Edges as in the venue notes, sections 2.3, 2.4 and 3.2; each entry begins on its first nanosecond.


@pytest.mark.parametrize("interval_s", [300, 900])
def test_fees_begin_in_january_and_change_shape_on_march_30(interval_s: int) -> None:
    def curve(rules: Rules) -> tuple[float, float]:
        return rules.fee_rate, rules.fee_exponent

    assert curve(before("2026-01-06", interval_s))[0] == 0.0
    assert curve(at("2026-01-06", interval_s)) == (0.25, 2.0)
    assert curve(before("2026-03-30", interval_s)) == (0.25, 2.0)
    assert curve(at("2026-03-30", interval_s)) == (0.07, 1.0)


def test_longer_windows_paid_no_fee_until_march_6_only_if_the_table_says_so() -> None:
    """Between January 6 and March 6 the table is silent about them: an error, not a zero."""
    with pytest.raises(VenueRuleError, match="no fee rule of polymarket covers a 14400 s window at 2026-02-01 00:00"):
        at("2026-02-01", 14400)
    assert at("2026-03-06", 14400).fee_rate == 0.25


@pytest.mark.parametrize(
    ("edge", "old", "new"),
    [
        ("2026-02-18", 500, 0),
        ("2026-03-20", 0, 250),
        ("2026-08-17T11:00", 250, 50),
        ("2026-09-04T14:00", 50, 150),
    ],
)
def test_the_taker_delay_changes_at_its_edges(edge: str, old: int, new: int) -> None:
    assert (before(edge).taker_delay_ms, at(edge).taker_delay_ms) == (old, new)


@pytest.mark.parametrize(
    ("edge", "interval_s", "old", "new"),
    [
        ("2026-08-07", 300, ("spot", 0), ("twap30", 30)),
        ("2026-08-14", 300, ("twap30", 30), ("twap60", 60)),
        ("2026-08-07", 900, ("spot", 0), ("twap60", 60)),
        ("2026-08-07", 14400, ("spot", 0), ("twap60", 60)),
    ],
)
def test_settlement_changes_by_interval(edge: str, interval_s: int, old: tuple[str, int], new: tuple[str, int]) -> None:
    def rule(rules: Rules) -> tuple[str, int]:
        return rules.settlement_rule, rules.lookback_s

    assert (rule(before(edge, interval_s)), rule(at(edge, interval_s))) == (old, new)
    assert at(edge, interval_s).tie_is_up


def test_collateral_changes_with_the_exchange() -> None:
    assert (before("2026-04-28T11:00").collateral, at("2026-04-28T11:00").collateral) == ("USDC.e", "pUSD")


def test_the_grid_of_the_book_and_the_usual_resolution() -> None:
    rules = at("2026-09-14")
    assert (rules.tick_size, rules.min_order_shares, rules.min_marketable_usd) == (0.01, 5.0, 1.0)
    assert rules.resolution_s == 54


def test_hourly_windows_settle_on_candles_and_are_refused() -> None:
    with pytest.raises(VenueRuleError, match="no settlement rule of polymarket covers a 3600 s window"):
        at("2026-09-14", 3600)


def test_a_date_before_the_table_is_refused() -> None:
    with pytest.raises(VenueRuleError, match=r"300 s window at 2025-11-13 23:59.*polymarket.toml"):
        rules_at("polymarket", 300, moment("2025-11-14") - SECOND)


def test_an_unknown_venue_is_refused_and_the_known_ones_are_named() -> None:
    with pytest.raises(VenueRuleError, match=r"'lab'.*kalshi, polymarket"):
        rules_at("lab", 300, moment("2026-09-14"))


def test_kalshi_has_fifteen_minute_windows_only() -> None:
    assert rules_at("kalshi", 900, moment("2026-09-14")).settlement_rule == "index_avg60"
    with pytest.raises(VenueRuleError, match="of kalshi covers a 300 s window"):
        rules_at("kalshi", 300, moment("2026-09-14"))


@pytest.mark.parametrize("venue", ["polymarket", "kalshi"])
def test_rules_are_constant_between_edges(venue: str) -> None:
    edges = rule_edges(venue)
    assert list(edges) == sorted(set(edges))
    for low, high in zip(edges, [*edges[1:], edges[-1] + 10**15], strict=True):
        for interval_s in (300, 900, 14400):
            found = []
            for t in (low, (low + high) // 2, high - 1):
                try:
                    found.append(repr(rules_at(venue, interval_s, t)))
                except VenueRuleError:
                    found.append("refused")
            assert len(set(found)) == 1, (interval_s, low)


def test_the_table_states_its_version() -> None:
    assert table_version("polymarket") >= "2026-11-22"


def test_a_tie_settles_up_unless_the_rule_says_otherwise() -> None:
    assert up_wins(100.0, 100.0)
    assert not up_wins(100.0, 100.0, tie_is_up=False)
    assert up_wins(100.0, 100.01, tie_is_up=False)
    assert not up_wins(100.0, 99.99)
