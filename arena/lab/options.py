"""What a lab market may have beside a price and a maker: more coins, takers, wallets, related markets.

Each group is off (None) unless a configuration holds one. Numbers stand beside where they were measured;
where none could be, the text says that it is assumed.
"""

from __future__ import annotations

from dataclasses import dataclass

from arena.errors import ConfigError


@dataclass(frozen=True, slots=True)
class CoinModel:
    """One coin: how its price moves with the market, and how its markets look.

    Attributes:
        name: symbol.
        start_price: USD at the start.
        volatility: its volatility as a multiple of the market's ``sigma``.
        market, alt: loadings of its diffusive returns on the common factor and on the one the alts share; what is
            left of the variance is its own.
        own_jumps_per_day: jumps beside the common ones, which hit every coin.
        tick: price step of its spot venues, USD.
        touch: displayed size at the touch as a multiple of the maker's ``touch_shares``.
    """

    name: str
    start_price: float
    volatility: float
    market: float
    alt: float
    own_jumps_per_day: float
    tick: float
    touch: float

    def __post_init__(self) -> None:
        if self.market**2 + self.alt**2 > 1.0:
            raise ConfigError(f"coin {self.name}: the loadings {self.market} and {self.alt} explain more than all.")


# Volatility and correlation: minute returns of the three perpetuals, 2025-05-29 to 06-14 (annualised 0.33, 0.62, 0.70;
# BTC-ETH 0.76, BTC-SOL 0.75, ETH-SOL 0.79). Touch: volume per 15-minute window relative to BTC, Kalshi May-July 2026
# (ETH 4.6 %, SOL 1.6 %), square root of it, as depth grows slower than volume (assumed). Own jumps: assumed.
COINS = (
    CoinModel("BTC", 65_000.0, 1.0, 1.0, 0.0, 0.0, 0.01, 1.0),
    CoinModel("ETH", 3_100.0, 1.90, 0.76, 0.47, 6.0, 0.01, 0.21),
    CoinModel("SOL", 145.0, 2.11, 0.75, 0.47, 8.0, 0.01, 0.13),
)


@dataclass(frozen=True, slots=True)
class TakerModel:
    """Who hits the displayed book, and how.

    A taker pays the standing best price at the moment it arrives, takes no more than is displayed, and walks down the
    levels if its order is larger. Noise takers choose a side by coin toss; fast ones know the price of this instant
    and trade only where the quote is stale by more than fee and ``min_edge``.

    Attributes:
        rate: noise arrivals per second of a window, on average.
        usd, log_sd: median and log-sd of an order, USD. Kalshi BTC, 289,171 trades of 2026-04-27/28: 3.96 and 1.70.
        phase: relative activity over a window's life, equal parts; same trades, value per fifteenth.
        sell_share: probability that a noise taker sells what a noise taker bought in that window before (assumed).
        fast_rate: arrivals per second that know the price (assumed).
        fast_usd: median of their orders, USD; they spread like the others (assumed).
        min_edge: what a fast taker wants beyond price and fee, USD per share (assumed).
        lowest: nobody takes a token for less than this, or for more than one minus it, USD per share (assumed).
        levels: how many levels an order may walk at most (assumed).
    """

    rate: float = 1.0
    usd: float = 4.0
    log_sd: float = 1.70
    phase: tuple[float, ...] = (
        *(1.04, 1.06, 0.97, 0.79, 0.93, 0.79, 0.78, 0.91, 0.78, 0.89),
        *(1.17, 1.20, 1.32, 1.43, 0.93),
    )
    sell_share: float = 0.10
    fast_rate: float = 0.2
    fast_usd: float = 20.0
    min_edge: float = 0.005
    lowest: float = 0.01
    levels: int = 3

    def __post_init__(self) -> None:
        if min(self.rate, self.fast_rate, self.usd, self.fast_usd, self.log_sd, *self.phase) < 0.0:
            raise ConfigError("takers: a rate, a size or a part of the phase is negative.")
        if not 0.0 <= self.sell_share <= 1.0 or not 0.001 <= self.lowest < 0.5 or self.levels < 1:
            raise ConfigError("takers: sell_share is a probability, lowest 0.001 to 0.5, and levels at least 1.")


@dataclass(frozen=True, slots=True)
class WalletModel:
    """Whose trades they are.

    Attributes:
        noise: wallets the noise takers trade from; the k-th trades 1/k as often as the first (assumed).
        fast: wallets the fast takers trade from, in turn.
        seers: wallets that know how a window will end, with probability ``accuracy``, and trade on it.
        accuracy: how often a seer is right; 0.5 is a coin toss.
        seer_per_window: orders per seer and window, of the sizes that noise takers have: a size that told who trades
            would be an edge to all.
        maker: one wallet rests below the best bid and gets what walks past the touch. The recorded wallet's 842 fills
            lie 0.35 cent below the bid on average.
        block_s: block time of the chain that stamps fills, seconds (Polygon about 2).
        report_s: median time from the block until we can read the fill, seconds (assumed).
    """

    noise: int = 200
    fast: int = 2
    seers: int = 2
    accuracy: float = 0.65
    seer_per_window: float = 2.0
    maker: bool = True
    block_s: int = 2
    report_s: float = 4.0

    def __post_init__(self) -> None:
        if self.noise < 1 or self.fast < 1 or self.seers < 0 or self.block_s < 1:
            raise ConfigError("wallets: at least one noise and one fast wallet, and blocks of at least a second.")
        if not 0.5 <= self.accuracy <= 1.0:
            raise ConfigError(f"wallets: a seer is right with probability 0.5 to 1, not {self.accuracy}.")


@dataclass(frozen=True, slots=True)
class RelatedModel:
    """Markets whose prices constrain one another: price bands, and short windows inside long ones.

    Attributes:
        bands: quote a "price at the end of the day" event of mutually exclusive bands per coin and day.
        band_usd: width of a band, BTC; other coins scale it with their price. Recorded events have 2,000 USD.
        bands_between: closed bands; one open-ended band lies below and one above. Recorded events have nine.
        band_step_s: how often bands are sampled; recorded about every 120 s.
        mispricing: how far a related market is quoted off its fair value while a mispricing lasts, USD per share.
        mispricing_s: how long one lasts, seconds.
        mispricings_per_day: how many a day.
    """

    bands: bool = True
    band_usd: float = 2_000.0
    bands_between: int = 9
    band_step_s: int = 120
    mispricing: float = 0.0
    mispricing_s: float = 120.0
    mispricings_per_day: float = 48.0

    def __post_init__(self) -> None:
        if not 0.0 <= self.mispricing < 0.5 or self.mispricing_s <= 0.0 or self.bands_between < 1:
            raise ConfigError("related: a mispricing is 0 to 0.5 USD and lasts some time; bands: at least one.")


@dataclass(frozen=True, slots=True)
class RecordedModel:
    """A recorded price path under the lab's venues and books.

    Attributes:
        catalog: where it was read, as given.
        table: bars, oracle or spot.
        source: recorder of the rows.
        venue: exchange or feed of the rows.
        digest: hash of the observations, so that other data is another market.
        max_gap_s: observations further apart than this are a gap: nothing is invented inside, windows that touch it
            are left out.
    """

    catalog: str
    table: str
    source: str
    venue: str
    digest: str
    max_gap_s: float
