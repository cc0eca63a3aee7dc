"""The figures of a calibration: each fact, recorded against lab."""

from __future__ import annotations

import math

import numpy as np

from research.calibrate.run import Calibration, Compared, Extras
from research.report import theme
from research.report.text import number
from research.report.theme import Figure, Trace, axis, layout, values

RECORDED, FITTED, DEFAULT = theme.INK, theme.BLUE, theme.ORANGE


def fact_figure(found: Compared) -> Figure:
    """One fact: recording, lab by default, fitted lab."""
    fact = found.fact
    source = f"Recording: {found.source}, {int(found.recorded.n.max(initial=0)):,} observations at most per point."
    distances = (
        f"<b>Distance</b> ({fact.distance.value}): {number(found.after, 3)} fitted, {number(found.before, 3)} by "
        f"default, {number(found.held_out, 3)} held out; halves of the recording: {number(found.floor, 3)}."
    )
    known = np.isfinite(found.recorded.y).any()
    traces = (
        *_line("recorded", RECORDED, found.recorded.x, found.recorded.y, "solid", 3),
        *_line("lab, default", DEFAULT, found.default.x, found.default.y, "dot", 1.5),
        *_line("lab, fitted", FITTED, found.fitted.x, found.fitted.y, "solid", 2),
    )
    return Figure(
        fact.key,
        fact.title,
        f"{fact.note} {distances} {source}",
        traces if known else (),
        layout(
            xaxis=axis(fact.x, **({"type": "log", **_ticks(found.recorded.x)} if fact.log_x else {})),
            yaxis=axis(fact.y, **({"type": "log"} if fact.log_y else {"rangemode": "normal"})),
        ),
        empty="The catalog holds no recording of this.",
    )


def reaction(found: Calibration) -> Figure:
    """How late the book follows spot."""
    title = "How late the book follows spot"
    traces = []
    for name, colour, extras in (("recorded", RECORDED, found.recorded), ("lab, fitted", FITTED, found.lab)):
        curve = extras.reaction.curve
        top = np.nanmax(curve.y) if np.isfinite(curve.y).any() else math.nan
        traces += _line(name, colour, curve.x, curve.y / top, "solid", 2, "lines")
    return Figure(
        "reaction",
        title,
        "Lagged Hayashi–Yoshida covariance of mid and spot moves, over its highest point. "
        f"<b>Recording</b>: {found.recorded.reaction.says}. <b>Lab</b>: {found.lab.reaction.says}; its maker is "
        f"{found.config.maker_lag_ms / 1000:g} s late by setting. No distance is given: the recording cannot tell, and "
        "the setting is not fitted.",
        tuple(traces),
        layout(xaxis=axis("book later than spot by, s"), yaxis=axis("covariance over its peak")),
        empty="Nobody recorded books and spot side by side.",
    )


def reliability(found: Extras, name: str, key: str) -> Figure:
    """Reliability diagram with exact intervals at every share of the life left."""
    colours = (theme.BLUE, theme.ORANGE, theme.GREEN)
    traces: list[Trace] = [
        {"type": "scatter", "mode": "lines", "x": [0, 1], "y": [0, 1], "hoverinfo": "skip", "showlegend": False}
        | {"line": {"color": theme.MUTED, "width": 1, "dash": "dot"}}
    ]
    for colour, one in zip(colours, found.reliability, strict=True):
        curve = one.curve
        if not curve.n.any():
            continue
        traces.append(
            {"type": "scatter", "mode": "markers", "name": f"{one.life_left:.0%} of life left"}
            | {"x": values(curve.x), "y": values(curve.y), "marker": {"color": colour, "size": 7}}
            | {
                "error_y": {
                    "type": "data",
                    "symmetric": False,
                    "array": values(one.upper - curve.y),
                    "arrayminus": values(curve.y - one.lower),
                    "thickness": 1.2,
                    "width": 2,
                }
            }
        )
    return Figure(
        key,
        f"Mid against outcome: {name}",
        "Frequency of UP by mid of UP in ten bins, with exact 95 % intervals. On the diagonal, prices mean what they "
        "say.",
        tuple(traces) if len(traces) > 1 else (),
        layout(xaxis=axis("mid of UP", range=[0, 1]), yaxis=axis("frequency of UP", range=[0, 1], tickformat=".0%")),
        empty="No windows with official outcomes and quotes.",
    )


def _line(
    name: str, colour: str, x: np.ndarray, y: np.ndarray, dash: str, width: float, mode: str = "lines+markers"
) -> list[Trace]:
    if not np.isfinite(y).any():
        return []
    return [
        {"type": "scatter", "mode": mode, "name": name, "x": values(x), "y": values(y)}
        | {"line": {"color": colour, "width": width, "dash": dash}, "marker": {"size": 5, "color": colour}}
        | {"hovertemplate": f"{name}: %{{y:.4g}}<extra></extra>"}
    ]


def _ticks(x: np.ndarray) -> dict[str, object]:
    """The measured points as ticks of a logarithmic axis, thinned where they would touch."""
    shown: list[float] = []
    for at in sorted(x.tolist()):
        if not shown or at >= 1.7 * shown[-1]:
            shown.append(at)
    return {"tickvals": shown, "ticktext": [f"{at:g}" for at in shown]}
