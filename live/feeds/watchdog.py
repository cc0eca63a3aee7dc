"""Which streams of a connection are silent, and what to do: ask for them again, or give the connection up."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from arena.units import SECOND
from live.feeds.base import Stream, StreamKey

LONGEST_S = 600.0
"""Longest patience that comes of doubling, seconds."""
ASK = 2
"""How often a stream is asked for again before it may cost the connection."""


@dataclass(slots=True)
class _State:
    """Of one stream: when it was heard, asked for or broken last (monotonic ns), and what that cost so far.

    ``waiting``: it has said nothing since it was asked for or broke. ``silent``: its patience ran out since it
    talked last. ``asked``: how often it was asked for again since then. ``doubled``: how often its patience was
    doubled since it last talked by itself. ``cost``: it was given a new connection since then.
    """

    since_ns: int
    waiting: bool = True
    silent: bool = False
    asked: int = 0
    asked_ns: int = 0
    doubled: int = 0
    cost: bool = False


class Verdict(NamedTuple):
    """Streams that are to be asked for again, or all of the connection's if it is of no more use."""

    silent: Sequence[Stream] = ()
    reconnect: bool = False


class Watchdog:
    """Keeps the time of every stream of one feed, over all its connections.

    A stream that is silent for longer than its patience is asked for again, alone, and its patience doubles, up
    to ten minutes, until it talks by itself again: an answer to our question is no such talk. The connection is given
    up when everything on it is silent; for the sake of one stream among others only once, when asking did not help.

    Args:
        settle_s: how long after our question what comes is still the answer to it.
    """

    def __init__(self, settle_s: float) -> None:
        self._settle_ns = int(settle_s * SECOND)
        self._states: dict[StreamKey, _State] = {}
        self._refused: set[StreamKey] = set()

    def opened(self, mono_ns: int) -> None:
        """There is a new connection: everything was asked for again."""
        self._refused.clear()
        for state in self._states.values():
            state.since_ns = state.asked_ns = mono_ns
            state.waiting, state.silent, state.asked = True, False, 0

    def heard(self, streams: Iterable[StreamKey], mono_ns: int) -> None:
        """Data of ``streams`` came."""
        for key in streams:
            state = self._state(key, mono_ns)
            if not state.waiting and mono_ns - state.asked_ns > self._settle_ns:
                state.doubled, state.cost = 0, False
            state.since_ns = mono_ns
            state.waiting, state.silent, state.asked = False, False, 0
            self._refused.discard(key)

    def broke(self, streams: Iterable[StreamKey], mono_ns: int) -> None:
        """What ``streams`` say is of no use any more, until they begin anew."""
        for key in streams:
            state = self._state(key, mono_ns)
            if not state.waiting:
                state.since_ns, state.waiting = mono_ns, True

    def refused(self, streams: Iterable[StreamKey]) -> None:
        """The venue will not serve ``streams`` on this connection; nobody waits for them."""
        self._refused.update(streams)

    def serves_nothing(self, streams: Iterable[Stream]) -> bool:
        """Whether the venue refused all of ``streams``."""
        return bool(self._refused) and all(stream[:2] in self._refused for stream in streams)

    def look(self, streams: Sequence[Stream], mono_ns: int, wall_ns: int) -> Verdict:
        """Judge the streams of the feed; those of the verdict count as asked for from now on."""
        keys = {stream[:2] for stream in streams}
        self._states = {key: state for key, state in self._states.items() if key in keys}
        due, awake = [], False
        active = [s for s in streams if s.from_ns <= wall_ns < s.until_ns and s[:2] not in self._refused]
        for stream in active:
            state = self._state(stream[:2], mono_ns)
            quiet_ns = min(mono_ns - state.since_ns, wall_ns - stream.from_ns)
            if quiet_ns > _patience_s(stream, state) * SECOND:
                due.append((stream, state))
                state.silent = True
            awake = awake or not state.silent
        if not due:
            return Verdict()
        helpless = [state for _, state in due if state.asked >= ASK and not state.cost]
        alone = len(active) == 1 and not due[0][1].asked
        for _, state in due:
            state.since_ns = state.asked_ns = mono_ns
            state.waiting, state.asked, state.doubled = True, state.asked + 1, state.doubled + 1
        for state in helpless:
            state.cost = True
        return Verdict([stream for stream, _ in due], bool(helpless) or not (awake or alone))

    def _state(self, key: StreamKey, mono_ns: int) -> _State:
        return self._states.setdefault(key, _State(mono_ns, asked_ns=mono_ns))


def _patience_s(stream: Stream, state: _State) -> float:
    base = stream.silent_s if stream.first_s is None or not state.waiting else stream.first_s
    return max(base, min(LONGEST_S, base * 2.0 ** min(state.doubled, 30)))
