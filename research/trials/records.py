"""What the ledger takes and gives: looks, their outcomes, notes, and the table of trials."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from arena.errors import ArenaError
from arena.validation.checks import Bools, Floats, Ints
from research.trials.sketch import DIMENSIONS, Sketches, sketch

LookKind = Literal["walk-forward", "presets", "sweep", "sensitivity", "slider", "evolution", "holdout"]
State = Literal["finished", "failed", "unfinished"]
Texts = NDArray[np.object_]

RECORDED = "recorded"
"""The world of recorded markets."""


class LedgerError(ArenaError):
    """The trial ledger cannot be opened, read or written, or was asked for something it does not allow."""


@dataclass(frozen=True, slots=True)
class Look:
    """One evaluation of a set of configurations on data.

    Attributes:
        strategy: its id, e.g. ``BTC_5M``.
        idea: what is being tried, in the user's words.
        kind: what asked for it.
        evaluation: names experiment and data; a repetition has the same one.
        world: ``recorded``, or the name of a generated market: results in one world say nothing about another.
        market: e.g. ``polymarket/BTC/300s``.
        data: hex digest of the data read.
        first_ns, last_ns: from the open of the first window to the close of the last one, ns UTC.
        execution, costs: as configured, e.g. ``latency 50 ms`` and ``venue``.
    """

    strategy: str
    idea: str
    kind: str
    evaluation: str
    world: str
    market: str
    data: str
    first_ns: int
    last_ns: int
    execution: str
    costs: str

    def __post_init__(self) -> None:
        if self.kind not in get_args(LookKind):
            raise LedgerError(f"a look cannot be of kind {self.kind!r}; choose {', '.join(get_args(LookKind))}.")
        if not (self.strategy and self.evaluation and self.world):
            raise LedgerError("a look needs a strategy, an evaluation id and a world.")
        if self.first_ns > self.last_ns:
            raise LedgerError(f"a look cannot end ({self.last_ns} ns) before it begins ({self.first_ns} ns).")


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What a look saw, one row per configuration in the order in which the look began.

    Attributes:
        slots: slots looked at.
        bets: number of bets, shape ``(N,)``.
        mean, deviation: of the slot returns, shape ``(N,)``; the deviation has ddof 1, 0 where nothing varied.
        sketch: shape ``(N, 256)``, see :mod:`research.trials.sketch`.
    """

    slots: int
    bets: Ints
    mean: Floats
    deviation: Floats
    sketch: Sketches

    def __post_init__(self) -> None:
        rows = len(self.bets)
        shapes = (self.bets.shape, self.mean.shape, self.deviation.shape, self.sketch.shape)
        if shapes != ((rows,), (rows,), (rows,), (rows, DIMENSIONS)):
            raise LedgerError(f"outcomes need one row per configuration, but their shapes are {shapes}.")
        if not all(np.isfinite(column).all() for column in (self.mean, self.deviation, self.sketch)):
            raise LedgerError("outcomes hold a NaN or an infinity; a slot without a bet has return 0.")

    @classmethod
    def of(cls, returns: ArrayLike, bets: ArrayLike, open_ns: ArrayLike) -> Outcomes:
        """Outcomes of slot returns.

        Args:
            returns: shape ``(T, N)``, return per unit of stake per slot, 0 without a bet.
            bets: shape ``(N,)``, bets of each configuration.
            open_ns: shape ``(T,)``, when each slot opened, ns UTC.

        Raises:
            ValidationError: as :func:`research.trials.sketch.sketch`.
        """
        sketches = sketch(returns, open_ns)
        # By column, so that a trial's mean does not depend on how many others were looked at with it.
        matrix = np.asfortranarray(returns, dtype=np.float64)
        slots, count = matrix.shape
        mean, deviation = np.zeros(count), np.zeros(count)
        if slots:
            mean = matrix.mean(axis=0)
            varies = matrix.min(axis=0) < matrix.max(axis=0)
            deviation[varies] = matrix[:, varies].std(axis=0, ddof=1)
        return cls(slots, np.asarray(bets, dtype=np.int64), mean, deviation, sketches)


@dataclass(frozen=True, slots=True)
class LookRecord:
    """A look as the ledger holds it; ``ended_ns`` is 0 and ``why`` empty while nothing is known of its end.

    ``asked`` is the digest (hex) of the configurations it asked about, ``outcomes`` that of what it saw, empty if it
    did not finish.
    """

    number: int
    at_ns: int
    look: Look
    configurations: int
    state: State
    ended_ns: int
    asked: str
    outcomes: str
    why: str


@dataclass(frozen=True, slots=True)
class Note:
    """Any other event; ``digest`` (hex) stands for it and for everything that the ledger held before it."""

    number: int
    at_ns: int
    kind: str
    strategy: str
    idea: str
    body: Mapping[str, Any]
    digest: str


@dataclass(frozen=True, slots=True)
class Verification:
    """``broken`` is the number of the first entry that is not what was written, 0 when all are; ``head`` the
    digest (hex) of the last entry. Entries cut off at the end are found by a head that was kept elsewhere.
    """

    entries: int
    head: str
    broken: int
    why: str


@dataclass(frozen=True, slots=True)
class TrialTable:
    """Every trial of a strategy in one world, in the order in which they were first looked at.

    All arrays have one row per trial. A trial is a configuration evaluated on one span of one market's data
    under one execution and cost model; looking twice at the same thing is one trial, unless it showed something
    else: then what computed it has changed, and changing the program is trying something.

    Attributes:
        trial: digest (hex).
        look: number of the look that was first.
        evaluation, idea, kind: of that look.
        market, first_ns, last_ns: what it was evaluated on, ns UTC.
        finished: whether an outcome is known; the columns that follow are 0 otherwise.
        slots, bets, mean, deviation: see :class:`Outcomes`.
        sketch: shape ``(n, 256)``.
    """

    strategy: str
    world: str
    trial: Texts
    look: Ints
    evaluation: Texts
    idea: Texts
    kind: Texts
    market: Texts
    first_ns: Ints
    last_ns: Ints
    finished: Bools
    slots: Ints
    bets: Ints
    mean: Floats
    deviation: Floats
    sketch: Sketches

    def only(self, rows: Bools) -> TrialTable:
        """The trials in ``rows``."""
        columns = [name for name in self.__dataclass_fields__ if name not in ("strategy", "world")]
        return replace(self, **{name: getattr(self, name)[rows] for name in columns})

    def __len__(self) -> int:
        return len(self.trial)

    @property
    def varies(self) -> Bools:
        """Trials that have a Sharpe ratio: finished, with a bet, and not the same return in every slot."""
        known: Bools = self.finished & (self.bets > 0) & (self.deviation > 0.0)
        return known
