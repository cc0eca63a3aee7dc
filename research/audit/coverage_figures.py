"""Figures of coverage: when there is data, by month, by day, by hour of the day."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import polars as pl

from research.audit.coverage import day_hours, days
from research.audit.view import View
from research.report import theme
from research.report.theme import Figure, Layout, Trace, axis, layout

_SCALE = ((0.0, "#dcebf5"), (0.5, "#56a5d8"), (1.0, "#0b4f8a"))
_ROW_PX = 19
_DAYS_SHOWN = 200
"""Days of the calendar; older ones are in the months above it."""


def _heat(rows: list[str], columns: list[str], cells: dict[tuple[str, str], float], top: float, what: str) -> Trace:
    grid = [[cells.get((row, column)) for column in columns] for row in rows]
    return {
        "type": "heatmap",
        "x": columns,
        "y": rows,
        "z": grid,
        "zmin": 0.0,
        "zmax": top,
        "colorscale": [list(stop) for stop in _SCALE],
        "showscale": False,
        "xgap": 1,
        "ygap": 2,
        "hoverongaps": False,
        "hovertemplate": f"%{{y}}<br>%{{x}}: {what}<extra></extra>",
    }


def _heat_layout(**x_settings: Any) -> Layout:
    return layout(
        xaxis=axis(showgrid=False, zeroline=False, **x_settings),
        yaxis=axis(autorange="reversed", showgrid=False, zeroline=False, tickfont={"size": 10.5, "color": theme.INK}),
        margin={"l": 10, "r": 10, "t": 6, "b": 34},
    )


def months(view: View) -> Figure:
    """Days with data per month and stream."""
    covered = view.once(days)
    title = "Coverage by month"
    if covered.is_empty():
        return Figure("months", title, "", empty="The catalog holds no rows.", wide=True)
    counted = covered.group_by("stream", pl.col("day").dt.strftime("%Y-%m").alias("month"), maintain_order=True).len()
    held = covered["day"].to_list()
    first, last = min(held), max(held)
    span = [
        f"{m // 12}-{m % 12 + 1:02d}" for m in range(first.year * 12 + first.month - 1, last.year * 12 + last.month)
    ]
    rows = covered["stream"].unique(maintain_order=True).to_list()
    cells = {(stream, month): float(n) for stream, month, n in counted.iter_rows()}
    return Figure(
        "months",
        title,
        "Days of each month (UTC) with at least one row; the darker, the more. White: nothing was recorded.",
        (_heat(rows, span, cells, 31.0, "%{z} days"),),
        _heat_layout(type="category", nticks=14),
        height=_ROW_PX * len(rows) + 60,
        wide=True,
        bare=True,
        least_width=760,
    )


def calendar(view: View) -> Figure:
    """Hours with data per day and stream."""
    covered = view.once(days)
    title = "Coverage by day"
    if covered.is_empty():
        return Figure("calendar", title, "", empty="The catalog holds no rows.", wide=True)
    last = max(covered["day"].to_list())
    recent = covered.filter(pl.col("day") > last - timedelta(days=_DAYS_SHOWN))
    first = min(recent["day"].to_list())
    span = [str(first + timedelta(days=k)) for k in range((last - first).days + 1)]
    rows = recent["stream"].unique(maintain_order=True).to_list()
    cells = {(stream, str(day)): float(n) for stream, day, n, _ in recent.iter_rows()}
    older = covered["stream"].n_unique() - len(rows)
    return Figure(
        "calendar",
        title,
        f"Hours of each day (UTC) with at least one row, of the last {len(span)} days; dark is all 24."
        + (f" {older} streams end before that." if older else ""),
        (_heat(rows, span, cells, 24.0, "%{z} of 24 hours"),),
        _heat_layout(type="date"),
        height=_ROW_PX * len(rows) + 60,
        wide=True,
        bare=True,
        least_width=760,
    )


def clock_hours(view: View) -> Figure:
    """Which hours of the day a stream covers."""
    covered = view.once(day_hours)
    title = "Coverage by hour of the day"
    if covered.is_empty():
        return Figure("hours", title, "", empty="The catalog holds no rows.")
    rows = covered["stream"].unique(maintain_order=True).to_list()
    cells = {(stream, f"{hour:02d}"): 100.0 * share for stream, hour, share in covered.iter_rows()}
    return Figure(
        "hours",
        title,
        "Share of a stream's days with rows in the hour (UTC). A recording of some hours only says nothing about the "
        "others: volatility and books differ over the day.",
        (_heat(rows, [f"{h:02d}" for h in range(24)], cells, 100.0, "%{z:.0f} % of days"),),
        _heat_layout(type="category"),
        height=_ROW_PX * len(rows) + 60,
        bare=True,
        least_width=420,
    )
