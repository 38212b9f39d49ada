"""A local HTTP server that misbehaves on demand."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Answer = Callable[["Handler", bytes], None]


@dataclass
class Server:
    """What is served and what was asked.

    Args:
        content: the right file.
        answers: what to do at each request in turn; the last one goes on for ever.
        requests: the headers of each request so far, with ``:path``.
    """

    content: bytes
    answers: list[Answer]
    port: int = 0
    requests: list[dict[str, str]] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)

    def url(self, path: str = "/file.bin") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def next_answer(self) -> Answer:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    state: Server

    def do_GET(self) -> None:
        self.state.requests.append({**dict(self.headers.items()), ":path": self.path})
        self.close_connection = True
        self.state.next_answer()(self, self.state.content)

    def log_message(self, format: str, *args: object) -> None:
        pass

    def send(self, code: int, body: bytes, headers: dict[str, str], told: int | None = None) -> None:
        self.send_response(code)
        for name, value in {"Content-Length": str(len(body) if told is None else told), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def asked_from(self) -> int:
        found = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        return int(found[1]) if found else 0


@contextmanager
def serving(content: bytes, *answers: Answer) -> Iterator[Server]:
    """A server on 127.0.0.1; one that stalls is let go at the end."""
    state = Server(content, list(answers))
    handler = type("BoundHandler", (Handler,), {"state": state})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    state.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        state.released.set()
        server.shutdown()
        server.server_close()
        thread.join()


def whole(handler: Handler, content: bytes) -> None:
    """As a good server: ranges honoured, unless If-Range names another ETag."""
    ranged(etag='"v1"')(handler, content)


def ranged(etag: str) -> Answer:
    def answer(handler: Handler, content: bytes) -> None:
        start = handler.asked_from()
        same = handler.headers.get("If-Range", etag) == etag
        if not start or not same:
            handler.send(200, content, {"ETag": etag})
        elif start >= len(content):
            handler.send(416, b"", {"Content-Range": f"bytes */{len(content)}"})
        else:
            span = f"bytes {start}-{len(content) - 1}/{len(content)}"
            handler.send(206, content[start:], {"ETag": etag, "Content-Range": span})

    return answer


def without_ranges(handler: Handler, content: bytes) -> None:
    """Answers 200 with everything, whatever was asked."""
    handler.send(200, content, {})


def truncated(count: int) -> Answer:
    """Promises the rest of the file, sends ``count`` bytes of it and hangs up."""

    def answer(handler: Handler, content: bytes) -> None:
        start = handler.asked_from()
        rest = content[start:]
        headers = {"ETag": '"v1"'}
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        handler.send(206 if start else 200, rest[:count], headers, told=len(rest))

    return answer


def stalled(count: int) -> Answer:
    """Sends ``count`` bytes, then nothing until the test is over."""

    def answer(handler: Handler, content: bytes) -> None:
        handler.send(200, content[:count], {"ETag": '"v1"'}, told=len(content))
        handler.state.released.wait(30)

    return answer


def corrupted(handler: Handler, content: bytes) -> None:
    """The right length, one bit wrong."""
    whole(handler, bytes([content[0] ^ 1]) + content[1:])


def longer(handler: Handler, content: bytes) -> None:
    """More than the file, without saying how much."""
    handler.send_response(200)
    handler.send_header("Connection", "close")
    handler.end_headers()
    handler.wfile.write(content + b"more")


def status(code: int) -> Answer:
    return lambda handler, _content: handler.send(code, b"no", {})


def redirect(target: str) -> Answer:
    return lambda handler, _content: handler.send(302, b"", {"Location": target})
