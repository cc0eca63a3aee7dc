"""Every check, asked of one catalog."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from research.audit import basis, books, exchange, feeds, outcomes, refused, timing, venues, windows
from research.audit.finding import Check, Finding, Status, find, worst
from research.audit.view import View

CHECKS: tuple[Check, ...] = (
    *refused.CHECKS,
    *windows.CHECKS,
    *outcomes.CHECKS,
    *books.CHECKS,
    *feeds.CHECKS,
    *venues.CHECKS,
    *basis.CHECKS,
    *timing.CHECKS,
    *exchange.CHECKS,
)
"""Every check, in the order of the report."""


@dataclass(frozen=True, slots=True)
class Audit:
    """What every check found, in the order of :data:`CHECKS`."""

    findings: tuple[Finding, ...]

    @property
    def status(self) -> Status:
        """The most severe finding."""
        return worst([f.status for f in self.findings])

    def count(self, status: Status) -> int:
        """How many checks ended in ``status``."""
        return sum(f.status is status for f in self.findings)


def audit(view: View, tell: Callable[[str, int, int], None] | None = None) -> Audit:
    """Ask every check of ``view``.

    Args:
        view: the tables.
        tell: called with the name of the check that comes next, how many are done, and how many there are.
    """
    findings = []
    for done, check in enumerate(CHECKS):
        if tell is not None:
            tell(check.name, done, len(CHECKS))
        findings.append(find(check, view))
    return Audit(tuple(findings))
