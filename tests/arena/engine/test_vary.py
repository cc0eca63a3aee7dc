"""The same candidates under other conditions give what a full replay under those conditions gives."""

from __future__ import annotations

import numpy as np
import pytest

from arena.costs import COST_MODELS
from arena.engine.execution import execution_model
from arena.engine.prepare import Prepared, with_assumed_sizes
from arena.engine.run import Sweep, sweep
from arena.engine.vary import admitting, at_latencies, windows_between
from arena.market.tape import Books
from arena.strategies.base import Configuration
from tests.arena.engine.conftest import LATENCY, Slice

VENUE = COST_MODELS["venue"]
SLOW = [execution_model("latency", ms) for ms in (0.0, 400.0, 1500.0)]


def configurations(hours: Slice) -> list[Configuration]:
    base = hours.strategy.preset("corrected")
    return [hours.strategy.configure(base, {"min_edge": edge}) for edge in (0.01, 0.03, 0.06)]


def swept(hours: Slice, prepared: Prepared, chosen: list[Configuration] | None = None) -> Sweep:
    return sweep(hours.strategy, prepared, chosen or configurations(hours), LATENCY, VENUE)


def same(one: Sweep, other: Sweep) -> bool:
    names = ("returns", "cost", "probability", "mid", "won")
    return all(np.array_equal(getattr(one, n), getattr(other, n), equal_nan=True) for n in names)


def halves(books: Books, at: int) -> list[Books]:
    """The books of the windows before and from ``at``, each numbered by itself."""
    rows = int(books.first[at])
    left, right = (tuple(column[part] for column in books[2:]) for part in (slice(None, rows), slice(rows, None)))
    return [
        Books(books.first[: at + 1], books.event_ns[:rows], *left),
        Books(books.first[at:] - rows, books.event_ns[rows:], *right),
    ]


@pytest.fixture(params=["some_hours", "deep_hours"], ids=["touch-only book", "deep book"])
def hours(request: pytest.FixtureRequest) -> Slice:
    found: Slice = request.getfixturevalue(request.param)
    return found


def test_a_part_of_the_windows_replays_as_it_does_within_the_whole(hours: Slice) -> None:
    prepared = hours.prepared(configurations(hours), LATENCY)
    whole, part = swept(hours, prepared), swept(hours, windows_between(prepared, 11, 37))
    assert whole.bets.min() > 0
    assert np.array_equal(part.returns, whole.returns[11:37])
    assert np.array_equal(part.won, whole.won[11:37])
    cut = windows_between(prepared, 11, 37)
    assert cut.market_ids == prepared.market_ids[11:37]
    assert np.array_equal(cut.windows, prepared.windows[11:37])
    assert np.array_equal(cut.ticks["window"], np.repeat(np.arange(26), np.diff(cut.first)))


def test_a_single_configuration_needs_no_candidate_at_which_it_would_not_enter(hours: Slice) -> None:
    prepared = hours.prepared(configurations(hours), LATENCY)
    strict = configurations(hours)[-1:]
    fewer = admitting(hours.strategy, prepared, strict)
    assert 0 < fewer.ticks.shape[0] < prepared.ticks.shape[0]
    assert same(swept(hours, fewer, strict), swept(hours, prepared, strict))


def test_candidates_moved_to_another_latency_replay_as_if_prepared_for_it(hours: Slice) -> None:
    prepared = hours.prepared(configurations(hours), LATENCY)
    moved = at_latencies(prepared, halves(hours.tape.books, 20), SLOW)
    found = []
    for execution, there in zip(SLOW, moved, strict=True):
        anew = hours.prepared(configurations(hours), execution)
        found.append(sweep(hours.strategy, there, configurations(hours), execution, VENUE))
        assert same(found[-1], sweep(hours.strategy, anew, configurations(hours), execution, VENUE))
    assert not np.array_equal(found[0].returns, found[-1].returns)


def test_moving_to_the_latency_it_was_prepared_for_changes_nothing(hours: Slice) -> None:
    prepared = hours.prepared(configurations(hours), LATENCY)
    (there,) = at_latencies(prepared, [hours.tape.books], [LATENCY])
    assert same(swept(hours, there), swept(hours, prepared))


def test_unknown_sizes_are_assumed_at_every_latency(some_hours: Slice) -> None:
    books = some_hours.tape.books
    unknown = books._replace(
        up_ask_size=np.full_like(books.up_ask_size, np.inf), down_ask_size=np.full_like(books.down_ask_size, np.inf)
    )
    prepared = some_hours.prepared(configurations(some_hours), LATENCY)
    (assumed,) = at_latencies(prepared, [unknown], SLOW[1:2], 20.0)
    (known,) = at_latencies(prepared, [with_assumed_sizes(unknown, 20.0)], SLOW[1:2])
    assert same(swept(some_hours, assumed), swept(some_hours, known))
    assert np.nanmax(assumed.arrivals.up_ask_size * assumed.arrivals.up_ask) == pytest.approx(20.0)
