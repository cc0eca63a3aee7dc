"""Polymarket's order book service (``clob.polymarket.com``), the public reading part."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from arena.errors import DataError
from live.rest.http import Http, Reply
from live.rest.pace import Host

CLOB = Host("https://clob.polymarket.com", rate_per_s=15.0, burst=5)
"""Allowed: 1000 requests per 10 s for ``/prices-history``, 1500 for ``/book``."""


class Clob:
    """Reads price histories, books and market parameters."""

    def __init__(self, http: Http, host: Host = CLOB) -> None:
        self._http, self._host = http, host

    async def prices_history(
        self, token_id: str, start_s: int, end_s: int, fidelity_min: int = 1
    ) -> list[tuple[int, float]]:
        """Prices of one token: (UTC second, dollars per share), as the venue gave them.

        Args:
            token_id: which token.
            start_s: from, UTC seconds.
            end_s: to, UTC seconds.
            fidelity_min: distance of points, minutes.

        Raises:
            DataError: the venue does not answer, or not with a price history.
        """
        reply = await self._http.get(
            self._host,
            "/prices-history",
            {"market": token_id, "startTs": start_s, "endTs": end_s, "fidelity": fidelity_min},
        )
        history = _object(reply).get("history") if reply.found else []
        if not isinstance(history, list):
            raise DataError(f"GET {reply.url} was answered without a history.")
        try:
            return [(int(point["t"]), float(point["p"])) for point in history]
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"GET {reply.url}: a point of the history has no time or no price ({error!r}).") from error

    async def market(self, condition_id: str) -> Mapping[str, Any] | None:
        """The market with its tokens and, once resolved, their winner; None while the venue does not know it.

        Right after a market is made this may be missing, or without token ids, for minutes.
        """
        return await self._maybe(f"/markets/{condition_id}")

    async def market_info(self, condition_id: str) -> Mapping[str, Any] | None:
        """Parameters for trading: ``t`` tokens, ``mts`` tick, ``mos`` smallest order, ``fd`` fee; None = unknown.

        ``mbf`` and ``tbf`` are base fees and no rates.
        """
        return await self._maybe(f"/clob-markets/{condition_id}")

    async def book(self, token_id: str) -> Mapping[str, Any] | None:
        """The book of one token, best level last on both sides; None where there is none."""
        return await self._maybe("/book", {"token_id": token_id})

    async def _maybe(self, path: str, params: Mapping[str, str] | None = None) -> Mapping[str, Any] | None:
        reply = await self._http.get(self._host, path, params)
        return _object(reply) if reply.found else None


def _object(reply: Reply) -> Mapping[str, Any]:
    value = reply.json()
    if not isinstance(value, dict):
        raise DataError(f"GET {reply.url} was answered with a {type(value).__name__} instead of an object.")
    return value
