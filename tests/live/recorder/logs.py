"""Small raw logs, made by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from arena.market.catalog import Catalog
from arena.units import MS, SECOND
from live.feeds.frame import Frame, Kind, note
from live.recorder.feeds import parsers_of
from live.recorder.normaliser import Normaliser
from live.recorder.origin import Origin, ended, renewed
from live.recorder.segments import Position, encode_frame
from live.recorder.writer import SegmentWriter
from tests.venues.gamma import event
from tests.venues.polymarket_ws import BTC, PolymarketWs
from tests.venues.server import Session

START = 1_790_000_130 * SECOND
ORIGIN = Origin(("BTC", "ETH"), (300,), ("okx", "polymarket", "gamma", "rtds", "clock"), "arena")


class Story:
    """Frames, one after the other, ten milliseconds apart."""

    def __init__(self, start_ns: int = START) -> None:
        self.now_ns = start_ns

    def frame(self, feed: str, kind: Kind, payload: bytes) -> Frame:
        self.now_ns += 10 * MS
        return Frame(feed, 0, self.now_ns, self.now_ns - START, kind, payload)

    def began(self, origin: Origin = ORIGIN) -> Frame:
        self.now_ns += 10 * MS
        return origin.frame(self.now_ns, 0)

    def opened(self, feed: str) -> Frame:
        return self.frame(feed, Kind.OPENED, note(url="ws://x"))

    def closed(self, feed: str, reason: str = "reconnect") -> Frame:
        return self.frame(feed, Kind.CLOSED, note(reason=reason))

    def okx(self, bid: float = 9_999.0, symbol: str = "BTC-USDT") -> Frame:
        best = {"bids": [[str(bid), "1", "0", "1"]], "asks": [["10001", "2", "0", "1"]], "ts": str(self.now_ns // MS)}
        return self.frame("okx", Kind.DATA, data({"arg": {"channel": "bbo-tbt", "instId": symbol}, "data": [best]}))

    def garbage(self, feed: str = "okx") -> Frame:
        return self.frame(feed, Kind.DATA, b'{"arg":{"channel":"bbo-tbt"},"data":[{"ts":')

    def rtds(self, second: int, value: float = 64_000.0) -> Frame:
        payload = {"symbol": "btc/usd", "timestamp": START // MS + 1_000 * second, "value": value}
        message = {"topic": "crypto_prices_chainlink", "type": "update", "timestamp": self.now_ns // MS}
        return self.frame("rtds", Kind.DATA, data(message | {"payload": payload}))

    def gamma(self, **changes: Any) -> Frame:
        reply = note(url="http://gamma", status=200, body=json.dumps(BTC.gamma(**changes)))
        return self.frame("gamma", Kind.HTTP, reply)

    def gamma_of(self, slug: str, **changes: Any) -> Frame:
        tokens = json.dumps([f"{slug}/up", f"{slug}/down"])
        body = event(slug, resolved=None, conditionId=f"0x{slug}", clobTokenIds=tokens, **changes)
        return self.frame("gamma", Kind.HTTP, note(url="http://gamma", status=200, body=json.dumps(body)))

    def renewed(self, feed: str) -> Frame:
        self.now_ns += 10 * MS
        return renewed(feed, self.now_ns, self.now_ns - START)

    def ended(self) -> Frame:
        self.now_ns += 10 * MS
        return ended(self.now_ns, self.now_ns - START)

    def books(self) -> Frame:
        venue, session = PolymarketWs(), Session.__new__(Session)
        session.published = 0
        snapshots = [
            venue.snapshot(session, token) | {"timestamp": str(self.now_ns // MS)} for token in (BTC.up, BTC.down)
        ]
        return self.frame("polymarket", Kind.DATA, data(snapshots))

    def change(self, size: int) -> Frame:
        venue, session = PolymarketWs(), Session.__new__(Session)
        session.published = 0
        message = venue.change(session, BTC, "0.47", str(size)) | {"timestamp": str(self.now_ns // MS)}
        return self.frame("polymarket", Kind.DATA, data(message))


def data(message: Any) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode()


def write_log(raw: Path, *blocks: list[Frame], after: int = 0) -> list[Position]:
    """One session; where its blocks end."""
    writer = SegmentWriter(raw, reserve_bytes=0, after=after)
    ends = [writer.append(b"".join(map(encode_frame, block)), len(block), block[0].recv_ns) for block in blocks]
    writer.close()
    return ends


def catalog_of(folder: Path) -> Path:
    """An empty catalog."""
    with Catalog.create(folder):
        pass
    return folder


def read_all(catalog: Path, raw: Path, end: Position | None = None, per_commit: int = 1) -> Normaliser:
    """Bring a catalog up to the log, as a recorder that has just been started."""
    normaliser = Normaliser(catalog, raw, parsers_of)
    for _ in normaliser.read(end):
        if normaliser.waiting >= per_commit:
            normaliser.commit()
    normaliser.commit()
    return normaliser


def digest_of(catalog: Path) -> str:
    """What a catalog holds, however it came there; refused rows included."""
    with Catalog.update(catalog) as writer:
        writer.compact()
    opened = Catalog.open(catalog)
    refused = sorted((n, q.rule, q.sha256) for n, t in opened.manifest.tables.items() for q in t.quarantine)
    return f"{opened.digest()} {refused} {opened.manifest.notes}"
