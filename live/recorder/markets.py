"""Up/down windows: asked about at Gamma, answers kept as frames, frames to rows of ``windows``."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from arena.errors import DataError
from arena.units import SECOND
from live.feeds.base import BadFrame
from live.feeds.frame import Frame, Kind, note
from live.feeds.rows import Rows
from live.recorder.log import Sink, Sleep
from live.recorder.windows import Desk, Window
from live.rest.gamma import Gamma
from live.rest.gamma_rows import event_row

FEED = "gamma"
LOOK_EVERY_S = 1.0

Follow = Callable[[Sequence[Mapping[str, Any]]], None]
"""Listens to exactly these windows (rows of ``windows``) from now on."""


class MarketKeeper:
    """Asks about windows when they are due, and tells the market feed which to listen to.

    Args:
        gamma: whom to ask.
        desk: what to ask when.
        sink: where answers go, as frames.
        follow: told the windows to listen to.
        source: who records.
        wall_ns: now, ns UTC.
        mono_ns: monotonic now, ns.
        sleep: waits, seconds.
    """

    def __init__(
        self, gamma: Gamma, desk: Desk, sink: Sink, follow: Follow, *, source: str, wall_ns: Callable[[], int],
        mono_ns: Callable[[], int] = time.monotonic_ns, sleep: Sleep = asyncio.sleep,
    ) -> None:  # fmt: skip
        self._gamma, self._desk, self._sink, self._follow = gamma, desk, sink, follow
        self._source, self._wall_ns, self._mono_ns, self._sleep = source, wall_ns, mono_ns, sleep
        self.trouble: str | None = None
        """Why the last question was not answered; None when it was."""

    async def run(self) -> None:
        """Ask and follow until cancelled. A slow answer holds up nothing but itself."""
        async with asyncio.TaskGroup() as asking:
            while True:
                for window in self._desk.due(self._wall_ns()):
                    asking.create_task(self._ask(window))
                self._follow(self._desk.listened(self._wall_ns()))
                await self._sleep(LOOK_EVERY_S)

    async def revive(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Take up windows of an earlier session whose outcome is not known; what is known of them is recorded."""
        if rows:
            known = note(windows=list(rows))
            await self._sink(Frame(FEED, 0, self._wall_ns(), self._mono_ns(), Kind.OPENED, known))
            self._desk.revive(rows)

    async def _ask(self, window: Window) -> None:
        row = None
        try:
            reply = await self._gamma.event_reply(window.slug)
            if reply.found:
                await self._sink(Frame(FEED, 0, reply.recv_ns, self._mono_ns(), Kind.HTTP, reply.body))
                row = event_row(reply.json(), self._source)
            self.trouble = None
        except DataError as error:
            self.trouble = str(error)
        self._desk.answered(window, row, self._wall_ns())


class GammaParser:
    """Gamma's answers to rows of ``windows``; what an answer leaves out stays as an earlier one told it.

    The venue shows a window's tick size only while it is open, and its outcome only when it is over.
    """

    def __init__(self, source: str) -> None:
        self._source = source
        self._known: dict[str, dict[str, Any]] = {}
        self.counts: Counter[str] = Counter()

    def feed(self, frame: Frame, rows: Rows) -> None:
        """One answer, or what an earlier session knew, to rows.

        Raises:
            BadFrame: it is no up/down window, or contradicts itself.
        """
        try:
            if frame.kind == Kind.HTTP:
                found = [event_row(json.loads(frame.payload), self._source)]
            elif frame.kind == Kind.OPENED:
                found = list(json.loads(frame.payload)["windows"])
            else:
                return
        except (DataError, ValueError, KeyError, TypeError, AttributeError) as error:
            self.counts["bad_frame"] += 1
            raise BadFrame(FEED, str(error)) from error
        for row in found:
            name, earlier = row["market_id"], self._known.get(row["market_id"], {})
            if frame.kind == Kind.OPENED:
                row, earlier = earlier, row
            merged = {**earlier, **{column: value for column, value in row.items() if value is not None}}
            self._known[name] = merged
            rows.window(merged)
        self._forget(frame.recv_ns)

    def _forget(self, now_ns: int) -> None:
        done = [n for n, row in self._known.items() if row.get("outcome") and row["close_ns"] < now_ns - 3_600 * SECOND]
        for name in done:
            del self._known[name]
