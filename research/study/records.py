"""What is kept of each market: one line of JSON, written as soon as it is known.

An interrupted study leaves whole lines and perhaps a torn last one, which is cut off; what is there is not done again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from arena.errors import DataError
from research.study.settings import Task


@dataclass(frozen=True, slots=True)
class Found:
    """What one researcher holds after ``trials`` configurations on ``windows`` windows.

    Attributes:
        trials, windows, tested: configurations tried, windows looked at, and those of them in test folds.
        bets, wins, break_even: of the stitched test folds; mean cost of a share, USD (0 without a bet).
        p_value: exact test of the wins as if nothing else had ever been tried, 1 without a bet.
        adjusted_p: the same by the ledger, which the discovery gate holds against its level; None where nobody asked,
            because it fails alone already.
        edge, failed: the verdict, and the required gates that stood in its way.
        naive: the best configuration by raw Sharpe ratio over all windows has p below the level.
        seed_honest, seed_booked: the seed's method promotes, on honest returns and on the seed's own books (None
            where those were not kept).
    """

    trials: int
    windows: int
    tested: int
    bets: int
    wins: int
    break_even: float
    p_value: float
    adjusted_p: float | None
    edge: bool
    failed: tuple[str, ...]
    naive: bool
    seed_honest: bool
    seed_booked: bool | None


@dataclass(frozen=True, slots=True)
class Attempts:
    """Walk-forwards of disjoint grids on the same data, one after another.

    ``p_values`` are of each alone; ``adjusted`` the same by the ledger as it stood when the attempt was made, None
    where nobody asked, because it fails alone already.
    """

    p_values: tuple[float, ...]
    adjusted: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Researcher:
    """Everything one researcher found, by number of trials or of windows; ``attempts`` in fair markets only."""

    found: tuple[Found, ...]
    attempts: Attempts | None = None


@dataclass(frozen=True, slots=True)
class MarketRecord:
    """One market with the researchers who looked at it: one, or one per draw of its outcomes."""

    run: int
    lag_ms: int
    researchers: tuple[Researcher, ...]

    @property
    def task(self) -> Task:
        """Which market it is."""
        return Task(self.run, self.lag_ms)


_JSON: TypeAdapter[MarketRecord] = TypeAdapter(MarketRecord)


def append(path: Path, record: MarketRecord) -> None:
    """Add a market to the file."""
    with path.open("ab") as stream:
        stream.write(_JSON.dump_json(record) + b"\n")


def read(path: Path) -> list[MarketRecord]:
    """The markets in the file, in the order of their tasks; a torn last line is cut off.

    Raises:
        DataError: any other line is not a market.
    """
    if not path.exists():
        return []
    text = path.read_bytes()
    whole = text[: text.rfind(b"\n") + 1]
    if len(whole) < len(text):
        path.write_bytes(whole)
    return sorted(_parsed(path, whole.splitlines()), key=lambda record: record.task)


def _parsed(path: Path, lines: Iterable[bytes]) -> list[MarketRecord]:
    records = []
    for number, line in enumerate(lines, 1):
        try:
            records.append(_JSON.validate_json(line))
        except ValidationError as error:
            raise DataError(
                f"{path}, line {number} is not a market of a study: {error.errors()[0]['msg'].lower()}; "
                "delete the line, or start in another folder."
            ) from error
    return records
