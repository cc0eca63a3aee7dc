"""What a fetch did, for the table at its end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

Progress = Callable[[str, int, int], None]
"""Called with what is being fetched, steps done and steps in all."""


@dataclass(frozen=True, slots=True)
class FetchLine:
    """One line of the table.

    Attributes:
        what: series or kind of market.
        wanted: rows (bars, candles) or markets that the span holds.
        held: how many of those the catalog had already, or knew to be absent at the venue.
        rows: rows stored.
        absent: bars or markets for which the venue has nothing; written down as gaps.
        refused: one sentence for each market or page that was not stored.
    """

    what: str
    wanted: int
    held: int
    rows: int
    absent: int = 0
    refused: tuple[str, ...] = ()


@dataclass(slots=True)
class Tally:
    """A line in the making."""

    what: str
    wanted: int = 0
    held: int = 0
    rows: int = 0
    absent: int = 0
    refused: list[str] = field(default_factory=list)

    def line(self) -> FetchLine:
        """The finished line."""
        return FetchLine(self.what, self.wanted, self.held, self.rows, self.absent, tuple(self.refused))
