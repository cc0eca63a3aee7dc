"""What the lab's markets look like, each number beside where it was measured."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field

from arena.errors import ConfigError
from arena.lab.options import COINS, CoinModel, RecordedModel, RelatedModel, TakerModel, WalletModel
from arena.units import SECOND

DAY_S = 86_400

GENERATOR_VERSION = 5
"""Raised whenever the same settings would generate different bytes."""

LEFT_EDGES_S = (5.0, 15.0, 30.0, 60.0, 120.0, 180.0, 240.0)
"""Bins of time left in which the book's habits are told, s; the last is open."""
EDGE_PRICES = (0.02, 0.04, 0.1, 0.2)
"""Bins of the distance of a mid from 0 or 1, USD per share."""

MODES = ("efficient", "lagged")
DEFAULT_LAG_MS = 1500
MONDAY_2026_09_14_NS = 1_789_344_000 * SECOND
"""Default start: after the 60 s TWAP rule (08-14) and the 150 ms taker delay (09-04)."""


@dataclass(frozen=True, slots=True)
class VenueModel:
    """How one spot venue shows the efficient price.

    Attributes:
        name: venue, as in the spot table.
        quote: USD or USDT.
        lag_ms: how late its quotes follow the efficient price, ms.
        rate: updates per second.
        noise_bps: sd of its mid around the efficient price plus basis, basis points.
        half_spread_bps: half of its bid-ask spread, basis points.
        basis_bps, basis_sd_bps: mean and stationary sd of its basis to the settlement feed, basis points.
        basis_halflife_s: memory of the basis, s.
        noise_halflife_s: memory of the noise, s; 0 = every update has its own.
    """

    name: str
    quote: str
    lag_ms: float
    rate: float
    noise_bps: float
    half_spread_bps: float
    basis_bps: float
    basis_sd_bps: float
    basis_halflife_s: float = 1800.0
    noise_halflife_s: float = 0.0


# Binance's basis and noise are fitted (minutes beside Chainlink seconds, 2026-06-08). Its noise lasts: second
# differences of the basis (2026-02-17) are correlated by -0.27, not by the -0.5 of noise without memory, and its mid
# (2024-08-08) moves no more per second when looked at every 0.1 s than every 1 s. Coinbase -0.07 bp with sd 0.63
# (spec/venues 3.2). Nobody recorded the others: they follow their quote currency. Rates: order of magnitude of public
# ticker channels; Coinbase and Kraken tick on matches, Binance on every BBO change.
VENUES = (
    VenueModel("coinbase", "USD", 20, 4.0, 0.35, 0.05, -0.07, 0.30),
    VenueModel("binance", "USDT", 10, 5.0, 0.66, 0.05, 5.46, 1.65, 14_400.0, 0.9),
    VenueModel("okx", "USDT", 20, 4.0, 0.30, 0.05, 5.1, 0.60),
    VenueModel("bybit", "USDT", 20, 4.0, 0.30, 0.05, 5.3, 0.60),
    VenueModel("kraken", "USD", 60, 2.0, 0.45, 0.10, 0.1, 0.40),
    VenueModel("bitfinex", "USD", 90, 1.0, 0.60, 0.30, 0.4, 0.70),
)


@dataclass(frozen=True, slots=True)
class LabConfig:
    """One lab market. Two knobs state the truth: ``mode`` and ``lag_ms``.

    ``efficient``: the maker prices the market's real settlement rule from the efficient price of this
    very instant, so no causal strategy has an edge after cost. ``lagged``: the maker knows the price of
    ``lag_ms`` ago; whoever acts within that time has an edge, whoever is slower has none.
    """

    mode: str = "lagged"
    days: int = 7
    seed: int = 1
    lag_ms: int = DEFAULT_LAG_MS
    start_ns: int = MONDAY_2026_09_14_NS
    assets: tuple[str, ...] = ("BTC",)
    intervals_s: tuple[int, ...] = (300,)
    """Window lengths quoted for every asset, seconds."""

    # Fitted by `arena-data calibrate` (research/calibrate/fit.py says how): Binance minutes of March to June 2026,
    # Chainlink seconds of 2026-06-08, books of 2026-04-13/15.
    sigma: float = 0.483
    """Annualised volatility of the market factor, which is BTC's, jumps apart."""
    vol_components: tuple[tuple[float, float], ...] = (
        *((0.75, 3.0), (0.357, 120.0), (0.239, 1800.0)),
        *((0.130, 14_400.0), (0.383, 172_800.0)),
    )
    """Stochastic volatility: (sd, half-life in s) of the independent components of its logarithm."""
    jumps_per_day: float = 5.0
    jump_bps: float = 16.0
    """Jumps: how many, and the sd of their size, basis points."""
    season: tuple[float, ...] = (
        *(1.019, 1.000, 0.939, 0.838, 0.815, 0.809, 0.774, 0.799, 0.847, 0.822, 0.766, 0.967),
        *(0.999, 1.305, 1.493, 1.323, 1.191, 1.051, 0.987, 0.951, 0.921, 0.869, 1.179, 0.909),
    )
    """Volatility by hour of the day, UTC, over its root mean square."""

    oracle_noise_bps: float = 0.0
    oracle_instant: float = 0.505
    oracle_smooth_s: float = 1.78
    """Inertia of the reports: share of a move that is in them at once, and time constant of the rest, s."""
    oracle_recv_ms: tuple[float, float, float] = (569.0, 751.0, 0.347)
    """Relay delay: least, and median and log-sd of the rest, ms."""

    patience: float = 0.70
    """How far the fair value may pass a quote before the maker follows, as a share of the taker fee, 0-1."""
    wide_ticks: tuple[float, ...] = (2.6, 1.08, 0.43, 0.56, 0.66, 0.48, 0.54, 0.69)
    """Mean number of ticks beyond the first that a new quote's spread has, by time left (LEFT_EDGES_S)."""
    fine_below: float = 0.01
    """Below this price, and above one minus it, prices move in steps of 0.001 instead of 0.01 USD per share."""
    touch_shares: tuple[float, ...] = (55.0, 74.0, 106.0, 120.0, 164.0, 234.0, 238.0, 239.0)
    touch_by_edge: tuple[float, ...] = (7.47, 4.26, 1.73, 1.25, 1.0)
    touch_log_sd: tuple[float, float] = (1.95, 1.06)
    """Size at the touch: median in shares by time left, times a factor by price (EDGE_PRICES); log-sd of smaller and
    of larger ones."""
    refresh_rate: tuple[float, ...] = (20.0, 20.0, 17.1, 20.0, 13.2, 11.3, 11.6, 13.6)
    """Size refreshes per second beside price changes, by time left."""
    quiet_rate: float = 2.33
    """And while one side of the book is empty."""
    # Not identified by any recording: assumed.
    quote_step_ms: int = 50
    book_recv_ms: float = 30.0
    stalls_per_hour: float = 4.0
    stall_s: float = 3.0
    """Our book feed freezes and catches up; the venue's own book does not."""
    outages_per_day: float = 3.0
    outage_s: float = 20.0
    """Spot feed outages per venue."""

    depth_levels: int = 0
    """Levels a side in the list columns of the book; 0 = the top of book alone."""
    depth_profile: tuple[float, ...] = (1.0, 1.45, 1.69, 1.82, 1.95, 1.96, 1.96, 1.98, 1.98, 1.98)
    depth_log_sd: float = 1.0
    """Median size of each level relative to the touch, and log-sd; ten levels, 435,480 books of 2026-04-13/15."""

    venues: tuple[VenueModel, ...] = field(default=VENUES)
    coins: tuple[CoinModel, ...] = field(default=COINS)
    takers: TakerModel | None = None
    wallets: WalletModel | None = None
    related: RelatedModel | None = None
    recorded: RecordedModel | None = None

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise ConfigError(f"unknown lab mode {self.mode!r}; choose one of {', '.join(MODES)}.")
        if not 1 <= self.days <= 120:
            raise ConfigError(f"the lab generates 1 to 120 days, not {self.days}.")
        if self.lag_ms < 0:
            raise ConfigError(f"the maker's lag {self.lag_ms} ms is negative.")
        _check_book(self)
        known = [coin.name for coin in self.coins]
        for asset in self.assets:
            if asset not in known:
                raise ConfigError(f"the lab has no coin {asset!r}; it has {', '.join(known)}.")
        if not self.assets or not self.intervals_s:
            raise ConfigError("a lab needs at least one asset and one window length.")
        if len(set(self.assets)) < len(self.assets) or len(set(self.intervals_s)) < len(self.intervals_s):
            raise ConfigError("an asset or a window length is named twice.")
        for interval in self.intervals_s:
            if interval <= 0 or DAY_S % interval or self.start_ns % (interval * SECOND):
                raise ConfigError(f"windows of {interval} s do not divide the day, or the start is not one's open.")
        if not 0 <= self.depth_levels <= len(self.depth_profile):
            raise ConfigError(f"depth_levels is 0 to {len(self.depth_profile)}, not {self.depth_levels}.")
        if self.takers is not None and self.takers.levels >= len(self.depth_profile):
            raise ConfigError(f"takers walk at most {len(self.depth_profile) - 1} levels, not {self.takers.levels}.")
        if self.wallets is not None and self.takers is None:
            raise ConfigError("wallets trade as takers do; give the market takers too.")

    @property
    def maker_lag_ms(self) -> int:
        """How late the maker sees the price, ms: 0 in the efficient mode."""
        return self.lag_ms if self.mode == "lagged" else 0

    @property
    def end_ns(self) -> int:
        """Close of the last window, ns UTC."""
        return self.start_ns + self.days * DAY_S * SECOND

    def coin(self, asset: str) -> CoinModel:
        """The model of one of the assets."""
        return next(coin for coin in self.coins if coin.name == asset)

    @property
    def name(self) -> str:
        """A folder name that says what is inside and changes with every setting."""
        text = json.dumps([GENERATOR_VERSION, asdict(self)], sort_keys=True)
        digest = hashlib.sha256(text.encode()).hexdigest()[:8]
        lag = f"{self.lag_ms}ms-" if self.mode == "lagged" else ""
        coins = "" if self.assets == ("BTC",) else "-".join(self.assets).lower() + "-"
        return f"lab-{self.mode}-{lag}{coins}{self.days}d-seed{self.seed}-{digest}"

    @property
    def truth(self) -> str:
        """What is true in this market, in a sentence or two."""
        more = _more_truths(self)
        return ". ".join([_maker_truth(self), " ".join(more)]) if more else _maker_truth(self)


def _check_book(config: LabConfig) -> None:
    bins = len(LEFT_EDGES_S) + 1
    for name, length in (
        *((name, bins) for name in ("wide_ticks", "touch_shares", "refresh_rate")),
        ("touch_by_edge", len(EDGE_PRICES) + 1),
        ("season", 24),
    ):
        values = getattr(config, name)
        if len(values) != length or min(values) < 0.0:
            raise ConfigError(f"{name} needs {length} numbers of 0 or more, not {values}.")
    if not 0.0 <= config.patience < 1.0:
        raise ConfigError(f"patience is a share of the taker fee below 1, not {config.patience}.")
    if not 0.0 < config.oracle_instant <= 1.0 or config.oracle_smooth_s <= 0.0:
        raise ConfigError("oracle_instant is a share above 0, and oracle_smooth_s a time above 0 s.")
    if any(sd < 0.0 or halflife_s <= 0.0 for sd, halflife_s in config.vol_components):
        raise ConfigError(f"vol_components are (sd, half-life in s) pairs, not {config.vol_components}.")


def _maker_truth(config: LabConfig) -> str:
    if config.mode == "efficient" and config.recorded is not None:
        return "the maker prices the real settlement rule from the current price: being faster earns nothing"
    if config.mode == "efficient":
        knows = config.wallets is not None and config.wallets.seers and config.wallets.accuracy > 0.5
        return (
            "the maker prices the real settlement rule from the current price: no strategy has an edge after cost"
            f"{', but for one that copies the wallets that know more' if knows else ''}"
        )
    return f"the maker is {config.lag_ms} ms late: there is an edge for whoever reaches the book faster"


def _more_truths(config: LabConfig) -> list[str]:
    truths = []
    if config.recorded is not None:
        r = config.recorded
        truths.append(
            f"The price path was recorded by {r.source} ({r.table} of {r.venue}): the maker is as said; what "
            "patterns the path itself has, nobody knows."
        )
    if config.takers is not None:
        truths.append("Takers: noise has no edge; fast ones know the price of the instant they arrive.")
    if config.wallets is not None:
        w = config.wallets
        truths.append(
            f"Wallets: {w.seers} know a window's end with probability {w.accuracy} and {w.fast} are fast; the "
            f"{w.noise} others have no edge{', and one maker rests below the bid' if w.maker else ''}."
        )
    if config.related is not None and config.related.mispricing > 0.0:
        m = config.related
        truths.append(
            f"Related markets: {m.mispricings_per_day:g} times a day one is quoted {m.mispricing:g} USD off its fair "
            f"value for {m.mispricing_s:g} s; what that is worth after spread and fee is the edge there is."
        )
    elif config.related is not None:
        truths.append("Related markets: their prices are consistent: no set of them earns after cost.")
    return truths
