"""Downloads against a server that truncates, corrupts, stalls, refuses, ignores ranges and redirects."""

from __future__ import annotations

import errno
import hashlib
import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import spfem_bench.weights.download as download_module
import spfem_bench.weights.store as store_module
from spfem_bench.errors import IntegrityError, MissingWeightsError, StorageError, UsageError
from spfem_bench.weights import Entry, Policy, Source, fetch
from tests.support import webserver as web

CONTENT = random.Random(7).randbytes(300_000)


def entry_of(*urls: str, content: bytes = CONTENT, pinned: bool = True) -> Entry:
    return Entry(
        name="net",
        file="net.bin",
        urls=urls,
        bytes=len(content) if pinned else None,
        sha256=hashlib.sha256(content).hexdigest() if pinned else None,
        format="raw",
        licence="MIT",
        licence_class="permissive",
        purpose="a test",
        source=Source("example.org", "1", "net.bin"),
    )


def blob_of(*urls: str, content: bytes = CONTENT) -> Entry:
    """Pinned by the sha1 of its git blob alone, its size unknown."""
    git_blob = hashlib.sha1(b"blob %d\0%b" % (len(content), content)).hexdigest()
    return replace(entry_of(*urls, pinned=False), git_blob=git_blob)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for name in ("SPFEM_BENCH_WEIGHTS", "SPFEM_BENCH_OFFLINE", "http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SPFEM_BENCH_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def register(monkeypatch: pytest.MonkeyPatch) -> Callable[[Entry], None]:
    def put(item: Entry) -> None:
        def find(name: str) -> Entry:
            assert name == item.name
            return item

        monkeypatch.setattr(download_module, "entry", find)
        monkeypatch.setattr(store_module, "entry", find)

    return put


def quick(attempts: int = 3, timeout: float = 5.0) -> tuple[Policy, list[float]]:
    naps: list[float] = []
    return Policy(timeout=timeout, attempts=attempts, backoff=1.0, sleep=naps.append), naps


def test_a_fetched_file_is_whole_and_located(cache: Path, register: Callable[[Entry], None]) -> None:
    seen: list[tuple[int, int | None]] = []
    with web.serving(CONTENT, web.whole) as server:
        register(entry_of(server.url()))
        path = fetch("net", progress=lambda done, total: seen.append((done, total)))
    assert path.read_bytes() == CONTENT
    assert cache in path.parents
    assert store_module.locate("net") == path
    assert seen[0] == (0, len(CONTENT))
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert {leftover.name for leftover in path.parent.iterdir()} == {"net.bin", "net.bin.lock"}


def test_a_file_that_is_here_is_not_fetched_again(cache: Path, register: Callable[[Entry], None]) -> None:
    with web.serving(CONTENT, web.whole) as server:
        register(entry_of(server.url()))
        assert fetch("net") == fetch("net")
        assert len(server.requests) == 1


def test_truncation_is_resumed_with_a_range(cache: Path, register: Callable[[Entry], None]) -> None:
    policy, naps = quick()
    with web.serving(CONTENT, web.truncated(100_000), web.truncated(50_000), web.whole) as server:
        register(entry_of(server.url()))
        path = fetch("net", policy=policy)
        asked = [request.get("Range") for request in server.requests]
        assert server.requests[1]["If-Range"] == '"v1"'
    assert path.read_bytes() == CONTENT
    assert asked == [None, "bytes=100000-", "bytes=150000-"]
    assert naps == [1.0, 1.0], "bytes were gained each time, so patience starts anew"


def test_a_later_command_goes_on_where_the_first_stopped(
    cache: Path, register: Callable[[Entry], None]
) -> None:
    policy, _ = quick(attempts=1)
    with web.serving(CONTENT, web.truncated(100_000), web.whole) as server:
        register(entry_of(server.url()))
        with pytest.raises(MissingWeightsError, match="broke off after 100000 of 300000 bytes"):
            fetch("net", policy=policy)
        assert fetch("net", policy=policy).read_bytes() == CONTENT
        assert server.requests[-1]["Range"] == "bytes=100000-"


def test_a_git_blob_pins_as_well_as_a_sha256(cache: Path, register: Callable[[Entry], None]) -> None:
    policy, _ = quick(attempts=1)
    other = bytes([CONTENT[0] ^ 1]) + CONTENT[1:]
    with web.serving(CONTENT, web.truncated(100_000), web.whole) as server:
        item = blob_of(server.url())
        register(item)
        with pytest.raises(MissingWeightsError, match="broke off after 100000"):
            fetch("net", policy=policy)
        path = fetch("net", policy=policy)
        assert server.requests[-1]["Range"] == "bytes=100000-", "the digest decides in the end"
    assert path.read_bytes() == CONTENT
    assert path.parent.name == str(item.git_blob)[:16]
    with web.serving(other, web.whole) as server:
        path.unlink()
        register(blob_of(server.url()))
        with pytest.raises(IntegrityError, match="another git blob than pinned"):
            fetch("net", policy=policy)
    assert not path.exists()


def test_a_server_that_ignores_ranges_starts_over(cache: Path, register: Callable[[Entry], None]) -> None:
    policy, _ = quick()
    with web.serving(CONTENT, web.truncated(100_000), web.without_ranges) as server:
        register(entry_of(server.url()))
        assert fetch("net", policy=policy).read_bytes() == CONTENT
        assert server.requests[1]["Range"] == "bytes=100000-"


def test_a_changed_etag_starts_over(cache: Path, register: Callable[[Entry], None]) -> None:
    policy, _ = quick()
    with web.serving(CONTENT, web.truncated(100_000), web.ranged('"v2"')) as server:
        register(entry_of(server.url(), pinned=False))
        assert fetch("net", policy=policy).read_bytes() == CONTENT
        assert server.requests[1]["If-Range"] == '"v1"'


def test_a_partial_file_of_other_bytes_is_thrown_away_once(
    cache: Path, register: Callable[[Entry], None]
) -> None:
    with web.serving(CONTENT, web.whole) as server:
        item = entry_of(server.url())
        register(item)
        target = store_module.cached_path(item)
        target.parent.mkdir(parents=True)
        target.with_name("net.bin.part").write_bytes(b"x" * 1000)
        assert fetch("net").read_bytes() == CONTENT
        assert [request.get("Range") for request in server.requests] == ["bytes=1000-", None]


def test_a_complete_partial_file_needs_no_network(cache: Path, register: Callable[[Entry], None]) -> None:
    with web.serving(CONTENT, web.status(500)) as server:
        item = entry_of(server.url())
        register(item)
        target = store_module.cached_path(item)
        target.parent.mkdir(parents=True)
        target.with_name("net.bin.part").write_bytes(CONTENT)
        assert fetch("net").read_bytes() == CONTENT
        assert server.requests == []


def test_a_stall_times_out_and_is_resumed(cache: Path, register: Callable[[Entry], None]) -> None:
    policy, _ = quick(timeout=0.3)
    with web.serving(CONTENT, web.stalled(100_000), web.whole) as server:
        register(entry_of(server.url()))
        assert fetch("net", policy=policy).read_bytes() == CONTENT
        assert int(server.requests[1]["Range"].removeprefix("bytes=").rstrip("-")) > 0


def test_a_server_that_always_stalls_is_given_up(cache: Path, register: Callable[[Entry], None]) -> None:
    policy, naps = quick(attempts=3, timeout=0.1)
    with web.serving(CONTENT, web.stalled(0)) as server:
        register(entry_of(server.url()))
        with pytest.raises(MissingWeightsError, match=r"stalled.*3 times in a row.*run the same command"):
            fetch("net", policy=policy)
    assert naps == [1.0, 2.0]


@pytest.mark.parametrize(("code", "requests"), [(404, 1), (403, 1), (410, 1), (500, 3), (503, 3), (429, 3)])
def test_only_passing_refusals_are_asked_again(
    code: int, requests: int, cache: Path, register: Callable[[Entry], None]
) -> None:
    policy, _ = quick(attempts=3)
    with web.serving(CONTENT, web.status(code)) as server:
        register(entry_of(server.url()))
        with pytest.raises(MissingWeightsError, match=f"net.bin .*{code}"):
            fetch("net", policy=policy)
        assert len(server.requests) == requests


def test_the_next_url_is_tried(cache: Path, register: Callable[[Entry], None]) -> None:
    with web.serving(CONTENT, web.status(404), web.whole) as server:
        register(entry_of(server.url("/gone.bin"), server.url("/mirror.bin")))
        assert fetch("net").read_bytes() == CONTENT
        assert [request[":path"] for request in server.requests] == ["/gone.bin", "/mirror.bin"]


def test_corruption_is_an_integrity_error_and_keeps_nothing(
    cache: Path, register: Callable[[Entry], None]
) -> None:
    with web.serving(CONTENT, web.corrupted) as server:
        item = entry_of(server.url())
        register(item)
        with pytest.raises(IntegrityError, match=r"net\.bin .*sha256") as caught:
            fetch("net")
        assert caught.value.exit_code == 6
        assert len(server.requests) == 1
        assert store_module.where(item) is None
        assert not list(store_module.cached_path(item).parent.glob("*.part*"))


def test_a_corrupting_mirror_does_not_spoil_the_next(cache: Path, register: Callable[[Entry], None]) -> None:
    with web.serving(CONTENT, web.corrupted, web.whole) as server:
        register(entry_of(server.url("/a"), server.url("/b")))
        assert fetch("net").read_bytes() == CONTENT


def test_an_unpinned_length_larger_than_pinned_is_aborted(
    cache: Path, register: Callable[[Entry], None]
) -> None:
    with web.serving(CONTENT, web.longer) as server:
        register(entry_of(server.url()))
        with pytest.raises(IntegrityError, match=f"more than {len(CONTENT)} bytes"):
            fetch("net")


def test_another_length_is_refused_before_the_body(cache: Path, register: Callable[[Entry], None]) -> None:
    with web.serving(CONTENT + b"more", web.whole) as server:
        register(entry_of(server.url()))
        seen: list[int] = []
        with pytest.raises(IntegrityError, match=f"{len(CONTENT) + 4} bytes, {len(CONTENT)} are pinned"):
            fetch("net", progress=lambda done, _total: seen.append(done))
        assert seen == []


def test_redirects_are_followed_with_the_range(cache: Path, register: Callable[[Entry], None]) -> None:
    policy, _ = quick()
    hop = web.redirect("/elsewhere")
    with web.serving(CONTENT, hop, web.truncated(1000), hop, web.whole) as server:
        register(entry_of(server.url()))
        assert fetch("net", policy=policy).read_bytes() == CONTENT
        assert server.requests[-1] | {"Range": "bytes=1000-", ":path": "/elsewhere"} == server.requests[-1]


@pytest.mark.parametrize("target", ["file:///etc/hostname", "ftp://127.0.0.1/x"])
def test_redirects_leave_the_web_never(target: str, cache: Path, register: Callable[[Entry], None]) -> None:
    with web.serving(CONTENT, web.redirect(target)) as server:
        register(entry_of(server.url()))
        with pytest.raises(MissingWeightsError, match=r"not allowed|not http"):
            fetch("net")


def test_no_server_at_all(cache: Path, register: Callable[[Entry], None]) -> None:
    with web.serving(CONTENT, web.whole) as server:
        url = server.url()
    policy, naps = quick(attempts=2)
    register(entry_of(url))
    with pytest.raises(MissingWeightsError, match="no connection"):
        fetch("net", policy=policy)
    assert naps == [1.0]


def test_offline_names_the_command(
    cache: Path, register: Callable[[Entry], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPFEM_BENCH_OFFLINE", "1")
    with web.serving(CONTENT, web.whole) as server:
        register(entry_of(server.url()))
        with pytest.raises(MissingWeightsError, match=r"weights fetch net.*SPFEM_BENCH_OFFLINE"):
            fetch("net")
        assert server.requests == []


def test_a_damaged_file_in_the_cache_is_replaced(cache: Path, register: Callable[[Entry], None]) -> None:
    with web.serving(CONTENT, web.whole) as server:
        register(entry_of(server.url()))
        path = fetch("net")
        path.write_bytes(CONTENT[:-1] + bytes([CONTENT[-1] ^ 1]))
        assert fetch("net").read_bytes() == CONTENT
        assert len(server.requests) == 2


def test_a_wrong_file_put_by_hand_is_reported_not_replaced(
    cache: Path, register: Callable[[Entry], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "net.bin").write_bytes(b"mine")
    monkeypatch.setenv("SPFEM_BENCH_WEIGHTS", str(tmp_path))
    with web.serving(CONTENT, web.whole) as server:
        register(entry_of(server.url()))
        with pytest.raises(IntegrityError, match=r"4 bytes instead of 300000; remove it"):
            fetch("net")
        assert server.requests == []
    assert (tmp_path / "net.bin").read_bytes() == b"mine"


def test_two_at_once_download_once(cache: Path, register: Callable[[Entry], None]) -> None:
    found: list[Path] = []
    with web.serving(CONTENT, web.whole) as server:
        register(entry_of(server.url()))
        threads = [threading.Thread(target=lambda: found.append(fetch("net"))) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(server.requests) == 1
    assert len(found) == 4
    assert len(set(found)) == 1


def test_a_full_disk_is_one_sentence_and_keeps_the_part(
    cache: Path, register: Callable[[Entry], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(done: int, _total: int | None) -> None:
        if done:
            raise OSError(errno.ENOSPC, "No space left on device")

    with web.serving(CONTENT, web.whole) as server:
        item = entry_of(server.url())
        register(item)
        with pytest.raises(StorageError, match="disk is full"):
            fetch("net", progress=full)
        assert store_module.cached_path(item).with_name("net.bin.part").stat().st_size > 0
        assert fetch("net").read_bytes() == CONTENT
        assert "Range" in server.requests[-1]


def test_an_unknown_name_is_a_usage_error(cache: Path) -> None:
    with pytest.raises(UsageError, match="Did you mean 'mobilefacenet'"):
        fetch("mobilefacnet")
