"""Faults in one table: blocks of rows are drawn, one fault strikes each, and the ledger says what must happen."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import polars as pl

from arena.errors import ConfigError
from arena.lab.fault_rows import EDITS
from arena.market.schema import GAPS, TABLES
from arena.market.tape import F8, I8
from arena.units import SECOND

if TYPE_CHECKING:
    from arena.lab.faults import FaultConfig

LEDGER_SCHEMA: dict[str, type[pl.DataType]] = {
    "fault": pl.String,
    "table": pl.String,
    "row": pl.Int64,
    "stream": pl.String,
    "at_ns": pl.Int64,
    "rule": pl.String,
}
"""Columns of the ledger. ``row`` is the row of the faulty table, null where rows are gone; ``at_ns`` (ns UTC) is when;
``rule`` is the quality rule that must refuse the row, ``gap`` for a row of the gaps table, null where the row stays."""

STRUCTURAL = ("gaps", "freezes", "clock_forward", "clock_back", "duplicates", "reorders")
"""Faults of a stream rather than of one row."""
_STREAMS = ("binary_quotes", "spot", "oracle")
FITS = dict.fromkeys(STRUCTURAL, _STREAMS) | {
    fault: tuple(table for f, table in EDITS if f == fault) for fault in dict.fromkeys(f for f, _ in EDITS)
}
"""Tables that each fault fits, by fault."""

_BLOCK = 600
_LEAD = 100
_CALM = 150
"""Rows of a block: all, before the fault, and where it may begin. What follows settles within the block."""


@dataclass(slots=True)
class _Draft:
    """One table while faults are drawn. ``key`` orders the rows in the end; arrays have one entry per given row."""

    recv: I8
    key: F8
    dropped: npt.NDArray[np.bool_]
    edits: dict[str, list[int]] = field(default_factory=dict)
    copies: list[int] = field(default_factory=list)
    silences: list[tuple[str, int, int, int]] = field(default_factory=list)
    """(stream, last time before, first time after, a row of it)"""
    entries: list[tuple[str, float, str, int, str | None]] = field(default_factory=list)
    """(fault, key or NaN, stream, at_ns, rule)"""


def strike(
    table: str,
    frame: pl.DataFrame,
    faults: list[str],
    config: FaultConfig,
    spared: list[str],
    rng: np.random.Generator,
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """``frame`` with the faults in it, the ledger's entries, and rows for the gaps table.

    Args:
        table: name of the table.
        frame: its rows in file order.
        faults: names of faults, one entry each time it strikes.
        config: lengths of silences and jumps.
        spared: markets in which nothing else may go wrong.
        rng: where they strike.

    Raises:
        ConfigError: there are fewer blocks of rows than faults.
    """
    blocks = _blocks(table, frame, spared)
    order = iter(rng.permutation(len(blocks)))
    eligible = {f: frame.select(EDITS[f, table].eligible).to_series().to_numpy() for f in set(faults) - {*STRUCTURAL}}
    draft = _Draft(
        frame["recv_ns"].to_numpy().copy(),
        np.arange(frame.height, dtype=np.float64),
        np.zeros(frame.height, dtype=np.bool_),
    )
    for fault in faults:
        while True:
            block = next(order, None)
            if block is None:
                raise ConfigError(f"table {table!r} has no room for {len(faults)} faults; generate more days.")
            stream, rows = blocks[int(block)]
            at = _LEAD + int(rng.integers(0, _CALM - _LEAD))
            if fault in STRUCTURAL:
                if _structural(fault, stream, rows, at, config, draft):
                    break
            else:
                fit = np.flatnonzero(eligible[fault][rows[at:]])
                if fit.shape[0]:
                    row = int(rows[at + fit[0]])
                    draft.edits.setdefault(fault, []).append(row)
                    draft.entries.append((fault, float(row), stream, int(draft.recv[row]), EDITS[fault, table].rule))
                    break
    return _settled(table, frame, draft)


def _blocks(table: str, frame: pl.DataFrame, spared: list[str]) -> list[tuple[str, I8]]:
    """(stream, rows) of every whole block of a single stream."""
    keys = list(TABLES[table].stream)
    name = pl.concat_str(pl.lit(f"{table}/"), keys[0])
    streams = frame.select(*keys, name.alias("__name"), pl.int_range(pl.len(), dtype=pl.Int64).alias("__row"))
    streams = streams.group_by(keys, maintain_order=True).agg(pl.col("__name").first(), "__row")
    blocks = []
    for row in streams.iter_rows(named=True):
        if row.get("market_id") in spared:
            continue
        rows = np.asarray(row["__row"], dtype=np.int64)
        blocks += [(row["__name"], rows[k : k + _BLOCK]) for k in range(0, rows.shape[0] - _BLOCK + 1, _BLOCK)]
    return blocks


def _structural(fault: str, stream: str, rows: I8, at: int, config: FaultConfig, draft: _Draft) -> bool:
    """Strike one block of a stream at its ``at``-th row; False where the fault cannot show there."""
    recv = draft.recv
    begin = int(recv[rows[at]])
    jump_ns = int(config.jump_s * SECOND)
    span = rows[at : at + config.span_rows]
    if fault == "reorders":
        ahead = np.flatnonzero(np.diff(recv[rows[at:]]) > 0)
        if not ahead.shape[0]:
            return False
        a, b = rows[at + ahead[0]], rows[at + ahead[0] + 1]
        draft.key[a], draft.key[b] = draft.key[b], draft.key[a]
        draft.entries.append((fault, float(draft.key[a]), stream, int(recv[a]), "time_back"))
    elif fault == "duplicates":
        row = int(rows[at])
        draft.copies.append(row)
        draft.entries.append((fault, row + 0.5, stream, begin, "duplicate"))
    elif fault == "clock_forward":
        after = rows[at + config.span_rows :]
        recv[span] += jump_ns
        late = after[recv[after] < recv[span[-1]]]
        # What was stamped too late stays; what follows in the true order looks like the past.
        draft.entries += [(fault, float(r), stream, int(recv[r]), None) for r in span]
        draft.entries += [(fault, float(r), stream, int(recv[r]), "time_back") for r in late]
    elif fault == "clock_back":
        before = int(recv[rows[at - 1]])
        recv[span] -= jump_ns
        if recv[span[0]] >= before:
            recv[span] += jump_ns
            return False
        draft.entries += [(fault, float(r), stream, int(recv[r]), "time_back") for r in span if recv[r] < before]
        draft.entries += [(fault, float(r), stream, int(recv[r]), None) for r in span if recv[r] >= before]
    else:
        silent = rows[at:][recv[rows[at:]] < begin + int(config.silence_s * SECOND)][:-1]
        if not silent.shape[0]:
            return False
        draft.dropped[silent] = True
        end = int(recv[rows[at + silent.shape[0]]])
        if fault == "gaps":
            draft.silences.append((stream, int(recv[rows[at - 1]]), end, int(rows[at])))
        draft.entries.append((fault, np.nan, stream, begin, None))
    return True


def _settled(table: str, frame: pl.DataFrame, draft: _Draft) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """The frame as drafted, the ledger's entries with their rows, and the silences that were announced."""
    row = pl.int_range(pl.len(), dtype=pl.Int64)
    out = frame.with_columns(pl.Series("recv_ns", draft.recv))
    for fault, rows in draft.edits.items():
        hit = row.is_in(rows)
        columns = {name: e for name, e in EDITS[fault, table].columns.items() if name in frame.columns}
        out = out.with_columns(pl.when(hit).then(e).otherwise(pl.col(name)).alias(name) for name, e in columns.items())
    out = out.with_columns(pl.Series("__key", draft.key))
    twins = out[draft.copies].with_columns(pl.col("__key") + 0.5)
    out = pl.concat([out.filter(pl.Series(~draft.dropped)), twins]).sort("__key")
    key = out["__key"].to_numpy()
    names = {"fault": pl.String, "key": pl.Float64, "stream": pl.String, "at_ns": pl.Int64, "rule": pl.String}
    entries = pl.DataFrame(draft.entries, schema=names, orient="row").with_columns(table=pl.lit(table))
    place = pl.Series(np.searchsorted(key, entries["key"].to_numpy()))
    entries = entries.with_columns(row=pl.when(pl.col("key").is_not_nan()).then(place))
    heard = {"stream": pl.String, "recv_ns": pl.Int64, "until_ns": pl.Int64, "__row": pl.Int64}
    silent = pl.DataFrame(draft.silences, schema=heard, orient="row")
    of = frame.select("asset", "source")[silent["__row"]]
    silent = pl.concat([silent.drop("__row"), of], how="horizontal").with_columns(reason=pl.lit("injected"))
    ledger = entries.select(pl.col(name).cast(dtype) for name, dtype in LEDGER_SCHEMA.items())
    return out.drop("__key"), ledger, GAPS.conform(silent)
