"""``arena-data lab``: markets whose truth is known."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from arena.errors import ConfigError, DataError

if TYPE_CHECKING:
    from arena.lab.config import LabConfig
    from arena.lab.recorded import Observations

DATA = Path("data")
"""Default folder of catalogs."""


def lab(
    days: Annotated[int | None, typer.Option(min=1, max=120, help="Days to generate.  [default: 7]")] = None,
    mode: Annotated[
        str | None,
        typer.Option(help="efficient = no edge for anybody; lagged = the maker is late.  [default: lagged]"),
    ] = None,
    lag_ms: Annotated[
        int | None, typer.Option(min=0, help="How late the maker is in lagged mode, ms.  [default: 1500]")
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Same seed, same market.  [default: 1]")] = None,
    assets: Annotated[str | None, typer.Option(help="Coins: BTC,ETH,SOL (their prices move together).")] = None,
    intervals: Annotated[str | None, typer.Option(help="Window lengths: 5m,15m.  [default: 5m]")] = None,
    depth: Annotated[int | None, typer.Option(min=0, max=10, help="Levels a side in the book's lists.")] = None,
    trades: Annotated[bool, typer.Option("--trades", help="Takers hit the book and print trades.")] = False,
    wallets: Annotated[
        bool, typer.Option("--wallets", help="The trades are wallets'; some know more. Includes --trades.")
    ] = False,
    related: Annotated[bool, typer.Option("--related", help="Price bands of the day beside the windows.")] = False,
    config: Annotated[
        Path | None, typer.Option("--config", metavar="FILE.toml", help="Any setting of the lab; options win.")
    ] = None,
    path_from: Annotated[
        str | None,
        typer.Option(metavar="CATALOG[:SOURCE[/VENUE]]", help="Recorded prices under simulated venues and books."),
    ] = None,
    faults: Annotated[str | None, typer.Option(help="Break the recording on purpose: standard.")] = None,
    to: Annotated[Path | None, typer.Option("--to", metavar="CATALOG", help="Default: data/<name of the lab>.")] = None,
) -> None:
    """Generate a market whose truth is known, as a catalog.

    A strategy that earns in an efficient market is wrong; one that earns nothing against a late maker is
    too slow or blind. What is true is printed, and kept with the catalog (`arena-data show`).

    Every setting has a default with its source. A TOML file sets any of them, groups as tables:

    \b
        assets = ["BTC", "ETH"]
        sigma = 0.6
        [takers]
        rate = 2.0
        [related]
        mispricing = 0.08

    \b
    arena-data lab --days 7 --mode lagged --seed 1
    arena-data lab --days 30 --assets BTC,ETH,SOL --intervals 5m,15m
    arena-data lab --mode efficient --trades --wallets --related
    arena-data lab --path-from data/recorded:ligengxin96 --mode efficient
    arena-data lab --days 2 --faults standard
    """
    from research.lab_settings import lab_config, read_settings, recorded_market

    settings: dict[str, Any] = read_settings(config) if config is not None else {}
    chosen = {"days": days, "mode": mode, "lag_ms": lag_ms, "seed": seed, "depth_levels": depth}
    settings |= {name: value for name, value in chosen.items() if value is not None}
    if assets is not None:
        settings["assets"] = [name.strip().upper() for name in assets.split(",")]
    if intervals is not None:
        settings["intervals_s"] = [_seconds(text.strip()) for text in intervals.split(",")]
    for name, wanted in (("takers", trades or wallets), ("wallets", wallets), ("related", related)):
        if wanted:
            settings.setdefault(name, {})
    market: LabConfig = lab_config(settings, str(config) if config is not None else "the options")
    seen: dict[str, Observations] | None = None
    if path_from is not None:
        market, seen = recorded_market(market, path_from, settings.get("days"))
    _write(market, seen, faults, to)


def _write(market: LabConfig, seen: dict[str, Observations] | None, faults: str | None, to: Path | None) -> None:
    import time

    from arena.lab.faults import NAMED
    from arena.market.catalog import MANIFEST
    from research.cli.screen import console_for
    from research.lab_store import write_faulty_lab, write_lab

    if faults is not None and faults not in NAMED:
        raise ConfigError(f"there is no fault set {faults!r}; there is {', '.join(NAMED)}.")
    path = to or DATA / (market.name if faults is None else f"{market.name}-{faults}")
    if (path / MANIFEST).is_file():
        raise DataError(f"{path} is there already; remove it, or choose another place with --to.")
    console = console_for()
    began = time.perf_counter()
    rows: dict[str, int] = {}
    with console.status(f"generating {market.days} days") as status:

        def written(table: str, n: int) -> None:
            rows[table] = rows.get(table, 0) + n
            status.update(", ".join(f"{name} {count:,}" for name, count in rows.items()))

        if faults is None:
            write_lab(market, path, seen, written)
            ledger = None
        else:
            ledger = write_faulty_lab(market, NAMED[faults], path, seen, written)
    took = time.perf_counter() - began
    console.print(f"{path}  {market.days} days in {took:.1f} s: {market.truth}", soft_wrap=True)
    console.print("  ".join(f"{name} {count:,}" for name, count in rows.items()), soft_wrap=True)
    if ledger is not None:
        console.print(f"{NAMED[str(faults)].text}; where: {ledger}", soft_wrap=True)


def _seconds(text: str) -> int:
    """A window length: ``5m``, ``1h`` or seconds."""
    scale = {"s": 1, "m": 60, "h": 3600}
    number, unit = (text[:-1], text[-1]) if text[-1:] in scale else (text, "s")
    if not number.isdigit():
        raise ConfigError(f"{text!r} is not a window length; write 5m, 15m, 1h or seconds.")
    return int(number) * scale[unit]
