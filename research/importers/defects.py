"""What is known to be wrong with each recording; copied into the manifest so that it travels with the data."""

from __future__ import annotations

_BINANCE_STRIKE = (
    "Strike and settle price are Binance USDT spot, not the settlement feed (Chainlink was about 35 USD lower in June "
    "2026, give or take 12)"
)

WINDOWS: dict[str, str] = {
    "felixdoteth": f"{_BINANCE_STRIKE}; recomputing the outcome from them agrees in 96.6 % of windows, and misses lie "
    "mostly under 2 bp. No windows from 2026-01-26 23:20 to 2026-02-12 00:35 UTC.",
    "mariomerinom": f"{_BINANCE_STRIKE}; the recomputed outcome agrees in 97.2 %, every miss under 2 bp.",
    "thesaddestlandscape": f"{_BINANCE_STRIKE}, and BTC only (99.4 % agree); ETH, SOL and XRP have no prices. A bot "
    "chose the windows: they are no random sample.",
    "cronosvirus00": f"{_BINANCE_STRIKE}. The outcome is inferred from the last book (at least 0.9 or at most 0.1 in "
    "the last 15 s), else null: windows that stayed close to a coin toss are the ones without an outcome.",
    "thevalerka": "No strike or settle price; the outcome is inferred from the last book. That the coin is BTC was "
    "checked on 4 windows only.",
    "pypi_polymarket_backtest": f"{_BINANCE_STRIKE}. One hour, two complete windows; outcomes inferred from the last "
    "book.",
    "ligengxin96": "One day. Strike and settle price are the settling Chainlink stream; four windows lack a strike. "
    "Ties are up.",
    "unityefucd": "Kalshi settles on a 60 s average of its index, so strike and settle price are averages; Binance "
    "spot differs by 50 to 90 USD and reproduces 94 % of outcomes.",
    "artyomderkach": f"{_BINANCE_STRIKE}; none for ETH. Outcomes are inferred from the last trades of Kalshi windows.",
}

QUOTES: dict[str, str] = {
    "cronosvirus00": "One token was recorded (mostly DOWN); the other is its exact complement, so a trade against both "
    "books at once is an artefact. Receive times run up to 133 ms before event times (clock offset, median 18 ms), and "
    "some rows arrive up to 139 s late. Windows from 12:40 to 14:55 on 2026-04-13 have only their last seconds. When "
    "both tokens were seen at one moment with one top of book, the second row is quarantined as a duplicate.",
    "thevalerka": "Sampled once a second, the two tokens one after the other: books that cross or break parity are "
    "quarantined. No sizes, no venue time: event time is the receive time.",
    "pypi_polymarket_backtest": "One hour; event time is the receive time. The two tokens change one after the other "
    "within a millisecond, so a row may pair a new book with an old one.",
}

BOOK10 = (
    "Sizes of polymarket_btc5m_book10 are rounded to a tenth of a share: a level that became zero is dropped, so about "
    "one row in three thousand shows the next price as its best."
)
CHAINLINK = (
    "97.9 % of the seconds of one day (2026-06-08), four outages over a minute; reports arrive 0.8 to 63 s after their "
    "second, a few out of order (rows are in order of arrival). Markets settle on this price until 2026-08-07 only; "
    "afterwards on 30 s and 60 s averages that nobody recorded."
)
MARKET_META = (
    "Fee, tick and minimum size are of the time of the fetch: the tick may have become finer during the window. "
    "Four windows lie across or outside the day's midnights."
)
BINANCE_1M = (
    "Closes of one-minute bars: no bid and ask, up to 60 s old. USDT, not the settlement price. Spans: 2026-03-01 to "
    "04-15, 04-27 18:00 to 04-28 09:29, 05-24 to 06-28; no gap within a span. Two recorders, equal on common minutes."
)
LEAFURYK: dict[str, str] = {
    "windows": "The recorded start and end prices are the bot's first and last look, not strike and settlement, "
    "and are left out. The last window of each run is cut and has no outcome; who supplied the outcomes is not stated.",
    "binary_quotes": "Every 2.6 s, 43 minutes in all. Depth was recorded as the total of each side and is left out: no "
    "sizes. One clock: event time is the receive time.",
    "spot": "The venue is not stated; all 409 prices lie within Binance's minute bars, so it is filed as Binance USDT.",
}
KALSHI_QUOTES = (
    "From one-minute candles: values at the end of each minute, no sizes. DOWN is the complement of UP. A bid of 0 and "
    "an ask of 1 mean an empty side and are null. Only one window in seven was recorded."
)
