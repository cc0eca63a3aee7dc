from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from arena.lab.book import Book
from arena.lab.config import LabConfig
from arena.lab.fair import fair_up, knowledge
from arena.lab.maker import MakerStream
from arena.lab.oracle import OracleStream
from arena.lab.path import PathStream, common_draws
from arena.lab.related import no_spells
from arena.lab.streams import days, split_lognormal
from arena.lab.windows import window_rows
from arena.units import SECOND
from arena.venues.rules import rules_at

EFFICIENT = LabConfig(mode="efficient", days=1, seed=9)


def market(config: LabConfig) -> tuple[Book, np.ndarray, np.ndarray]:
    """A day's books, and for every tenth row the fair value of its instant and the taker fee there."""
    coin, day = config.coin("BTC"), next(days(config))
    path = PathStream(config, coin).next(day, common_draws(config, day, False))
    _, reports = OracleStream(config, coin).next(day, path)
    rules = rules_at("polymarket", 300, day.open_ns)
    windows = window_rows(coin, 300, rules, reports, day)
    book, _ = MakerStream(config, coin, 300).next(day, rules, path, reports, windows, no_spells())
    known = knowledge(path, reports)
    close, strike = windows["close_ns"].to_numpy(), windows["strike"].to_numpy()
    fair = np.array(
        [
            fair_up(int(t), int(close[w]), float(strike[w]), rules.lookback_s, known)
            for t, w in zip(book.event_ns[::10], book.window[::10], strict=True)
        ]
    )
    return book, fair, rules.fee_rate * (fair * (1.0 - fair)) ** rules.fee_exponent


@pytest.mark.parametrize("patience", [0.0, 0.7])
def test_no_quote_of_a_punctual_maker_is_further_from_fair_than_its_patience(patience: float) -> None:
    book, fair, fee = market(replace(EFFICIENT, patience=patience))
    tolerance = patience * fee + 1e-9
    assert fair.size > 50_000
    assert (book.ask[::10] >= fair - tolerance).all()
    assert (book.bid[::10] <= fair + tolerance).all()
    assert (book.bid < book.ask).all()


def test_patience_means_fewer_price_changes() -> None:
    def moves(patience: float) -> int:
        book, _, _ = market(replace(EFFICIENT, patience=patience))
        return int((np.diff(book.bid) != 0).sum())

    assert moves(0.8) < 0.6 * moves(0.0)


def test_sizes_follow_time_left_and_price() -> None:
    book, _, _ = market(EFFICIENT)
    left = (EFFICIENT.start_ns + (book.window + 1) * 300 * SECOND - book.event_ns) / SECOND
    mid = 0.5 * (book.bid + book.ask)
    contested = np.abs(mid - 0.5) < 0.3
    for low, high, k in ((60, 120, 4), (240, 300, 7)):
        found = np.median(book.size[:, 0, contested & (left > low) & (left <= high)])
        assert found == pytest.approx(EFFICIENT.touch_shares[k], rel=0.05)


def test_one_side_of_a_split_lognormal_may_be_wider() -> None:
    x = np.log(split_lognormal(np.random.default_rng(1), (2.0, 0.5), (200_000,)))
    assert np.median(x) == pytest.approx(0.0, abs=0.02)
    assert np.sqrt(np.mean(x[x < 0] ** 2)) == pytest.approx(2.0, rel=0.02)
    assert np.sqrt(np.mean(x[x > 0] ** 2)) == pytest.approx(0.5, rel=0.02)
