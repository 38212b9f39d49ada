"""One HTTP transfer into a partial file, resumed by a byte range where the server allows it."""

from __future__ import annotations

import http.client
import json
import os
import re
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import closing
from email.message import Message
from pathlib import Path
from typing import IO, Any, Protocol
from urllib.parse import urlsplit

from spfem_bench import __version__
from spfem_bench.fsio import storage_errors
from spfem_bench.weights.entries import Entry

Progress = Callable[[int, int | None], None]
"""Called with (bytes done, bytes in all or None)."""

_CHUNK = 1 << 16
_PASSING_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})
_CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")


class UrlError(Exception):
    """This URL does not give the file."""


class PassingError(UrlError):
    """It may give it when asked again: stalled, cut off, overloaded."""


class WrongBytesError(UrlError):
    """It gives another file than the pinned one."""


class Opener(Protocol):
    """Opens a request, as `urllib.request.OpenerDirector` does."""

    def open(self, fullurl: urllib.request.Request, data: None = None, timeout: float | None = ...) -> Any:
        """The response: ``status``, ``headers``, ``read1`` and ``close``, as `http.client.HTTPResponse`."""
        ...


def http_opener() -> Opener:
    """An opener that honours the proxy variables and follows redirects to http and https only."""
    return urllib.request.build_opener(_WebRedirects)


class _WebRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        if urlsplit(newurl).scheme not in {"http", "https"}:
            raise UrlError(f"it redirects to {newurl}, which is not http or https")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def transfer(url: str, item: Entry, part: Path, progress: Progress, opener: Opener, timeout: float) -> None:
    """Bring ``part`` to its full length from one URL, going on where it stopped.

    Raises:
        PassingError: worth another attempt; ``part`` keeps what came.
        WrongBytesError: the server offers a file of another size.
        UrlError: the server does not have it.
        StorageError: the disk is full or the folder cannot be written.
    """
    have = _resumable(url, item, part)
    if have and have == item.bytes:
        return
    response = _open(url, part, have, opener, timeout)
    with closing(response):
        start, total = _extent(response, have)
        _check_total(total, item)
        _remember(part, url, response.headers)
        _store(response, part, start, total if item.bytes is None else item.bytes, progress)


def discard(part: Path) -> None:
    """Forget a partial file and what was noted about it."""
    part.unlink(missing_ok=True)
    _notes(part).unlink(missing_ok=True)


def _resumable(url: str, item: Entry, part: Path) -> int:
    """How many bytes of ``part`` can be kept.

    A pinned file may go on from anywhere, since the digest decides in the end; an unpinned one only where
    the server can say that it still is the same file.
    """
    have = part.stat().st_size if part.exists() else 0
    fits = item.bytes is None or have <= item.bytes
    if have and not (fits and (item.pinned or _validator(part, url))):
        discard(part)
        return 0
    return have


def _open(url: str, part: Path, have: int, opener: Opener, timeout: float) -> Any:
    headers = {"User-Agent": f"spfem-bench/{__version__}", "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
        validator = _validator(part, url)
        if validator:
            headers["If-Range"] = validator
    try:
        return opener.open(urllib.request.Request(url, headers=headers), timeout=timeout)
    except urllib.error.HTTPError as error:
        with closing(error):
            raise _status_error(error, part) from error
    except urllib.error.URLError as error:
        if isinstance(error.reason, ssl.SSLCertVerificationError):
            raise UrlError(f"its certificate is not trusted ({_reason(error.reason)})") from error
        raise PassingError(f"no connection ({_reason(error.reason)})") from error
    except (OSError, http.client.HTTPException) as error:
        raise PassingError(f"no answer ({_reason(error)})") from error


def _status_error(error: urllib.error.HTTPError, part: Path) -> UrlError:
    if error.code == 416:  # what is kept does not fit what is published: start over
        discard(part)
        return PassingError("it refuses to resume")
    kind = PassingError if error.code in _PASSING_STATUS else UrlError
    return kind(f"it answers {error.code} {_reason(error.msg)[:200]}")


def _reason(reason: object) -> str:
    if isinstance(reason, TimeoutError):
        return "it stalled"
    return " ".join(str(reason).split()) or type(reason).__name__


def _extent(response: Any, have: int) -> tuple[int, int | None]:
    """(where the body starts in the file, the file's length if told)."""
    if response.status == 206:
        found = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
        if found is None or int(found[1]) != have:
            raise UrlError("it answers with another byte range than asked")
        return have, None if found[2] == "*" else int(found[2])
    length = response.headers.get("Content-Length", "")
    return 0, int(length) if length.isdigit() else None


def _check_total(total: int | None, item: Entry) -> None:
    if item.bytes is not None and total is not None and total != item.bytes:
        raise WrongBytesError(f"it has {total} bytes, {item.bytes} are pinned")


def _store(response: Any, part: Path, start: int, total: int | None, progress: Progress) -> None:
    with storage_errors(part), part.open("r+b" if start else "wb") as stream:
        stream.seek(start)
        stream.truncate()
        try:
            done = _copy(response, stream, start, total, progress)
        finally:
            stream.flush()
            os.fsync(stream.fileno())
    if total is not None and done < total:
        raise PassingError(f"it broke off after {done} of {total} bytes")


def _copy(response: Any, stream: IO[bytes], done: int, total: int | None, progress: Progress) -> int:
    progress(done, total)
    while chunk := _read(response, done):
        done += len(chunk)
        if total is not None and done > total:
            raise WrongBytesError(f"it sends more than {total} bytes")
        stream.write(chunk)
        progress(done, total)
    return done


def _read(response: Any, done: int) -> bytes:
    """The next bytes; a network failure must not be taken for one of the disk."""
    try:
        chunk: bytes = response.read1(_CHUNK)
    except (OSError, http.client.HTTPException) as error:
        raise PassingError(f"it broke off after {done} bytes ({_reason(error)})") from error
    return chunk


def _notes(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _remember(part: Path, url: str, headers: Message) -> None:
    """Note by what the server can tell, later, that the file is still the same (RFC 9110, 13.1.5)."""
    etag = headers.get("ETag", "")
    strong = "" if etag.startswith("W/") else etag
    with storage_errors(part):
        _notes(part).write_text(
            json.dumps({"url": url, "validator": strong or headers.get("Last-Modified", "")})
        )


def _validator(part: Path, url: str) -> str:
    try:
        notes = json.loads(_notes(part).read_text(encoding="utf-8"))
        return str(notes["validator"]) if notes["url"] == url else ""
    except (OSError, ValueError, KeyError, TypeError):
        return ""
