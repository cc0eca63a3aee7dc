"""What the facts are measured on: one market's tables, taken from recordings or from the lab.

The recordings of one catalog were made by different people at different times. Each part of a sample comes from
the source that shows it best, and :attr:`Sample.origin` says which that was.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
import polars as pl

from arena.errors import DataError
from arena.units import SECOND

MINUTE_NS = 60 * SECOND
WINDOW_S = 300
"""Windows of the book facts, s."""
_PARTS = ("oracle", "minutes", "outcomes", "windows", "settled")


class Tables(Protocol):
    """Anything with catalog tables: a catalog, or the lab's tables in memory."""

    def scan(self, table: str, *, asset: str | None = None, source: str | None = None) -> pl.LazyFrame:
        """Rows of one table."""
        ...


@dataclass(frozen=True, slots=True)
class Sample:
    """Tables of one market; an absent one is empty.

    Attributes:
        oracle: reports that settle: event_ns, recv_ns, price.
        minutes: Binance's last price at each full minute: event_ns, price.
        oracle_minutes: the same while there are reports; halves of a sample share it.
        windows, quotes: five-minute windows with their books.
        outcomes: five-minute windows with an official outcome, in a row.
        settled, settled_quotes: windows with official outcomes and quotes, for calibration.
        spot, spot_quotes: spot prices (event_ns, price) and the book seen beside them.
        origin: source of each part, for the reader.
    """

    oracle: pl.DataFrame
    minutes: pl.DataFrame
    oracle_minutes: pl.DataFrame
    windows: pl.DataFrame
    quotes: pl.DataFrame
    outcomes: pl.DataFrame
    settled: pl.DataFrame
    settled_quotes: pl.DataFrame
    spot: pl.DataFrame
    spot_quotes: pl.DataFrame
    origin: dict[str, str] = field(default_factory=dict)

    def halves(self) -> tuple[Sample, Sample]:
        """The earlier and the later half of every part: of the span for prices, of the windows for books."""
        halves: list[Sample] = []
        cut = {name: _middle(getattr(self, name)) for name in _PARTS}
        for late in (False, True):
            parts = {name: _half(getattr(self, name), cut[name], late) for name in _PARTS}
            halves.append(replace(self, **parts))
        return halves[0], halves[1]


def recorded(data: Tables, asset: str = "BTC") -> Sample:
    """The sample a catalog of recordings can give.

    Raises:
        DataError: the catalog holds neither books, nor reports, nor spot prices of the asset.
    """
    oracle, by = _richest(data.scan("oracle", asset=asset).filter(pl.col("feed") == "chainlink"))
    origin = {"oracle": by}
    spot, origin["minutes"] = _richest(
        data.scan("spot", asset=asset).filter(
            (pl.col("venue") == "binance") & (pl.col("event_ns") % MINUTE_NS == 0) & pl.col("last").is_not_null()
        )
    )
    everywhere = data.scan("windows").collect()
    windows = everywhere.filter(pl.col("asset") == asset)
    five = windows.filter((pl.col("interval_s") == WINDOW_S) & (pl.col("venue") == "polymarket"))
    quotes, origin["quotes"] = _richest(
        data.scan("binary_quotes", asset=asset).filter(
            pl.col("market_id").is_in(five["market_id"].unique().implode()) & pl.col("up_bid_size").is_not_null()
        )
    )
    official = five.filter(pl.col("outcome_source") == "gamma_resolution")
    outcomes, origin["outcomes"] = _richest(official.lazy())
    # Every coin: whether a mid means what it says needs more windows than one coin has.
    kalshi = everywhere.filter((pl.col("venue") == "kalshi") & pl.col("outcome").is_not_null())
    settled_quotes, origin["settled"] = _richest(
        data.scan("binary_quotes").filter(
            pl.col("market_id").is_in(kalshi["market_id"].unique().implode())
        )
    )
    spot_quotes, beside, origin["spot"] = _beside(data, asset)
    reports = oracle.select("event_ns", "recv_ns", "price").unique("event_ns", keep="first").sort("event_ns")
    minutes = spot.select("event_ns", price="last").unique("event_ns", keep="first").sort("event_ns")
    sample = Sample(
        oracle=reports,
        minutes=minutes,
        oracle_minutes=minutes.filter(pl.col("event_ns").is_in(reports["event_ns"].implode())),
        windows=_life(five.filter(pl.col("source") == origin["quotes"])),
        quotes=quotes,
        outcomes=_life(outcomes),
        settled=_life(kalshi.filter(pl.col("source") == origin["settled"])),
        settled_quotes=settled_quotes,
        spot=beside,
        spot_quotes=spot_quotes,
        origin=origin,
    )
    if not (sample.oracle.height or sample.minutes.height or sample.quotes.height):
        raise DataError(
            f"the catalog has no Chainlink reports, Binance minutes or Polymarket books of {asset}; "
            "import recordings first (`arena-data import PATH`)."
        )
    return sample


def generated(data: Tables, minutes: pl.DataFrame, asset: str = "BTC") -> Sample:
    """The sample of one lab market, and of the minutes (event_ns, price) of a longer path of the same lab."""
    windows = _life(data.scan("windows", asset=asset).collect())
    quotes = data.scan("binary_quotes", asset=asset).collect()
    oracle = data.scan("oracle", asset=asset).select("event_ns", "recv_ns", "price").collect().sort("event_ns")
    spot = data.scan("spot", asset=asset).filter(pl.col("venue") == "binance").collect().sort("event_ns")
    series = spot.select("event_ns", price=(pl.col("bid") + pl.col("ask")) / 2)
    return Sample(
        oracle=oracle,
        minutes=minutes,
        oracle_minutes=at_minutes(series),
        windows=windows,
        quotes=quotes,
        outcomes=windows,
        settled=windows,
        settled_quotes=quotes,
        spot=series,
        spot_quotes=quotes,
        origin=dict.fromkeys(("oracle", "minutes", "quotes", "outcomes", "settled", "spot"), "lab"),
    )


def at_minutes(spot: pl.DataFrame) -> pl.DataFrame:
    """Last known price at each full minute: (event_ns, price) of any spacing in, minutes out."""
    first, last = int(spot["event_ns"][0]), int(spot["event_ns"][-1])
    grid = np.arange(-(-first // MINUTE_NS), last // MINUTE_NS + 1, dtype=np.int64) * MINUTE_NS
    return pl.DataFrame({"event_ns": grid}).join_asof(spot, on="event_ns")


def _life(windows: pl.DataFrame) -> pl.DataFrame:
    return windows.select("market_id", "open_ns", "close_ns", "outcome").unique("market_id").sort("open_ns")


def _richest(rows: pl.LazyFrame) -> tuple[pl.DataFrame, str]:
    """The rows of the source with most of them, and its name."""
    frame = rows.collect()
    if frame.is_empty():
        return frame, "nobody"
    counts = frame.group_by("source").len().sort("len", "source", descending=[True, False])
    source = str(counts["source"][0])
    return frame.filter(pl.col("source") == source), source


def _beside(data: Tables, asset: str) -> tuple[pl.DataFrame, pl.DataFrame, str]:
    """Quotes and spot that one recorder saw on one clock, from the one with the most spot prices a minute."""
    quotes = data.scan("binary_quotes", asset=asset)
    spot = data.scan("spot", asset=asset)
    both = set(quotes.select(pl.col("source").unique()).collect()["source"]) & set(
        spot.select(pl.col("source").unique()).collect()["source"]
    )
    empty = pl.DataFrame(schema={"event_ns": pl.Int64, "price": pl.Float64})
    if not both:
        return quotes.head(0).collect(), empty, "nobody"
    name = sorted(both)[0]
    rows = spot.filter((pl.col("source") == name) & pl.col("event_ns").is_not_null())
    price = pl.coalesce("last", (pl.col("bid") + pl.col("ask")) / 2)
    series = rows.select("event_ns", price=price).collect().unique("event_ns", keep="first").sort("event_ns")
    return quotes.filter(pl.col("source") == name).collect(), series, name


def _time(frame: pl.DataFrame) -> str:
    return "open_ns" if "open_ns" in frame.columns else "event_ns"


def _middle(frame: pl.DataFrame) -> int:
    if frame.is_empty():
        return 0
    at = frame[_time(frame)]
    # Half of the windows, or half of the span: recordings of prices have no holes to speak of.
    middle = at.median() if _time(frame) == "open_ns" else (at.min() + at.max()) / 2  # type: ignore[operator]
    return int(middle)  # type: ignore[arg-type]


def _half(frame: pl.DataFrame, cut: int, late: bool) -> pl.DataFrame:
    time = pl.col(_time(frame))
    return frame.filter(time > cut) if late else frame.filter(time <= cut)
