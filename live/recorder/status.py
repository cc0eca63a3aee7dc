"""What the recorder is doing right now, as one value: what the view shows, and what is left at the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from live.recorder.health import ClockHealth


@dataclass(frozen=True, slots=True)
class FeedStatus:
    """One feed. Ages and lags are None before there is anything to measure.

    Attributes:
        name: the feed.
        is_open: whether a connection is up; None = it has none, we ask when we want to know.
        rate_per_s: messages per second since the last status.
        messages: messages so far.
        age_s: seconds since the last message.
        lag_ms: median of receive time minus event time, ms.
        gaps: rows of ``gaps``.
        reconnects: connections after the first.
        silent: times a watchdog fired.
        bad: frames nobody could believe.
    """

    name: str
    is_open: bool | None
    rate_per_s: float
    messages: int
    age_s: float | None
    lag_ms: float | None
    gaps: int
    reconnects: int
    silent: int
    bad: int


@dataclass(frozen=True, slots=True)
class Status:
    """The recorder. Times in seconds unless the name says otherwise.

    Attributes:
        elapsed_s: since the start.
        left_s: until the end; None = until it is stopped.
        feeds: every feed.
        frames: frames taken.
        frames_kept: frames on the disk.
        raw_bytes: size of what this run wrote to the log.
        rows: rows in the tables by this run, by table.
        behind_s: age of the oldest frame that is on the disk but not in the tables yet.
        disk_free_bytes: left on the disk.
        reserve_bytes: recording stops when less is left.
        clock: our clock against the best venue's.
        markets: windows listened to.
        unresolved: windows whose outcome is waited for.
        next_window: name of the next window to open.
        next_open_s: until it opens.
        resolution_s: measured time from close to outcome.
        worst_stall_ms: longest time the event loop did not answer.
        peak_rss_bytes: most memory this process used.
        last_refusal: the last frame nobody could believe, and why; empty = there was none.
        notices: sentences the user has to see: what does not answer, what is nearly full, what failed.
    """

    elapsed_s: float
    left_s: float | None
    feeds: tuple[FeedStatus, ...]
    frames: int
    frames_kept: int
    raw_bytes: int
    rows: Mapping[str, int]
    behind_s: float
    disk_free_bytes: int
    reserve_bytes: int
    clock: ClockHealth | None
    markets: int
    unresolved: int
    next_window: str | None
    next_open_s: float
    resolution_s: float | None
    worst_stall_ms: float
    peak_rss_bytes: int
    last_refusal: str = ""
    notices: tuple[str, ...] = ()
