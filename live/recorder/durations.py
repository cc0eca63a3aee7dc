"""Durations as people write them."""

from __future__ import annotations

import re

from arena.errors import ConfigError

_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_PART = re.compile(r"(\d+(?:\.\d+)?)([smhd])")


def seconds_of(text: str) -> float:
    """Seconds in a duration.

    >>> [seconds_of(t) for t in ("90s", "90m", "24h", "2d", "1h30m")]
    [90.0, 5400.0, 86400.0, 172800.0, 5400.0]

    Raises:
        ConfigError: it is none, or not positive.
    """
    parts = _PART.findall(text)
    seconds = sum(float(number) * _UNITS[unit] for number, unit in parts)
    if not parts or "".join(n + u for n, u in parts) != text or seconds <= 0:
        raise ConfigError(f"{text!r} is no duration; write a number and a unit (s, m, h, d), like 90m, 24h or 1h30m.")
    return seconds
