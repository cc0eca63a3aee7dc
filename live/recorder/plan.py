"""What a run of the recorder is asked to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from live.recorder.log import FLUSH_S

RENEW_S = 3 * 3_600.0
"""Seconds between two planned reconnects of a feed."""
RAW = "raw"
"""Name of the log's folder inside the catalog it belongs to."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One run of the recorder.

    Attributes:
        assets: symbols.
        intervals_s: lengths of the windows to follow, seconds.
        feeds: names of the feeds, see :mod:`live.recorder.feeds`.
        to: the catalog; made when absent, added to when there.
        for_s: seconds to run; None = until stopped.
        flush_s: longest time that what came is not on the disk yet, seconds.
        reserve_bytes: recording stops when less is free on the disk.
        urls: addresses other than the venues' own, by name.
        source: ``source`` of every row.
        show_every_s: seconds between two statuses.
        renew_s: seconds between two planned reconnects of a feed, at which its parser begins afresh: after a crash
            not much more than that of the log has to be read again.
    """

    assets: tuple[str, ...]
    intervals_s: tuple[int, ...]
    feeds: tuple[str, ...]
    to: Path
    for_s: float | None = None
    flush_s: float = FLUSH_S
    reserve_bytes: int = 1_000_000_000
    urls: Mapping[str, str] = field(default_factory=dict)
    source: str = "arena"
    show_every_s: float = 1.0
    renew_s: float = RENEW_S

    @property
    def raw(self) -> Path:
        """Folder of the raw log."""
        return self.to / RAW
