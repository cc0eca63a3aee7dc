"""OKX: hangs up after 30 s without a message, answers the text ``ping``."""

from __future__ import annotations

import json

from tests.venues.server import Session, Venue


class Okx(Venue):
    """Serves ``tickers`` and ``bbo-tbt``."""

    idle_limit_s = 30.0
    unlisted: frozenset[str] = frozenset()

    async def heard(self, session: Session, message: str) -> None:
        """``ping``, and subscriptions that are acknowledged one by one."""
        if message == "ping":
            self.pings += 1
            await session.send("pong")
            return
        asked = json.loads(message)
        for arg in asked.get("args", []):
            if arg.get("channel") not in ("tickers", "bbo-tbt"):
                told = f"Wrong URL or channel:{arg.get('channel')} doesn't exist."
                await session.send({"event": "error", "code": "60018", "msg": told, "connId": "a4d3ae55"})
                return
            if asked["op"] == "unsubscribe":
                session.subscriptions.remove((arg["channel"], arg["instId"]))
                continue
            if arg["instId"] in self.unlisted:
                told = f"Wrong URL or channel:{arg['channel']},instId:{arg['instId']} doesn't exist."
                await session.send({"event": "error", "code": "60018", "msg": told, "connId": "a4d3ae55"})
                continue
            session.subscriptions.append((arg["channel"], arg["instId"]))
            await session.send({"event": "subscribe", "arg": arg, "connId": "a4d3ae55"})

    async def tick(self, session: Session) -> None:
        """One message per subscription."""
        n, ts = session.published, str(self.time_ms(session))
        for channel, symbol in session.subscriptions:
            arg = {"channel": channel, "instId": symbol}
            if channel == "tickers":
                data = {
                    "instType": "SPOT", "instId": symbol, "last": "9999.5", "lastSz": "0.1", "askPx": "10000.1",
                    "askSz": "11", "bidPx": "9999.1", "bidSz": str(5 + n % 3), "vol24h": "2222", "ts": ts,
                }  # fmt: skip
            else:
                asks, bids = [["10000.0", "4.1", "0", "13"]], [["9999.2", "2.5", "0", "12"]]
                data = {"asks": asks, "bids": bids, "ts": ts, "seqId": n}
            await session.send({"arg": arg, "data": [data]})

    async def announce_upgrade(self) -> None:
        """Say that the connection is about to be closed for an upgrade."""
        said = "The connection will soon be closed for a service upgrade. Please reconnect."
        await self.tell({"event": "notice", "code": "64008", "msg": said, "connId": "a4d3ae55"})
