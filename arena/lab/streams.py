"""Random streams by name, and the pieces of time they are drawn for.

Every stream has a name (``("spot", "BTC", "kraken")``) and draws afresh for every day, so another option never changes
its numbers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from arena.lab.config import DAY_S, LabConfig
from arena.market.tape import F8
from arena.units import SECOND

BEFORE_S = 600
"""Prices and reports begin this long before the first window."""
AFTER_S = 300
"""And end this long after the last."""


@dataclass(frozen=True, slots=True)
class Day:
    """One day of a market: its windows open in ``[open_ns, close_ns)``, its rows happen in ``[begin_ns, end_ns)``.

    The first day begins before its windows and the last ends after them; days meet without overlap.
    """

    seed: int
    number: int
    open_ns: int
    close_ns: int
    begin_ns: int
    end_ns: int

    @property
    def first(self) -> bool:
        """Nothing came before."""
        return self.number == 0

    def rng(self, *name: str | int) -> np.random.Generator:
        """The stream of that name for this day."""
        return stream(self.seed, *name, self.number)


def stream(seed: int, *name: str | int) -> np.random.Generator:
    """A generator that depends on the seed and the name alone."""
    digest = hashlib.sha256("/".join(map(str, name)).encode()).digest()
    return np.random.default_rng(np.random.SeedSequence([seed, int.from_bytes(digest[:16], "big")]))


def days(config: LabConfig) -> Iterator[Day]:
    """The days of a market, in order."""
    for number in range(config.days):
        open_ns = config.start_ns + number * DAY_S * SECOND
        close_ns = open_ns + DAY_S * SECOND
        begin_ns = open_ns - BEFORE_S * SECOND if number == 0 else open_ns
        end_ns = close_ns + AFTER_S * SECOND if number == config.days - 1 else close_ns
        yield Day(config.seed, number, open_ns, close_ns, begin_ns, end_ns)


def split_lognormal(rng: np.random.Generator, log_sd: tuple[float, float], shape: tuple[int, ...]) -> F8:
    """Draws with median 1 whose logarithm has one standard deviation below the median and another above it."""
    z = rng.standard_normal(shape)
    return np.asarray(np.exp(z * np.where(z < 0.0, *log_sd)))
