"""Full disks, locked folders, interrupts and damaged caches: a sentence, and nothing is lost."""

from __future__ import annotations

import os
import re
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from spfem_bench.clips import open_clip
from spfem_bench.fsio import TEMPORARY, folder_lock
from spfem_bench.stages import generate as generating
from spfem_bench.stages import measure as measuring
from tests.support.bad_input import ONE, World, command, run_args, surroundings
from tests.support.faults import filled, make_read_only, outputs_in, process, small_disk

NOISY = ("--adapter", "tests.support.adapters:noisy")
SLOW = ("--adapter", "tests.support.adapters:slow")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("world"))


@pytest.fixture
def own_cache(world: World, tmp_path: Path) -> Iterator[Path]:
    """A cache of the test's own."""
    with surroundings(world, tmp_path, {"SPFEM_BENCH_CACHE_DIR": "cache"}):
        yield tmp_path / "cache"


def manifest(bundle: Path) -> str:
    return (bundle / "MANIFEST.sha256").read_text()


def undisturbed(world: World, place: Path, *adapter: object) -> str:
    """The manifest of the same run, left alone, in a cache of its own."""
    place.mkdir()
    with surroundings(world, place, {"SPFEM_BENCH_CACHE_DIR": "cache"}):
        said = command(*run_args(world, place, *adapter))
    assert said.code == 0, said.err
    return manifest(place / "out")


def leftovers(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.name.startswith(TEMPORARY) or path.suffix == ".part"]


# A full disk


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MiB."""
    with small_disk(tmp_path / "disk") as permitted:
        if not permitted:
            pytest.skip("mounting a file system is not permitted here")
        yield tmp_path / "disk"


@pytest.mark.parametrize("free_kib", [0, 8, 64, 200])
def test_a_full_cache_disk_stops_the_run_and_freeing_it_goes_on(
    world: World, tmp_path: Path, disk: Path, free_kib: int
) -> None:
    filler = filled(disk, free_kib << 10)
    with surroundings(world, tmp_path, {"SPFEM_BENCH_CACHE_DIR": "disk/cache"}):
        said = command(*run_args(world, tmp_path, *NOISY))
        assert said.code == 5, said.err
        assert "disk is full" in said.sentence or "No space left on device" in said.sentence
        assert not (tmp_path / "out" / "MANIFEST.sha256").exists()
        assert not leftovers(disk)
        filler.unlink()
        assert command(*run_args(world, tmp_path, *NOISY)).code == 0
    assert manifest(tmp_path / "out") == undisturbed(world, tmp_path / "alone", *NOISY)


@pytest.mark.parametrize("free_kib", [0, 4, 40])
def test_a_full_output_disk_stops_the_run_and_freeing_it_goes_on(
    world: World, tmp_path: Path, disk: Path, own_cache: Path, free_kib: int
) -> None:
    filler = filled(disk, free_kib << 10)
    arguments = run_args(world, tmp_path, *NOISY, "-o", disk / "out")
    said = command(*arguments)
    assert said.code == 5, said.err
    assert "the disk is full: free some space" in said.sentence
    assert str(disk / "out") in said.sentence
    assert not leftovers(disk)
    filler.unlink()
    assert command(*arguments).code == 0
    assert manifest(disk / "out") == undisturbed(world, tmp_path / "alone", *NOISY)


def test_a_finished_bundle_survives_a_rerun_on_a_full_disk(
    world: World, tmp_path: Path, disk: Path, own_cache: Path
) -> None:
    arguments = run_args(world, tmp_path, *ONE, "-o", disk / "out")
    assert command(*arguments).code == 0
    whole = manifest(disk / "out")
    shutil.rmtree(own_cache)
    own_cache.write_text("in the way")
    filled(disk, 0)
    assert command(*arguments).code == 5
    assert manifest(disk / "out") == whole
    assert command("table", disk / "out").code == 0


def test_a_read_only_file_system_is_one_sentence(
    world: World, tmp_path: Path, disk: Path, own_cache: Path
) -> None:
    make_read_only(disk)
    said = command(*run_args(world, tmp_path, *ONE, "-o", disk / "out"))
    assert said.code == 5
    assert "the file system is read-only: choose another folder" in said.sentence


def test_a_limit_on_file_size_is_told_like_a_full_disk(world: World, tmp_path: Path, own_cache: Path) -> None:
    """What a quota looks like to a process, for machines where nothing may be mounted."""
    arguments = run_args(world, tmp_path, *NOISY)

    said = process(*arguments, largest_file=9 << 10).finish()
    assert said.code == 5, said.err
    assert str(own_cache) in said.sentence
    assert not leftovers(own_cache)
    assert command(*arguments).code == 0
    assert manifest(tmp_path / "out") == undisturbed(world, tmp_path / "alone", *NOISY)


# Two runs at once, interrupts


def test_a_second_run_into_one_folder_is_refused_and_the_first_unharmed(
    world: World, tmp_path: Path, own_cache: Path
) -> None:
    first = process(*run_args(world, tmp_path, *SLOW))
    first.until((tmp_path / "out" / "spec.json").exists)
    second = command(*run_args(world, tmp_path, *SLOW))
    assert second.code == 5
    assert "is in use by another run (process " in second.sentence
    assert first.finish().code == 0
    assert manifest(tmp_path / "out") == undisturbed(world, tmp_path / "alone", *SLOW)


def test_a_folder_in_use_is_not_touched(world: World, tmp_path: Path, own_cache: Path) -> None:
    assert command(*run_args(world, tmp_path, *ONE)).code == 0
    whole = manifest(tmp_path / "out")
    with folder_lock(tmp_path / "out"):
        assert command(*run_args(world, tmp_path, *ONE, "--overwrite", "always")).code == 5
    assert manifest(tmp_path / "out") == whole


@pytest.mark.parametrize("workers", [1, 2])
def test_ctrl_c_ends_with_130_and_the_same_command_goes_on(
    world: World, tmp_path: Path, own_cache: Path, workers: int
) -> None:
    arguments = run_args(world, tmp_path, *SLOW, "--workers", workers)
    running = process(*arguments)
    running.until(lambda: outputs_in(own_cache) >= 2)
    running.interrupt(group=True)
    said = running.finish()
    assert said.code == 130, said.err
    assert said.sentence == "interrupted; what was finished is kept, run the same command to go on"
    kept = outputs_in(own_cache)
    assert 2 <= kept < len(world.trials)
    assert command(*run_args(world, tmp_path, *SLOW)).code == 0
    assert manifest(tmp_path / "out") == undisturbed(world, tmp_path / "alone", *SLOW)


def test_ctrl_c_to_the_parent_alone_ends_its_workers(world: World, tmp_path: Path, own_cache: Path) -> None:
    running = process(*run_args(world, tmp_path, *SLOW, "--workers", 2))
    running.until(lambda: outputs_in(own_cache) >= 1)
    running.interrupt(group=False)
    assert running.finish().code == 130


def test_a_worker_that_is_killed_is_one_sentence(world: World, tmp_path: Path, own_cache: Path) -> None:
    arguments = run_args(world, tmp_path, "--adapter", "tests.support.bad_input_parts:killed")
    said = process(*arguments, "--workers", 2).finish()
    assert said.code == 5, said.err
    assert "a worker process was killed, perhaps for want of memory" in said.sentence


def test_an_interrupt_inside_the_encoder_is_not_swallowed(tmp_path: Path) -> None:
    """PyAV drops a KeyboardInterrupt raised in its write callback, and the frame with it."""
    from fractions import Fraction

    from spfem_bench.clips import sink, write_lossless
    from tests.support.clips import noise_frames

    def writing(self: sink.Sink, data: bytes) -> int:
        os.kill(os.getpid(), signal.SIGINT)
        return original(self, data)

    original = sink.Sink.write
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sink.Sink, "write", writing)
        with pytest.raises(KeyboardInterrupt):
            write_lossless(tmp_path / "clip.mkv", [noise_frames(8)], fps=Fraction(25))
    assert not list(tmp_path.iterdir())


# A cache that was damaged since


def objects(cache: Path, pattern: str) -> list[Path]:
    found = sorted(path for path in (cache / "features").glob(pattern) if path.is_file())
    assert found, f"no {pattern} in the cache"
    return found


def emptied(path: Path) -> None:
    path.chmod(0o644)
    path.write_bytes(b"")


def cut(path: Path) -> None:
    path.chmod(0o644)
    os.truncate(path, path.stat().st_size // 2)


def scribbled(path: Path) -> None:
    path.chmod(0o644)
    path.write_bytes(b"\xff" * path.stat().st_size)


def zeroed_tail(path: Path) -> None:
    """The right length, the last bytes never written: what a power cut may leave."""
    path.chmod(0o644)
    size = path.stat().st_size
    os.truncate(path, size - 8)
    os.truncate(path, size)


def holed(path: Path) -> None:
    """A few bytes lost in the middle, where a clip keeps its pictures."""
    path.chmod(0o644)
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 64] = bytes(64)
    path.write_bytes(content)


DAMAGES = (emptied, cut, scribbled, zeroed_tail, holed)
KINDS = (
    "rows/*/*.json",
    "row-matrices/*/*.safetensors",
    "features/*/*.safetensors",
    "content/*/*.json",
    "files/*/*.json",
    "outputs/*/*/clip.mkv",
    "outputs/*/*/clip.json",
)
FAULTS = [
    (kind, damage)
    for kind in KINDS
    for damage in DAMAGES
    # a clip's last bytes are Matroska's table of cues: no picture, sound or time is in them
    if (kind, damage) != ("outputs/*/*/clip.mkv", zeroed_tail)
]


@pytest.fixture(scope="module")
def warm(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of a model that draws noise, with its cache."""
    place = tmp_path_factory.mktemp("warm")
    with surroundings(world, place, {"SPFEM_BENCH_CACHE_DIR": "cache"}):
        assert command(*run_args(world, place, *NOISY)).code == 0
    return place


def again(world: World, warm: Path, place: Path, spoil: Callable[[Path], None]) -> Path:
    """Run once more, into a new folder, on a copy of the cache that was spoilt."""
    shutil.copytree(warm / "cache", place / "cache")
    spoil(place / "cache")
    with surroundings(world, place, {"SPFEM_BENCH_CACHE_DIR": "cache"}):
        said = command(*run_args(world, place, *NOISY))
    assert said.code == 0, said.err
    return place / "out"


@pytest.mark.parametrize(("kind", "damage"), FAULTS, ids=lambda part: getattr(part, "__name__", part))
def test_a_damaged_object_is_made_again(
    world: World, warm: Path, tmp_path: Path, kind: str, damage: Callable[[Path], None]
) -> None:
    def spoil(cache: Path) -> None:
        damage(objects(cache, kind)[0])
        _without_shortcuts(cache / "features", kind)

    assert manifest(again(world, warm, tmp_path, spoil)) == manifest(warm / "out")


def _without_shortcuts(cache: Path, kind: str) -> None:
    """Remove what is made of the objects, so that these are read again."""
    made_of_it = {"features": ("rows",), "outputs": ("rows", "features")}
    for name in made_of_it.get(kind.split("/", maxsplit=1)[0], ()):
        shutil.rmtree(cache / name)


def test_a_changed_digit_in_a_kept_row_is_noticed(world: World, warm: Path, tmp_path: Path) -> None:
    def spoil(cache: Path) -> None:
        for path in objects(cache, "rows/*/*.json"):
            text = path.read_text()
            changed = re.sub(r'("value": \d+\.)(\d)', lambda m: f"{m[1]}{9 - int(m[2])}", text)
            path.write_text(changed)

    assert manifest(again(world, warm, tmp_path, spoil)) == manifest(warm / "out")


@pytest.mark.parametrize("name", ["clip.mkv", "clip.json", ""])
def test_a_lost_output_is_made_again_even_where_its_rows_are_known(
    world: World, warm: Path, tmp_path: Path, name: str
) -> None:
    def spoil(cache: Path) -> None:
        folder = objects(cache, "outputs/*/*/clip.mkv")[0].parent
        for path in [folder / name] if name else list(folder.iterdir()):
            path.unlink()

    assert manifest(again(world, warm, tmp_path, spoil)) == manifest(warm / "out")


def test_generate_does_not_hand_out_a_damaged_clip(world: World, tmp_path: Path, own_cache: Path) -> None:
    arguments = (
        "generate",
        "tests.support.adapters:noisy",
        "--dataset",
        f"folder:{world.manifest}",
        "--protocol",
        "open/cross-id@1",
        "-o",
    )
    assert command(*arguments, tmp_path / "one").code == 0
    cut(objects(own_cache, "outputs/*/*/clip.mkv")[0])
    assert command(*arguments, tmp_path / "two").code == 0
    for clip in sorted((tmp_path / "two").glob("*.mkv")):
        stored = open_clip(clip).stored
        assert stored is not None
        assert sum(len(chunk) for chunk in open_clip(clip).frames()) == stored.frame_count


def test_a_whole_cache_is_still_only_read(world: World, warm: Path, tmp_path: Path) -> None:
    """The checks above must not be bought with a second decode of everything."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measuring, "features", _never)
        patch.setattr(generating, "content_digest", _never)
        out = again(world, warm, tmp_path, lambda cache: None)
    assert manifest(out) == manifest(warm / "out")


def _never(*_given: object) -> None:
    raise AssertionError("a warm run looked at frames")
