"""One row of the benchmark table, and the sizes a run uses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.lab import LabMarket
from benchmarks.measure import Figure


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much each benchmark does; budgets are only judged at full size."""

    full: bool
    runs: int
    bars: int
    fast: tuple[int, ...]
    slow: tuple[int, ...]
    days: int
    configurations: int
    brute: int
    rows: int
    columns: int
    blocks: int
    draws: int
    spans: tuple[int, ...]

    @classmethod
    def complete(cls) -> Sizes:
        """The sizes of the published comparison."""
        return cls(
            True, 5, 100_000, tuple(range(5, 105, 5)), tuple(range(110, 610, 10)), 3, 512, 16,
            2000, 500, 16, 1000, (1, 3, 7, 30),
        )  # fmt: skip

    @classmethod
    def tiny(cls) -> Sizes:
        """Sizes that only show that everything runs."""
        return cls(False, 1, 4000, (5, 10), (30, 40, 50), 1, 16, 4, 400, 40, 8, 200, (1,))


@dataclass(frozen=True, slots=True)
class Row:
    """What was measured, against whom, whether both gave the same answer, and what the budget is.

    Attributes:
        benchmark: name on the command line.
        what: the work.
        unit: unit of both figures and of the budget; a rate ends in ``/s``, everything else is better smaller.
        ours: our figure.
        peer: who it is compared with; empty = nobody.
        theirs: the peer's figure; None = not there.
        stated: the peer's figure was measured elsewhere, not in this run.
        same: how the answers were compared, and with what tolerance.
        agrees: whether they were the same; None = there was nothing to compare.
        budget: what it has to reach; None = no budget.
        note: what the reader must know.
    """

    benchmark: str
    what: str
    unit: str
    ours: Figure
    peer: str = ""
    theirs: Figure | None = None
    stated: bool = False
    same: str = ""
    agrees: bool | None = None
    budget: float | None = None
    note: str = ""

    @property
    def is_rate(self) -> bool:
        """Whether more is better."""
        return self.unit.endswith("/s")

    @property
    def ratio(self) -> float | None:
        """How many times better than the peer."""
        if self.theirs is None:
            return None
        pair = self.ours.median, self.theirs.median
        return pair[0] / pair[1] if self.is_rate else pair[1] / pair[0]

    @property
    def met(self) -> bool | None:
        """Whether the median keeps the budget."""
        if self.budget is None:
            return None
        return self.ours.median >= self.budget if self.is_rate else self.ours.median <= self.budget


Benchmark = Callable[[Sizes, LabMarket], list[Row]]
