"""``arena-data replay-l2``: recorded depth against recorded best prices."""

from __future__ import annotations

from typing import Annotated

import typer


def replay_l2(
    catalog: Annotated[str, typer.Argument(metavar="CATALOG", help="A catalog folder, or its name under data/.")],
) -> None:
    """Rebuild every recorded order book and compare it with the best prices recorded beside it.

    A check is made after every depth message that was applied: best bid and best ask must both be those of
    the last best-price update received by then.

    Example: arena-data replay-l2 data/recorded
    """
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from arena.market.book_check import check_books
    from research.cli.catalogs import open_catalog
    from research.cli.screen import console_for

    table = Table(box=SIMPLE_HEAD)
    for header in ("venue", "symbol", "source"):
        table.add_column(header)
    for header in ("rows", "messages", "old", "early", "gaps", "refused", "checks", "agreed"):
        table.add_column(header, justify="right")
    for check in check_books(open_catalog(catalog)):
        said = check.messages
        table.add_row(
            *(check.venue, check.symbol, check.source, f"{check.rows:,}", f"{sum(said.values()):,}"),
            *(f"{said.get(name, 0):,}" for name in ("old", "early", "gap", "bad_level")),
            *(f"{check.checks:,}", f"{check.agreement:.2%}" if check.checks else "no best prices"),
        )
    console_for().print(table)
