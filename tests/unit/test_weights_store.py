"""Finding and verifying network files, and the pinned list."""

from __future__ import annotations

import hashlib
import importlib.util
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

import spfem_bench.weights.store as store_module
from spfem_bench.errors import ConfigError, IntegrityError, MissingWeightsError, UsageError
from spfem_bench.resources import shipped
from spfem_bench.weights import (
    Entry,
    digest,
    entry,
    locate,
    recorded_digest,
    registry,
    standing,
    verified,
    verify,
    where,
)
from spfem_bench.weights.entries import human_bytes, read_registry
from tests.unit.test_weights_fetch import CONTENT, blob_of, entry_of


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    monkeypatch.setenv("SPFEM_BENCH_WEIGHTS", os.pathsep.join([str(first), str(second)]))
    monkeypatch.setenv("SPFEM_BENCH_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(store_module, "entry", lambda _name: entry_of("http://127.0.0.1:9/net.bin"))
    return first, second


def counting(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    read: list[Path] = []
    real = store_module.sha256_of

    def count(path: Path) -> str:
        read.append(path)
        return real(path)

    monkeypatch.setattr(store_module, "sha256_of", count)
    return read


def test_named_folders_come_before_the_cache(folders: tuple[Path, Path]) -> None:
    item = entry_of("http://127.0.0.1:9/net.bin")
    cached = store_module.cached_path(item)
    cached.parent.mkdir(parents=True)
    cached.write_bytes(CONTENT)
    assert locate("net") == cached
    (folders[1] / "net.bin").write_bytes(CONTENT)
    assert locate("net") == folders[1] / "net.bin"
    (folders[0] / "net.bin").write_bytes(CONTENT)
    assert locate("net") == folders[0] / "net.bin"


def test_a_missing_file_names_size_licence_command_and_variable(folders: tuple[Path, Path]) -> None:
    with pytest.raises(MissingWeightsError) as caught:
        locate("net")
    assert str(caught.value) == (
        "net.bin (300.0 kB, MIT) is not on this machine: run `spfem-bench weights fetch net`, "
        "or put the file in the folder named by SPFEM_BENCH_WEIGHTS."
    )
    assert caught.value.exit_code == 5


def test_a_file_is_hashed_once_and_again_when_it_changes(
    folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    read = counting(monkeypatch)
    path = folders[0] / "net.bin"
    path.write_bytes(CONTENT)
    assert recorded_digest(path) is None
    locate("net")
    locate("net")
    assert len(read) == 1
    assert recorded_digest(path) == hashlib.sha256(CONTENT).hexdigest()
    verify(entry_of("http://x"), path, fresh=True)
    assert len(read) == 2
    path.write_bytes(bytes([CONTENT[0] ^ 1]) + CONTENT[1:])
    os.utime(path, ns=(1, 1))
    with pytest.raises(IntegrityError, match=r"net\.bin is not the pinned .*sha256"):
        locate("net")


def test_another_file_under_the_old_times_is_hashed_again(
    folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    read = counting(monkeypatch)
    path = folders[0] / "net.bin"
    path.write_bytes(CONTENT)
    before = path.stat()
    locate("net")
    other = folders[0] / "other"
    other.write_bytes(bytes([CONTENT[0] ^ 1]) + CONTENT[1:])
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(path)
    with pytest.raises(IntegrityError):
        locate("net")
    assert len(read) == 2


def test_a_wrong_size_is_seen_without_reading(
    folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    read = counting(monkeypatch)
    (folders[0] / "net.bin").write_bytes(CONTENT[:-1])
    with pytest.raises(IntegrityError, match="299999 bytes instead of 300000"):
        locate("net")
    assert read == []


def test_a_cache_that_cannot_be_written_costs_time_only(
    folders: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = counting(monkeypatch)
    (tmp_path / "in-the-way").write_text("a file")
    monkeypatch.setenv("SPFEM_BENCH_CACHE_DIR", str(tmp_path / "in-the-way"))
    (folders[0] / "net.bin").write_bytes(CONTENT)
    assert locate("net") == locate("net")
    assert len(read) == 2


def test_a_git_blob_is_held_on_use_and_remembered(
    folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    item = blob_of("http://127.0.0.1:9/net.bin")
    monkeypatch.setattr(store_module, "entry", lambda _name: item)
    path = folders[0] / "net.bin"
    path.write_bytes(CONTENT)
    assert (verified(item, path), standing(item, path)) == (None, "pinned")
    assert locate("net") == path
    assert verified(item, path) is True
    monkeypatch.setattr(store_module, "git_blob_of", lambda _path: pytest.fail("it is read again"))
    assert locate("net") == path


def test_another_git_blob_is_refused_on_use(
    folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    item = blob_of("http://127.0.0.1:9/net.bin")
    monkeypatch.setattr(store_module, "entry", lambda _name: item)
    path = folders[0] / "net.bin"
    path.write_bytes(CONTENT[::-1])
    for _ in range(2):  # computed, then remembered
        with pytest.raises(IntegrityError, match=r"net\.bin is not the pinned .*git blob"):
            locate("net")
    assert verified(item, path) is False


def test_both_digests_are_held_where_both_are_pinned(folders: tuple[Path, Path]) -> None:
    path = folders[0] / "net.bin"
    path.write_bytes(CONTENT)
    both = replace(entry_of("http://x"), git_blob=blob_of("http://x").git_blob)
    assert verify(both, path) == both.sha256
    with pytest.raises(IntegrityError, match="git blob"):
        verify(replace(both, git_blob="0" * 40), path)
    with pytest.raises(IntegrityError, match="sha256"):
        verify(replace(both, sha256="0" * 64), path)


def test_a_git_blob_is_what_git_says(tmp_path: Path) -> None:
    """The ids of git's own documentation of its objects: of no bytes, and of "what is up, doc?"."""
    path = tmp_path / "file"
    path.write_bytes(b"")
    assert store_module.git_blob_of(path) == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"
    path.write_bytes(b"what is up, doc?")
    assert store_module.git_blob_of(path) == "bd9dbf5aae1a3862dd1526723246b20206e5fc37"


@pytest.mark.parametrize(
    ("package", "path", "name"),
    [
        ("facenet_pytorch", "data/pnet.pt", "mtcnn-pnet"),
        ("facenet_pytorch", "data/rnet.pt", "mtcnn-rnet"),
        ("facenet_pytorch", "data/onet.pt", "mtcnn-onet"),
        ("lpips", "weights/v0.1/alex.pth", "lpips-alex-heads"),
        ("lpips", "weights/v0.1/vgg.pth", "lpips-vgg-heads"),
        ("lpips", "weights/v0.1/squeeze.pth", "lpips-squeeze-heads"),
    ],
)
def test_the_list_pins_the_bytes_that_packages_carry(package: str, path: str, name: str) -> None:
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        pytest.skip(f"{package} is not installed")
    file = Path(found.origin).parent / path
    item = entry(name)
    assert item.bytes == file.stat().st_size
    assert verify(item, file, fresh=True) == item.sha256


def test_an_unpinned_file_is_digested_not_judged(folders: tuple[Path, Path]) -> None:
    path = folders[0] / "net.bin"
    path.write_bytes(b"anything")
    item = entry_of("http://127.0.0.1:9/net.bin", pinned=False)
    assert verify(item, path) == digest(path) == hashlib.sha256(b"anything").hexdigest()


def test_the_shipped_list_is_public_and_complete() -> None:
    names = {"mediapipe-face-landmarker", "yunet", "mobilefacenet", "mini-xception-fer2013"}
    assert names <= set(registry())
    for item in registry().values():
        plain = [url for url in item.urls if not url.startswith("https://")]
        assert not plain or item.sha256, "without https only a pinned digest tells what came"
        assert item.urls or item.by_hand
        assert not any(name in item.by_hand.lower() for name in ("/home", "/root"))
    for name in names:
        item = entry(name)
        assert item.sha256 is not None
        assert item.source.revision in item.urls[0], "the URL must name the revision it is pinned to"
    with pytest.raises(UsageError, match="Did you mean 'yunet'"):
        entry("yunett")


@pytest.mark.real
def test_the_real_files_are_the_pinned_ones(
    weights_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPFEM_BENCH_CACHE_DIR", str(tmp_path))
    for item in registry().values():
        path = where(item)
        if path is not None:
            assert verify(item, path, fresh=True) == (item.sha256 or digest(path))
    assert where(entry("mobilefacenet")) == (weights_dir / "mobilefacenet.pt").absolute()


def _without_digest(data: dict[str, dict[str, object]]) -> None:
    del data["yunet"]["sha256"]


def _both(data: dict[str, dict[str, object]]) -> None:
    data["yunet"]["unpinned"] = True


def _blob_and_unpinned(data: dict[str, dict[str, object]]) -> None:
    data["emonet-8"]["unpinned"] = True


def _short_blob(data: dict[str, dict[str, object]]) -> None:
    data["emonet-8"]["git-blob"] = "6833bfd"


def _one_file(data: dict[str, dict[str, object]]) -> None:
    data["yunet"]["file"] = "mobilefacenet.pt"


def _typo(data: dict[str, dict[str, object]]) -> None:
    data["yunet"]["lisence"] = "MIT"


def _no_way(data: dict[str, dict[str, object]]) -> None:
    data["yunet"]["urls"] = []


def _path(data: dict[str, dict[str, object]]) -> None:
    data["yunet"]["file"] = "../yunet.onnx"


def _scheme(data: dict[str, dict[str, object]]) -> None:
    data["yunet"]["urls"] = ["file:///etc/passwd"]


def _class(data: dict[str, dict[str, object]]) -> None:
    data["yunet"]["licence-class"] = "non-comercial"


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (_without_digest, "'yunet' needs 'sha256'"),
        (_both, "'yunet' needs 'sha256'"),
        (_blob_and_unpinned, "'emonet-8' needs 'sha256'"),
        (_short_blob, "git-blob"),
        (_no_way, "'by-hand' must say how"),
        (_one_file, "one file name, mobilefacenet.pt"),
        (_typo, "Did you mean 'licence'"),
        (_path, "'weights.yunet.file'"),
        (_scheme, "urls"),
        (_class, "Did you mean 'non-commercial'"),
    ],
)
def test_a_spoilt_list_is_refused(
    spoil: Callable[[dict[str, dict[str, object]]], None], sentence: str, tmp_path: Path
) -> None:
    data = yaml.safe_load(shipped("configs/weights.yaml").read_text(encoding="utf-8"))
    spoil(data["weights"])
    path = tmp_path / "weights.yaml"
    path.write_text(yaml.safe_dump(data), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"weights\.yaml") as caught:
        read_registry(path)
    assert sentence in str(caught.value)


def test_an_unpinned_entry_is_allowed_when_it_says_so(tmp_path: Path) -> None:
    data = yaml.safe_load(shipped("configs/weights.yaml").read_text(encoding="utf-8"))
    fields = data["weights"]["yunet"]
    del fields["sha256"], fields["bytes"]
    fields["unpinned"] = True
    path = tmp_path / "weights.yaml"
    path.write_text(yaml.safe_dump(data), encoding="utf-8")
    found: Entry = read_registry(path)["yunet"]
    assert (found.sha256, found.size) == (None, "size unknown")


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (5, "5 B"),
        (322_906, "322.9 kB"),
        (999_990, "1.0 MB"),
        (3_758_596, "3.8 MB"),
        (5_000_000_000, "5.0 GB"),
    ],
)
def test_sizes_read_as_people_write_them(count: int, text: str) -> None:
    assert human_bytes(count) == text
