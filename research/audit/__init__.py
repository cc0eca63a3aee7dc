"""The audit: what is wrong with recorded streams as a whole, and what each fault would do to a backtest.

The quality rules of :mod:`arena.market.quality` condemn rows at ingest. The checks here judge streams, against
themselves, against one another and against the clock; nothing is removed by them.
"""

from __future__ import annotations

from research.audit.audit import CHECKS, Audit, audit
from research.audit.finding import Check, Example, Finding, Limits, Measured, Status, Subject, find
from research.audit.view import View

__all__ = [
    "CHECKS", "Audit", "Check", "Example", "Finding", "Limits", "Measured", "Status", "Subject", "View", "audit",
    "find",
]  # fmt: skip
