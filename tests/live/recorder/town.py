"""Every venue the recorder talks to, on the loopback, in a thread of its own; and the recorder as a process."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.venues import binance_us, bitfinex, bybit, coinbase, kraken, okx, rtds
from tests.venues.gamma import GammaServer, event
from tests.venues.polymarket_ws import Listed, PolymarketWs
from tests.venues.rest import Asked
from tests.venues.server import Session, Venue

RESOLVED_AFTER_S = 3

DATED = ("coinbase", "coinbase_l2", "kraken")
"""Venues of the loopback that write dates, and know one day only; the others tell the time of the day."""


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class LiveGamma(GammaServer):
    """Knows every window there could be, resolves it a moment after its close, and what time it is."""

    def answer(self, asked: Asked) -> Any:
        if asked.path == "/time":
            return int(time.time())
        if asked.path.endswith("/brokerage/time"):
            return {"epochMillis": str(now_ms())}
        if asked.path == "/api/v3/time":
            return {"serverTime": now_ms()}
        if asked.path.endswith("/public/time"):
            return {"data": [{"ts": str(now_ms())}]}
        if asked.path.endswith("/market/time"):
            return {"result": {"timeNano": str(time.time_ns())}}
        slug = asked.path.rpartition("/")[2]
        length, epoch = {"5m": 300, "15m": 900}[slug.split("-")[2]], int(slug.split("-")[3])
        over = time.time() > epoch + length + RESOLVED_AFTER_S
        listed = listed_as(slug)
        tokens = json.dumps([listed.up, listed.down])
        changes: dict[str, Any] = {"conditionId": listed.condition_id, "clobTokenIds": tokens}
        return event(slug, resolved="Up" if over else None, **changes)


def listed_as(slug: str) -> Listed:
    """A window as the fake venue lists it: tokens that say what they are."""
    return Listed(slug, f"0x{slug}", f"{slug}/up", f"{slug}/down")


class LiveMarkets(PolymarketWs):
    """The market channel, with any market that is asked for, at the time of the day."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__((), **kwargs)

    async def heard(self, session: Session, message: str) -> None:
        if message.startswith("{"):
            for token in json.loads(message).get("assets_ids", ()):
                self.markets.setdefault(token, listed_as(token.rpartition("/")[0]))
        await super().heard(session, message)

    def time_ms(self, session: Session) -> int:
        return now_ms()


class Firehose(Venue):
    """OKX in a hurry: ``rate_per_s`` numbered best prices per second, counted as they are sent.

    Args:
        rate_per_s: messages per second, in bursts every few milliseconds.
        pad: bytes added to every message.
    """

    def __init__(self, rate_per_s: float, pad: int = 0) -> None:
        super().__init__(speed=1.0, every_s=0.005)
        self.rate_per_s, self.pad = rate_per_s, "x" * pad
        self.sent = 0

    async def heard(self, session: Session, message: str) -> None:
        if message == "ping":
            await session.send("pong")
        else:
            session.subscriptions += [arg["instId"] for arg in json.loads(message)["args"]]

    async def _publish(self, session: Session) -> None:
        began, done = time.monotonic(), 0
        while True:
            await asyncio.sleep(self.every_s)
            if self.silent or not session.subscriptions:
                began, done = time.monotonic(), 0
                continue
            due = int((time.monotonic() - began) * self.rate_per_s)
            ts = now_ms()
            for number in range(done, due):
                symbol = session.subscriptions[number % len(session.subscriptions)]
                await session.socket.send(
                    f'{{"arg":{{"channel":"bbo-tbt","instId":"{symbol}"}},"data":[{{"asks":[["10000.0","4.1","0","13"]],'
                    f'"bids":[["9999.2","2.5","0","12"]],"ts":"{ts}","seqId":{self.sent},"pad":"{self.pad}"}}]}}'
                )
                self.sent += 1
            done = due


class Town:
    """All venues, running in a thread; ``with`` opens and closes them.

    Args:
        every_s: seconds between two messages of an ordinary venue, per subscription.
        firehose: replaces OKX.
    """

    def __init__(self, every_s: float = 0.05, firehose: Firehose | None = None) -> None:
        self.okx = firehose or okx.Okx(speed=1.0, every_s=every_s)
        self.markets = LiveMarkets(speed=1.0, every_s=every_s)
        self.gamma = LiveGamma()
        kinds = {
            "coinbase": coinbase.Coinbase,
            "coinbase_l2": coinbase.Coinbase,
            "binance_us": binance_us.BinanceUs,
            "bybit": bybit.Bybit,
            "kraken": kraken.Kraken,
            "bitfinex": bitfinex.Bitfinex,
            "rtds": rtds.Rtds,
        }
        self.venues: dict[str, Venue] = {name: kind(speed=1.0, every_s=every_s) for name, kind in kinds.items()}
        self.venues |= {"okx": self.okx, "polymarket": self.markets}
        for name, venue in self.venues.items():
            if name not in DATED:
                venue.time_ms = lambda session: now_ms()  # type: ignore[method-assign]
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)

    def __enter__(self) -> Town:
        self._thread.start()
        for venue in self.venues.values():
            asyncio.run_coroutine_threadsafe(venue.__aenter__(), self.loop).result()
        self.gamma.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.gamma.__exit__()
        for venue in self.venues.values():
            asyncio.run_coroutine_threadsafe(venue.__aexit__(None, None, None), self.loop).result()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()

    @property
    def urls(self) -> dict[str, str]:
        """Addresses by feed."""
        return {name: venue.url for name, venue in self.venues.items()} | {
            "gamma": self.gamma.url,
            "clock": self.gamma.url,
        }

    def call(self, coroutine: Any) -> Any:
        """Run a coroutine of a venue."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result()


class Recorder:
    """``arena-data record`` as a process."""

    def __init__(self, town: Town, to: Path, *options: str, feeds: Iterable[str] = ()) -> None:
        urls = [part for name, url in town.urls.items() for part in ("--url", f"{name}={url}")]
        chosen = ["--feeds", ",".join(feeds)] if feeds else []
        self.process = subprocess.Popen(
            [sys.executable, "-m", "research.cli.data", "record", "--to", str(to), *urls, *chosen, *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
        )

    def kill(self) -> None:
        """As a power cut would, for a process."""
        self.process.kill()
        self.process.communicate()

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, str, str]:
        """Ask it to end; exit code, and what it printed."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self) -> tuple[int, str, str]:
        """Exit code, and what it printed, when it ends by itself."""
        out, err = self.process.communicate(timeout=120)
        return self.process.returncode, out, err
