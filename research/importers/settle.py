"""What one file says and another one needs: whose books they are, which coin a market or a token is of.

Everything here depends on what is in the files and the catalog together, never on which came first: what was
settled without a file is settled again when it comes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import polars as pl

from arena.market.catalog import CatalogView
from arena.market.schema import NO_COIN, Table
from research.importers.recording import Imported
from research.importers.recordings.book10 import NOBODY

UNNAMED = "unknown"
"""What the catalog calls the source of refused rows that have none."""
_TOKENS = ("up_token_id", "down_token_id")


def sources_of(frames: Sequence[pl.DataFrame]) -> list[str]:
    """The sources of some frames, as the catalog names them, sorted."""
    found = set().union(*(frame["source"].unique().to_list() for frame in frames))
    return sorted(UNNAMED if source is None else source for source in found)


def waiting_for(windows: list[pl.DataFrame], quotes: list[pl.DataFrame], held: CatalogView) -> set[str]:
    """Sources with refused quotes in the catalog that new windows, or quotes of the same markets, may clear up."""
    if not windows and not quotes:
        return set()
    refused = held.quarantined("binary_quotes").filter(rule="unknown_market").select("market_id", "source")
    waiting = refused.unique().collect()
    markets = pl.concat([pl.Series("market_id", [], pl.String), *(frame["market_id"] for frame in windows)]).unique()
    found = set(waiting.filter(pl.col("market_id").is_in(markets.implode()))["source"].drop_nulls())
    return found | ({NOBODY} if NOBODY in held.sources("binary_quotes") or NOBODY in set(waiting["source"]) else set())


def recorders(quotes: list[pl.DataFrame], windows: list[pl.DataFrame], held: CatalogView) -> dict[str, str]:
    """Who recorded the books of each market whose file does not say: who recorded its quotes, else its window.

    Of several, the one who recorded most of the markets in question. Markets of nobody are left out.
    """
    pair = ["market_id", "source"]
    nameless = pl.col("source") == NOBODY
    before = pl.concat([held.scan("binary_quotes").select(pair), held.quarantined("binary_quotes").select(pair)])
    said = pl.concat([*(frame.lazy().select(pair) for frame in quotes), before]).unique().drop_nulls().collect()
    ours = said.filter(nameless)["market_id"]
    asked = pl.col("market_id").is_in(ours.implode())
    lives = pl.concat([*(frame.lazy().select(pair) for frame in windows), held.scan("windows").select(pair)])
    found: dict[str, str] = {}
    for rows in (said.filter(asked & ~nameless), lives.filter(asked).unique().drop_nulls().collect()):
        markets = Counter(rows["source"])
        for market, source in sorted(rows.rows(), key=lambda row: (-markets[row[1]], row[1])):
            found.setdefault(market, source)
    return found


def named(frame: pl.DataFrame, recorder: Mapping[str, str]) -> pl.DataFrame:
    """``frame`` with the recorder of each market in place of :data:`NOBODY`."""
    nameless = pl.col("source") == NOBODY
    if not recorder or not frame.select(nameless.any()).item():
        return frame
    whose = pl.col("market_id").replace_strict(recorder, default=NOBODY, return_dtype=pl.String)
    return frame.with_columns(pl.when(nameless).then(whose).otherwise("source").alias("source"))


def with_coins(table: Table, rows: pl.DataFrame, imported: list[Imported], held: CatalogView) -> pl.DataFrame:
    """``rows`` with the coin that windows give to the market (of quotes) or to the token (of raw frames).

    Windows that contradict one another give none.
    """
    if table.name == "binary_quotes":
        return _replaced(rows, "market_id", pl.lit(True), ("market_id",), imported, held)
    if table.name in ("l2", "trades"):
        tokens = (pl.col("venue") == "polymarket") & (pl.col("asset") == NO_COIN)
        return _replaced(rows, "symbol", tokens, _TOKENS, imported, held)
    return rows


def _replaced(
    rows: pl.DataFrame,
    name: str,
    which: pl.Expr,
    columns: tuple[str, ...],
    imported: list[Imported],
    held: CatalogView,
) -> pl.DataFrame:
    asked = rows.filter(which).select(name, "asset").unique().drop_nulls()
    if asked.is_empty():
        return rows
    wanted = ["asset", *columns]
    frames = [part.tables["windows"].lazy().select(wanted) for part in imported if "windows" in part.tables]
    windows = pl.concat([*frames, held.scan("windows").select(wanted)])
    said = pl.concat([windows.select(pl.col(column).alias(name), "asset") for column in columns])
    coins = said.drop_nulls().unique().filter(pl.col(name).is_in(asked[name].implode())).collect()
    coins = coins.filter(pl.len().over(name) == 1).join(asked, on=name, suffix="_told")
    differ = coins.filter(pl.col("asset") != pl.col("asset_told"))
    if differ.is_empty():
        return rows
    coin = pl.col(name).replace_strict(differ[name], differ["asset"], default=None, return_dtype=pl.String)
    return rows.with_columns(pl.when(which).then(coin).fill_null(pl.col("asset")).alias("asset"))
