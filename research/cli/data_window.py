"""``arena-data window``: a picture of one window."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def window(
    market_id: Annotated[str, typer.Argument(metavar="MARKET", help="The window, e.g. btc-updown-5m-1776081600.")],
    catalog: Annotated[
        str, typer.Option("--catalog", metavar="CATALOG", help="Folder, name under data/, or s3://...")
    ] = "data/recorded",
    source: Annotated[str | None, typer.Option(help="Recorder of the quotes; default: the one with most.")] = None,
    spot_source: Annotated[str | None, typer.Option(help="Recorder of the spot prices; default: all.")] = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Default: reports/MARKET.html.")] = None,
) -> None:
    """Draw one window: spot and settlement feed against the strike, book and fair value, trades, payout.

    Example: arena-data window btc-updown-5m-1776081600 --catalog data/recorded
    """
    from research.cli.catalogs import open_catalog
    from research.report.window import write_window
    from research.window import view_window

    view = view_window(open_catalog(catalog), market_id, source=source, spot_source=spot_source)
    path = write_window(view, out or Path("reports") / f"{market_id}.html")
    ended = view.outcome.upper() if view.outcome else "with an unknown outcome"
    typer.echo(
        f"{path}: {market_id} ended {ended}; {view.quotes.height:,} books, {view.trades.height:,} trades, "
        f"{view.spot.height:,} spot updates"
    )
