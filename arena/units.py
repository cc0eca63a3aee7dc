"""The few conversion factors everything shares. Times are ns UTC, money micro-dollars, quantities micro-shares."""

MS = 1_000_000
"""Nanoseconds in a millisecond."""
SECOND = 1_000_000_000
"""Nanoseconds in a second."""
MINUTE = 60 * SECOND
"""Nanoseconds in a minute."""
MICRO = 1_000_000
"""Micro-units in a dollar or a share."""
YEAR_S = 31_536_000.0
"""Seconds in the 365-day year that volatilities are quoted in."""
