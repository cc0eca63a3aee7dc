"""One reader per published recording, by family: its columns in, the catalog's tables out."""

from __future__ import annotations

from research.importers.recording import Recording
from research.importers.recordings import (
    bars,
    book10,
    depth,
    exchange,
    kalshi,
    marks,
    quotes,
    universe,
    wallets,
    windows,
)

RECORDINGS: dict[str, Recording] = {
    recording.stem: recording
    for family in (windows, book10, quotes, kalshi, marks, exchange, depth, bars, wallets, universe)
    for recording in family.RECORDINGS
}
"""Every recording we can read, by file name without ``.parquet``."""
