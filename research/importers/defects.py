"""What is known to be wrong with each recording; copied into the manifest so that it travels with the data.

The first text of a note says how its recorder worked and holds of any file of the name; the second quotes figures
and days of the one file they were measured on, and is said of no other.
"""

from __future__ import annotations

from research.importers.notes import Note

_BINANCE_STRIKE = (
    "Strike and settle price with strike_source binance_spot are Binance USDT spot, not the settlement feed: outcomes "
    "recomputed from them miss some close calls."
)
_BASIS = "Chainlink was about 35 USD below Binance in June 2026, give or take 12."
_INFERRED = "Outcomes are inferred from the last book, else null."

WINDOWS: dict[str, Note] = {
    "felixdoteth": Note(
        _BINANCE_STRIKE,
        f"{_BASIS} Recomputing the outcome agrees in 96.6 % of windows, and misses lie mostly under 2 bp. No windows "
        "from 2026-01-26 23:20 to 2026-02-12 00:35 UTC.",
    ),
    "mariomerinom": Note(_BINANCE_STRIKE, f"{_BASIS} The recomputed outcome agrees in 97.2 %, every miss under 2 bp."),
    "thesaddestlandscape": Note(
        f"{_BINANCE_STRIKE} A bot chose the windows: they are no random sample.",
        f"{_BASIS} Prices of BTC only (99.4 % agree); ETH, SOL and XRP have none.",
    ),
    "cronosvirus00": Note(
        f"{_BINANCE_STRIKE} The outcome is inferred from the last book (at least 0.9 or at most 0.1 in the last 15 s), "
        "else null: windows that stayed close to a coin toss are the ones without an outcome.",
        _BASIS,
    ),
    "thevalerka": Note(_INFERRED, "No strike or settle price. That the coin is BTC was checked on 4 windows only."),
    "pypi_polymarket_backtest": Note(f"{_BINANCE_STRIKE} {_INFERRED}", f"{_BASIS} One hour, two complete windows."),
    "ligengxin96": Note(
        "Strike and settle price are the settling Chainlink stream. Ties are up.",
        "One day; four windows lack a strike.",
    ),
    "unityefucd": Note(
        "Kalshi settles on a 60 s average of its index, so strike and settle price are averages, which Binance spot "
        "does not reproduce.",
        "Binance spot differs by 50 to 90 USD and reproduces 94 % of outcomes.",
    ),
    "artyomderkach": Note(
        f"{_BINANCE_STRIKE} Outcomes are inferred from the last trades of Kalshi windows.", "No prices for ETH."
    ),
}

QUOTES: dict[str, Note] = {
    "cronosvirus00": Note(
        "One token was recorded (see native); the other is its exact complement, so a trade against both books at once "
        "is an artefact. Receive times may lie before event times (clock offset). When both tokens were seen at one "
        "moment with one top of book, the second row is quarantined as a duplicate.",
        "Mostly DOWN was recorded. Receive times run up to 133 ms before event times (median 18 ms), and some rows "
        "arrive up to 139 s late. Windows from 12:40 to 14:55 on 2026-04-13 have only their last seconds.",
    ),
    "thevalerka": Note(
        "Sampled once a second, the two tokens one after the other: books that cross or break parity are quarantined. "
        "No sizes, no venue time: event time is the receive time."
    ),
    "pypi_polymarket_backtest": Note(
        "Event time is the receive time. The two tokens change one after the other within a millisecond, so a row may "
        "pair a new book with an old one.",
        "One hour.",
    ),
}

BOOK10 = Note(
    "Ten levels of one token, the other as its exact complement. Sizes of polymarket_btc5m_book10 are rounded to a "
    "tenth of a share: a level that became zero is dropped, and the row shows the next price as its best.",
    "That is about one row in three thousand.",
)
CHAINLINK = Note(
    "Reports may arrive out of order (rows are in order of arrival). Markets settle on this price until 2026-08-07 "
    "only, afterwards on averages of it.",
    "97.9 % of the seconds of one day (2026-06-08), four outages over a minute; reports arrive 0.8 to 63 s after "
    "their second.",
)
MARKET_META = Note(
    "Fee, tick and minimum size are of the time of the fetch: the tick may have become finer during the window.",
    "Four windows lie across or outside the day's midnights.",
)
BINANCE_1M = Note(
    "Spot prices are closes of one-minute bars: no bid and ask, up to 60 s old. USDT, not the settlement price.",
    "Spans: 2026-03-01 to 04-15, 04-27 18:00 to 04-28 09:29, 05-24 to 06-28; no gap within a span. Two recorders, "
    "equal on common minutes.",
)
LEAFURYK: dict[str, Note] = {
    "windows": Note(
        "The recorded start and end prices are the bot's first and last look, not strike and settlement, and are left "
        "out. The last window of each run is cut and has no outcome; who supplied the outcomes is not stated."
    ),
    "binary_quotes": Note(
        "Depth was recorded as the total of each side and is left out: no sizes. One clock: event time is the receive "
        "time.",
        "Every 2.6 s, 43 minutes in all.",
    ),
    "spot": Note("The venue is not stated; filed as Binance USDT.", "All 409 prices lie within Binance's minute bars."),
}
KALSHI_QUOTES = Note(
    "From one-minute candles: values at the end of each minute, no sizes. DOWN is the complement of UP. A bid of 0 and "
    "an ask of 1 mean an empty side and are null.",
    "Only one window in seven was recorded.",
)
QUOTES_1S = Note(
    "A small cut for quick tests: one row a second at most. Receive times were cut away: event time stands for both.",
    "Only whole windows whose outcome is known; rows seem to arrive 16 ms later (median) than they did.",
)
KALSHI_TRADES = Note(
    "Public trades with millisecond times of the venue only: receive times were not recorded, so event time stands "
    "for both. No book beside them. Equal trades of one millisecond are real: seq numbers them.",
    "Every trade of BTC and ETH windows over fifteen hours; 5 % equal another.",
)
MARKS: dict[str, Note] = {
    "mariomerinom": Note(
        "Prices of outcomes as listed. For calibration and signals: nobody could trade at them.",
        "About a minute into 5m windows, and for some 15m windows before they opened.",
    ),
    "thesaddestlandscape": Note(
        "A mid or last price, which of the two is not said. A bot chose the windows: they are no random sample. Nobody "
        "could trade at it.",
        "Often from before the window opened.",
    ),
}
BANDS = Note(
    "The venue's price history, a mid or a last trade: not executable, and YES and NO of one minute need not add up to "
    "1. Open-ended bands may be missing: YES prices then add up to at most one in truth. The stamp may be the "
    "beginning or the end of its minute: taken as the beginning, known a minute later.",
    "YES and NO add up to 0.6 to 1.4; the nine bands of a day to 1.004 in the median. All 1,800 minutes of "
    "bitcoin-price-on-december-15 that have no price are quarantined.",
)
BAND_MARKETS = Note(
    "Payouts are the venue's. The time of the fetch was not recorded: known when the last market had closed. Of a "
    "market that another import lists again, the newer row stays.",
    "Nine bands a day; on 9 of 50 days the price ended in an open band that is not here. Some markets closed up to 51 "
    "minutes before their end.",
)
BINANCE_1H = Note("Spot hour bars without number of trades and value.", "No gap.")
BINANCE_L1 = Note(
    "One clock: the recorder's. Volumes were of an unknown depth and are left out.",
    "Best bid and ask about every 5.6 s, one outage of 104 minutes.",
)
CONSENSUS = Note(
    "Rough: a cached median of several venues that lags and jumps between sources. For alignment and faults, not for "
    "who leads whom.",
    "About every 21 s, about a minute late. Silent for 8.4 h on 2026-06-26 and 4.7 h on 2026-06-27.",
)
SIDE_BY_SIDE = Note(
    "The recorder's clock stands for every time: the second a Chainlink report was for was not recorded.",
    "33 minutes. Chainlink minus Binance was -35 USD, give or take 7.",
)
BYBIT_BARS = Note("USDT perpetuals of Bybit.", "No gap; the opens of the 5m and 1m files agree.")
BINANCE_PERP_1H = Note(
    "USDT perpetuals of Binance. No trade counts.", "The hour of 2023-03-24 13:00 is missing for every coin."
)
BINANCE_PERP_1D = Note(
    "USDT perpetuals of Binance. Survivors only: the coins that still traded when it was made, each from its own "
    "listing on; a portfolio of them knows the future.",
    "Coins that still traded in 2025. 2,301 days have no volume.",
)
LEAN_TRADE = Note(
    "Venues and symbols may differ from day to day. Where nothing traded there is no bar, and no gap is claimed for "
    "less than an hour. Volume is in contracts on coin-margined perpetuals.",
    "Single days between 2016 and 2022.",
)
LEAN_QUOTE = Note(
    "Minutes without a change may be absent. Opens and closes are mids of bid and ask; there are no mids of highs and "
    "lows, which were not of one moment.",
    "Single days between 2017 and 2022.",
)
FUNDING = Note(
    "Charged every 8 h, on Hyperliquid every hour: rates of different intervals do not compare as they are. Known when "
    "charged; what was announced before was not recorded.",
    "OKX begins on 2026-03-09.",
)
_CLOCK = "Event times may lie after receive times: clocks disagree, and both are kept as recorded."
_RECORDER_BEHIND = (
    "The recorder's clock was about 1.27 s behind the exchange's: the difference of both times is no latency. Six "
    "minutes in all."
)
BINANCE_TICKER = Note(
    f"{_CLOCK} Sizes are contracts on coin-margined futures.", f"{_RECORDER_BEHIND} Spot has no event times."
)
BINANCE_DEPTH = Note(
    f"{_CLOCK} Changes received before a snapshot belong on top of it if their id is newer. Ids of Binance spot join "
    "on to one another; those of its futures do not, so a missing message cannot be seen there.",
    f"{_RECORDER_BEHIND} One snapshot of 1,000 levels a side per book.",
)
BINANCE_TRADES = Note(f"{_CLOCK} Trade ids were not kept: seq numbers equal trades.", _RECORDER_BEHIND)
WALLETS: dict[str, Note] = {
    "alihakanvesca": Note(
        "Whole seconds of the chain: never order them against books.",
        "One wallet: 4,000 buys in 285 BTC 5m windows, mostly as a maker (842 lie in recorded books, on average 0.35 "
        "cent below the bid).",
    ),
    "hxx344": Note(
        "Whole seconds of the chain. Merges and redemptions stand among the fills: they have no side and no price and "
        "are quarantined. The recorded value need not be price times size.",
        "One wallet, 67 minutes; 25 merges and 25 redemptions.",
    ),
    "ahdpe": Note(
        "Large buys only, no sells, with holes between dumps; no transaction hashes. The value lies some cents off "
        "price times size.",
        "Buys above about 500 USD of 3,500 wallets.",
    ),
}
LEADERBOARD = Note(
    "Profit and volume of a trailing month and week: consecutive snapshots overlap. The recorder counts the ranks by "
    "profit and volume from 0; here they begin at 1.",
    "Early snapshots do not name their span.",
)
UNIVERSE_MARKETS = Note(
    "Outcomes are true only where the source is api; those inferred from convergence of prices are biased. The time of "
    "the fetch was not recorded: known when the last market was seen. Of a market that another import lists again, the "
    "newer row stays. Markets that exclude or contain one another share a question, which is their group.",
    "What was decided after 2026-07-31 is blank.",
)
UNIVERSE_SPORTS = Note(
    "Questions and outcomes, no times: known at the midnight after the last game of known result in it. Of a market "
    "that another import lists again, the newer row stays. Markets of one question are a group."
)
UNIVERSE_QUOTES = Note(
    "Sampled about every two minutes, rows only when a price changed, no sizes. Times without a sample stand in gaps. "
    "A side of 0 or 1 is no side. Bids above asks are quarantined.",
    "Whole days are missing in July 2026 (18 to 21, 24 to 28, 30).",
)
GAMMA = Note(
    "No event ids: markets are grouped by question. A side of 0 or 1 is no side. The time of the fetch was not "
    "recorded: known at the midnight after its newest market. Of a market that another import lists again, the newer "
    "row stays. Markets whose listed end lies before their beginning are quarantined.",
    "One list of 8,701 markets with at least 90,000 USD volume, newest of 2026-04-13; about a quarter were still "
    "trading, some of that day's games too. Half have no bid.",
)
PAIRS = Note(
    "Chosen by a bot when the pair looked interesting; whole seconds. The opens are the bot's spot prices, not the "
    "strikes.",
    "One day, 479 moments.",
)
RAW_MARKET = Note(
    "Raw frames of Polymarket's market channel. Which token is UP was not recorded, so there are no binary_quotes: "
    "l2 and trades are of tokens (symbol = token id). The capture's clock is in whole seconds, cut off: a row is known "
    "at the end of its second, and messages of one second share it. last_id is the captured second × 1,000,000 plus "
    "the place of the message in it, not the venue's."
)
