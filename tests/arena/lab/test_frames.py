"""Bad networks: what goes in comes out, but for what the ledger says."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arena.errors import ConfigError
from arena.lab.frames import FrameFault, FrameFaults, disturb


class Frame(NamedTuple):
    recv_ns: int
    mono_ns: int
    kind: int
    payload: bytes


def frames(n: int, data_every: int = 1) -> list[Frame]:
    return [Frame(1_000_000 * k, 1_000_000 * k + 7, 0 if k % data_every == 0 else 1, b"%d;" % k) for k in range(n)]


def run(faults: FrameFaults, given_: list[Frame], seed: int = 1) -> tuple[list[Frame], list[FrameFault]]:
    ledger: list[FrameFault] = []
    return list(disturb(given_, faults, np.random.default_rng(seed), ledger)), ledger


def test_without_faults_nothing_changes() -> None:
    assert run(FrameFaults(), frames(50)) == (frames(50), [])


def test_the_same_generator_gives_the_same_faults() -> None:
    faults = FrameFaults(0.1, 0.1, 0.1, 0.1, 0.1)
    assert run(faults, frames(200)) == run(faults, frames(200))


def test_a_duplicate_comes_twice() -> None:
    out, ledger = run(FrameFaults(duplicate=0.2), frames(100))
    twice = {fault.index for fault in ledger}
    assert Counter(f.payload for f in out) == Counter({f.payload: 1 + (k in twice) for k, f in enumerate(frames(100))})


def test_a_dropped_message_never_comes() -> None:
    out, ledger = run(FrameFaults(drop=0.3), frames(100))
    gone = {fault.index for fault in ledger}
    assert [f for k, f in enumerate(frames(100)) if k not in gone] == out
    assert 10 < len(gone) < 60


def test_a_truncated_message_is_the_beginning_of_it() -> None:
    out, ledger = run(FrameFaults(truncate=0.3), frames(100))
    for fault in ledger:
        whole = frames(100)[fault.index].payload
        assert len(out[fault.index].payload) < len(whole)
        assert whole.startswith(out[fault.index].payload)


def test_reordered_messages_change_bytes_not_times() -> None:
    out, ledger = run(FrameFaults(reorder=0.3), frames(101))
    assert [f.recv_ns for f in out] == [f.recv_ns for f in frames(101)]
    assert len(ledger) > 10
    for fault in ledger:
        assert out[fault.index].payload == frames(101)[fault.index + 1].payload
        assert out[fault.index + 1].payload == frames(101)[fault.index].payload


def test_a_late_message_arrives_behind_what_came_meanwhile() -> None:
    out, ledger = run(FrameFaults(delay=0.2, delay_ms=20.0), frames(100))
    assert len(out) == 100
    assert [f.recv_ns for f in out] != [f.recv_ns for f in frames(100)]
    at = {f.payload: f.recv_ns for f in out}
    for fault in ledger:
        assert 0 < at[frames(100)[fault.index].payload] - 1_000_000 * fault.index <= 20_000_001


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.floats(0.0, 0.2), min_size=5, max_size=5),
    st.integers(0, 60),
    st.integers(1, 4),
    st.integers(0, 2**32 - 1),
)
def test_times_never_go_back_and_the_connections_own_frames_stay(
    share: list[float], n: int, data_every: int, seed: int
) -> None:
    given_ = frames(n, data_every)
    out, ledger = run(FrameFaults(*share), given_, seed)
    assert all(a.recv_ns <= b.recv_ns for a, b in pairwise(out))
    assert [f for f in out if f.kind != 0] == [f for f in given_ if f.kind != 0]
    faults = Counter(f.fault for f in ledger)
    assert len(out) == n + faults["duplicate"] - faults["drop"]
    assert len({f.index for f in ledger}) == len(ledger)


def test_impossible_probabilities_are_refused() -> None:
    with pytest.raises(ConfigError, match="at most 1"):
        FrameFaults(duplicate=0.6, drop=0.6)
    with pytest.raises(ConfigError, match="0 or more"):
        FrameFaults(drop=-0.1)
