"""Gamma: Polymarket's catalogue of markets (``gamma-api.polymarket.com``), read only.

Up/down windows are found by name: ``{asset}-updown-{5m|15m|4h}-{open, UTC seconds}``. An event holds one market
and carries the reference prices (``eventMetadata``), so events are what is asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from arena.errors import ConfigError, DataError
from arena.units import SECOND
from live.rest.http import Http, Reply
from live.rest.pace import Host

GAMMA = Host("https://gamma-api.polymarket.com", rate_per_s=10.0, burst=5)
"""Allowed: 500 requests per 10 s for ``/events``."""

INTERVAL_NAMES = {300: "5m", 900: "15m", 14_400: "4h"}
"""Length of a window in seconds, and how slugs spell it."""
SLUGS_PER_REQUEST = 50
"""A page holds up to 100; half of that keeps the address under 2 kB."""


def updown_slug(asset: str, interval_s: int, open_ns: int) -> str:
    """The venue's name of the window of ``asset`` that opens at ``open_ns`` (ns UTC).

    Raises:
        ConfigError: no such length, or windows of that length do not open then.
    """
    if interval_s not in INTERVAL_NAMES:
        known = ", ".join(f"{name} ({s})" for s, name in INTERVAL_NAMES.items())
        raise ConfigError(
            f"There are no up/down windows of {interval_s} s with a name of their own; there are {known}."
        )
    if open_ns % (interval_s * SECOND):
        raise ConfigError(
            f"No {INTERVAL_NAMES[interval_s]} window opens at {open_ns} ns UTC: not a multiple of its length."
        )
    return f"{asset.lower()}-updown-{INTERVAL_NAMES[interval_s]}-{open_ns // SECOND}"


class Gamma:
    """Reads events, one by one or in batches."""

    def __init__(self, http: Http, host: Host = GAMMA) -> None:
        self._http, self._host = http, host

    async def event_reply(self, slug: str) -> Reply:
        """The event ``slug`` as it came; ``found`` is False where the venue has none (yet)."""
        return await self._http.get(self._host, f"/events/slug/{slug}")

    async def window(self, asset: str, interval_s: int, open_ns: int) -> dict[str, Any] | None:
        """The event of one window, decoded; None where the venue has none (yet).

        Raises:
            ConfigError: there can be no such window.
            DataError: the venue does not answer, or with something that is no event.
        """
        slug = updown_slug(asset, interval_s, open_ns)
        reply = await self.event_reply(slug)
        if not reply.found:
            return None
        event = reply.json()
        if not isinstance(event, dict):
            raise DataError(f"GET {reply.url} was answered with a {type(event).__name__} instead of an event.")
        return event

    async def events(self, slugs: Sequence[str], fresh_ns: int = 0) -> dict[str, dict[str, Any]]:
        """The events of these names that the venue has, by name; at most :data:`SLUGS_PER_REQUEST`.

        Open and closed events are listed apart: names that are not among the closed ones are looked for among
        the open ones.

        Args:
            slugs: names.
            fresh_ns: an answer kept from a killed run counts only if it was asked for at or after this, ns UTC.

        Raises:
            DataError: the venue does not answer, or with something that is no list of events, or in a circle.
        """
        if len(slugs) > SLUGS_PER_REQUEST:
            raise ConfigError(f"{len(slugs)} events in one request; ask for at most {SLUGS_PER_REQUEST}.")
        found: dict[str, dict[str, Any]] = {}
        for closed in (True, False):
            if left := [slug for slug in slugs if slug not in found]:
                found |= await self._listed(left, closed, fresh_ns)
        return found

    async def _listed(self, slugs: Sequence[str], closed: bool, fresh_ns: int) -> dict[str, dict[str, Any]]:
        asked: dict[str, str | int | bool | Sequence[str]] = {
            "slug": tuple(slugs),
            "closed": closed,
            "limit": len(slugs),
        }
        found: dict[str, dict[str, Any]] = {}
        seen: set[str] = set()
        cursor: str | None = None
        while True:
            reply = await self._http.get(
                self._host,
                "/events/keyset",
                asked | ({"after_cursor": cursor} if cursor else {}),
                fresh_ns=fresh_ns,
            )
            page = reply.json() if reply.found else None
            events = page.get("events") if isinstance(page, dict) else None
            if not isinstance(events, list) or not all(isinstance(e, dict) and "slug" in e for e in events):
                raise DataError(f"GET {reply.url} was not answered with a list of events.")
            found |= {event["slug"]: event for event in events if event["slug"] in slugs}
            cursor = page.get("next_cursor") if isinstance(page, dict) else None
            if not cursor or len(found) == len(slugs) or not events:
                return found
            if cursor in seen:
                raise DataError(f"GET {reply.url}: the pages lead in a circle; the events are not used.")
            seen.add(cursor)
