"""Keeps one feed's connection up, and hands on every frame.

Nothing is parsed for the recording here and nothing is dropped: while the sink is busy, the socket waits. What the
connection itself needs to know (who talked, what to answer, when to go) comes from the feed's ``watch``.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidURI, WebSocketException

from arena.errors import ConfigError, DataError
from arena.units import SECOND
from live.feeds.base import Feed, Seen, Watch
from live.feeds.frame import Frame, Kind, note
from live.feeds.watchdog import Watchdog

Sink = Callable[[Frame], Awaitable[None]]
Sleep = Callable[[float], Awaitable[None]]

_NOTICES = 20
PLANNED = "planned"
"""Reason of a reconnect that neither side regrets: it is done at once, if the connection had settled."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How a connection waits; all times in seconds.

    Args:
        first_s: longest pause before the first new attempt; doubles with every failure.
        longest_s: longest pause ever. Every pause is drawn evenly from half of its length to all of it.
        settle_s: how long data must keep coming before earlier failures are forgotten.
        open_s: how long the handshake may take.
        close_s: how long to wait for a venue to agree that a connection is over.
        ping_s: how often to ping by the protocol, and how long the answer may take. It proves nothing about data.
        look_s: how often the watchdog looks at the streams.
    """

    first_s: float = 0.5
    longest_s: float = 60.0
    settle_s: float = 5.0
    open_s: float = 10.0
    close_s: float = 2.0
    ping_s: float = 20.0
    look_s: float = 1.0


class Connection:
    """One feed, kept connected until cancelled.

    Args:
        feed: what to connect to.
        sink: is awaited with every frame, in order.
        conn: number of the connection within the feed.
        rng: draws the pauses.
        sleep: waits, seconds.
        wall_ns: the wall clock, ns UTC; stamps frames before anything looks at them.
        mono_ns: the monotonic clock, ns.
        patience: how long to wait for what.
    """

    def __init__(
        self,
        feed: Feed,
        sink: Sink,
        *,
        rng: np.random.Generator,
        conn: int = 0,
        sleep: Sleep = asyncio.sleep,
        wall_ns: Callable[[], int] = time.time_ns,
        mono_ns: Callable[[], int] = time.monotonic_ns,
        patience: Patience = Patience(),
    ) -> None:
        self.feed = feed
        self.conn = conn
        self.reconnects = 0
        self.failures = 0
        """Attempts in a row that brought no data, or not for long."""
        self.trouble = ""
        """Why the last connection ended, or could not be made."""
        self.notices: dict[str, None] = {}
        """What the venue refused, in its words, each once; the latest last."""
        self._sink, self._rng, self._sleep, self._patience = sink, rng, sleep, patience
        self._wall_ns, self._mono_ns = wall_ns, mono_ns
        self._socket: ClientConnection | None = None
        self._reason: str | None = None
        self._watchdog = Watchdog(patience.settle_s)
        self._opened_ns = 0
        self._order = asyncio.Lock()
        self._sending = asyncio.Lock()

    @property
    def is_open(self) -> bool:
        """Whether the connection is up."""
        return self._socket is not None

    async def run(self) -> None:
        """Connect, and connect again, until cancelled; then say goodbye.

        Raises:
            ConfigError: the address is none.
            DataError: the venue refuses us for good (credentials, policy).
        """
        while True:
            reason = await self._once()
            self.reconnects += 1
            at_once = reason == PLANNED and self.failures == 0
            await self._sleep(0.0 if at_once else self._pause_s())

    async def send(self, messages: Iterable[bytes]) -> None:
        """Tell the venue something now. Without a connection nothing is said: the next one subscribes by itself."""
        socket = self._socket
        if socket is None:
            return
        async with self._sending:
            for message in messages:
                try:
                    # Text, as every venue wants it.
                    await socket.send(message.decode())
                except ConnectionClosed:
                    return
                await self._note(Kind.SENT, self.feed.recorded(message))

    async def reconnect(self, reason: str) -> None:
        """Give this connection up for a new one; ``reason`` goes into the recording."""
        if self._reason is None:
            self._reason = reason
        if self._socket is not None:
            await self._socket.close()

    def _pause_s(self) -> float:
        longest = min(self._patience.longest_s, self._patience.first_s * 2.0 ** min(self.failures - 1, 30))
        return longest * (0.5 + 0.5 * float(self._rng.random()))

    async def _once(self) -> str:
        """One connection from beginning to end; why it ended."""
        self._reason = None
        self.failures += 1
        patience = self._patience
        try:
            socket = await connect(
                self.feed.url,
                compression=None,
                max_size=None,
                open_timeout=patience.open_s,
                close_timeout=patience.close_s,
                ping_interval=patience.ping_s,
                ping_timeout=patience.ping_s,
            )
        except InvalidURI as error:
            raise ConfigError(f"Feed {self.feed.name!r} has no usable address: {error}. Correct its url.") from error
        except (OSError, TimeoutError, WebSocketException) as error:
            self.trouble = f"{type(error).__name__}: {error}"
            return "refused"
        try:
            return await self._talk(socket)
        finally:
            self._socket = None
            await socket.close()

    async def _talk(self, socket: ClientConnection) -> str:
        tasks: list[asyncio.Task[None]] = []
        try:
            await self._note(Kind.OPENED, note(url=self.feed.url))
            self._opened_ns = self._mono_ns()
            self._watchdog.opened(self._opened_ns)
            # Nobody may say anything before the first subscription: from here on to its sending, nothing waits.
            self._socket = socket
            messages, watch = self.feed.subscribe(), self.feed.watch()
            at_once = 1 if self.feed.pace_s else len(messages)
            await self.send(messages[:at_once])
            parts = (
                self._send_paced(messages[at_once:]),
                self._listen(socket, watch),
                self._keep_alive(),
                self._watch_streams(watch),
                self._end_of_life(),
            )
            tasks = [asyncio.create_task(part) for part in parts]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        except asyncio.CancelledError:
            await _end(tasks)
            await self._note(Kind.CLOSED, note(reason="stopped"))
            raise
        ends = await _end(tasks)
        broken = next((e for e in ends if isinstance(e, Exception) and not isinstance(e, ConnectionClosed)), None)
        if broken is not None:
            raise broken
        return await self._closed(socket)

    async def _send_paced(self, messages: Iterable[bytes]) -> None:
        for message in messages:
            await self._sleep(self.feed.pace_s)
            await self.send([message])

    async def _listen(self, socket: ClientConnection, watch: Watch) -> None:
        while True:
            payload = await socket.recv(decode=False)
            frame = Frame(self.feed.name, self.conn, self._wall_ns(), self._mono_ns(), Kind.DATA, payload)
            async with self._order:
                await self._sink(frame)
            await self._act(watch.see(payload), frame.mono_ns)

    async def _act(self, seen: Seen, mono_ns: int) -> None:
        self._watchdog.heard(seen.streams, mono_ns)
        self._watchdog.broke(seen.broken, mono_ns)
        if seen.notice:
            self.notices.pop(seen.notice, None)
            self.notices[seen.notice] = None
            self.notices = dict(list(self.notices.items())[-_NOTICES:])
        if seen.refused:
            self._watchdog.refused(seen.refused)
            if self._watchdog.serves_nothing(self.feed.streams()):
                await self.reconnect("refused")
        if seen.streams and mono_ns - self._opened_ns >= self._patience.settle_s * SECOND:
            self.failures = 0
        if seen.send:
            await self.send(seen.send)
        if seen.reconnect is not None:
            await self.reconnect(seen.reconnect)

    async def _closed(self, socket: ClientConnection) -> str:
        code, text = socket.protocol.close_code, socket.protocol.close_reason
        reason = self._reason or "reconnect"
        await self._note(Kind.CLOSED, note(reason=reason, code=code, text=text))
        if code in self.feed.fatal_codes:
            raise DataError(
                f"Feed {self.feed.name!r} was closed by the venue with code {code} ({text or 'no reason given'}): "
                "connecting again cannot help. Check its credentials."
            )
        self.trouble = f"{reason}, code {code}"
        return reason

    async def _keep_alive(self) -> None:
        keepalive = self.feed.keepalive
        while keepalive is not None:
            await self._sleep(keepalive.interval_s)
            await self.send([keepalive.payload])

    async def _end_of_life(self) -> None:
        if self.feed.lifetime_s is not None:
            await self._sleep(self.feed.lifetime_s)
            await self.reconnect(PLANNED)

    async def _watch_streams(self, watch: Watch) -> None:
        while True:
            await self._sleep(self._patience.look_s)
            await self._act(watch.look(), self._mono_ns())
            verdict = self._watchdog.look(self.feed.streams(), self._mono_ns(), self._wall_ns())
            if verdict.silent:
                streams = [[stream.name, stream.asset] for stream in verdict.silent]
                await self._note(Kind.SILENT, note(reason="silence", streams=streams))
            if verdict.reconnect:
                await self.reconnect("silence")
                return
            if verdict.silent:
                await self.send(watch.again(verdict.silent))

    async def _note(self, kind: Kind, payload: bytes) -> None:
        async with self._order:
            await self._sink(Frame(self.feed.name, self.conn, self._wall_ns(), self._mono_ns(), kind, payload))


async def _end(tasks: Sequence[asyncio.Task[None]]) -> list[BaseException | None]:
    """Cancel what still runs; how each ended."""
    for task in tasks:
        task.cancel()
    return await asyncio.gather(*tasks, return_exceptions=True)
