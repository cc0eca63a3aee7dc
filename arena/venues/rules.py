"""Look up the rules of a venue at a moment: fee, taker delay, settlement, tick, resolution delay.

Rules live in dated TOML tables beside this module. There is no default: a market whose date, length
or venue no entry covers is an error.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from arena.errors import VenueRuleError

_FOLDER = Path(__file__).parent
_KINDS = ("fee", "taker_delay", "settlement", "tick", "resolution_delay", "collateral")


@dataclass(frozen=True, slots=True)
class Rules:
    """What a venue's table says about one kind of window at one moment.

    ``fee_rate`` and ``fee_exponent`` give dollars per share, ``rate * (p(1-p))**exponent``;
    ``taker_delay_ms`` is how long a marketable order waits at the venue; ``lookback_s`` is the length
    of the settlement average (0 = the spot report) of the ``oracle`` feed; ``resolution_s`` is the
    median delay, in seconds, from the end of a window to its official outcome.
    """

    venue: str
    fee_rate: float
    fee_exponent: float
    taker_delay_ms: int
    settlement_rule: str
    lookback_s: int
    tie_is_up: bool
    oracle: str
    tick_size: float
    min_order_shares: float
    min_marketable_usd: float
    resolution_s: int
    collateral: str


def _ns(moment: datetime) -> int:
    return int(moment.astimezone(UTC).timestamp()) * 1_000_000_000


@cache
def _table(venue: str) -> dict[str, Any]:
    path = _FOLDER / f"{venue}.toml"
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in _FOLDER.glob("*.toml")))
        raise VenueRuleError(f"no rule table for venue {venue!r}; there are tables for {known}.")
    return tomllib.loads(path.read_text())


def table_version(venue: str) -> str:
    """The date the venue's table was last revised, as written in it."""
    return str(_table(venue)["version"])


def _entry(venue: str, kind: str, interval_s: int, at_ns: int) -> dict[str, Any]:
    found = [
        entry
        for entry in _table(venue).get(kind, [])
        if interval_s in entry["intervals"]
        and _ns(entry["from"]) <= at_ns
        and ("to" not in entry or at_ns < _ns(entry["to"]))
    ]
    moment = datetime.fromtimestamp(at_ns / 1e9, tz=UTC).strftime("%Y-%m-%d %H:%M UTC")
    if not found:
        raise VenueRuleError(
            f"no {kind} rule of {venue} covers a {interval_s} s window at {moment}; "
            f"add a dated entry with its source to arena/venues/{venue}.toml."
        )
    if len(found) > 1:
        raise VenueRuleError(f"{len(found)} {kind} rules of {venue} cover a {interval_s} s window at {moment}.")
    entry: dict[str, Any] = found[0]
    return entry


@cache
def rule_edges(venue: str) -> tuple[int, ...]:
    """Every moment (ns UTC) at which some rule of the venue changes, ascending."""
    edges = {
        _ns(entry[edge])
        for kind in _KINDS
        for entry in _table(venue).get(kind, [])
        for edge in ("from", "to")
        if edge in entry
    }
    return tuple(sorted(edges))


@cache
def rules_at(venue: str, interval_s: int, at_ns: int) -> Rules:
    """The rules of ``venue`` for windows of ``interval_s`` seconds that open at ``at_ns`` (ns UTC).

    Raises:
        VenueRuleError: unknown venue, or no entry (or more than one) covers the moment.
    """
    fee, delay, settlement, tick, resolution, collateral = (_entry(venue, kind, interval_s, at_ns) for kind in _KINDS)
    return Rules(
        venue=venue,
        fee_rate=float(fee["rate"]),
        fee_exponent=float(fee["exponent"]),
        taker_delay_ms=int(delay["ms"]),
        settlement_rule=str(settlement["rule"]),
        lookback_s=int(settlement["lookback_s"]),
        tie_is_up=settlement["tie"] == "up",
        oracle=str(settlement["oracle"]),
        tick_size=float(tick["tick_size"]),
        min_order_shares=float(tick["min_order_shares"]),
        min_marketable_usd=float(tick["min_marketable_usd"]),
        resolution_s=int(resolution["median_s"]),
        collateral=str(collateral["token"]),
    )


def up_wins(start_reference: float, end_reference: float, tie_is_up: bool = True) -> bool:
    """Whether UP pays, from the two reference prices (USD, same source and averaging).

    Polymarket and Kalshi pay UP on a tie; the seed's rule (``tie_is_up`` False) pays DOWN.
    """
    return end_reference > start_reference or (tie_is_up and end_reference == start_reference)
