"""A venue on the loopback: one WebSocket server, its subscribers, and the ways in which venues fail.

Time is scaled: ``speed`` venue seconds pass per real second, so a rule of "30 s without a ping" is enforced within
a test. A venue publishes by itself every ``every_s`` real seconds until told to fall silent.
"""

from __future__ import annotations

import asyncio
import json
from types import TracebackType
from typing import Any

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

T0_MS = 1_790_000_000_000
"""The first venue time; every publication is one second later."""


class Session:
    """One connected client: what it subscribed to and what it was told."""

    def __init__(self, socket: ServerConnection) -> None:
        self.socket = socket
        self.subscriptions: list[Any] = []
        self.sequence = 0
        self.published = 0

    async def send(self, message: Any) -> None:
        """One message: text and bytes as they are, anything else as JSON, in one text frame."""
        if isinstance(message, bytes):
            message = message.decode()
        await self.socket.send(message if isinstance(message, str) else json.dumps(message, separators=(",", ":")))


class Venue:
    """Base of all venues. Subclasses answer (:meth:`heard`) and speak (:meth:`tick`).

    Args:
        speed: venue seconds per real second.
        every_s: real seconds between two publications.
    """

    idle_limit_s: float | None = None
    """Venue seconds without a message from the client after which the venue hangs up."""
    first_message_s: float | None = None
    """Venue seconds within which the first message must come."""

    def __init__(self, *, speed: float = 100.0, every_s: float = 0.01) -> None:
        self.speed, self.every_s = speed, every_s
        self.received: list[str] = []
        self.sessions: list[Session] = []
        self.opened = 0
        self.closed_for: list[str] = []
        self.silent = False
        self.pings = 0
        self._server: Server | None = None

    async def __aenter__(self) -> Venue:
        self._server = await serve(self._handle, "127.0.0.1", 0, compression=None, ping_interval=None)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    @property
    def url(self) -> str:
        """Where to connect."""
        if self._server is None:
            raise RuntimeError("enter the venue first")
        host, port = next(iter(self._server.sockets)).getsockname()[:2]
        return f"ws://{host}:{port}"

    async def hang_up(self, code: int = 1001, reason: str = "") -> None:
        """Close every connection."""
        for session in list(self.sessions):
            await session.socket.close(code, reason)

    async def tell(self, message: Any) -> None:
        """Send one message to every client."""
        for session in list(self.sessions):
            await session.send(message)

    async def welcome(self, session: Session) -> None:
        """What the venue says before anything is asked."""

    async def heard(self, session: Session, message: str) -> None:
        """Answer one message of a client."""

    async def tick(self, session: Session) -> None:
        """Publish one round of data."""

    def time_ms(self, session: Session) -> int:
        """Venue time of the session's current round, ms UTC."""
        return T0_MS + 1000 * session.published

    async def _handle(self, socket: ServerConnection) -> None:
        session = Session(socket)
        self.opened += 1
        self.sessions.append(session)
        publisher = asyncio.create_task(self._publish(session))
        try:
            await self.welcome(session)
            limit = self.first_message_s or self.idle_limit_s
            while True:
                async with asyncio.timeout(None if limit is None else limit / self.speed):
                    message = await socket.recv(decode=True)
                limit = self.idle_limit_s
                self.received.append(message)
                await self.heard(session, message)
        except TimeoutError:
            self.closed_for.append("idle")
            await socket.close(1008, "no message in time")
        except ConnectionClosed:
            pass
        finally:
            publisher.cancel()
            await asyncio.gather(publisher, return_exceptions=True)
            self.sessions.remove(session)

    async def _publish(self, session: Session) -> None:
        while True:
            await asyncio.sleep(self.every_s)
            if not self.silent and session.subscriptions:
                session.published += 1
                await self.tick(session)
