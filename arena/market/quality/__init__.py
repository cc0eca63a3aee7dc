"""Named quality rules: what makes a recorded row unusable, and what it would have done to a backtest.

A rule is data: a name, the tables it reads, one sentence, and a function that returns a polars
expression marking bad rows. :func:`screen` applies them and splits a frame into clean and bad rows; a
bad row carries the name of the first rule it breaks, in the order of :data:`RULES`. Nothing is dropped:
clean plus bad is the input. What is wrong with a stream as a whole, but with none of its rows, is for the
checks of :mod:`research.audit`.

The rules are polars expressions of our own and not a pandera schema: pandera reports failures per check, whereas
ingest needs every row exactly once, under the first rule it breaks, and rules that compare only the rows that were
still good.
"""

from __future__ import annotations

from arena.market.quality.books import PARITY_SLACK
from arena.market.quality.order import duplicate_key
from arena.market.quality.rule import Facts, Rule, Seam
from arena.market.quality.rules import RULES, rules_for
from arena.market.quality.screen import screen
from arena.market.quality.times import EARLIEST_NS, LATEST_NS, MOST, check_times, impossible

__all__ = [
    "EARLIEST_NS", "LATEST_NS", "MOST", "PARITY_SLACK", "RULES", "Facts", "Rule", "Seam", "check_times",
    "duplicate_key", "impossible", "rules_for", "screen",
]  # fmt: skip
