"""The tables are a function of the log: when they were written, and how often the writer died, changes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arena.errors import DataError
from arena.market.catalog import Catalog
from arena.units import SECOND
from live.feeds.frame import Frame, Kind
from live.recorder.feeds import parsers_of
from live.recorder.normaliser import Normaliser
from live.recorder.origin import Origin
from live.recorder.segments import Position, encode_frame, read_blocks, segment_path
from live.recorder.writer import SegmentWriter
from tests.live.recorder.logs import ORIGIN, Story, catalog_of, digest_of, read_all, write_log

CLOSE_NS = 1_790_000_400 * SECOND
"""When the market of the stories closes."""


def three_sessions(raw: Path) -> list[Position]:
    """Two killed, one ended: prices, books, a window, its outcome, a bad frame, a reconnect, a backfill."""
    ends, story = [], Story()
    ends += write_log(
        raw,
        [story.began(), story.opened("okx"), story.okx(), story.opened("polymarket"), story.gamma(), story.books()],
        [story.change(11), story.okx(9_999.5), story.garbage(), story.rtds(0), story.rtds(1)],
        [story.change(12), story.closed("okx"), story.renewed("okx"), story.opened("okx")],
        [story.okx(9_998.0), story.change(13)],
    )
    story.now_ns += 30 * SECOND
    ends += write_log(
        raw,
        [story.began(), story.opened("okx"), story.opened("polymarket"), story.gamma(orderPriceMinTickSize=0.001)],
        [story.okx(9_997.0), story.books(), story.rtds(1), story.rtds(2)],
        [
            story.change(14),
            story.closed("polymarket"),
            story.renewed("polymarket"),
            story.gamma(orderPriceMinTickSize=0.001),
            story.okx(),
        ],
        [story.opened("polymarket"), story.books(), story.change(15), story.garbage("polymarket")],
    )
    story.now_ns += 400 * SECOND
    resolved = {
        "closed": True, "umaResolutionStatus": "resolved", "outcomePrices": '["0", "1"]',
        "closedTime": "2026-09-21 14:21:00+00",
    }  # fmt: skip
    ends += write_log(raw, [story.began(), story.opened("okx"), story.okx(9_990.0), story.gamma(**resolved)])
    return ends


@settings(deadline=None, max_examples=25)
@given(kills=st.lists(st.integers(0, 8), max_size=5), per_commit=st.integers(1, 4))
def test_dying_after_any_commits_changes_nothing(tmp_path_factory, kills: list[int], per_commit: int) -> None:
    folder = tmp_path_factory.mktemp("log")
    ends = three_sessions(folder / "raw")
    read_all(catalog_of(folder / "once"), folder / "raw", per_commit=100)
    often = catalog_of(folder / "often")
    for kill in sorted(kills):
        read_all(often, folder / "raw", ends[kill], per_commit)
    read_all(often, folder / "raw", None, per_commit)
    assert digest_of(often) == digest_of(folder / "once")


def test_reading_a_log_that_is_read_already_adds_nothing(tmp_path: Path) -> None:
    three_sessions(tmp_path / "raw")
    catalog = catalog_of(tmp_path / "catalog")
    read_all(catalog, tmp_path / "raw")
    before = (catalog / "manifest.json").read_bytes()
    read_all(catalog, tmp_path / "raw")
    assert (catalog / "manifest.json").read_bytes() == before


def test_a_reader_that_dies_before_it_commits_reads_the_same_again(tmp_path: Path) -> None:
    three_sessions(tmp_path / "raw")
    catalog = catalog_of(tmp_path / "catalog")
    read = [batch.frames for batch in Normaliser(catalog, tmp_path / "raw", parsers_of).read()]
    again = [batch.frames for batch in Normaliser(catalog, tmp_path / "raw", parsers_of).read()]
    assert read == again


def test_time_nobody_recorded_is_a_gap_from_the_last_message_to_the_first(tmp_path: Path) -> None:
    raw, story = tmp_path / "raw", Story()
    first = [story.began(), story.opened("okx"), story.okx(), story.rtds(0)]
    story.now_ns += 60 * SECOND
    second = [story.began(), story.opened("okx"), story.okx(), story.rtds(60)]
    write_log(raw, first)
    write_log(raw, second)
    catalog = catalog_of(tmp_path / "catalog")
    read_all(catalog, raw)
    gaps = Catalog.open(catalog).scan("gaps").sort("stream").collect()
    assert gaps.select("stream", "asset", "recv_ns", "until_ns", "reason").rows() == [
        ("oracle/chainlink", "BTC", first[3].recv_ns, second[3].recv_ns, "recorder_stopped"),
        ("spot/okx", "BTC", first[2].recv_ns, second[2].recv_ns, "recorder_stopped"),
    ]


def test_a_market_that_ended_while_nobody_recorded_has_a_gap_up_to_its_close(tmp_path: Path) -> None:
    raw, story = tmp_path / "raw", Story()
    first = [story.began(), story.opened("polymarket"), story.gamma(), story.books(), story.change(11)]
    story.now_ns += 600 * SECOND
    second, third = [story.began()], [story.began()]
    for session in (first, second, third):
        write_log(raw, session)
    catalog = catalog_of(tmp_path / "catalog")
    read_all(catalog, raw)
    gaps = Catalog.open(catalog).scan("gaps").collect()
    assert gaps.select("recv_ns", "until_ns", "reason").rows() == [(first[-1].recv_ns, CLOSE_NS, "recorder_stopped")]


@pytest.mark.parametrize("change", [{}, {"closed": True, "umaResolutionStatus": "resolved"}])
def test_a_market_that_ended_well_has_no_gap_after_a_restart(tmp_path: Path, change: dict[str, Any]) -> None:
    raw, story = tmp_path / "raw", Story()
    first = [story.began(), story.opened("polymarket"), story.gamma(), story.books(), story.change(11)]
    story.now_ns = CLOSE_NS + 60 * SECOND
    told = {"outcomePrices": '["0", "1"]', "closedTime": "2026-09-21 14:21:00+00"}
    first += [story.okx(), story.gamma(**told, **change)]
    story.now_ns += 60 * SECOND
    write_log(raw, first)
    write_log(raw, [story.began(), story.opened("polymarket")])
    write_log(raw, [story.began()])
    catalog = catalog_of(tmp_path / "catalog")
    read_all(catalog, raw)
    opened = Catalog.open(catalog)
    assert "gaps" not in opened.manifest.tables or opened.scan("gaps").collect().is_empty()


def test_every_reconnect_is_a_gap(tmp_path: Path) -> None:
    story = Story()
    block = [story.began(), story.opened("okx"), story.okx(), story.closed("okx"), story.opened("okx"), story.okx()]
    write_log(tmp_path / "raw", block)
    catalog = catalog_of(tmp_path / "catalog")
    read_all(catalog, tmp_path / "raw")
    gaps = Catalog.open(catalog).scan("gaps").collect()
    assert gaps.select("recv_ns", "until_ns", "reason").rows() == [(block[2].recv_ns, block[5].recv_ns, "reconnect")]


def test_bad_frames_are_counted_for_good(tmp_path: Path) -> None:
    ends = three_sessions(tmp_path / "raw")
    catalog = catalog_of(tmp_path / "catalog")
    assert read_all(catalog, tmp_path / "raw", ends[1]).known.refused["okx"]["bad_frame"] == 1
    refused = read_all(catalog, tmp_path / "raw").known.refused
    assert refused["okx"]["bad_frame"] == 1
    assert refused["polymarket"]["bad_frame"] == 1


def test_a_window_keeps_what_only_earlier_answers_said(tmp_path: Path) -> None:
    ends = three_sessions(tmp_path / "raw")
    catalog = catalog_of(tmp_path / "catalog")
    for end in ends:
        read_all(catalog, tmp_path / "raw", end)
    row = Catalog.open(catalog).scan("windows").collect().to_dicts()[0]
    assert (row["tick_size"], row["outcome"], row["up_token_id"]) == (0.001, "up", "111")


def test_books_are_rebuilt_from_their_snapshot_after_a_kill(tmp_path: Path) -> None:
    ends = three_sessions(tmp_path / "raw")
    catalog = catalog_of(tmp_path / "catalog")
    read_all(catalog, tmp_path / "raw", ends[0])
    read_all(catalog, tmp_path / "raw", ends[1])
    quotes = Catalog.open(catalog).scan("binary_quotes").sort("recv_ns").collect()
    assert quotes["up_bid_size"].to_list()[-1] == 11.0
    assert quotes["up_bids_px"].to_list()[-1] == [0.47, 0.46]


def test_a_feed_nobody_knows_is_refused_by_name(tmp_path: Path) -> None:
    story = Story()
    write_log(tmp_path / "raw", [story.began(), Frame("nasdaq", 0, story.now_ns, 0, Kind.DATA, b"{}")])
    with pytest.raises(DataError, match="feed 'nasdaq', which this Arena cannot parse"):
        read_all(catalog_of(tmp_path / "catalog"), tmp_path / "raw")


def test_rows_and_position_are_committed_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ends = three_sessions(tmp_path / "raw")
    catalog = catalog_of(tmp_path / "catalog")
    read_all(catalog, tmp_path / "raw", ends[0])
    before = Catalog.open(catalog)

    def no_room(*args: object, **kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("arena.market.catalog.local.LocalStorage.commit", no_room)
        with pytest.raises(OSError, match="No space left"):
            read_all(catalog, tmp_path / "raw")
    after = Catalog.open(catalog)
    after.verify()
    assert after.manifest == before.manifest
    read_all(catalog, tmp_path / "raw")
    once = catalog_of(tmp_path / "once")
    read_all(once, tmp_path / "raw")
    assert digest_of(catalog) == digest_of(once)


def test_every_row_says_who_recorded_it(tmp_path: Path) -> None:
    three_sessions(tmp_path / "raw")
    catalog = catalog_of(tmp_path / "catalog")
    read_all(catalog, tmp_path / "raw")
    opened = Catalog.open(catalog)
    for name in opened.manifest.tables:
        assert opened.scan(name).select(pl.col("source").unique()).collect().to_series().to_list() == ["arena"]


def test_what_a_renewed_parser_has_to_know_is_read_from_its_renewal_on(tmp_path: Path) -> None:
    raw, story = tmp_path / "raw", Story()
    origin = Origin(("BTC",), (300,), ("okx", "polymarket", "gamma"), "arena")
    blocks = [
        [
            story.began(origin),
            story.opened("okx"),
            story.okx(),
            story.opened("polymarket"),
            story.gamma(),
            story.books(),
        ],
        [story.closed("okx", "planned"), story.renewed("okx"), story.opened("okx"), story.garbage(), story.okx()],
        [story.closed("polymarket", "planned"), story.renewed("polymarket"), story.gamma(), story.change(1)],
        [story.opened("polymarket"), story.books(), story.change(2)],
        [story.change(3), story.okx()],
    ]
    writer = SegmentWriter(raw, reserve_bytes=0, segment_bytes=1)
    ends = [writer.append(b"".join(map(encode_frame, block)), len(block), block[0].recv_ns) for block in blocks]
    once, cut = catalog_of(tmp_path / "once"), catalog_of(tmp_path / "cut")
    read_all(once, raw)
    read_all(cut, raw, ends[3])
    segment_path(raw, 1).unlink()
    resumed = read_all(cut, raw)
    assert digest_of(cut) == digest_of(once)
    assert resumed.known.refused["okx"]["bad_frame"] == 1
    gaps = Catalog.open(cut).scan("gaps").sort("stream").collect()
    assert gaps.select("recv_ns", "until_ns", "stream", "reason").rows() == [
        (blocks[0][5].recv_ns, blocks[3][1].recv_ns, "binary_quotes/btc-updown-5m-1790000100", "planned"),
        (blocks[0][2].recv_ns, blocks[1][4].recv_ns, "spot/okx", "planned"),
    ]


def test_a_frame_from_before_the_clock_was_set_is_counted_and_stays_raw(tmp_path: Path) -> None:
    raw, story = tmp_path / "raw", Story()
    early = story.okx()._replace(recv_ns=5 * SECOND)
    write_log(raw, [story.began(), story.opened("okx"), story.okx(), early, story.okx()])
    catalog = catalog_of(tmp_path / "catalog")
    read = read_all(catalog, raw)
    assert Catalog.open(catalog).manifest.tables["spot"].rows == 2
    assert read.known.refused["okx"] == {"bad_frame": 1, "impossible_time": 1}
    assert "this machine's clock" in read.last_refusal


def fail_on(monkeypatch: pytest.MonkeyPatch, word: bytes, error: Exception) -> None:
    kind = type(parsers_of(ORIGIN)["okx"])
    sound = kind.data

    def data(self: Any, frame: Frame, rows: Any) -> None:
        if word in frame.payload:
            raise error
        sound(self, frame, rows)

    monkeypatch.setattr(kind, "data", data)


@pytest.mark.parametrize("error", [ZeroDivisionError("oh"), RecursionError(), KeyError("x"), OverflowError()])
def test_a_parser_that_fails_costs_its_frame_and_makes_a_gap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    fail_on(monkeypatch, b"6666", error)
    raw, story = tmp_path / "raw", Story()
    first = [story.began(), story.opened("okx"), story.okx()]
    second = [story.okx(6666.0), story.okx(), story.okx()]
    ends = write_log(raw, first, second)
    once, twice = catalog_of(tmp_path / "once"), catalog_of(tmp_path / "twice")
    read = read_all(once, raw)
    read_all(twice, raw, ends[0])
    read_all(twice, raw)
    assert digest_of(once) == digest_of(twice)
    assert read.known.refused["okx"] == {"bad_frame": 1, f"fault_{type(error).__name__}": 1}
    assert "made its parser fail" in read.faults["okx"]
    gaps = Catalog.open(once).scan("gaps").collect()
    assert gaps.select("recv_ns", "until_ns", "reason").rows() == [
        (first[2].recv_ns, second[1].recv_ns, "parser_fault")
    ]
    assert Catalog.open(once).manifest.tables["spot"].rows == 3


def test_a_value_that_fits_no_table_costs_its_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kind = type(parsers_of(ORIGIN)["okx"])
    sound = kind.data

    def data(self: Any, frame: Frame, rows: Any) -> None:
        sound(self, frame, rows)
        if b"6666" in frame.payload:
            rows.oracle(10**30, frame.recv_ns, "BTC", "x", 1.0)

    monkeypatch.setattr(kind, "data", data)
    raw, story = tmp_path / "raw", Story()
    write_log(raw, [story.began(), story.opened("okx"), story.okx()], [story.okx(6666.0)], [story.okx()], [story.okx()])
    once, often = catalog_of(tmp_path / "once"), catalog_of(tmp_path / "often")
    read = read_all(once, raw, per_commit=9)
    for number in range(4):
        read_all(often, raw, [block.end for block in read_blocks(raw)][number])
    assert digest_of(once) == digest_of(often)
    assert Catalog.open(once).manifest.tables["spot"].rows == 3
    assert "fit no table" in next(iter(read.faults.values()))


def windows_of_one_open(raw: Path) -> list[Position]:
    """Windows of two lengths that open together, told again and again, one of them with terms nobody could have."""
    story = Story()
    base = CLOSE_NS // SECOND - 300
    base -= base % 900
    short, long = f"btc-updown-5m-{base}", f"btc-updown-15m-{base}"
    return write_log(
        raw,
        [story.began(), story.opened("polymarket"), story.gamma_of(short)],
        [story.gamma_of(long), story.gamma(orderPriceMinTickSize=0), story.books(), story.change(3)],
        [story.gamma_of(short, volumeNum=99), story.gamma(orderPriceMinTickSize=0.01), story.change(4)],
        [story.gamma_of(long, volumeNum=7), story.change(5), story.gamma(orderPriceMinTickSize=3)],
        [story.gamma(orderPriceMinTickSize=0.001), story.change(6)],
    )


@settings(deadline=None, max_examples=15)
@given(st.data())
def test_how_often_blocks_are_committed_changes_nothing(tmp_path_factory, data: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("log")
    windows_of_one_open(folder / "raw")
    read_all(catalog_of(folder / "each"), folder / "raw", per_commit=1)
    some = Normaliser(catalog_of(folder / "some"), folder / "raw", parsers_of)
    for _ in some.read():
        if data.draw(st.booleans()):
            some.commit()
    some.commit()
    assert digest_of(folder / "some") == digest_of(folder / "each")
    refused = Catalog.open(folder / "some").manifest.tables["windows"].quarantined
    assert refused["bad_terms"] == 2


def test_a_feed_that_never_came_back_has_a_gap_to_the_end_of_the_session_and_from_there_on(tmp_path: Path) -> None:
    raw, story = tmp_path / "raw", Story()
    first = [story.began(), story.opened("okx"), story.okx(), story.closed("okx", "reconnect"), story.rtds(0)]
    first += [story.ended(), story.closed("rtds", "stopped")]
    story.now_ns += 60 * SECOND
    second = [story.began(), story.opened("okx"), story.okx()]
    write_log(raw, first)
    write_log(raw, second)
    catalog = catalog_of(tmp_path / "catalog")
    read_all(catalog, raw)
    gaps = Catalog.open(catalog).scan("gaps").filter(pl.col("stream") == "spot/okx", pl.col("asset") == "BTC").collect()
    assert gaps.select("recv_ns", "until_ns", "reason").rows() == [
        (first[2].recv_ns, first[5].recv_ns, "reconnect"),
        (first[5].recv_ns, second[2].recv_ns, "recorder_stopped"),
    ]
