"""Deribit's public market data over HTTP: the DVOL volatility index."""

from __future__ import annotations

from arena.errors import DataError
from live.rest.http import Http, Reply
from live.rest.pace import Host

DERIBIT = Host("https://www.deribit.com", rate_per_s=4.0, burst=2)
"""Allowed without an account: about 20 requests per second."""
PAGE = 1000
"""Candles a reply holds at most."""

IndexCandle = tuple[int, float, float, float, float]
"""Open of the candle (ms UTC); index at open, high, low and close, per cent a year."""


class Deribit:
    """Reads volatility indices."""

    def __init__(self, http: Http, host: Host = DERIBIT) -> None:
        self._http, self._host = http, host

    async def volatility_index(
        self, currency: str, start_ms: int, end_ms: int, resolution_s: int, fresh_ns: int = 0
    ) -> tuple[list[IndexCandle], int]:
        """Candles of the index that open in ``[start_ms, end_ms]``, ascending, each once.

        A reply that holds only the later part says where it stopped (``continuation``); that is followed.

        Args:
            currency: BTC or ETH.
            start_ms: UTC ms.
            end_ms: UTC ms.
            resolution_s: length of a candle: 1, 60, 3600 or 43,200 s.
            fresh_ns: an answer kept from a killed run counts only if it was asked for at or after this, ns UTC.

        Returns:
            The candles, and when the venue was first asked for them, ns UTC.

        Raises:
            DataError: the venue does not answer, or not with candles, or its continuation does not go back.
        """
        candles: dict[int, IndexCandle] = {}
        until = end_ms
        asked_ns: list[int] = []
        while True:
            reply = await self._http.get(
                self._host,
                "/api/v2/public/get_volatility_index_data",
                {
                    "currency": currency,
                    "start_timestamp": start_ms,
                    "end_timestamp": until,
                    "resolution": str(resolution_s),
                },
                fresh_ns=fresh_ns,
            )
            asked_ns.append(reply.sent_ns)
            page, going_on = _candles(reply)
            for candle in page:
                if candles.setdefault(candle[0], candle) != candle:
                    raise DataError(f"GET {reply.url}: two candles of {candle[0]} ms UTC differ.")
            if going_on is None or going_on < start_ms:
                return [candles[ms] for ms in sorted(candles)], min(asked_ns)
            if going_on >= until:
                raise DataError(
                    f"GET {reply.url}: the continuation {going_on} does not go back before {until}, "
                    "so the pages would never end."
                )
            until = going_on


def _candles(reply: Reply) -> tuple[list[IndexCandle], int | None]:
    answer = reply.json()
    result = answer.get("result") if isinstance(answer, dict) else None
    if not isinstance(result, dict) or not isinstance(result.get("data"), list):
        raise DataError(f"GET {reply.url} was answered without candles: {str(answer)[:200]}.")
    try:
        page = [(int(ms), float(o), float(h), float(lo), float(c)) for ms, o, h, lo, c in result["data"]]
    except (TypeError, ValueError) as error:
        raise DataError(f"GET {reply.url}: a candle is not five numbers ({error}).") from error
    going_on = result.get("continuation")
    if going_on is not None and not isinstance(going_on, int):
        raise DataError(f"GET {reply.url}: the continuation is {going_on!r}, not a time.")
    return page, going_on
