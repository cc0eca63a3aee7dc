"""The whole fit: every number of the lab's settings that a recording tells, with its source and its error.

Which number comes from which fact of which part is written in :data:`HOW`; what no recording tells is in
:data:`UNKNOWN`. Closed forms where there are any; the jumps and the book by simulated moments with a fixed seed and
common random numbers, so the same recordings give the same settings. Nothing is fitted to what a strategy earns.

The error of a number is half the difference between the fits of the two halves of the recordings: one degree of
freedom, an order of magnitude.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from arena.lab.config import LabConfig, VenueModel
from arena.units import YEAR_S
from research.calibrate.fit_book import STEPS, fit_book
from research.calibrate.fit_path import BURST_S, fit_basis, fit_delay, fit_inertia, fit_path
from research.calibrate.measure import Prepared
from research.calibrate.sample import Sample

FIT_STEPS = STEPS + 1
"""Calls of ``tick`` in one fit."""
_BASIS_VENUE = "binance"

HOW: dict[str, tuple[str, str]] = {
    "sigma": ("minutes", "closed form: variance of minute returns, less that of the jumps"),
    "season": ("minutes", "closed form: root mean square minute return of each hour"),
    "vol_components": (
        "minutes",
        "non-negative least squares of the memory of volatility at four fixed half-lives; that of three seconds by "
        "simulated tails of the reports' seconds",
    ),
    "jumps_per_day": ("minutes", "simulated moments: tails of minutes and of reports' seconds, on a grid"),
    "jump_bps": ("minutes", "simulated moments: tails of minutes and of reports' seconds, on a grid"),
    "oracle_instant": ("oracle", "least squares: volatility signature of the reports, 1 s to 2 min"),
    "oracle_smooth_s": ("oracle", "least squares: volatility signature of the reports, 1 s to 2 min"),
    "oracle_noise_bps": ("oracle", "least squares: volatility signature of the reports, 1 s to 2 min"),
    "oracle_recv_ms": ("oracle", "closed form: lognormal through the 5, 50 and 95 % quantiles of the delay"),
    "binance.basis_bps": ("minutes", "closed form: mean of Binance minus oracle at full minutes"),
    "binance.basis_sd_bps": ("minutes", "closed form: autocorrelation of the basis, carried back to lag 0"),
    "binance.basis_halflife_s": ("minutes", "closed form: decay of the autocorrelation of the basis"),
    "binance.noise_bps": ("minutes", "closed form: what is left of the basis, less the inertia of the reports"),
    "patience": ("quotes", "simulated moments: price changes per second with more than a minute left"),
    "wide_ticks": ("quotes", "simulated moments: mean spread by time left"),
    "refresh_rate": ("quotes", "simulated moments: updates per second by time left"),
    "quiet_rate": ("quotes", "closed form: updates per second while one side is empty"),
    "fine_below": ("quotes", "closed form: price below which quotes stand between cents"),
    "touch_shares": ("quotes", "closed form: median size by time left, contested markets"),
    "touch_by_edge": ("quotes", "closed form: median size by price, more than two minutes left"),
    "touch_log_sd": ("quotes", "least squares: log quantiles of the size on each side of its median"),
}
"""Part of the sample and method of every fitted number."""

UNKNOWN: dict[str, str] = {
    "lag_ms": "how late the maker is: books and spot were recorded side by side only every 2.6 s. It states the truth "
    "of the lab, and stays where the experiment puts it",
    "venues other than binance": "basis, noise and rates of Coinbase, OKX, Bybit, Kraken and Bitfinex: not recorded",
    "binance.rate, half_spread_bps, lag_ms": "spot quotes were recorded once a minute, or minutes of one day in 2024",
    "book_recv_ms, stalls_per_hour, stall_s": "how late and how often our feed stalls: the recorder's clock ran ahead "
    "of the venue's, and a change-only recording cannot tell silence from a stall",
    "outages_per_day, outage_s": "no recording of several spot venues at once",
    "patience or lateness": "the signature of the mid rises where quotes wait and where makers come late one after "
    "the other; the lab explains all of it by patience, because lateness is its stated truth",
    "wide_ticks, refresh_rate in the last 15 s": "too few contested seconds in the short markets of the fit; and the "
    "lab's maker acts every 50 ms, so no book changes more than 20 times a second, while the recorded one does",
}
"""What no recording tells, and why; it keeps its documented value."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """One fitted number (or row of numbers) of the settings.

    Attributes:
        knob: its name; ``binance.x`` is field ``x`` of that venue.
        value: fitted value, in the units of :class:`LabConfig`.
        error: half the difference between the fits of the halves; NaN where a half could not tell.
        default: the value without a fit.
        source, how: recording and method.
    """

    knob: str
    value: tuple[float, ...]
    error: tuple[float, ...]
    default: tuple[float, ...]
    source: str
    how: str


def fit(sample: Sample, start: LabConfig, tick: Callable[[], None]) -> LabConfig:
    """``start`` with everything fitted that ``sample`` tells."""
    p = Prepared(sample)
    config = _fit_prices(p, start)
    tick()
    return fit_book(p, config, tick)


def _fit_prices(p: Prepared, config: LabConfig) -> LabConfig:
    inertia, delay, basis = fit_inertia(p), fit_delay(p), fit_basis(p)
    burst_sd = next((sd for sd, halflife_s in config.vol_components if halflife_s == BURST_S), 0.0)
    path = fit_path(p, inertia, burst_sd)
    if path is not None:
        config = replace(
            config,
            sigma=_round(path.sigma),
            season=tuple(_round(x) for x in path.season),
            vol_components=tuple((_round(sd), halflife) for sd, halflife in path.vol_components),
            jumps_per_day=path.jumps_per_day,
            jump_bps=path.jump_bps,
        )
    if inertia is not None:
        config = replace(
            config,
            oracle_instant=_round(inertia.instant),
            oracle_smooth_s=_round(inertia.smooth_s),
            oracle_noise_bps=_round(inertia.noise_bps) if inertia.noise_bps > 1e-3 else 0.0,
        )
    if delay is not None:
        config = replace(config, oracle_recv_ms=(_round(delay[0]), _round(delay[1]), _round(delay[2])))
    if basis is not None:
        # At a full minute the report lags the price by (1 - a)(e - x), whose variance is v u / 2 per (1 - a)^2.
        per_s = _second_variance(p)
        inert = (1.0 - config.oracle_instant) ** 2 * per_s * config.oracle_smooth_s / 2.0
        found: dict[str, Any] = {
            "basis_bps": _round(basis.mean_bps),
            "basis_sd_bps": _round(basis.slow_sd_bps),
            "basis_halflife_s": _round(basis.halflife_s),
            "noise_bps": _round(math.sqrt(max(basis.noise_sd_bps**2 - inert, 0.0))),
        }
        venues = tuple(replace(v, **found) if v.name == _BASIS_VENUE else v for v in config.venues)
        config = replace(config, venues=venues)
    return config


def _second_variance(p: Prepared) -> float:
    """Variance of the price per second on the reports' day, squared basis points, from one-minute moves."""
    from research.calibrate.facts.returns import signature
    from research.calibrate.measure import series

    vol = float(signature(*series(p.sample.oracle), (60,)).y[0])
    return vol**2 / YEAR_S * 1e8 if math.isfinite(vol) else 0.0


def compare(
    default: LabConfig, fitted: LabConfig, first: LabConfig, second: LabConfig, sample: Sample
) -> tuple[Fitted, ...]:
    """Every fitted number with its error, source and default."""
    rows = []
    for knob, (part, how) in HOW.items():
        value, one, two = (_numbers(c, knob) for c in (fitted, first, second))
        error = tuple(abs(a - b) / 2.0 for a, b in zip(one, two, strict=True))
        rows.append(Fitted(knob, value, error, _numbers(default, knob), sample.origin.get(part, "nobody"), how))
    return tuple(rows)


def _numbers(config: LabConfig, knob: str) -> tuple[float, ...]:
    owner: Any = config
    if "." in knob:
        name, knob = knob.split(".")
        owner = _venue(config, name)
    value = getattr(owner, knob)
    if not isinstance(value, tuple):
        return (float(value),)
    return tuple(float(x[0]) if isinstance(x, tuple) else float(x) for x in value)


def _venue(config: LabConfig, name: str) -> VenueModel:
    return next(venue for venue in config.venues if venue.name == name)


def _round(x: float) -> float:
    return float(f"{x:.4g}")
