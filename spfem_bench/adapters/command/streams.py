"""What a program prints: its first and last words are kept, whatever lies between is counted."""

from __future__ import annotations

import os
import re
import threading
from pathlib import Path

KEPT = 256 << 10
"""Bytes kept from the start of a stream, and again from its end."""

_BLOCK = 64 << 10
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]")


class Drain:
    """Reads a pipe to its end in a thread, so that a talkative program neither waits nor fills a disk.

    Args:
        pipe: descriptor to read; closed at its end.
        path: gets the first words as they come, and the last when the stream has ended.

    Raises:
        OSError: ``path`` cannot be written.
    """

    def __init__(self, pipe: int, path: Path) -> None:
        self._pipe = pipe
        self._log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
        self._head = 0
        self._left_out = 0
        self._tail = bytearray()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def finish(self, seconds: float) -> bytes:
        """The last words, at most `KEPT` bytes, once the stream has ended or ``seconds`` have passed."""
        self._thread.join(seconds)
        return bytes(self._tail[-KEPT:])

    def _read(self) -> None:
        try:
            while block := os.read(self._pipe, _BLOCK):
                self._keep(block)
            self._write_end()
        finally:
            os.close(self._log)
            os.close(self._pipe)

    def _keep(self, block: bytes) -> None:
        start = block[: KEPT - self._head]
        _write(self._log, start)
        self._head += len(start)
        self._left_out += len(block) - len(start)
        self._tail += block
        if len(self._tail) > 4 * KEPT:
            del self._tail[:-KEPT]

    def _write_end(self) -> None:
        """What came after the head: its last bytes, and before them how many are missing."""
        end = bytes(self._tail[-min(KEPT, self._left_out) :]) if self._left_out else b""
        if missing := self._left_out - len(end):
            _write(self._log, b"\n[... %d bytes left out ...]\n" % missing)
        _write(self._log, end)


def _write(log: int, block: bytes) -> None:
    """Write what the disk takes; a full one costs the log, not the job."""
    try:
        os.write(log, block)
    except OSError:
        return


def last_words(*streams: bytes, limit: int = 200) -> str:
    """The last printed line of the first stream that has one, without control characters.

    Args:
        streams: ends of what was printed, the more telling stream first.
        limit: most characters; the start of a longer line is cut.
    """
    for stream in streams:
        text = stream.decode("utf8", errors="replace").replace("\r", "\n")
        lines = [line for raw in text.splitlines() if (line := " ".join(_CONTROL.sub(" ", raw).split()))]
        if lines:
            return lines[-1] if len(lines[-1]) <= limit else f"...{lines[-1][-limit:]}"
    return ""
