"""The errors Arena raises on purpose.

Every message is a sentence that says what was wrong, where, and what to do next. Commands turn any
:class:`ArenaError` into that one line and exit code 2.
"""

from __future__ import annotations


class ArenaError(Exception):
    """Base of every error Arena raises on purpose."""


class ConfigError(ArenaError):
    """A lever, preset, experiment file or option is unknown, mistyped or out of bounds."""


class DataError(ArenaError):
    """Market data is missing, mixed, or breaks a named quality rule."""


class VenueRuleError(ArenaError):
    """No dated venue rule covers the market: Arena refuses to guess a fee, delay or settlement rule."""


class ValidationError(ArenaError):
    """A statistic was asked for on input for which it is undefined."""
