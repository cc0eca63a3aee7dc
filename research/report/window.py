"""The picture of one window: the price against its strike, the book against the fair value, what was on offer."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from arena.market.windows import LOOKBACKS_S, mid_price
from arena.units import SECOND
from research.report import theme
from research.report.page import page, plots, write
from research.report.text import NONE, number, utc
from research.report.theme import Figure, Trace, axis, label, layout, times, values
from research.window import WindowView

if TYPE_CHECKING:
    from plotly.graph_objects import Figure as PlotlyFigure

BEFORE_S, AFTER_S = 60, 20
"""How much is drawn before the open and after the close, seconds."""
_POINTS = 4000
_SPOT_COLOURS = (theme.BLUE, theme.SKY, theme.PURPLE, theme.MUTED, theme.ORANGE, theme.GREEN)
_UP, _DOWN = theme.GREEN, theme.RED


def window_figure(view: WindowView, height: int = 860) -> Figure:
    """The window as one figure of three panels that share their time axis.

    Top, USD: every spot venue, the settlement feed, the strike and the price it settled at. Middle, USD per
    share: bid and ask of UP, the fair value, every trade in terms of UP, and the payout. Bottom, shares: what was
    displayed at the best prices of UP. All rows stand at the time *we* received them, but for the settlement
    feed, which stands at the second it reports.
    """
    first, last = view.open_ns - BEFORE_S * SECOND, view.close_ns + AFTER_S * SECOND
    lookback_s = LOOKBACKS_S[view.rule]
    marks = [*times([view.open_ns, view.close_ns]), *times([view.close_ns - lookback_s * SECOND])]
    lines: list[dict[str, Any]] = [
        {"type": "line", "xref": "x", "yref": "paper", "x0": at, "x1": at, "y0": 0, "y1": 1}
        | {"line": {"color": theme.MUTED, "width": 1, "dash": "dot"}, "layer": "below"}
        for at in marks[:2]
    ]
    if lookback_s:
        lines.append(
            {"type": "rect", "xref": "x", "yref": "paper", "x0": marks[2], "x1": marks[1], "y0": 0, "y1": 1}
            | {"fillcolor": "rgba(217,130,43,0.08)", "line": {"width": 0}, "layer": "below"}
        )
    notes = [label("open", marks[0], 1.0, xref="x", xanchor="left", yanchor="bottom")]
    notes.append(label("close", marks[1], 1.0, xref="x", xanchor="right", yanchor="bottom"))
    if lookback_s:
        where = {"xref": "x", "xanchor": "right", "yanchor": "middle"}
        notes.append(label(f"settles on the average of these {lookback_s} s", marks[1], 0.6, **where))
    span: dict[str, Any] = {"range": times([first, last]), "type": "date"}
    return Figure(
        key="window",
        title=escape(_title(view)),
        caption="Books, trades and spot stand where we received them; the settlement feed at the second it reports. "
        "A trade of DOWN at p is drawn as a trade of UP at 1 − p; triangles point the way the taker bet.",
        traces=(*_prices(view, first, last), *_book(view, first, last), *_sizes(view, first, last)),
        layout=layout(
            margin={"l": 64, "r": 24, "t": 90, "b": 44},
            legend={"orientation": "h", "x": 0, "y": 1.05, "yanchor": "bottom", "font": {"size": 11}},
            shapes=lines,
            annotations=notes,
            hovermode="x unified",
            xaxis=axis(**span, anchor="y3"),
            yaxis=axis("USD", domain=[0.62, 1.0]),
            yaxis2=axis("UP, USD/share", domain=[0.2, 0.58], range=[-0.03, 1.03]),
            yaxis3=axis("shares at the touch", domain=[0.0, 0.16], type="log", dtick=1),
        ),
        height=height,
        wide=True,
    )


def to_plotly(figure: Figure) -> PlotlyFigure:
    """A figure of a page as plotly's own object, for a notebook."""
    from plotly.graph_objects import Figure as PlotlyFigure

    return PlotlyFigure(data=list(figure.traces), layout={**figure.layout, "height": figure.height})


def write_window(view: WindowView, path: Path) -> Path:
    """Write the picture of a window as a page of its own."""
    title = _title(view)
    head = f"<header><p class='over'>Arena window</p><h1>{escape(view.market_id)}</h1>{_facts(view)}</header>"
    return write(page(title, head + plots(window_figure(view))), path)


def _title(view: WindowView) -> str:
    ended = f"ended {view.outcome.upper()}" if view.outcome else "outcome unknown"
    return f"{view.market_id}, {utc(view.open_ns)} UTC: {ended}"


def _facts(view: WindowView) -> str:
    facts = {
        "Strike": f"{number(view.strike, 8)} USD ({view.strike_source})",
        "Settled at": f"{number(view.settle_price, 8)} USD" if view.settle_price is not None else NONE,
        "Rule": view.rule,
        "Outcome": view.outcome or NONE,
        "Recorded by": view.source,
        "Rows": f"{view.quotes.height:,} books, {view.trades.height:,} trades, {view.spot.height:,} spot updates",
    }
    listed = "".join(f"<div><dt>{name}</dt><dd>{escape(text)}</dd></div>" for name, text in facts.items())
    return f'<dl class="facts">{listed}</dl>'


def _line(name: str, x: Any, y: Any, colour: str, yaxis: str, **settings: Any) -> Trace:
    line = {"color": colour, "width": 1.3, "shape": "hv", **settings.pop("line", {})}
    return {"type": "scatter", "mode": "lines", "name": name, "x": times(x), "y": values(y, 8), "yaxis": yaxis} | {
        "line": line,
        **settings,
    }


def _within(frame: pl.DataFrame, column: str, first: int, last: int) -> pl.DataFrame:
    """Rows of the span, thinned evenly to what a screen can show; the last row before it gives the first value."""
    before = frame.filter(pl.col(column) < first).tail(1).with_columns(pl.lit(first).alias(column))
    inside = frame.filter((pl.col(column) >= first) & (pl.col(column) <= last))
    step = max(1, -(-inside.height // _POINTS))
    return pl.concat([before, inside.gather_every(step)])


def _prices(view: WindowView, first: int, last: int) -> list[Trace]:
    traces = []
    venues = view.spot["venue"].unique().sort().to_list()
    for k, venue in enumerate(venues):
        rows = _within(view.spot.filter(pl.col("venue") == venue), "recv_ns", first, last)
        colour = _SPOT_COLOURS[k % len(_SPOT_COLOURS)]
        quote = rows["quote"][0] if rows.height else ""
        traces.append(_line(f"{venue} ({quote})", rows["recv_ns"], mid_price(rows), colour, "y", opacity=0.75))
    for feed in view.oracle["feed"].unique().sort().to_list():
        rows = _within(view.oracle.filter(pl.col("feed") == feed), "event_ns", first, last)
        traces.append(_line(feed, rows["event_ns"], rows["price"], theme.INK, "y", line={"width": 1.8}))
    if np.isfinite(view.strike):
        ends = [view.open_ns, view.close_ns]
        dash = {"dash": "dash", "width": 1.6}
        traces.append(_line("strike", ends, [view.strike] * 2, theme.ORANGE, "y", line=dash))
    if view.settle_price is not None:
        traces.append(_point("settled at", view.close_ns, view.settle_price, theme.ORANGE, "y", "diamond"))
    return traces


def _book(view: WindowView, first: int, last: int) -> list[Trace]:
    rows = _within(view.quotes, "recv_ns", first, last)
    bid = _line("UP bid", rows["recv_ns"], _prices_of(rows, "up_bid"), theme.SKY, "y2")
    ask = _line("UP ask", rows["recv_ns"], _prices_of(rows, "up_ask"), theme.BLUE, "y2")
    step = max(1, view.ticks.shape[0] // _POINTS)
    name = "fair value (from bars)" if view.coarse else "fair value"
    fair = _line(name, view.ticks["ts_ns"][::step], view.signals["fair_up"][::step], theme.INK, "y2")
    traces = [bid, ask, fair]
    bets_up = (view.trades["token"] == "up") == (view.trades["taker_side"] == "buy")
    price = pl.when(pl.col("token") == "up").then(pl.col("price")).otherwise(1.0 - pl.col("price"))
    trades = view.trades.with_columns(price.alias("up_price"), bets_up.alias("bets_up"))
    for name, way, symbol, colour in (
        ("taker bets UP", True, "triangle-up", _UP),
        ("taker bets DOWN", False, "triangle-down", _DOWN),
    ):
        chosen = trades.filter((pl.col("bets_up") == way) & pl.col("recv_ns").is_between(first, last))
        if chosen.height:
            size = 4.0 + 2.0 * np.log10(1.0 + chosen["size"].to_numpy())
            marker = {"symbol": symbol, "color": colour, "size": values(size, 3), "opacity": 0.7, "line": {"width": 0}}
            traces.append(
                {"type": "scatter", "mode": "markers", "name": name, "yaxis": "y2", "marker": marker}
                | {"x": times(chosen["recv_ns"]), "y": values(chosen["up_price"])}
            )
    if view.outcome:
        pays = 1.0 if view.outcome == "up" else 0.0
        traces.append(_point(f"UP pays {pays:.0f}", view.close_ns, pays, theme.ORANGE, "y2", "star"))
    return traces


def _sizes(view: WindowView, first: int, last: int) -> list[Trace]:
    rows = _within(view.quotes, "recv_ns", first, last)
    sizes = (("UP bid size", "up_bid_size", theme.SKY), ("UP ask size", "up_ask_size", theme.BLUE))
    return [
        _line(name, rows["recv_ns"], _prices_of(rows, column), colour, "y3", line={"width": 1.0}, showlegend=False)
        for name, column, colour in sizes
        if rows[column].null_count() < rows.height
    ]


def _prices_of(rows: pl.DataFrame, column: str) -> Any:
    return rows[column].fill_null(np.nan).to_numpy()


def _point(name: str, at_ns: int, y: float, colour: str, yaxis: str, symbol: str) -> Trace:
    marker = {"symbol": symbol, "color": colour, "size": 13, "line": {"color": "white", "width": 1}}
    return {"type": "scatter", "mode": "markers", "name": name, "x": times([at_ns]), "y": values([y], 8)} | {
        "yaxis": yaxis,
        "marker": marker,
    }
