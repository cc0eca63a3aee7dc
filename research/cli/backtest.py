"""``arena-backtest``: run a strategy over data, walk it forward, and say what it is worth.

Everything heavy is imported inside the commands, so that ``--help`` is instant.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from arena.errors import ConfigError
from research.cli.group import OneLineErrors
from research.cli.holdout import open_command, register_command
from research.cli.planner import plan_command
from research.cli.screen import bar_on, console_for, progress_on
from research.cli.study import study_command
from research.cli.trials import trials_command

if TYPE_CHECKING:
    from research.experiment import Experiment

_COMMANDS = ("run", "check", "ls", "trials", "register", "open", "plan", "study")


class _StrategyFirst(OneLineErrors):
    """``arena-backtest btc_5m`` is ``arena-backtest run btc_5m``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in (*_COMMANDS, "--help"):
            args = ["run", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    name="arena-backtest",
    cls=_StrategyFirst,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help=(
        "Backtest a strategy and judge it honestly.\n\n"
        "arena-backtest btc_5m --walk-forward runs the flagship on the embedded lab market: fits on the past, "
        "scores on the future, and ends with a verdict, an HTML report and an MLflow run.\n\n"
        "arena-backtest STRATEGY --help lists every option of a run."
    ),
)


@app.command("run")
def run_command(
    strategy: Annotated[
        str | None, typer.Argument(help="Strategy, e.g. btc_5m (case and dashes do not matter).")
    ] = None,
    walk_forward: Annotated[
        bool, typer.Option("--walk-forward", help="Choose on the past, score on the future, judge.")
    ] = False,
    experiment: Annotated[Path | None, typer.Option(metavar="FILE.toml", help="Start from an experiment file.")] = None,
    data: Annotated[
        str | None, typer.Option(metavar="CATALOG|lab", help="Catalog folder; lab, lab:efficient or lab:lagged.")
    ] = None,
    days: Annotated[int | None, typer.Option(help="Days of the lab market.")] = None,
    preset: Annotated[str | None, typer.Option(help="Base configuration, e.g. seed or corrected.")] = None,
    compare: Annotated[list[str] | None, typer.Option(help="Preset to show beside it; repeatable.")] = None,
    costs: Annotated[str | None, typer.Option(help="venue, seed-default or seed-tuned.")] = None,
    execution: Annotated[str | None, typer.Option(help="latency or touch.")] = None,
    network_ms: Annotated[float | None, typer.Option(help="One-way travel time to the venue, ms.")] = None,
    grid: Annotated[int | None, typer.Option(help="Number of configurations to choose from.")] = None,
    folds: Annotated[int | None, typer.Option(help="Number of test folds.")] = None,
    scheme: Annotated[str | None, typer.Option(help="rolling or anchored training.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of grid, bootstrap and null band.")] = None,
    gates: Annotated[
        Path | None, typer.Option(metavar="FILE.toml", help="Promotion policy; see experiments/gates.toml.")
    ] = None,
    idea: Annotated[
        str | None, typer.Option(help="What is being tried, in a few words; the trial ledger keeps it.")
    ] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="LEVER=VALUE", help="Change a lever; repeatable.")
    ] = None,
    jobs: Annotated[
        int | None, typer.Option(help="Threads; the result does not depend on it. Default: all cores.")
    ] = None,
    tracking_uri: Annotated[str | None, typer.Option(help="MLflow store; default sqlite:///mlflow.db.")] = None,
    no_track: Annotated[
        bool, typer.Option("--no-track", help="Write no MLflow run (its trials are counted all the same).")
    ] = False,
    report: Annotated[Path, typer.Option(metavar="FOLDER", help="Where the HTML report goes.")] = Path("reports"),
    json_: Annotated[bool, typer.Option("--json", help="Print the result as JSON and nothing else.")] = False,
) -> None:
    """Run STRATEGY over data.

    Without --walk-forward the presets are replayed over the whole span (in sample). With it, a grid of
    configurations is swept, each fold chooses on its training windows only, and the stitched test folds are
    judged.

    Examples:
      arena-backtest btc_5m --walk-forward

      arena-backtest btc_5m --walk-forward --data lab:efficient --grid 400 --folds 8

      arena-backtest btc_5m --preset seed --set min_net_return=0.02 --execution touch

      arena-backtest --experiment experiments/btc_5m_recorded.toml --walk-forward
    """
    overrides = {
        "strategy": strategy,
        "preset": preset,
        "compare": tuple(compare) if compare else None,
        "costs": costs,
        "seed": seed,
        "data": _data_option(data, days),
        "execution": _some(model=execution, network_ms=network_ms),
        "grid": _some(size=grid),
        "folds": _some(count=folds, scheme=scheme),
        "levers": _assignments(set_ or []),
        "idea": idea,
        "gates": _policy(gates),
    }
    if strategy is None and experiment is None:
        raise ConfigError("name a strategy or an experiment file; `arena-backtest ls` lists the strategies.")
    _execute(_experiment(experiment, overrides), walk_forward, jobs, tracking_uri, no_track, report, json_)


@app.command()
def check(
    strategy: Annotated[str, typer.Argument(help="Strategy to check, e.g. btc_5m.")],
    preset: Annotated[str | None, typer.Option(help="Configuration to check; default: all presets.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of the cuts and of the scrambled futures.")] = 1,
    cuts: Annotated[int, typer.Option(min=1, help="Moments at which the future is cut off or scrambled.")] = 12,
) -> None:
    """Prove that a strategy cannot see the future.

    Decisions on data that ends at a random moment, and on data whose future is scrambled, must equal the
    decisions of the full run, bit for bit.

    Example: arena-backtest check btc_5m
    """
    from research.check import run_check

    if not run_check(strategy, preset, seed, cuts, console_for()):
        raise typer.Exit(1)


@app.command("ls")
def list_strategies() -> None:
    """List the strategies with their levers: unit, bounds, and the value in each preset."""
    from rich.table import Table

    from arena.strategies import load, names

    console = console_for()
    for name in names():
        strategy = load(name)
        table = Table(
            title=f"{strategy.id}  {strategy.title}", title_justify="left", title_style="bold", box=None, pad_edge=False
        )
        table.add_column("lever")
        table.add_column("unit")
        table.add_column("bounds")
        for preset in strategy.presets:
            table.add_column(preset, justify="right")
        table.add_column("what it does")
        for lever in strategy.levers:
            number = f" (seed lever {lever.seed_lever})" if lever.seed_lever else ""
            values = [f"{c.values()[lever.name]:g}" for c in strategy.presets.values()]
            table.add_row(lever.name, lever.unit, f"{lever.low:g}..{lever.high:g}", *values, lever.why + number)
        console.print(table)


app.command("trials")(trials_command)
app.command("register")(register_command)
app.command("open")(open_command)
app.command("plan")(plan_command)
app.command("study")(study_command)


def _policy(file: Path | None) -> dict[str, Any]:
    if file is None:
        return {}
    from research.policy import read_policy

    return read_policy(file).model_dump()


def _some(**values: object) -> dict[str, object]:
    return {name: value for name, value in values.items() if value is not None}


def _data_option(data: str | None, days: int | None) -> dict[str, object]:
    out: dict[str, object] = {}
    lab = _some(days=days)
    if data is not None:
        name, _, mode = data.partition(":")
        if name.lower() == "lab":
            out["catalog"] = "lab"
            if mode:
                lab["mode"] = mode.lower()
        else:
            out["catalog"] = data
    if lab:
        out["lab"] = lab
    return out


def _assignments(pairs: list[str]) -> dict[str, float]:
    levers: dict[str, float] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        try:
            levers[name.strip()] = float(text)
        except ValueError:
            equals = ""
        if not equals:
            raise ConfigError(f"--set {pair!r} is not LEVER=NUMBER, e.g. --set min_edge=0.04.")
    return levers


def _experiment(file: Path | None, overrides: dict[str, Any]) -> Experiment:
    from research.experiment import build, read

    raw = read(file).model_dump(exclude_unset=True) if file else {}
    for key, value in overrides.items():
        if isinstance(value, dict):
            if value:
                merged = {**raw.get(key, {}), **value}
                if key == "data" and "lab" in value:
                    merged["lab"] = {**raw.get("data", {}).get("lab", {}), **value["lab"]}
                raw[key] = merged
        elif value is not None:
            raw[key] = value
    if not file:
        raw.setdefault("name", str(raw["strategy"]).lower().replace("-", "_"))
    return build(raw, "options" if file is None else f"{file} with options")


def _execute(*arguments: Any) -> None:
    """Run, report, track; an interrupt before anything had finished leaves nothing behind."""
    try:
        _run_and_report(*arguments)
    except KeyboardInterrupt:
        typer.echo("arena-backtest: interrupted before anything had finished; nothing was written.", err=True)
        raise typer.Exit(130) from None


def _run_and_report(
    experiment: Experiment,
    walk_forward: bool,
    jobs: int | None,
    tracking_uri: str | None,
    no_track: bool,
    report_folder: Path,
    as_json: bool,
) -> None:
    import json
    import os

    from research.plan import plan
    from research.run import run
    from research.tracking import resolve_uri
    from research.trials.ledger import TrialLedger, ledger_path

    # Names and bounds are checked before anything is generated, read or written.
    plan(experiment, walk_forward)
    console = console_for(quiet=as_json)
    from arena.jit import compiled_before

    if not compiled_before():
        console.print("First run of this version: compiling the kernels takes about half a minute, once.")
    with bar_on(console) as bar:
        result = run(
            experiment,
            walk_forward=walk_forward,
            jobs=jobs or os.cpu_count() or 1,
            progress=progress_on(bar),
            ledger=TrialLedger(ledger_path(resolve_uri(tracking_uri))),
        )
        from research.report.document import to_json
        from research.report.html import write_report
        from research.report.terminal import print_summary

        task = bar.add_task("report", total=2)
        stamp = result.experiment.digest[:8]
        path = write_report(result, report_folder / f"{experiment.name}-{result.data.name}-{stamp}.html")
        bar.update(task, advance=1, description="tracking")
        tracked = None
        if not no_track:
            from research.tracking import log_run

            tracked = log_run(result, path, tracking_uri)
            # Only now is there a run to point at.
            write_report(result, path, tracked.url_hint.split()[0])
        bar.update(task, advance=1)
    if as_json:
        sys.stdout.write(json.dumps(to_json(result, path, tracked.run_id if tracked else None), indent=2) + "\n")
    else:
        print_summary(result, console, path, tracked.url_hint if tracked else "not tracked (--no-track)")
    if result.interrupted:
        raise typer.Exit(130)


def main() -> None:
    """Entry point of the ``arena-backtest`` command."""
    app()
