"""A loopback HTTP server that answers as a venue does, and fails as one does, by script."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Fault:
    """What happens to one request instead of an answer.

    ``status`` other than 200 comes with ``body``; ``cut`` sends the head and half of the true answer, then hangs up;
    ``hang_up`` sends nothing; ``silence_s`` waits so long before it hangs up; ``instead`` is sent as the body.
    """

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"{}"
    cut: bool = False
    hang_up: bool = False
    silence_s: float = 0.0
    instead: Any = None


def too_many(retry_after: str | None = None) -> Fault:
    return Fault(429, {} if retry_after is None else {"Retry-After": retry_after})


RESTARTING = Fault(425)
BROKEN = Fault(500)
CUT_OFF = Fault(cut=True)
HUNG_UP = Fault(hang_up=True)
NOT_JSON = Fault(instead=b"<html>maintenance</html>")


@dataclass(frozen=True)
class Asked:
    """One request as the server saw it: path, parameters, and the time on the test's clock."""

    path: str
    params: dict[str, list[str]]
    at_s: float

    def one(self, name: str) -> str:
        return self.params[name][0]


class NotFound(Exception):
    """The venue has no such thing: 404."""


class VenueServer:
    """Base of the venues: subclasses answer, ``faults`` come first, one per request (None = answer well)."""

    def __init__(self, clock: Callable[[], float] = lambda: 0.0) -> None:
        self.faults: deque[Fault | None] = deque()
        self.asked: list[Asked] = []
        self.clock = clock
        self._closing = threading.Event()

    def answer(self, asked: Asked) -> Any:
        """The JSON value that the venue gives; raise :class:`NotFound` for a 404."""
        raise NotFound

    def paths(self) -> list[str]:
        return [asked.path for asked in self.asked]

    def __enter__(self) -> VenueServer:
        venue = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                venue._serve(self)

            def log_message(self, *args: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False

            def handle_error(self, request: object, client_address: object) -> None:
                """A client that was killed leaves a broken connection: no news here."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(handler.path)
        asked = Asked(parts.path, parse_qs(parts.query), self.clock())
        self.asked.append(asked)
        fault = self.faults.popleft() if self.faults else None
        if fault is not None and fault.silence_s:
            self._closing.wait(fault.silence_s)
        if fault is not None and (fault.hang_up or fault.silence_s):
            handler.close_connection = True
            return
        status, headers, body = 200, {}, b""
        if fault is not None and fault.status != 200:
            status, headers, body = fault.status, fault.headers, fault.body
        elif fault is not None and fault.instead is not None:
            body = fault.instead if isinstance(fault.instead, bytes) else json.dumps(fault.instead).encode()
        else:
            try:
                body = json.dumps(self.answer(asked)).encode()
            except NotFound:
                status, body = 404, b'{"error":"not found"}'
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        if fault is not None and fault.cut:
            handler.wfile.write(body[: len(body) // 2])
            handler.close_connection = True
            return
        handler.wfile.write(body)


class FakeTime:
    """A clock that stands still until somebody sleeps; wall and monotonic time advance together."""

    def __init__(self, wall_s: float = 1_790_000_000.0) -> None:
        self.now_s = 0.0
        self._wall_s = wall_s
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now_s

    def wall_ns(self) -> int:
        return int((self._wall_s + self.now_s) * 1000) * 1_000_000

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now_s += seconds
