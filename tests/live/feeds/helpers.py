"""Frames out of messages, and a supervisor that collects what it is given."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import polars as pl

from arena.market.schema import TABLES
from live.feeds.base import Feed, Parser
from live.feeds.connection import Connection, Patience
from live.feeds.frame import Frame, Kind, note
from live.feeds.rows import Rows

T0 = 1_790_000_000_000_000_000
"""When the first frame came, ns UTC; each later one comes a millisecond after the one before."""


def payload(message: Any) -> bytes:
    """A message as it comes over the wire."""
    if isinstance(message, bytes):
        return message
    return message.encode() if isinstance(message, str) else json.dumps(message, separators=(",", ":")).encode()


def frames(feed: str, messages: Iterable[Any], *, conn: int = 0, start: int = 0) -> list[Frame]:
    """Messages as frames of one feed; a (kind, note) pair becomes a note."""
    made = []
    for i, message in enumerate(messages, start):
        kind, body = message if isinstance(message, tuple) else (Kind.DATA, payload(message))
        made.append(Frame(feed, conn, T0 + i * 1_000_000, i, kind, body))
    return made


OPENED = (Kind.OPENED, note(url="ws://venue"))
CLOSED = (Kind.CLOSED, note(reason="reconnect", code=1006))


def sent(**message: Any) -> tuple[Kind, bytes]:
    """What we told the venue."""
    return Kind.SENT, note(**message)


def gamma(body: Any, status: int = 200) -> tuple[Kind, bytes]:
    """A recorded reply of Gamma."""
    text = body if isinstance(body, str) else json.dumps(body)
    return Kind.HTTP, note(url="https://gamma-api.polymarket.com/events/slug/x", status=status, body=text)


def parse(parser: Parser, recorded: Iterable[Frame]) -> dict[str, pl.DataFrame]:
    """The tables of a recording; every frame must be believed, and every table conform."""
    rows = Rows("test")
    for frame in recorded:
        parser.feed(frame, rows)
    tables = rows.take()
    for name, table in tables.items():
        assert table.schema == pl.Schema(TABLES[name].schema)
    return tables


class Collected:
    """What a connection handed on."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self._more = asyncio.Event()

    async def sink(self, frame: Frame) -> None:
        self.frames.append(frame)
        self._more.set()

    def of(self, kind: Kind) -> list[Frame]:
        return [frame for frame in self.frames if frame.kind == kind]

    async def until(self, enough: Callable[[Collected], bool], within_s: float = 10.0) -> None:
        """Wait until ``enough`` holds."""
        async with asyncio.timeout(within_s):
            while not enough(self):
                self._more.clear()
                await self._more.wait()


QUICK = Patience(first_s=0.01, longest_s=0.05, settle_s=0.0, open_s=5.0, close_s=0.2, ping_s=20.0, look_s=0.02)


@asynccontextmanager
async def connected(feed: Feed, **options: Any) -> AsyncIterator[tuple[Collected, Connection]]:
    """A running connection, and what it collects; stopped at the end."""
    got = Collected()
    options = {"patience": QUICK, "rng": np.random.default_rng(1), **options}
    connection = Connection(feed, got.sink, **options)
    task = asyncio.create_task(connection.run())
    try:
        yield got, connection
    finally:
        task.cancel()
        ended = await asyncio.gather(task, return_exceptions=True)
        if isinstance(ended[0], Exception):
            raise ended[0]
