"""How often a host may be asked."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

Clock = Callable[[], float]
Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Host:
    """Where a venue answers, and how often we ask it.

    Attributes:
        url: scheme, host and port, without a trailing slash.
        rate_per_s: requests per second that we allow ourselves in the long run: well under the venue's limit.
        burst: requests that may go out at once after a rest; in any span of T seconds at most
            ``burst + rate_per_s * T`` are sent.
    """

    url: str
    rate_per_s: float
    burst: int = 1


class Bucket:
    """A token bucket on an injected monotonic clock (seconds).

    A taker reserves its place before it sleeps, so takers are served in the order in which they came. What is
    stored is the time at which the bucket will be full again (the virtual scheduling algorithm of ITU-T I.371).
    """

    def __init__(self, host: Host, clock: Clock, sleep: Sleep) -> None:
        self._step = 1.0 / host.rate_per_s
        self._slack = (host.burst - 1) * self._step
        self._clock, self._sleep = clock, sleep
        self._full_at = float("-inf")
        self._closed_until = float("-inf")

    async def take(self) -> None:
        """Wait until one more request may be sent."""
        now = self._clock()
        turn = max(now, self._full_at - self._slack)
        self._full_at = max(now, self._full_at) + self._step
        while (wait := max(turn, self._closed_until) - self._clock()) > 0:
            await self._sleep(wait)

    def close_for(self, seconds: float) -> None:
        """Send nothing for so long, and then not all at once: the venue said so."""
        self._closed_until = max(self._closed_until, self._clock() + seconds)
        self._full_at = max(self._full_at, self._closed_until + self._slack)
