"""``arena-backtest register`` and ``arena-backtest open``: declare before looking, and look once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from research.cli.screen import bar_on, console_for, progress_on

TrackingUri = Annotated[
    str | None, typer.Option(help="MLflow store; the trial ledger lies beside it. Default sqlite:///mlflow.db.")
]


def register_command(
    file: Annotated[Path, typer.Argument(metavar="FILE.toml", help="Experiment file.")],
    tracking_uri: TrackingUri = None,
) -> None:
    """Declare an experiment before any result of it is seen.

    Prints the digests of code, parameters, costs, data and gates and notes them in the trial ledger. With
    holdout.share in the file, the last stretch of the data is sealed: no run reads it until `arena-backtest open`.

    Example: arena-backtest register experiments/btc_5m_holdout.toml
    """
    from rich.table import Table

    from research.experiment import read
    from research.holdout import register
    from research.report.text import span
    from research.tracking import resolve_uri
    from research.trials.ledger import TrialLedger, ledger_path

    console = console_for()
    path = ledger_path(resolve_uri(tracking_uri))
    with bar_on(console) as bar:
        done = register(read(file), TrialLedger(path), Path("data"), progress_on(bar))
    table = Table(box=None, pad_edge=False, show_header=False)
    for name, digest in done.digests.items():
        table.add_row(name, digest)
    table.add_row("entry", done.entry, style="bold")
    console.print(f"Registered {file} in {path}:", soft_wrap=True)
    console.print(table)
    if done.seal is None:
        console.print("Nothing was sealed: set holdout.share in the file to keep a last stretch for the end.")
    else:
        console.print(f"Sealed {done.seal.windows:,} windows, {span(done.seal.from_ns, done.seal.to_ns)}.")
    if done.looks_before:
        console.print(
            f"{done.looks_before} looks at these windows are in the ledger already; every verdict will say so.",
            style="yellow",
        )


def open_command(
    file: Annotated[Path, typer.Argument(metavar="FILE.toml", help="The experiment file that was registered.")],
    tracking_uri: TrackingUri = None,
    jobs: Annotated[int | None, typer.Option(help="Threads. Default: all cores.")] = None,
) -> None:
    """Open the sealed stretch of a registered experiment whose last verdict was EDGE.

    The opening is noted in the trial ledger before anything is computed, and every later verdict counts it: only
    the first look is a holdout. The configuration is the one the experiment's own rule chooses on the windows before.

    Example: arena-backtest open experiments/btc_5m_holdout.toml
    """
    import os

    from research.experiment import read
    from research.holdout import open_holdout
    from research.report.text import number, percent, span
    from research.tracking import resolve_uri
    from research.trials.ledger import TrialLedger, ledger_path

    console = console_for()
    experiment = read(file)
    ledger = TrialLedger(ledger_path(resolve_uri(tracking_uri)))
    with bar_on(console) as bar:
        found = open_holdout(experiment, ledger, Path("data"), progress_on(bar), jobs or os.cpu_count() or 1)
    alpha = experiment.gates.discovery.alpha
    agreed = found.p_value is not None and found.p_value < alpha
    word, colour = ("HOLDOUT AGREES", "bold green") if agreed else ("HOLDOUT DOES NOT AGREE", "bold red")
    console.print(f"[{colour}]{word}[/]  {found.windows:,} windows, {span(found.seal.from_ns, found.seal.to_ns)}")
    if found.wins is None:
        console.print("The chosen configuration made no bet there.")
    else:
        w, p = found.wins, found.p_value if found.p_value is not None else 1.0
        console.print(
            f"{w.wins} of {w.bets} bets won, {number(w.expected_wins)} expected at break-even; exact p "
            f"{number(w.p_value, 3)}, {number(p, 3)} after what was seen before and "
            f"{found.openings} opening{'s' * (found.openings != 1)} (needs < {alpha:g})."
        )
    if found.power is not None and found.claimed_edge is not None:
        console.print(
            f"So many bets find the edge that the strategy claimed, {100 * found.claimed_edge:.1f} points, "
            f"with probability {percent(found.power, 0)}."
        )
    if found.interval is not None:
        i = found.interval
        console.print(
            f"Return per window {percent(i.estimate, 2, True)}, {percent(i.level, 0)} interval "
            f"{percent(i.lower, 2, True)} to {percent(i.upper, 2, True)}."
        )
    levers = ", ".join(f"{name}={value:g}" for name, value in found.configuration.values().items())
    console.print(f"Configuration: {levers}")
    if found.openings > 1:
        console.print(f"It has been opened {found.openings} times: it is no holdout any more.", style="yellow")
    if not agreed:
        raise typer.Exit(1)
