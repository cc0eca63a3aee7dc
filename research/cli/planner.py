"""``arena-backtest plan``: how many windows until an edge of this size shows."""

from __future__ import annotations

from typing import Annotated

import typer

from research.cli.screen import console_for

_POWERS = (0.5, 0.8, 0.95)


def plan_command(
    price: Annotated[float, typer.Option(help="Cost of a share, fee included, USD: the win rate that earns nothing.")],
    edge: Annotated[float, typer.Option(help="True win rate minus that price, e.g. 0.03 for three points.")],
    bets_per_window: Annotated[float, typer.Option(help="Average number of bets per window.")] = 1.0,
    interval_s: Annotated[int, typer.Option(min=1, help="Length of a window, seconds.")] = 300,
    alpha: Annotated[float, typer.Option(help="Size of the test.")] = 0.05,
    family: Annotated[int, typer.Option(min=1, help="Hypotheses tried, e.g. the family of a verdict.")] = 1,
) -> None:
    """Plan a sample: bets, windows and days until the exact test finds an edge.

    Example: arena-backtest plan --price 0.52 --edge 0.03 --bets-per-window 0.4
    """
    from rich.table import Table

    from arena.validation.bets import kelly
    from arena.validation.planning import plan

    table = Table(box=None, pad_edge=False)
    for column in ("power", "bets", "windows", "days", "wins that reject", "true size"):
        table.add_column(column, justify="right")
    for power in _POWERS:
        p = plan(price, price + edge, bets_per_window, alpha=alpha, power=power, family=family)
        table.add_row(
            f"{power:.0%}",
            f"{p.bets:,}",
            f"{p.windows:,}",
            f"{p.windows * interval_s / 86_400:,.1f}",
            f"{p.critical_wins:,}",
            f"{p.level:.2%}",
        )
    k = kelly(price + edge, price)
    console = console_for()
    console.print(
        f"Bets that cost {price:g} and win {price + edge:.1%} of the time, one-sided exact test at {alpha:g}"
        + (f" in a family of {family}" if family > 1 else "")
    )
    console.print(table)
    console.print(
        f"Full Kelly would stake {k.fraction:.1%} and grow {k.growth:.5f} nats per bet: "
        f"{k.bets_to_double:,.0f} bets to double."
    )
