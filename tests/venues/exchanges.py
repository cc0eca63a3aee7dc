"""Candles as six exchanges give them: each in its own format, order and idea of limits, with the forming bar."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.venues.rest import Asked, NotFound, VenueServer

MINUTE = 60_000


def true_bar(ms: int) -> tuple[float, float, float, float, float]:
    """Open, high, low, close and volume of the minute: whatever was asked, the same minute has the same bar."""
    base = 60_000.0 + ms // MINUTE % 1000
    return base, base + 5, base - 5, base + 1, 0.5 + ms // MINUTE % 7


class ExchangeServer(VenueServer):
    """Minute bars of BTC on all six; ``now_ms`` is the venue's clock, ``absent`` the minutes without a trade."""

    def __init__(self, now_ms: Callable[[], int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.now_ms = now_ms
        self.absent: set[int] = set()

    def _minutes(self, start: int, end: int, limit: int) -> list[int]:
        """Opens in ``[start, end]`` up to the forming bar, the first ``limit`` of them."""
        first = -(-start // MINUTE) * MINUTE
        opens = range(first, min(end, self.now_ms()) + 1, MINUTE)
        return [ms for ms in opens if ms not in self.absent][:limit]

    def answer(self, asked: Asked) -> Any:
        for venue in (self._coinbase, self._kraken, self._binance, self._okx, self._bybit, self._bitfinex):
            answer = venue(asked)
            if answer is not None:
                return answer
        raise NotFound

    def _coinbase(self, asked: Asked) -> Any:
        root = "/api/v3/brokerage/market/products"
        if asked.path == root:
            if "product_type" in asked.params:
                return {"products": []}
            product = {
                "product_id": "BTC-USD",
                "price": "60000",
                "product_type": "SPOT",
                "base_currency_id": "BTC",
                "quote_currency_id": "USD",
                "base_increment": "0.00000001",
                "quote_increment": "0.01",
                "price_increment": "0.01",
                "status": "online",
                "trading_disabled": False,
                "alias_to": [],
            }
            return {"products": [product], "num_products": 1}
        if asked.path != f"{root}/BTC-USD/candles":
            return None
        start, end = int(asked.one("start")) * 1000, int(asked.one("end")) * 1000
        if (end - start) // MINUTE > 350:
            return {"error": "INVALID_ARGUMENT", "message": "number of candles requested should be less than 350"}
        names = ("open", "high", "low", "close", "volume")
        candles = [
            {"start": str(ms // 1000)} | {name: str(v) for name, v in zip(names, true_bar(ms), strict=True)}
            for ms in self._minutes(start, end, 350)
        ]
        return {"candles": candles[::-1]}

    def _kraken(self, asked: Asked) -> Any:
        if asked.path == "/0/public/AssetPairs":
            pair = {
                "altname": "XBTUSD",
                "wsname": "XBT/USD",
                "base": "XXBT",
                "quote": "ZUSD",
                "pair_decimals": 1,
                "lot_decimals": 8,
                "cost_decimals": 5,
                "fees": [[0, 0.4]],
                "fees_maker": [[0, 0.25]],
                "ordermin": "0.00005",
                "tick_size": "0.1",
                "status": "online",
            }
            return {"error": [], "result": {"XXBTZUSD": pair}}
        if asked.path != "/0/public/OHLC":
            return None
        now = self.now_ms() // MINUTE * MINUTE
        since = max(int(asked.one("since")) * 1000 + 1, now - 719 * MINUTE)
        rows = [
            [ms // 1000, *(str(v) for v in true_bar(ms)[:4]), str(true_bar(ms)[3]), str(true_bar(ms)[4]), 9]
            for ms in self._minutes(since, now, 720)
        ]
        return {"error": [], "result": {"XXBTZUSD": rows, "last": now // 1000 - 60}}

    def _binance(self, asked: Asked) -> Any:
        if asked.path == "/api/v3/exchangeInfo":
            market = {
                "symbol": "BTCUSDT",
                "status": "TRADING",
                "baseAsset": "BTC",
                "quoteAsset": "USDT",
                "baseAssetPrecision": 8,
                "quotePrecision": 8,
                "filters": [],
                "permissions": ["SPOT"],
                "isSpotTradingAllowed": True,
            }
            return {"timezone": "UTC", "serverTime": self.now_ms(), "symbols": [market]}
        if asked.path != "/api/v3/klines":
            return None
        start, end = int(asked.one("startTime")), int(asked.params.get("endTime", [str(self.now_ms())])[0])
        rows = []
        for ms in self._minutes(start, end, min(1000, int(asked.one("limit")))):
            o, h, lo, c, v = (str(x) for x in true_bar(ms))
            rows.append([ms, o, h, lo, c, v, ms + MINUTE - 1, "1", 4, "0.2", "0.1", "0"])
        return rows

    def _okx(self, asked: Asked) -> Any:
        if asked.path == "/api/v5/public/instruments":
            market = {"instType": "SPOT", "instId": "BTC-USDT", "baseCcy": "BTC", "quoteCcy": "USDT", "state": "live"}
            return {
                "code": "0",
                "msg": "",
                "data": [market | {"lotSz": "0.00000001", "tickSz": "0.1", "minSz": "0.00001"}],
            }
        if asked.path not in ("/api/v5/market/candles", "/api/v5/market/history-candles"):
            return None
        after, before = int(asked.one("after")), int(asked.one("before"))
        opens = self._minutes(before + 1, after - 1, 1_000_000)[-min(300, int(asked.one("limit"))) :]
        rows = [[str(ms), *(str(v) for v in true_bar(ms)), "1", "1", "1"] for ms in opens]
        return {"code": "0", "msg": "", "data": rows[::-1]}

    def _bybit(self, asked: Asked) -> Any:
        if asked.path == "/v5/market/instruments-info":
            market = {
                "symbol": "BTCUSDT",
                "baseCoin": "BTC",
                "quoteCoin": "USDT",
                "status": "Trading",
                "lotSizeFilter": {
                    "basePrecision": "0.000001",
                    "quotePrecision": "0.00000001",
                    "minOrderQty": "0.00001",
                },
                "priceFilter": {"tickSize": "0.01"},
            }
            return {
                "retCode": 0,
                "retMsg": "OK",
                "result": {"category": "spot", "list": [market]},
                "time": self.now_ms(),
            }
        if asked.path != "/v5/market/kline":
            return None
        opens = self._minutes(int(asked.one("start")), int(asked.one("end")), 1_000_000)
        rows = [[str(ms), *(str(v) for v in true_bar(ms)), "1"] for ms in opens[-min(1000, int(asked.one("limit"))) :]]
        listed = {"category": "spot", "symbol": "BTCUSDT", "list": rows[::-1]}
        return {"retCode": 0, "retMsg": "OK", "result": listed, "time": self.now_ms()}

    def _bitfinex(self, asked: Asked) -> Any:
        if asked.path.startswith("/v2/conf/"):
            limits = [None, None, None, "0.0001", "1000", None, None, None, None, None, None, None]
            return [[["BTCUSD", limits]], [], [], ["BTCUSD"]]
        if not asked.path.startswith("/v2/candles/trade:1m:tBTCUSD"):
            return None
        opens = self._minutes(int(asked.one("start")), int(asked.one("end")), min(10_000, int(asked.one("limit"))))
        rows = []
        for ms in opens:
            o, h, lo, c, v = true_bar(ms)
            rows.append([ms, o, c, h, lo, v])
        return rows
