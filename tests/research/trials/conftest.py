"""Looks small enough to see."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from arena.validation.checks import Floats
from research.trials.ledger import TrialLedger
from research.trials.records import Look, Outcomes

MARKET = "polymarket/BTC/300s"
STEP_NS = 300_000_000_000
START_NS = 1_772_323_200_000_000_000


def open_times(slots: int, begin: int = 0) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Open times of ``slots`` windows of five minutes, the first one ``begin`` windows after the start."""
    return START_NS + STEP_NS * np.arange(begin, begin + slots, dtype=np.int64)


def look_at(slots: int = 100, begin: int = 0, **changes: object) -> Look:
    """A look at ``slots`` windows."""
    fields: dict[str, object] = {
        "strategy": "BTC_5M",
        "idea": "fade the open",
        "kind": "sweep",
        "evaluation": "e1",
        "world": "recorded",
        "market": MARKET,
        "data": "ab12",
        "first_ns": START_NS + STEP_NS * begin,
        "last_ns": START_NS + STEP_NS * (begin + slots),
        "execution": "latency 50 ms",
        "costs": "venue",
    }
    return Look(**(fields | changes))  # type: ignore[arg-type]


def seen(returns: Floats, begin: int = 0) -> Outcomes:
    """Outcomes of returns (slots by configurations); every slot with a return had a bet."""
    return Outcomes.of(returns, (returns != 0.0).sum(axis=0), open_times(returns.shape[0], begin))


@pytest.fixture
def ledger(tmp_path: Path) -> TrialLedger:
    return TrialLedger(tmp_path / "trials.db")
