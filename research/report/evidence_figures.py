"""Figures of the evidence: calibration, overfitting, and which lever settings paid."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from arena.strategies.base import Lever
from arena.validation.calibration import ReliabilityCurve
from research.report import theme
from research.report.measures import F8, heat_map, lever_shares
from research.report.text import percent
from research.report.theme import Figure, Layout, Trace, axis, label, layout, values
from research.result import RunResult

_MARKET = "market mid"


def calibration(result: RunResult) -> Figure:
    """Reliability of the market's mid and of each preset's model, one panel each."""
    title = "Calibration"
    rated = [(p.name, p.calibration) for p in result.presets if p.calibration is not None]
    if not rated:
        return Figure(
            "calibration", title, "", empty="No window had both a model probability and an official outcome.", wide=True
        )
    first = rated[0][1]
    panels = [(_MARKET, first.market_curve, first.market_brier, theme.MUTED)]
    for k, (name, c) in enumerate(rated):
        panels.append((f"model, {name}", c.model_curve, c.model_brier, theme.PRESETS[k % len(theme.PRESETS)]))
    traces: list[Trace] = []
    axes: Layout = {}
    notes = []
    width = 1.0 / len(panels)
    for k, (name, curve, brier, colour) in enumerate(panels):
        traces += _panel(curve, colour, k)
        x0, x1 = k * width, (k + 1) * width - (0.045 if k + 1 < len(panels) else 0.0)
        suffix = "" if k == 0 else str(2 * k + 1)
        lower = str(2 * k + 2)
        axes[f"xaxis{suffix}"] = axis("forecast", domain=[x0, x1], range=[0, 1], dtick=0.25, anchor=f"y{lower}")
        axes[f"yaxis{suffix}"] = axis(
            "came true" if k == 0 else "", domain=[0.3, 1], range=[0, 1], dtick=0.25, anchor=f"x{suffix}"
        )
        axes[f"yaxis{lower}"] = axis("windows" if k == 0 else "", domain=[0, 0.2], nticks=3, anchor=f"x{suffix}")
        notes.append(
            label(f"<b>{name}</b>  Brier {brier:.4f}", x0, 1.02, xanchor="left", yanchor="bottom", align="left")
            | {"font": {"size": 12, "color": theme.INK}}
        )
    return Figure(
        "calibration",
        title,
        "Probability of UP at the middle of every window against what happened. A dot is a bin of forecasts; the bar "
        f"behind it is where {percent(first.model_curve.level, 0)} of perfectly calibrated forecasters would put it. "
        "Hollow dots left their bar. "
        "Bins with few windows have long bars and prove little, and a model can be calibrated and still know less than "
        "the price: compare Brier scores (lower is better) and the log-score gain.",
        tuple(traces),
        layout(annotations=notes, showlegend=False, margin={"l": 56, "r": 16, "t": 40, "b": 44}, **axes),
        height=400,
        wide=True,
        least_width=720,
    )


def _panel(curve: ReliabilityCurve, colour: str, k: int) -> list[Trace]:
    x = "x" if k == 0 else f"x{2 * k + 1}"
    y = "y" if k == 0 else f"y{2 * k + 1}"
    inside = (curve.frequency >= curve.lower) & (curve.frequency <= curve.upper)
    gaps = np.full(curve.lower.shape, np.nan)
    bars_x = np.column_stack([curve.mean_forecast, curve.mean_forecast, gaps]).ravel()
    bars_y = np.column_stack([curve.lower, curve.upper, gaps]).ravel()
    on = {"xaxis": x, "yaxis": y, "type": "scatter"}
    return [
        on | {"mode": "lines", "x": [0, 1], "y": [0, 1], "hoverinfo": "skip"}
        | {"line": {"color": "#c3cad2", "width": 1, "dash": "dot"}},
        on | {"mode": "lines", "x": values(bars_x), "y": values(bars_y), "hoverinfo": "skip", "opacity": 0.28}
        | {"line": {"color": colour, "width": 9}},
        on | {"mode": "lines+markers", "x": values(curve.mean_forecast), "y": values(curve.frequency)}
        | {"line": {"color": colour, "width": 1}, "customdata": curve.counts.tolist()}
        | {
            "marker": {
                "size": 8,
                "color": [colour if ok else "#ffffff" for ok in inside],
                "line": {"color": colour, "width": 2},
            },
            "hovertemplate": "said %{x:.1%}, came true %{y:.1%} in %{customdata} windows<extra></extra>",
        },
        {"type": "bar", "xaxis": x, "yaxis": f"y{2 * k + 2}", "x": values(curve.mean_forecast), "width": 0.06}
        | {"y": curve.counts.tolist(), "marker": {"color": colour, "opacity": 0.55}}
        | {"hovertemplate": "%{y} windows near %{x:.0%}<extra></extra>"},
    ]  # fmt: skip


def overfitting(result: RunResult) -> Figure:
    """Logits of the out-of-sample rank of the in-sample winner, and PBO against its null band."""
    title = "Probability of backtest overfitting"
    walk = result.walk_forward
    found = walk.evidence.overfitting if walk is not None else None
    if walk is None or found is None:
        why = "Presets only: nothing was selected." if walk is None else "The grid or the span is too small for CSCV."
        return Figure("pbo", title, "", empty=why)
    reach = max(float(np.abs(found.logits).max()), 1.0) * 1.001
    edges = np.linspace(-reach, reach, 41)
    counts, _ = np.histogram(found.logits, edges)
    middle = 0.5 * (edges[1:] + edges[:-1])
    traces: list[Trace] = [
        {
            "type": "bar",
            "x": values(middle),
            "y": values(counts / found.logits.size),
            "width": float(edges[1] - edges[0]),
        }
        | {"marker": {"color": [theme.RED if x < 0.0 else theme.BLUE for x in middle], "opacity": 0.8}}
        | {"customdata": counts.tolist()}
        | {"hovertemplate": "logit %{x:.2f}: %{customdata} splits, %{y:.1%}<extra></extra>", "showlegend": False}
    ]
    band = walk.evidence.null_band
    rows = {"yaxis": "y2", "xaxis": "x2", "type": "scatter", "showlegend": False}
    if band is not None:
        traces += [
            rows | {"mode": "markers", "x": values(band.draws), "y": [0] * band.draws.size, "hoverinfo": "skip"}
            | {"marker": {"symbol": "line-ns-open", "size": 10, "color": "rgba(102,114,127,0.35)"}},
            rows | {"mode": "lines", "x": values([band.quantile_05, band.quantile_95]), "y": [0, 0]}
            | {"line": {"color": theme.MUTED, "width": 5}}
            | {"hovertemplate": "no skill: 5 % to 95 % of PBO<extra></extra>"},
            rows | {"mode": "markers", "x": values([band.quantile_50]), "y": [0]}
            | {"marker": {"symbol": "line-ns-open", "size": 20, "color": theme.INK, "line": {"width": 2}}}
            | {"hovertemplate": "no skill: median %{x:.2f}<extra></extra>"},
        ]  # fmt: skip
    traces.append(
        rows
        | {"mode": "markers", "x": [found.pbo], "y": [0], "hovertemplate": "PBO %{x:.3f}<extra></extra>"}
        | {"marker": {"symbol": "diamond", "size": 13, "color": theme.ORANGE, "line": {"color": "#fff", "width": 1.5}}}
    )
    beside = (
        f"without skill 5 % of such grids fall below {band.quantile_05:.2f}, half below {band.quantile_50:.2f}, "
        f"95 % below {band.quantile_95:.2f}"
        if band is not None
        else "no null band was drawn"
    )
    return Figure(
        "pbo",
        title,
        f"<b>PBO {found.pbo:.3f}</b> over {found.logits.size:,} ways to halve {found.blocks} blocks of time, "
        f"{found.configurations:,} configurations; {beside}. Above: how the winner of one half ranked in the other; "
        "left of zero (red) it fell into the lower half. Below: PBO (diamond) on the band of grids without skill "
        "(grey). PBO speaks about the choosing, not about profit: a grid that always loses can have a low one.",
        tuple(traces),
        layout(
            xaxis=axis("logit of out-of-sample rank", range=[-reach, reach], anchor="y"),
            yaxis=axis("share of splits", domain=[0.42, 1], tickformat=".0%", nticks=5),
            xaxis2=axis("PBO", range=[-0.02, 1.02], domain=[0, 1], anchor="y2", dtick=0.25),
            yaxis2=axis(domain=[0, 0.16], visible=False, range=[-1, 1]),
            annotations=[
                label("grids without skill (grey) and this one (diamond)", 0, 0.2, xanchor="left", yanchor="middle")
            ],
            shapes=[
                {"type": "line", "x0": 0, "x1": 0, "yref": "y domain", "y0": 0, "y1": 1}
                | {"line": {"color": theme.INK, "width": 1, "dash": "dot"}}
            ],
        ),
        height=400,
    )


def parameters(result: RunResult) -> Figure:
    """Return per bet over the two levers that go with most of its spread over the grid."""
    title = "Which settings paid"
    walk = result.walk_forward
    if walk is None:
        return Figure("levers", title, "", empty="Presets only: no grid was searched.")
    shares = lever_shares(walk.grid, walk.sweep)
    if len(shares) < 2:
        return Figure("levers", title, "", empty="Fewer than two searched levers, or no configuration that bet.")
    x, y = (result.strategy.lever(share.name) for share in shares[:2])
    cells = heat_map(walk.grid, walk.sweep, x.name, y.name)
    flat = cells.mean_return[np.isfinite(cells.mean_return)]
    reach = float(np.quantile(np.abs(flat), 0.95)) or 1.0
    text = [
        [f"{percent(v, 1, sign=True)}<br><i>{n:,}</i>" if n else "" for v, n in zip(*pair, strict=True)]
        for pair in zip(cells.mean_return, cells.bets, strict=True)
    ]
    told = [
        [[int(b), int(c)] for b, c in zip(*pair, strict=True)]
        for pair in zip(cells.bets, cells.configurations, strict=True)
    ]
    trace: Trace = {
        "type": "heatmap",
        "x": _ranges(cells.x_edges),
        "y": _ranges(cells.y_edges),
        "z": [values(row) for row in cells.mean_return],
        "text": text,
        "texttemplate": "%{text}",
        "textfont": {"size": 11},
        "customdata": told,
        "colorscale": [list(stop) for stop in theme.DIVERGING],
        "zmid": 0,
        "zmin": -reach,
        "zmax": reach,
        "xgap": 2,
        "ygap": 2,
        "colorbar": {"tickformat": "+.0%", "thickness": 10, "outlinewidth": 0, "tickfont": {"size": 10}},
        "hovertemplate": (
            f"{x.name} %{{x}}<br>{y.name} %{{y}}<br>%{{z:+.2%}} per bet<br>"
            "%{customdata[0]:,} bets of %{customdata[1]} configurations<extra></extra>"
        ),
    }
    ranking = ", ".join(f"{share.name} {percent(share.share, 0)}" for share in shares[:4])
    return Figure(
        "levers",
        title,
        "Net return per bet over the whole span, pooled over the configurations of a cell (in sample). A plateau of "
        "one colour is sturdier than one bright cell. The small number counts bets: cells of few are noise. "
        "Configurations share windows, so neighbouring cells are not independent evidence. "
        f"Share of the spread that goes with each lever: {ranking}.",
        (trace,),
        layout(
            xaxis=axis(_titled(x), type="category", showgrid=False, tickfont={"size": 10, "color": theme.MUTED}),
            yaxis=axis(_titled(y), type="category", showgrid=False, tickfont={"size": 10, "color": theme.MUTED}),
            margin={"l": 60, "r": 8, "t": 30, "b": 48},
        ),
        height=400,
        least_width=520,
    )


def _titled(lever: Lever) -> str:
    return lever.name if lever.unit == "1" else f"{lever.name}, {lever.unit}"


def _ranges(edges: F8) -> list[str]:
    # Enough decimals to tell the narrowest bin's ends apart: equal labels would merge into one category.
    decimals = max(0, math.ceil(-math.log10(float(np.diff(edges).min()) / 2.0)))
    return [f"{a:.{decimals}f}–{b:.{decimals}f}" for a, b in pairwise(edges)]
