"""The recordings that were looked at when their defects were written down, by size and start of their SHA-256.

Figures of :mod:`research.importers.defects` were measured on these very files. Another file of the same name
has figures of its own, which are measured when it is imported (:mod:`research.importers.notes`).
"""

from __future__ import annotations

import hashlib
from pathlib import Path

_SEEN = {
    "binance_btcusdt_1h": (251_465, "bf36d5d380576e74"),
    "binance_btcusdt_1m": (3_276_876, "23230e690ccf8afc"),
    "binance_btcusdt_l1_5s": (79_456, "5da30a562ae068d8"),
    "btc_binance_vs_chainlink_1s": (13_466, "e9b791254a0040f7"),
    "btc_price_bands_1m": (1_352_266, "d7bce3d39a7f7857"),
    "btc_price_bands_markets": (28_605, "b0e668c74e335bc4"),
    "chainlink_btcusd_1s": (963_736, "32315c17bd43e063"),
    "crypto_book_ticker": (2_014_434, "3f5ca54e7f0e3f06"),
    "crypto_depth_diffs": (6_285_280, "6d412eca727b611d"),
    "crypto_trades": (418_095, "e9629e96ae399acf"),
    "exchange_bars_quote": (432_347, "870dbef1e05532c7"),
    "exchange_bars_trade": (396_833, "fb079a736ac973d7"),
    "gamma_universe_snapshot": (497_623, "bcc0f80cc61c78d3"),
    "kalshi_15m_quotes_1m": (471_119, "1370fc0ba68e56f5"),
    "kalshi_15m_trades": (1_670_658, "40120146af297f2c"),
    "multi_asset_spot_30s": (120_636, "e06580f4d7069df9"),
    "nested_updown_pairs": (23_405, "88ff3f474708cca2"),
    "perp_bars_1d": (1_290_020, "ff95fbae0586fa37"),
    "perp_bars_1h": (2_650_469, "075cc7f8705300bd"),
    "perp_bars_1m": (1_031_961, "452c7f1724c4786d"),
    "perp_bars_5m": (1_463_357, "debbe761ba42f0a8"),
    "perp_funding": (55_182, "eb696930c5d192c6"),
    "polymarket_btc5m_book10": (14_288_407, "cfcd2b1f50cb30f6"),
    "polymarket_btc5m_market_meta": (51_930, "6c0bfd9470278868"),
    "quotes_1s": (431_185, "92ebbc99cd6023fb"),
    "windows": (7_110, "07b1ffaf0a32ebf2"),
    "universe_markets": (17_277, "3842ddc7833926e8"),
    "universe_markets_sports_1day": (91_083, "8dd2ab95aebc598e"),
    "universe_quotes_2m": (612_563, "a5c2442fe75b425f"),
    "universe_quotes_sports_1day": (635_530, "c7acc691add6b395"),
    "updown_marks": (39_827, "818c2358724b7e51"),
    "updown_quotes": (6_150_783, "aff95347121c1388"),
    "updown_quotes_with_spot": (21_616, "5e73c514af4bba77"),
    "updown_windows": (662_321, "79014b5a4bc0c63f"),
    "wallet_leaderboard": (111_611, "48e06fdc4f3a9a6f"),
    "wallet_trades": (732_801, "c16ddb00375a69d4"),
}


def was_looked_at(path: Path) -> bool:
    """Whether ``path`` holds, byte for byte, the recording that the figures are of."""
    size, sha256 = _SEEN.get(path.name.split(".")[0], (-1, ""))
    return path.stat().st_size == size and hashlib.sha256(path.read_bytes()).hexdigest().startswith(sha256)
