"""One polite HTTP client for every venue: paced per host, patient with outages, never silent about giving up.

What is answered how:

* 2xx with whole, valid JSON and 404 are answers.
* 429: the host is left alone for ``Retry-After`` (or a growing pause), then asked again. Told to stay away for
  longer than a few minutes, we give up, and whoever asks next waits that long.
* 425 (the matching engine restarts, for about 90 s): a pause of its own, then again.
* 408, 5xx, time-outs, broken connections, truncated bodies, invalid JSON: again after a growing, jittered pause.
* Any other 4xx is our mistake and is refused at once.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any
from urllib.parse import urlencode

import httpx
import msgspec
import numpy as np

from arena.errors import DataError
from live.rest.pace import Bucket, Clock, Host, Sleep

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
RESTART_PAUSE_S = 15.0
RESTART_PATIENCE = 20
"""Pauses we grant a restarting engine: five minutes; a restart takes a minute and a half."""
LONGEST_RETRY_AFTER_S = 300.0
WHOLE_REPLY_TIMEOUTS = 3
"""A body that comes byte by byte never times out piece by piece; the whole may take so many time-outs."""

Check = Callable[["Reply"], str | None]
"""What is wrong with an answer that came well over HTTP; None = nothing."""
Params = Mapping[str, str | int | float | bool | Sequence[str]]


@dataclass(frozen=True, slots=True)
class Reply:
    """What a venue answered, as bytes, and when.

    Attributes:
        url: the whole address asked, parameters included.
        status: HTTP status.
        sent_ns: wall clock before the request left, ns UTC.
        recv_ns: wall clock when the whole body was here, ns UTC.
        body: exactly what came, after HTTP content decoding.
    """

    url: str
    status: int
    sent_ns: int
    recv_ns: int
    body: bytes

    @property
    def found(self) -> bool:
        """Whether the venue knows what we asked for: not a 404."""
        return self.status != 404

    def json(self) -> Any:
        """The body, decoded.

        Raises:
            DataError: the body is not JSON.
        """
        try:
            return msgspec.json.decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise DataError(f"GET {self.url} was answered with a body that is not JSON ({error}).") from error


class NoAnswer(DataError):
    """The venue refuses a request, or does not answer it however often it is asked."""


class Http:
    """An asynchronous HTTP client (GET only) that keeps to each host's pace.

    Args:
        rng: jitter of the pauses between attempts.
        clock: monotonic, seconds: paces requests.
        wall_ns: wall clock, ns UTC: stamps replies.
        sleep: how to wait.
        timeout_s: longest wait for a connection, and for each piece of a body.
        attempts: how often one address is asked before we give up.
        keep: called with every reply that has a status, whatever it is, before it is looked at.
        held: answers from before, by address, oldest first: each is given once more instead of asking. They say what
            was so when they came: ``fresh_ns`` of :meth:`get` leaves out those that are too old.
        transport: httpx transport, for unit tests.
    """

    def __init__(
        self,
        *,
        rng: np.random.Generator,
        clock: Clock = time.monotonic,
        wall_ns: Callable[[], int] = time.time_ns,
        sleep: Sleep = asyncio.sleep,
        timeout_s: float = 20.0,
        attempts: int = 6,
        keep: Callable[[Reply], None] | None = None,
        held: Mapping[str, deque[Reply]] | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._rng, self._clock, self._wall_ns, self._sleep = rng, clock, wall_ns, sleep
        self._timeout_s, self._attempts, self._keep, self._held = timeout_s, attempts, keep, held or {}
        self._client = httpx.AsyncClient(
            timeout=timeout_s,
            transport=transport,
            follow_redirects=False,
            headers={"user-agent": "arena-data", "accept": "application/json"},
        )
        self._buckets: dict[str, Bucket] = {}

    async def __aenter__(self) -> Http:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def get(
        self, host: Host, path: str, params: Params | None = None, check: Check | None = None, fresh_ns: int = 0
    ) -> Reply:
        """Ask ``host`` for ``path``; see the module for what is retried.

        Args:
            host: where, and how often.
            path: path and, where the caller has encoded them, parameters.
            params: parameters, to be encoded.
            check: says what is wrong with an answer that came well over HTTP, if asking again may help.
            fresh_ns: a held answer that was asked for before this is not given, ns UTC.

        Returns:
            A reply whose body is valid JSON, or one with status 404.

        Raises:
            NoAnswer: names the address, the last failure and what to do.
        """
        url = f"{host.url}{path}"
        if params:
            url += "?" + urlencode({k: _text(v) for k, v in params.items()}, doseq=True)
        before = self._held.get(url)
        while before:
            reply = before.popleft()
            if reply.sent_ns >= fresh_ns and self._trouble(reply, check) is None:
                return reply
        bucket = self._buckets.setdefault(host.url, Bucket(host, self._clock, self._sleep))
        failures = restarts = 0
        while True:
            await bucket.take()
            tried = await self._ask(url, check)
            if tried.reply is not None and tried.trouble is None:
                return tried.reply
            status = tried.reply.status if tried.reply is not None else 0
            if 300 <= status < 500 and status not in (408, 425, 429):
                hint = (
                    "The venue may not serve this country" if status in (401, 403, 451) else "Check what was asked for"
                )
                raise NoAnswer(f"GET {url} was refused: {tried.trouble}. {hint}; asking again will not help.")
            told = _seconds(tried.retry_after, self._wall_ns())
            if told > LONGEST_RETRY_AFTER_S:
                bucket.close_for(told)
                raise NoAnswer(
                    f"GET {url} was answered with HTTP {status} and asks us to stay away for {told:.0f} s. "
                    "What came before is kept; run the same command again after that."
                )
            if status == 425:
                restarts += 1
            else:
                failures += 1
            pause = max(told, self._pause(status, failures))
            if failures >= self._attempts or restarts >= RESTART_PATIENCE:
                raise NoAnswer(
                    f"GET {url} failed {failures + restarts} times, the last time with: {tried.trouble}. "
                    "What came before is kept; run the same command again when the venue answers."
                )
            if status in (425, 429):  # the host speaks of itself: nothing else is sent to it meanwhile either
                bucket.close_for(pause)
            else:
                await self._sleep(pause)

    def _pause(self, status: int, failures: int) -> float:
        """Seconds to wait after a failure; up to half as long again by chance, so that clients spread out."""
        jitter = 1.0 + 0.5 * float(self._rng.random())
        if status == 425:
            return RESTART_PAUSE_S * jitter
        return min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** (failures - 1)) * jitter

    async def _ask(self, url: str, check: Check | None) -> _Tried:
        sent_ns = self._wall_ns()
        try:
            async with asyncio.timeout(WHOLE_REPLY_TIMEOUTS * self._timeout_s):
                answer = await self._client.get(url)
        except (httpx.TimeoutException, TimeoutError) as error:
            return _Tried(None, f"no answer in time ({type(error).__name__})")
        except httpx.HTTPError as error:
            return _Tried(None, f"the connection broke ({type(error).__name__}: {error})")
        reply = Reply(url, answer.status_code, sent_ns, self._wall_ns(), answer.content)
        if self._keep is not None:
            self._keep(reply)
        return _Tried(reply, self._trouble(reply, check), answer.headers.get("retry-after"))

    @staticmethod
    def _trouble(reply: Reply, check: Check | None) -> str | None:
        if reply.status == 404:
            return None
        if not 200 <= reply.status < 300:
            return f"HTTP {reply.status} {_excerpt(reply.body)}"
        try:
            msgspec.json.decode(reply.body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return f"a body that is not JSON ({error}): {_excerpt(reply.body)}"
        return check(reply) if check is not None else None


@dataclass(frozen=True, slots=True)
class _Tried:
    """One attempt: the reply if one came, what is wrong (None = nothing), and the venue's Retry-After."""

    reply: Reply | None
    trouble: str | None = None
    retry_after: str | None = None


def _seconds(retry_after: str | None, now_ns: int) -> float:
    """``Retry-After`` as seconds from now: a number or an HTTP date; 0 where absent or not understood."""
    if retry_after is None:
        return 0.0
    try:
        return max(0.0, float(retry_after))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(retry_after).timestamp() - now_ns / 1e9)
    except ValueError:
        return 0.0


def _text(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else value


def _excerpt(body: bytes) -> str:
    text = " ".join(body[:160].decode("utf-8", "replace").split())
    return repr(text + ("…" if len(body) > 160 else ""))
