"""Marks of books: crossed, empty, showing what is not there, or two tokens seen at different moments."""

from __future__ import annotations

import polars as pl

from arena.market.quality.rule import FLOAT_SLACK, Facts, any_of

PARITY_SLACK = 0.02
"""How far below one dollar both asks (or above it both bids) may sum before the row is refused, USD/share."""

SIZE_SLACK = 1e-6
"""Relative room between the size of the best level and that of the top of book: one of them may be rounded."""

TOKENS = ("up", "down")
SIDES = ("bid", "ask")

_PAIRS: dict[str, tuple[tuple[str, str], ...]] = {
    "binary_quotes": tuple((f"{token}_bid", f"{token}_ask") for token in TOKENS),
    "spot": (("bid", "ask"),),
    "universe_quotes": (("bid", "ask"),),
    "universe": (("best_bid", "best_ask"),),
    # Highs and lows of a side are of different moments; only opens and closes are books.
    "bars": (("bid_open", "ask_open"), ("bid_close", "ask_close")),
}
"""Bid and ask columns that were seen together, by table."""

_EMPTY: dict[str, tuple[str, ...]] = {
    "binary_quotes": tuple(f"{token}_{side}" for token in TOKENS for side in SIDES),
    "marks": ("yes_price", "no_price"),
    "spot": ("bid", "ask", "last"),
    "bars": ("open", "high", "low", "close", *(f"{side}_close" for side in SIDES)),
    "universe_quotes": SIDES,
}
"""Price columns of which a row needs at least one, by table."""


def crossed(facts: Facts) -> pl.Expr | None:
    """Bid above ask; of a binary market also bid at ask.

    A feed of best prices, rounded or put together from two messages, may show a locked book (bid at ask), and buying
    and selling at one price earns nothing. The engine of a binary market trades every bid that reaches an ask, and
    mints or merges where the two tokens meet: a locked book there is one of two moments.
    """
    if facts.table.name == "l2":
        return _crossed_snapshots(facts)
    sides = [(pl.col(bid), pl.col(ask)) for bid, ask in _PAIRS[facts.table.name] if facts.has(bid, ask)]
    if facts.table.name == "binary_quotes":
        return any_of(bid >= ask for bid, ask in sides)
    return any_of(bid > ask for bid, ask in sides)


def _crossed_snapshots(facts: Facts) -> pl.Expr | None:
    """Every row of a full book whose best bid is above its best ask: which level is wrong, nobody can say."""
    snapshot = ["venue", "symbol", "source", "recv_ns", "last_id"]
    rows = facts.frame.select("is_snapshot", *snapshot, "side", "price").with_row_index("row")
    price = pl.col("price").fill_nan(None)
    best = (price.filter(pl.col("side") == "bid").max(), price.filter(pl.col("side") == "ask").min())
    books = rows.filter("is_snapshot").group_by(snapshot).agg(best[0].alias("bid"), best[1].alias("ask"))
    odd = books.filter(pl.col("bid") > pl.col("ask"))
    if odd.is_empty():
        return None
    bad = rows.filter("is_snapshot").join(odd, on=snapshot, how="semi", nulls_equal=True)["row"]
    return pl.int_range(pl.len(), dtype=pl.UInt32).is_in(bad.implode())


def complement(facts: Facts) -> pl.Expr | None:
    """Prices of a token that was not recorded, and that are not one dollar less the other's."""
    derived = pl.col("native").is_in(["up", "down"])
    slack = PARITY_SLACK + FLOAT_SLACK
    return any_of(
        derived & ((pl.col(f"up_{one}") + pl.col(f"down_{other}") - 1.0).abs() > slack)
        for one, other in (SIDES, SIDES[::-1])
        if facts.has("native", f"up_{one}", f"down_{other}")
    )


def phantom(facts: Facts) -> pl.Expr | None:
    """A price of the top of book whose size is zero; of a snapshot, a level whose size is zero."""
    if facts.table.name == "l2":
        return pl.col("is_snapshot") & (pl.col("size") == 0.0)
    prices = [price for pair in _PAIRS[facts.table.name] for price in pair]
    return any_of(
        pl.col(price).is_not_null() & (pl.col(f"{price}_size") == 0.0) for price in prices if facts.has(f"{price}_size")
    )


def empty(facts: Facts) -> pl.Expr | None:
    """No price at all."""
    prices = _EMPTY[facts.table.name]
    if any(facts.frame[price].null_count() == 0 for price in prices):
        return None
    return pl.all_horizontal(*(pl.col(price).is_null() for price in prices))


def parity(facts: Facts) -> pl.Expr | None:
    """Both asks well below one dollar together, or both bids well above it."""
    slack = PARITY_SLACK + FLOAT_SLACK
    return any_of(
        [
            pl.col("up_ask") + pl.col("down_ask") < 1.0 - slack,
            pl.col("up_bid") + pl.col("down_bid") > 1.0 + slack,
        ]
    )


def depth(facts: Facts) -> pl.Expr | None:
    """Level lists that are no ladder, or not the ladder of the recorded top."""
    return any_of(
        mark
        for token in TOKENS
        for side in SIDES
        # No depth in this recording, or nothing wrong in it: spare the list work.
        if facts.has(f"{token}_{side}s_px") or facts.has(f"{token}_{side}s_sz")
        if not _all_ladders(facts.frame, token, side)
        for mark in _ladder(token, side)
    )


def _all_ladders(frame: pl.DataFrame, token: str, side: str) -> bool:
    """Whether no row has a mark of :func:`_ladder`: one pass over all levels, ten times faster than row by row."""
    px, sz, best = frame[f"{token}_{side}s_px"], frame[f"{token}_{side}s_sz"], frame[f"{token}_{side}"]
    length = px.list.len()
    if not length.eq_missing(sz.list.len()).all():
        return False
    held = length > 0
    if best.filter(length == 0).is_not_null().any():
        return False
    if not held.any():
        return True
    prices, sizes = px.filter(held).explode(), sz.filter(held).explode()
    if prices.null_count() or sizes.null_count() or not (prices.is_finite().all() and sizes.is_finite().all()):
        return False
    if not bool((prices.min() > 0.0) & (prices.max() < 1.0) & (sizes.min() > 0.0)):  # type: ignore[operator]
        return False
    ends = length.filter(held).cum_sum()
    first = ends.shift(1, fill_value=0)
    shown = frame[f"{token}_{side}_size"].filter(held)
    if ((sizes.gather(first) - shown).abs() > SIZE_SLACK * shown).any():
        return False
    step = prices.diff()
    right_way = (step < 0.0 if side == "bid" else step > 0.0).scatter(first, True)
    return bool(right_way.all()) and bool((prices.gather(first) == best.filter(held)).fill_null(False).all())


def _ladder(token: str, side: str) -> list[pl.Expr]:
    px, sz = pl.col(f"{token}_{side}s_px"), pl.col(f"{token}_{side}s_sz")
    shown = pl.col(f"{token}_{side}_size")
    step = px.list.diff(null_behavior="drop")
    return [
        px.is_null() != sz.is_null(),
        px.list.len() != sz.list.len(),
        px.list.eval(pl.element().is_null() | ~pl.element().is_finite()).list.any(),
        sz.list.eval(pl.element().is_null() | ~pl.element().is_finite()).list.any(),
        px.list.min() <= 0.0,
        px.list.max() >= 1.0,
        sz.list.min() <= 0.0,
        step.list.max() >= 0.0 if side == "bid" else step.list.min() <= 0.0,
        px.is_not_null() & px.list.first().ne_missing(pl.col(f"{token}_{side}")),
        (sz.list.first() - shown).abs() > SIZE_SLACK * shown,
    ]
