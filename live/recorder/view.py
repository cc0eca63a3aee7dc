"""What a person sees while the recorder runs: a table that is redrawn, or one line per interval in a log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from live.recorder.status import FeedStatus, Status

if TYPE_CHECKING:
    from rich.console import Group, RenderableType
    from rich.table import Table

STALE_S = 10.0
"""A feed that said nothing for longer is shown in yellow."""


def title(assets: Sequence[str], intervals: Sequence[str], to: str) -> str:
    """One line that says what is recorded, and where to."""
    return f"{' '.join(assets)} · {' '.join(intervals)} windows · {to}"


def render(status: Status, heading: str) -> Group:
    """The whole view, redrawn from one status."""
    from rich.console import Group
    from rich.panel import Panel

    left = "until stopped" if status.left_s is None else f"{span(status.left_s)} left"
    parts: list[RenderableType] = [_feeds(status.feeds), _facts(status)]
    parts += [f"[yellow]! {_escape(notice)}[/]" for notice in status.notices]
    return Group(
        Panel(
            Group(*parts),
            title=f"[bold]recording[/] {_escape(heading)}",
            subtitle=f"{span(status.elapsed_s)} · {left} · Ctrl-C ends it cleanly",
            border_style="yellow" if status.notices else "green",
            padding=(0, 1),
        )
    )


def line(status: Status) -> str:
    """The status as one line of a log file."""
    wired = [f.is_open for f in status.feeds if f.is_open is not None]
    rate = sum(f.rate_per_s for f in status.feeds)
    parts = [
        f"{span(status.elapsed_s)}",
        f"{sum(wired)}/{len(wired)} feeds up",
        f"{rate:,.0f} msg/s",
        f"{status.frames_kept:,} frames",
        f"{status.raw_bytes / 1e6:,.1f} MB raw",
        f"{sum(status.rows.values()):,} rows",
        f"tables {status.behind_s:.1f} s behind",
        f"{sum(f.gaps for f in status.feeds)} gaps",
        f"{sum(f.reconnects for f in status.feeds)} reconnects",
        f"{sum(f.bad for f in status.feeds)} bad",
        f"clock {_clock(status)}",
        f"{status.disk_free_bytes / 1e9:,.0f} GB free",
    ]
    return ", ".join(parts) + "".join(f" | {notice}" for notice in status.notices)


def span(seconds: float) -> str:
    """Seconds as hours, minutes and seconds.

    >>> span(3_725)
    '1:02:05'
    """
    minutes, s = divmod(int(seconds), 60)
    hours, m = divmod(minutes, 60)
    return f"{hours}:{m:02d}:{s:02d}"


def _feeds(feeds: Sequence[FeedStatus]) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, expand=True, pad_edge=False)
    for name in ("feed", "", "msg/s", "messages", "age", "lag (median)", "gaps", "reconnects", "watchdog", "bad"):
        table.add_column(name, justify="left" if name in ("feed", "") else "right", no_wrap=True)
    for feed in feeds:
        state = "" if feed.is_open is None else "[green]●[/]" if feed.is_open else "[red]●[/]"
        table.add_row(
            feed.name,
            state,
            f"{feed.rate_per_s:,.1f}",
            f"{feed.messages:,}",
            _age(feed.age_s, feed.is_open is not None),
            "" if feed.lag_ms is None else f"{feed.lag_ms:,.0f} ms",
            *(_count(n, "yellow") for n in (feed.gaps, feed.reconnects, feed.silent)),
            _count(feed.bad, "red"),
        )
    return table


def _facts(status: Status) -> Table:
    from rich.table import Table

    rows = sorted(status.rows.items(), key=lambda item: -item[1])
    low = status.disk_free_bytes < 2 * status.reserve_bytes
    free = f"{status.disk_free_bytes / 1e9:,.1f} GB free"
    opens = f"{status.next_window} in {span(status.next_open_s)}" if status.next_window else "none"
    resolves = "" if status.resolution_s is None else f", outcomes {status.resolution_s:.0f} s after the close"
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column()
    table.add_row("next window", f"{opens}, listening to {status.markets}, {status.unresolved} unresolved{resolves}")
    table.add_row("tables", "  ".join(f"{name} {count:,}" for name, count in rows) or "nothing yet")
    table.add_row(
        "raw log",
        f"{status.frames_kept:,} frames, {status.raw_bytes / 1e6:,.1f} MB, tables {status.behind_s:.1f} s behind",
    )
    table.add_row("clock", _clock(status))
    if status.last_refusal:
        table.add_row("last bad frame", f"[red]{_escape(status.last_refusal)}[/]")
    table.add_row(
        "machine",
        f"[{'red' if low else 'none'}]{free}[/], {status.peak_rss_bytes / 1e6:,.0f} MB memory, "
        f"worst stall {status.worst_stall_ms:,.0f} ms",
    )
    return table


def _clock(status: Status) -> str:
    clock = status.clock
    if clock is None:
        return "not measured yet"
    side = "ahead of" if clock.offset_ms >= 0 else "behind"
    return f"{abs(clock.offset_ms):,.0f} ms {side} {clock.server} (±{clock.error_ms:,.0f} ms)"


def _age(age_s: float | None, talks: bool) -> str:
    if age_s is None:
        return ""
    text = f"{age_s:.1f} s" if age_s < 100 else span(age_s)
    return f"[yellow]{text}[/]" if talks and age_s > STALE_S else text


def _count(number: int, colour: str) -> str:
    return f"[{colour}]{number:,}[/]" if number else "[dim]0[/]"


def _escape(text: str) -> str:
    from rich.markup import escape

    return escape(text)
