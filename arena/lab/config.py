"""What the lab's markets look like, each number beside where it was measured."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field

from arena.errors import ConfigError
from arena.units import SECOND

GENERATOR_VERSION = 1
"""Raised whenever the same settings would generate different bytes."""

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
    """

    name: str
    quote: str
    lag_ms: float
    rate: float
    noise_bps: float
    half_spread_bps: float
    basis_bps: float
    basis_sd_bps: float


# Basis: Chainlink minus Binance -35 +- 12 USD at 67,000 (recordings of 2026-02-17 and 2026-06-08), i.e. +5.2 bps,
# sd 1.0 second to second; Coinbase -0.07 bp with sd 0.63 (spec/venues 3.2). Other venues follow their quote currency.
# Rates: order of magnitude of public ticker channels; Coinbase and Kraken tick on matches, Binance on every BBO change.
VENUES = (
    VenueModel("coinbase", "USD", 20, 4.0, 0.35, 0.05, -0.07, 0.30),
    VenueModel("binance", "USDT", 10, 5.0, 0.25, 0.05, 5.2, 0.60),
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
    asset: str = "BTC"
    interval_s: int = 300

    start_price: float = 65_000.0
    """USD; level of the April-June 2026 recordings."""
    sigma: float = 0.40
    """Annualised volatility; 0.38 on Chainlink seconds of 2026-06-08, 0.49 on Binance minutes March-June."""
    log_sigma_sd: float = 0.40
    log_sigma_halflife_s: float = 7200.0
    """Stochastic volatility: sd and memory of its logarithm; gives minute-return kurtosis of the recorded order."""
    jumps_per_day: float = 30.0
    jump_bps: float = 8.0
    """Jumps: with them the kurtosis of one-second returns is near the 35 measured on Chainlink."""
    season_depth: float = 0.30
    season_peak_h: float = 14.5
    """Intraday volatility: +-30 % around the mean, highest at the US cash open (14:30 UTC)."""

    oracle_noise_bps: float = 0.20
    oracle_recv_ms: tuple[float, float, float] = (819.0, 500.0, 0.55)
    """Relay delay: minimum, and median and log-sd of the rest; measured 1,155 / 1,320 / 1,515 ms at the quartiles."""

    half_spread_ticks: float = 0.10
    """Half-spread before rounding to the tick: spread is one tick 80 % of the time, measured 78 %."""
    touch_usd: float = 37.0
    touch_log_sd: float = 0.8
    """Displayed size at the touch, USD (spec/venues 3.2)."""
    quote_step_ms: int = 50
    refresh_rate: float = 3.0
    """Size refreshes per second beside price changes; recorded books update 20 times a second."""
    book_recv_ms: float = 30.0
    stalls_per_hour: float = 4.0
    stall_s: float = 3.0
    """Our book feed freezes and catches up; the venue's own book does not."""
    outages_per_day: float = 3.0
    outage_s: float = 20.0
    """Spot feed outages per venue."""

    venues: tuple[VenueModel, ...] = field(default=VENUES)

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise ConfigError(f"unknown lab mode {self.mode!r}; choose one of {', '.join(MODES)}.")
        if not 1 <= self.days <= 120:
            raise ConfigError(f"the lab generates 1 to 120 days, not {self.days}.")
        if self.lag_ms < 0:
            raise ConfigError(f"the maker's lag {self.lag_ms} ms is negative.")

    @property
    def maker_lag_ms(self) -> int:
        """How late the maker sees the price, ms: 0 in the efficient mode."""
        return self.lag_ms if self.mode == "lagged" else 0

    @property
    def name(self) -> str:
        """A folder name that says what is inside and changes with every setting."""
        text = json.dumps([GENERATOR_VERSION, asdict(self)], sort_keys=True)
        digest = hashlib.sha256(text.encode()).hexdigest()[:8]
        lag = f"{self.lag_ms}ms-" if self.mode == "lagged" else ""
        return f"lab-{self.mode}-{lag}{self.days}d-seed{self.seed}-{digest}"

    @property
    def truth(self) -> str:
        """One sentence that says what is true in this market."""
        if self.mode == "efficient":
            return (
                "the maker prices the real settlement rule from the current price: no strategy has an edge after cost"
            )
        return f"the maker is {self.lag_ms} ms late: there is an edge for whoever reaches the book faster"
