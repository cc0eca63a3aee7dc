"""The files kept with a run: what was asked, what was found, every bet and the equity of every account."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from arena.engine.run import AccountRun, EquityCurve
from arena.units import MICRO
from research.report.document import to_json
from research.result import RunResult

if TYPE_CHECKING:
    import polars as pl


def write_files(result: RunResult, report_path: Path | None, folder: Path) -> None:
    """Write experiment, result, bets and equity of every account into ``folder``, and copy the tear sheet there."""
    import polars as pl

    settings = result.experiment.model_dump(mode="json")
    (folder / "experiment.json").write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
    document = to_json(result, report_path, None)
    (folder / "result.json").write_text(json.dumps(document, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    if report_path is not None:
        shutil.copyfile(report_path, folder / "tear_sheet.html")
    held: list[tuple[str, AccountRun, EquityCurve]] = [(p.name, p.run, p.curve) for p in result.presets]
    if result.walk_forward is not None:
        stitched = result.walk_forward.out_of_sample
        held.insert(0, ("out_of_sample", stitched.run, stitched.curve))
    if held:
        trades = [trades_frame(name, run, result.prepared.market_ids) for name, run, _ in held]
        pl.concat(trades).write_parquet(folder / "trades.parquet")
        pl.concat(equity_frame(name, curve) for name, _, curve in held).write_parquet(folder / "equity.parquet")


def trades_frame(account: str, run: AccountRun, market_ids: tuple[str, ...]) -> pl.DataFrame:
    """The settled bets of an account, one row each: times ns UTC, money USD, prices USD per share."""
    import polars as pl

    trades = run.trades
    return pl.DataFrame(
        {
            "account": [account] * trades.shape[0],
            "market_id": [market_ids[w] for w in run.window],
            "window": run.window.astype(np.int64),
            "side": ["up" if side == 1 else "down" for side in trades["side"]],
            "decision_ns": trades["decision_ns"].copy(),
            "fill_ns": trades["fill_ns"].copy(),
            "settle_ns": trades["settle_ns"].copy(),
            "decision_ask": trades["decision_ask"].copy(),
            "decision_mid": trades["decision_mid"].copy(),
            "probability": trades["probability"].copy(),
            "expected_return": trades["expected_return"].copy(),
            "attempts": trades["attempts"].copy(),
            "wanted_shares": trades["wanted"] / MICRO,
            "shares": trades["shares"] / MICRO,
            "notional_usd": trades["notional"] / MICRO,
            "fee_usd": trades["fee"] / MICRO,
            "payout_usd": trades["payout"] / MICRO,
            "pnl_usd": run.pnl / MICRO,
            "won": trades["won"] == 1,
            "multiplier": trades["multiplier"].copy(),
        },
        schema_overrides={"account": pl.String, "market_id": pl.String, "side": pl.String},
    )


def equity_frame(account: str, curve: EquityCurve) -> pl.DataFrame:
    """Marked equity of an account: ``ts_ns`` UTC, ``equity_usd``, ``drawdown`` a fraction, 0 or negative."""
    import polars as pl

    return pl.DataFrame(
        {
            "account": [account] * curve.ts_ns.shape[0],
            "ts_ns": curve.ts_ns,
            "equity_usd": curve.equity_usd,
            "drawdown": curve.drawdown,
        },
        schema_overrides={"account": pl.String},
    )
