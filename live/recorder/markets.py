"""Up/down windows: asked about at Gamma, and followed on the market channel as long as they live."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from arena.errors import DataError
from live.feeds.connection import Connection
from live.feeds.frame import Frame, Kind, note
from live.feeds.polymarket.feed import PolymarketFeed, window_of
from live.feeds.polymarket.gamma import read_reply
from live.feeds.polymarket.parser import GAMMA
from live.recorder.log import Sink, Sleep
from live.recorder.windows import Desk, Window
from live.rest.gamma import Gamma

LOOK_EVERY_S = 1.0


class MarketKeeper:
    """Asks about windows when they are due, and tells the market feed which to listen to.

    Args:
        gamma: whom to ask.
        desk: what to ask when.
        sink: where answers go, as frames.
        channel: the connection to the market channel, told which windows to listen to; None = nobody listens.
        wall_ns: now, ns UTC; says which windows are open.
        mono_ns: monotonic now, ns.
        sleep: waits, seconds.
    """

    def __init__(
        self, gamma: Gamma, desk: Desk, sink: Sink, channel: Connection | None, *, wall_ns: Callable[[], int],
        mono_ns: Callable[[], int] = time.monotonic_ns, sleep: Sleep = asyncio.sleep,
    ) -> None:  # fmt: skip
        self._gamma, self._desk, self._sink, self._channel = gamma, desk, sink, channel
        self._wall_ns, self._mono_ns, self._sleep = wall_ns, mono_ns, sleep
        self.following = asyncio.Event()
        """Set as soon as there is a window to listen to: a channel without one has nothing to say."""
        self._answers: dict[Window, bytes] = {}
        self._troubles: dict[Window, str] = {}

    @property
    def trouble(self) -> str | None:
        """Why questions were not answered, or not to be believed; None when all were."""
        troubles = list(self._troubles.values())
        if len(troubles) > 1:
            return f"{troubles[-1]} ({len(troubles)} windows are waited for.)"
        return troubles[0] if troubles else None

    @property
    def answers(self) -> list[bytes]:
        """The last answers about all windows there is still something to learn about, as recorded."""
        return list(self._answers.values())

    async def run(self) -> None:
        """Ask and follow until cancelled. A slow answer holds up nothing but itself."""
        async with asyncio.TaskGroup() as asking:
            while True:
                for window in self._desk.due(self._wall_ns()):
                    asking.create_task(self._ask(window))
                await self._follow()
                await self._sleep(LOOK_EVERY_S)

    async def _follow(self) -> None:
        """Listen to the windows that are to be listened to now, and to no others."""
        if self._channel is None or not isinstance(self._channel.feed, PolymarketFeed):
            return
        feed, wanted = self._channel.feed, [window_of(dict(row)) for row in self._desk.listened(self._wall_ns())]
        names = {window.market_id for window in wanted}
        messages = feed.add(wanted) + feed.drop(w.market_id for w in feed.windows if w.market_id not in names)
        if wanted:
            self.following.set()
        await self._channel.send(messages)

    async def _ask(self, window: Window) -> None:
        row = trouble = None
        try:
            reply = await self._gamma.event_reply(window.slug)
            answer = note(url=reply.url, status=reply.status, body=reply.body.decode("utf-8", "replace"))
            await self._sink(Frame(GAMMA, 0, reply.recv_ns, self._mono_ns(), Kind.HTTP, answer))
            told = next((t for t in read_reply(GAMMA, answer)[1] if t.row["market_id"] == window.slug), None)
            if told is not None:
                row, trouble = (told.row, None) if told.rule is None else (None, told.why)
            if row is not None:
                self._answers[window] = answer
        except DataError as error:
            trouble = str(error)
        self._desk.answered(window, row, self._wall_ns())
        self._troubles.pop(window, None)
        if trouble is not None:
            self._troubles[window] = trouble
        for known in (self._answers, self._troubles):
            for over in [w for w in known if not self._desk.expects(w)]:
                del known[over]
