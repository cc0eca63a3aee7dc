"""Raw frames of Polymarket's market channel, as some people capture them: books and trades of tokens.

Lines are ``{"capturedAt": whole unix seconds, "payload": message or list of messages}``. Which token is UP is
not in them, so they make no ``binary_quotes`` (nor quotes of YES): every token is an instrument of its own.
``capturedAt`` is cut off to the second, so a message is known for certain only when that second is over; the
messages of one second share their ``recv_ns`` and are told apart, in the order of the file, by ``last_id``.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from arena.errors import DataError
from arena.market.schema import NO_COIN, TABLES
from arena.units import MS, SECOND
from research.importers import defects
from research.importers.notes import Note
from research.importers.recording import Converted, Imported, finished, noted, place_among_equals, text
from research.importers.times import LARGEST_MS

SUFFIX = ".jsonl.gz"
PLACES = 1_000_000
"""``last_id`` is the captured second times this, plus the place of the message within the second."""

_PEEK = 10
_CHUNK = 200_000
_SIDES = {"BUY": "bid", "SELL": "ask"}
_TAKERS = {"BUY": "buy", "SELL": "sell"}
_HEAD = {"captured": pl.Int64, "place": pl.Int64, "timestamp": pl.String, "symbol": pl.String, "side": pl.String}
_LEVEL = {**_HEAD, "price": pl.String, "size": pl.String, "is_snapshot": pl.Boolean}
_TRADE = {**_HEAD, "price": pl.String, "size": pl.String}

Row = tuple[Any, ...]


def is_raw_market(path: Path) -> bool:
    """Whether one of the first lines of ``path`` has the shape."""
    try:
        with gzip.open(path, "rb") as stream:
            return any(_line(stream.readline()) is not None for _ in range(_PEEK))
    except (OSError, EOFError, zlib.error):
        return False


def _line(line: bytes) -> tuple[int, list[Any]] | None:
    """The captured second and the messages of a line; None when it has not the shape."""
    try:
        found = json.loads(line)
        captured, payload = found["capturedAt"], found["payload"]
    except (ValueError, KeyError, TypeError):
        return None
    if type(captured) is not int or abs(captured) > LARGEST_MS:
        return None
    return captured, payload if isinstance(payload, list) else [payload]


@dataclass(frozen=True, slots=True)
class RawMarket:
    """The reader of raw frames; see :class:`research.importers.recording.Recording`."""

    priority: int = 10

    def read(self, path: Path) -> Imported:
        """Read a file. A line that cannot be read is a row of ``l2`` with its text as symbol and nothing else.

        Raises:
            DataError: the file is no gzip or cut short, or its times are not seconds.
        """
        rows = _Rows()
        try:
            with gzip.open(path, "rb") as stream:
                for line in stream:
                    rows.take(line)
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(f"{path} is cut short or no gzip ({error}); fetch the file again.") from error
        source = text(path.name.removesuffix(SUFFIX), "source")
        levels, trades = (_finished(frame, source) for frame in rows.frames())
        tables = {"l2": TABLES["l2"].conform(levels)}
        if trades.height:
            tables["trades"] = TABLES["trades"].conform(place_among_equals(trades, "trades"))
        note = (defects.RAW_MARKET, Note(rows.summary()))
        return finished(Converted(tables, {name: noted(frame, note) for name, frame in tables.items()}), path)


def _finished(frame: pl.DataFrame, source: pl.Expr) -> pl.DataFrame:
    second = pl.col("captured").clip(-LARGEST_MS // 1000, LARGEST_MS // 1000)
    rows = frame.with_columns(
        ((second + 1) * SECOND).alias("recv_ns"),
        (pl.col("timestamp").cast(pl.Int64, strict=False).clip(-LARGEST_MS, LARGEST_MS) * MS).alias("event_ns"),
        pl.col("price", "size").cast(pl.Float64, strict=False),
        text("polymarket", "venue"),
        # A line that could not be read belongs to nobody: the rule that names it is null_required.
        pl.when(pl.col("side").is_not_null() | pl.col("timestamp").is_not_null()).then(pl.lit(NO_COIN)).alias("asset"),
        source,
    )
    if "is_snapshot" in frame.columns:
        rows = rows.with_columns((second * PLACES + pl.col("place")).alias("last_id"))
    else:
        rows = rows.rename({"side": "taker_side"})
    return rows.drop("captured", "place", "timestamp")


@dataclass(slots=True)
class _Rows:
    """Rows of the two tables, as they are read; turned into frames a chunk at a time."""

    levels: list[Row] = field(default_factory=list)
    trades: list[Row] = field(default_factory=list)
    chunks: tuple[list[pl.DataFrame], list[pl.DataFrame]] = field(default_factory=lambda: ([], []))
    places: Counter[int] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)
    unread: int = 0
    empty: int = 0

    def take(self, line: bytes) -> None:
        """Take the messages of one line."""
        found = _line(line)
        levels: list[Row] = []
        trades: list[Row] = []
        events: list[str] = []
        try:
            if found is None:
                raise ValueError("not the shape")
            captured, messages = found
            for message in messages:
                events.append(str(message["event_type"]))
                self.places[captured] += 1
                head = (captured, self.places[captured], str(message.get("timestamp")))
                if events[-1] == "last_trade_price":
                    side = _TAKERS.get(message.get("side"))
                    trades.append((*head, message["asset_id"], side, str(message["price"]), str(message["size"])))
                else:
                    found_here = [(*head, *level) for level in _levels(events[-1], message)]
                    levels += found_here
                    self.empty += events[-1] == "book" and not found_here
        except (ValueError, KeyError, TypeError, AttributeError):
            raw = line.decode("utf-8", "replace").rstrip("\n")
            levels, trades, events = [(found and found[0], None, None, raw, None, None, None, None)], [], []
            self.unread += 1
        self.levels += levels
        self.trades += trades
        self.events.update(events)
        if len(self.levels) > _CHUNK:
            self._flush()

    def _flush(self) -> None:
        for rows, schema, chunks in zip((self.levels, self.trades), (_LEVEL, _TRADE), self.chunks, strict=True):
            chunks.append(pl.DataFrame(rows, schema=schema, orient="row"))
            rows.clear()

    def frames(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        """All levels, and all trades."""
        self._flush()
        levels, trades = (pl.concat(chunks) for chunks in self.chunks)
        return levels, trades

    def summary(self) -> str:
        """What was in the file, and what of it is not in the catalog."""
        used = ("book", "price_change", "last_trade_price")
        kinds = ", ".join(f"{name} {n}" for name, n in sorted(self.events.items()) if name in used)
        left = ", ".join(f"{name} {n}" for name, n in sorted(self.events.items()) if name not in used)
        parts = [f"Messages read: {kinds or 'none'}."]
        if left:
            parts.append(f"Left out: {left}.")
        if self.unread:
            parts.append(f"{self.unread} lines could not be read and are quarantined with their text as symbol.")
        if self.empty:
            parts.append(f"{self.empty} books were empty on both sides and leave no rows.")
        return " ".join(parts)


def _levels(event: str, message: dict[str, Any]) -> Iterator[Row]:
    """Token, side, price, size and whether it is of a snapshot, of each level of a message."""
    if event == "book":
        for key, side in (("bids", "bid"), ("asks", "ask")):
            for level in message[key]:
                yield message["asset_id"], side, str(level["price"]), str(level["size"]), True
    elif event == "price_change":
        for change in message["price_changes"]:
            side = _SIDES.get(change["side"], str(change["side"]))
            yield change["asset_id"], side, str(change["price"]), str(change["size"]), False
