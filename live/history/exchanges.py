"""Candles of six exchanges, through ccxt's readings of them and our own HTTP client.

ccxt knows how each exchange is asked and what its answers mean; requests go through :class:`live.rest.http.Http`, so
that one pace, one patience and one archive of raw replies hold for every venue.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from arena.errors import ConfigError, DataError
from arena.units import MS, SECOND
from live.history.spans import Span
from live.rest.http import Http, Reply
from live.rest.pace import Host

TIMEFRAMES: Mapping[int, str] = MappingProxyType({60: "1m", 300: "5m", 900: "15m", 3600: "1h", 86_400: "1d"})
"""Length of a bar in seconds, and ccxt's name of it."""

Candle = tuple[int, float | None, float | None, float | None, float | None, float | None]
"""Open of the bar (ms UTC), open, high, low, close, volume."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One exchange as a source of candles.

    Attributes:
        venue: our name of it.
        ccxt_id: ccxt's name of it.
        quote: currency that prices are in: where the venue's coins trade most.
        page: bars that one request yields at most.
        rate_per_s: requests per second we allow ourselves.
        bounded: whether a request can name its end; where not, the reply may run on to the present.
        keeps: bars back from now that the venue serves at all; None = all of them.
        spot_apart: whether it lists spot markets by a request of their own; only those are looked up.
    """

    venue: str
    ccxt_id: str
    quote: str
    page: int
    rate_per_s: float
    bounded: bool = True
    keeps: int | None = None
    spot_apart: bool = False


EXCHANGES: Mapping[str, Exchange] = MappingProxyType(
    {
        e.venue: e
        for e in (
            Exchange("coinbase", "coinbase", "USD", 300, 5.0),
            Exchange("kraken", "kraken", "USD", 720, 1.0, bounded=False, keeps=720),
            Exchange("binance_us", "binanceus", "USDT", 1000, 5.0),
            Exchange("okx", "okx", "USDT", 300, 5.0, spot_apart=True),
            Exchange("bybit", "bybit", "USDT", 1000, 5.0, spot_apart=True),
            Exchange("bitfinex", "bitfinex", "USD", 1000, 0.4),
        )
    }
)
"""By our name. Rates are at most half of what each venue allows without an account. Kraken answers with its last 720
bars whatever is asked for."""


def exchange_named(name: str) -> Exchange:
    """The exchange with this name.

    Raises:
        ConfigError: there is none.
    """
    if name not in EXCHANGES:
        raise ConfigError(f"No candles are fetched from {name!r}; exchanges are {', '.join(EXCHANGES)}.")
    return EXCHANGES[name]


@dataclass(slots=True)
class _Reading:
    """One page on its way through ccxt, which passes neither of these on; ns UTC."""

    fresh_ns: int = 0
    asked_ns: int = 0


class CandleReader:
    """Reads pages of candles of one exchange.

    Args:
        exchange: which.
        http: how.
        wall_ns: wall clock, ns UTC: some venues are asked differently for old and for new candles.
        base_url: scheme, host and port to ask instead of the exchange's own; paths stay.
    """

    def __init__(self, exchange: Exchange, http: Http, wall_ns: Callable[[], int], base_url: str | None = None) -> None:
        import ccxt.async_support as ccxt

        self.exchange = exchange
        self._wall_ns = wall_ns
        self._errors: type[Exception] = ccxt.BaseError
        passing: type[Exception] = ccxt.OperationFailed
        reading = self._reading = _Reading()
        client: type[Any] = getattr(ccxt, exchange.ccxt_id)

        class Polite(client):  # type: ignore[misc]
            def milliseconds(self) -> int:
                return wall_ns() // MS

            def filter_by_since_limit(self, array: list[Any], *rest: object, **more: object) -> list[Any]:
                # It cuts off what lies beyond the limit, and counts repeated bars: we sort that out ourselves.
                return array

            async def fetch(self, url: str, method: str = "GET", headers: object = None, body: object = None) -> Any:
                if method != "GET":
                    raise DataError(f"{method} {url}: candles are only ever read; nothing was sent.")

                def trouble(reply: Reply) -> str | None:
                    try:
                        understand(reply)
                    except passing as error:
                        return str(error)
                    return None

                def understand(reply: Reply) -> Any:
                    text = reply.body.decode("utf-8", "replace")
                    answer = self.parse_json(text)
                    self.handle_errors(reply.status, "", url, method, {}, text, answer, {}, None)
                    return answer

                parts = urlsplit(url)
                host = Host(base_url or f"{parts.scheme}://{parts.netloc}", exchange.rate_per_s)
                query = f"?{parts.query}" if parts.query else ""
                reply = await http.get(host, f"{parts.path}{query}", check=trouble, fresh_ns=reading.fresh_ns)
                reading.asked_ns = min(reading.asked_ns, reply.sent_ns)
                if not reply.found:
                    raise DataError(f"GET {reply.url} was answered with 404; {exchange.venue} does not serve this.")
                return understand(reply)

        options = {"fetchMarkets": {"types": ["spot"]}} if exchange.spot_apart else {}
        self._client = Polite({"enableRateLimit": False, "options": options})
        self._client.has["fetchCurrencies"] = False

    async def symbol(self, asset: str) -> tuple[str, str]:
        """The symbol ccxt has for ``asset`` in the exchange's quote currency, and the venue's own name, lower case.

        Raises:
            DataError: the venue does not list it, or does not say what it lists.
        """
        await self._call(self._client.load_markets())
        symbol = f"{asset}/{self.exchange.quote}"
        if symbol not in self._client.markets:
            raise DataError(f"{self.exchange.venue} does not list {symbol}; leave {asset} out for it.")
        return symbol, str(self._client.markets[symbol]["id"]).lower()

    async def page(self, symbol: str, interval_s: int, span: Span, fresh_ns: int = 0) -> tuple[list[Candle], int]:
        """The bars that open inside ``span`` (ns UTC, at most a page long), as the venue gave them.

        Args:
            symbol: ccxt's name of the instrument.
            interval_s: length of a bar, seconds.
            span: ns UTC.
            fresh_ns: an answer kept from a killed run counts only if it was asked for at or after this, ns UTC.

        Returns:
            The bars, and when the venue was asked for them, ns UTC: what is in them was so then, not now.

        Raises:
            DataError: the venue does not answer, or refuses.
        """
        params = {"until": span[1] // MS - 1} if self.exchange.bounded else {}
        limit = (span[1] - span[0]) // (interval_s * SECOND)
        self._reading.fresh_ns, self._reading.asked_ns = fresh_ns, self._wall_ns()
        asked = self._client.fetch_ohlcv(symbol, TIMEFRAMES[interval_s], span[0] // MS, int(limit), params)
        candles = [tuple(candle) for candle in await self._call(asked)]
        return candles, self._reading.asked_ns

    async def _call(self, asked: Any) -> Any:
        try:
            return await asked
        except self._errors as error:
            text = " ".join(str(error).split())[:300]
            raise DataError(f"{self.exchange.venue} did not serve candles ({type(error).__name__}: {text}).") from error
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise DataError(
                f"{self.exchange.venue} answered in a form that ccxt does not understand ({error!r}); "
                "the raw reply is kept beside the catalog."
            ) from error
