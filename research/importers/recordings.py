"""One reader per published recording: its columns in, the catalog's tables out.

Rules every reader follows:

* Times are milliseconds in the recordings and nanoseconds in the catalog; a time outside 2015-2100 is
  refused before it is converted, because it means the file has another unit.
* Rows are sorted by receive time, then event time. Where a recorder interleaved several sockets, or its
  file is in event order, this restores the order in which rows could be known. ``event_ns`` may be later
  than ``recv_ns``: clocks disagree, and both are kept as recorded.
* A missing side of a book is null. Recorders that write it as price 0 or 1, or with size 0, are put right.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from arena.errors import DataError
from arena.market.quality import EARLIEST_NS, LATEST_NS
from arena.market.schema import TABLES
from arena.units import MS
from research.importers import defects

_PRICE_TICKS = 10_000
_PX_SZ = ("px", "sz")
_BOOK_HEAD = ("event_ns", "recv_ns", "market_id", "asset", "native", "source")
_LEVELS = 10


@dataclass(frozen=True, slots=True)
class Imported:
    """What one file gave: frames by table name, and sentences on what is wrong, by table and source."""

    tables: Mapping[str, pl.DataFrame]
    known_defects: Mapping[str, Mapping[str, str | tuple[str, ...]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording we can read.

    ``stem`` is the file name without ``.parquet``; ``priority`` orders files that describe the same rows
    (lowest wins); ``times`` are its millisecond columns and ``needs`` all columns the reader uses.
    """

    stem: str
    priority: int
    times: tuple[str, ...]
    needs: tuple[str, ...]
    convert: Callable[[pl.DataFrame], Imported]

    def read(self, path: Path) -> Imported:
        """Read a file.

        Raises:
            DataError: not a Parquet file, a column is missing, or a time is not in milliseconds.
        """
        try:
            frame = pl.read_parquet(path)
        except (pl.exceptions.PolarsError, OSError) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise DataError(f"{path} cannot be read as Parquet ({reason}); fetch the file again.") from error
        absent = [name for name in (*self.times, *self.needs) if name not in frame.columns]
        if absent:
            raise DataError(
                f"{path} has no column {absent[0]!r}, so it is not the recording {self.stem!r}; rename or leave it out."
            )
        _check_milliseconds(frame, self.times, path)
        return self.convert(frame)


def _check_milliseconds(frame: pl.DataFrame, columns: tuple[str, ...], path: Path) -> None:
    for name in columns:
        times = frame[name]
        if not times.dtype.is_integer():
            raise DataError(f"{path}: {name} is {times.dtype}, not integer milliseconds (rule time_unit); convert it.")
        wrong = ((times < EARLIEST_NS // MS) | (times > LATEST_NS // MS)).arg_true()
        if len(wrong):
            row = int(wrong[0])
            raise DataError(
                f"{path}, row {row}: {name} = {times[row]} breaks rule time_unit: read as milliseconds UTC it lies "
                "outside 2015-2100. Convert the column to milliseconds and import again."
            )


def _ns(name: str) -> pl.Expr:
    return pl.col(name).cast(pl.Int64) * MS


def _slug_asset() -> pl.Expr:
    # Polymarket slugs begin with the coin: btc-updown-5m-1776081600.
    return pl.col("market_id").str.split("-").list.first().str.to_uppercase()


def _known_order(table: str, frame: pl.DataFrame) -> pl.DataFrame:
    spec = TABLES[table]
    times = [name for name in (spec.time, "event_ns") if name in frame.columns]
    return spec.conform(frame).sort(times, maintain_order=True)


def _decimal(price: pl.Expr) -> pl.Expr:
    # Prices are multiples of 1/10,000. polars divides by a constant by multiplying with its reciprocal, which
    # is off by one bit for a third of them (4900 / 10000 gives 0.49000000000000005); rounding gives the double
    # nearest to the decimal, so that prices of two files, and a price and its complement, compare equal.
    return price.round(4)


def _missing_side(price: str, size: str | None = None) -> pl.Expr:
    # Only the exact encodings of "nothing there" become null: -0.1 or 1.2 stay, for the quality rules to name.
    empty = (pl.col(price) == 0.0) | (pl.col(price) == 1.0)
    return (empty | (pl.col(size) == 0.0) if size else empty).fill_null(False)


def updown_windows(frame: pl.DataFrame) -> Imported:
    """Windows of Polymarket and Kalshi from nine recorders."""
    windows = frame.select(
        "market_id",
        "venue",
        "asset",
        "interval_s",
        _ns("window_start_ms").alias("open_ns"),
        _ns("window_end_ms").alias("close_ns"),
        pl.col("start_price").alias("strike"),
        pl.col("price_source").alias("strike_source"),
        pl.col("end_price").alias("settle_price"),
        pl.when(pl.col("venue") == "kalshi").then(pl.lit("index_avg60")).alias("settlement_rule"),
        "outcome",
        "outcome_source",
        "volume",
        "source",
    )
    present = frame["source"].unique().to_list()
    return Imported(
        {"windows": _known_order("windows", windows)},
        {"windows": {name: text for name, text in defects.WINDOWS.items() if name in present}},
    )


def updown_quotes(frame: pl.DataFrame) -> Imported:
    """Top of book of Polymarket BTC windows from three recorders; sizes are null where not recorded."""
    sides = [f"{token}_{side}" for token in ("up", "down") for side in ("bid", "ask")]
    empty = {side: _missing_side(side, f"{side}_size") for side in sides}
    quotes = frame.select(
        _ns("ts_ms").alias("event_ns"),
        _ns("recv_ms").alias("recv_ns"),
        "market_id",
        _slug_asset().alias("asset"),
        *(pl.when(~empty[s]).then(_decimal(pl.col(s))).alias(s) for s in sides),
        *(pl.when(~empty[s]).then(pl.col(f"{s}_size").cast(pl.Float64)).alias(f"{s}_size") for s in sides),
        "native",
        "source",
    )
    present = frame["source"].unique().to_list()
    return Imported(
        {"binary_quotes": _known_order("binary_quotes", quotes)},
        {"binary_quotes": {name: text for name, text in defects.QUOTES.items() if name in present}},
    )


def polymarket_btc5m_book10(frame: pl.DataFrame) -> Imported:
    """Ten levels of the recorded token, and of the other one as its exact complement.

    A bid for DOWN at p is an offer of UP at 1 - p: level k of one side is level k of the other.
    Prices come from integers of 1/10,000 dollar, so each is the double nearest to its decimal.
    """

    def ladder(side: str) -> tuple[pl.Expr, pl.Expr]:
        prices, sizes = [], []
        for k in range(_LEVELS):
            px, sz = pl.col(f"{side}_px_e4_{k}").cast(pl.Int32), pl.col(f"{side}_sz_{k}").cast(pl.Float64)
            # A level of size zero is no level; a negative or NaN size stays, for the quality rules to name.
            there = px.is_not_null() & (sz != 0.0)
            prices.append(pl.when(there).then(px))
            sizes.append(pl.when(there).then(sz))
        return pl.concat_list(prices).list.drop_nulls(), pl.concat_list(sizes).list.drop_nulls()

    native = frame.select(
        _ns("event_ms").alias("event_ns"),
        _ns("recv_ms").alias("recv_ns"),
        "market_id",
        _slug_asset().alias("asset"),
        pl.col("side").alias("native"),
        pl.lit("cronosvirus00").alias("source"),
        *(e.alias(f"{side}_{what}") for side in ("bid", "ask") for e, what in zip(ladder(side), _PX_SZ, strict=True)),
    )
    dollars = _decimal(pl.element() / _PRICE_TICKS)
    mirrored = _decimal((_PRICE_TICKS - pl.element()) / _PRICE_TICKS)
    halves = []
    for token, other in (("up", "down"), ("down", "up")):
        books = [
            column
            for side, opposite in (("bid", "ask"), ("ask", "bid"))
            for column in (
                pl.col(f"{side}_px").list.eval(dollars).alias(f"{token}_{side}s_px"),
                pl.col(f"{side}_sz").alias(f"{token}_{side}s_sz"),
                pl.col(f"{opposite}_px").list.eval(mirrored).alias(f"{other}_{side}s_px"),
                pl.col(f"{opposite}_sz").alias(f"{other}_{side}s_sz"),
            )
        ]
        rows = native.with_row_index("row").filter(pl.col("native") == token)
        halves.append(rows.select("row", *_BOOK_HEAD, *books))
    quotes = pl.concat(halves, how="diagonal").sort("row").drop("row")
    tops = [
        pl.col(f"{token}_{side}s_{what}").list.first().alias(f"{token}_{side}{suffix}")
        for token in ("up", "down")
        for side in ("bid", "ask")
        for what, suffix in (("px", ""), ("sz", "_size"))
    ]
    return Imported(
        {"binary_quotes": _known_order("binary_quotes", quotes.with_columns(tops))},
        {"binary_quotes": {"cronosvirus00": (defects.QUOTES["cronosvirus00"], defects.BOOK10)}},
    )


def chainlink_btcusd_1s(frame: pl.DataFrame) -> Imported:
    """The settlement feed: one report per second, known when it was received."""
    oracle = frame.select(
        _ns("ts_ms").alias("event_ns"),
        _ns("recv_ms").alias("recv_ns"),
        pl.lit("BTC").alias("asset"),
        pl.lit("chainlink").alias("feed"),
        "price",
        pl.lit("ligengxin96").alias("source"),
    )
    return Imported({"oracle": _known_order("oracle", oracle)}, {"oracle": {"ligengxin96": defects.CHAINLINK}})


def polymarket_btc5m_market_meta(frame: pl.DataFrame) -> Imported:
    """Windows with the fee, tick and minimum size the venue published for each of them.

    ``volume`` and outcome are of the time of the fetch, after the close; bid, ask and last are left out
    because they are of that time too.
    """
    closed = pl.col("closed_time").str.to_datetime("%Y-%m-%d %H:%M:%S%#z", time_unit="ms", strict=False)
    windows = frame.select(
        "market_id",
        pl.lit("polymarket").alias("venue"),
        _slug_asset().alias("asset"),
        ((pl.col("window_end_ms") - pl.col("window_start_ms")) // 1000).alias("interval_s"),
        _ns("window_start_ms").alias("open_ns"),
        _ns("window_end_ms").alias("close_ns"),
        "strike",
        pl.when(pl.col("strike").is_not_null()).then(pl.lit("chainlink_stream")).alias("strike_source"),
        "outcome",
        pl.lit("gamma_resolution").alias("outcome_source"),
        (closed.dt.epoch("ms") * MS).alias("resolved_ns"),
        "fee_rate",
        "fee_exponent",
        "tick_size",
        "min_order_size",
        "volume",
        pl.lit("ligengxin96").alias("source"),
    )
    return Imported({"windows": _known_order("windows", windows)}, {"windows": {"ligengxin96": defects.MARKET_META}})


def binance_btcusdt_1m(frame: pl.DataFrame) -> Imported:
    """Minute bars as spot updates: the close of a bar stamped 12:00 is known at 12:01.

    Two recorders supplied the file, one after the other, and agree on every common minute: it is one
    stream with one ``source``, so that a volatility does not restart where they meet.
    """
    close_ns = (pl.col("ts_ms").cast(pl.Int64) + 60_000) * MS
    spot = frame.select(
        close_ns.alias("event_ns"),
        close_ns.alias("recv_ns"),
        pl.lit("binance").alias("venue"),
        pl.lit("BTC").alias("asset"),
        pl.lit("USDT").alias("quote"),
        pl.col("close").alias("last"),
        pl.lit("aegis+wookie").alias("source"),
    )
    return Imported({"spot": _known_order("spot", spot)}, {"spot": {"aegis+wookie": defects.BINANCE_1M}})


def updown_quotes_with_spot(frame: pl.DataFrame) -> Imported:
    """Both tokens' best prices, the spot price beside them, and the windows they belong to.

    The recorded depth is the total of a side, not the size at the best price, so sizes stay null; the
    recorded start and end prices are what the bot saw first and last, so strike and settlement stay null.
    """
    source = pl.lit("leafuryk").alias("source")
    now = (_ns("ts_ms").alias("event_ns"), _ns("ts_ms").alias("recv_ns"))
    quotes = frame.select(
        *now,
        "market_id",
        _slug_asset().alias("asset"),
        *(
            _decimal(pl.col(f"{token}_{side}")).alias(f"{token}_{side}")
            for token in ("up", "down")
            for side in ("bid", "ask")
        ),
        pl.lit("both").alias("native"),
        source,
    )
    spot = frame.select(
        *now,
        pl.lit("binance").alias("venue"),
        pl.lit("BTC").alias("asset"),
        pl.lit("USDT").alias("quote"),
        pl.col("btc_spot").alias("last"),
        source,
    )
    windows = _windows_of(frame, "polymarket", _slug_asset(), source, None)
    return Imported(
        {
            "windows": windows,
            "binary_quotes": _known_order("binary_quotes", quotes),
            "spot": _known_order("spot", spot),
        },
        {name: {"leafuryk": text} for name, text in defects.LEAFURYK.items()},
    )


def kalshi_15m_quotes_1m(frame: pl.DataFrame) -> Imported:
    """Minute quotes of Kalshi windows: the UP book, and DOWN as its exact complement.

    A row holds the values at the end of its minute, which is its time stamp: it is known then.
    """
    source = pl.lit("unityefucd").alias("source")
    up_bid, up_ask = (pl.when(~_missing_side(name)).then(_decimal(pl.col(name))) for name in ("up_bid", "up_ask"))
    quotes = frame.select(
        _ns("ts_ms").alias("event_ns"),
        _ns("ts_ms").alias("recv_ns"),
        "market_id",
        "asset",
        up_bid.alias("up_bid"),
        up_ask.alias("up_ask"),
        _decimal(1.0 - up_ask).alias("down_bid"),
        _decimal(1.0 - up_bid).alias("down_ask"),
        pl.lit("up").alias("native"),
        source,
    )
    windows = _windows_of(frame, "kalshi", pl.col("asset"), source, "index_avg60")
    return Imported(
        {"windows": windows, "binary_quotes": _known_order("binary_quotes", quotes)},
        {"binary_quotes": {"unityefucd": defects.KALSHI_QUOTES}},
    )


def _windows_of(
    frame: pl.DataFrame, venue: str, asset: pl.Expr, source: pl.Expr, settlement_rule: str | None
) -> pl.DataFrame:
    rows = frame.select(
        "market_id",
        pl.lit(venue).alias("venue"),
        asset.alias("asset"),
        ((pl.col("window_end_ms") - pl.col("window_start_ms")) // 1000).alias("interval_s"),
        _ns("window_start_ms").alias("open_ns"),
        _ns("window_end_ms").alias("close_ns"),
        pl.lit(settlement_rule, pl.String).alias("settlement_rule"),
        "outcome",
        pl.when(pl.col("outcome").is_not_null()).then(pl.lit("recorder")).alias("outcome_source"),
        source,
    )
    # One row per distinct description: a market described in two ways stays twice and is quarantined.
    return _known_order("windows", rows.unique(maintain_order=True))


_SIDES = ("up_bid", "up_ask", "down_bid", "down_ask")
_LIFE = ("window_start_ms", "window_end_ms")
_LADDER = tuple(f"{side}_{what}_{k}" for side in ("bid", "ask") for what in ("px_e4", "sz") for k in range(_LEVELS))

RECORDINGS: dict[str, Recording] = {
    r.stem: r
    for r in (
        Recording(
            "polymarket_btc5m_market_meta",
            0,
            _LIFE,
            (
                *("market_id", "outcome", "strike", "tick_size", "min_order_size"),
                *("fee_rate", "fee_exponent", "volume", "closed_time"),
            ),
            polymarket_btc5m_market_meta,
        ),
        Recording(
            "updown_windows",
            1,
            _LIFE,
            (
                *("market_id", "venue", "asset", "interval_s", "start_price", "end_price"),
                *("price_source", "outcome", "outcome_source", "volume", "source"),
            ),
            updown_windows,
        ),
        Recording(
            "polymarket_btc5m_book10",
            2,
            ("event_ms", "recv_ms"),
            ("market_id", "side", *_LADDER),
            polymarket_btc5m_book10,
        ),
        Recording(
            "updown_quotes",
            3,
            ("ts_ms", "recv_ms"),
            ("market_id", "native", "source", *_SIDES, *(f"{side}_size" for side in _SIDES)),
            updown_quotes,
        ),
        Recording(
            "updown_quotes_with_spot",
            4,
            ("ts_ms", *_LIFE),
            ("market_id", "outcome", "btc_spot", *_SIDES),
            updown_quotes_with_spot,
        ),
        Recording(
            "kalshi_15m_quotes_1m",
            5,
            ("ts_ms", *_LIFE),
            ("market_id", "asset", "up_bid", "up_ask", "outcome"),
            kalshi_15m_quotes_1m,
        ),
        Recording("chainlink_btcusd_1s", 6, ("ts_ms", "recv_ms"), ("price",), chainlink_btcusd_1s),
        Recording("binance_btcusdt_1m", 7, ("ts_ms",), ("close",), binance_btcusdt_1m),
    )
}
"""Every recording we can read, by file name without ``.parquet``."""
