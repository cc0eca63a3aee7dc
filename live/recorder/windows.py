"""Which markets to listen to, which to ask about, and when."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import quantiles
from typing import Any, NamedTuple

from arena.units import SECOND
from live.rest.gamma import updown_slug

LINGER_S = 180
"""Seconds after its close for which a market without an outcome is still listened to: the venue announces nearly all
outcomes within them."""
AHEAD = 1
"""Windows listened to before they open."""
PREFETCH_S = 3_600
"""Seconds before a window's open from which its metadata is asked for: so long may the venue's index be down."""

METADATA_EVERY_S = 5
"""Seconds between questions about a window that is to be listened to and that the venue has not listed yet."""
PREFETCH_EVERY_S = 60
"""The same about one that nobody listens to yet."""
GIVE_UP_S = 3_600
"""Seconds after its close at which a window that was never listed is forgotten."""
RESOLVED_AFTER_S = 54.0
"""Median time from a window's close to its outcome, until we measured our own."""
_MEASURED = 64


class Window(NamedTuple):
    """One market: symbol, length (seconds) and open (ns UTC)."""

    asset: str
    interval_s: int
    open_ns: int

    @property
    def close_ns(self) -> int:
        """End of the window, ns UTC."""
        return self.open_ns + self.interval_s * SECOND

    @property
    def slug(self) -> str:
        """The venue's name of it."""
        return updown_slug(self.asset, self.interval_s, self.open_ns)


def windows_at(
    now_ns: int, assets: Sequence[str], intervals_s: Sequence[int], linger_s: int = LINGER_S
) -> list[Window]:
    """The windows to listen to at ``now_ns``: the open one, the next, and those that closed a moment ago.

    >>> [w.slug for w in windows_at(1790000110 * SECOND, ["BTC"], [300])]
    ['btc-updown-5m-1790000100', 'btc-updown-5m-1790000400', 'btc-updown-5m-1789999800']
    """
    found = []
    for asset in assets:
        for interval_s in intervals_s:
            step = interval_s * SECOND
            open_ns = now_ns - now_ns % step
            found += [Window(asset, interval_s, open_ns + i * step) for i in range(AHEAD + 1)]
            if now_ns - open_ns < linger_s * SECOND:
                found.append(Window(asset, interval_s, open_ns - step))
    return found


def windows_ahead(now_ns: int, assets: Sequence[str], intervals_s: Sequence[int], ahead_s: int) -> list[Window]:
    """The windows that are open at ``now_ns`` or open within ``ahead_s``, and the next of each; earliest first."""
    found = []
    for asset in assets:
        for interval_s in intervals_s:
            step = interval_s * SECOND
            open_ns = now_ns - now_ns % step
            count = max(AHEAD, (now_ns + ahead_s * SECOND - open_ns) // step)
            found += [Window(asset, interval_s, open_ns + i * step) for i in range(count + 1)]
    return sorted(found, key=lambda window: window.open_ns)


class ResolutionDelay:
    """How long after their close windows are resolved, measured as we go; says when asking is worth while."""

    def __init__(self) -> None:
        self._seen_s: list[float] = []

    def saw(self, window: Window, resolved_ns: int) -> None:
        """``window`` was found resolved, at ``resolved_ns`` by the venue's own account."""
        self._seen_s = [*self._seen_s[-_MEASURED + 1 :], (resolved_ns - window.close_ns) / SECOND]

    @property
    def first_ask_s(self) -> float:
        """Seconds after a close when to ask for the first time: a quarter of the windows are resolved by then."""
        if len(self._seen_s) < 4:
            return RESOLVED_AFTER_S * 0.75
        return max(1.0, quantiles(self._seen_s, n=4)[0])

    @property
    def median_s(self) -> float | None:
        """What was measured; None before anything was."""
        return quantiles(self._seen_s, n=2)[0] if len(self._seen_s) > 1 else None


def next_ask_s(late_s: float) -> float:
    """Seconds until the outcome is asked for again, ``late_s`` after the close: often at first, then patiently.

    >>> [next_ask_s(late) for late in (50, 400, 8_000)]
    [10.0, 60.0, 600.0]
    """
    return 10.0 if late_s < 300 else 60.0 if late_s < 3_600 else 600.0


@dataclass(slots=True)
class _Errand:
    """What we know of a window, and when to ask about it next (ns UTC; None = an answer is on its way)."""

    due_ns: int | None
    row: Mapping[str, Any] | None = None

    @property
    def has_tokens(self) -> bool:
        return self.row is not None and bool(self.row["up_token_id"]) and bool(self.row["down_token_id"])


class Desk:
    """Keeps track of what to ask: metadata long before a window opens, its outcome after its close.

    It has no clock and asks nobody: :meth:`due` says whom to ask about now, :meth:`answered` takes what came.

    Args:
        assets: symbols.
        intervals_s: lengths of windows, seconds.
    """

    def __init__(self, assets: Sequence[str], intervals_s: Sequence[int]) -> None:
        self._assets, self._intervals_s = assets, intervals_s
        self._errands: dict[Window, _Errand] = {}
        self.delay = ResolutionDelay()

    def revive(self, unresolved: Iterable[Mapping[str, Any]]) -> None:
        """Take up rows of ``windows`` from before whose outcome is not known yet."""
        for row in unresolved:
            window = Window(row["asset"], row["interval_s"], row["open_ns"])
            self._errands.setdefault(window, _Errand(window.close_ns, row))

    def due(self, now_ns: int) -> list[Window]:
        """Windows to ask about now, the most urgent first; each stays away from here until it is answered."""
        for window in windows_ahead(now_ns, self._assets, self._intervals_s, PREFETCH_S):
            self._errands.setdefault(window, _Errand(now_ns))
        due = [w for w, errand in self._errands.items() if errand.due_ns is not None and errand.due_ns <= now_ns]
        for window in due:
            self._errands[window].due_ns = None
        return due

    def answered(self, window: Window, row: Mapping[str, Any] | None, now_ns: int) -> None:
        """The venue said ``row`` of ``window`` at ``now_ns``; None = nothing, or nothing to be believed."""
        errand = self._errands[window]
        errand.row = row or errand.row
        late_s = (now_ns - window.close_ns) / SECOND
        if row is not None and row["outcome"] is not None:
            if row["resolved_ns"] is not None:
                self.delay.saw(window, row["resolved_ns"])
            del self._errands[window]
        elif errand.row is None and late_s > GIVE_UP_S:
            del self._errands[window]
        elif late_s > 0:
            errand.due_ns = now_ns + int(next_ask_s(late_s) * SECOND)
        elif errand.has_tokens:
            errand.due_ns = window.close_ns + int(self.delay.first_ask_s * SECOND)
        else:
            is_far = window.open_ns - now_ns > AHEAD * window.interval_s * SECOND
            errand.due_ns = now_ns + (PREFETCH_EVERY_S if is_far else METADATA_EVERY_S) * SECOND

    def listened(self, now_ns: int) -> list[Mapping[str, Any]]:
        """Rows of the windows to listen to now, as far as their tokens are known."""
        wanted = (self._errands.get(w) for w in windows_at(now_ns, self._assets, self._intervals_s))
        return [errand.row for errand in wanted if errand is not None and errand.row is not None and errand.has_tokens]

    def expects(self, window: Window) -> bool:
        """Whether there is still something to learn about ``window``."""
        return window in self._errands

    def unresolved(self, now_ns: int) -> int:
        """How many windows are over and have no outcome yet."""
        return sum(window.close_ns <= now_ns for window in self._errands)
