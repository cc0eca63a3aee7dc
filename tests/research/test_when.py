"""Moments and lengths of time as people type them."""

from __future__ import annotations

import pytest

from arena.errors import ConfigError
from research.cli.when import parse_length, parse_list, parse_moment, parse_span

NOW = 1_790_000_000 * 10**9
"""2026-09-21 14:13:20 UTC."""


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("5m", 300), ("4h", 14_400), ("7d", 604_800), ("2w", 1_209_600), ("60", 60)]
)
def test_lengths(text: str, seconds: int) -> None:
    assert parse_length(text) == seconds


@pytest.mark.parametrize(
    ("text", "epoch_s"),
    [
        ("now", 1_790_000_000),
        ("1h", 1_789_996_400),
        ("2026-09-21", 1_789_948_800),
        ("2026-09-21T12:00", 1_789_992_000),
        ("2026-09-21T14:00+02:00", 1_789_992_000),
    ],
)
def test_moments(text: str, epoch_s: int) -> None:
    assert parse_moment(text, NOW) == epoch_s * 10**9


@pytest.mark.parametrize("text", ["yesterday", "5x", "", "0m", "-3d", "1.5h"])
def test_what_is_no_moment_is_refused_with_examples(text: str) -> None:
    with pytest.raises(ConfigError, match=r"is no moment; write a date \(2026-11-01\)"):
        parse_moment(text, NOW)


def test_a_span_the_wrong_way_round_is_refused() -> None:
    with pytest.raises(ConfigError, match="from now to 7d is empty"):
        parse_span("now", "7d", NOW)


def test_lists_are_in_order_and_each_name_once() -> None:
    assert parse_list("btc, eth,btc,") == ["btc", "eth"]
    with pytest.raises(ConfigError, match="names nothing"):
        parse_list(" , ")
