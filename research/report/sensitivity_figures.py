"""Figures of what the edge needs: its return against latency, cost and levers, and the bankroll it builds."""

from __future__ import annotations

import math

import numpy as np

from research.report import theme
from research.report.measures import F8, thin
from research.report.needs import NO_BET
from research.report.text import number, percent
from research.report.theme import Figure, Layout, Trace, axis, label, layout, times, values
from research.result import RunResult, WalkForward
from research.sensitivity import Curve

_POINTS = 1500


def latency(result: RunResult) -> Figure:
    """Return per window against the network's travel time."""
    title = "Return against latency"
    if (walk := _with_bets(result)) is None:
        return Figure("latency", title, "", empty=NO_BET)
    curve = walk.evidence.sensitivity.latency
    if curve is None:
        return Figure("latency", title, "", empty="Under execution touch orders do not travel; run with latency.")
    margin = result.experiment.gates.latency.margin_ms
    caption = (
        "The walk-forward's own choices, replayed with every order that much slower or faster on its way; the venue's "
        f"delay comes on top. Diamond: the run's own {curve.said(curve.base)}; shaded: the {margin:g} ms more that the "
        f"policy asks for. {_doubt(curve, curve.said(curve.base))} It misleads in one way above all: nobody answers "
        "here. A slower line meets the book as it was recorded, not as it would be with others racing for the same "
        "quote, and a configuration chosen for that line might do better."
    )
    return _against(curve, "latency", title, caption, axis("one-way travel time, ms"), margin)


def cost(result: RunResult) -> Figure:
    """Return per window against multiples of the cost."""
    title = "Return against cost"
    if (walk := _with_bets(result)) is None:
        return Figure("fees", title, "", empty=NO_BET)
    curve = walk.evidence.sensitivity.cost
    multiple = result.experiment.gates.costs.multiple
    caption = (
        f"The same choices and fills, charged a multiple of {curve.unit.removeprefix('times ')}. Diamond: what the run "
        f"was charged; shaded: up to the {multiple:g} times that the policy asks for. "
        f"{_doubt(curve, 'what it was charged')} Spread and slippage are in every point, because they are in the "
        "fills. A dearer venue would also be quoted wider and chosen for otherwise, which no replay knows."
    )
    return _against(curve, "fees", title, caption, axis(curve.unit, tickformat=".2~f"), multiple - 1.0)


def levers(result: RunResult) -> tuple[Figure, ...]:
    """Return per window with one lever moved: a small plot per lever, all on one scale."""
    if (walk := _with_bets(result)) is None:
        return ()
    curves = walk.evidence.sensitivity.levers
    if not curves:
        return ()
    scale = _reach(curves)
    return tuple(
        Figure(
            f"lever_{curve.name}",
            curve.name,
            "",
            (*_band(curve), _line(curve, "%{x:+.0%} of the range"), _base(curve)),
            layout(
                xaxis=axis(tickvals=[-0.25, 0, 0.25], ticktext=["−25%", "0", "+25%"], range=[-0.29, 0.29]),
                yaxis=axis(range=scale, tickformat=".0%", nticks=5),
                shapes=[_zero()],
                showlegend=False,
                margin={"l": 40, "r": 16, "t": 8, "b": 24},
            ),
            height=170,
            bare=True,
        )
        for curve in curves
    )


LEVERS_CAPTION = (
    "One lever at a time moved by a share of the range that the grid searched, the others as chosen; the return per "
    "window on one scale, the unmoved result in the middle. A plateau is what a real edge looks like. A peak in the "
    "middle with nothing beside it is what a fitted one looks like. A flat line says that the lever decides nothing "
    "here, also where it already stands at the end of its range. The points share their windows: read the shape, not "
    "single points."
)


def bankroll(result: RunResult) -> Figure:
    """Bankroll of a half-Kelly bettor over time, with the line that luck alone seldom crosses."""
    title = "Bankroll of a half-Kelly bettor"
    walk = _with_bets(result)
    found = walk.evidence.bankroll if walk is not None else None
    if walk is None or found is None:
        why = NO_BET if result.walk_forward is not None else "Presets only: nothing was held out to bet on."
        return Figure("bankroll", title, "", empty=why, wide=True)
    oos = walk.out_of_sample
    settled = result.prepared.windows["settle_ns"][oos.rows[oos.won >= 0]]
    decades = found.log_values / math.log(10.0)
    target = -math.log10(found.alpha)
    rows = thin(decades, _POINTS)
    low, high = min(float(decades.min()), 0.0), max(float(decades.max()), target)
    pad = 0.06 * (high - low)
    line = {"type": "line", "xref": "paper", "x0": 0, "x1": 1}
    traces: list[Trace] = [
        {"type": "scatter", "mode": "lines", "x": times(settled[rows]), "y": values(decades[rows])}
        | {"line": {"color": theme.SUBJECT, "width": 1.6, "shape": "hv"}, "showlegend": False}
        | {"customdata": [_times(x) for x in decades[rows].tolist()], "hovertemplate": "%{customdata}<extra></extra>"}
    ]
    said = "It never got there."
    if found.crossed is not None:
        k = found.crossed
        said = f"It got there after {k + 1:,} of {found.log_values.size:,} bets (diamond)."
        traces.append(
            {"type": "scatter", "mode": "markers", "x": times(settled[k : k + 1]), "y": values(decades[k : k + 1])}
            | {"marker": _DIAMOND, "showlegend": False, "hoverinfo": "skip"}
        )
    return Figure(
        "bankroll",
        title,
        f"Starts at 1 and stakes half of Kelly on the probability that the model stated, at the price and fee of each "
        f"bet; logarithmic. If every bet were fair, it would reach {1 / found.alpha:g} (dashed) with probability "
        f"{percent(found.alpha, 0)} at most, however often one looks and whenever one stops: the test is valid at any "
        f"time. {said} A low bankroll proves nothing: a good strategy that overstates its edge can ruin this bettor. "
        "What was tried before is not in it.",
        tuple(traces),
        layout(
            xaxis=axis(type="date", showgrid=False),
            yaxis=axis("bankroll (log)", range=[low - pad, high + pad], **_decade_ticks(low, high)),
            shapes=[
                line | {"y0": target, "y1": target, "line": {"color": theme.ORANGE, "width": 1.2, "dash": "dash"}},
                line | {"y0": 0, "y1": 0, "line": {"color": theme.INK, "width": 1, "dash": "dot"}},
            ],
            annotations=[
                label(f"{1 / found.alpha:g}", 1, target, yref="y", xanchor="right", yanchor="bottom")
                | {"font": {"size": 11, "color": theme.ORANGE}}
            ],
        ),
        height=300,
        wide=True,
    )


_DIAMOND = {"symbol": "diamond", "size": 12, "color": theme.ORANGE, "line": {"color": "#fff", "width": 1.5}}


def _with_bets(result: RunResult) -> WalkForward | None:
    """The walk-forward, if it made a bet."""
    walk = result.walk_forward
    return walk if walk is not None and (walk.out_of_sample.won >= 0).any() else None


def _against(curve: Curve, key: str, title: str, caption: str, xaxis: Layout, margin: float) -> Figure:
    """Return per window against one condition, with the run's own setting and where the edge breaks."""
    breaks, last = curve.breaks_at, float(curve.at[-1])
    at = {"type": "line", "yref": "paper", "y0": 0, "y1": 1}
    shapes = [
        {"type": "rect", "yref": "paper", "x0": curve.base, "x1": curve.base + margin, "y0": 0, "y1": 1}
        | {"fillcolor": theme.BAND, "line": {"width": 0}, "layer": "below"},
        _zero(),
    ]
    notes = []
    if math.isfinite(breaks):
        shapes.append(at | {"x0": breaks, "x1": breaks, "line": {"color": theme.RED, "width": 1.2, "dash": "dash"}})
        side = "right" if breaks > 0.7 * last else "left"
        text = f"stops earning at {curve.said(breaks)}" if breaks > curve.base else "earns nothing"
        notes.append(
            label(f" {text} ", breaks, 1, xref="x", xanchor=side, yanchor="top")
            | {"font": {"size": 11, "color": theme.RED}}
        )
    return Figure(
        key,
        title,
        caption,
        (*_band(curve), _line(curve, f"%{{x}} {curve.unit}"), _base(curve)),
        layout(
            xaxis={**xaxis, "range": [float(curve.at[0]) - 0.02 * last, 1.02 * last], "zeroline": False},
            yaxis=axis("return per window", tickformat=".0%", range=_reach([curve]), nticks=7),
            shapes=shapes,
            annotations=notes,
            showlegend=False,
        ),
        height=320,
    )


def _doubt(curve: Curve, own: str) -> str:
    """How far the band can be told from nothing."""
    interval = "The band is a 95 % interval (Newey-West) for each point by itself"
    if math.isinf(curve.doubtful_from):
        return f"{interval}; it stays above zero throughout from {own} on."
    if curve.doubtful_from == curve.base:
        return f"{interval}; it includes zero already at {own}."
    return f"{interval}; it includes zero from {curve.said(curve.doubtful_from)} on."


def _reach(curves: list[Curve] | tuple[Curve, ...]) -> list[float]:
    """One range that holds the bands of all curves, and zero."""
    low = min(0.0, *(float(c.lower.min()) for c in curves))
    high = max(0.0, *(float(c.upper.max()) for c in curves))
    pad = 0.05 * (high - low) or 0.01
    return [low - pad, high + pad]


def _band(curve: Curve) -> tuple[Trace, Trace]:
    edge = {"type": "scatter", "mode": "lines", "x": values(curve.at), "line": {"width": 0}, "hoverinfo": "skip"}
    return (
        edge | {"y": values(curve.lower), "showlegend": False},
        edge | {"y": values(curve.upper), "showlegend": False, "fill": "tonexty", "fillcolor": "rgba(11,95,165,0.13)"},
    )


def _line(curve: Curve, setting: str) -> Trace:
    told = np.column_stack([curve.bets, curve.lower, curve.upper])
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "x": values(curve.at),
        "y": values(curve.mean),
        "customdata": [values(row) for row in told],
        "line": {"color": theme.SUBJECT, "width": 2},
        "marker": {"size": 6, "color": [theme.RED if m <= 0.0 else theme.SUBJECT for m in curve.mean]},
        "hovertemplate": (
            f"{setting}: %{{y:+.2%}} per window<br>95 %% %{{customdata[1]:+.2%}} to %{{customdata[2]:+.2%}}, "
            "%{customdata[0]:,} bets<extra></extra>"
        ).replace("%%", "%"),
        "showlegend": False,
    }


def _base(curve: Curve) -> Trace:
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [curve.base],
        "y": values([curve.value(curve.base)]),
        "marker": _DIAMOND,
        "hoverinfo": "skip",
        "showlegend": False,
    }


def _zero() -> Layout:
    return {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": 0, "y1": 0} | {
        "line": {"color": theme.INK, "width": 1, "dash": "dot"}
    }


def _decade_ticks(low: float, high: float) -> Layout:
    """Ticks of a log scale whose axis counts decades: by 1, 2 and 5 within a few of them, by powers of ten beyond."""
    first, last = math.floor(low), math.ceil(high)
    if last - first <= 4:
        at: F8 = np.array([d + math.log10(m) for d in range(first, last + 1) for m in (1, 2, 5)])
    else:
        at = np.arange(first, last + 1, math.ceil((last - first) / 8), dtype=np.float64)
    return {"tickvals": values(at, 8), "ticktext": [_times(x) for x in at.tolist()]}


def _times(decades: float) -> str:
    """A bankroll of ten to the ``decades``."""
    return number(10.0**decades, 3) if -3.0 <= decades < 6.0 else f"10<sup>{decades:.3g}</sup>"
