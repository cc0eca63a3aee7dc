"""Polymarket's Data API, version 2 (``data-api.polymarket.com``): trades and price histories, page by page.

Since 2026-10-24 pages are walked by cursors only, fields are spelled in snake case, and every reply is
``{"data": [...], "pagination": {"has_more", "next_cursor"}}``, newest trade first, oldest price first.
Without rows ``data`` may be null.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

from arena.errors import DataError
from live.rest.http import Http, Reply
from live.rest.pace import Host

DATA_API = Host("https://data-api.polymarket.com", rate_per_s=8.0, burst=5)
"""Allowed: 200 requests per 10 s for trades."""
PAGE = 1000
"""Rows a page holds at most."""


class DataApi:
    """Reads the public feed of trades and prices."""

    def __init__(self, http: Http, host: Host = DATA_API) -> None:
        self._http, self._host = http, host

    async def trades(self, condition_id: str, limit: int = PAGE) -> AsyncIterator[list[Mapping[str, Any]]]:
        """Pages of the trades of one market, each fill once, on its taker's side.

        Every address differs from those before, so the walk ends: a cursor that comes again is an error.

        Args:
            condition_id: which market.
            limit: rows of a page.

        Raises:
            DataError: the venue does not answer, or not with a page, or leads in a circle.
        """
        asked: dict[str, str | int | bool] = {"condition_id": condition_id, "limit": limit, "taker_only": True}
        async for _, rows in self._pages("/v2/trades", asked, f"the trades of {condition_id}"):
            yield rows

    async def prices_history(self, token_id: str, start_s: int, end_s: int) -> list[tuple[int, float, int]]:
        """Prices of one token: (UTC second, dollars per share, seconds that the price stands for), oldest first.

        The venue keeps minutes for a week at least, five minutes for two months, and coarser prices for ever; which
        it gives, it says in each point (0 = the price of that very second).

        Args:
            token_id: which token.
            start_s: from, UTC seconds.
            end_s: to, UTC seconds.

        Raises:
            DataError: the venue does not answer, or not with a price history, or leads in a circle.
        """
        asked: dict[str, str | int | bool] = {"token_id": token_id, "start": start_s, "end": end_s, "limit": PAGE}
        found: list[tuple[int, float, int]] = []
        async for url, rows in self._pages("/v2/prices-history", asked, f"the prices of {token_id}"):
            try:
                found += [(int(p["timestamp"]), float(p["price"]), int(p["resolution_seconds"])) for p in rows]
            except (KeyError, TypeError, ValueError) as error:
                raise DataError(
                    f"GET {url}: a point of the history has no time, price or length ({error!r})."
                ) from error
        return found

    async def _pages(
        self, path: str, asked: Mapping[str, str | int | bool], what: str
    ) -> AsyncIterator[tuple[str, list[Mapping[str, Any]]]]:
        cursor: str | None = None
        seen: set[str] = set()
        while True:
            reply = await self._http.get(self._host, path, {**asked, **({"cursor": cursor} if cursor else {})})
            rows, cursor = _page(reply)
            yield reply.url, rows
            if cursor is None:
                return
            if cursor in seen:
                raise DataError(
                    f"GET {reply.url}: the venue sends a cursor it has sent before, so the pages lead in a circle; "
                    f"{what} are not stored."
                )
            seen.add(cursor)


def _page(reply: Reply) -> tuple[list[Mapping[str, Any]], str | None]:
    envelope = reply.json() if reply.found else {"data": [], "pagination": {"has_more": False, "next_cursor": None}}
    pagination = envelope.get("pagination") if isinstance(envelope, dict) else None
    rows = envelope.get("data", "") if isinstance(envelope, dict) else None
    rows = [] if rows is None and isinstance(envelope, dict) else rows
    if not isinstance(rows, list) or not isinstance(pagination, dict) or not all(isinstance(r, dict) for r in rows):
        raise DataError(f"GET {reply.url} was answered without data and pagination.")
    cursor = pagination.get("next_cursor")
    if not (cursor is None or (isinstance(cursor, str) and cursor)) or pagination.get("has_more") is not bool(cursor):
        raise DataError(f"GET {reply.url}: has_more is {pagination.get('has_more')!r} and next_cursor {cursor!r}.")
    return rows, cursor
