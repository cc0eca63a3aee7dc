"""Generate the lab's tables: one efficient price, six venues that see it, an oracle, and a maker who quotes.

Everything derives from one seed. Each stream draws from its own child generator, so changing one venue
leaves the others' numbers alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import polars as pl

from arena.jit import jit
from arena.lab.config import LabConfig, VenueModel
from arena.market.schema import BINARY_QUOTES, GAPS, ORACLE, SPOT, WINDOWS
from arena.market.tape import F8, I8
from arena.market.windows import LOOKBACKS_S
from arena.pricing import twap_digital_up
from arena.units import MS, SECOND, YEAR_S
from arena.venues.rules import Rules, rules_at

STEP_MS = 50
_STEPS_PER_S = 1000 // STEP_MS
_PREROLL_S = 900
_SOURCE = "lab"


@dataclass(frozen=True, slots=True)
class LabTables:
    """The generated tables, in the catalog's schemas."""

    windows: pl.DataFrame
    binary_quotes: pl.DataFrame
    spot: pl.DataFrame
    oracle: pl.DataFrame
    gaps: pl.DataFrame

    def items(self) -> list[tuple[str, pl.DataFrame]]:
        """(table name, frame), in the order a catalog wants them."""
        return [(name, getattr(self, name)) for name in ("windows", "binary_quotes", "spot", "oracle", "gaps")]


@dataclass(frozen=True, slots=True)
class _Path:
    """The efficient log price every 50 ms and the annualised volatility every second, from ``origin_ns``."""

    origin_ns: int
    log_price: F8
    sigma: F8

    def at(self, t_ns: I8) -> F8:
        """Log price in force at each time, ns UTC."""
        step = np.clip((t_ns - self.origin_ns) // (STEP_MS * MS), 0, self.log_price.shape[0] - 1)
        return self.log_price[step]


def generate(config: LabConfig) -> LabTables:
    """All tables of one lab market. Same configuration, same bytes."""
    children = np.random.SeedSequence(config.seed).spawn(4 + len(config.venues))
    rng = [np.random.default_rng(child) for child in children]
    rules = rules_at("polymarket", config.interval_s, config.start_ns)
    path = _efficient_path(config, rng[0])
    oracle, report_ns, report = _oracle(config, path, rng[1])
    windows, strike = _windows(config, rules, report_ns, report, rng[2])
    quotes, stalls = _quotes(config, rules, path, report, windows, strike, rng[3])
    spots, outages = zip(
        *(_venue(config, v, path, g) for v, g in zip(config.venues, rng[4:], strict=True)), strict=True
    )
    return LabTables(windows, quotes, pl.concat(spots), oracle, pl.concat([stalls, *outages]))


def _efficient_path(config: LabConfig, rng: np.random.Generator) -> _Path:
    seconds = config.days * 86_400 + 2 * _PREROLL_S
    origin_ns = config.start_ns - _PREROLL_S * SECOND
    decay = math.exp(-math.log(2.0) / config.log_sigma_halflife_s)
    shocks = rng.standard_normal(seconds)
    log_vol = np.empty(seconds)
    _ornstein_uhlenbeck(shocks, decay, config.log_sigma_sd, log_vol)
    hour = (origin_ns // SECOND + np.arange(seconds)) % 86_400 / 3600.0
    season = 1.0 + config.season_depth * np.cos((hour - config.season_peak_h) * (2.0 * math.pi / 24.0))
    # exp(-sd^2) keeps the mean variance at sigma^2.
    sigma = config.sigma * season * np.exp(log_vol - config.log_sigma_sd**2)
    step_sd = sigma * math.sqrt(1.0 / (YEAR_S * _STEPS_PER_S))
    returns = rng.standard_normal(seconds * _STEPS_PER_S)
    returns *= np.repeat(step_sd, _STEPS_PER_S)
    n_jumps = rng.poisson(config.jumps_per_day * seconds / 86_400)
    np.add.at(returns, rng.integers(0, returns.shape[0], n_jumps), rng.normal(0.0, config.jump_bps * 1e-4, n_jumps))
    log_price = np.cumsum(returns, out=returns)
    log_price += math.log(config.start_price)
    jump_variance = config.jumps_per_day * (config.jump_bps * 1e-4) ** 2 * 365.0
    return _Path(origin_ns, log_price, np.sqrt(sigma**2 + jump_variance))


@jit
def _ornstein_uhlenbeck(shock: F8, decay: float, sd: float, out: F8) -> None:
    """Stationary AR(1) with the given standard deviation, driven by unit normals."""
    x = sd * shock[0]
    scale = sd * math.sqrt(1.0 - decay * decay)
    for i in range(shock.shape[0]):
        x = decay * x + scale * shock[i]
        out[i] = x


def _poisson_times(rate_per_s: float, begin_ns: int, end_ns: int, rng: np.random.Generator) -> I8:
    n = rng.poisson(rate_per_s * (end_ns - begin_ns) / SECOND)
    return np.sort(rng.integers(begin_ns, end_ns, n))


def _spells(per_day: float, mean_s: float, begin_ns: int, end_ns: int, rng: np.random.Generator) -> tuple[I8, I8]:
    """Start and end of random silent spells, merged where they overlap."""
    start = _poisson_times(per_day / 86_400.0, begin_ns, end_ns, rng)
    length = np.asarray(rng.exponential(mean_s, start.shape[0]))
    end = start + (length * SECOND).astype(np.int64)
    if start.shape[0] == 0:
        return start, end
    reach = np.maximum.accumulate(end)
    new = np.concatenate([[True], start[1:] > reach[:-1]])
    last = np.concatenate([np.flatnonzero(new)[1:] - 1, [start.shape[0] - 1]])
    return start[new], reach[last]


def _inside(t_ns: I8, start: I8, end: I8) -> I8:
    """Index of the spell each time falls into, -1 for none."""
    k = np.searchsorted(start, t_ns, side="right") - 1
    hit = (k >= 0) & (t_ns < end[np.maximum(k, 0)]) if start.shape[0] else np.zeros(t_ns.shape[0], dtype=np.bool_)
    return np.where(hit, k, -1)


def _gaps(start: I8, end: I8, stream: str, reason: str, asset: str) -> pl.DataFrame:
    return GAPS.conform(
        pl.DataFrame(
            {
                "recv_ns": start,
                "until_ns": end,
                "stream": [stream] * len(start),
                "asset": [asset] * len(start),
                "reason": [reason] * len(start),
                "source": [_SOURCE] * len(start),
            },
            schema_overrides={"recv_ns": pl.Int64, "until_ns": pl.Int64},
        )
    )


def _venue(
    config: LabConfig, venue: VenueModel, path: _Path, rng: np.random.Generator
) -> tuple[pl.DataFrame, pl.DataFrame]:
    begin = config.start_ns - 600 * SECOND
    end = config.start_ns + config.days * 86_400 * SECOND + 300 * SECOND
    event = _poisson_times(venue.rate, begin, end, rng)
    start, stop = _spells(config.outages_per_day, config.outage_s, begin, end, rng)
    event = event[_inside(event, start, stop) < 0]
    n = event.shape[0]
    seconds = (end - begin) // SECOND + 1
    basis = np.empty(seconds)
    _ornstein_uhlenbeck(rng.standard_normal(seconds), math.exp(-math.log(2.0) / 1800.0), venue.basis_sd_bps, basis)
    offset = venue.basis_bps + basis[(event - begin) // SECOND] + rng.normal(0.0, venue.noise_bps, n)
    mid = np.exp(path.at(event - int(venue.lag_ms * MS)) + offset * 1e-4)
    half = mid * venue.half_spread_bps * 1e-4
    # A message cannot overtake the one before it on the same connection.
    travel = np.asarray(rng.lognormal(math.log(15.0), 0.5, n))
    recv = np.maximum.accumulate(event + (travel * MS).astype(np.int64))
    bid = np.floor((mid - half) * 100.0) / 100.0
    ask = np.maximum(np.ceil((mid + half) * 100.0) / 100.0, bid + 0.01)
    frame = SPOT.conform(
        pl.DataFrame({"event_ns": event, "recv_ns": recv, "bid": bid, "ask": np.round(ask, 2)}).with_columns(
            venue=pl.lit(venue.name),
            asset=pl.lit(config.asset),
            quote=pl.lit(venue.quote),
            last=pl.lit(None, dtype=pl.Float64),
            source=pl.lit(_SOURCE),
        )
    )
    return frame, _gaps(start, stop, f"spot/{venue.name}", "outage", config.asset)


def _oracle(config: LabConfig, path: _Path, rng: np.random.Generator) -> tuple[pl.DataFrame, I8, F8]:
    seconds = config.days * 86_400 + 300 + 600
    event = config.start_ns - 600 * SECOND + np.arange(seconds, dtype=np.int64) * SECOND
    noise = np.asarray(rng.normal(0.0, config.oracle_noise_bps * 1e-4, seconds))
    price: F8 = np.round(np.exp(path.at(event) + noise), 4).astype(np.float64)
    least, median, log_sd = config.oracle_recv_ms
    relay = least + rng.lognormal(math.log(median), log_sd, seconds)
    recv = np.maximum.accumulate(event + (relay * MS).astype(np.int64))
    frame = ORACLE.conform(
        pl.DataFrame({"event_ns": event, "recv_ns": recv, "price": price}).with_columns(
            asset=pl.lit(config.asset), feed=pl.lit("chainlink"), source=pl.lit(_SOURCE)
        )
    )
    return frame, event, price


def _windows(
    config: LabConfig, rules: Rules, report_ns: I8, report: F8, rng: np.random.Generator
) -> tuple[pl.DataFrame, F8]:
    n = config.days * 86_400 // config.interval_s
    open_ns = config.start_ns + np.arange(n, dtype=np.int64) * config.interval_s * SECOND
    close_ns = open_ns + config.interval_s * SECOND
    w = max(LOOKBACKS_S[rules.settlement_rule], 1)
    # Mean of the w reports that end at each boundary; w = 1 is the spot rule.
    total = np.concatenate([[0.0], np.cumsum(report - report[0])])

    def reference(at_ns: I8) -> F8:
        hi = np.searchsorted(report_ns, at_ns, side="right")
        mean: F8 = report[0] + (total[hi] - total[hi - w]) / w
        return mean

    strike, settle = reference(open_ns), reference(close_ns)
    delay = 20.0 + rng.lognormal(math.log(34.0), 0.5, n)
    slug = f"{config.asset.lower()}-updown-{config.interval_s // 60}m-"
    frame = pl.DataFrame({"open_ns": open_ns, "close_ns": close_ns, "strike": strike, "settle_price": settle})
    frame = frame.with_columns(
        market_id=pl.lit(slug) + (pl.col("open_ns") // SECOND).cast(pl.String),
        venue=pl.lit("polymarket"),
        asset=pl.lit(config.asset),
        interval_s=pl.lit(config.interval_s),
        strike_source=pl.lit("chainlink_stream"),
        settlement_rule=pl.lit(rules.settlement_rule),
        outcome=pl.when(pl.col("settle_price") >= pl.col("strike")).then(pl.lit("up")).otherwise(pl.lit("down")),
        outcome_source=pl.lit("lab"),
        resolved_ns=pl.col("close_ns") + pl.Series((delay * SECOND).astype(np.int64)),
        fee_rate=pl.lit(rules.fee_rate),
        fee_exponent=pl.lit(rules.fee_exponent),
        tick_size=pl.lit(rules.tick_size),
        min_order_size=pl.lit(rules.min_order_shares),
        source=pl.lit(_SOURCE),
    )
    return WINDOWS.conform(frame), strike


def _quotes(
    config: LabConfig,
    rules: Rules,
    path: _Path,
    report: F8,
    windows: pl.DataFrame,
    strike: F8,
    rng: np.random.Generator,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    open_ns = windows["open_ns"].to_numpy()
    per_window = config.interval_s * 1000 // config.quote_step_ms
    reports = np.concatenate([[0.0], np.cumsum(report)])
    refresh = config.refresh_rate * config.quote_step_ms / 1000.0
    per_day = 86_400 // config.interval_s
    parts: list[tuple[I8, I8, F8, F8]] = []
    for day in range(0, open_ns.shape[0], per_day):
        todays = slice(day, day + per_day)
        capacity = open_ns[todays].shape[0] * per_window
        event, window = np.empty(capacity, dtype=np.int64), np.empty(capacity, dtype=np.int64)
        bid, ask = np.empty(capacity), np.empty(capacity)
        n = _make_quotes(
            open_ns[todays], strike[todays], path.origin_ns, path.log_price, path.sigma,
            config.start_ns - 600 * SECOND, reports,
            config.interval_s, rules.lookback_s, config.quote_step_ms, config.maker_lag_ms,
            config.half_spread_ticks, refresh, rng.random((2, capacity)), event, window, bid, ask,
        )  # fmt: skip
        parts.append((event[:n], window[:n] + day, bid[:n], ask[:n]))
    event, window, bid, ask = (np.concatenate(column) for column in zip(*parts, strict=True))
    n = event.shape[0]
    size = np.maximum(np.round(config.touch_usd * rng.lognormal(0.0, config.touch_log_sd, (2, n)), 2), 1.0)

    travel = np.asarray(rng.lognormal(math.log(config.book_recv_ms), 0.4, n))
    arrive = event + (travel * MS).astype(np.int64)
    begin, end = int(open_ns[0]), int(open_ns[-1]) + config.interval_s * SECOND
    start, stop = _spells(config.stalls_per_hour * 24.0, config.stall_s, begin, end, rng)
    spell = _inside(arrive, start, stop)
    arrive = np.where(spell >= 0, stop[np.maximum(spell, 0)] if stop.shape[0] else arrive, arrive)
    recv = np.maximum.accumulate(arrive)

    frame = pl.DataFrame({"event_ns": event, "recv_ns": recv, "up_bid": bid, "up_ask": ask}).with_columns(
        up_bid_size=pl.Series(np.round(size[0] / np.maximum(bid, 0.001), 2)),
        up_ask_size=pl.Series(np.round(size[1] / np.maximum(ask, 0.001), 2)),
        market_id=windows["market_id"].gather(window),
        asset=pl.lit(config.asset),
        native=pl.lit("both"),
        source=pl.lit(_SOURCE),
    )
    # The two books mirror each other; a price of 0 or 1 means that nobody quotes that side.
    frame = frame.with_columns(
        down_bid=(1.0 - pl.col("up_ask")).round(4),
        down_ask=(1.0 - pl.col("up_bid")).round(4),
        down_bid_size=pl.col("up_ask_size"),
        down_ask_size=pl.col("up_bid_size"),
    )
    names = ("up_bid", "up_ask", "down_bid", "down_ask")
    absent = {c: (pl.col(c) < 0.0005) | (pl.col(c) > 0.9995) for c in names}
    frame = frame.with_columns(
        pl.when(absent[c]).then(None).otherwise(pl.col(column)).alias(column)
        for c in names
        for column in (c, f"{c}_size")
    )
    return BINARY_QUOTES.conform(frame), _gaps(start, stop, "binary_quotes", "stall", config.asset)


@jit
def _make_quotes(
    open_ns: I8,
    strike: F8,
    origin_ns: int,
    log_price: F8,
    sigma: F8,
    report_origin_ns: int,
    report_total: F8,
    interval_s: int,
    lookback_s: int,
    step_ms: int,
    lag_ms: int,
    half_ticks: float,
    refresh_probability: float,
    uniform: F8,
    event: I8,
    window: I8,
    bid: F8,
    ask: F8,
) -> int:
    """The maker's UP quotes: one row per price change or size refresh. Returns the number of rows."""
    n = 0
    steps = interval_s * 1000 // step_ms
    for w in range(open_ns.shape[0]):
        close_ns = open_ns[w] + interval_s * 1_000_000_000
        last_bid, last_ask = -1.0, -1.0
        for k in range(steps):
            draw = w * steps + k
            # The maker acts at an uneven pace, but prices what it knows at the very instant it acts.
            now = open_ns[w] + int((k + uniform[1, draw]) * step_ms * 1_000_000)
            seen = now - lag_ms * 1_000_000
            spot = math.exp(log_price[(seen - origin_ns) // 50_000_000])
            vol = sigma[(seen - origin_ns) // 1_000_000_000]
            left = (close_ns - seen) * 1e-9
            known = spot
            if left < lookback_s:
                # Reports for the seconds of the averaging window that lie behind the maker's knowledge.
                a = (close_ns - lookback_s * 1_000_000_000 - report_origin_ns) // 1_000_000_000 + 1
                b = (seen - report_origin_ns) // 1_000_000_000 + 1
                if b > a:
                    known = (report_total[b] - report_total[a]) / (b - a)
            fair = twap_digital_up(spot, strike[w], vol, left, float(lookback_s), known)
            tick = 0.01
            if fair < 0.04 or fair > 0.96:
                tick = 0.001
            b_px = math.floor(fair / tick - half_ticks) * tick
            a_px = math.ceil(fair / tick + half_ticks) * tick
            b_px = round(max(b_px, 0.0), 4)
            a_px = round(min(a_px, 1.0), 4)
            if b_px != last_bid or a_px != last_ask or uniform[0, draw] < refresh_probability:
                event[n] = now
                window[n] = w
                bid[n] = b_px
                ask[n] = a_px
                n += 1
                last_bid, last_ask = b_px, a_px
    return n
