"""How many files a partition may have: many small appends are merged as they come.

Files have levels by their rows, each eight times the one below. As soon as eight files of one level stand at
the end of a partition, they (and anything smaller after them) become one. A row is rewritten once per level,
so the work per append grows with the logarithm of the rows, and so does the number of files.
"""

from __future__ import annotations

from collections.abc import Sequence

FAN_IN = 8
"""Files of one level that are merged into one."""
SMALL_ROWS = 32_768
"""Files with fewer rows are all of the lowest level."""


def merge_from(rows: Sequence[int]) -> int | None:
    """Where the files to merge begin, given the rows of each file in the order of writing; None for none.

    They reach to the end, so that the order of writing is kept.
    """
    levels = [_level(n) for n in rows]
    for level in sorted(set(levels)):
        start = len(levels)
        while start and levels[start - 1] <= level:
            start -= 1
        if levels[start:].count(level) >= FAN_IN:
            return start
    return None


def _level(rows: int) -> int:
    level = 0
    while rows >= SMALL_ROWS:
        rows //= FAN_IN
        level += 1
    return level
