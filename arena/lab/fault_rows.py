"""Single rows gone wrong: which rows can carry a fault, what it does to them, and the rule that must catch it."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

_DEPTH = tuple(
    f"{token}_{side}s_{what}" for token in ("up", "down") for side in ("bid", "ask") for what in ("px", "sz")
)
_NO_DEPTH = {name: pl.lit(None) for name in _DEPTH}
_ASK = pl.col("up_ask").is_not_null()
_BOTH = _ASK & pl.col("up_bid").is_not_null()
_NAN = pl.lit(float("nan"))


@dataclass(frozen=True, slots=True)
class Edit:
    """A fault of one row: who can carry it, what becomes of the columns, and the rule (None: nothing is wrong)."""

    eligible: pl.Expr
    columns: dict[str, pl.Expr]
    rule: str | None


EDITS: dict[tuple[str, str], Edit] = {
    ("crossed_books", "binary_quotes"): Edit(
        _BOTH & (pl.col("up_ask") < 0.95),
        {"up_bid": (pl.col("up_ask") + 0.02).round(4), **_NO_DEPTH},
        "crossed_book",
    ),
    ("crossed_books", "spot"): Edit(pl.col("ask").is_not_null(), {"bid": pl.col("ask") * 1.001}, "crossed_book"),
    ("nans", "binary_quotes"): Edit(_ASK, {"up_ask": _NAN, **_NO_DEPTH}, "not_finite"),
    ("nans", "spot"): Edit(pl.col("bid").is_not_null(), {"bid": _NAN}, "not_finite"),
    ("nans", "oracle"): Edit(pl.col("price").is_not_null(), {"price": _NAN}, "not_finite"),
    # 16 cents below a dollar: far outside what spreads explain, and both books stay uncrossed.
    ("parity_breaks", "binary_quotes"): Edit(
        _BOTH & pl.col("down_bid").is_between(0.3, 0.9),
        {
            "down_ask": (pl.col("down_ask") - 0.16).round(4),
            "down_bid": (pl.col("down_bid") - 0.16).round(4),
            **_NO_DEPTH,
        },
        "parity_break",
    ),
    ("phantoms", "binary_quotes"): Edit(_ASK, {"up_ask_size": pl.lit(0.0), **_NO_DEPTH}, "phantom_level"),
    ("one_sided", "binary_quotes"): Edit(
        _BOTH,
        {**{name: pl.lit(None) for name in ("up_ask", "up_ask_size", "down_bid", "down_bid_size")}, **_NO_DEPTH},
        None,
    ),
    **{
        ("unit_slips", table): Edit(
            pl.col("event_ns").is_not_null(),
            {name: pl.col(name) // 1_000_000 for name in ("event_ns", "recv_ns")},
            "time_unit",
        )
        for table in ("binary_quotes", "spot", "oracle")
    },
}
"""Every fault of a single row, by fault and table."""
