"""Which markets are listened to, asked about, and when."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from arena.units import SECOND
from live.recorder.windows import GIVE_UP_S, Desk, ResolutionDelay, Window, next_ask_s, windows_at

OPEN = 1_790_000_100 * SECOND
BTC = Window("BTC", 300, OPEN)


def row(window: Window, **more: Any) -> dict[str, Any]:
    tokens = {"up_token_id": f"{window.slug}-u", "down_token_id": f"{window.slug}-d"}
    plain = {"outcome": None, "resolved_ns": None, "market_id": window.slug}
    return {**window._asdict(), "close_ns": window.close_ns, **tokens, **plain, **more}


def desk_that_knows(window: Window, now_ns: int) -> Desk:
    desk = Desk([window.asset], [window.interval_s])
    for due in desk.due(now_ns):
        desk.answered(due, row(due), now_ns)
    return desk


@given(st.integers(1_700_000_000, 1_900_000_000), st.sampled_from([300, 900]))
def test_the_open_window_and_the_next_are_always_listened_to(now_s: int, interval_s: int) -> None:
    now = now_s * SECOND
    open_now, ahead = windows_at(now, ["ETH"], [interval_s])[:2]
    assert open_now.open_ns <= now < open_now.close_ns == ahead.open_ns


def test_a_window_is_listened_to_for_some_seconds_after_its_close() -> None:
    slugs = [{w.open_ns for w in windows_at(BTC.close_ns + s * SECOND, ["BTC"], [300], linger_s=20)} for s in (19, 20)]
    assert OPEN in slugs[0]
    assert OPEN not in slugs[1]


def test_metadata_is_asked_for_before_the_open_and_once() -> None:
    desk = Desk(["BTC"], [300])
    asked = desk.due(OPEN)
    assert asked == [Window("BTC", 300, OPEN + i * 300 * SECOND) for i in range(13)]
    assert desk.due(OPEN + SECOND) == []


def test_a_venue_that_is_down_for_ten_minutes_costs_no_window() -> None:
    desk = desk_that_knows(BTC, OPEN)
    later = OPEN + 600 * SECOND
    desk.due(later)
    assert Window("BTC", 300, later).slug in [r["market_id"] for r in desk.listened(later)]


def test_what_is_listened_to_now_is_asked_for_before_what_comes_later() -> None:
    opens = [window.open_ns for window in Desk(["BTC", "ETH"], [300, 900]).due(OPEN)]
    assert opens == sorted(opens)
    assert opens[-1] <= OPEN + 3_600 * SECOND


def test_a_window_of_later_that_is_not_listed_is_asked_about_patiently() -> None:
    desk = Desk(["BTC"], [300])
    for window in desk.due(OPEN):
        desk.answered(window, None, OPEN)
    assert desk.due(OPEN + 5 * SECOND) == [BTC, Window("BTC", 300, BTC.close_ns)]
    assert len(desk.due(OPEN + 60 * SECOND)) == 11


def test_a_market_is_listened_to_until_its_outcome_is_known() -> None:
    desk = desk_that_knows(BTC, OPEN)
    late = BTC.close_ns + 160 * SECOND
    assert BTC.slug in [r["market_id"] for r in desk.listened(late)]
    desk.answered(BTC, row(BTC, outcome="up", resolved_ns=late), late)
    assert BTC.slug not in [r["market_id"] for r in desk.listened(late)]


def test_a_window_the_venue_has_not_listed_is_asked_about_again_soon() -> None:
    desk = Desk(["BTC"], [300])
    for window in desk.due(OPEN):
        desk.answered(window, None, OPEN)
    assert desk.due(OPEN + 4 * SECOND) == []
    assert BTC in desk.due(OPEN + 5 * SECOND)


def test_only_windows_with_tokens_are_listened_to() -> None:
    desk = Desk(["BTC"], [300])
    for window in desk.due(OPEN):
        desk.answered(window, row(window, up_token_id=None), OPEN)
    assert desk.listened(OPEN) == []
    desk = desk_that_knows(BTC, OPEN)
    assert [r["market_id"] for r in desk.listened(OPEN)] == [BTC.slug, Window("BTC", 300, BTC.close_ns).slug]


def test_the_outcome_is_asked_for_some_time_after_the_close_until_it_is_there() -> None:
    desk = desk_that_knows(BTC, OPEN)
    close = BTC.close_ns
    assert BTC not in desk.due(close + 40 * SECOND)
    assert BTC in desk.due(close + 41 * SECOND)
    desk.answered(BTC, row(BTC), close + 41 * SECOND)
    assert BTC not in desk.due(close + 50 * SECOND)
    assert BTC in desk.due(close + 51 * SECOND)
    desk.answered(BTC, row(BTC, outcome="up", resolved_ns=close + 45 * SECOND), close + 52 * SECOND)
    assert BTC not in desk.due(close + 10_000 * SECOND)
    assert desk.unresolved(close + 60 * SECOND) == 0


def test_an_answer_nobody_believes_does_not_undo_what_is_known() -> None:
    desk = desk_that_knows(BTC, OPEN)
    desk.due(BTC.close_ns + 41 * SECOND)
    desk.answered(BTC, None, BTC.close_ns + 41 * SECOND)
    assert BTC.slug in [r["market_id"] for r in desk.listened(BTC.close_ns + SECOND)]


def test_a_window_that_never_was_is_forgotten_an_hour_after_its_close() -> None:
    desk = Desk(["BTC"], [300])
    late = BTC.close_ns + (GIVE_UP_S + 1) * SECOND
    desk.due(OPEN)
    desk.answered(BTC, None, late)
    assert BTC not in desk.due(late + 10_000 * SECOND)


def test_windows_of_an_earlier_run_are_taken_up() -> None:
    desk = Desk(["BTC"], [300])
    old = Window("BTC", 300, OPEN - 3_000 * SECOND)
    desk.revive([row(old)])
    assert old in desk.due(OPEN)


def test_the_first_question_comes_when_a_quarter_of_the_windows_are_resolved() -> None:
    delay = ResolutionDelay()
    assert delay.median_s is None
    for seconds in (40, 50, 60, 70, 80, 90, 100):
        delay.saw(BTC, BTC.close_ns + seconds * SECOND)
    assert delay.first_ask_s == 50.0
    assert delay.median_s == 70.0


@given(st.floats(0, 1e6), st.floats(0, 1e6))
def test_the_later_it_is_the_more_patiently_it_is_asked(a: float, b: float) -> None:
    assert next_ask_s(min(a, b)) <= next_ask_s(max(a, b))
