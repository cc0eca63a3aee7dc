"""How figures look: one palette that survives colour blindness, one axis style, numbers short enough to ship."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

INK, MUTED, GRID, BAND = "#1f2933", "#66727f", "#e6e9ed", "#f3f5f7"
BLUE, ORANGE, GREEN, PURPLE, SKY, RED = "#0b5fa5", "#d9822b", "#1b8a6b", "#8c5aa8", "#56a5d8", "#b5452c"
SUBJECT = BLUE
"""Colour of the stitched out-of-sample account."""
PRESETS = (GREEN, ORANGE, PURPLE, SKY, MUTED)
"""Colours of the presets, in order (after Okabe & Ito)."""
DIVERGING = (
    (0.0, "#a6510f"),
    (0.25, "#e3a45c"),
    (0.5, "#f7f7f5"),
    (0.75, "#74add1"),
    (1.0, "#0b4f8a"),
)
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"

Trace = dict[str, Any]
Layout = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Figure:
    """One plot of the page.

    Attributes:
        key: id of its element.
        title: heading above it.
        caption: how to read it, and when it misleads.
        traces, layout: what plotly.js draws.
        height: px.
        empty: sentence shown in place of a plot without traces.
        wide: takes both columns of the page.
        bare: without the buttons above it.
        least_width: px; narrower screens scroll it sideways.
    """

    key: str
    title: str
    caption: str
    traces: tuple[Trace, ...] = ()
    layout: Layout = field(default_factory=dict)
    height: int = 340
    empty: str = ""
    wide: bool = False
    bare: bool = False
    least_width: int = 0


def values(array: npt.ArrayLike, digits: int = 5) -> list[float | None]:
    """A plain list for JSON: ``digits`` significant digits, None where not finite."""
    return [
        float(f"{x:.{digits}g}") if math.isfinite(x) else None for x in np.asarray(array, np.float64).ravel().tolist()
    ]


def times(ns: npt.ArrayLike) -> list[int]:
    """Times in ns UTC as plotly.js wants them: ms UTC."""
    ms: list[int] = (np.asarray(ns, np.int64) // 1_000_000).tolist()
    return ms


def axis(title: str = "", **settings: Any) -> dict[str, Any]:
    """An axis in the house style; ``settings`` are plotly's and win."""
    base: dict[str, Any] = {
        "gridcolor": GRID,
        "zerolinecolor": "#c3cad2",
        "linecolor": "#c3cad2",
        "tickfont": {"size": 11, "color": MUTED},
        "automargin": True,
    }
    if title:
        base["title"] = {"text": title, "font": {"size": 12, "color": MUTED}, "standoff": 8}
    return {**base, **settings}


def layout(**settings: Any) -> Layout:
    """A layout in the house style; ``settings`` are plotly's and win."""
    base: Layout = {
        "font": {"family": FONT, "size": 12, "color": INK},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "margin": {"l": 56, "r": 16, "t": 28, "b": 44},
        "hoverlabel": {"font": {"family": FONT, "size": 12}},
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "font": {"size": 11}},
        "barmode": "overlay",
        "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": "#b8c0c8", "activecolor": MUTED},
    }
    return {**base, **settings}


def label(text: str, x: float, y: float, **settings: Any) -> dict[str, Any]:
    """Small grey text in paper coordinates."""
    base: dict[str, Any] = {
        "text": text,
        "x": x,
        "y": y,
        "xref": "paper",
        "yref": "paper",
        "showarrow": False,
        "font": {"size": 11, "color": MUTED},
    }
    return {**base, **settings}
