"""The strategies, and the registry that names them.

:func:`names` and :func:`load` import a strategy only when it is asked for, so that listing commands
stay quick.
"""

from __future__ import annotations

import difflib
from importlib import import_module
from typing import TYPE_CHECKING

from arena.errors import ConfigError

if TYPE_CHECKING:
    from arena.strategies.base import Strategy

_MODULES = {"BTC_5M": "arena.strategies.btc_5m"}


def names() -> tuple[str, ...]:
    """Ids of every registered strategy."""
    return tuple(sorted(_MODULES))


def load(name: str) -> Strategy:
    """The strategy of that id; case and dashes do not matter.

    Raises:
        ConfigError: no such strategy; the message lists those there are.
    """
    key = name.strip().upper().replace("-", "_")
    if key not in _MODULES:
        close = difflib.get_close_matches(key, _MODULES, n=1, cutoff=0.5)
        hint = f" did you mean {close[0]}?" if close else ""
        raise ConfigError(f"unknown strategy {name!r};{hint} `arena-backtest ls` lists {', '.join(names())}.")
    strategy: Strategy = import_module(_MODULES[key]).STRATEGY
    return strategy
