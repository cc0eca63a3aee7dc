"""Lab markets described outside the code: settings from a TOML file, and price paths from a catalog."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_args, get_type_hints

import numpy as np

from arena.errors import ConfigError, DataError
from arena.lab.config import DAY_S, LabConfig
from arena.lab.options import RecordedModel
from arena.lab.recorded import TABLES, Observations, digest_of, observe
from arena.market.catalog import Catalog
from arena.units import SECOND

_LEAST_GAP_S = 10.0


def read_settings(file: Path) -> dict[str, Any]:
    """The settings of a TOML file: names of :class:`LabConfig`, groups as tables.

    Raises:
        ConfigError: there is no such file, it is not TOML, or it names a setting that does not exist.
    """
    try:
        settings = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"there is no file {file}; --config takes a TOML file with settings of the lab.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} is not TOML: {error}.") from error
    _check_names(LabConfig, settings, str(file))
    return settings


def lab_config(settings: Mapping[str, Any], where: str) -> LabConfig:
    """The configuration with these settings; ``where`` names them in an error.

    Raises:
        ConfigError: a value has the wrong type or is out of bounds.
    """
    from pydantic import TypeAdapter, ValidationError

    try:
        return TypeAdapter(LabConfig).validate_python(dict(settings))
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"{where}: {name} = {first['input']!r}: {first['msg'].lower()}.") from error


def _check_names(kind: type, settings: Mapping[str, Any], where: str) -> None:
    known = [f.name for f in fields(kind)]
    hints = get_type_hints(kind)
    for name, value in settings.items():
        if name not in known:
            near = get_close_matches(name, known, n=1, cutoff=0.5)
            meant = f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(known)}."
            raise ConfigError(f"{where}: the lab has no setting {name!r}{meant}")
        for group in _groups(hints[name]):
            for part in value if isinstance(value, list) else [value]:
                if not isinstance(part, Mapping):
                    raise ConfigError(f"{where}: {name!r} is a group of settings; write it as a table [{name}].")
                _check_names(group, part, f"{where} [{name}]")


def _groups(hint: Any) -> Iterator[type]:
    """Dataclasses inside a type hint: ``TakerModel | None``, ``tuple[VenueModel, ...]``."""
    for part in (hint, *get_args(hint)):
        if is_dataclass(part) and isinstance(part, type):
            yield part


def recorded_market(config: LabConfig, spec: str, days: int | None) -> tuple[LabConfig, dict[str, Observations]]:
    """``config`` on the price path that ``spec`` names, from the first day it was recorded on, and the prices.

    Args:
        config: the market; its start, and its days unless given, come from the recording.
        spec: ``CATALOG``, ``CATALOG:SOURCE`` or ``CATALOG:SOURCE/VENUE``.
        days: at most this many; None = all that were recorded, up to 120.

    Raises:
        DataError: there is no such catalog or recording, or several fit.
    """
    path, _, wanted = (spec, "", "") if Path(spec).exists() else spec.rpartition(":")
    if not path:
        path, wanted = spec, ""
    catalog = Catalog.open(path)
    seen: dict[str, Observations] = {}
    table, source, venue = "", "", ""
    for asset in config.assets:
        table, source, venue = _choose(catalog, asset, wanted, spec)
        seen[asset] = observe(catalog, table, asset, source, venue)
    day_ns = DAY_S * SECOND
    first = min(int(o.t_ns[0]) for o in seen.values()) // day_ns
    last = max(int(o.t_ns[-1]) - 1 for o in seen.values()) // day_ns
    # A minute of silence is ordinary between bars of a minute, and a gap between reports of a second.
    typical_s = max(float(np.median(np.diff(o.t_ns))) / SECOND for o in seen.values())
    max_gap_s = max(_LEAST_GAP_S, 1.5 * typical_s)
    model = RecordedModel(Path(path).name, table, source, venue, digest_of(seen), max_gap_s)
    length = min(last - first + 1, days or 120, 120)
    return replace(config, recorded=model, start_ns=int(first * day_ns), days=int(length)), seen


def _choose(catalog: Catalog, asset: str, wanted: str, spec: str) -> tuple[str, str, str]:
    """The recording of ``asset`` that ``wanted`` names: table, source and venue; it must be the only one."""
    import polars as pl

    found: list[tuple[str, str, str]] = []
    for table in TABLES:
        venue = "feed" if table == "oracle" else "venue"
        rows = catalog.scan(table, asset=asset).select("source", pl.col(venue).alias("venue")).unique()
        held = sorted((s, v) for s, v in rows.collect().iter_rows())
        found += [(table, s, v) for s, v in held if wanted in ("", s, f"{s}/{v}")]
    if not found:
        raise DataError(f"{spec}: no recorded {asset} price{f' of {wanted}' if wanted else ''} in {catalog.path}.")
    if len(found) > 1:
        names = ", ".join(f"{s}/{v} ({table})" for table, s, v in found)
        raise DataError(f"{spec}: several recordings of {asset}: {names}; choose one with CATALOG:SOURCE/VENUE.")
    return found[0]
