"""Moments and lengths of time as people type them."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from arena.errors import ConfigError

_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_LENGTH = re.compile(r"(\d+)([smhdw])")


def parse_length(text: str) -> int:
    """A length of time in seconds: ``90s``, ``5m``, ``4h``, ``7d``, ``2w``, or seconds as a plain number.

    Raises:
        ConfigError: it is none of these.
    """
    if text.isdigit() and int(text) > 0:
        return int(text)
    if (match := _LENGTH.fullmatch(text)) is None or match[1].strip("0") == "":
        raise ConfigError(f"{text!r} is no length of time; write 90s, 5m, 4h, 7d or 2w.")
    return int(match[1]) * _UNITS_S[match[2]]


def parse_moment(text: str, now_ns: int) -> int:
    """A moment as ns UTC: a date or ISO time (UTC where it names no zone), ``now``, or a length before now.

    Raises:
        ConfigError: it is none of these.
    """
    if text == "now":
        return now_ns
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        try:
            return now_ns - parse_length(text) * 1_000_000_000
        except ConfigError as error:
            raise ConfigError(
                f"{text!r} is no moment; write a date (2026-11-01), a UTC time (2026-11-01T12:00), now, "
                "or how long ago (7d, 4h)."
            ) from error
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return int(moment.timestamp()) * 1_000_000_000


def parse_span(start: str, end: str, now_ns: int) -> tuple[int, int]:
    """Two moments, ns UTC, the first before the second.

    Raises:
        ConfigError: one is no moment, or they are the wrong way round.
    """
    span = parse_moment(start, now_ns), parse_moment(end, now_ns)
    if span[0] >= span[1]:
        raise ConfigError(f"The span from {start} to {end} is empty; give an earlier start or a later end.")
    return span


def parse_list(text: str) -> list[str]:
    """The parts of ``a,b,c``, each once, in order.

    Raises:
        ConfigError: there is none.
    """
    parts = list(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    if not parts:
        raise ConfigError(f"{text!r} names nothing; write one or more names with commas between them.")
    return parts
