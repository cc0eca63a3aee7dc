"""Puts together what the parts of a run know into one status."""

from __future__ import annotations

import resource
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from arena.units import MS, SECOND
from live.feeds.connection import Connection
from live.feeds.polymarket.parser import GAMMA
from live.recorder.clock import CLOCK, TOLERATED_MS, ClockProbe, SteadyClock
from live.recorder.health import Health
from live.recorder.log import RawLog
from live.recorder.markets import MarketKeeper
from live.recorder.pipeline import Pipeline
from live.recorder.plan import Plan
from live.recorder.status import FeedStatus, Status
from live.recorder.windows import Desk, Window, windows_at
from live.recorder.writer import Disk, SegmentWriter

LOW_DISK = 5
"""The user is warned when less than this many reserves are free."""


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a run that a status is made of; ``keeper`` and ``probe`` are None where not asked for."""

    writer: SegmentWriter
    log: RawLog
    pipeline: Pipeline
    health: Health
    desk: Desk
    connections: Mapping[str, Connection]
    steady: SteadyClock
    keeper: MarketKeeper | None
    probe: ClockProbe | None


class Reporter:
    """Makes statuses; remembers the last one for rates.

    Args:
        plan: the run.
        parts: its parts.
        disk: for the space left.
        wall_ns: the wall clock, ns UTC.
        mono_ns: monotonic now, ns.
    """

    def __init__(
        self, plan: Plan, parts: Parts, disk: Disk, wall_ns: Callable[[], int], mono_ns: Callable[[], int]
    ) -> None:
        self._plan, self._parts, self._disk = plan, parts, disk
        self._wall_ns, self._mono_ns = wall_ns, mono_ns
        self._began = self._then = mono_ns()
        self._messages: dict[str, int] = {}
        self.worst_stall_ns = 0
        """Longest time the event loop did not answer, ns."""
        self.refusals: dict[str, str] = {}
        """What feeds said that will not have us, or not now, by feed."""
        self._down: dict[str, str] | None = None

    @property
    def elapsed_s(self) -> float:
        """Seconds since the run began."""
        return (self._mono_ns() - self._began) / SECOND

    def stopping(self) -> None:
        """The run ends: what is not connected now is what was not connected at the end."""
        self._down = self._troubles()

    def nothing_came(self) -> str | None:
        """Why nothing came from any connected feed, as a sentence; None when something did, or could have."""
        names, down = list(self._parts.connections), self._troubles()
        if not names or any(self._parts.health.feeds[n].messages or not down.get(n) for n in names):
            return None
        return f"Nothing came from any feed. {' '.join(down[name] for name in names)}"

    def _troubles(self) -> dict[str, str]:
        """Why a feed is not connected, by feed."""
        if self._down is not None:
            return self._down
        found = {}
        for name, connection in self._parts.connections.items():
            if not connection.is_open and (why := self.refusals.get(name) or connection.trouble):
                found[name] = why if name in self.refusals else f"Feed {name!r} is not connected: {why}."
        return found

    def status(self) -> Status:
        """The run as it is now."""
        plan, parts, mono, wall = self._plan, self._parts, self._mono_ns(), self._wall_ns()
        now = wall if parts.probe is None else parts.probe.corrected(wall)
        seconds = max((mono - self._then) / SECOND, 1e-9)
        refused = parts.pipeline.refused
        feeds = tuple(self._feed(name, mono, seconds, refused) for name in parts.health.feeds)
        self._messages, self._then = {f.name: f.messages for f in feeds}, mono
        coming = self._next_window(now)
        free = self._disk.free(plan.to)
        return Status(
            elapsed_s=self.elapsed_s,
            left_s=None if plan.for_s is None else max(0.0, plan.for_s - self.elapsed_s),
            feeds=feeds,
            frames=parts.log.frames,
            frames_kept=parts.log.frames_kept,
            raw_bytes=parts.writer.bytes_written,
            rows=dict(parts.pipeline.rows),
            behind_s=parts.pipeline.behind_s(parts.steady()),
            disk_free_bytes=free,
            reserve_bytes=plan.reserve_bytes,
            clock=parts.health.clock,
            markets=len(parts.desk.listened(now)),
            unresolved=parts.desk.unresolved(now),
            next_window=None if coming is None else coming.slug,
            next_open_s=0.0 if coming is None else (coming.open_ns - now) / SECOND,
            resolution_s=parts.desk.delay.median_s,
            worst_stall_ms=self.worst_stall_ns / 1e6,
            peak_rss_bytes=peak_rss_bytes(),
            last_refusal=parts.pipeline.last_refusal,
            notices=tuple(self._notices(free, (wall - now) / MS)),
        )

    def _feed(self, name: str, mono: int, seconds: float, refused: Mapping[str, Mapping[str, int]]) -> FeedStatus:
        health = self._parts.health.feeds[name]
        return FeedStatus(
            name=name,
            is_open=None if name in (GAMMA, CLOCK) else health.is_open,
            rate_per_s=(health.messages - self._messages.get(name, 0)) / seconds,
            messages=health.messages,
            age_s=None if health.last_mono_ns is None else (mono - health.last_mono_ns) / SECOND,
            lag_ms=health.lag_ms,
            gaps=health.gaps,
            reconnects=health.reconnects,
            silent=health.silent,
            bad=refused.get(name, {}).get("bad_frame", 0),
        )

    def _next_window(self, now: int) -> Window | None:
        wanted = windows_at(now, self._plan.assets, self._plan.intervals_s)
        return min((w for w in wanted if w.open_ns > now), key=lambda w: w.open_ns, default=None)

    def _notices(self, free: int, wrong_ms: float) -> list[str]:
        parts = self._parts
        notices = [*self._troubles().values(), *parts.pipeline.faults]
        if parts.pipeline.failure is not None:
            notices.append(f"The tables stopped growing, the raw log goes on: {parts.pipeline.failure}")
        if parts.pipeline.waits_for:
            notices.append(f"The tables wait, the raw log goes on: {parts.pipeline.waits_for}")
        if wrong_ms:
            side = "ahead of" if wrong_ms > 0 else "behind"
            notices.append(
                f"This machine's clock is {abs(wrong_ms) / 1e3:,.1f} s {side} the venues': set it by NTP. Windows are "
                "followed by the venues' time; receive times are as wrong as the clock."
            )
        if parts.steady.ahead_ns > TOLERATED_MS * MS:
            notices.append(
                f"This machine's clock was set back: receive times go on {parts.steady.ahead_ns / SECOND:,.1f} s ahead "
                "of it until it has caught up."
            )
        if free < LOW_DISK * self._plan.reserve_bytes:
            notices.append(
                f"{free / 1e9:.1f} GB are left on the disk; recording stops at {self._plan.reserve_bytes / 1e9:.1f} GB."
            )
        if parts.keeper is not None and parts.keeper.trouble is not None:
            notices.append(parts.keeper.trouble)
        if parts.probe is not None:
            notices += parts.probe.trouble.values()
        return notices


def peak_rss_bytes() -> int:
    """Most memory this process used so far, bytes."""
    status = Path("/proc/self/status")
    if status.is_file():  # getrusage would count what the parent used before this program was started
        for entry in status.read_text(encoding="ascii").splitlines():
            if entry.startswith("VmHWM:"):
                return int(entry.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
