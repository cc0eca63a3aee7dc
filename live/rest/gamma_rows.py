"""A market of Gamma as a row of the ``windows`` table: the only place that reads Gamma's fields.

What is easy to get wrong, and is not taken: ``startDate`` is when the row was created, about a day early;
``outcomes`` and ``clobTokenIds`` are JSON texts inside the JSON and are matched by label; the base fees say 1000 on
every fee market and are no rate. A market of an unknown protocol version is refused.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from arena.errors import DataError
from arena.market.quality import EARLIEST_NS, LATEST_NS
from arena.units import SECOND

_SLUG = re.compile(r"(?P<asset>[a-z0-9]+)-updown-(?P<length>5m|15m|4h)-(?P<open>\d{1,10})", re.ASCII)
_LENGTHS = {"5m": 300, "15m": 900, "4h": 14_400}
_TOKEN_FIELDS = {"v1": "clobTokenIds", "v2": "positionIds"}
"""What is traded: conditional tokens, or positions of the venue's second protocol."""
_FINAL = ("resolved", "settled")
_LOOKBACK = re.compile(r"twap-(\d+)s")
_STREAM = re.compile(r"/streams/[a-z0-9]+-usd/?$")


def event_row(event: Mapping[str, Any], source: str) -> dict[str, Any]:
    """The row of an event's one market; see :func:`window_row`.

    Raises:
        DataError: it holds no market, or several.
    """
    markets = event.get("markets")
    if not isinstance(markets, list) or len(markets) != 1 or not isinstance(markets[0], Mapping):
        raise DataError(f"Gamma event {event.get('slug')!r} does not hold exactly one market; it is no up/down window.")
    return window_row({**markets[0], "events": [event]}, source)


def window_row(market: Mapping[str, Any], source: str) -> dict[str, Any]:
    """One market as a row of ``windows``: column name to value, times in ns UTC, prices in USD.

    ``tick_size`` is null once the market is closed: the venue refines the tick while a window lives and shows
    the last one, which was not in force at the open. ``outcome`` is null until the resolution is final.

    Args:
        market: as Gamma lists it, with its event (and the reference prices in it) in ``events``.
        source: who records the row.

    Raises:
        DataError: names the market and what contradicts what, or what is missing or unknown.
    """
    slug = market.get("slug")
    parts = _SLUG.fullmatch(slug) if isinstance(slug, str) else None
    if parts is None or not isinstance(slug, str):
        raise DataError(f"Gamma market {slug!r} is no up/down window: its name is not asset-updown-length-epoch.")
    interval_s = _LENGTHS[parts["length"]]
    open_ns = int(parts["open"]) * SECOND
    close_ns = open_ns + interval_s * SECOND
    if not (EARLIEST_NS <= open_ns and close_ns <= LATEST_NS):
        raise DataError(f"Gamma market {slug} opens outside 2015-2100 by its name; not stored.")
    for field, expected in (("eventStartTime", open_ns), ("endDate", close_ns)):
        if (stated := _time_ns(market, field)) is not None and stated != expected:
            raise DataError(
                f"Gamma market {slug}: {field} is {market[field]}, but by its name it is {_iso(expected)}; not stored."
            )
    event = _event(market)
    prices = event.get("eventMetadata") or {}
    if not isinstance(prices, Mapping):
        raise DataError(f"Gamma market {slug}: eventMetadata is a {type(prices).__name__}; not stored.")
    rule = _settlement_rule(market)
    strike, settle = _number(prices, "priceToBeat", slug), _number(prices, "finalPrice", slug)
    outcome = _outcome(market)
    tokens = _by_label(market, _token_field(market))
    if tokens and tokens["up"] == tokens["down"]:
        raise DataError(f"Gamma market {slug}: both outcomes have the token {tokens['up']}; not stored.")
    row = {
        "market_id": slug,
        "venue": "polymarket",
        "asset": parts["asset"].upper(),
        "interval_s": interval_s,
        "open_ns": open_ns,
        "close_ns": close_ns,
        "strike": strike,
        # Where the market does not say how it settles, neither is it known what its reference prices are of.
        "strike_source": None
        if strike is None or rule is None
        else f"chainlink_{'stream' if rule == 'spot' else rule}",
        "settle_price": settle,
        "settlement_rule": rule,
        "outcome": outcome,
        "outcome_source": None if outcome is None else "gamma_resolution",
        "resolved_ns": None if outcome is None else _time_ns(market, "closedTime"),
        "tick_size": None if market.get("closed") else _number(market, "orderPriceMinTickSize", slug),
        "min_order_size": _number(market, "orderMinSize", slug),
        "volume": _number(market, "volumeNum" if market.get("volumeNum") is not None else "volume", slug),
        "condition_id": _condition(market),
        "up_token_id": tokens.get("up"),
        "down_token_id": tokens.get("down"),
        "source": source,
    }
    return row | _fees(market)


def _event(market: Mapping[str, Any]) -> Mapping[str, Any]:
    events = market.get("events")
    return events[0] if isinstance(events, list) and events and isinstance(events[0], Mapping) else {}


def _token_field(market: Mapping[str, Any]) -> str:
    # Markets listed before the second protocol existed carry no version.
    version = market.get("version") or "v1"
    if not isinstance(version, str) or version not in _TOKEN_FIELDS:
        raise DataError(
            f"Gamma market {market['slug']} is of protocol version {version!r}; known are "
            f"{', '.join(_TOKEN_FIELDS)}. It is not stored: what its tokens are is not known."
        )
    return _TOKEN_FIELDS[version]


def _list(market: Mapping[str, Any], field: str) -> list[Any]:
    value = market.get(field)
    if isinstance(value, str):
        try:
            value = json.loads(value) if value else []
        except (ValueError, RecursionError) as error:
            raise DataError(
                f"Gamma market {market['slug']}: {field} is not a JSON list ({error}); not stored."
            ) from error
    if value is None:
        return []
    if not isinstance(value, list):
        raise DataError(f"Gamma market {market['slug']}: {field} is a {type(value).__name__}, not a list; not stored.")
    return value


def _by_label(market: Mapping[str, Any], field: str) -> dict[str, str]:
    """``up`` and ``down`` to the entry of ``field`` at the place of that label; empty where not filled in yet."""
    labels = [str(label).lower() for label in _list(market, "outcomes")]
    if sorted(labels) != ["down", "up"]:
        raise DataError(f"Gamma market {market['slug']}: its outcomes are {labels}, not Up and Down; not stored.")
    values = [str(value) for value in _list(market, field)]
    if not any(values):
        return {}
    if len(values) != 2 or not all(values):
        raise DataError(f"Gamma market {market['slug']}: {field} does not hold one entry per outcome; not stored.")
    return dict(zip(labels, values, strict=True))


def _outcome(market: Mapping[str, Any]) -> str | None:
    status = market.get("umaResolutionStatus") or market.get("resolutionStatus")
    if not market.get("closed") or status not in _FINAL:
        return None
    prices = _by_label(market, "outcomePrices")
    payouts = {label: _number(prices, label, market["slug"]) for label in prices}
    if sorted(payouts.values(), key=str) != [0.0, 1.0]:
        raise DataError(
            f"Gamma market {market['slug']} is resolved, but pays {payouts} instead of 1 and 0; not stored."
        )
    return next(label for label, payout in payouts.items() if payout == 1.0)


def _fees(market: Mapping[str, Any]) -> dict[str, float | None]:
    """The taker fee ``rate * (p(1-p))**exponent`` and the makers' share of it; null = the venue's table decides."""
    slug = market["slug"]
    if market.get("feesEnabled") is False:
        return {"fee_rate": 0.0, "fee_exponent": 1.0, "rebate_rate": 0.0}
    schedule = market.get("feeSchedule")
    if schedule is None:
        return {"fee_rate": None, "fee_exponent": None, "rebate_rate": None}
    if not isinstance(schedule, Mapping) or "rate" not in schedule or "exponent" not in schedule:
        raise DataError(f"Gamma market {slug}: feeSchedule {schedule!r} has no rate or no exponent; not stored.")
    if schedule.get("takerOnly") is False:
        raise DataError(f"Gamma market {slug} charges makers too, which no fee model here knows; not stored.")
    rate = _number(schedule, "rate", slug)
    if rate is None or not 0.0 <= rate < 1.0:
        raise DataError(
            f"Gamma market {slug}: a fee rate of {rate} is no fraction (base fees are no rate); not stored."
        )
    return {
        "fee_rate": rate,
        "fee_exponent": _number(schedule, "exponent", slug),
        "rebate_rate": _number(schedule, "rebateRate", slug),
    }


def _settlement_rule(market: Mapping[str, Any]) -> str | None:
    config = market.get("cryptoMarketConfig")
    if isinstance(config, Mapping) and config.get("twapEnabled") is not None:
        if not config["twapEnabled"]:
            return "spot"
        seconds = _number(config, "twapLookbackSeconds", market["slug"])
        if seconds is None:
            raise DataError(f"Gamma market {market['slug']} settles on an average of unknown length; not stored.")
        return f"twap{seconds:.0f}"
    link = str(market.get("resolutionSource") or "")
    if (lookback := _LOOKBACK.search(link)) is not None:
        return f"twap{lookback[1]}"
    return "spot" if _STREAM.search(link) else None


def _condition(market: Mapping[str, Any]) -> str | None:
    value = market.get("conditionId") or None
    if value is not None and not isinstance(value, str):
        raise DataError(f"Gamma market {market['slug']}: conditionId is a {type(value).__name__}; not stored.")
    return value


def _number(fields: Mapping[str, Any], name: str, slug: str) -> float | None:
    value = fields.get(name)
    if value is None or value == "":
        return None
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise DataError(f"Gamma market {slug}: {name} is {value!r}, not a number; not stored.") from error
    if not math.isfinite(number):
        raise DataError(f"Gamma market {slug}: {name} is {value!r}, not a number; not stored.")
    return number


def _time_ns(market: Mapping[str, Any], field: str) -> int | None:
    """A time of the market, ns UTC; None where it has none, which Gamma also writes as a time outside 2015-2100."""
    value = market.get(field)
    if not value:
        return None
    try:
        moment = datetime.fromisoformat(str(value))
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        whole = int(moment.replace(microsecond=0).timestamp())
    except (ValueError, OverflowError) as error:
        raise DataError(f"Gamma market {market['slug']}: {field} is {value!r}, not a time; not stored.") from error
    time_ns = whole * SECOND + moment.microsecond * 1_000
    return time_ns if EARLIEST_NS <= time_ns <= LATEST_NS else None


def _iso(ns: int) -> str:
    return datetime.fromtimestamp(ns // SECOND, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
