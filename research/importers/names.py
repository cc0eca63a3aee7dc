"""Names of sources and assets that can be part of a catalog's paths."""

from __future__ import annotations

import re
from collections.abc import Mapping

import polars as pl

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")


def escaped(name: str) -> str | None:
    """``name`` as part of a path: other characters become ``+`` and their UTF-8 bytes in hex. None for none.

    >>> escaped("new/rec"), escaped("_x"), escaped("felixdoteth"), escaped("")
    ('new+2Frec', 'x+5Fx', 'felixdoteth', None)
    """
    if not name:
        return None
    plain = re.sub(r"[^A-Za-z0-9._+-]", lambda found: "".join(f"+{b:02X}" for b in found[0].encode()), name)
    if _PLAIN.fullmatch(plain):
        return plain
    # A path begins with a letter or digit.
    return plain.replace(name[0], f"x+{ord(name[0]):02X}", 1) if plain[0] == name[0] else f"x{plain}"


def tidy(tables: Mapping[str, pl.DataFrame]) -> tuple[dict[str, pl.DataFrame], dict[str, str]]:
    """Frames whose sources and assets can be part of a path, assets in upper case; and the new names of sources."""
    renamed: dict[str, str] = {}
    tidied = {}
    for table, frame in tables.items():
        for column in ("source", "asset"):
            names = frame[column].unique().drop_nulls().to_list()
            new = {name: escaped(name.upper() if column == "asset" else name) for name in names}
            changed = {old: name for old, name in new.items() if old != name}
            if changed:
                frame = frame.with_columns(pl.col(column).replace(changed))
            if column == "source":
                renamed |= {old: name for old, name in changed.items() if name is not None}
        tidied[table] = frame
    return tidied, renamed
