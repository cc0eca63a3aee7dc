"""What a strategy is: levers, presets, and two functions that backtest and live both call.

``observe(state, tick, params, out)`` updates causal features in place and writes this tick's signal
into the record ``out``. ``decide(signal, tick, held, params)`` is pure: what to do now and why.
Kernels call the generic names below; numba resolves them at compile time from the type of ``params``,
so one engine compiles into one tight loop per strategy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba.extending import overload

from arena.errors import ConfigError
from arena.jit import CACHE_FOLDER, Record, is_tracked


class Action(IntEnum):
    """What an intent asks for."""

    NONE = 0
    BUY_UP = 1
    BUY_DOWN = 2


class Intent(NamedTuple):
    """What a strategy wants at one tick.

    Attributes:
        action: an :class:`Action` code.
        reason: code in the strategy's own reason enum; 0 = enter.
        limit_price: highest acceptable price, USD per share.
        probability: the strategy's probability that the share bought pays, 0-1.
        expected_return: expected net profit per dollar of price paid (before the fee), a fraction.
    """

    action: int
    reason: int
    limit_price: float
    probability: float
    expected_return: float


@dataclass(frozen=True, slots=True)
class Lever:
    """One tunable number.

    Attributes:
        name: as written in ``--set name=value``.
        group: ``observe`` (changes the features), ``decide`` (changes the gates) or ``account`` (changes the size).
        unit: unit of the value.
        low, high: inclusive bounds.
        why: one line on what it does.
        looser: which direction admits more entries, ``lower``, ``higher`` or ``""`` (no order).
            A sweep skips ticks that even the loosest configuration refuses.
        search: whether ``--grid`` varies it; ``log`` samples it on a logarithmic scale.
        search_low, search_high: range ``--grid`` explores, inside the bounds.
        seed_lever: number of this lever in the seed's list of seven, 0 = not in it.
    """

    name: str
    group: str
    unit: str
    low: float
    high: float
    why: str
    looser: str = ""
    search: str = ""
    search_low: float = float("nan")
    search_high: float = float("nan")
    integer: bool = False
    seed_lever: int = 0


@dataclass(frozen=True, slots=True)
class Configuration:
    """A full setting of a strategy: features, gates and account. Hashable, printed into every run."""

    observe: Any
    decide: Any
    account: Any

    def values(self) -> dict[str, float]:
        """Lever name to value over all three groups."""
        return {**self.observe._asdict(), **self.decide._asdict(), **self.account._asdict()}


@dataclass(frozen=True, slots=True)
class Strategy:
    """A strategy as the engine, the CLI and the registry see it."""

    id: str
    family: str
    title: str
    asset: str
    interval_s: int
    venue: str
    levers: tuple[Lever, ...]
    presets: Mapping[str, Configuration]
    default_preset: str
    reasons: type[IntEnum]
    state_dtype: np.dtype[Any]
    signal_dtype: np.dtype[Any]
    _by_name: dict[str, Lever] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._by_name.update({lever.name: lever for lever in self.levers})

    def lever(self, name: str) -> Lever:
        """The lever of that name (dashes and underscores are the same).

        Raises:
            ConfigError: no such lever; the message names the closest ones.
        """
        key = name.strip().lower().replace("-", "_")
        if key not in self._by_name:
            import difflib

            close = difflib.get_close_matches(key, self._by_name, n=3, cutoff=0.4) or sorted(self._by_name)
            raise ConfigError(f"{self.id} has no lever {name!r}; did you mean {', '.join(close)}?")
        return self._by_name[key]

    def preset(self, name: str) -> Configuration:
        """The configuration of a named preset.

        Raises:
            ConfigError: no such preset.
        """
        if name not in self.presets:
            raise ConfigError(f"{self.id} has no preset {name!r}; choose one of {', '.join(self.presets)}.")
        return self.presets[name]

    def configure(self, base: Configuration, values: Mapping[str, float]) -> Configuration:
        """``base`` with some levers changed.

        Raises:
            ConfigError: unknown lever, not a number, or out of bounds.
        """
        groups = {"observe": base.observe, "decide": base.decide, "account": base.account}
        for name, value in values.items():
            lever = self.lever(name)
            number = float(value)
            if not lever.low <= number <= lever.high:
                raise ConfigError(
                    f"{lever.name}={value} is out of bounds: "
                    f"{self.id} accepts {lever.low:g} to {lever.high:g} {lever.unit}."
                )
            if lever.integer and number != int(number):
                raise ConfigError(f"{lever.name}={value} must be a whole number of {lever.unit}.")
            groups[lever.group] = groups[lever.group]._replace(**{lever.name: number})
        return Configuration(**groups)

    def loosest(self, configurations: list[Configuration]) -> Any:
        """Gate parameters that admit every entry any of ``configurations`` admits.

        Raises:
            ConfigError: the configurations differ in a lever that has no looser direction.
        """
        loose = configurations[0].decide
        for name in loose._fields:
            values = [getattr(c.decide, name) for c in configurations]
            if len(set(values)) == 1:
                continue
            looser = self.lever(name).looser
            if not looser:
                raise ConfigError(f"a sweep cannot vary {name!r}: it has no looser direction.")
            loose = loose._replace(**{name: min(values) if looser == "lower" else max(values)})
        return loose

    def new_state(self) -> npt.NDArray[Any]:
        """A fresh observation state: a zeroed array of one record."""
        return np.zeros(1, dtype=self.state_dtype)


_OBSERVE: dict[type, Callable[..., Any]] = {}
_DECIDE: dict[type, Callable[..., Any]] = {}


def implement(observe_params: type, observe_fn: Any, decide_params: type, decide_fn: Any) -> None:
    """Tell the kernels which compiled functions belong to a strategy's parameter types.

    Raises:
        ConfigError: the strategy lives outside the package while kernels are cached on disk; an edit
            to it could then run as stale machine code.
    """
    if CACHE_FOLDER is not None and not is_tracked(decide_params.__module__):
        raise ConfigError(
            f"strategy parameters from {decide_params.__module__!r} are not tracked by the kernel cache; "
            "put the strategy into arena/strategies, or set ARENA_KERNEL_CACHE=0 to try it from elsewhere."
        )
    _OBSERVE[observe_params] = observe_fn
    _DECIDE[decide_params] = decide_fn


def observe(state: Record, tick: Record, params: Any, out: Record) -> None:
    """Update ``state`` with ``tick`` and write the signal into ``out``; dispatched on ``type(params)``."""
    _OBSERVE[type(params)](state, tick, params, out)


def decide(signal: Record, tick: Record, held: int, params: Any) -> Intent:
    """What to do at ``tick``; dispatched on ``type(params)``. ``held`` is 1 with a position or an order open."""
    intent: Intent = _DECIDE[type(params)](signal, tick, held, params)
    return intent


@overload(observe)
def _observe_overload(state: Any, tick: Any, params: Any, out: Any) -> Any:
    implementation = _OBSERVE.get(getattr(params, "instance_class", type(None)))
    if implementation is None:
        return None

    def call(state: Any, tick: Any, params: Any, out: Any) -> Any:
        implementation(state, tick, params, out)

    return call


@overload(decide)
def _decide_overload(signal: Any, tick: Any, held: Any, params: Any) -> Any:
    implementation = _DECIDE.get(getattr(params, "instance_class", type(None)))
    if implementation is None:
        return None

    def call(signal: Any, tick: Any, held: Any, params: Any) -> Any:
        return implementation(signal, tick, held, params)

    return call
