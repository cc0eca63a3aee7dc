"""What a feed is to the supervisor, and what a parser is to the recorder."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from arena.errors import DataError
from live.feeds.frame import Frame
from live.feeds.rows import Rows


class BadFrame(DataError):
    """A frame that no parser can believe. Nothing of it became a row; the parser goes on with the next frame."""

    def __init__(self, feed: str, why: str) -> None:
        super().__init__(f"Frame of feed {feed!r} refused: {why}. It stays in the raw log; see its parser's rules.")
        self.feed = feed
        self.why = why


@dataclass(frozen=True, slots=True)
class KeepAlive:
    """What to send, and how often (seconds), so that the venue does not hang up."""

    interval_s: float
    payload: bytes


StreamKey = tuple[str, str]
"""A stream as ``gaps`` names it: its name and its coin."""


class Stream(NamedTuple):
    """One thing that must keep talking: its name in ``gaps``, its coin, and how long it may be silent (seconds).

    It need only talk between ``from_ns`` and ``until_ns`` (ns UTC): a window's book is quiet before and after.
    ``first_s`` is how long it may take to begin once it was asked for; None = as long as it may be silent.
    """

    name: str
    asset: str
    silent_s: float
    from_ns: int = 0
    until_ns: int = 2**63 - 1
    first_s: float | None = None


class Seen(NamedTuple):
    """What the supervisor learns from one message.

    ``streams`` carried data (acks, heartbeats and pongs carry none); ``broken`` are of no use until they begin
    anew; ``refused`` will not be served; ``notice`` is what a person should know of it. ``send`` is to be sent at
    once; a ``reconnect`` names the reason why this connection is of no more use.
    """

    streams: Sequence[StreamKey] = ()
    send: Sequence[bytes] = ()
    reconnect: str | None = None
    broken: Sequence[StreamKey] = ()
    refused: Sequence[StreamKey] = ()
    notice: str = ""


NOTHING = Seen()


class Watch(Protocol):
    """Eyes on one connection, from its opening to its end. Sees every message; may keep books and numbers."""

    def see(self, payload: bytes) -> Seen:
        """What ``payload`` means for the connection. Never raises, whatever the bytes."""
        ...

    def look(self) -> Seen:
        """What all messages since the last look mean together, where that is too much work for each of them."""
        ...

    def again(self, streams: Sequence[Stream]) -> Sequence[bytes]:
        """What to send so that ``streams`` begin anew; nothing where the venue has no way to ask for it."""
        ...


class Parser(Protocol):
    """Frames to rows: deterministic and sequential, without clock or I/O.

    ``counts`` counts what became no row and why (unknown assets, refused numbers), and checks that failed.
    """

    counts: Counter[str]

    def feed(self, frame: Frame, rows: Rows) -> None:
        """Append what ``frame`` says to ``rows``.

        Raises:
            BadFrame: the bytes are not what the venue documents. Nothing of the frame was appended, and the
                parser can go on.
        """
        ...


class Feed(ABC):
    """One connection to one venue: where it goes, what it says, and what must come back.

    Attributes:
        name: the feed's name in every frame.
        url: where to connect.
        keepalive: what to send when, or None where the venue asks for nothing.
        lifetime_s: seconds after which to reconnect by plan, or None.
        fatal_codes: close codes after which connecting again is pointless.
        pace_s: seconds between two messages of a subscription.
    """

    name: str
    url: str
    keepalive: KeepAlive | None = None
    lifetime_s: float | None = None
    fatal_codes: tuple[int, ...] = ()
    pace_s: float = 0.0

    @abstractmethod
    def streams(self) -> Sequence[Stream]:
        """What must keep talking; may change as subscriptions do."""

    @abstractmethod
    def subscribe(self) -> list[bytes]:
        """Messages to send as soon as the connection is open, in order."""

    @abstractmethod
    def watch(self) -> Watch:
        """Fresh eyes for a new connection."""

    @abstractmethod
    def parser(self) -> Parser:
        """A fresh parser of this feed's frames; one instance reads the frames of all its connections."""

    def recorded(self, payload: bytes) -> bytes:
        """What of a message that we send goes into the recording: all of it, unless it carries a secret."""
        return payload
