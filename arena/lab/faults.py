"""Faults of recordings, injected on purpose: what breaks, where, and which quality rule must catch it.

Every fault sits in a block of rows of its own, in one stream, so that no fault hides another and the ledger can say
exactly which rows the screen has to refuse.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np
import polars as pl

from arena.errors import ConfigError
from arena.lab.fault_streams import FITS, LEDGER_SCHEMA, strike
from arena.market.schema import GAPS


@dataclass(frozen=True, slots=True)
class FaultConfig:
    """How often each fault strikes; 0 = never. Rows of books, prices and reports are hit alike where a fault fits.

    Attributes:
        gaps: a stream is silent for a while, and its recorder says so.
        freezes: a stream is silent for a while, and nobody says so.
        crossed_books: bid above ask.
        clock_forward, clock_back: the recorder's clock is ``jump_s`` off for ``span_rows`` rows.
        duplicates: a row is there twice.
        reorders: two neighbours change places.
        nans: a price is not a number.
        one_sided: a side of the book is missing, which is no mistake.
        parity_breaks: both asks add up to less than a dollar.
        phantoms: a price is shown with no size.
        missing_windows: a market's windows row is missing.
        wrong_outcomes: a market's outcome is the other one, which no row can tell by itself.
        unit_slips: a row's times are in milliseconds.
        silence_s: how long gaps and freezes last; long enough for an importer to notice.
        jump_s: how far a clock jumps.
        span_rows: for how many rows.
    """

    gaps: int = 0
    freezes: int = 0
    crossed_books: int = 0
    clock_forward: int = 0
    clock_back: int = 0
    duplicates: int = 0
    reorders: int = 0
    nans: int = 0
    one_sided: int = 0
    parity_breaks: int = 0
    phantoms: int = 0
    missing_windows: int = 0
    wrong_outcomes: int = 0
    unit_slips: int = 0
    silence_s: float = 40.0
    jump_s: float = 2.0
    span_rows: int = 5

    def __post_init__(self) -> None:
        wrong = [name for name, value in asdict(self).items() if value < 0]
        if wrong:
            raise ConfigError(f"fault setting {wrong[0]} is negative.")

    @property
    def text(self) -> str:
        """What was injected, for the catalog's list of known defects."""
        counts = {name: n for name, n in asdict(self).items() if n and isinstance(n, int) and name != "span_rows"}
        return f"faults were injected on purpose: {', '.join(f'{n} {name}' for name, n in counts.items()) or 'none'}"


STANDARD = FaultConfig(
    gaps=12, freezes=12, crossed_books=12, clock_forward=12, clock_back=12, duplicates=12, reorders=12, nans=12,
    one_sided=12, parity_breaks=12, phantoms=12, missing_windows=3, wrong_outcomes=3,
)  # fmt: skip
"""A bad day at the recorder: some of everything that a catalog takes in."""

NAMED = {"standard": STANDARD}
"""Fault sets by name."""


def inject(
    tables: Mapping[str, pl.DataFrame], config: FaultConfig, rng: np.random.Generator
) -> tuple[dict[str, pl.DataFrame], pl.DataFrame]:
    """``tables`` with faults in them, and the ledger of every row that was touched.

    Args:
        tables: tables of the catalog by name, rows in file order, without a fault. Not changed.
        config: which faults, and how many.
        rng: where they strike.

    Returns:
        The tables, in the same order, and the ledger (``LEDGER_SCHEMA``), ordered by table and row.

    Raises:
        ConfigError: the tables have no room for so many faults.
    """
    out = dict(tables)
    ledger = [pl.DataFrame(schema=LEDGER_SCHEMA)]
    gone: list[str] = []
    if "windows" in out:
        out["windows"], entries, gone = _break_windows(out["windows"], config, rng)
        ledger.append(entries)
    silences = [tables.get("gaps", GAPS.empty())]
    for name, faults in _assign(config, tuple(out)).items():
        out[name], entries, silent = strike(name, out[name], faults, config, gone, rng)
        ledger.append(entries)
        silences.append(silent)
    if any(frame.height for frame in silences):
        out["gaps"] = pl.concat(silences)
        ledger.append(_announced(out["gaps"], silences[0].height))
    if "binary_quotes" in out:
        ledger.append(_orphans(out["binary_quotes"], gone))
    return out, pl.concat(ledger).sort("table", "row", maintain_order=True)


def _assign(config: FaultConfig, tables: tuple[str, ...]) -> dict[str, list[str]]:
    """Faults of each table: every kind in turn on every table it fits."""
    of_table: dict[str, list[str]] = {}
    for fault, fits in FITS.items():
        places = [name for name in fits if name in tables]
        for k in range(getattr(config, fault)):
            if not places:
                raise ConfigError(f"{fault} need a table of {', '.join(fits)}; there is none.")
            of_table.setdefault(places[k % len(places)], []).append(fault)
    return of_table


def _break_windows(
    windows: pl.DataFrame, config: FaultConfig, rng: np.random.Generator
) -> tuple[pl.DataFrame, pl.DataFrame, list[str]]:
    """Windows without some rows and with some outcomes turned round; the ledger's entries; the ids that are gone."""
    n = config.missing_windows + config.wrong_outcomes
    known = windows.with_row_index("__row").filter(pl.col("outcome").is_not_null())["__row"].to_numpy()
    if n > known.shape[0]:
        raise ConfigError(f"{n} windows cannot go wrong, there are {known.shape[0]} with an outcome.")
    chosen = rng.choice(known, n, replace=False)
    missing, wrong = chosen[: config.missing_windows], chosen[config.missing_windows :]
    gone = windows["market_id"].gather(missing).to_list()
    other = pl.when(pl.col("outcome") == "up").then(pl.lit("down")).otherwise(pl.lit("up"))
    row = pl.int_range(pl.len())
    turned = windows.with_columns(
        pl.when(row.is_in(wrong.tolist())).then(other).otherwise(pl.col("outcome")).alias("outcome")
    )
    left = turned.filter(~row.is_in(missing.tolist()))
    lost = windows.select(
        fault=pl.lit("missing_windows"), row=pl.lit(None), stream="market_id", at_ns="open_ns", rule=pl.lit(None)
    )[missing]
    ids = windows["market_id"].gather(wrong)
    told = left.with_row_index("row").filter(pl.col("market_id").is_in(ids.implode()))
    told = told.select(
        fault=pl.lit("wrong_outcomes"), row="row", stream="market_id", at_ns="open_ns", rule=pl.lit(None)
    )
    return left, _entries("windows", lost, told), gone


def _announced(gaps: pl.DataFrame, before: int) -> pl.DataFrame:
    rows = gaps.with_row_index("row")[before:]
    return _entries(
        "gaps", rows.select(fault=pl.lit("gaps"), row="row", stream="stream", at_ns="recv_ns", rule=pl.lit("gap"))
    )


def _orphans(quotes: pl.DataFrame, gone: list[str]) -> pl.DataFrame:
    """Quotes of markets whose windows row is missing: nothing can settle them."""
    rows = quotes.with_row_index("row").filter(pl.col("market_id").is_in(gone))
    return _entries(
        "binary_quotes",
        rows.select(
            fault=pl.lit("missing_windows"),
            row="row",
            stream="market_id",
            at_ns="recv_ns",
            rule=pl.lit("unknown_market"),
        ),
    )


def _entries(table: str, *parts: pl.DataFrame) -> pl.DataFrame:
    return pl.concat(
        part.select(
            (pl.lit(table) if name == "table" else pl.col(name)).cast(dtype).alias(name)
            for name, dtype in LEDGER_SCHEMA.items()
        )
        for part in parts
    )
