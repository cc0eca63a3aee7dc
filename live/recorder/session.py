"""One run of the recorder: connections up, frames kept, tables following, until it is told to stop."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import sys
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from arena.errors import DataError
from arena.market.catalog import MANIFEST, Catalog
from arena.units import SECOND
from live.feeds.connection import PLANNED, Connection
from live.feeds.frame import Frame, Kind
from live.feeds.polymarket.feed import PolymarketFeed
from live.feeds.polymarket.parser import GAMMA
from live.recorder import feeds, origin
from live.recorder.clock import CLOCK, ClockProbe, SteadyClock, check_wall
from live.recorder.health import Health
from live.recorder.log import RawLog, Sleep
from live.recorder.markets import MarketKeeper
from live.recorder.normaliser import FAULT, Normaliser
from live.recorder.origin import Origin
from live.recorder.pipeline import Pipeline
from live.recorder.plan import Plan
from live.recorder.reporter import Parts, Reporter
from live.recorder.segments import Block, last_block
from live.recorder.status import Status
from live.recorder.tables import Batch
from live.recorder.windows import Desk
from live.recorder.writer import Disk, DiskFull, SegmentWriter
from live.rest.gamma import Gamma
from live.rest.http import Http

STALL_PROBE_S = 0.02
REFUSED_S = 60.0
"""Pause before a venue that gave a nonsensical answer, or whose parser failed, is connected anew, seconds."""
SWITCH_S = 0.0005
"""How long the tables' thread may hold the interpreter while the event loop wants it, seconds."""

Show = Callable[[Status], None]


async def record(
    plan: Plan,
    show: Show,
    stop: asyncio.Event,
    *,
    environment: Mapping[str, str],
    rng: np.random.Generator,
    disk: Disk | None = None,
    sleep: Sleep = asyncio.sleep,
    wall_ns: Callable[[], int] = time.time_ns,
    mono_ns: Callable[[], int] = time.monotonic_ns,
) -> Status:
    """Record until ``stop`` is set, the plan's time is over, or it cannot go on.

    However it ends, what came is flushed and the tables are brought up to it. Where a run before was killed, what
    its tables lack is read from the log first, while new frames are kept already.

    Args:
        plan: what to record, and where to.
        show: called with a status now and then.
        stop: ends the run.
        environment: variables with credentials.
        rng: jitter of reconnects and retries.
        disk: system calls of the raw log.
        sleep: waits, seconds.
        wall_ns: wall clock, ns UTC.
        mono_ns: monotonic clock, ns.

    Returns:
        The last status, when everything is written.

    Raises:
        ConfigError: the plan asks for what does not exist.
        DiskFull: the disk was full; what was written is whole.
        DataError: another recorder writes there, this machine's clock is not set, the log is not the one the tables
            were made of, the tables could not be written, or nothing came from anywhere.
    """
    feeds.check(plan)
    check_wall(wall_ns())
    if not (plan.to / MANIFEST).is_file():
        with Catalog.append_or_create(plan.to):
            pass
    with _alone(plan.raw):
        before = last_block(plan.raw)
        feeds.warm_up()
        steady = SteadyClock(before.frames[-1].recv_ns if before else 0, wall_ns, mono_ns)
        run = _Run(plan, environment, before, disk or Disk(), rng, sleep, steady, wall_ns, mono_ns)
        switch_s = sys.getswitchinterval()
        sys.setswitchinterval(SWITCH_S)
        try:
            return await run.until(stop, show)
        finally:
            sys.setswitchinterval(switch_s)


class _Run:
    """The parts of a run, and how they begin and end."""

    def __init__(
        self,
        plan: Plan,
        environment: Mapping[str, str],
        before: Block | None,
        disk: Disk,
        rng: np.random.Generator,
        sleep: Sleep,
        steady: SteadyClock,
        wall_ns: Callable[[], int],
        mono_ns: Callable[[], int],
    ) -> None:
        self._plan, self._before, self._sleep = plan, before, sleep
        self._steady, self._wall_ns, self._mono_ns = steady, wall_ns, mono_ns
        self._loop = asyncio.get_running_loop()
        self._renewing: set[str] = set()
        self._mended_ns: dict[str, float] = {}
        self._mending: set[asyncio.Future[None]] = set()
        self._began_ns = steady()
        self._health = Health(plan.feeds, feeds.oracle_feed(plan.feeds))
        normaliser = Normaliser(plan.to, plan.raw, feeds.parsers_of)
        self._pipeline = Pipeline(normaliser, self._looked)
        used = normaliser.committed.position.segment if normaliser.committed else 0
        self._writer = SegmentWriter(plan.raw, reserve_bytes=plan.reserve_bytes, after=used, disk=disk)
        self._log = RawLog(self._writer, self._pipeline.durable, flush_s=plan.flush_s)
        self._http = Http(rng=rng, wall_ns=steady, sleep=sleep, attempts=3)
        self._desk = Desk(plan.assets, plan.intervals_s)
        self._connections = {
            name: Connection(feed, self._sink, rng=rng, sleep=sleep, wall_ns=steady, mono_ns=mono_ns)
            for name, feed in feeds.connected_feeds(plan, environment).items()
        }
        self._keeper = self._probe = None
        channel = self._connections.get(PolymarketFeed.name)
        if GAMMA in plan.feeds:
            gamma = Gamma(self._http, feeds.gamma_host(plan.urls))
            self._keeper = MarketKeeper(
                gamma, self._desk, self._sink, channel, wall_ns=self._now, mono_ns=mono_ns, sleep=sleep
            )
        if CLOCK in plan.feeds:
            servers = feeds.time_servers(plan.urls)
            self._probe = ClockProbe(self._http, servers, self._sink, mono_ns=mono_ns, sleep=sleep)
        parts = Parts(
            self._writer, self._log, self._pipeline, self._health, self._desk, self._connections, steady,
            self._keeper, self._probe,
        )  # fmt: skip
        self._reporter = Reporter(plan, parts, disk, wall_ns, mono_ns)

    def _now(self) -> int:
        """What time it is, ns UTC, as well as we know: says what is to be done."""
        wall_ns = self._wall_ns()
        return wall_ns if self._probe is None else self._probe.corrected(wall_ns)

    async def until(self, stop: asyncio.Event, show: Show) -> Status:
        """Run until ``stop`` is set, time is over or something fails; then end in order."""
        plan = self._plan
        first = Origin(plan.assets, plan.intervals_s, plan.feeds, plan.source)
        await self._log.put(first.frame(self._steady(), self._mono_ns()))
        if self._before is not None:
            self._pipeline.durable(self._before.end)
        self._pipeline.start(self._steady())
        failure: BaseException | None = None
        async with self._http:
            tasks = [asyncio.create_task(part) for part in self._parts(stop, show)]
            try:
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                failure = next((error for task in done if (error := task.exception()) is not None), None)
            finally:
                self._reporter.stopping()
                await self._say(origin.ended(self._steady(), self._mono_ns()))
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
        return await self._end(failure)

    def _parts(self, stop: asyncio.Event, show: Show) -> Iterator[Coroutine[Any, Any, object]]:
        """What runs side by side; the run ends with the first that ends."""
        yield stop.wait()
        yield self._log.run()
        yield self._report(show)
        yield self._watch_stalls()
        yield self._revive()
        yield self._renew()
        if self._plan.for_s is not None:
            yield self._sleep(self._plan.for_s)
        for name in self._connections:
            yield self._connect(name)
        if self._keeper is not None:
            yield self._keeper.run()
        if self._probe is not None:
            yield self._probe.run()

    async def _end(self, failure: BaseException | None) -> Status:
        """Flush, bring the tables up to the log, and say what went wrong."""
        try:
            await self._log.close()
        except OSError as error:
            failure = failure or error
        except DiskFull as error:
            failure = failure or error
        await asyncio.to_thread(self._pipeline.finish)
        status = self._reporter.status()
        if failure is not None:
            if isinstance(failure, DiskFull) and (lost := status.frames - status.frames_kept):
                raise DiskFull(f"{failure} {lost:,} frames that came after the last flush are lost.") from failure
            raise failure
        broken = self._pipeline.failure
        if broken is not None:
            if isinstance(broken, OSError) and broken.errno in (errno.ENOSPC, errno.EDQUOT):
                raise DiskFull(
                    f"The disk of {self._plan.to} is full: recording stopped. The raw log is whole and the tables are "
                    "as they were; make room and start the recorder again, and it will bring them up to the log."
                ) from broken
            raise DataError(
                f"The tables of {self._plan.to} stopped growing ({broken}); the raw log is whole. "
                "Start the recorder again, or rebuild the catalog with `arena-data reparse`."
            ) from broken
        if (nothing := self._reporter.nothing_came()) is not None:
            raise DataError(nothing)
        return status

    async def _connect(self, name: str) -> None:
        """Keep one feed connected. A venue that refuses us for good must not end the recording of the others."""
        if name == PolymarketFeed.name and self._keeper is not None:
            await self._keeper.following.wait()
        while True:
            try:
                await self._connections[name].run()
            except DataError as error:
                self._reporter.refusals[name] = str(error)
                await asyncio.Event().wait()
            except Exception as error:  # whatever one venue answers, the others are recorded
                self._reporter.refusals[name] = f"Feed {name!r} cannot be connected ({type(error).__name__}: {error})."
            await self._sleep(REFUSED_S)

    async def _sink(self, frame: Frame) -> None:
        self._health.saw(frame)
        await self._log.put(frame)
        if frame.kind == Kind.CLOSED and frame.feed in self._renewing:
            await self._renewed(frame.feed)

    async def _renew(self) -> None:
        """Have one feed after the other connected anew, each every ``renew_s`` seconds."""
        with_parser = [n for n in self._plan.feeds if n in self._connections or n == CLOCK]
        if GAMMA in self._plan.feeds and PolymarketFeed.name not in self._connections:
            with_parser.append(GAMMA)
        while True:
            for name in with_parser:
                await self._sleep(self._plan.renew_s / len(with_parser))
                await self._anew(name, PLANNED)

    async def _anew(self, name: str, reason: str) -> None:
        """Have a feed's parser begin afresh: with a new connection, where there is one."""
        connection = self._connections.get(name)
        if connection is None or not connection.is_open:
            await self._renewed(name)
        else:
            self._renewing.add(name)
            await connection.reconnect(reason)

    async def _renewed(self, name: str) -> None:
        """Say in the log that the parser of ``name`` begins afresh, and again what it has to know."""
        self._renewing.discard(name)
        await self._say(origin.renewed(name, self._steady(), self._mono_ns()))
        if self._keeper is not None and name in (PolymarketFeed.name, GAMMA):
            for answer in self._keeper.answers:
                await self._say(Frame(GAMMA, 0, self._steady(), self._mono_ns(), Kind.HTTP, answer))

    async def _say(self, frame: Frame) -> None:
        """Put a frame of our own into the log; a disk that refuses it has said so already."""
        if self._log.failure is None:
            await self._log.put(frame)

    def _looked(self, batch: Batch) -> None:
        """Called in the tables' thread: count, and give up connections whose parser failed."""
        self._health.looked(batch)
        if batch.faults and batch.last_ns >= self._began_ns:
            self._loop.call_soon_threadsafe(self._mend, batch.faults)

    def _mend(self, faults: frozenset[str]) -> None:
        now_ns = self._mono_ns()
        for name in faults & self._connections.keys():
            if now_ns - self._mended_ns.get(name, -REFUSED_S * SECOND) >= REFUSED_S * SECOND:
                self._mended_ns[name] = now_ns
                self._mending.add(task := asyncio.ensure_future(self._anew(name, FAULT)))
                task.add_done_callback(self._mending.discard)

    async def _report(self, show: Show) -> None:
        """Show statuses; ends when the tables cannot grow because the disk is full."""
        while True:
            failure = self._pipeline.failure
            if isinstance(failure, OSError) and failure.errno in (errno.ENOSPC, errno.EDQUOT):
                return
            show(self._reporter.status())
            await self._sleep(self._plan.show_every_s)

    async def _watch_stalls(self) -> None:
        while True:
            began = self._mono_ns()
            await self._sleep(STALL_PROBE_S)
            late_ns = self._mono_ns() - began - int(STALL_PROBE_S * SECOND)
            self._reporter.worst_stall_ns = max(self._reporter.worst_stall_ns, late_ns)

    async def _revive(self) -> None:
        """Take up the windows of earlier runs without an outcome, as soon as the tables know them all."""
        end = self._before.end if self._before else None
        while end is not None and (self._pipeline.position is None or self._pipeline.position < end):
            await self._sleep(0.1)
        self._desk.revive(await asyncio.to_thread(_unresolved, self._plan))
        await asyncio.Event().wait()


def _unresolved(plan: Plan) -> list[dict[str, Any]]:
    """Rows of ``windows`` of this recorder, and of the coins it follows, that have no outcome."""
    import polars as pl

    catalog = Catalog.open(plan.to)
    if plan.source not in catalog.sources("windows"):
        return []
    rows = catalog.scan("windows", source=plan.source)
    return rows.filter(pl.col("outcome").is_null(), pl.col("asset").is_in(plan.assets)).collect().to_dicts()


@contextmanager
def _alone(raw: Path) -> Iterator[None]:
    """Keep other recorders out of ``raw`` while the block runs."""
    raw.mkdir(parents=True, exist_ok=True)
    handle = os.open(raw / ".recording", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DataError(
                f"Another recorder writes to {raw}; stop it first, or record to another catalog."
            ) from error
        yield
    finally:
        with suppress(OSError):
            os.close(handle)
