"""The holdout vault: the last stretch of the data, sealed by hash before any result, opened once.

A seal is a note in the trial ledger. From then on every run of the strategy on the same data leaves the sealed
windows out, whichever experiment it belongs to; only :func:`research.holdout.open_holdout` reads them, and each
opening is a note as well, written before anything is computed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from arena.errors import ConfigError, DataError
from arena.market.build import TAIL_NS
from arena.market.catalog import Catalog
from research.trials.ledger import TrialLedger
from research.trials.records import Note

SEALED, OPENED = "sealed", "opened"
_TABLES = ("windows", "binary_quotes", "spot", "oracle")


@dataclass(frozen=True, slots=True)
class Seal:
    """A sealed stretch ``[from_ns, to_ns)`` (UTC ns, first open to last close) of one market in one world.

    Whatever else is read of that market in that world, under whichever name, those windows are left out of it.
    ``markets`` is the digest of the sealed windows' ids and times, ``data`` that of the bytes of every file that
    overlaps the stretch: the stretch is opened only while both are what they were.
    """

    strategy: str
    idea: str
    experiment: str
    world: str
    market: str
    from_ns: int
    to_ns: int
    windows: int
    markets: str
    data: str
    at_ns: int


@dataclass(frozen=True, slots=True)
class Opening:
    """One look into a sealed stretch: whose, and when (ns UTC)."""

    seal: Seal
    idea: str
    experiment: str
    at_ns: int


def last_share(windows: pl.DataFrame, share: float) -> pl.DataFrame:
    """The last ``share`` of ``windows``, to be sealed.

    Raises:
        ConfigError: the share leaves nothing to seal or nothing to work with.
    """
    count = round(windows.height * share)
    if not 0 < count < windows.height:
        raise ConfigError(f"holdout.share {share:g} of {windows.height} windows seals {count}; choose another share.")
    return windows.tail(count)


def seal(
    ledger: TrialLedger,
    catalog: Catalog,
    windows: pl.DataFrame,
    *,
    strategy: str,
    idea: str,
    experiment: str,
    world: str,
    market: str,
) -> Seal:
    """Seal ``windows`` (ordered by open): note in the ledger that nobody looks at them before they are opened."""
    from_ns, to_ns = int(windows["open_ns"][0]), int(windows["close_ns"].max())  # type: ignore[arg-type]
    body = {
        "experiment": experiment,
        "world": world,
        "market": market,
        "from_ns": from_ns,
        "to_ns": to_ns,
        "windows": windows.height,
        "markets": _markets(windows),
        "data": _bytes(catalog, windows),
    }
    ledger.note(SEALED, strategy, idea, body)
    return seals(ledger, strategy, world, market)[-1]


def seals(ledger: TrialLedger, strategy: str, world: str, market: str) -> list[Seal]:
    """The seals of a strategy on the asset of ``market`` in one world, oldest first.

    Windows of another length are settled on the same prices: a seal covers them as well.
    """
    found = (_seal(note) for note in ledger.notes(strategy, SEALED))
    return [held for held in found if (held.world, asset_of(held.market)) == (world, asset_of(market))]


def openings(ledger: TrialLedger, strategy: str) -> list[Opening]:
    """Every look into a sealed stretch of a strategy, oldest first."""
    return [
        Opening(_seal_of(note.body["seal"], strategy), note.idea, str(note.body["experiment"]), note.at_ns)
        for note in ledger.notes(strategy, OPENED)
    ]


def overlapping(one: Seal, other: Seal) -> bool:
    """Whether two seals cover some of the same prices."""
    same = (one.world, asset_of(one.market)) == (other.world, asset_of(other.market))
    return same and one.from_ns < other.to_ns and other.from_ns < one.to_ns


def without_sealed(windows: pl.DataFrame, sealed: Sequence[Seal]) -> pl.DataFrame:
    """``windows`` without those that open inside a seal, wherever they were read from.

    Raises:
        DataError: everything is sealed.
    """
    kept = windows
    for held in sealed:
        kept = kept.filter((pl.col("close_ns") <= held.from_ns) | (pl.col("open_ns") >= held.to_ns))
    if kept.is_empty():
        raise DataError("every window of this span is sealed as holdout; choose an earlier span.")
    return kept


def sealed_windows(held: Seal, catalog: Catalog, windows: pl.DataFrame) -> pl.DataFrame:
    """The windows behind a seal, once it is certain that they are what was sealed.

    Raises:
        DataError: the windows, or the bytes they are read from, have changed since.
    """
    inside = windows.filter(_inside(held))
    if _markets(inside) != held.markets:
        raise DataError("the sealed windows are not in this catalog as they were sealed; the holdout cannot be opened.")
    if _bytes(catalog, inside) != held.data:
        raise DataError(
            "the files that hold the sealed stretch have changed since it was sealed; restore them from a backup "
            "of then."
        )
    return inside


def asset_of(market: str) -> str:
    """Venue and asset of a market."""
    return market.rsplit("/", 1)[0]


def _inside(held: Seal) -> pl.Expr:
    return (pl.col("open_ns") >= held.from_ns) & (pl.col("open_ns") < held.to_ns)


def _markets(windows: pl.DataFrame) -> str:
    lines = windows.select("market_id", "open_ns", "close_ns").sort("open_ns", "market_id").rows()
    return hashlib.sha256("".join(f"{m} {o} {c}\n" for m, o, c in lines).encode()).hexdigest()


def _bytes(catalog: Catalog, windows: pl.DataFrame) -> str:
    """Digest of the bytes of every file that ``windows`` are read from; what the manifest says of them is not asked."""
    first, last = int(windows["open_ns"][0]), int(windows["close_ns"].max()) + TAIL_NS  # type: ignore[arg-type]
    lines = []
    for name in _TABLES:
        for file in catalog.manifest.tables[name].files if name in catalog.manifest.tables else ():
            if file.last_ns >= first and file.first_ns < last:
                found = catalog.storage.sha256(file.path)
                lines.append(f"{name} {file.asset} {file.date} {file.source} {found}\n")
    return hashlib.sha256("".join(sorted(lines)).encode()).hexdigest()


def _seal(note: Note) -> Seal:
    return _seal_of({**note.body, "idea": note.idea, "at_ns": note.at_ns}, note.strategy)


def _seal_of(body: Mapping[str, Any], strategy: str) -> Seal:
    names = [name for name in Seal.__dataclass_fields__ if name != "strategy"]
    return Seal(strategy=strategy, **{name: body[name] for name in names})
