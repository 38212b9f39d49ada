"""Folders that results cannot go to, and bundles that cannot be shown."""

from __future__ import annotations

import os
from pathlib import Path

from tests.support.bad_input.world import ONE, SUITE, Arguments, World, case, command, run_args

# Where results go


@case("output folder that holds something else", 2, r"holds thesis\.tex, which is no part of a run bundle")
def _foreign(world: World, place: Path) -> Arguments:
    (place / "out").mkdir()
    (place / "out" / "thesis.tex").write_text("years of work")
    return run_args(world, place, *ONE)


@case("output folder with an `outputs` of one's own", 2, "holds outputs, which is no part of a run bundle")
def _own_outputs(world: World, place: Path) -> Arguments:
    (place / "out" / "outputs").mkdir(parents=True)
    (place / "out" / "outputs" / "mine.mp4").write_bytes(b"work")
    return run_args(world, place, *ONE)


@case("output folder of another run", 2, "holds a run of another specification: give another folder")
def _other_run(world: World, place: Path) -> Arguments:
    assert command(*run_args(world, place, *ONE)).code == 0
    return run_args(world, place, *ONE, "--seed", 1)


@case("finished run under --overwrite never", 2, "holds a finished run: give another folder")
def _never(world: World, place: Path) -> Arguments:
    assert command(*run_args(world, place, *ONE)).code == 0
    return run_args(world, place, *ONE, "--overwrite", "never")


@case("bundle with a damaged spec.json", 6, r"spec\.json is damaged: restore it, give another folder")
def _damaged_spec(world: World, place: Path) -> Arguments:
    assert command(*run_args(world, place, *ONE)).code == 0
    os.truncate(place / "out" / "spec.json", 20)
    return run_args(world, place, *ONE)


@case("output folder that is a file", 5, "out could not be written because a file is in the way")
def _file_in_the_way(world: World, place: Path) -> Arguments:
    (place / "out").write_text("")
    return run_args(world, place, *ONE)


@case("output folder below a file", 5, "could not be written because a file is in the way")
def _below_a_file(world: World, place: Path) -> Arguments:
    (place / "file").write_text("")
    return run_args(world, place, *ONE, "-o", place / "file" / "out")


@case(
    "cache folder that is a file",
    5,
    "could not be written because a file is in the way",
    SPFEM_BENCH_CACHE_DIR="file",
)
def _cache_is_a_file(world: World, place: Path) -> Arguments:
    (place / "file").write_text("")
    return run_args(world, place, *ONE)


# Bundles


@case("table of a folder that is no bundle", 2, r"good has no scores\.json: give a finished bundle")
def _no_bundle(world: World, place: Path) -> Arguments:
    return ("table", world.good)


@case("table of a file", 2, r"manifest\.jsonl has no scores\.json: give a finished bundle")
def _file_bundle(world: World, place: Path) -> Arguments:
    return ("table", world.manifest)


def _bundle(world: World, place: Path, *more: object) -> Path:
    assert command(*run_args(world, place, *ONE, *more)).code == 0
    return place / "out"


@case("table of a bundle with cut-off scores", 6, r"scores\.json is not JSON: the bundle was damaged")
def _cut_scores(world: World, place: Path) -> Arguments:
    bundle = _bundle(world, place)
    os.truncate(bundle / "scores.json", 100)
    return ("table", bundle)


@case("table of a bundle with other scores", 6, r"scores\.json is damaged .*: restore it or run again")
def _other_scores(world: World, place: Path) -> Arguments:
    bundle = _bundle(world, place)
    (bundle / "scores.json").write_text('{"title": "x", "emotions": [], "columns": [{}], "systems": []}')
    return ("table", bundle)


@case("show of a bundle with damaged rows", 6, r"rows\.parquet cannot be read .*: the bundle was damaged")
def _damaged_rows(world: World, place: Path) -> Arguments:
    bundle = _bundle(world, place)
    os.truncate(bundle / "rows.parquet", 100)
    return ("show", bundle)


@case("table of bundles with different definitions", 4, r"luma-drift")
def _two_definitions(world: World, place: Path) -> Arguments:
    one = _bundle(world, place)
    (place / "two").mkdir()
    text = SUITE.replace('"tests.support.tiny:luma"', '"tests.support.bad_input_parts:other_luma"')
    (place / "other.yaml").write_text(text)
    two = _bundle(world, place / "two", "--suite", place / "other.yaml")
    return ("table", one, two)


@case("table written onto a folder", 5, r"a folder of that name is in the way: choose another name")
def _onto_a_folder(world: World, place: Path) -> Arguments:
    return ("table", _bundle(world, place), "-o", place)


@case("show of a folder that is no bundle", 2, r"good has no spec\.json: give a finished bundle")
def _show_no_bundle(world: World, place: Path) -> Arguments:
    return ("show", world.good)


@case("show of a trial the bundle lacks", 2, r"has no trial '\S+'; did you mean 'p0__")
def _show_no_trial(world: World, place: Path) -> Arguments:
    return ("show", _bundle(world, place), "--trial", f"{world.trials[0]}x")


@case("unknown command", 2, "there is no command 'scroe': did you mean score")
def _unknown_command(world: World, place: Path) -> Arguments:
    return ("scroe", place)
