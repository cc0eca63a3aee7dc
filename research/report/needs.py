"""What an edge needs, in sentences read off the sensitivity curves."""

from __future__ import annotations

import math

from research.report.text import bps, percent
from research.result import RunResult, WalkForward
from research.sensitivity import Curve

NO_BET = "No bet was made out of sample, so there is no edge that could need anything."


def needs(result: RunResult) -> tuple[str, ...]:
    """One sentence each on latency, cost and levers; nothing without a walk-forward."""
    walk = result.walk_forward
    if walk is None:
        return ()
    if not (walk.out_of_sample.won >= 0).any():
        return (NO_BET,)
    return _latency(result, walk), _cost(result, walk), _levers(result, walk)


def _latency(result: RunResult, walk: WalkForward) -> str:
    curve, margin = walk.evidence.sensitivity.latency, result.experiment.gates.latency.margin_ms
    if curve is None:
        return "What latency costs is unknown: under execution touch orders do not travel."
    own = f"the run's {curve.said(curve.base)}"
    room = curve.breaks_at - curve.base
    if room == 0.0:
        return f"Nothing is earned at {own} of latency."
    if math.isinf(room):
        said = f"Still earns at {curve.said(float(curve.at[-1]))}, the slowest line tried, against {own}."
    else:
        said = _stops(curve, f"{curve.said(room)} above {own}")
        if room <= margin:
            said = f"This edge needs a particular millisecond (the policy asks for {margin:g} ms of room): {said}"
    faster = curve.at[(curve.at < curve.base) & (curve.mean <= 0.0)]
    if faster.size:
        said += f" Nor does it earn at {curve.said(float(faster.max()))}, and faster should not be worse: suspect luck."
    return said


def _cost(result: RunResult, walk: WalkForward) -> str:
    curve = walk.evidence.sensitivity.cost
    own = curve.unit.removeprefix("times ")
    charged = walk.out_of_sample.by_costs[result.experiment.costs]
    per_fee = bps(charged.fee_usd, charged.staked_usd)

    def dearer(at: float) -> str:
        return f"{(at - curve.base) * per_fee:,.0f} bps of stake more"

    if curve.breaks_at == curve.base:
        return f"Nothing is earned at {own}."
    if math.isinf(curve.breaks_at):
        last = float(curve.at[-1])
        return f"Still earns at {curve.said(last)}, {dearer(last)}."
    said = _stops(curve, dearer(curve.breaks_at))
    asked = result.experiment.gates.costs.multiple
    if curve.breaks_at <= asked:
        said = f"This edge needs a particular basis point (the policy asks for {curve.said(asked)}): {said}"
    return said


def _stops(curve: Curve, beyond: str) -> str:
    at = curve.breaks_at
    if (curve.mean[curve.at >= at] <= 0.0).all():
        return f"Nothing is earned from {curve.said(at)} on, {beyond}."
    return f"It stops earning at {curve.said(at)}, {beyond}; what it earns further on is noise."


def _levers(result: RunResult, walk: WalkForward) -> str:
    found = walk.evidence.sensitivity
    if not found.near:
        return "No lever was searched, so none was moved."
    earn = sum(mean > 0.0 for _, _, mean in found.near)
    of = f"of {len(found.near)} moves of one lever by up to a tenth of its searched range still earn"
    lever, shift, worst = min(found.near, key=lambda move: move[2])
    said = f"{'All' if earn == len(found.near) else f'{earn:,}'} {of}"
    said += f"; the worst, {lever} {percent(shift, 0, sign=True)}, leaves {percent(worst, 2, sign=True)} per window."
    if found.cost.value(1.0) > 0.0 and found.profitable_neighbours < result.experiment.gates.neighbourhood.min_share:
        return f"This edge needs particular settings: {said}"
    return said
