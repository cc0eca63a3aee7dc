"""Which coin a market or an instrument is of."""

from __future__ import annotations

import polars as pl

from arena.market.schema import NO_COIN

NAMES = {
    "bitcoin": "BTC",
    "ethereum": "ETH",
    "solana": "SOL",
    "xrp": "XRP",
    "ripple": "XRP",
    "dogecoin": "DOGE",
    "hyperliquid": "HYPE",
    "bnb": "BNB",
    "zcash": "ZEC",
    "litecoin": "LTC",
    "cardano": "ADA",
    "chainlink": "LINK",
    "avalanche": "AVAX",
    "polkadot": "DOT",
    "monero": "XMR",
    "stellar": "XLM",
    "tron": "TRX",
    "toncoin": "TON",
    "bitcoin-cash": "BCH",
    "shiba-inu": "SHIB",
    "uniswap": "UNI",
    "aptos": "APT",
    "arbitrum": "ARB",
    "optimism": "OP",
    "cosmos": "ATOM",
    "filecoin": "FIL",
    "worldcoin": "WLD",
    "bittensor": "TAO",
    "dash": "DASH",
}
"""Coins by the names that venues write into the slugs of their markets."""

_MORE = (
    "1INCH AAVE ALGO AMP APE APT AR ARB ASTER ATOM AXS BAT BCH BLUR BOME BONK BSV CAKE CFX CHZ COMP CRO CRV CVX "
    "DASH DYDX EGLD ENA ENJ ENS EOS ETC ETHFI FARTCOIN FET FIL FLOKI FLOW FTT FTM FXS GALA GMT GMX GRT HBAR ICP "
    "IMX INJ IOTA JASMY JTO JUP KAS KAVA KSM LDO LRC LUNA LUNC MANA MATIC MINA MKR MNT MOODENG NEAR NEO NOT OKB "
    "OM ONDO OP ORDI PAXG PENDLE PENGU PEPE PI PNUT POL POPCAT PUMP PYTH QNT QTUM RAY RENDER RNDR ROSE RPL RUNE "
    "S SAND SEI SHIB SKL SNX STETH STRK STX SUI SUSHI TAO THETA TIA TRB TRUMP TURBO TWT UMA UNI USTC VET VIRTUAL "
    "W WAVES WBTC WETH WIF WLD WLFI XAUT XEC XLM XMR XTZ YFI ZEC ZIL ZK ZRO ZRX"
)
COINS = frozenset((*NAMES.values(), *_MORE.split()))
"""Coins by their tickers. Others are read too where nothing is in doubt; these settle what would be."""

_TICKERS = "|".join(sorted(map(str.lower, COINS), key=lambda coin: (-len(coin), coin)))
_SHORT_SLUG = r"^([a-z0-9]+)-updown-\d+[mhdw]-\d+$"
_NAMED_SLUG = rf"^({'|'.join(sorted(NAMES, key=lambda name: -len(name)))})-up-or-down-"
_TICKER_SLUG = rf"^({_TICKERS})-up-or-down-"
_KALSHI = rf"^KX({_TICKERS.upper()})\d+[MH]-"


def updown_asset(slugs: pl.Series) -> pl.Series:
    """The coin of each up/down market, as ``asset``; ``NO_COIN`` for every other market.

    Markets are ``btc-updown-5m-1776081600``, ``bitcoin-up-or-down-july-2-2026-2am-et`` or
    ``KXBTC15M-26JUL021500-00``; shares have up/down markets too (``pltr-up-or-down-on-february-27``) and are
    no coin.
    """
    distinct = slugs.unique()  # patterns are slow, and a market has thousands of rows
    coins = pl.DataFrame({"slug": distinct}).select(
        pl.coalesce(
            pl.col("slug").str.extract(_SHORT_SLUG).str.to_uppercase(),
            pl.col("slug").str.extract(_NAMED_SLUG).replace_strict(NAMES, default=None, return_dtype=pl.String),
            pl.col("slug").str.extract(_TICKER_SLUG).str.to_uppercase(),
            pl.col("slug").str.extract(_KALSHI),
            pl.lit(NO_COIN),
        )
    )
    return slugs.replace_strict(distinct, coins.to_series(), return_dtype=pl.String).alias("asset")
