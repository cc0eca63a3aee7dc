"""The figures of a study."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from arena.validation.bets import Proportion
from research.report import theme
from research.report.theme import Figure, Trace, axis, label, layout, values
from research.study.power import Power
from research.study.summary import Summary

LAGS = (theme.BLUE, theme.ORANGE, theme.GREEN, theme.PURPLE, theme.SKY, theme.RED)
_BAND = 0.95


def promotions(summary: Summary) -> Figure:
    """Shares of researchers who promote, against the number of configurations they tried."""
    title = "Promotions without an edge"
    rows = summary.promotions
    if not rows:
        return Figure("promotions", title, "", empty="These markets have an edge.")
    lines: list[tuple[str, str, list[Proportion]]] = [("best of N, p < 5 %", theme.RED, [row.naive for row in rows])]
    booked = [row.seed_booked for row in rows if row.seed_booked is not None]
    if booked:
        lines.append(("seed's method, its own books", theme.ORANGE, booked))
    lines += [
        ("seed's method, honest returns", theme.PURPLE, [row.seed_honest for row in rows]),
        ("Arena: discovery gate alone", theme.SKY, [row.discovery for row in rows]),
        ("Arena: verdict", theme.BLUE, [row.verdict for row in rows]),
    ]
    traces = [
        _line(name, colour, [row.trials * 1.02 ** (k - 2) for row in rows], rates)
        for k, (name, colour, rates) in enumerate(lines)
    ]
    ticks = [row.trials for row in rows]
    return Figure(
        "promotions",
        title,
        f"Share of {summary.researchers:,} researchers who promote something after so many configurations, with exact "
        "95 % intervals (lines are set apart a little sideways). The dotted line is the promise. "
        "<b>Best of N</b> tests the best configuration as if it were the only one, on the windows it was chosen on.",
        tuple(traces),
        layout(
            xaxis=axis("configurations tried", type="log", tickvals=ticks, ticktext=[str(n) for n in ticks]),
            yaxis=axis("promoted", tickformat=".0%", rangemode="tozero"),
            shapes=[_promise(summary.alpha)],
        ),
        height=420,
        wide=True,
    )


def persistence(summary: Summary) -> Figure:
    """Shares of researchers with a promotion among their first attempts, with and without the ledger."""
    title = "Trying again on the same data"
    rows = summary.persistence
    if not rows:
        return Figure("persistence", title, "", empty="Only researchers in fair markets try again and again.")
    count = [float(row.attempts) for row in rows]
    return Figure(
        "persistence",
        title,
        "Each attempt is a walk-forward over 20 other configurations and an honest test by itself. Judged one by one, "
        "the chance that some attempt passes climbs. Judged by the ledger, which remembers the attempts before, it "
        "stays below the promise (dotted) however often one tries.",
        (
            _line("nobody counts", theme.RED, count, [row.alone for row in rows]),
            _line("by the ledger", theme.BLUE, count, [row.ledger for row in rows]),
        ),
        layout(
            xaxis=axis("attempts", dtick=1),
            yaxis=axis("some attempt passed", tickformat=".0%", rangemode="tozero"),
            shapes=[_promise(summary.alpha)],
        ),
        height=400,
    )


def p_values(summary: Summary) -> Figure:
    """Distribution of the discovery test's p-values against the uniform one."""
    title = "p-values of the discovery test"
    if not summary.p_values:
        return Figure("p-values", title, "", empty="These markets have an edge.")
    p = np.sort(summary.p_values)
    grid = np.linspace(0.0, 1.0, 201)
    share = np.searchsorted(p, grid, side="right") / p.size
    # Dvoretzky, Kiefer & Wolfowitz (1956) with Massart's (1990) constant.
    half = math.sqrt(math.log(2.0 / (1.0 - _BAND)) / (2.0 * p.size))
    band = np.concatenate([np.minimum(grid + half, 1.0), np.maximum(grid - half, 0.0)[::-1]])
    traces: list[Trace] = [
        {"type": "scatter", "mode": "lines", "x": values(np.concatenate([grid, grid[::-1]])), "y": values(band)}
        | {"fill": "toself", "fillcolor": theme.BAND, "line": {"width": 0}, "hoverinfo": "skip"}
        | {"name": "95 % band of uniform p-values"},
        {"type": "scatter", "mode": "lines", "x": [0, 1], "y": [0, 1], "hoverinfo": "skip", "showlegend": False}
        | {"line": {"color": theme.MUTED, "width": 1, "dash": "dot"}},
        {"type": "scatter", "mode": "lines", "x": values(grid), "y": values(share), "name": "researchers"}
        | {"line": {"color": theme.BLUE, "width": 2, "shape": "hv"}}
        | {"hovertemplate": "p ≤ %{x:.3f}: %{y:.1%}<extra></extra>"},
    ]
    fair = summary.settings.mode == "fair"
    meaning = (
        "A test that keeps its size lies on the diagonal or below it."
        if fair
        else "Bets lose their cost here, so the curve sags far below the diagonal."
    )
    return Figure(
        "p-values",
        title,
        f"Share of researchers whose p-value is at most x, {summary.settings.trials[-1]} configurations tried. "
        f"{meaning} Wins are whole numbers, so an exact test is a little below even where every bet is fair.",
        tuple(traces),
        layout(
            xaxis=axis("p-value", range=[0, 1], dtick=0.25),
            yaxis=axis("share of researchers", range=[0, 1], tickformat=".0%"),
        ),
        height=400,
    )


def power(summary: Summary) -> Figure:
    """Observed power against number of windows, with the planner's prediction."""
    title = "Power: observed and predicted"
    if not summary.powers:
        return Figure("power", title, "", empty="These markets have no edge to find.")
    traces: list[Trace] = []
    for k, lag in enumerate(sorted({cell.lag_ms for cell in summary.powers})):
        cells = [cell for cell in summary.powers if cell.lag_ms == lag]
        traces += _power_lines(f"{lag:,} ms late", LAGS[k % len(LAGS)], cells, 1.01 ** (k - 1))
    ticks = sorted({cell.windows for cell in summary.powers})
    return Figure(
        "power",
        title,
        "Dots: share of markets in which the discovery gate finds the edge, with exact 95 % intervals. Solid lines: "
        "what the planner predicts from price, win rate and number of bets. Dotted lines: the whole verdict, which "
        "asks more than whether the bets win. Dots of one lag are the same markets seen for longer.",
        tuple(traces),
        layout(
            xaxis=axis("windows", type="log", tickvals=ticks, ticktext=[f"{n:,}" for n in ticks]),
            yaxis=axis("found", tickformat=".0%", range=[-0.03, 1.03]),
            annotations=[label("dots observed, solid predicted, dotted verdict", 1, -0.16, xanchor="right")],
        ),
        height=440,
        wide=True,
    )


def _power_lines(name: str, colour: str, cells: Sequence[Power], aside: float) -> list[Trace]:
    at = [cell.windows for cell in cells]
    observed = _line(name, colour, [x * aside for x in at], [cell.discovery for cell in cells])
    line = {"type": "scatter", "mode": "lines", "x": values(at), "showlegend": False}
    return [
        line | {"y": values([cell.predicted for cell in cells]), "line": {"color": colour, "width": 2}}
        | {"hovertemplate": f"{name}: predicted %{{y:.1%}}<extra></extra>"},
        observed | {"mode": "markers"},
        line | {"y": values([cell.verdict.estimate for cell in cells])}
        | {"line": {"color": colour, "width": 1.5, "dash": "dot"}}
        | {"hovertemplate": f"{name}: verdict %{{y:.1%}}<extra></extra>"},
    ]  # fmt: skip


def _line(name: str, colour: str, x: Sequence[float], rates: Sequence[Proportion]) -> Trace:
    """Rates with their intervals."""
    y = np.array([rate.estimate for rate in rates])
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": name,
        "x": values(x),
        "y": values(y),
        "error_y": {
            "type": "data",
            "symmetric": False,
            "array": values(np.array([rate.upper for rate in rates]) - y),
            "arrayminus": values(y - np.array([rate.lower for rate in rates])),
            "thickness": 1.2,
            "width": 3,
        },
        "line": {"color": colour, "width": 1.5},
        "marker": {"size": 7, "color": colour},
        "hovertemplate": f"{name}: %{{y:.1%}}<extra></extra>",
    }


def _promise(alpha: float) -> dict[str, object]:
    return {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": alpha, "y1": alpha} | {
        "line": {"color": theme.INK, "width": 1, "dash": "dot"}
    }
