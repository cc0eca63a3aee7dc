"""Every raw reply beside the catalog, so that each number can be traced to the bytes it came from.

``<catalog>/raw/rest/<job>/<UTC time>.jsonl.gz`` holds one JSON object per reply: ``url`` (with parameters),
``status``, ``sent_ns``, ``recv_ns`` and ``body`` (``body_base64`` where it is no UTF-8 text). Read it with
``zcat``. Each line is a gzip member of its own and is handed to the operating system at once, so a killed
process loses at most the line it was writing.

A file ends in ``.part`` until what was made of its replies is in the catalog. A job that finds such a file answers
its requests from it first: that is how it goes on where it was killed.
"""

from __future__ import annotations

import base64
import fcntl
import gzip
import io
import json
import os
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from arena.errors import DataError
from live.rest.http import Reply

PART = ".part"


class Journal:
    """The raw replies of one job.

    Args:
        catalog: the catalog's folder; need not exist yet.
        job: name of the folder under ``raw/rest``.
        wall_ns: wall clock, ns UTC: names the files.

    Raises:
        DataError: another run of the job is writing there, or a file of a killed run is damaged.
    """

    def __init__(self, catalog: Path, job: str, wall_ns: Callable[[], int]) -> None:
        self.folder = catalog / "raw" / "rest" / job
        self._wall_ns = wall_ns
        self._stream: BinaryIO | None = None
        self._lock: int | None = None
        self.held: dict[str, deque[Reply]] = {}
        """Good replies of runs that were killed, by address, oldest first."""
        self._parts: list[Path] = []
        if not self.folder.is_dir():
            return
        self._take_lock()
        self._parts = sorted(self.folder.glob(f"*{PART}"))
        for part in self._parts:
            for reply in read_journal(part):
                if reply.status == 200:
                    self.held.setdefault(reply.url, deque()).append(reply)

    def keep(self, reply: Reply) -> None:
        """Add one reply."""
        if self._stream is None:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._take_lock()
            path = self._new_name()
            self._stream = path.open("xb")
            self._parts.append(path)
        self._stream.write(gzip.compress(_line(reply), mtime=0))
        self._stream.flush()

    def seal(self) -> None:
        """What was made of the replies is in the catalog: the next run need not look at them again."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None
        for part in self._parts:
            part.rename(part.with_name(part.name.removesuffix(PART)))
        self._parts = []

    def close(self) -> None:
        """Stop writing and leave the file for the next run."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _take_lock(self) -> None:
        """One run of a job at a time: another one would take this one's open file for that of a killed run."""
        if self._lock is not None:
            return
        handle = os.open(self.folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(handle)
            raise DataError(f"Another run of this fetch is writing to {self.folder}; wait until it is done.") from error
        self._lock = handle

    def _new_name(self) -> Path:
        moment = datetime.fromtimestamp(self._wall_ns() // 1_000_000_000, tz=UTC).strftime("%Y%m%dT%H%M%SZ")
        for number in range(10_000):
            path = self.folder / f"{moment}-{number:04d}.jsonl.gz{PART}"
            if not path.exists() and not path.with_name(path.name.removesuffix(PART)).exists():
                return path
        raise DataError(f"{self.folder} has ten thousand files of one second; is the clock standing still?")


def read_journal(path: Path) -> Iterator[Reply]:
    """The replies in one file, in the order in which they came; a last line that was cut off is left out.

    Raises:
        DataError: the file is damaged before its end.
    """
    decoder = zlib.decompressobj(wbits=31)
    data = path.read_bytes()
    while data:
        try:
            line = decoder.decompress(data)
        except zlib.error as error:
            raise DataError(f"{path} is damaged ({error}); move it away and fetch again.") from error
        if not decoder.eof:
            return
        data = decoder.unused_data
        decoder = zlib.decompressobj(wbits=31)
        yield _reply(line)


def _line(reply: Reply) -> bytes:
    fields: dict[str, Any] = {
        "url": reply.url,
        "status": reply.status,
        "sent_ns": reply.sent_ns,
        "recv_ns": reply.recv_ns,
    }
    try:
        fields["body"] = reply.body.decode("utf-8")
    except UnicodeDecodeError:
        fields["body_base64"] = base64.b64encode(reply.body).decode("ascii")
    return json.dumps(fields, ensure_ascii=False).encode() + b"\n"


def _reply(line: bytes) -> Reply:
    fields = json.load(io.BytesIO(line))
    body = fields["body"].encode() if "body" in fields else base64.b64decode(fields["body_base64"])
    return Reply(fields["url"], fields["status"], fields["sent_ns"], fields["recv_ns"], body)
