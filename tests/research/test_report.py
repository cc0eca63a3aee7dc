"""The page, the screen and the JSON: complete, honest about what is missing, and safe to open."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from arena.engine.run import Sweep
from arena.strategies.btc_5m import STRATEGY
from arena.validation.verdict import Gate, Verdict
from research.report import print_summary, to_json, write_report
from research.report.html import render
from research.report.measures import heat_map, lever_shares, price_bins, thin
from research.report.text import gate_figure, headline, number, percent, usd, why
from research.result import RunResult
from research.run import run
from tests.research.conftest import small

FIGURES = {"equity", "prices", "costs", "pbo", "levers", "calibration", "funnel"}


@pytest.fixture(scope="module")
def idle(lab_folder: Path) -> RunResult:
    """A walk-forward in which every preset is switched off."""
    return run(small(levers_for_all={"enabled": 0}, grid={"size": 4}), data_folder=lab_folder)


@pytest.fixture(scope="module")
def page(walked: RunResult) -> str:
    return render(walked, "http://127.0.0.1:5000/#/experiments/1/runs/abc")


def body(page: str) -> str:
    return page[page.index("<body>") :]


def plots(page: str) -> dict[str, dict[str, Any]]:
    found = re.findall(r'class="figure" data-into="f-(\w+)">(.*?)</script>', page, flags=re.S)
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
    assert set(plots(page)) == FIGURES - {"pbo", "levers"}


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
    assert {"equity", "prices", "costs"}.isdisjoint(plots(page))
    assert "No account made a bet" in page
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
    assert len(lines) < 60
    assert lines[-2] == f"Report: reports/{'long-' * 30}name.html"
    assert lines[-1] == "Run:    http://127.0.0.1:5000/#/x"
    assert not any("…" in line for line in lines)


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
        (gate_figure(Gate("honest costs", "", 1.0, "0|1", ">=", 1.0, True)), "yes"),
        (gate_figure(Gate("x", "", math.nan, "p", "<", 1.0, False)), "–"),
    ],
)
def test_figures_read_the_same_everywhere(text: str, says: str) -> None:
    assert text == says
