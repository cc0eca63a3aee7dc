"""Building tapes from a catalog: speed of one day, and the peak memory of streaming one to thirty."""

from __future__ import annotations

from arena.lab.config import LabConfig
from arena.market.build import build_tape
from arena.market.tape import Tape
from arena.market.windows import find_windows
from benchmarks.lab import MARKET, LabMarket
from benchmarks.measure import Figure, in_child, timed
from benchmarks.rows import Row, Sizes
from research.lab_store import lab_catalog

_BUDGET_MIB = 3 * 1024.0
_MONTH_S, _MONTH_MIB = 60.0, 6 * 1024.0
_STATED_HFTBACKTEST_MIB = 180.0 * 1024.0


def run(sizes: Sizes, lab: LabMarket) -> list[Row]:
    """Rows and ticks per second of a day, and memory by number of days."""
    catalog = lab.catalog(lab.days)
    windows = find_windows(catalog, MARKET, None, None).head(288)
    seconds, (tape, _) = timed(lambda: build_tape(catalog, MARKET, windows), sizes.runs)
    span = int(windows["open_ns"][0]), int(windows["close_ns"][-1])
    tables = ("spot", "binary_quotes", "oracle")
    n_rows = sum(
        catalog.scan(name, asset="BTC", start_ns=span[0], end_ns=span[1]).select("recv_ns").collect().height
        for name in tables
    )
    n_ticks = tape.ticks.shape[0]
    what = f"tape of a day from Parquet, {n_rows:,} rows to {n_ticks:,} ticks"
    return [
        Row("tape", what, "rows/s", seconds.rate(n_rows), note=f"{seconds.median:.2f} s a day"),
        Row("tape", what, "ticks/s", seconds.rate(n_ticks), note=f"one day in memory {_mib(tape):.0f} MiB"),
        *_coins(sizes, lab),
        *_memory(sizes, lab),
    ]


def _mib(tape: Tape) -> float:
    return (tape.ticks.nbytes + tape.windows.nbytes + sum(a.nbytes for a in tape.books)) / 2**20


def _coins(sizes: Sizes, lab: LabMarket) -> list[Row]:
    """The tapes of the longest span for three coins: how long, and at what peak memory."""
    catalog = lab_catalog(LabConfig(days=sizes.days, assets=("BTC", "ETH", "SOL")), lab.folder)
    days = max(sizes.spans)
    found = in_child("tape_of_coins", str(catalog.path), str(days))
    month = days == 30
    what = f"tapes of {found['coins']} coins, {days} day{'s' * (days > 1)} each, {found['ticks']:,} ticks"
    again = f"the lab's {sizes.days} days over and over" if days > sizes.days else ""
    return [
        Row("tape", what, "s", Figure.single(found["seconds"]), budget=_MONTH_S if month else None, note=again),
        Row(
            "tape", what, "MiB", Figure.single(found["mib"]), budget=_MONTH_MIB if month else None, note="whole process"
        ),
    ]


def _memory(sizes: Sizes, lab: LabMarket) -> list[Row]:
    """Peak of a process that streams some days; the month repeats the days of the shared market."""
    catalog = lab.catalog(lab.days)
    rows = []
    for days in sizes.spans:
        found = in_child("tape_memory", str(catalog.path), str(days))
        month = days == 30
        note = f"whole process; {found['kept_mib']:,.0f} MiB of it are the candidates of a 200-configuration grid"
        if days > lab.days:
            note += f"; the lab's {lab.days} days over and over"
        rows.append(
            Row(
                "tape",
                f"peak memory, {days} day{'s' * (days > 1)} streamed into a sweep's candidates",
                "MiB",
                Figure.single(found["mib"]),
                "hftbacktest #262, 30 days" if month else "",
                Figure.single(_STATED_HFTBACKTEST_MIB) if month else None,
                month,
                budget=_BUDGET_MIB if month else None,
                note=note,
            )
        )
    return rows
