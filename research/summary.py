"""Trades and forecasts of a run, condensed."""

from __future__ import annotations

import numpy as np

from arena.engine.prepare import Prepared
from arena.engine.run import AccountRun, equity_curve
from arena.units import MICRO
from arena.validation.calibration import reliability_curve
from arena.validation.forecast import brier, log_loss, log_score_gain
from research.result import Calibration, Summary


def summarise(prepared: Prepared, run: AccountRun) -> Summary:
    """The account's trades in one record."""
    trades = run.trades
    n = trades.shape[0]
    paid = (trades["notional"] + trades["fee"]) / MICRO
    shares = trades["shares"] / MICRO
    pnl = run.pnl / MICRO
    curve = equity_curve(prepared, run)
    ask, mid = trades["decision_ask"], trades["decision_mid"]
    return Summary(
        bets=n,
        wins=int(trades["won"].sum()),
        win_rate=float(trades["won"].mean()) if n else 0.0,
        break_even=float((paid / shares).mean()) if n else 0.0,
        staked_usd=float(paid.sum()),
        pnl_usd=float(pnl.sum()),
        return_per_bet=float((pnl / paid).mean()) if n else 0.0,
        fee_usd=float(trades["fee"].sum() / MICRO),
        spread_usd=float(((ask - mid) * shares).sum()),
        slippage_usd=float((trades["notional"] / MICRO - ask * shares).sum()),
        max_drawdown=float(curve.drawdown.min()),
        final_equity_usd=float(curve.equity_usd[-1]),
        unfilled_orders=run.unfilled,
        partial_fills=run.partial,
        refused_bets=int(run.rejects.sum()),
    )


def calibrate(prepared: Prepared, rng: np.random.Generator) -> Calibration | None:
    """Model and market at the middle of every window against what happened; None under 20 windows."""
    model, market, outcome = prepared.sample.fair_up, prepared.sample.mid_up, prepared.windows["outcome"]
    ok = np.isfinite(model) & np.isfinite(market) & (outcome >= 0)
    if ok.sum() < 20:
        return None
    q, m, y = model[ok], market[ok], outcome[ok].astype(np.float64)
    return Calibration(
        contracts=int(ok.sum()),
        model_brier=brier(q, y),
        market_brier=brier(m, y),
        model_log_loss=log_loss(q, y),
        market_log_loss=log_loss(m, y),
        gain=log_score_gain(q, m, y, np.flatnonzero(ok), rng),
        model_curve=reliability_curve(q, y, rng),
        market_curve=reliability_curve(m, y, rng),
    )
