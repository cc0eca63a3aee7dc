"""What a feed is to the supervisor, and what a parser is to the recorder."""

from __future__ import annotations

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


class Stream(NamedTuple):
    """One thing that must keep talking: its name in ``gaps``, its coin, and how long it may be silent (seconds)."""

    name: str
    asset: str
    silent_s: float


class Seen(NamedTuple):
    """What the supervisor learns from one message.

    ``streams`` carried data (acks, heartbeats and pongs carry none); ``send`` is to be sent at once; a
    ``reconnect`` names the reason why this connection is of no more use.
    """

    streams: Sequence[Stream] = ()
    send: Sequence[bytes] = ()
    reconnect: str | None = None


NOTHING = Seen()


class Watch(Protocol):
    """Eyes on one connection, from its opening to its end. Sees every message; may keep sequence numbers."""

    def see(self, payload: bytes) -> Seen:
        """What ``payload`` means for the connection. Never raises, whatever the bytes."""
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


class Feed(Protocol):
    """One connection to one venue: where it goes, what it says, and what must come back."""

    @property
    def name(self) -> str:
        """Name of the feed in every frame."""
        ...

    @property
    def url(self) -> str:
        """Where to connect."""
        ...

    @property
    def keepalive(self) -> KeepAlive | None:
        """What to send when, or None where the venue asks for nothing."""
        ...

    @property
    def lifetime_s(self) -> float | None:
        """Seconds after which to reconnect by plan, or None."""
        ...

    def streams(self) -> Sequence[Stream]:
        """What must keep talking right now; may change as subscriptions do."""
        ...

    def subscribe(self) -> list[bytes]:
        """Messages to send as soon as the connection is open, in order."""
        ...

    def watch(self) -> Watch:
        """Fresh eyes for a new connection."""
        ...

    def parser(self) -> Parser:
        """A fresh parser of this feed's frames; one instance reads the frames of all its connections."""
        ...
