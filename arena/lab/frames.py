"""Faults of raw frames: what a network does to messages before anybody has parsed them."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass
from typing import Any, Protocol, TypeVar

import numpy as np

from arena.errors import ConfigError
from arena.units import MS

DATA = 0
"""``kind`` of the frames that carry messages; the others are the connection's own and stay as they are."""


class FrameLike(Protocol):
    """A named tuple with the fields of a recorded frame (times ns)."""

    @property
    def recv_ns(self) -> int:
        """Wall clock at receipt."""
        ...

    @property
    def mono_ns(self) -> int:
        """Monotonic clock at receipt."""
        ...

    @property
    def kind(self) -> int:
        """0 = a message from the venue."""
        ...

    @property
    def payload(self) -> bytes:
        """The message, byte for byte."""
        ...

    def _replace(self, **fields: Any) -> Any: ...


F = TypeVar("F", bound=FrameLike)


@dataclass(frozen=True, slots=True)
class FrameFaults:
    """Probability of each fault for a message; at most one strikes it.

    Attributes:
        duplicate: it comes twice.
        reorder: its bytes change places with those of the next message of any connection.
        truncate: it ends early; at least one byte is lost.
        delay: it arrives up to ``delay_ms`` later, behind what came meanwhile.
        drop: it never comes.
    """

    duplicate: float = 0.0
    reorder: float = 0.0
    truncate: float = 0.0
    delay: float = 0.0
    drop: float = 0.0
    delay_ms: float = 500.0

    def __post_init__(self) -> None:
        if min(astuple(self)) < 0.0 or sum(astuple(self)[:5]) > 1.0:
            raise ConfigError("frame faults: probabilities are 0 or more and add up to at most 1.")


@dataclass(frozen=True, slots=True)
class FrameFault:
    """What struck the ``index``-th frame that went in."""

    index: int
    fault: str


def disturb(
    frames: Iterable[F], faults: FrameFaults, rng: np.random.Generator, ledger: list[FrameFault]
) -> Iterator[F]:
    """The frames as a bad network would deliver them, in order of receipt.

    Times of receipt never go back. What was done is appended to ``ledger`` as it happens; a generator that holds only
    the frames that are still on their way.
    """
    names = ("duplicate", "reorder", "truncate", "delay", "drop")
    edges = np.cumsum([getattr(faults, name) for name in names])
    late: list[tuple[int, int, F]] = []
    # A message that changes places with the next one, and what came since.
    waiting: list[F] = []
    waits = -1
    for index, frame in enumerate(frames):
        due: list[F] = []
        while late and late[0][0] <= frame.recv_ns:
            due.append(heapq.heappop(late)[2])
        if waiting:
            waiting += due
            if frame.kind != DATA:
                waiting.append(frame)
                continue
            ledger.append(FrameFault(waits, "reorder"))
            first = waiting[0]
            yield first._replace(payload=frame.payload)
            yield from waiting[1:]
            yield frame._replace(payload=first.payload)
            waiting = []
            continue
        yield from due
        struck = int(np.searchsorted(edges, rng.random(), side="right")) if frame.kind == DATA else len(names)
        fault = names[struck] if struck < len(names) else ""
        if fault == "" or (fault == "truncate" and not frame.payload):
            yield frame
            continue
        if fault == "reorder":
            waiting, waits = [frame], index
            continue
        ledger.append(FrameFault(index, fault))
        if fault == "duplicate":
            yield frame
            yield frame
        elif fault == "truncate":
            yield frame._replace(payload=frame.payload[: int(rng.integers(0, len(frame.payload)))])
        elif fault == "delay":
            by_ns = int(rng.random() * faults.delay_ms * MS) + 1
            moved = frame._replace(recv_ns=frame.recv_ns + by_ns, mono_ns=frame.mono_ns + by_ns)
            heapq.heappush(late, (moved.recv_ns, index, moved))
    yield from waiting
    while late:
        yield heapq.heappop(late)[2]
