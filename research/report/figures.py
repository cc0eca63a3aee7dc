"""Figures of accounts: equity, return by entry price, what trading cost, where ticks died."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from arena.engine.run import AccountRun, EquityCurve
from research.report import theme
from research.report.measures import price_bins, thin
from research.report.text import bps, percent, usd, utc
from research.report.theme import Figure, Trace, axis, label, layout, times, values
from research.result import PresetRun, RunResult, Summary

OUT_OF_SAMPLE = "out of sample"
_POINTS, _THIN_POINTS = 3000, 1200


@dataclass(frozen=True, slots=True)
class AccountView:
    """One account as every figure and table shows it: same name, same colour."""

    name: str
    colour: str
    run: AccountRun
    curve: EquityCurve
    by_costs: dict[str, Summary]
    main: bool


def accounts(result: RunResult) -> tuple[AccountView, ...]:
    """The stitched out-of-sample account, if there is one, then every preset."""
    found = []
    if result.walk_forward is not None:
        o = result.walk_forward.out_of_sample
        found.append(AccountView(OUT_OF_SAMPLE, theme.SUBJECT, o.run, o.curve, o.by_costs, True))
    for k, preset in enumerate(result.presets):
        colour = theme.PRESETS[k % len(theme.PRESETS)]
        found.append(AccountView(preset.name, colour, preset.run, preset.curve, preset.by_costs, not found))
    return tuple(found)


def _fold_shades(result: RunResult) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Every second test fold shaded, and the folds' numbers along the top."""
    if result.walk_forward is None:
        return [], []
    windows = result.prepared.windows
    shapes, notes = [], []
    folds = result.walk_forward.folds
    for k, fold in enumerate(folds):
        x0, x1 = times([windows["open_ns"][fold.test_rows[0]], windows["close_ns"][fold.test_rows[1] - 1]])
        shade = "rgba(11,95,165,0.09)" if k % 2 == 0 else "rgba(11,95,165,0.03)"
        shapes.append(
            {"type": "rect", "xref": "x", "yref": "paper", "x0": x0, "x1": x1, "y0": 0, "y1": 1, "layer": "below"}
            | {"fillcolor": shade, "line": {"width": 0}}
        )
        if len(folds) <= 24:
            text = f"fold {k + 1}" if len(folds) <= 10 else str(k + 1)
            notes.append(label(text, 0, 1, xref="x", yanchor="top") | {"x": (x0 + x1) // 2})
    return shapes, notes


def _first_test_ns(result: RunResult) -> int:
    walk = result.walk_forward
    return int(result.prepared.windows["open_ns"][walk.folds[0].test_rows[0]]) if walk is not None else 0


def _from(curve: EquityCurve, start_ns: int) -> EquityCurve:
    """``curve`` from ``start_ns`` on, with the last point before it."""
    begin = max(int(np.searchsorted(curve.ts_ns, start_ns, side="right")) - 1, 0)
    ts_ns = np.maximum(curve.ts_ns[begin:], start_ns)
    return EquityCurve(ts_ns, curve.equity_usd[begin:], curve.drawdown[begin:])


def equity(result: RunResult) -> Figure:
    """Marked equity of every account with the drawdown of each below it."""
    title = "Equity and drawdown"
    shown = [view for view in accounts(result) if view.run.trades.shape[0]]
    if not shown:
        return Figure("equity", title, "", empty="No account made a bet, so its equity is its bankroll.", wide=True)
    traces: list[Trace] = []
    low, high = np.inf, 0.0
    for view in reversed(shown):
        # Until the first test fold the out-of-sample account only waits.
        curve = _from(view.curve, _first_test_ns(result) if view.name == OUT_OF_SAMPLE else 0)
        points = _POINTS if view.main else _THIN_POINTS
        line = {"color": view.colour, "width": 2.2 if view.main else 1.1, "shape": "hv"}
        rows = thin(curve.equity_usd, points)
        low, high = min(low, float(curve.equity_usd.min())), max(high, float(curve.equity_usd.max()))
        traces.append(
            {"type": "scatter", "mode": "lines", "name": view.name, "legendgroup": view.name, "line": line}
            | {"x": times(curve.ts_ns[rows]), "y": values(curve.equity_usd[rows], 6)}
            | {"hovertemplate": "$%{y:,.2f}"}
        )
        rows = thin(curve.drawdown, points // 2)
        traces.append(
            {"type": "scatter", "mode": "lines", "name": view.name, "legendgroup": view.name, "line": line}
            | {"x": times(curve.ts_ns[rows]), "y": values(curve.drawdown[rows], 4)}
            | {"yaxis": "y2", "showlegend": False, "hovertemplate": "%{y:.1%}"}
            | ({"fill": "tozeroy", "fillcolor": view.colour + "22"} if view.main else {})
        )
    shapes, notes = _fold_shades(result)
    steep = low > 0.0 and high / low > 20.0
    caption = (
        "Cash, money in flight and positions marked at the bid somebody would have paid, under "
        f"<b>{result.experiment.costs}</b> costs. "
        "Shaded: test folds; the out-of-sample line only ever trades a configuration chosen before its fold. "
        "Presets run the whole span and the reader has seen that span, so their lines prove nothing. "
        "Stakes compound: late folds weigh more than early ones; return per bet does not have that bias."
    )
    if result.walk_forward is None:
        caption = (
            "Cash, money in flight and positions marked at the bid somebody would have paid, under "
            f"<b>{result.experiment.costs}</b> costs. Nothing here was held out. "
            "Stakes compound, so late bets weigh more than early ones."
        )
    return Figure(
        "equity",
        title,
        caption,
        tuple(traces),
        layout(
            xaxis=axis(type="date", anchor="y2", showgrid=False),
            yaxis=axis("equity, USD" + (" (log)" if steep else ""), domain=[0.34, 1], tickprefix="$")
            | ({"type": "log"} if steep else {}),
            yaxis2=axis("drawdown", domain=[0, 0.27], tickformat=".0%", rangemode="tozero"),
            shapes=shapes,
            annotations=notes,
            hovermode="x unified",
            legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "traceorder": "reversed"},
        ),
        height=470,
        wide=True,
    )


def by_price(result: RunResult) -> Figure:
    """Mean return per dollar by entry price with its interval, and how many bets it rests on."""
    title = "Return per bet by entry price"
    shown = [view for view in accounts(result) if view.run.trades.shape[0]]
    if not shown:
        return Figure("prices", title, "", empty="No bets: there is no return to sort by price.")
    traces: list[Trace] = []
    top = 0.5
    for k, view in enumerate(shown):
        bins = price_bins(view.run)
        visible: dict[str, Any] = {} if view.main else {"visible": "legendonly"}
        shift = 0.0 if view.main else 0.008 * (1 + k // 2) * (-1) ** k
        middle = 0.5 * (bins.low + bins.high) + shift
        band = [f"{100 * a:.0f}–{100 * b:.0f} ¢" for a, b in zip(bins.low, bins.high, strict=True)]
        top = max(top, float(np.max(bins.upper, initial=0.0, where=bins.bets >= 10)))
        common = {"name": view.name, "legendgroup": view.name, "x": values(middle)} | visible
        traces.append(
            common
            | {"type": "scatter", "mode": "markers", "y": values(bins.mean)}
            | {"marker": {"color": view.colour, "size": 7}, "text": band, "customdata": bins.bets.tolist()}
            | {
                "error_y": {
                    "type": "data",
                    "symmetric": False,
                    "array": values(bins.upper - bins.mean),
                    "arrayminus": values(bins.mean - bins.lower),
                    "color": view.colour,
                    "thickness": 1.4,
                    "width": 3,
                }
            }
            | {"hovertemplate": "%{text}: %{y:+.1%} on %{customdata} bets"}
        )
        traces.append(
            common
            | {"type": "bar", "y": bins.bets.tolist(), "width": 0.04, "yaxis": "y2", "showlegend": False}
            | {"marker": {"color": view.colour, "opacity": 0.55}, "text": band}
            | {"textposition": "none", "hovertemplate": "%{text}: %{y} bets"}
        )
    zero = {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": 0, "y1": 0}
    return Figure(
        "prices",
        title,
        "Net profit per dollar at risk, pooled in five-cent bins of the price paid; bars are exact 95 % intervals, "
        "bets below. A real edge is rarely in one bin: with many bins one in twenty clears zero by chance. "
        "Cheap shares pay rarely and much, so their intervals are wide; under ten bets they may leave the plot.",
        tuple(traces),
        layout(
            xaxis=axis("entry price, USD per share", range=[0, 1], dtick=0.1, anchor="y2", tickformat=".1f"),
            yaxis=axis("return per dollar", domain=[0.32, 1], tickformat=".0%", range=[-1.08, 1.08 * top]),
            yaxis2=axis("bets", domain=[0, 0.24], nticks=4),
            shapes=[zero | {"line": {"color": theme.INK, "width": 1, "dash": "dot"}}],
        ),
        height=400,
    )


def costs(result: RunResult) -> Figure:
    """Fee, spread and slippage of every account under every cost model, bps of stake."""
    title = "What trading cost"
    shown = [view for view in accounts(result) if any(s.bets for s in view.by_costs.values())]
    if not shown:
        return Figure("costs", title, "", empty="No bets: nothing was paid.")
    rows = [(view.name, model, s) for view in shown for model, s in view.by_costs.items()][::-1]
    parts = (
        ("fee", theme.BLUE, [s.fee_usd for _, _, s in rows]),
        ("half spread", theme.SKY, [s.spread_usd for _, _, s in rows]),
        ("slippage", theme.ORANGE, [s.slippage_usd for _, _, s in rows]),
    )
    names = [[name for name, _, _ in rows], [model for _, model, _ in rows]]
    traces = tuple(
        {"type": "bar", "orientation": "h", "name": name, "y": names, "marker": {"color": colour}}
        | {"x": values([bps(part, s.staked_usd) for part, (_, _, s) in zip(usds, rows, strict=True)])}
        | {"text": [usd(part, sign=False) for part in usds], "textposition": "none"}
        | {"hovertemplate": name + ": %{x:.0f} bps of stake, %{text}<extra></extra>"}
        for name, colour, usds in parts
    )
    return Figure(
        "costs",
        title,
        "Basis points of the money at risk. <b>Half spread</b> is ask over mid when the decision was made, "
        "<b>slippage</b> the fill over that ask: negative when the book moved our way while the order travelled. "
        "Good slippage is no gift: the orders that would have filled worse were often cancelled at their limit.",
        traces,
        layout(
            barmode="relative",
            bargap=0.35,
            xaxis=axis("basis points of stake"),
            yaxis=axis(showgrid=False, tickfont={"size": 11, "color": theme.INK}),
        ),
        height=max(260, 90 + 30 * len(rows)),
    )


def funnel(result: RunResult) -> Figure:
    """Ticks that died at each gate, in the order the gates are asked."""
    title = "Where ticks die"
    # The presets say in which order gates are asked; 0 means that every gate passed, so it comes last.
    reasons = [r.name for r in sorted(result.strategy.reasons, key=lambda r: (r.value == 0, r.value))]
    seen = [name for name in reasons if any(p.funnel.get(name, 0) for p in result.presets)]
    if not seen:
        return Figure("funnel", title, "", empty="No tick was counted.")
    step = 1.0 / (len(result.presets) + 1)
    counted = [count for p in result.presets for count in p.funnel.values() if count]
    low, high = math.floor(math.log10(min(counted))) - 0.1, math.log10(max(counted)) + 0.4
    return Figure(
        "funnel",
        title,
        "Decision ticks by the first gate that refused them, top to bottom as asked; <b>enter</b> passed all. "
        "The axis is logarithmic: each grid line is ten times the one before. Counts ignore open positions, so "
        "<b>enter</b> is far above the number of bets. A gate late in the list only sees what earlier gates let pass.",
        tuple(_funnel_trace(p, seen, k, step, result.data.ticks) for k, p in enumerate(result.presets)),
        layout(
            xaxis=axis("ticks (log)", type="log", dtick=1, range=[low, high]),
            margin={"l": 56, "r": 44, "t": 28, "b": 44},
            yaxis=axis(
                tickvals=list(range(len(seen))),
                ticktext=[name.lower().replace("_", " ") for name in seen],
                range=[len(seen) - 0.4, -0.6],
                showgrid=False,
                zeroline=False,
                tickfont={"size": 11, "color": theme.INK},
            ),
            shapes=[
                {"type": "rect", "xref": "paper", "x0": 0, "x1": 1, "y0": k - 0.5, "y1": k + 0.5, "layer": "below"}
                | {"fillcolor": theme.BAND, "line": {"width": 0}}
                for k in range(0, len(seen), 2)
            ],
        ),
        height=100 + len(seen) * (14 + 15 * len(result.presets)),
        wide=True,
    )


def _funnel_trace(preset: PresetRun, seen: Sequence[str], k: int, step: float, ticks: int) -> Trace:
    shown = [(row, name) for row, name in enumerate(seen) if preset.funnel.get(name, 0)]
    counts = [preset.funnel[name] for _, name in shown]
    symbols = ("circle", "diamond", "square", "cross", "x")
    return {
        "type": "scatter",
        "mode": "markers+text",
        "name": preset.name,
        "x": counts,
        "y": [row - 0.5 + (k + 1) * step for row, _ in shown],
        "marker": {
            "size": 9,
            "symbol": symbols[k % len(symbols)],
            "color": theme.PRESETS[k % len(theme.PRESETS)],
        },
        "text": [f" {percent(count / ticks, 2)}" if ticks else "" for count in counts],
        "textposition": "middle right",
        "textfont": {"size": 10, "color": theme.MUTED},
        "cliponaxis": False,
        "hovertemplate": "%{x:,} ticks,%{text}",
    }


def fold_span(result: RunResult, rows: tuple[int, int]) -> tuple[str, str]:
    """Open of the first and close of the last window of ``rows``, UTC."""
    windows = result.prepared.windows
    return utc(int(windows["open_ns"][rows[0]])), utc(int(windows["close_ns"][rows[1] - 1]))
