"""Datasets that are not what they are said to be, and broken source clips."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

from tests.support.bad_input.world import Arguments, Make, World, case, run_args, score
from tests.support.clips import make_clip, moving_box

# Datasets


def _dataset(change: Callable[[list[dict[str, str]]], None]) -> Make:
    def make(world: World, place: Path) -> Arguments:
        manifest = world.data(place)
        rows = [json.loads(line) for line in manifest.read_text().splitlines()]
        change(rows)
        manifest.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return score(world, place, world.good, dataset=manifest)

    return make


case("wrong emotion name", 2, r"manifest\.jsonl, line 2, emotion: 'hapy' .*Did you mean 'happy'\?")(
    _dataset(lambda rows: rows[1].update(emotion="hapy"))
)
case("two clips of one id", 2, r"manifest\.jsonl, line 2: line 1 has the id 'p0-neutral' too")(
    _dataset(lambda rows: rows[1].update(id="p0-neutral"))
)
case("dataset clip that is not there", 2, r"line 1: file 'gone\.mkv' is not a file in")(
    _dataset(lambda rows: rows[0].update(file="gone.mkv"))
)
case("dataset clip outside its folder", 2, r"line 1: file '\.\./\.\./x\.mkv' leaves the folder")(
    _dataset(lambda rows: rows[0].update(file="../../x.mkv"))
)


@case("folder that is no MEAD tree", 2, "MEAD")
def _no_mead(world: World, place: Path) -> Arguments:
    return run_args(world, place, "--dataset", f"mead:{world.good}", "--adapter", "copy-source")


@case("dataset folder that does not exist", 2, "nowhere")
def _no_dataset(world: World, place: Path) -> Arguments:
    return run_args(world, place, "--dataset", f"ravdess:{place / 'nowhere'}", "--adapter", "copy-source")


@case("unknown kind of dataset", 2, r"no dataset named 'maed'\. Did you mean 'mead'\?")
def _no_reader(world: World, place: Path) -> Arguments:
    return run_args(world, place, "--dataset", f"maed:{world.good}", "--adapter", "copy-source")


def _source(break_it: Callable[[Path], None]) -> Callable[[World, Path], Path]:
    def make(world: World, place: Path) -> Path:
        manifest = world.data(place)
        clip = manifest.parent / f"{world.sources[world.trials[0]]}.mkv"
        clip.with_suffix(".json").unlink()
        break_it(clip)
        return manifest

    return make


_CUT = _source(lambda clip: os.truncate(clip, 300))


@case(
    "broken source clip",
    0,
    r"copy-source: 3 of 6 trials .*p0-\w+\.mkv (is not a readable|is damaged|has no)",
)
def _broken_source(world: World, place: Path) -> Arguments:
    manifest = _CUT(world, place)
    return run_args(world, place, "--dataset", f"folder:{manifest}", "--adapter", "copy-source")


@case("broken source clip, none allowed", 5, "3 of 6 of the models' outputs failed, more than the allowed 0%")
def _broken_source_strict(world: World, place: Path) -> Arguments:
    manifest = _CUT(world, place)
    model = ("--adapter", "tests.support.adapters:brighten")
    return run_args(world, place, "--dataset", f"folder:{manifest}", *model, "--max-missing", 0)


@case(
    "source clip whose record is of another clip", 0, r"its record says 12 of \(32, 32\); generate it again"
)
def _wrong_record(world: World, place: Path) -> Arguments:
    manifest = world.data(place)
    clip = manifest.parent / f"{world.sources[world.trials[0]]}.mkv"
    clip.unlink()
    make_clip(clip, moving_box(9, (32, 32)), codec="ffv1", pix_fmt="bgr0")
    return run_args(world, place, "--dataset", f"folder:{manifest}", "--adapter", "copy-source")


@case("source clip of variable frame rate", 0, r"copy-source +0\.0")
def _variable(world: World, place: Path) -> Arguments:
    times = [Fraction(i, 25) + (Fraction(1, 30) if i > 5 else 0) for i in range(12)]
    manifest = _source(lambda clip: make_clip(clip, moving_box(12, (32, 32)), times=times) and None)(
        world, place
    )
    return run_args(world, place, "--dataset", f"folder:{manifest}", "--adapter", "copy-source")


@case("source clip without sound", 0, r"copy-source +0\.0")
def _silent(world: World, place: Path) -> Arguments:
    manifest = _source(lambda clip: make_clip(clip, moving_box(12, (32, 32))) and None)(world, place)
    return run_args(world, place, "--dataset", f"folder:{manifest}", "--adapter", "copy-source")
