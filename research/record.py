"""From what a run evaluates to entries of the trial ledger."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from arena.market.catalog import Catalog
from arena.strategies.base import Configuration
from research.experiment import evaluation_id
from research.plan import Plan
from research.trials.family import Family, family_of
from research.trials.ledger import TrialLedger
from research.trials.records import RECORDED, Look, LookKind, Outcomes

F8 = npt.NDArray[np.float64]


class Recorder:
    """Enters the looks of one run; every look is committed before its data are touched.

    Args:
        ledger: where to.
        todo: the run.
        world: where its result holds, see :func:`world_of`.
        digests: of the tables it reads.
        windows: its windows.

    ``evaluation`` names (experiment, data), ``world`` and ``market`` say where the result holds, and ``data`` is
    the digest of everything read.
    """

    def __init__(
        self, ledger: TrialLedger, todo: Plan, world: str, digests: Mapping[str, str], windows: pl.DataFrame
    ) -> None:
        experiment = todo.experiment
        self.ledger = ledger
        self.evaluation = evaluation_id(experiment, dict(digests))
        self.world = world
        self.market = market_of(todo)
        self.strategy = todo.strategy.id
        self._todo = todo
        read = [f"{table}:{digest}" for table, digest in sorted(digests.items())]
        # How the data are read decides the bets as much as what is read.
        how = experiment.data.model_dump_json(exclude={"catalog", "lab", "note"})
        self.data = hashlib.sha256("".join([*read, how]).encode()).hexdigest()
        self._first_ns = int(windows["open_ns"][0])
        self._last_ns = int(windows["close_ns"].max())  # type: ignore[arg-type]

    @contextmanager
    def look(self, kind: LookKind, configurations: Sequence[Mapping[str, float]]) -> Iterator[Entry]:
        """One look at ``configurations``; they count from here on, also if the body fails or is interrupted."""
        experiment = self._todo.experiment
        look = Look(
            strategy=self.strategy,
            idea=experiment.idea_name,
            kind=kind,
            evaluation=self.evaluation,
            world=self.world,
            market=self.market,
            data=self.data,
            first_ns=self._first_ns,
            last_ns=self._last_ns,
            execution=_execution(self._todo),
            costs=experiment.costs,
        )
        entry = Entry(self.ledger, self.ledger.begin(look, configurations))
        try:
            yield entry
        except BaseException as error:
            entry.fail(f"{type(error).__name__}: {error}")
            raise

    def family(self, windows: npt.NDArray[Any], tested: npt.NDArray[np.int64], rng: np.random.Generator) -> Family:
        """What this run is one of when it is tested on rows ``tested`` of its ``windows``, by all that was entered."""
        return family_of(
            self.ledger.trials(self.strategy, self.world),
            self.ledger.looks(self.strategy),
            evaluation=self.evaluation,
            market=self.market,
            first_ns=int(windows["open_ns"][tested[0]]),
            last_ns=int(windows["close_ns"][tested[-1]]),
            slots=windows.shape[0],
            rng=rng,
        )


class Entry:
    """A look under way."""

    def __init__(self, ledger: TrialLedger, number: int) -> None:
        self._ledger = ledger
        self._number = number
        self._ended = False

    def finish(self, returns: F8, bets: npt.NDArray[np.int64], open_ns: npt.NDArray[np.int64]) -> None:
        """Enter what every configuration returned per slot: ``returns`` (slots, configurations), 0 = no bet."""
        self._ledger.finish(self._number, Outcomes.of(returns, bets, open_ns))
        self._ended = True

    def fail(self, why: str) -> None:
        """Enter that it ended without outcomes, unless it has ended already."""
        if not self._ended:
            self._ledger.fail(self._number, why)
            self._ended = True


def world_of(catalog: Catalog) -> str:
    """Where a result holds: each lab market is a world of its own, all recordings together are one.

    A lab market is known by its bytes, whatever its folder is called.
    """
    if any("lab" in table.known_defects for table in catalog.manifest.tables.values()):
        return f"lab {catalog.digest()[:12]}"
    return RECORDED


def market_of(todo: Plan) -> str:
    """Venue, asset and window length."""
    m = todo.market
    return f"{m.venue}/{m.asset}/{m.interval_s}s"


def settings(configurations: Iterable[Configuration]) -> list[Mapping[str, float]]:
    """Lever values of each configuration."""
    return [dict(c.values()) for c in configurations]


def stitched_settings(
    chosen: Sequence[Configuration | None], levers: Sequence[str], moves: Sequence[tuple[str, float]]
) -> list[Mapping[str, float]]:
    """A stitched walk-forward and its neighbours as trials.

    The ledger keeps numbers: ``schedule`` stands for what was chosen fold by fold (40 bits of its digest),
    ``lever`` for the lever that was moved (its number, -1 = none) and ``shift`` for how far.
    """
    text = repr([None if c is None else sorted(c.values().items()) for c in chosen])
    schedule = float(int(hashlib.sha256(text.encode()).hexdigest()[:10], 16))
    unmoved = {"schedule": schedule, "lever": -1.0, "shift": 0.0}
    return [unmoved, *({**unmoved, "lever": float(levers.index(name)), "shift": shift} for name, shift in moves)]


def _execution(todo: Plan) -> str:
    e = todo.experiment.execution
    delay = "" if e.delay_ms is None else f" + {e.delay_ms} ms"
    return e.model if e.model == "touch" else f"{e.model} {e.network_ms:g} ms{delay}"
