"""The tear sheet: what a run found, as a page."""

from __future__ import annotations

import json
from html import escape
from pathlib import Path

from research.report import evidence_figures, figures, sensitivity_figures, tables
from research.report.evidence import evidence_list
from research.report.figures import accounts
from research.report.needs import needs
from research.report.page import multiples, page, plots, section, write
from research.report.text import execution, headline, if_bet, percent, span, usd, why
from research.result import RunResult


def write_report(result: RunResult, path: Path, run_link: str = "") -> Path:
    """Write the tear sheet of ``result`` to ``path``, whole or not at all; folders are made as needed.

    ``run_link`` is where the run is tracked: an http address becomes a link, anything else is shown as it is.
    """
    return write(render(result, run_link), path)


def render(result: RunResult, run_link: str = "") -> str:
    """The page as text."""
    title = f"{result.strategy.id}: {headline(result)} on {result.data.name}"
    parts = (
        _header(result, run_link),
        _verdict(result),
        _accounts(result),
        _needs(result),
        _plots(result),
        _walk(result),
        _settings(result),
    )
    return page(title, "".join(parts))


def _header(result: RunResult, run_link: str) -> str:
    data = result.data
    say = headline(result)
    state = {"EDGE": "edge", "NO EDGE": "none"}.get(say, "open")
    facts = [
        ("Data", data.name),
        ("Span", span(data.first_ns, data.last_ns)),
        ("Windows", f"{data.windows:,}, {data.unknown_outcomes:,} without an outcome"),
        ("Ticks", f"{data.ticks:,} from {', '.join(data.venues)}"),
        ("Settlement", f"{', '.join(data.settlement_rules)} on {', '.join(data.strike_sources)}"),
        ("Costs", f"{result.experiment.costs}; the tables show every cost model"),
        ("Execution", execution(result)),
        ("Known to be true", data.truth or "nothing: these are recordings"),
    ]
    if data.missing_strikes:
        facts.append(("Missing strikes", f"{data.missing_strikes:,} windows"))
    listed = "".join(f"<div><dt>{name}</dt><dd>{escape(text)}</dd></div>" for name, text in facts)
    if run_link.startswith(("http://", "https://")):
        listed += f'<div class="row"><dt>Tracked</dt><dd><a href="{escape(run_link)}">{escape(run_link)}</a></dd></div>'
    elif run_link:
        listed += f'<div class="row"><dt>Tracked</dt><dd><code>{escape(run_link)}</code></dd></div>'
    warnings = [*data.notes]
    if result.interrupted:
        warnings.insert(0, "The run was interrupted: this page holds what had finished.")
    broken = [view.name for view in accounts(result) if view.run.unbalanced]
    if broken:
        warnings.insert(0, f"The books of {', '.join(broken)} did not balance: this is a defect, trust no figure here.")
    notes = "".join(f"<li>{escape(note)}</li>" for note in warnings)
    return (
        f'<header><p class="over">Arena tear sheet · {escape(result.experiment.name)}</p>'
        f"<h1>{escape(result.strategy.id)}</h1><p class='sub'>{escape(result.strategy.title)}</p>"
        f'<div class="banner {state}"><strong>{say}</strong><p>{escape(why(result))}</p></div>'
        + (f'<aside class="notes"><b>Before you read on</b><ul>{notes}</ul></aside>' if notes else "")
        + f'<dl class="facts">{listed}</dl></header>{_tiles(result)}'
    )


def _tiles(result: RunResult) -> str:
    """The main account in five figures."""
    view = accounts(result)
    if not view:
        return ""
    s = view[0].by_costs[result.experiment.costs]
    booked = s.bets > 0
    interval = result.walk_forward.evidence.interval if result.walk_forward is not None else None
    bets = "no bet" if not booked else f"{s.refused_bets:,} refused, {s.unfilled_orders:,} orders unfilled"
    if result.walk_forward is not None and booked:
        bets = f"in {percent(tables.share_of_windows(result), 0)} of the test windows"
    spread = (
        f"per window {percent(interval.lower, 2, True)} to {percent(interval.upper, 2, True)}"
        if interval is not None
        else "net, per dollar at risk"
    )
    tiles = [
        ("Bets", f"{s.bets:,}", bets),
        ("Win rate", if_bet(s, percent(s.win_rate)), f"break-even {if_bet(s, percent(s.break_even))}"),
        ("Return per bet", if_bet(s, percent(s.return_per_bet, 2, True)), spread),
        ("Profit", usd(s.pnl_usd), f"{usd(s.staked_usd, sign=False)} staked, {result.experiment.costs} costs"),
        ("Max drawdown", if_bet(s, percent(s.max_drawdown)), f"ends at {usd(s.final_equity_usd, sign=False)}"),
    ]
    cells = "".join(
        f"<div><span>{name}</span><b>{value}</b><small>{escape(under)}</small></div>" for name, value, under in tiles
    )
    where = "Out of sample" if result.walk_forward is not None else f"Preset {view[0].name}, in sample"
    return f'<section class="tiles"><h2>{escape(where)}</h2><div>{cells}</div></section>'


def _verdict(result: RunResult) -> str:
    if result.walk_forward is None:
        return ""
    return section(
        "Verdict",
        tables.verdict_table(result.walk_forward.verdict),
        "A gate whose figure could not be computed fails: silence is not evidence. The gates count every "
        "out-of-sample bet once at one fixed stake; the account above compounds and may refuse a bet.",
    )


def _accounts(result: RunResult) -> str:
    return section(
        "Accounts side by side",
        tables.accounts_table(result),
        "<b>Break-even</b> is the mean cost of a share, fee included: the win rate at which bets pay nothing. "
        "<b>As booked</b> is what the seed would have written down for the same preset: filled at the touch at once, "
        "2 bps charged, settled on its own price. It is not money.",
    )


def _needs(result: RunResult) -> str:
    """At which latency, cost and settings the out-of-sample result would have been nothing."""
    said = "".join(f"<li>{escape(sentence)}</li>" for sentence in needs(result))
    if not said:
        return ""
    shown = plots(sensitivity_figures.latency(result), sensitivity_figures.cost(result))
    levers = multiples(*sensitivity_figures.levers(result))
    body = f'<ul class="said">{said}</ul>{shown}'
    if levers:
        body += f'<h3 class="group">Return with one lever moved</h3>{levers}'
        body += f'<p class="caption">{sensitivity_figures.LEVERS_CAPTION}</p>'
    return section("What the edge needs", body)


def _plots(result: RunResult) -> str:
    return (
        plots(
            figures.equity(result),
            sensitivity_figures.bankroll(result),
            figures.by_price(result),
            figures.costs(result),
        )
        + section("Costs in dollars", tables.costs_table(result))
        + plots(
            evidence_figures.overfitting(result),
            evidence_figures.parameters(result),
            evidence_figures.calibration(result),
        )
        + section("Forecast scores", tables.calibration_table(result))
        + plots(figures.funnel(result))
    )


def _walk(result: RunResult) -> str:
    if result.walk_forward is None:
        return ""
    objective = result.experiment.objective
    unit = {
        "log_growth": "mean log growth of the account per window",
        "mean_return": "mean return per window",
        "sharpe": "Sharpe ratio per window",
    }[objective.name]
    return (
        section("Evidence", evidence_list(result))
        + section(
            "Folds",
            tables.folds_table(result),
            f"Scores are the {unit}, times 10<sup>4</sup>, of the configuration with the best training score among "
            f"those with at least {objective.min_bets:,} training bets. <b>Rank corr.</b>: Spearman between training "
            "and test scores over the grid; about 0 means that the order of the training did not survive.",
        )
        + section(
            "Chosen levers by fold",
            tables.chosen_table(result),
            "The mark shows where the choice lies in the searched range. Choices that wander from end to end say that "
            "the lever does not matter, or that the sample is too small to tell. "
            "A choice at an end says that the range is too narrow.",
        )
    )


def _settings(result: RunResult) -> str:
    settings = json.dumps(result.experiment.model_dump(mode="json"), indent=2)
    return (
        section(
            "Configuration",
            tables.configuration_table(result),
            "Every lever of every preset; where they differ is marked.",
        )
        + section("To reproduce", tables.reproduce_tables(result))
        + f"<section><details><summary>Experiment</summary><pre>{escape(settings)}</pre></details></section>"
    )
