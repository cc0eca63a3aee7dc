"""How the recorder is doing: counted frame by frame, and batch by batch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import polars as pl

from arena.units import MS
from live.feeds.frame import Frame, Kind
from live.recorder.tables import Batch

_ARRIVALS = (Kind.DATA, Kind.HTTP, Kind.CLOCK)


@dataclass(slots=True)
class FeedHealth:
    """One feed, so far.

    Attributes:
        messages: what came.
        last_mono_ns: monotonic time of the last message, ns; None before the first.
        opened: connections made.
        closed: connections lost or given up.
        silent: times a watchdog fired.
        gaps: rows of ``gaps`` about its streams.
        lag_ms: median of receive time minus event time in the last block; None where the venue stamps nothing.
    """

    messages: int = 0
    last_mono_ns: int | None = None
    opened: int = 0
    closed: int = 0
    silent: int = 0
    gaps: int = 0
    lag_ms: float | None = None

    @property
    def reconnects(self) -> int:
        """Connections after the first."""
        return max(0, self.opened - 1)

    @property
    def is_open(self) -> bool:
        """Whether a connection is up."""
        return self.opened > self.closed


@dataclass(frozen=True, slots=True)
class ClockHealth:
    """The best of the last measurements of our clock: our time minus theirs, and what it may be off by, ms."""

    server: str
    offset_ms: float
    error_ms: float


class Health:
    """Everything the view and the summary count.

    :meth:`saw` is called in the event loop, :meth:`looked` in the pipeline's thread; they touch different fields.
    """

    def __init__(self, feeds: Iterable[str], oracle: str) -> None:
        self.feeds = {name: FeedHealth() for name in feeds}
        self._oracle = oracle
        self._clocks: dict[str, ClockHealth] = {}
        self.gaps: Counter[str] = Counter()
        """Rows of ``gaps`` by reason."""

    def saw(self, frame: Frame) -> None:
        """Count one frame."""
        feed = self.feeds.get(frame.feed)
        if feed is None:
            return
        if frame.kind in _ARRIVALS:
            feed.messages += 1
            feed.last_mono_ns = frame.mono_ns
        elif frame.kind == Kind.OPENED:
            feed.opened += 1
        elif frame.kind == Kind.CLOSED:
            feed.closed += 1
        elif frame.kind == Kind.SILENT:
            feed.silent += 1

    def looked(self, batch: Batch) -> None:
        """Learn from one block of rows."""
        for name, lag_ms in self._lags(batch.rows):
            if name in self.feeds:
                self.feeds[name].lag_ms = lag_ms
        if (gaps := batch.rows.get("gaps")) is not None:
            for stream, reason in gaps.select("stream", "reason").iter_rows():
                self.gaps[reason] += 1
                if (feed := self.feeds.get(self._feed_of(stream))) is not None:
                    feed.gaps += 1
        if (clock := batch.rows.get("clock")) is not None:
            for server, offset_ms, trip_ms in clock.select("server", "offset_ms", "round_trip_ms").iter_rows():
                self._clocks[server] = ClockHealth(server, offset_ms, trip_ms / 2)

    @property
    def clock(self) -> ClockHealth | None:
        """The measurement with the smallest error; None before the first."""
        return min(list(self._clocks.values()), key=lambda c: c.error_ms, default=None)

    def _lags(self, rows: Mapping[str, pl.DataFrame]) -> Iterable[tuple[str, float]]:
        lag = ((pl.col("recv_ns") - pl.col("event_ns")).median() / MS).alias("lag")
        for table, suffix in (("spot", ""), ("l2", "_l2")):
            if (frame := rows.get(table)) is not None:
                for venue, lag_ms in frame.group_by("venue").agg(lag).iter_rows():
                    if lag_ms is not None:
                        yield venue + suffix, lag_ms
        for table, name in (("binary_quotes", "polymarket"), ("oracle", self._oracle)):
            if (frame := rows.get(table)) is not None and (lag_ms := frame.select(lag).item()) is not None:
                yield name, lag_ms

    def _feed_of(self, stream: str) -> str:
        table, _, rest = stream.partition("/")
        if table == "oracle":
            return self._oracle
        return {"l2": f"{rest}_l2", "spot": rest, "trades": rest}.get(table, "polymarket")
