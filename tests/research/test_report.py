"""The page, the screen and the JSON: complete, honest about what is missing, and safe to open."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from html import escape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from arena.engine.run import Sweep
from arena.strategies.btc_5m import STRATEGY
from arena.validation.verdict import Gate, Verdict
from research.report import print_summary, sensitivity_figures, to_json, write_report
from research.report.document import LONGEST
from research.report.html import render
from research.report.measures import heat_map, lever_shares, price_bins, thin
from research.report.needs import NO_BET, needs
from research.report.text import gate_figure, gate_needs, headline, number, percent, prose, trials, usd, why
from research.result import RunResult, WalkForward
from research.run import run
from research.standing import Registration, Standing
from research.trials.ledger import TrialLedger
from research.vault import Opening, Seal
from tests.research.conftest import small

NEEDS = {"latency", "fees"} | {f"lever_{lever.name}" for lever in STRATEGY.levers if lever.search}
FIGURES = {"equity", "prices", "costs", "pbo", "levers", "calibration", "funnel", "bankroll"} | NEEDS


@pytest.fixture(scope="module")
def idle(lab_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    """A walk-forward in which every preset is switched off."""
    ledger = TrialLedger(tmp_path_factory.mktemp("idle") / "trials.db")
    data = {"lab": {"days": 2}, "end": "2026-09-14T06:00:00Z"}
    experiment = small(data=data, levers_for_all={"enabled": 0}, grid={"size": 4})
    return run(experiment, ledger=ledger, data_folder=lab_folder)


@pytest.fixture(scope="module")
def page(walked: RunResult) -> str:
    return render(walked, "http://127.0.0.1:5000/#/experiments/1/runs/abc")


@pytest.fixture
def walk(walked: RunResult) -> WalkForward:
    assert walked.walk_forward is not None
    return walked.walk_forward


def body(page: str) -> str:
    return page[page.index("<body>") :]


def plots(page: str) -> dict[str, dict[str, Any]]:
    found = re.findall(r'class="figure" data-into="f-(\w+)"(?: data-bare)?>(.*?)</script>', page, flags=re.S)
    return {key: json.loads(text) for key, text in found}


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.stack: list[str] = []
        self.outside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "br"):
            self.stack.append(tag)
        if tag != "a":
            self.outside += [f"{tag} {name}={value}" for name, value in attrs if name in ("src", "href")]

    def handle_endtag(self, tag: str) -> None:
        assert self.stack.pop() == tag


def test_the_page_is_well_formed_and_asks_the_network_for_nothing(page: str) -> None:
    tags = _Tags()
    tags.feed(page)
    assert tags.stack == []
    assert tags.outside == []
    assert "default-src 'none'" in page
    config = re.search(r'id="config">(.*?)</script>', page)
    assert config is not None
    assert "sendChartToCloud" not in config[1]
    assert json.loads(config[1])["plotlyServerURL"] == ""


def test_every_figure_is_drawn_and_valid_plotly(page: str) -> None:
    import plotly.graph_objects as go

    drawn = plots(page)
    assert set(drawn) == FIGURES
    for figure in drawn.values():
        go.Figure(figure)


def test_the_page_shows_every_gate_lever_fold_and_digest(page: str, walked: RunResult) -> None:
    assert walked.walk_forward is not None
    text = body(page)
    assert all(gate.name in text for gate in walked.walk_forward.verdict.gates)
    assert all(lever.name in text for lever in walked.strategy.levers)
    assert all(digest in text for digest in walked.data.digests.values())
    assert f'<td class="t">{len(walked.walk_forward.folds)}</td>' in text
    assert walked.data.truth in text


def test_text_from_data_cannot_become_markup(walked: RunResult) -> None:
    hostile = replace(walked, data=replace(walked.data, notes=("</script><script>alert(1)</script>",), name="<b>x"))
    page = render(hostile)
    assert "<script>alert(1)" not in page
    assert "<b>x" not in page


def test_a_report_is_written_whole_and_small(walked: RunResult, tmp_path: Path) -> None:
    path = write_report(walked, tmp_path / "deep" / "report.html")
    assert [p.name for p in path.parent.iterdir()] == ["report.html"]
    assert path.stat().st_size < 8e6


def test_a_failed_write_leaves_the_old_report_and_no_rubbish(
    walked: RunResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "report.html"
    path.write_text("old")

    def full(self: Path, target: Path) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="disk full"):
        write_report(walked, path)
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]
    assert path.read_text() == "old"


def test_presets_alone_give_no_verdict(walked: RunResult) -> None:
    alone = replace(walked, walk_forward=None)
    page = render(alone)
    assert headline(alone) == "NO VERDICT"
    assert "nothing was held out" in body(page)
    assert set(plots(page)) == FIGURES - {"pbo", "levers", "bankroll"} - NEEDS
    assert "What the edge needs" not in body(page)


def test_an_interrupted_run_says_so_first(walked: RunResult) -> None:
    stopped = replace(walked, walk_forward=None, presets=walked.presets[:1], interrupted=True)
    page = body(render(stopped))
    assert page.index("The run was interrupted") < page.index("Accounts side by side")


def test_a_run_stopped_before_its_first_preset_still_renders(walked: RunResult) -> None:
    nothing = replace(walked, walk_forward=None, presets=(), interrupted=True)
    assert "The run was interrupted" in body(render(nothing))
    json.dumps(to_json(nothing, None, None), allow_nan=False)


def test_without_bets_there_are_sentences_instead_of_empty_plots(idle: RunResult) -> None:
    page = render(idle)
    assert ({"equity", "prices", "costs", "bankroll"} | NEEDS).isdisjoint(plots(page))
    assert "No account made a bet" in page
    assert page.count(NO_BET) == 4  # the sentence, and in place of three figures
    assert not re.search(r"\bnan\b", re.sub(r"<script.*?</script>", "", body(page), flags=re.S))


def test_books_that_do_not_balance_are_announced(walked: RunResult) -> None:
    first = walked.presets[0]
    broken = replace(first, run=replace(first.run, unbalanced=1))
    assert "did not balance" in render(replace(walked, presets=(broken, *walked.presets[1:])))


@pytest.mark.parametrize("which", ["walked", "idle", "presets"])
def test_the_summary_fits_a_screen_and_ends_with_where_the_rest_is(
    which: str, walked: RunResult, idle: RunResult
) -> None:
    result = {"walked": walked, "idle": idle, "presets": replace(walked, walk_forward=None)}[which]
    console = Console(width=100, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    with console.file:
        print_summary(result, console, Path("reports") / ("long-" * 30 + "name.html"), "http://127.0.0.1:5000/#/x")
    lines = console.export_text().splitlines()
    assert len(lines) < 80
    assert lines[-2] == f"Report: reports/{'long-' * 30}name.html"
    assert lines[-1] == "Run:    http://127.0.0.1:5000/#/x"
    assert not any("…" in line for line in lines)


def test_a_gate_that_passed_takes_one_line_and_a_failed_one_says_what_would_change_it(walked: RunResult) -> None:
    assert walked.walk_forward is not None
    console = Console(width=120, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    with console.file:
        print_summary(walked, console, None, "")
    lines = console.export_text().splitlines()
    first = next(k for k, line in enumerate(lines) if "honest costs" in line)
    table = lines[first : next(k for k, line in enumerate(lines) if line.startswith("Needs:")) - 1]
    starts = [k for k, line in enumerate(table) if re.search(r" (pass|FAIL)\b", line)] + [len(table)]
    gates = walked.walk_forward.verdict.gates
    assert len(starts) == len(gates) + 1
    for gate, begin, end in zip(gates, starts[:-1], starts[1:], strict=True):
        told = " ".join(" ".join(table[begin:end]).split())
        assert gate.name in told
        assert gate.note in told
        assert (f"→ {gate.change}" in told) == (gate.change != "" and not gate.passed)
        assert end - begin == 1 or not gate.passed


def test_one_line_each_says_what_was_tried_and_where_the_experiment_stands(walked: RunResult) -> None:
    assert walked.walk_forward is not None
    console = Console(width=200, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    with console.file:
        print_summary(walked, console, None, "")
    lines = console.export_text().splitlines()
    assert f"Needs: {' '.join(needs(walked)[:2])}" in lines
    assert f"Trials: {walked.walk_forward.evidence.family.trials} of 1 idea in this market; family 1" in lines
    assert "Standing: not registered; no holdout" in lines


def test_a_later_experiment_on_the_same_windows_is_called_one(walk: WalkForward) -> None:
    third = replace(walk.evidence.family, attempt=3)
    assert trials(third) == f"{third.trials} of 1 idea in this market; family 1; experiment 3 on these windows"


def test_json_is_plain_and_holds_what_the_page_says(walked: RunResult, idle: RunResult) -> None:
    for result in (walked, idle, replace(walked, walk_forward=None)):
        json.dumps(to_json(result, Path("r.html"), "abc"), allow_nan=False)
    assert walked.walk_forward is not None
    document = to_json(walked, Path("r.html"), "abc")
    verdict = walked.walk_forward.verdict
    assert [gate["name"] for gate in document["gates"]] == [gate.name for gate in verdict.gates]
    assert document["out_of_sample"]["venue"]["bets"] == walked.walk_forward.out_of_sample.by_costs["venue"].bets
    assert len(document["folds"]) == len(walked.walk_forward.folds)
    assert document["data"]["digests"] == walked.data.digests
    assert document["run_id"] == "abc"
    assert document["needs"] == list(needs(walked))
    assert document["ledger_entry"] == walked.walk_forward.ledger_entry
    assert document["standing"] == {"registration": None, "seal": None, "openings": [], "holdout": {}}


def test_json_holds_curves_family_and_calibration_but_no_long_arrays(walked: RunResult) -> None:
    assert walked.walk_forward is not None
    evidence, document = walked.walk_forward.evidence, to_json(walked, None, None)
    found = document["evidence"]
    curve = evidence.sensitivity.latency
    assert curve is not None
    assert found["sensitivity"]["latency"]["mean"] == curve.mean.tolist()
    assert found["sensitivity"]["latency"]["at"] == curve.at.tolist()
    assert found["sensitivity"]["cost"]["breaks_at"] is None
    assert [lever["name"] for lever in found["sensitivity"]["levers"]] == [c.name for c in evidence.sensitivity.levers]
    assert found["family"]["trials"] == evidence.family.trials
    assert found["family"]["sidak_family"] == evidence.family.sidak_family
    assert found["bankroll"]["final"]["log_peak"] == evidence.bankroll.final.log_peak  # type: ignore[union-attr]
    assert found["win_test"]["bets"] == evidence.win_test.bets  # type: ignore[union-attr]
    assert document["presets"]["seed"]["calibration"]["model_curve"]["counts"]
    assert "neighbours" not in found["sensitivity"]
    assert "log_values" not in found["bankroll"]

    def longest(value: Any) -> int:
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
        numbers = len(value) if isinstance(value, list) and value and isinstance(value[0], int | float) else 0
        return max(numbers, *(longest(item) for item in inner), 0) if inner else numbers

    assert 0 < longest(document) <= LONGEST


def test_what_is_not_finite_is_null_in_json(walk: WalkForward, walked: RunResult) -> None:
    evidence = replace(walk.evidence, psr=math.nan, adjusted_p=math.inf)
    document = to_json(replace(walked, walk_forward=replace(walk, evidence=evidence)), None, None)
    assert document["evidence"]["psr"] is None
    assert document["evidence"]["adjusted_p"] is None


def test_the_page_says_what_the_edge_needs_right_after_the_accounts(page: str, walked: RunResult) -> None:
    text = body(page)
    at = [text.index(f"<h2>{title}</h2>") for title in ("Verdict", "Accounts side by side", "What the edge needs")]
    assert at == sorted(at)
    assert at[-1] < text.index("Equity and drawdown")
    assert all(f"<li>{escape(sentence)}</li>" in text for sentence in needs(walked))


def test_note_and_change_of_a_gate_stand_apart(walk: WalkForward, page: str) -> None:
    text = body(page)
    for gate in walk.verdict.gates:
        cells = f'<td class="t note">{prose(gate.note)}</td><td class="t change">{prose(gate.change)}</td>'
        figure = f'<td class="figure">{escape(gate_figure(gate))}</td><td class="needs">{escape(gate_needs(gate))}</td>'
        assert figure + cells in text


def test_the_evidence_is_grouped_and_names_the_ledger_entry(page: str, walk: WalkForward) -> None:
    text = body(page)
    at = [text.index(f'<h3 class="group">{t}</h3>') for t in ("Wins and sample", "Selection", "Forecast", "History")]
    assert at == sorted(at)
    assert f"<dd>{walk.ledger_entry[:12]}</dd>" in text
    assert f"<dt>Trials</dt><dd>{walk.evidence.family.trials}</dd>" in text


def test_dates_of_registration_and_openings_are_shown(walked: RunResult, walk: WalkForward) -> None:
    seal = Seal("BTC_5M", "an idea", "e", "recorded", "m", 0, 9, 3, "ab", "cd", 1)
    day = 86_400 * 1_000_000_000
    stands = Standing(
        registration=Registration(20_000 * day, "ab" * 32, 2, ("code",)),
        seal=seal,
        openings=(Opening(seal, "an idea", "e", 20_010 * day), Opening(seal, "an idea", "e", 20_011 * day)),
        holdout={"p_value": 0.021, "wins": 12, "bets": 20},
    )
    text = body(render(replace(walked, walk_forward=replace(walk, standing=stands))))
    assert "registered 2024-10-04 00:00 UTC, 2 looks before, code changed since" in text
    assert "holdout opened 2 times (2024-10-14 00:00, 2024-10-15 00:00 UTC): 12 of 20 won, p 0.021" in text


def test_lever_plots_share_one_scale_with_the_result_in_the_middle(walked: RunResult, walk: WalkForward) -> None:
    shown = sensitivity_figures.levers(walked)
    assert [figure.title for figure in shown] == [curve.name for curve in walk.evidence.sensitivity.levers]
    assert len({tuple(figure.layout["yaxis"]["range"]) for figure in shown}) == 1
    low, high = shown[0].layout["yaxis"]["range"]
    for curve in walk.evidence.sensitivity.levers:
        assert low <= min(curve.lower.min(), 0.0) <= max(curve.upper.max(), 0.0) <= high
    for figure in shown:
        assert figure.traces[-1]["x"] == [0.0]


def test_the_break_of_an_edge_is_drawn_and_its_absence_is_not(walked: RunResult, walk: WalkForward) -> None:
    def marks(mean: list[float]) -> list[str]:
        y, at = np.array(mean), np.array([0.0, 50.0, 150.0, 1000.0])
        late = replace(walk.evidence.sensitivity.latency, at=at, mean=y, lower=y, upper=y, bets=np.full(4, 9))
        curves = replace(walk.evidence.sensitivity, latency=late)
        changed = replace(walk, evidence=replace(walk.evidence, sensitivity=curves))
        figure = sensitivity_figures.latency(replace(walked, walk_forward=changed))
        return [note["text"].strip() for note in figure.layout["annotations"]]

    assert marks([0.04, 0.03, 0.02, -0.06]) == ["stops earning at 362 ms"]
    assert marks([0.04, -0.03, 0.02, 0.06]) == ["earns nothing"]
    assert marks([0.04, 0.03, 0.02, 0.01]) == []


@pytest.mark.parametrize("decades", [0.4, 40.0, -3000.0])
def test_a_bankroll_is_drawn_whatever_its_size(walked: RunResult, walk: WalkForward, decades: float) -> None:
    assert walk.evidence.bankroll is not None
    path = np.linspace(0.0, decades * math.log(10.0), walk.evidence.bankroll.log_values.size)
    crossed = int(np.argmax(path >= math.log(20.0))) if path[-1] > math.log(20.0) else None
    found = replace(walk.evidence.bankroll, log_values=path, crossed=crossed)
    changed = replace(walk, evidence=replace(walk.evidence, bankroll=found))
    figure = sensitivity_figures.bankroll(replace(walked, walk_forward=changed))
    low, high = figure.layout["yaxis"]["range"]
    assert low < min(decades, 0.0)
    assert high > max(decades, math.log10(20.0))
    assert 3 <= len(figure.layout["yaxis"]["tickvals"]) <= 16
    assert len(figure.traces) == (1 if crossed is None else 2)
    json.dumps(figure.traces, allow_nan=False)


def test_without_travel_there_is_no_latency_to_draw(walked: RunResult, walk: WalkForward) -> None:
    curves = replace(walk.evidence.sensitivity, latency=None)
    touch = replace(walked, walk_forward=replace(walk, evidence=replace(walk.evidence, sensitivity=curves)))
    assert "latency" not in plots(render(touch))
    assert "orders do not travel" in body(render(touch))


def test_the_sentence_names_the_first_failed_gate_and_its_figure(walked: RunResult) -> None:
    assert walked.walk_forward is not None
    gates = (
        Gate("sample", "", 9.0, "bets", ">=", 30.0, False),
        Gate("luck", "", math.nan, "p", "<", 0.05, False),
        Gate("extra", "", 0.0, "p", "<", 0.05, False, "reported"),
    )
    failed = replace(walked, walk_forward=replace(walked.walk_forward, verdict=Verdict(gates)))
    assert headline(failed) == "NO EDGE"
    assert why(failed).startswith("2 of 2 required gates failed on ")
    assert why(failed).endswith(": sample (9 bets, needs ≥ 30), luck.")
    passed = Verdict((replace(gates[0], passed=True), gates[2]))
    assert headline(replace(walked, walk_forward=replace(walked.walk_forward, verdict=passed))) == "EDGE"


def test_a_thinned_curve_keeps_its_ends_and_its_extremes() -> None:
    rng = np.random.default_rng(1)
    y = rng.normal(size=10_001).cumsum()
    y[5_432], y[7_001] = 900.0, -900.0
    rows = thin(y, 200)
    assert rows.size <= 202
    assert (rows[0], rows[-1]) == (0, 10_000)
    assert {5_432, 7_001} <= set(rows.tolist())
    assert thin(y[:50], 200).tolist() == list(range(50))


def test_price_bins_count_every_bet_and_hold_their_mean(walked: RunResult) -> None:
    account = walked.presets[0].run
    bins = price_bins(account)
    paid = account.trades["notional"] + account.trades["fee"]
    assert bins.bets.sum() == account.trades.shape[0]
    assert np.average(bins.mean, weights=bins.bets) == pytest.approx((account.pnl / paid).mean())
    assert ((bins.lower <= bins.mean) & (bins.mean <= bins.upper)).all()
    assert ((bins.low <= bins.price + 1e-9) & (bins.price <= bins.high + 1e-9)).all()


def _sweep(returns: np.ndarray) -> Sweep:
    blank = np.full(returns.shape, np.nan)
    won = np.where(returns == 0.0, -1, returns > 0.0).astype(np.int8)
    return Sweep(returns=returns, cost=blank, probability=blank, mid=blank, won=won)


def test_the_lever_that_moves_the_return_explains_it() -> None:
    base = STRATEGY.preset("corrected")
    settings = [(edge, price) for edge in (0.01, 0.02, 0.03) for price in (0.1, 0.2, 0.3)]
    grid = [STRATEGY.configure(base, {"min_edge": e, "min_price": p}) for e, p in settings]
    returns = np.array([[10.0 * e + 0.1 * p for e, p in settings]] * 4)
    shares = lever_shares(grid, _sweep(returns))
    assert [share.name for share in shares] == ["min_edge", "min_price"]
    assert shares[0].share == pytest.approx(0.06 / (0.06 + 0.0006))
    assert shares[0].share + shares[1].share == pytest.approx(1.0)


def test_a_cell_of_the_heat_map_pools_its_bets() -> None:
    base = STRATEGY.preset("corrected")
    settings = [(0.01, 0.1), (0.01, 0.1), (0.05, 0.4)]
    grid = [STRATEGY.configure(base, {"min_edge": e, "min_price": p}) for e, p in settings]
    returns = np.array([[0.5, 1.0, -1.0], [0.0, -1.0, -1.0], [0.0, 0.5, 0.0]])
    cells = heat_map(grid, _sweep(returns), "min_edge", "min_price")
    assert cells.bets.sum() == 6
    assert cells.mean_return[0, 0] == pytest.approx((0.5 + 1.0 - 1.0 + 0.5) / 4)
    assert cells.mean_return[-1, -1] == -1.0
    assert cells.configurations.sum() == 3
    assert np.isnan(cells.mean_return[cells.bets == 0]).all()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (number(math.nan), "–"),
        (number(1234.4), "1,234"),
        (number(-3.612e-05), "−0.000036"),
        (number(0.05), "0.05"),
        (percent(-0.1234), "−12.3 %"),
        (percent(math.nan), "–"),
        (usd(-40.0), "−$40.00"),
        (usd(50_744_528.0), "+$50.74M"),
        (usd(12.5, sign=False), "$12.50"),
        (prose("run `a <b>` & see"), "run <code>a &lt;b&gt;</code> &amp; see"),
        (gate_figure(Gate("honest costs", "", 1.0, "0|1", ">=", 1.0, True)), "yes"),
        (gate_figure(Gate("x", "", math.nan, "p", "<", 1.0, False)), "–"),
    ],
)
def test_figures_read_the_same_everywhere(text: str, says: str) -> None:
    assert text == says
