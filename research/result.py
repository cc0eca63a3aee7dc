"""What a run produces: frozen records that the terminal, the report and the tracking store all read."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from arena.engine.prepare import Prepared
from arena.engine.run import AccountRun, EquityCurve, Sweep
from arena.strategies.base import Configuration, Strategy
from arena.validation.bets import WinTest
from arena.validation.bootstrap import Interval
from arena.validation.calibration import ReliabilityCurve
from arena.validation.corp import MiscalibrationGap
from arena.validation.cscv import NullBand, Overfitting
from arena.validation.dominance import Dominance
from arena.validation.forecast import LogScoreGain
from arena.validation.monitor import Monitoring
from arena.validation.planning import Plan
from arena.validation.skill import FalseDiscoveryRate, Posterior
from arena.validation.spa import SuperiorAbility
from arena.validation.verdict import Verdict
from research.sensitivity import Sensitivity
from research.standing import Standing
from research.trials.family import Family

if TYPE_CHECKING:
    from research.experiment import Experiment

F8 = npt.NDArray[np.float64]
_LOG_MAX = math.log(sys.float_info.max)


@dataclass(frozen=True, slots=True)
class DataFacts:
    """What was read, so that every figure can be traced to bytes.

    ``digests`` are hex content hashes of the catalog's tables, whole; ``truth`` is what is known to be true of a
    lab market, empty for recordings; ``notes`` are sentences the reader of the result must know (overrides,
    defects).
    """

    name: str
    path: str
    digests: dict[str, str]
    windows: int
    ticks: int
    first_ns: int
    last_ns: int
    venues: tuple[str, ...]
    strike_sources: tuple[str, ...]
    settlement_rules: tuple[str, ...]
    unknown_outcomes: int
    missing_strikes: int
    truth: str
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Summary:
    """The trades of one account in one line. Money in USD, rates as fractions.

    ``break_even`` is the mean cost of a share, fee included: the win rate at which the bets would pay nothing.
    ``return_per_bet`` is the mean net profit per dollar at risk. ``fee_usd``, ``spread_usd`` (ask over mid at
    the decision) and ``slippage_usd`` (fill over ask seen; negative = better) add up to what trading cost.
    ``max_drawdown`` is a fraction, 0 or negative, of marked equity.
    """

    bets: int
    wins: int
    win_rate: float
    break_even: float
    staked_usd: float
    pnl_usd: float
    return_per_bet: float
    fee_usd: float
    spread_usd: float
    slippage_usd: float
    max_drawdown: float
    final_equity_usd: float
    unfilled_orders: int
    partial_fills: int
    refused_bets: int


@dataclass(frozen=True, slots=True)
class PresetRun:
    """One fixed configuration over the whole span (in sample: nothing was fitted, nothing was held out).

    ``by_costs`` has one summary per cost model, same execution; ``as_booked`` is what the seed would have
    booked: filled at the touch, charged 2 bps, settled on its own price. ``funnel`` counts ticks by gate reason.
    """

    name: str
    configuration: Configuration
    run: AccountRun
    curve: EquityCurve
    by_costs: dict[str, Summary]
    as_booked: Summary
    funnel: dict[str, int]
    calibration: Calibration | None


@dataclass(frozen=True, slots=True)
class Calibration:
    """Model and market probability of UP at the middle of every window against the official outcomes.

    Scores are means over ``contracts`` windows; ``gain`` is the paired log-score gain of the model over the mid.
    """

    contracts: int
    model_brier: float
    market_brier: float
    model_log_loss: float
    market_log_loss: float
    gain: LogScoreGain
    model_curve: ReliabilityCurve
    market_curve: ReliabilityCurve


@dataclass(frozen=True, slots=True)
class FoldResult:
    """One fold: rows are window numbers; ``chosen`` indexes the grid, -1 = no configuration bet often enough.

    Scores are the objective (mean log growth per window at the base stake).
    """

    train_rows: tuple[int, int]
    test_rows: tuple[int, int]
    train_windows: int
    chosen: int
    train_score: float
    train_bets: int
    test_score: float
    test_bets: int
    test_return_per_bet: float
    rank_correlation: float


@dataclass(frozen=True, slots=True)
class Stitched:
    """The stitched test folds: chosen configurations only, on windows they were not chosen on.

    ``returns`` (per dollar at risk, 0 = no bet), ``cost`` and ``probability`` (NaN = no bet) and ``won`` (-1 = no
    bet) have one entry per test window; ``rows`` are their window numbers.
    """

    rows: npt.NDArray[np.int64]
    returns: F8
    cost: F8
    probability: F8
    mid: F8
    won: npt.NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class OutOfSample(Stitched):
    """The stitched test folds with an account that compounds through them, with the base preset's account levers."""

    run: AccountRun
    curve: EquityCurve
    by_costs: dict[str, Summary]


@dataclass(frozen=True, slots=True)
class Deflated:
    """A deflated Sharpe ratio with the consistent pair it was deflated by.

    ``probability`` that the Sharpe of the best exceeds ``threshold``, what the best of ``trials`` without skill
    expects when their Sharpes have ``variance`` (per window).
    """

    probability: float
    threshold: float
    trials: int
    variance: float


@dataclass(frozen=True, slots=True)
class Statistics:
    """What a grid and its stitched test folds say; None or NaN where they did not allow a figure (the gate says why).

    ``adjusted_p`` is the exact p-value of the wins after Sidak over ``family.sidak_family`` and its share of alpha.
    ``plan`` is what it takes to find ``planned_edge`` (dollars per share over break-even: stated, or claimed by the
    strategy).
    ``sharpe`` and ``psr`` are of the stitched out-of-sample series, per window; ``deflated`` is of the best
    configuration of the grid over the whole span against the raw trials of the ledger, ``deflated_clusters`` the
    same against clusters of them. ``skill`` is the chance that the wins are luck after all, ``posterior`` the belief
    about the edge in log-odds, ``bankroll`` that of a half-Kelly bettor, and ``without_best_fold`` the return per
    window when the best fold is left out.
    """

    win_test: WinTest | None
    adjusted_p: float
    family: Family
    interval: Interval | None
    superior: SuperiorAbility | None
    overfitting: Overfitting | None
    null_band: NullBand | None
    dominance: Dominance | None
    sharpe: float
    psr: float
    deflated: Deflated | None
    deflated_clusters: Deflated | None
    plan: Plan | None
    planned_edge: float
    skill: FalseDiscoveryRate | None
    gain: LogScoreGain | None
    miscalibration: MiscalibrationGap | None
    bankroll: Monitoring | None
    posterior: Posterior | None
    without_best_fold: float

    @property
    def highest_bankroll(self) -> float:
        """Highest value of ``bankroll``, inf where no float holds it; NaN without a bet."""
        if self.bankroll is None:
            return math.nan
        peak = self.bankroll.final.log_peak
        return math.exp(peak) if peak < _LOG_MAX else math.inf


@dataclass(frozen=True, slots=True)
class Evidence(Statistics):
    """The statistics behind a verdict, and what replays under other conditions add to them."""

    sensitivity: Sensitivity

    @classmethod
    def of(cls, statistics: Statistics, sensitivity: Sensitivity) -> Evidence:
        """The two together."""
        known = {field.name: getattr(statistics, field.name) for field in fields(statistics)}
        return cls(**known, sensitivity=sensitivity)


@dataclass(frozen=True, slots=True)
class WalkForward:
    """A walk-forward over a grid, and what it is worth.

    ``ledger_entry`` is the digest of the verdict's entry in the trial ledger: kept here, it proves that the ledger
    has lost nothing of what it held by then.
    """

    grid: tuple[Configuration, ...]
    sweep: Sweep
    folds: tuple[FoldResult, ...]
    out_of_sample: OutOfSample
    evidence: Evidence
    standing: Standing
    verdict: Verdict
    ledger_entry: str


@dataclass(frozen=True, slots=True)
class RunResult:
    """Everything one invocation found. ``interrupted`` is true when it was stopped and holds what had finished."""

    experiment: Experiment
    strategy: Strategy
    data: DataFacts
    prepared: Prepared
    presets: tuple[PresetRun, ...]
    walk_forward: WalkForward | None
    seconds: dict[str, float]
    interrupted: bool
