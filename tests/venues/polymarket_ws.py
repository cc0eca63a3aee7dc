"""Polymarket's market channel: snapshots on subscription, changes, a ping rule; and a replay of recorded payloads."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tests.venues.server import Session, Venue


@dataclass(frozen=True)
class Listed:
    """One market of the fake venue."""

    slug: str
    condition_id: str
    up: str
    down: str

    def gamma(self, **changes: Any) -> dict[str, Any]:
        """The event as Gamma tells it, with changes to its market; Down is listed first, to punish reading by place."""
        rule = {"id": "btc-5m-twap-60", "asset": "btc", "twapEnabled": True, "twapLookbackSeconds": 60}
        market: dict[str, Any] = {
            "slug": self.slug,
            "conditionId": self.condition_id,
            "outcomes": json.dumps(["Down", "Up"]),
            "clobTokenIds": json.dumps([self.down, self.up]),
            "version": "v1",
            "closed": False,
            "negRisk": False,
            "feesEnabled": True,
            "feeType": "crypto_fees_v2",
            "feeSchedule": {"exponent": 1, "rate": 0.07, "takerOnly": True, "rebateRate": 0.2},
            "orderMinSize": 5,
            "orderPriceMinTickSize": 0.01,
            "resolutionSource": "https://data.chain.link/streams/btc-usd-twap-60s-streams",
            "cryptoMarketConfig": rule,
        }
        return {"slug": self.slug, "eventMetadata": {"priceToBeat": 64000.5}, "markets": [market | changes]}


BTC = Listed("btc-updown-5m-1790000100", "0xaa", "111", "222")
ETH = Listed("eth-updown-5m-1790000100", "0xbb", "333", "444")


class PolymarketWs(Venue):
    """Hangs up on clients that do not say ``PING`` every 10 s (some slack allowed).

    Args:
        markets: what can be subscribed to.
        replay: payloads sent byte for byte, one after the other, instead of made-up changes.
        speed: venue seconds per real second.
        every_s: real seconds between two rounds.
    """

    idle_limit_s = 25.0

    def __init__(
        self,
        markets: Iterable[Listed] = (BTC, ETH),
        *,
        replay: Iterable[bytes] | None = None,
        speed: float = 100.0,
        every_s: float = 0.01,
    ) -> None:
        super().__init__(speed=speed, every_s=every_s)
        self.markets = {token: market for market in markets for token in (market.up, market.down)}
        self.replay = None if replay is None else list(replay)
        self.mute: set[str] = set()
        """Tokens whose snapshots never come."""
        self.quiet: set[str] = set()
        """Conditions whose markets send nothing but snapshots."""
        self.snapshots = 0
        self.doubtful: set[str] = set()
        """Conditions of whose best asks the venue says something else than their books."""

    async def heard(self, session: Session, message: str) -> None:
        """``PING``, the first frame, and later subscriptions; snapshots follow, in one array."""
        if message == "PING":
            self.pings += 1
            await session.send("PONG")
            return
        asked = json.loads(message)
        tokens = asked["assets_ids"]
        if asked.get("operation") == "unsubscribe":
            session.subscriptions = [token for token in session.subscriptions if token not in tokens]
            return
        if asked.get("type") != "market" and asked.get("operation") != "subscribe":
            await session.send("INVALID OPERATION")
            return
        session.subscriptions += tokens
        if self.replay is None:
            await session.send([self.snapshot(session, token) for token in tokens if token in self.listed])
            self.snapshots += 1

    @property
    def listed(self) -> set[str]:
        """Tokens whose snapshots come."""
        return set(self.markets) - self.mute

    async def tick(self, session: Session) -> None:
        """A change of both tokens per market, or the next recorded payloads."""
        if self.replay is not None:
            for payload in self.replay:
                await session.send(payload)
            self.silent = True
            return
        for market in dict.fromkeys(self.markets[t] for t in session.subscriptions if t in self.markets):
            if market.condition_id not in self.quiet:
                await session.send(self.change(session, market, "0.47", f"{10 + session.published % 5}"))

    def snapshot(self, session: Session, token: str) -> dict[str, Any]:
        """One token's book: bids ascending, asks descending, the best last."""
        up = self.markets[token].up == token
        bids, asks = (("0.46", "0.47"), ("0.50", "0.48")) if up else (("0.50", "0.52"), ("0.54", "0.53"))
        return {
            "event_type": "book", "market": self.markets[token].condition_id, "asset_id": token,
            "bids": [{"price": price, "size": "40"} for price in bids],
            "asks": [{"price": price, "size": "30"} for price in asks],
            "hash": "9f", "timestamp": str(self.time_ms(session)),
        }  # fmt: skip

    def change(self, session: Session, market: Listed, bid: str, size: str) -> dict[str, Any]:
        """The best bid of UP, which is the best ask of DOWN, gets another size."""
        mirror = f"{1 - float(bid):.2f}"
        changes = [
            _change(market.up, bid, size, "BUY", bid, "0.50" if market.condition_id in self.doubtful else "0.48"),
            _change(market.down, mirror, size, "SELL", "0.52", mirror),
        ]
        return {
            "event_type": "price_change", "market": market.condition_id, "timestamp": str(self.time_ms(session)),
            "price_changes": changes,
        }  # fmt: skip


def _change(token: str, price: str, size: str, side: str, best_bid: str, best_ask: str) -> dict[str, str]:
    return {
        "asset_id": token, "price": price, "size": size, "side": side, "hash": "1c",
        "best_bid": best_bid, "best_ask": best_ask,
    }  # fmt: skip
