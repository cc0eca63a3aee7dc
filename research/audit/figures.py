"""Figures of feeds: how far they lie apart, how late they are, how old books get, what outcomes they contradict."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import polars as pl

from research.audit.basis import basis
from research.audit.books import ages
from research.audit.outcomes import BOUNDARY, recomputed
from research.audit.timing import delays
from research.audit.view import View
from research.report import theme
from research.report.theme import Figure, Trace, axis, layout, values

_COLOURS = (theme.BLUE, theme.ORANGE, theme.GREEN, theme.PURPLE, theme.SKY, theme.RED, theme.MUTED)


def basis_spread(view: View) -> Figure:
    """Distribution of oracle minus spot."""
    rows = view.once(basis)
    title = "Oracle minus spot"
    if rows.is_empty():
        return Figure("basis", title, "", empty="No oracle report and spot price of one moment are in this catalog.")
    low, high = (float(rows["bps"].quantile(q) or 0.0) for q in (0.002, 0.998))
    edges = np.linspace(low, high if high > low else low + 1.0, 81)
    traces: list[Trace] = []
    for k, ((name,), part) in enumerate(rows.group_by("subject", maintain_order=True)):
        share = np.histogram(part["bps"].to_numpy(), edges)[0] / part.height
        traces.append(
            {"type": "scatter", "mode": "lines", "name": str(name), "line": _line(k) | {"shape": "hvh"}}
            | {"x": values((edges[:-1] + edges[1:]) / 2.0), "y": values(share)}
            | {"hovertemplate": "%{x:.2f} bps: %{y:.1%}"}
        )
    return Figure(
        "basis",
        title,
        "Prices of one moment by the venues' own clocks. A strike on the oracle is compared with a price on the venue: "
        "the middle of its line is what every fair value is off by.",
        tuple(traces),
        layout(xaxis=axis("bps of spot"), yaxis=axis("share", tickformat=".0%"), legend=_below()),
        height=380,
    )


def basis_path(view: View) -> Figure:
    """Hourly median of oracle minus spot over time."""
    rows = view.once(basis)
    title = "Oracle minus spot, hour by hour"
    if rows.is_empty():
        return Figure("basis-path", title, "", empty="No oracle report and spot price of one moment are here.")
    hour = (pl.col("at_ns") // 3_600_000_000_000).alias("hour")
    hourly = rows.group_by("subject", hour).agg(pl.col("bps").median()).sort("subject", "hour")
    since = hourly.with_columns((pl.col("hour") - pl.col("hour").min().over("subject")).alias("since"))
    traces: list[Trace] = [
        {"type": "scatter", "mode": "lines+markers", "name": str(name), "line": _line(k), "marker": {"size": 4}}
        | {"x": part["since"].to_list(), "y": values(part["bps"].to_numpy())}
        | {"hovertemplate": "%{y:.2f} bps after %{x} h"}
        for k, ((name,), part) in enumerate(since.group_by("subject", maintain_order=True))
    ]
    return Figure(
        "basis-path",
        title,
        "Hourly medians, each pair of feeds from its own first hour on. A basis that wanders cannot be subtracted once "
        "and for all.",
        tuple(traces),
        layout(xaxis=axis("hours since the first pair"), yaxis=axis("bps of spot"), legend=_below()),
        height=380,
    )


_TICKS_MS = (-10_000, -1000, -100, -10, 0, 10, 100, 1000, 10_000, 60_000)


def _stretched(ms: float) -> float:
    """Milliseconds on an axis that is linear near zero and logarithmic far from it, on both sides."""
    return math.asinh(ms / 10.0)


def latencies(view: View) -> Figure:
    """How late each stream is: median and the middle 98 %."""
    rows = view.once(delays).filter("two_clocks").sort("p50", descending=True)
    title = "Receive minus venue time"
    if rows.is_empty():
        return Figure("latency", title, "", empty="No stream of this catalog was recorded with two clocks.")
    names = rows["subject"].to_list()
    p1, p50, p99 = (rows[name].to_list() for name in ("p1", "p50", "p99"))
    bars: list[Trace] = [
        {"type": "scatter", "mode": "lines", "x": [_stretched(a), _stretched(b)], "y": [name, name]}
        | {"line": {"color": theme.RED if a < 0 else theme.SKY, "width": 6}, "hoverinfo": "skip", "showlegend": False}
        for name, a, b in zip(names, p1, p99, strict=True)
    ]
    dots: Trace = {
        "type": "scatter", "mode": "markers", "x": [_stretched(x) for x in p50], "y": names, "showlegend": False,
        "marker": {"color": theme.INK, "size": 8},
        "text": [f"median {m:,.1f} ms<br>1 % {a:,.1f}, 99 % {b:,.1f} ms" for a, m, b in zip(p1, p50, p99, strict=True)],
        "hovertemplate": "%{y}<br>%{text}<extra></extra>",
    }  # fmt: skip
    ticks = [t for t in _TICKS_MS if min(*p1, 0.0) * 1.3 - 1 <= t <= max(p99) * 1.3 + 10]
    return Figure(
        "latency",
        title,
        "Dot: median; bar: 1 % to 99 %. Red reaches before zero: rows that arrived before they happened, by the "
        "venue's clock.",
        (*bars, dots),
        layout(
            xaxis=axis("ms", tickvals=[_stretched(t) for t in ticks], ticktext=[f"{t:,}" for t in ticks]),
            yaxis=axis(type="category", showgrid=False, tickfont={"size": 10.5, "color": theme.INK}),
        ),
        height=max(240, 24 * len(names) + 90),
        least_width=420,
    )


def book_ages(view: View) -> Figure:
    """How old the last book is as the close comes nearer."""
    rows = view.once(ages)
    title = "Age of the last book before the close"
    if rows.is_empty():
        return Figure("ages", title, "", empty="The catalog holds no books of binary markets.")
    age = pl.col("age_s")
    found = rows.group_by("subject", "left_s").agg(age.median().alias("mid"), age.quantile(0.9).alias("late"))
    traces: list[Trace] = []
    for k, ((name,), part) in enumerate(found.sort("subject", "left_s").group_by("subject", maintain_order=True)):
        for column, dash, shown in (("mid", "solid", True), ("late", "dot", False)):
            y = part[column].clip(lower_bound=0.01).to_numpy()
            traces.append(
                {"type": "scatter", "mode": "lines", "name": str(name), "legendgroup": str(name), "showlegend": shown}
                | {"line": _line(k) | {"dash": dash}, "x": part["left_s"].to_list(), "y": values(y)}
                | {"hovertemplate": "%{x} s left: %{y:.2f} s"}
            )
    marks = [2, 5, 10, 30, 60, 120, 300, 600]
    return Figure(
        "ages",
        title,
        "Solid: median over markets; dotted: 90 %. Until the first book, the age counts from the open. A change-only "
        "recording is also old when nothing changed.",
        tuple(traces),
        layout(
            xaxis=axis("seconds left", type="log", autorange="reversed", tickvals=marks, ticktext=marks),
            yaxis=axis("s", type="log", tickvals=[0.01, 0.1, 1, 10, 100], ticktext=["≤ 0.01", "0.1", "1", "10", "100"]),
            legend=_below(),
        ),
        height=400,
    )  # fmt: skip


_MOVES = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, math.inf)


def wrong_outcomes(view: View) -> Figure:
    """Share of contradicted outcomes by the size of the move."""
    rows = view.once(recomputed).filter(~pl.col("by").str.ends_with(BOUNDARY))
    title = "Outcomes that prices contradict, by the size of the move"
    names = pl.format("{} by {}", "subject", "by").alias("name")
    bins = np.searchsorted(_MOVES[1:-1], rows["move_bps"].abs().to_numpy(), side="right")
    judged = rows.with_columns(names, pl.Series("bin", bins)).filter(
        (~pl.col("agrees")).any().over("name") & (pl.len().over("name") >= 100)
    )
    if judged.is_empty():
        return Figure("wrong", title, "", empty="No feed with 100 windows contradicts an outcome.")
    most = judged.group_by("name").len().sort("len", descending=True).head(len(_COLOURS))["name"]
    judged = judged.filter(pl.col("name").is_in(most.implode()))
    shares = judged.group_by("name", "bin").agg((~pl.col("agrees")).mean().alias("share"), pl.len().alias("n"))
    labels = [f"{a:g}–{b:g}" if math.isfinite(b) else f"> {a:g}" for a, b in pairwise(_MOVES)]
    traces: list[Trace] = []
    for k, ((name,), part) in enumerate(shares.sort("name", "bin").group_by("name", maintain_order=True)):
        traces.append(
            {"type": "scatter", "mode": "lines+markers", "name": str(name), "line": _line(k)}
            | {"x": [labels[b] for b in part["bin"]], "y": values(part["share"].to_numpy())}
            | {"text": [f"{n:,} windows" for n in part["n"]], "hovertemplate": "%{x} bps: %{y:.1%} of %{text}"}
        )
    return Figure(
        "wrong",
        title,
        "The longest records only. A feed that is not the settling one is wrong where the move is of the size of the "
        "basis. Contradictions of large moves are faults.",
        tuple(traces),
        layout(
            xaxis=axis("move over the window, bps", type="category", categoryorder="array", categoryarray=labels),
            yaxis=axis("contradicted", tickformat=".0%", rangemode="tozero"),
            legend=_below(),
        ),
        height=400,
    )


def _line(k: int) -> dict[str, object]:
    return {"color": _COLOURS[k % len(_COLOURS)], "width": 1.8}


def _below() -> dict[str, object]:
    return {"orientation": "h", "x": 0, "y": -0.22, "yanchor": "top", "font": {"size": 10.5}}
