"""Bybit spot: tickers without bid and ask, best levels as snapshots, restarts that begin at update 1."""

from __future__ import annotations

import json

from tests.venues.server import Session, Venue


class Bybit(Venue):
    """Takes ten topics a message and wants an ``op`` ping every 20 s; ``restarted`` makes the next update number 1."""

    idle_limit_s = 40.0

    def __init__(self, *, speed: float = 100.0, every_s: float = 0.01) -> None:
        super().__init__(speed=speed, every_s=every_s)
        self.restarted = False
        self.dead: set[str] = set()
        """Topics that have gone silent."""

    async def heard(self, session: Session, message: str) -> None:
        """Pings and subscriptions."""
        asked = json.loads(message)
        if asked["op"] == "ping":
            self.pings += 1
            await session.send({"success": True, "ret_msg": "pong", "conn_id": "0970e817", "req_id": "", "op": "ping"})
            return
        if asked["op"] == "unsubscribe":
            session.subscriptions = [topic for topic in session.subscriptions if topic not in asked["args"]]
            return
        known = len(asked["args"]) <= 10 and all(a.startswith(("tickers.", "orderbook.1.")) for a in asked["args"])
        if known:
            session.subscriptions += asked["args"]
        said = "" if known else "error:handler not found"
        await session.send({"success": known, "ret_msg": said, "conn_id": "0970e817", "req_id": "", "op": "subscribe"})

    async def tick(self, session: Session) -> None:
        """One message per topic."""
        n, ts = session.published, self.time_ms(session)
        for topic in session.subscriptions:
            if topic in self.dead:
                continue
            symbol = topic.split(".")[-1]
            if topic.startswith("tickers"):
                data = {"symbol": symbol, "lastPrice": "21109.77", "highPrice24h": "21426.99", "turnover24h": "1"}
                await session.send({"topic": topic, "ts": ts, "type": "snapshot", "cs": n, "data": data})
            else:
                update = 1 if self.restarted else 1000 + n
                best = {"s": symbol, "b": [["16493.50", "0.006"]], "a": [["16611.00", "0.029"]], "u": update, "seq": n}
                await session.send({"topic": topic, "ts": ts + 2, "type": "snapshot", "data": best, "cts": ts})
        self.restarted = False
