"""Names of instruments, of whatever venue, taken apart: ``binance_usdm:btcusdt_240927`` is BTC in USDT.

Pairs come with or without a separator (``btc-usd``, ``xbt/eur``, ``ethbtc``), with the marks of perpetuals
(``btcusd_perp``, ``btc-usdt-swap``) and of dated futures (``ethusd_240927``). Without a separator the quote
currency is the longest one that the name ends in, unless only a shorter one leaves a coin that is known:
``btctusd`` is BTC in TUSD, and ``dotusd`` is DOT in USD. A contract of 1,000 coins stays one: the venue's
price of ``1000pepeusdt`` is of 1,000 PEPE, and so its asset is 1000PEPE.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import polars as pl

from arena.errors import DataError
from research.importers.coins import COINS

_CURRENCIES = (
    "USDT USDC FDUSD BUSD TUSD USDP USDE USD1 RLUSD PYUSD DAI UST USD EUR GBP TRY BRL JPY KRW AUD CAD CHF MXN ZAR PLN "
    "RON UAH ARS COP IDR INR NGN RUB SGD HKD AED NZD CZK SEK NOK DKK THB PHP VND BTC XBT ETH BNB"
)
QUOTES = tuple(sorted(_CURRENCIES.split(), key=lambda quote: -len(quote)))
"""Currencies that instruments are quoted in, the longest first."""

STREAM_SHARE = 0.01
"""Share of a file's rows from which an instrument that cannot be read is a stream and no slip; one row is none."""

_SAME = {"XBT": "BTC", "XDG": "DOGE"}
_MARK = re.compile(r"[-_]?(?:perp|perpetual|swap)$|[-_](?:\d{6}|\d{8}|\d{1,2}[a-z]{3}\d{2})$")
_MULTIPLE = re.compile(r"^(?:10+|1M|K)(?=[A-Z])")
_TOKEN = re.compile(r"[A-Z0-9]+")


def pair(symbol: str) -> tuple[str, str] | None:
    """Coin and quote currency of a venue's symbol, upper case; None when it cannot be told.

    >>> pair("BTC-USDT-SWAP"), pair("dotusd"), pair("ethusd_240927"), pair("btc")
    (('BTC', 'USDT'), ('DOT', 'USD'), ('ETH', 'USD'), None)
    """
    name = _MARK.sub("", symbol.lower()).upper()
    parts = re.split(r"[-_/:]", name)
    if len(parts) == 2 and _known(parts[1]) in QUOTES and _TOKEN.fullmatch(parts[0]):
        return _known(parts[0]), _known(parts[1])
    if not _TOKEN.fullmatch(name):
        return None
    splits = [(name.removesuffix(quote), quote) for quote in QUOTES if name.endswith(quote) and name != quote]
    sure = [split for split in splits if _known(_MULTIPLE.sub("", split[0])) in COINS or split[0] in COINS]
    for coin, quote in [*sure, *splits]:
        return _known(coin), _known(quote)
    return None


def _known(name: str) -> str:
    return _SAME.get(name, name)


def pairs(symbols: pl.Series) -> pl.DataFrame:
    """``asset`` and ``quote`` of each symbol, null where it is null or cannot be read."""
    distinct = symbols.unique().drop_nulls().to_list()
    found = {symbol: pair(symbol) for symbol in distinct}
    said = pl.DataFrame(
        {
            "symbol": distinct,
            "asset": [both[0] if both else None for both in found.values()],
            "quote": [both[1] if both else None for both in found.values()],
        },
        schema={"symbol": pl.String, "asset": pl.String, "quote": pl.String},
    )
    rows = symbols.alias("symbol").to_frame().join(said, on="symbol", how="left", maintain_order="left")
    return rows.select("asset", "quote")


def unreadable(names: pl.Series, assets: pl.Series) -> tuple[str, ...]:
    """Sentences on the few rows whose instrument cannot be read, for the manifest.

    Args:
        names: the instruments as recorded.
        assets: the coins read from them.

    Raises:
        DataError: a whole stream cannot be read (:data:`STREAM_SHARE`); names its instrument.
    """
    lost = names.filter(assets.is_null() & names.is_not_null())
    if lost.is_empty():
        return ()
    counted = lost.value_counts(sort=True)
    name, rows = counted.row(0)
    if rows > 1 and rows >= STREAM_SHARE * names.len():
        raise DataError(
            f"the instrument {name!r} ({rows} rows) is no venue:symbol pair of a coin and a currency that Arena knows; "
            "rename it, like binance_spot:btcusdt, or leave its rows out."
        )
    return (f"Rows of instruments that cannot be read are quarantined: {_listed(counted.iter_rows())}.",)


def _listed(counts: Iterable[tuple[str, int]]) -> str:
    return ", ".join(f"{name!r} ({rows})" for name, rows in list(counts)[:10])
