"""``arena-backtest study``: does the verdict keep its error rates?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from arena.errors import ConfigError
from research.cli.screen import bar_on, console_for


def study_command(
    mode: Annotated[str, typer.Option(help="efficient or fair (no edge), or lagged (an edge that Arena must find).")],
    runs: Annotated[int, typer.Option(min=1, help="Markets, of each lag; more only add to what is there.")] = 200,
    days: Annotated[int, typer.Option(help="Days of each market.")] = 7,
    grid: Annotated[int, typer.Option(help="Largest number of configurations a researcher tries, 10 or more.")] = 200,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the first market; the others count on from it.")] = 1,
    redraws: Annotated[int, typer.Option(help="Fair mode: draws of the outcomes per market.")] = 10,
    lag_ms: Annotated[str, typer.Option(help="Lagged mode: how late the makers are, ms.")] = "500,1000,1500,2500",
    at_days: Annotated[str, typer.Option(help="Lagged mode: when a verdict is asked for, days.")] = "2,4,7",
    workers: Annotated[int | None, typer.Option(min=1, help="Processes, about 3 GB each. Default: all cores.")] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Default: reports/study-MODE-DIGEST of the settings.")
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print the summary as JSON and nothing else.")] = False,
) -> None:
    """Prove the error rates: simulated researchers on markets whose truth is known.

    Each researcher gets a market of his own from the lab, searches a grid of BTC_5M there, walks it forward and asks
    for a verdict, with a trial ledger of his own. Three kinds of markets:

    efficient: prices are right and every bet loses its cost. Beside Arena's verdict stands what the best of N with
    p < 5 % and the seed's own method would have promoted on the same markets.

    fair: the hardest null. The same markets, but every outcome is drawn again so that each contract is worth exactly
    what it costs. Also: researchers who try again and again on the same data, with and without the ledger.

    lagged: the maker is late. How often is the edge found, after how many windows, and does the planner predict it?

    FOLDER holds one line per market (markets.jsonl), summary.json and study.html. An interrupted study resumes where
    it stopped; the result does not depend on --workers. Exit code 1 if a promised error rate is broken.

    Takes about 20 s per market and core (efficient), 15 s (fair, 10 draws), 15 s per lag (lagged).

    Examples:
      arena-backtest study --mode fair

      arena-backtest study --mode lagged --runs 100 --lag-ms 500,1500 --at-days 1,3,7

      arena-backtest study --mode efficient --runs 4 --days 2 --grid 20
    """
    import json
    import os
    import sys

    from research.study.pool import HEADER, run_study
    from research.study.settings import Settings

    settings = Settings.of(
        mode,
        days=days,
        grid=grid,
        seed=seed,
        redraws=redraws,
        lags_ms=_numbers("--lag-ms", lag_ms),
        at_days=_numbers("--at-days", at_days),
    )
    # Bounds are checked before anything is generated or written.
    settings.experiment(settings.tasks(1)[0])
    folder = out or Path("reports") / f"study-{settings.mode}-{settings.digest}"
    console = console_for(quiet=json_)
    done = [0, 0]
    try:
        with bar_on(console) as bar:
            task = bar.add_task(f"{settings.mode} markets", total=runs * max(1, len(settings.lags_ms)))

            def progress(finished: int, of: int) -> None:
                done[:] = finished, of
                bar.update(task, completed=finished, total=of)

            records = run_study(settings, runs, folder, workers or os.cpu_count() or 1, progress)
    except KeyboardInterrupt:
        typer.echo(
            f"arena-backtest: interrupted after {done[0]} of {done[1]} markets; the same command resumes in {folder}.",
            err=True,
        )
        raise typer.Exit(130) from None

    from research.study.report import write_report
    from research.study.screen import show
    from research.study.summary import summarise, to_json

    summary = summarise(settings, records)
    plain = json.dumps(to_json(summary), indent=2) + "\n"
    (folder / "summary.json").write_text(plain)
    causal = bool(json.loads((folder / HEADER).read_text())["causal"])
    page = write_report(summary, causal, folder / "study.html")
    if json_:
        sys.stdout.write(plain)
    else:
        who, where = f"{summary.researchers:,} researchers", f"{summary.markets:,} {settings.mode} markets"
        console.print(f"{who} on {where} of {settings.days} days")
        show(summary, console)
        console.print(f"Report: {page}", soft_wrap=True)
    if not all(claim.holds for claim in summary.claims):
        raise typer.Exit(1)


def _numbers(option: str, text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise ConfigError(f"{option} {text!r} is not a list of whole numbers, e.g. {option} 500,1500.") from None
