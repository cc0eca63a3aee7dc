"""What a recorder knows about itself: silences, and how far its clock was from the venues'."""

from __future__ import annotations

from arena.market.schema.columns import ASSET, F8, NS, RECV, SOURCE, STR, Column, Table

GAPS = Table(
    name="gaps",
    doc="Times when a stream was silent, disconnected or known to be missing.",
    time="recv_ns",
    key=("stream", "asset", "source", "recv_ns"),
    stream=("stream", "asset", "source"),
    columns=(
        Column("recv_ns", NS, "ns UTC", "last message before the gap"),
        Column("until_ns", NS, "ns UTC", "first message after the gap"),
        Column("stream", STR, "name", "spot/coinbase, oracle/chainlink, binary_quotes/<market>, ..."),
        ASSET,
        Column("reason", STR, "name", "silence, outage, reconnect, sequence, ..."),
        SOURCE,
    ),
)

CLOCK = Table(
    name="clock",
    doc="Measurements of our clock against a server's.",
    time="recv_ns",
    key=("server", "source", "recv_ns"),
    stream=("server", "source"),
    columns=(
        RECV,
        ASSET,
        Column("server", STR, "name", "whose clock"),
        Column("offset_ms", F8, "ms", "our clock minus theirs, at the middle of the round trip"),
        Column(
            "round_trip_ms", F8, "ms", "question to answer, plus what the server rounds off: the error is at most half"
        ),
        SOURCE,
    ),
)
