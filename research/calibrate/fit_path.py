"""Fit of price path, oracle and basis: closed forms, but for the jumps."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import least_squares, nnls
from scipy.special import ndtri

from arena.units import YEAR_S
from research.calibrate.facts import returns, venues
from research.calibrate.facts.curve import Curve, Floats, known
from research.calibrate.measure import SECONDS, Prepared, series

HALFLIVES_S = (120.0, 1800.0, 14_400.0, 172_800.0)
"""Half-lives of the components of volatility that minutes tell, s: two minutes, half an hour, four hours, two days."""
BURST_S = 3.0
"""Half-life of the one that only seconds tell, s."""
_LAGS = (1, 2, 3, 5, 10, 20, 30, 60, 120, 240, 480, 960, 1440, 2880)
_TAIL = 0.05
_BURST_SD = (0.0, 0.2, 0.3, 0.4, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.9)
_JUMPS = ((0.0, 0.0), *((rate, bps) for rate in (5.0, 10.0, 20.0, 40.0, 80.0, 160.0) for bps in (4.0, 8.0, 16.0)))
_SEED = 20_260_914


@dataclass(frozen=True, slots=True)
class PathFit:
    """Numbers of the price path; names and units are those of :class:`arena.lab.config.LabConfig`."""

    sigma: float
    season: tuple[float, ...]
    vol_components: tuple[tuple[float, float], ...]
    jumps_per_day: float
    jump_bps: float


@dataclass(frozen=True, slots=True)
class Inertia:
    """How reports follow the price: a share at once, the rest with a time constant (s); noise in basis points."""

    instant: float
    smooth_s: float
    noise_bps: float


def fit_path(p: Prepared, inertia: Inertia | None, burst_sd: float) -> PathFit | None:
    """Path of the minutes; None with less than ten days of them.

    Season: root mean square return of each hour. Components: non-negative least squares of the autocovariance of log
    volatility (:func:`~research.calibrate.facts.returns.volatility_memory`) on ``2^(-lag/half-life)`` at fixed
    half-lives. Jumps, and the component that lasts for seconds: simulated tails of minutes, and of the reports' seconds
    (smoothed as ``inertia`` says), against recorded ones on a grid, with common random numbers. Level: what the jumps
    leave of the variance. Without reports, ``burst_sd`` stays.
    """
    r = p.minute_returns
    if np.isfinite(r).sum() < 14_400:
        return None
    season = returns.season(p.minute_end_ns, r).y
    calm = p.calm_minutes
    memory = returns.volatility_memory(calm, _LAGS)
    use = np.isfinite(memory.y)
    basis = np.stack([2.0 ** (-60.0 * memory.x[use] / h) for h in HALFLIVES_S], axis=1)
    variance, _ = nnls(basis, np.maximum(memory.y[use], 0.0))
    components = tuple((math.sqrt(v), h) for v, h in zip(variance.tolist(), HALFLIVES_S, strict=True))
    total = float(np.nanmean(r**2)) * YEAR_S / 60.0
    burst_sd, rate, size = _tails(calm, p.second_returns, components, total, inertia, burst_sd)
    sigma = math.sqrt(total - rate * (size * 1e-4) ** 2 * 365.0)
    return PathFit(sigma, tuple(season.tolist()), ((burst_sd, BURST_S), *components), rate, size)


def _tails(
    calm: Floats,
    seconds: Floats,
    components: tuple[tuple[float, float], ...],
    total: float,
    inertia: Inertia | None,
    burst_sd: float,
) -> tuple[float, float, float]:
    """Burst component, jumps a day and their size (bps) whose simulated tails are nearest to the recorded ones."""
    shares = [(size * 1e-4) ** 2 * rate * 365.0 / total for rate, size in _JUMPS]
    # A burst of seconds is over within its minute: minutes do not see it.
    minutes = _Scale.of(calm, 60.0, components, None)
    misses = [minutes.miss(rate, share) for (rate, _), share in zip(_JUMPS, shares, strict=True)]
    bursts = {burst_sd: misses}
    if inertia is not None and known(seconds).shape[0] >= 10_000:
        bursts = {}
        for sd in _BURST_SD:
            scale = _Scale.of(seconds, 1.0, ((sd, BURST_S), *components), inertia)
            bursts[sd] = [
                miss + scale.miss(rate, share) for miss, (rate, _), share in zip(misses, _JUMPS, shares, strict=True)
            ]
    _, sd, k = min((miss, sd, k) for sd, found in bursts.items() for k, miss in enumerate(found))
    return sd, *_JUMPS[k]


@dataclass(frozen=True, slots=True)
class _Scale:
    """Simulated returns over one step beside recorded ones, in root mean squares.

    Attributes:
        step_s: length of a step.
        want: recorded tails.
        diffusion: returns without jumps, mean square 1.
        arrival, unit: uniforms and normals that make the jumps.
        inertia: how the series follows the price; None = at once.
    """

    step_s: float
    want: Curve
    diffusion: Floats
    arrival: Floats
    unit: Floats
    inertia: Inertia | None

    @staticmethod
    def of(
        recorded: Floats, step_s: float, components: tuple[tuple[float, float], ...], inertia: Inertia | None
    ) -> _Scale:
        rng = np.random.default_rng(_SEED)
        n = known(recorded).shape[0]
        log_vol = np.zeros(n)
        for sd, halflife_s in components:
            # Steps of an Ornstein-Uhlenbeck process: a first-order filter of normal draws.
            log_vol += _filtered(rng.standard_normal(n), 2.0 ** (-step_s / halflife_s), sd)
        diffusion = np.exp(log_vol - sum(sd**2 for sd, _ in components)) * rng.standard_normal(n)
        diffusion /= math.sqrt(float(np.mean(diffusion**2)))
        return _Scale(
            step_s,
            returns.tails(recorded).quantiles,
            diffusion,
            np.asarray(rng.random(n)),
            np.asarray(rng.standard_normal(n)),
            inertia,
        )

    def miss(self, jumps_per_day: float, share: float) -> float:
        """Mean squared log ratio of simulated to recorded tails; ``share``: of the variance, that is jumps."""
        from scipy.signal import lfilter

        chance = jumps_per_day * self.step_s / 86_400.0
        r = math.sqrt(1.0 - share) * self.diffusion
        if chance > 0.0:
            r = r + np.where(self.arrival < chance, math.sqrt(share / chance) * self.unit, 0.0)
        if self.inertia is not None:
            decay = math.exp(-self.step_s / self.inertia.smooth_s)
            r = self.inertia.instant * r + (1.0 - self.inertia.instant) * lfilter([1.0 - decay], [1.0, -decay], r)
        found = returns.tails(np.asarray(r)).quantiles
        use = (self.want.x <= _TAIL) & np.isfinite(self.want.y) & np.isfinite(found.y)
        return float(np.mean(np.log(found.y[use] / self.want.y[use]) ** 2))


def _filtered(unit: npt.ArrayLike, decay: float, sd: float) -> Floats:
    from scipy.signal import lfilter

    shock = np.array(unit, np.float64)
    shock[0] /= math.sqrt(1.0 - decay * decay)
    return np.asarray(lfilter([sd * math.sqrt(1.0 - decay * decay)], [1.0, -decay], shock))


def fit_inertia(p: Prepared) -> Inertia | None:
    """How the settlement feed follows the price, from its volatility signature up to two minutes; None without it.

    A report ``a x + (1 - a) e`` with ``e`` the exponential average (time constant ``u``) of a martingale ``x`` has
    increments over ``h`` of variance ``v (h - (1 - a^2) u (1 - exp(-h/u))) + 2 noise^2``. Least squares of its
    logarithm over ``v, a, u`` and the noise.
    """
    curve = returns.signature(*series(p.sample.oracle), SECONDS)
    use = np.isfinite(curve.y) & (curve.x <= 120.0)
    if use.sum() < 5:
        return None
    h, variance = curve.x[use], curve.y[use] ** 2 * curve.x[use] / YEAR_S

    def model(q: Floats) -> Floats:
        v, a, u, noise = math.exp(q[0]), q[1], math.exp(q[2]), q[3] * 1e-4
        return np.asarray(v * (h - (1.0 - a * a) * u * -np.expm1(-h / u)) + 2.0 * noise**2)

    start = np.array([math.log(variance[-1] / h[-1]), 0.5, math.log(3.0), 0.1])
    found = least_squares(
        lambda q: np.log(model(q) / variance), start, bounds=([-60.0, 0.05, -2.0, 0.0], [0.0, 1.0, 4.0, 5.0])
    ).x
    return Inertia(float(found[1]), math.exp(float(found[2])), float(found[3]))


def fit_delay(p: Prepared) -> tuple[float, float, float] | None:
    """Least delay, and median and log-sd of the rest (ms): the lognormal through the 5, 50 and 95 % quantiles.

    With quantiles ``l, m, u`` at symmetric levels, ``(l u - m^2) / (l + u - 2 m)`` is the shift.
    """
    rows = p.sample.oracle
    if rows.height < 1000:
        return None
    low, mid, high = np.quantile((rows["recv_ns"] - rows["event_ns"]).to_numpy() / 1e6, [0.05, 0.5, 0.95]).tolist()
    if low + high <= 2.0 * mid:
        return None
    least = (low * high - mid * mid) / (low + high - 2.0 * mid)
    return least, mid - least, math.log((high - least) / (mid - least)) / float(ndtri(0.95))


def fit_basis(p: Prepared) -> venues.Basis | None:
    """Binance's basis to the settlement feed, None with fewer than four hours of common minutes."""
    return p.basis if p.basis.n >= 240 and math.isfinite(p.basis.halflife_s) else None
