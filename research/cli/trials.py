"""``arena-backtest trials``: what has been tried, and how much of the best of it is luck."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from research.cli.screen import console_for


def trials_command(
    strategy: Annotated[
        str | None, typer.Argument(help="Strategy, e.g. btc_5m; without one, the strategies are listed.")
    ] = None,
    tracking_uri: Annotated[
        str | None, typer.Option(help="MLflow store whose ledger to read; default sqlite:///mlflow.db.")
    ] = None,
    ledger: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The ledger itself; default: trials.db beside the store.")
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
) -> None:
    """Show every configuration ever tried for STRATEGY, from the trial ledger.

    Per world (recorded markets, or one generated market): how many trials, under which ideas, how many
    independent ones they amount to, and the Sharpe ratio that the best of so many expects by luck alone.
    Then the latest looks and notes, and whether the ledger is intact (exit code 1 if it is not).

    Failed and interrupted looks count. Environment: ARENA_TRIALS names the ledger.

    Examples:
      arena-backtest trials

      arena-backtest trials btc_5m

      arena-backtest trials btc_5m --json
    """
    import json

    from research.tracking import resolve_uri
    from research.trials import view
    from research.trials.ledger import TrialLedger, ledger_path
    from research.trials.records import LedgerError

    path = ledger or ledger_path(resolve_uri(tracking_uri))
    if not path.exists():
        raise LedgerError(f"there is no trial ledger at {path} yet; a run writes one, --ledger names another.")
    book = TrialLedger(path)
    console = console_for()
    if strategy is None:
        if json_:
            sys.stdout.write(json.dumps({"ledger": str(path), "strategies": book.strategies()}, indent=2) + "\n")
        else:
            view.show_strategies(book, console)
        return
    name = strategy.strip().upper().replace("-", "_")
    if name not in book.strategies():
        raise LedgerError(f"nothing was ever tried for {name} in {path}; it holds {_names(book.strategies())}.")
    shown = view.view(book, name)
    if json_:
        sys.stdout.write(json.dumps(view.to_json(shown), indent=2) + "\n")
    else:
        view.show(shown, console)
    if shown.verification.broken:
        raise typer.Exit(1)


def _names(strategies: list[str]) -> str:
    return ", ".join(strategies) if strategies else "no strategy yet"
