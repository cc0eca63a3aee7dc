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
QUOTES_1S = (
    "A small cut for quick tests: one row a second at most, only whole windows whose outcome is known. Receive times "
    "were cut away: event time stands for both, so rows seem to arrive 16 ms later (median) than they did."
)
KALSHI_TRADES = (
    "Every public trade of BTC and ETH windows over fifteen hours, millisecond times of the venue only: receive times "
    "were not recorded, so event time stands for both. No book beside them. Equal trades of one millisecond are common "
    "(5 %) and real: seq numbers them."
)
MARKS: dict[str, str] = {
    "mariomerinom": "Price of the outcome as listed, about a minute into 5m windows, and for some 15m windows before "
    "they opened. For calibration and signals: nobody could trade at it.",
    "thesaddestlandscape": "A mid or last price, which of the two is not said, often from before the window opened. A "
    "bot chose the windows: they are no random sample. Nobody could trade at it.",
}
BANDS = (
    "The venue's price history, a mid or a last trade: not executable, and YES and NO of one minute may add up to 0.6 "
    "or 1.4. The two open-ended bands of each day were not recorded: YES prices of the nine add up to at most one in "
    "truth (median 1.004). All 1,800 minutes of bitcoin-price-on-december-15 that have no price are quarantined. The "
    "stamp may be the beginning or the end of its minute: taken as the beginning, known a minute later."
)
BAND_MARKETS = (
    "Payouts are the venue's. Nine bands a day; on 9 of 50 days the price ended in an open band that is not here. "
    "Some markets closed up to 51 minutes before their end. The time of the fetch was not recorded: known when the "
    "last market had closed."
)
BINANCE_1H = "Spot hour bars, no gap; without number of trades and value."
BINANCE_L1 = (
    "Best bid and ask about every 5.6 s, one outage of 104 minutes. One clock: the recorder's. Volumes were of "
    "an unknown depth and are left out."
)
CONSENSUS = (
    "Rough: a cached median of several venues about every 21 s that lags about a minute and jumps between sources. "
    "Silent for 8.4 h on 2026-06-26 and 4.7 h on 2026-06-27. For alignment and faults, not for who leads whom."
)
SIDE_BY_SIDE = (
    "33 minutes. The recorder's clock stands for every time: the second a Chainlink report was for was not recorded. "
    "Chainlink minus Binance was -35 USD, give or take 7."
)
BYBIT_BARS = "USDT perpetuals of Bybit. No gap; the opens of the 5m and 1m files agree."
BINANCE_PERP_1H = "USDT perpetuals of Binance; the hour of 2023-03-24 13:00 is missing for every coin. No trade counts."
BINANCE_PERP_1D = (
    "USDT perpetuals of Binance. Survivors only: the coins that still traded in 2025, each from its own listing on; a "
    "portfolio of them knows the future. 2,301 days have no volume."
)
LEAN_TRADE = (
    "Single days between 2016 and 2022, of venues and symbols that differ from day to day. Where nothing traded there "
    "is no bar, and no gap is claimed for less than an hour. Volume is in contracts on coin-margined perpetuals."
)
LEAN_QUOTE = (
    "Single days between 2017 and 2022. Minutes without a change may be absent. Opens and closes are mids of bid and "
    "ask; there are no mids of highs and lows, which were not of one moment."
)
FUNDING = (
    "Charged every 8 h, on Hyperliquid every hour: rates of different intervals do not compare as they are. OKX begins "
    "on 2026-03-09. Known when charged; what was announced before was not recorded."
)
_RECORDER_BEHIND = (
    "The recorder's clock was about 1.27 s behind the exchange's: event times lie after receive times. Both are kept "
    "as recorded; their difference is no latency. Six minutes in all."
)
BINANCE_TICKER = f"{_RECORDER_BEHIND} Spot has no event times. Sizes are contracts of 100 USD on binance_coinm."
BINANCE_DEPTH = (
    f"{_RECORDER_BEHIND} One snapshot of 1,000 levels a side per book; changes received before it belong on top of it "
    "if their id is newer. Ids of spot join on to one another; those of the futures do not, so a missing message "
    "cannot be seen there."
)
BINANCE_TRADES = f"{_RECORDER_BEHIND} Trade ids were not kept: seq numbers equal trades."
WALLETS: dict[str, str] = {
    "alihakanvesca": "One wallet: 4,000 buys in 285 BTC 5m windows, mostly as a maker (842 lie in recorded books, "
    "on average 0.35 cent below the bid). Whole seconds of the chain: never order them against books.",
    "hxx344": "One wallet, 67 minutes, whole seconds of the chain. 25 merges and 25 redemptions stand among the fills: "
    "they have no side and no price and are quarantined. The recorded value is not price times size in most rows.",
    "ahdpe": "Buys above about 500 USD of 3,500 wallets, no sells, with holes between dumps; no transaction hashes. "
    "The value lies some cents off price times size.",
}
LEADERBOARD = (
    "Profit and volume of a trailing month and week: consecutive snapshots overlap. The recorder counts the ranks by "
    "profit and volume from 0; here they begin at 1. Early snapshots do not name their span."
)
UNIVERSE_MARKETS = (
    "Outcomes are true only where the source is api; those inferred from convergence of prices are biased. What was "
    "decided after 2026-07-31 is blank. The time of the fetch was not recorded: known when the last market was seen. "
    "Markets that exclude or contain one another share a question, which is their group."
)
UNIVERSE_SPORTS = (
    "Questions and official outcomes, no times: known at the midnight after the last game of known result in it. "
    "Markets of one question are a group."
)
UNIVERSE_QUOTES = (
    "Sampled about every two minutes, rows only when a price changed, no sizes. Whole days are missing in July 2026 "
    "(18 to 21, 24 to 28, 30) and stand in gaps. Bids at or above asks are quarantined."
)
GAMMA = (
    "One list of 8,701 markets with at least 90,000 USD volume; about a quarter were still trading. No event ids: "
    "markets are grouped by question. Half have no bid; an ask of 1 is no ask. The time of the fetch was not recorded: "
    "known at the midnight after its newest market (2026-04-13), of whose games some were still open. Markets whose "
    "listed end lies before their beginning are quarantined."
)
PAIRS = (
    "One day, 479 moments, chosen by a bot when the pair looked interesting; whole seconds. The opens are the bot's "
    "spot prices, not the strikes."
)
