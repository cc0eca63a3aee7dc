"""Every fact of a sample, by name: what is measured on which part, and how two measurements are compared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl

from arena.units import SECOND
from research.calibrate.distance import Distance
from research.calibrate.facts import book, outcomes, reaction, returns, venues
from research.calibrate.facts.curve import Curve, Floats, Ints, grid_returns
from research.calibrate.sample import MINUTE_NS, Sample

SECONDS = (1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)
MINUTES = (60, 120, 300, 600, 900, 1800, 3600)
SECOND_LAGS = (5, 10, 20, 30, 60, 120, 300, 600, 1800)
MINUTE_LAGS = (1, 2, 3, 5, 10, 20, 30, 60, 120, 240, 480)
BASIS_LAGS = (1, 2, 5, 10, 20, 30, 60, 120)
MID_STEPS_S = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
OUTCOME_LAGS = (1, 2, 3, 4, 5, 6, 8, 10, 12)
REACTION_LAGS_S: Floats = np.arange(-20.0, 20.01, 0.25)
_REACTION_WAIT_S = 15.0


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact: where it comes from, how it is shown and compared.

    Attributes:
        key: name in tables and files.
        title, x, y: heading and axes.
        part: part of the sample it is measured on; names the source in :attr:`Sample.origin`.
        measure: the curve of a sample.
        distance: definition of its distance.
        note: how to read it.
        log_x, log_y: logarithmic axes.
        labels: names of the points, where ``x`` is not a quantity.
    """

    key: str
    title: str
    x: str
    y: str
    part: str
    measure: Callable[[Prepared], Curve]
    distance: Distance
    note: str
    log_x: bool = False
    log_y: bool = False
    labels: tuple[str, ...] = ()


class Prepared:
    """A sample with the series that several facts share, computed once."""

    def __init__(self, sample: Sample) -> None:
        self.sample = sample
        self.second_end_ns, self.second_returns = _returns(sample.oracle, SECOND, 2 * SECOND)
        self.minute_end_ns, self.minute_returns = _returns(sample.minutes, MINUTE_NS, 0)
        self.book = book.book_rows(sample.quotes, sample.windows)
        self.basis_bps = venues.basis_bps(
            *series(sample.oracle_minutes), *series(sample.oracle), step_ns=MINUTE_NS
        )

    @property
    def calm_minutes(self) -> Floats:
        """Minute returns with the season taken out."""
        factor = returns.season(self.minute_end_ns, self.minute_returns).y
        return returns.deseasoned(self.minute_end_ns, self.minute_returns, factor)

    @property
    def basis(self) -> venues.Basis:
        """The basis of Binance's minutes to the oracle."""
        return venues.basis(self.basis_bps, 60.0, BASIS_LAGS)

    @property
    def reliabilities(self) -> list[outcomes.Reliability]:
        """Mids against outcomes at every share of the life left."""
        s = self.sample
        return [outcomes.reliability(s.settled_quotes, s.settled, left) for left in outcomes.LIFE_LEFT]

    @property
    def reaction(self) -> reaction.Reaction:
        """How late the book follows spot, as far as the sample can tell."""
        rows = self.sample.spot_quotes.drop_nulls(["up_bid", "up_ask", "event_ns"]).sort("market_id", "event_ns")
        mid = ((rows["up_bid"] + rows["up_ask"]) / 2).to_numpy()
        use = (mid > book.CONTESTED) & (mid < 1.0 - book.CONTESTED)
        market = rows["market_id"].rle_id().to_numpy().astype(np.int64)[use]
        return reaction.reaction(
            *series(self.sample.spot), market, rows["event_ns"].to_numpy()[use], mid[use],
            REACTION_LAGS_S, _REACTION_WAIT_S,
        )  # fmt: skip


def series(frame: pl.DataFrame) -> tuple[Ints, Floats]:
    """Times (ns UTC) and prices."""
    return frame["event_ns"].to_numpy(), frame["price"].to_numpy()


def _returns(frame: pl.DataFrame, step_ns: int, stale_ns: int) -> tuple[Ints, Floats]:
    return grid_returns(*series(frame), step_ns, stale_ns)


def _basis_shape(p: Prepared) -> Curve:
    """Quantiles of the basis around its mean."""
    x = p.basis_bps[np.isfinite(p.basis_bps)]
    levels = np.array(venues.DELAY_LEVELS)
    y = np.quantile(x, levels) - x.mean() if x.size > 100 else np.full(levels.shape, np.nan)
    return Curve.of(levels, y, x.size)


FACTS: tuple[Fact, ...] = (
    Fact(
        "signature_seconds", "Volatility signature of the settlement feed", "sampling interval, s", "annualised volatility",
        "oracle", lambda p: returns.signature(*series(p.sample.oracle), SECONDS), Distance.LOG_RATIO,
        "Flat for a martingale. A rise means that reports follow the price with inertia, a fall that they are noisy. "
        "The level is that of the recorded day.", log_x=True,
    ),
    Fact(
        "signature_minutes", "Volatility signature of spot", "sampling interval, s", "annualised volatility",
        "minutes", lambda p: returns.signature(*series(p.sample.minutes), MINUTES), Distance.LOG_RATIO,
        "From minute closes of Binance.", log_x=True,
    ),
    Fact(
        "tails_seconds", "Tails of one-second returns", "probability of a larger move", "size, root mean squares",
        "oracle", lambda p: returns.tails(p.second_returns).quantiles, Distance.LOG_RATIO,
        "Size of the move that is exceeded with probability x, in root mean squares: a normal law reaches 3.3 at "
        "one in a thousand.", log_x=True, log_y=True,
    ),
    Fact(
        "tails_minutes", "Tails of one-minute returns", "probability of a larger move", "size, root mean squares",
        "minutes", lambda p: returns.tails(p.minute_returns).quantiles, Distance.LOG_RATIO, "As above, for minutes.",
        log_x=True, log_y=True,
    ),
    Fact(
        "memory_seconds", "Memory of volatility, seconds", "lag, s", "ln E|r r'| − 2 ln E|r|",
        "oracle", lambda p: returns.volatility_memory(p.second_returns, SECOND_LAGS), Distance.RMS,
        "For returns with lognormal volatility this is the autocovariance of its logarithm. One day cannot show how "
        "days differ, so the level of one day may lie below that of many.", log_x=True,
    ),
    Fact(
        "memory_minutes", "Memory of volatility, minutes", "lag, min", "ln E|r r'| − 2 ln E|r|",
        "minutes", lambda p: returns.volatility_memory(p.calm_minutes, MINUTE_LAGS), Distance.RMS,
        "As above on minute returns, season taken out: several speeds at once, from minutes to days.", log_x=True,
    ),
    Fact(
        "season", "Volatility by hour of the day", "hour, UTC", "over the daily root mean square",
        "minutes", lambda p: returns.season(p.minute_end_ns, p.minute_returns), Distance.LOG_RATIO,
        "Highest when the US cash market opens.",
    ),
    Fact(
        "basis_spread", "Binance minus oracle: distribution", "level", "basis minus its mean, bps",
        "minutes", _basis_shape, Distance.WASSERSTEIN, "Quantiles around the mean, at full minutes.",
    ),
    Fact(
        "basis_memory", "Binance minus oracle: persistence", "lag, min", "autocorrelation",
        "minutes", lambda p: p.basis.memory, Distance.RMS,
        "What is missing to 1 at the shortest lag is noise of single observations; the rest decays slowly.", log_x=True,
    ),
    Fact(
        "oracle_delay", "How late a report arrives", "level", "delay, ms",
        "oracle",
        lambda p: venues.delay_ms(p.sample.oracle["event_ns"].to_numpy(), p.sample.oracle["recv_ns"].to_numpy()),
        Distance.WASSERSTEIN, "Quantiles of the time from a report's second to its arrival.",
    ),
    Fact(
        "spread_left", "Spread by time left", "time left, s", "mean spread, ticks of 1 cent",
        "quotes", lambda p: book.spread_by_left(p.book), Distance.LOG_RATIO,
        "Weighted by time, while the mid is between 0.2 and 0.8.", log_x=True, log_y=True,
    ),
    Fact(
        "spread_shares", "Spread: shares of time", "spread, ticks (5 = 5 or more)", "share of time",
        "quotes", lambda p: book.spread_shares(p.book), Distance.LARGEST,
        "Contested markets with more than a minute left.", log_y=True,
    ),
    Fact(
        "size_left", "Size at the touch by time left", "time left, s", "median size, shares",
        "quotes", lambda p: book.size_by_left(p.book), Distance.LOG_RATIO, "Contested markets, both sides.",
        log_x=True, log_y=True,
    ),
    Fact(
        "size_edge", "Size at the touch by price", "distance of the mid from 0 or 1", "median size, shares",
        "quotes", lambda p: book.size_by_edge(p.book), Distance.LOG_RATIO, "More than two minutes left.",
        log_x=True, log_y=True,
    ),
    Fact(
        "size_shape", "Size at the touch: distribution", "level", "size over its median",
        "quotes", lambda p: book.size_quantiles(p.book), Distance.LOG_RATIO,
        "Contested, more than two minutes left.", log_y=True,
    ),
    Fact(
        "update_rate", "Book updates by time left", "time left, s", "rows per second",
        "quotes", lambda p: book.update_rate(p.book), Distance.LOG_RATIO,
        "Every change of a price or a size, contested markets.", log_x=True, log_y=True,
    ),
    Fact(
        "move_rate", "Price changes by time left", "time left, s", "price changes per second",
        "quotes", lambda p: book.move_rate(p.book), Distance.LOG_RATIO, "Of the best bid or ask, contested markets.",
        log_x=True, log_y=True,
    ),
    Fact(
        "mid_signature", "Signature of the mid", "sampling step, s", "ticks per square root of a second",
        "quotes", lambda p: book.mid_signature(p.book, MID_STEPS_S), Distance.LOG_RATIO,
        "Flat for a martingale. It rises where quotes stay until the fair value has moved on by some distance, and "
        "where makers follow late one after the other: this fact alone cannot tell the two apart.", log_x=True,
    ),
    Fact(
        "outcome_memory", "Memory of outcomes", "windows later", "autocorrelation",
        "outcomes", lambda p: outcomes.outcome_memory(p.sample.outcomes, OUTCOME_LAGS), Distance.LARGEST,
        "Nothing beyond chance: one over the square root of the number of windows.",
    ),
    *(
        Fact(
            f"reliability_{round(100 * left)}", f"Mid against outcome, {round(100 * left)} % of life left",
            "mid of UP (middle of the bin)", "frequency of UP minus mean mid",
            "settled",
            lambda p, left=left: outcomes.reliability(p.sample.settled_quotes, p.sample.settled, left).excess,
            Distance.LARGEST,
            "Zero for a calibrated market. The recording is Kalshi's 15-minute windows (official outcomes), the lab's "
            "are of five minutes: what is compared is calibration, not the venue.",
        )
        for left in outcomes.LIFE_LEFT
    ),
)  # fmt: skip
"""Every fact, in the order of the page."""


def measure(sample: Sample) -> dict[str, Curve]:
    """Every fact of ``sample`` by key."""
    prepared = Prepared(sample)
    return {fact.key: fact.measure(prepared) for fact in FACTS}
