"""The family a result belongs to, read from the ledger and from nowhere else.

Two corrections need it. The deflated Sharpe ratio asks how many trials the best one was picked from and how
much their Sharpe ratios vary. Sidak's correction asks how many independent hypotheses were in a position to
inform this one: those seen earlier on windows that this walk-forward is tested on.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from arena.errors import ValidationError
from arena.validation.checks import Bools, Floats, Ints, whole
from arena.validation.effective import (
    ROUNDING,
    Clusters,
    EffectiveTrials,
    cluster_trials,
    effective_trials,
    optimal_clusters,
    shrunk_correlation,
)
from research.trials.records import RECORDED, LookRecord, TrialTable
from research.trials.sketch import sketch_correlation

MOST_COMPARED = 1000
"""Trials whose correlations are looked at: the most recent ones. Beyond them the time would grow too long."""
NEAR_COPY = 0.98
"""Trials whose sketches correlate at least this much are one hypothesis."""
_BLOCK = 500


@dataclass(frozen=True, slots=True)
class Family:
    """What selection a strategy has been through in one world.

    Attributes:
        trials: raw number N of distinct trials ever begun, this run's and the failed ones included.
        slots: number of slots that ``variance`` and ``cluster_variance`` are scaled to.
        variance: ``Var(sharpe_i sqrt(slots_i)) / slots`` over finished trials that bet and vary, per slot
            squared; belongs to N. None under two of them.
        ideas: distinct ideas among all trials.
        earlier: trials of other evaluations on the same market whose span overlaps the one tested.
        effective: how many independent hypotheses those amount to, see :func:`family_of`.
        attempt: number of this walk-forward among all that were tested on these windows, from 1.
        clusters, cluster_variance: clusters of all trials and variance of their portfolios' Sharpe ratios per
            slot, the other consistent pair for deflation; None under two clusters.
    """

    trials: int
    slots: int
    variance: float | None
    ideas: int
    earlier: int
    effective: int
    attempt: int
    clusters: int | None
    cluster_variance: float | None

    @property
    def sidak_family(self) -> int:
        """Hypotheses that this result is one of.

        A walk-forward chooses on training windows only, so however large its grid it is one hypothesis on its
        test windows. Whatever was seen on those windows before may have informed it.
        """
        return 1 + self.effective


def family_of(
    table: TrialTable,
    looks: Sequence[LookRecord],
    *,
    evaluation: str,
    market: str,
    first_ns: int,
    last_ns: int,
    slots: int,
    rng: np.random.Generator,
) -> Family:
    """The family of one evaluation.

    Earlier is what was looked at before this evaluation's own first walk-forward, so that repeating it after others
    came gives the same answer (unless a look that had been broken off was finished in between).

    The effective number of earlier trials is the largest of their optimal clusters, their effective rank and
    their distinct ideas. Trials without an outcome count one each, because nothing is known of their
    correlation; but those of one evaluation count no more than all trials of the strategy whose outcomes are
    known do together (this evaluation's own included), because they come from the same strategy. Trials
    that never bet inform nobody and count only as ideas; near copies of a trial are not counted again. Of more
    than 1,000 the 1,000 most recent are compared.

    Args:
        table: all trials of the strategy in this world.
        looks: all looks of the strategy.
        evaluation: id of the evaluation that asks; its own trials are not earlier ones.
        market, first_ns, last_ns: what it is tested on; spans that only touch do not overlap.
        slots: slots tested, to which variances are scaled.
        rng: for the random starts of the clustering.

    Raises:
        ValidationError: the span ends before it begins, or ``slots`` is not positive.
    """
    whole(slots, "slots", 1)
    if first_ns > last_ns:
        raise ValidationError(f"the span tested ends ({last_ns} ns) before it begins ({first_ns} ns).")
    begun, superseded = _begun(looks, evaluation)
    earlier = (table.market == market) & (table.first_ns < last_ns) & (table.last_ns > first_ns)
    if begun is not None:
        earlier &= table.look < begun
    earlier &= (table.evaluation != evaluation) | np.isin(table.look, superseded)
    clusters, cluster_variance = _clusters(table, rng)
    return Family(
        trials=len(table),
        slots=slots,
        variance=sharpe_variance(table, slots),
        ideas=len(set(table.idea)),
        earlier=int(earlier.sum()),
        effective=_effective(table, earlier, rng),
        attempt=1 + _attempts_before(looks, begun, evaluation, table.world, market, first_ns),
        clusters=clusters,
        cluster_variance=cluster_variance / slots if cluster_variance is not None else None,
    )


def _begun(looks: Sequence[LookRecord], evaluation: str) -> tuple[int | None, list[int]]:
    """Number of the look in which this evaluation first showed what its latest walk-forward shows, None without
    one; and the numbers of its looks that showed something else than the latest of their kind.

    A repetition counts from its first time. The same evaluation with other outcomes is not a repetition: what
    computed it has changed. A preview does not count as its beginning.
    """
    own = [r for r in looks if r.look.evaluation == evaluation and r.outcomes]
    walked = [r for r in own if r.look.kind == "walk-forward"]
    if not walked:
        return None, []

    def question(r: LookRecord) -> tuple[str, str]:
        # Presets shown beside a run may be others the next time; that is another question, not another answer.
        return (r.look.kind, r.asked if r.look.kind == "presets" else "")

    latest = {question(r): r.outcomes for r in own}
    begun = min(r.number for r in walked if r.outcomes == walked[-1].outcomes)
    return begun, [r.number for r in own if r.outcomes != latest[question(r)]]


def _attempts_before(
    looks: Sequence[LookRecord], begun: int | None, evaluation: str, world: str, market: str, first_ns: int
) -> int:
    """Walk-forwards that came before: those that tested these windows, or could have.

    Windows that existed when an earlier experiment was run could have been its own; choosing among spans is
    choosing. Only recordings that arrived later are a fresh start: all of a lab's time exists at once.
    """
    before = [
        r
        for r in looks
        if (begun is None or r.number < begun)
        and r.look.kind == "walk-forward"
        and (r.look.world, r.look.market) == (world, market)
        and (world != RECORDED or r.at_ns > first_ns or r.look.last_ns > first_ns)
    ]
    shown = {(r.look.evaluation, r.outcomes) for r in before if r.outcomes}
    finished = {name for name, _ in shown} | {evaluation}
    broken_off = {r.look.evaluation for r in before if not r.outcomes} - finished
    return len(shown) + len(broken_off)


def z_scores(table: TrialTable) -> Floats:
    """``sharpe sqrt(slots)`` of the trials that vary: comparable between spans of different length."""
    rows = table.varies
    scores: Floats = table.mean[rows] / table.deviation[rows] * np.sqrt(table.slots[rows])
    return scores


def sharpe_variance(table: TrialTable, slots: int) -> float | None:
    """Variance (ddof 1) of the trials' Sharpe ratios, scaled to ``slots`` slots; None under two that vary.

    It is never less than that of the trials without their near copies: copies of one trial would lower it and with
    it the bar for the best of all.
    """
    rows = np.flatnonzero(table.varies)
    if rows.size < 2:
        return None
    z = z_scores(table)
    apart = np.isin(rows, distinct(table, table.varies))
    spread = float(z.var(ddof=1))
    return max(spread, float(z[apart].var(ddof=1)) if apart.sum() > 1 else 0.0) / slots


def distinct(table: TrialTable, chosen: Bools) -> Ints:
    """Rows of the most recent trials among the ``chosen`` ones that are no near copies of an earlier one.

    Levers that change nothing, or next to nothing, give many trials with nearly the same bets: one hypothesis.
    Without merging them a fine grid around one point would drown everything else that was tried.
    """
    rows = np.flatnonzero(chosen)
    length = np.linalg.norm(table.sketch[rows], axis=1)
    rows, length = rows[length > 0.0], length[length > 0.0]
    unit = table.sketch[rows] / length[:, None]
    kept: list[int] = []
    for begin in range(0, rows.size, _BLOCK):
        block = unit[begin : begin + _BLOCK]
        new = np.ones(block.shape[0], dtype=np.bool_)
        if kept:
            new = (block @ unit[kept].T).max(axis=1) < NEAR_COPY
        fresh: list[int] = []
        for k in np.flatnonzero(new):
            if not fresh or float((unit[fresh] @ block[k]).max()) < NEAR_COPY:
                fresh.append(begin + int(k))
        kept += fresh
    apart: Ints = rows[kept][-MOST_COMPARED:]
    return apart


def clusters_of(table: TrialTable, rows: Ints, rng: np.random.Generator) -> Clusters:
    """Optimal clusters of trials."""
    return optimal_clusters(sketch_correlation(table.sketch[rows]), rng)


def measures_of(table: TrialTable, rows: Ints) -> EffectiveTrials:
    """Effective number of trials by every definition.

    From shrunk correlations: the errors of 256 dimensions alone would make 200 independent trials look like
    130. Clusters do not suffer from them, and shrinking would tear apart trials that are nearly the same.
    """
    return effective_trials(shrunk_correlation(table.sketch[rows].T))


def _effective(table: TrialTable, earlier: Bools, rng: np.random.Generator) -> int:
    if not earlier.any():
        return 0
    seen = earlier & table.varies
    # As many as there ever were: a flood of similar trials must not make fewer of those before it.
    until = sorted({int(table.look[seen & (table.evaluation == name)].max()) for name in set(table.evaluation[seen])})
    known = max((_hypotheses(table, seen & (table.look <= last), rng) for last in until), default=0)
    unknown = earlier & ~table.finished
    most = _hypotheses(table, table.varies, rng) if unknown.any() else 0
    for evaluation in set(table.evaluation[unknown]):
        count = int((unknown & (table.evaluation == evaluation)).sum())
        known += min(count, most) if most else count
    return max(known, len(set(table.idea[earlier])))


def _hypotheses(table: TrialTable, chosen: Bools, rng: np.random.Generator) -> int:
    """Effective number of trials, and no less than their ideas."""
    rows = distinct(table, chosen)
    if rows.size == 0:
        return 0
    rank = math.ceil(measures_of(table, rows).effective_rank - ROUNDING)
    return max(clusters_of(table, rows, rng).count, rank, len(set(table.idea[chosen])))


def _clusters(table: TrialTable, rng: np.random.Generator) -> tuple[int | None, float | None]:
    """Number of clusters and the variance of their ``sharpe sqrt(slots)``.

    Totals instead of means, and their deviations, so that trials on spans of different length mix.
    """
    rows = distinct(table, table.varies)
    found = clusters_of(table, rows, rng) if rows.size > 1 else None
    if found is None or found.count < 2:
        return None, None
    slots = table.slots[rows]
    total, spread = table.mean[rows] * slots, table.deviation[rows] * np.sqrt(slots)
    return found.count, cluster_trials(total, spread, sketch_correlation(table.sketch[rows]), found).variance
