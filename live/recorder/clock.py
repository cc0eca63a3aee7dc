"""Our clock: one that never steps back, and how far it is from the venues' clocks."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec

from arena.errors import DataError
from arena.market.quality import EARLIEST_NS, LATEST_NS
from arena.units import MS, SECOND
from live.feeds.base import BadFrame
from live.feeds.frame import Frame, Kind, note
from live.feeds.rows import Rows
from live.feeds.wire import decode, decoder
from live.recorder.log import Sink, Sleep
from live.rest.http import Http, Reply
from live.rest.pace import Host

CLOCK = "clock"
"""Feed name of measurements."""
PROBE_EVERY_S = 60.0
TOLERATED_MS = 1_000.0
"""A clock that is further off than this is corrected before it says which windows are open, and the user is told."""


class SteadyClock:
    """The wall clock, ns UTC, without its steps back: rows of a stream must never go back in time.

    After a step back it stands where it was and goes on with the monotonic clock until the wall clock has caught up; a
    step forward is followed, unless it leads beyond 2100. It stamps what came; when something is to be done is a
    matter of the wall clock. How far that is off is in the ``clock`` table.

    Args:
        floor_ns: a time already stamped, ns UTC: nothing is stamped before it. One beyond 2100 does not count.
        wall_ns: the system's wall clock.
        mono_ns: the system's monotonic clock.
    """

    def __init__(
        self,
        floor_ns: int = 0,
        wall_ns: Callable[[], int] = time.time_ns,
        mono_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._wall_ns, self._mono_ns = wall_ns, mono_ns
        self._last_ns, self._last_mono = floor_ns if floor_ns <= LATEST_NS else 0, mono_ns()

    @property
    def ahead_ns(self) -> int:
        """How far the last stamp is ahead of the wall clock, ns; below zero when it is behind."""
        return self._last_ns - self._wall_ns()

    def __call__(self) -> int:
        """Now, ns UTC."""
        wall, mono = self._wall_ns(), self._mono_ns()
        if not self._last_ns <= wall <= LATEST_NS:
            wall = self._last_ns + mono - self._last_mono
        self._last_ns, self._last_mono = wall, mono
        return wall


def check_wall(now_ns: int) -> None:
    """Refuse to record by a clock that nobody has set.

    Raises:
        DataError: ``now_ns`` (ns UTC) lies outside 2015-2100.
    """
    if not EARLIEST_NS <= now_ns <= LATEST_NS:
        raise DataError(
            f"This machine's clock says {now_ns / SECOND:,.0f} seconds since 1970, which lies outside 2015-2100: what "
            "came could not be placed in time. Set the clock (by NTP) and start again."
        )


@dataclass(frozen=True, slots=True)
class TimeServer:
    """A venue that says what time it has.

    Attributes:
        host: where to ask, and how often we may.
        path: what to ask for.
        read: its answer, decoded, as ns UTC.
        step_ns: what it rounds its time down to.
    """

    host: Host
    path: str
    read: Callable[[Any], int]
    step_ns: int = MS


TIME_SERVERS: dict[str, TimeServer] = {
    "polymarket": TimeServer(Host("https://clob.polymarket.com", 1.0), "/time", lambda a: int(a) * SECOND, SECOND),
    "coinbase": TimeServer(
        Host("https://api.coinbase.com", 1.0), "/api/v3/brokerage/time", lambda a: int(a["epochMillis"]) * MS
    ),
    "binance_us": TimeServer(Host("https://api.binance.us", 1.0), "/api/v3/time", lambda a: int(a["serverTime"]) * MS),
    "okx": TimeServer(Host("https://www.okx.com", 1.0), "/api/v5/public/time", lambda a: int(a["data"][0]["ts"]) * MS),
    "bybit": TimeServer(Host("https://api.bybit.com", 1.0), "/v5/market/time", lambda a: int(a["result"]["timeNano"])),
}
"""Who is asked for the time."""


class ClockProbe:
    """Asks every server for its time, again and again; each answer is a frame.

    Args:
        http: how to ask.
        servers: whom, by name.
        sink: where frames go.
        sleep: waits, seconds.
        every_s: time between two rounds.
    """

    def __init__(
        self, http: Http, servers: Mapping[str, TimeServer], sink: Sink, *, sleep: Sleep = asyncio.sleep,
        mono_ns: Callable[[], int] = time.monotonic_ns, every_s: float = PROBE_EVERY_S,
    ) -> None:  # fmt: skip
        self._http, self._servers, self._sink, self._sleep = http, servers, sink, sleep
        self._mono_ns, self._every_s = mono_ns, every_s
        self._measured: dict[str, tuple[float, int]] = {}  # round trip (ms), true time minus monotonic (ns)
        self.trouble: dict[str, str] = {}
        """Servers that did not answer the last time, and why."""

    async def run(self) -> None:
        """Ask until cancelled."""
        while True:
            await asyncio.gather(*(self._ask(name, server) for name, server in self._servers.items()))
            await self._sleep(self._every_s)

    def corrected(self, wall_ns: int) -> int:
        """``wall_ns`` (a time just read, ns UTC), or the venues' time where the two are too far apart.

        The venues' time goes on with the monotonic clock from the best of the last measurements.
        """
        if not self._measured:
            return wall_ns
        trip_ms, from_mono_ns = min(self._measured.values())
        true_ns = self._mono_ns() + from_mono_ns
        return wall_ns if abs(wall_ns - true_ns) <= (TOLERATED_MS + trip_ms / 2) * MS else true_ns

    async def _ask(self, name: str, server: TimeServer) -> None:
        try:
            reply = await self._http.get(server.host, server.path)
            offset_ms, round_trip_ms = measured(server, reply)
        except DataError as error:
            self.trouble[name] = str(error)
            return
        self.trouble.pop(name, None)
        mono_ns = self._mono_ns()
        self._measured[name] = round_trip_ms, reply.recv_ns - int(offset_ms * MS) - mono_ns
        payload = note(server=name, offset_ms=offset_ms, round_trip_ms=round_trip_ms)
        await self._sink(Frame(CLOCK, 0, reply.recv_ns, mono_ns, Kind.CLOCK, payload))


def measured(server: TimeServer, reply: Reply) -> tuple[float, float]:
    """Our clock minus the server's, and the round trip, ms: half of it bounds the error of the offset.

    The offset is taken at the middle of the round trip. A server that rounds its time down is half a step ahead of
    what it says; the step is added to the round trip, so that the bound holds.

    Raises:
        DataError: there is no time in the reply.
    """
    answer = reply.json()
    try:
        theirs_ns = server.read(answer) + server.step_ns // 2
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise DataError(f"GET {reply.url} was answered without a time ({error!r}).") from error
    offset_ms = ((reply.sent_ns + reply.recv_ns) // 2 - theirs_ns) / MS
    return offset_ms, (reply.recv_ns - reply.sent_ns + server.step_ns) / MS


class _Measurement(msgspec.Struct):
    server: str
    offset_ms: Annotated[float, msgspec.Meta(gt=-1e12, lt=1e12)]
    round_trip_ms: Annotated[float, msgspec.Meta(ge=0.0, lt=1e9)]


_MEASUREMENT = decoder(_Measurement)


class ClockParser:
    """``CLOCK`` frames to rows of ``clock``."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def feed(self, frame: Frame, rows: Rows) -> None:
        """See :class:`live.feeds.base.Parser`."""
        if frame.kind != Kind.CLOCK:
            return
        try:
            measurement: _Measurement = decode(frame.feed, _MEASUREMENT, frame.payload)
        except BadFrame:
            self.counts["bad_frame"] += 1
            raise
        rows.clock(frame.recv_ns, measurement.server, measurement.offset_ms, measurement.round_trip_ms)
