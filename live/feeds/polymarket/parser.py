"""Market channel and Gamma replies to ``binary_quotes``, ``binary_trades``, ``windows`` and ``gaps``."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import msgspec

from live.feeds.base import BadFrame
from live.feeds.frame import Frame, Kind
from live.feeds.parsing import FeedParser
from live.feeds.polymarket.batch import Batch
from live.feeds.polymarket.gamma import Told, read_reply
from live.feeds.polymarket.markets import DOWN, TOKENS, UP, Market, Markets
from live.feeds.polymarket.messages import ADDRESSES, MESSAGES, NEEDED, Address, Message
from live.feeds.rows import Rows
from live.feeds.wire import decode, known, millis

GAMMA = "gamma"
"""Feed name of recorded Gamma replies."""
_DATA = int(Kind.DATA)
_RAW = msgspec.json.Decoder()


class _Asked(msgspec.Struct):
    operation: str = ""
    assets_ids: list[str] = []


_ASKED = msgspec.json.Decoder(_Asked)


class PolymarketParser(FeedParser):
    """Reads the frames of feeds ``polymarket`` and ``gamma`` in the order in which they were recorded.

    A market's books are unknown until a snapshot of each token; a reconnect, a change of tick size and a message
    that could not be believed make them unknown again, which is a gap. One message of a market makes one row
    with both tokens. Messages about markets that Gamma has not named are counted and stay in the raw log.

    Args:
        check_hashes: recompute the hash of snapshots that carry everything it covers, and count mismatches.
    """

    def __init__(self, check_hashes: bool = False) -> None:
        super().__init__()
        self.markets = Markets()
        self.last_refusal = ""
        self._check_hashes = check_hashes
        self._batch = Batch(self.markets, self.counts)
        self._trades: dict[tuple[Any, ...], int] = {}
        self._trades_recv_ns = -1
        self._on: dict[str, Callable[[Message, Market, Frame, Rows], None]] = {
            "price_change": self._price_change,
            "book": self._book,
            "last_trade_price": self._last_trade_price,
            "best_bid_ask": self._best_bid_ask,
            "tick_size_change": self._tick_size_change,
            "market_resolved": self._market_resolved,
        }

    def feed(self, frame: Frame, rows: Rows) -> None:
        """See :class:`live.feeds.base.Parser`."""
        if not self._batch.messages:
            rows.later(self.flush)
        self.talked.clear()
        self.broken.clear()
        try:
            if frame.kind == _DATA:
                self.data(frame, rows)
            elif frame.kind == Kind.HTTP:
                self._gamma(frame, rows)
            elif frame.kind == Kind.SENT:
                self._asked(frame)
            elif frame.kind in (Kind.OPENED, Kind.CLOSED, Kind.SILENT):
                self._end(frame.recv_ns, rows)
                self.note(frame)
        except BadFrame:
            self.counts["bad_frame"] += 1
            raise

    def data(self, frame: Frame, rows: Rows) -> None:
        """See :class:`live.feeds.parsing.FeedParser`."""
        if frame.payload in (b"PONG", b"INVALID OPERATION"):
            self.counts["answers"] += frame.payload != b"PONG"
            return
        try:
            decoded: Message | list[Message] = decode(frame.feed, MESSAGES, frame.payload)
            events = decoded if isinstance(decoded, list) else (decoded,)
            for event in events:
                for field in NEEDED.get(event.event_type, ()):
                    if getattr(event, field) is None:
                        raise BadFrame(frame.feed, f"{event.event_type} without {field}")
        except BadFrame:
            self._distrust(frame)
            raise
        for event in events:
            market = self.markets.by_condition.get(event.market)
            act = self._on.get(event.event_type)
            if act is None:
                self.counts["new_market" if event.event_type == "new_market" else "unknown_event"] += 1
            elif market is None:
                self.counts["unknown_market"] += 1
            else:
                market.conn = frame.conn
                act(event, market, frame, rows)

    def flush(self, rows: Rows) -> None:
        """Apply what was collected to the books; those that turn out wrong were unknown from then on."""
        if not self._batch.messages:
            return
        before = set(self._batch.doubted)
        rows.frame("binary_quotes", self._batch.flush())
        for slot, since_ns, until_ns in self._batch.believed:
            self._disagreed(slot, since_ns, until_ns, rows)
        self._batch.believed.clear()
        for slot in self._batch.doubted.keys() - before:
            if (market := self.markets.slots[slot]) is not None:
                self.broken.append(market.stream)

    def _disagreed(self, slot: int, since_ns: int, until_ns: int, rows: Rows) -> None:
        market = self.markets.slots[slot]
        if market is not None and since_ns < min(until_ns, market.close_ns):
            rows.gap(since_ns, min(until_ns, market.close_ns), *market.stream, "disagreement")

    def finish(self, at_ns: int, rows: Rows) -> None:
        """See :class:`live.feeds.parsing.FeedParser`; a market that nobody has named since has no end to go by."""
        self._end(at_ns, rows)
        self.flush(rows)
        for slot, since_ns in self._batch.doubted.items():
            self._disagreed(slot, since_ns, at_ns, rows)
            self._batch.doubted[slot] = max(since_ns, at_ns)
        self.gaps.finish(at_ns, rows, [market.stream for market in self._asked_for()])

    def _asked(self, frame: Frame) -> None:
        """What we asked for: a book must come from then on; what we unsubscribed from is unknown until then."""
        try:
            asked = _ASKED.decode(frame.payload)
        except msgspec.DecodeError:
            return
        for token_id in asked.assets_ids:
            book = self.markets.books.get(token_id)
            market = None if book is None else self.markets.slots[book // 2]
            if book is None or market is None:
                continue
            if asked.operation == "unsubscribe":
                self._unknown(market, (book % 2,))
            elif frame.recv_ns < market.close_ns:
                market.conn = frame.conn
                self.gaps.expect(market.stream, frame.recv_ns, frame.conn)

    def _asked_for(self) -> list[Market]:
        return [market for market in self.markets.by_condition.values() if self.gaps.is_known(market.stream)]

    def _end(self, now_ns: int, rows: Rows) -> None:
        """Markets that are over need not talk any more."""
        over = [market for market in self._asked_for() if market.close_ns <= now_ns]
        for market in over:
            self._end_of(market, rows)

    def _end_of(self, market: Market, rows: Rows) -> None:
        self.flush(rows)
        if (since_ns := self._batch.doubted.pop(market.slot, None)) is not None:
            self._disagreed(market.slot, since_ns, market.close_ns, rows)
        self.gaps.end(market.stream, rows)

    def _broke(self, market: Market, frame: Frame, reason: str) -> None:
        if frame.recv_ns < market.close_ns:
            self.gaps.broke(market.stream, reason)
            self.broken.append(market.stream)

    def _talk(self, market: Market, frame: Frame, rows: Rows) -> None:
        if not market.awaiting and frame.recv_ns < market.close_ns:
            self.gaps.seen(market.stream, frame, rows)
            if market.slot not in self._batch.doubted:
                self.talked.append(market.stream)

    def _price_change(self, event: Message, market: Market, frame: Frame, rows: Rows) -> None:
        self._batch.change(market, event.price_changes or [], frame.recv_ns, millis(event.timestamp or 0))
        self._talk(market, frame, rows)

    def _token(self, event: Message, market: Market) -> int | None:
        book = self.markets.books.get(event.asset_id, -1)
        if book // 2 != market.slot:
            self.counts["unknown_asset" if book < 0 else "foreign_asset"] += 1
            return None
        return book % 2

    def _book(self, event: Message, market: Market, frame: Frame, rows: Rows) -> None:
        token = self._token(event, market)
        if token is None:
            return
        self._batch.replace(
            2 * market.slot + token, event.bids or [], event.asks or [], frame.recv_ns, millis(event.timestamp or 0)
        )
        market.awaiting.discard(token)
        self._talk(market, frame, rows)
        if self._check_hashes and event.last_trade_price is not None:
            self._check_hash(event, frame)

    def _last_trade_price(self, event: Message, market: Market, frame: Frame, rows: Rows) -> None:
        token = self._token(event, market)
        if token is None:
            return
        side = {"BUY": "buy", "SELL": "sell", None: None}[event.side]
        if frame.recv_ns != self._trades_recv_ns:
            self._trades.clear()
            self._trades_recv_ns = frame.recv_ns
        trade = (millis(event.timestamp or 0), market.market_id, TOKENS[token], event.price, event.size, side)
        seq = self._trades[trade] = self._trades.get(trade, -1) + 1
        rows.binary_trade(
            trade[0], frame.recv_ns, market.market_id, market.asset, TOKENS[token],
            event.price or 0.0, event.size or 0.0, side, seq, event.transaction_hash,
        )  # fmt: skip
        self._talk(market, frame, rows)

    def _best_bid_ask(self, event: Message, market: Market, frame: Frame, rows: Rows) -> None:
        token = self._token(event, market)
        bid, ask = known(event.best_bid), known(event.best_ask)
        if token is not None:
            if bid is not None and ask is not None:
                self._batch.check(2 * market.slot + token, bid, ask)
            self._talk(market, frame, rows)

    def _tick_size_change(self, event: Message, market: Market, frame: Frame, rows: Rows) -> None:
        token = self._token(event, market)
        if token is not None:
            self._unknown(market, (token,))
            self._broke(market, frame, "tick_size")
            self.counts["tick_size_changes"] += 1

    def _market_resolved(self, event: Message, market: Market, frame: Frame, rows: Rows) -> None:
        winner = next((t for t in (UP, DOWN) if market.tokens[t] == event.winning_asset_id), None)
        outcome = None if winner is None else TOKENS[winner]
        if outcome is None or (event.winning_outcome or outcome).lower() != outcome:
            self._refuse(rows, market.row, "outcome_disagrees", f"{market.market_id}: winner and its label disagree.")
            return
        market.row |= {
            "outcome": outcome,
            "outcome_source": "polymarket_market_resolved",
            "resolved_ns": millis(event.timestamp or 0),
        }
        rows.window(dict(market.row))
        self._end_of(market, rows)
        self.counts["resolved"] += 1

    def _unknown(self, market: Market, tokens: tuple[int, ...] = (UP, DOWN)) -> None:
        for token in tokens:
            self._batch.forget(2 * market.slot + token)
            market.awaiting.add(token)

    def _distrust(self, frame: Frame) -> None:
        """A message could not be believed: the books it was about are no longer right.

        Where it does not even say whom it is about, that is every book of its connection.
        """
        try:
            decoded: Address | list[Address] = decode(frame.feed, ADDRESSES, frame.payload)
        except BadFrame:
            about = [market for market in self.markets.by_condition.values() if market.conn == frame.conn]
        else:
            addresses = decoded if isinstance(decoded, list) else [decoded]
            found = [self.markets.by_condition.get(address.market) for address in addresses]
            about = [market for market in found if market is not None]
        for market in about:
            self._unknown(market)
            self._broke(market, frame, "bad_frame")

    def lost(self, conn: int) -> None:
        """See :class:`live.feeds.parsing.FeedParser`."""
        super().lost(conn)
        for market in self.markets.by_condition.values():
            if market.conn == conn:
                self._unknown(market)

    def _check_hash(self, event: Message, frame: Frame) -> None:
        try:
            decoded: Any = decode(frame.feed, _RAW, frame.payload)
        except BadFrame:  # bytes in a field that nothing else reads
            self.counts["hash_mismatches"] += 1
            return
        for raw in decoded if isinstance(decoded, list) else [decoded]:
            if raw.get("asset_id") == event.asset_id and raw.get("hash") == event.hash:
                self.counts["hashes"] += 1
                if book_hash(raw) != event.hash:
                    self.counts["hash_mismatches"] += 1
                return

    def _gamma(self, frame: Frame, rows: Rows) -> None:
        self._end(frame.recv_ns, rows)
        status, told = read_reply(frame.feed, frame.payload)
        if status != 200:
            self.counts[f"gamma_status_{status}"] += 1
        for one in told:
            self._market(one, frame, rows)

    def _market(self, told: Told, frame: Frame, rows: Rows) -> None:
        row = told.row
        if told.rule is not None:
            self._refuse(rows, row, told.rule, told.why)
            return
        tokens = (row["up_token_id"], row["down_token_id"])
        known = self.markets.by_condition.get(row["condition_id"] or "")
        if known is not None and (known.market_id != row["market_id"] or known.tokens != tokens):
            self._refuse(rows, row, "tokens_disagree", f"{row['market_id']} has other tokens than Gamma said before.")
            return
        if known is not None:
            if None not in (row["outcome"], known.row["outcome"]) and row["outcome"] != known.row["outcome"]:
                self._refuse(rows, row, "outcome_disagrees", f"{row['market_id']} had another outcome before.")
                return
            known.row = {name: known.row.get(name) if value is None else value for name, value in row.items()}
            row = known.row
        elif row["condition_id"] and all(tokens):
            if any(token in self.markets.books for token in tokens):
                self._refuse(rows, row, "tokens_disagree", f"{row['market_id']} has the token of another market.")
                return
            self.flush(rows)
            for market in self.markets.past(frame.recv_ns):
                self.drop(market, rows)
            market = self.markets.add(row)
            self.gaps.until(market.stream, market.close_ns)
        rows.window(dict(row))

    def drop(self, market: Market, rows: Rows) -> None:
        """Forget a market; its books are forgotten before another one takes its place."""
        self._unknown(market)
        self._end_of(market, rows)
        self.markets.drop(market)

    def _refuse(self, rows: Rows, row: dict[str, Any], rule: str, why: str) -> None:
        self.counts[rule] += 1
        self.last_refusal = why
        rows.refuse("windows", rule, row)


def book_hash(book: dict[str, Any]) -> str:
    """The venue's hash of a snapshot: SHA-1 of the compact JSON of its summary, the hash itself left empty.

    ``min_order_size`` and ``neg_risk``, which the channel leaves out, are those of every up/down market.
    """
    summary = {
        "market": book.get("market"),
        "asset_id": book.get("asset_id"),
        "timestamp": book.get("timestamp"),
        "hash": "",
        "bids": book.get("bids"),
        "asks": book.get("asks"),
        "min_order_size": book.get("min_order_size", "5"),
        "tick_size": book.get("tick_size"),
        "neg_risk": book.get("neg_risk", False),
        "last_trade_price": book.get("last_trade_price"),
    }
    return hashlib.sha1(msgspec.json.encode(summary), usedforsecurity=False).hexdigest()
