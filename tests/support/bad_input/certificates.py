"""Certifications that cannot be made, and pictures and ranks that cannot be had."""

from __future__ import annotations

import os
from pathlib import Path

from tests.support.bad_input.world import ONE, Arguments, Make, World, case, command, run_args
from tests.support.certify import write_claims, write_faces
from tests.support.worlds import TINY


def _certify(world: World, place: Path, *more: object, **claims: object) -> Arguments:
    """``certify`` of the tiny suite on the world's clips, with claims of its own."""
    own = () if "--claims" in more else ("--claims", write_claims(place / "claims.yaml", **claims))
    data = () if "--dataset" in more else ("--dataset", f"folder:{world.manifest}")
    into = () if "-o" in more else ("-o", place / "certificates")
    return ("certify", TINY, *data, *own, *into, "--seconds", 1.2, "--size", 32, *more)


def _with(*more: object, **claims: object) -> Make:
    return lambda world, place: _certify(world, place, *more, **claims)


@case("certify an unknown suite", 2, r"no suite named 'portable-v9'\. Did you mean 'portable-v1'\?")
def _no_suite(world: World, place: Path) -> Arguments:
    return ("certify", "portable-v9", "-o", place / "certificates")


@case("certify on a kind of clips without claims", 2, "no claims are written for portable-v1 on rendered")
def _no_claims(world: World, place: Path) -> Arguments:
    return ("certify", "portable-v1", "-o", place / "certificates")


@case("certify with a claims file that is not there", 2, r"gone\.yaml cannot be read")
def _claims_gone(world: World, place: Path) -> Arguments:
    return _certify(world, place, "--claims", place / "gone.yaml")


@case("certify with claims cut off", 2, r"claims\.yaml, line \d+ is not valid here")
def _claims_cut(world: World, place: Path) -> Arguments:
    path = write_claims(place / "claims.yaml")
    os.truncate(path, 100)
    return _certify(world, place, "--claims", path)


case("claims of another suite", 2, r"claims\.yaml claims for other on real clips, not for tiny")(
    _with(suite="other")
)
case("claims about an unknown degradation", 2, r"no degradation 'blurr'\. Did you mean 'blur'\?")(
    _with(degradations={"blurr": [0.1]})
)
case("claims about an unknown metric", 2, "name 'luma-drft', which the suite lacks; it has luma-drift")(
    _with(metrics={"luma-drft": {"sees": {"colour": "worse"}}})
)
case("claims with an unknown key", 2, r"unknown key 'degradatons'\. Did you mean 'degradations'\?")(
    _with(degradatons={})
)
case("certify a dataset that does not exist", 2, "nowhere does not exist; give the folder that holds")(
    _with("--dataset", "folder:nowhere")
)
case("certify on one trial", 2, "'--trials': 1 is not in the range x>=2")(_with("--trials", 1))
case("certify on no people", 2, "'--speakers': 0 is not in the range x>=1")(_with("--speakers", 0))
case(
    "certify on clips that are too short", 5, r"nothing could be certified: p0-\w+\.mkv has less than 1\.2 s"
)(_with())


@case("certificates into a folder below a file", 5, "could not be written because a file is in the way")
def _below_a_file(world: World, place: Path) -> Arguments:
    (place / "file").write_text("")
    faces = write_faces(place / "faces", speakers=2)
    return _certify(world, place, "--dataset", faces, "-o", place / "file" / "certificates")


@case("certify --check without a stored certificate", 4, r"tiny-real\.json is not there to check against")
def _nothing_stored(world: World, place: Path) -> Arguments:
    return _certify(world, place, "--check")


@case("certify --check against a damaged certificate", 6, r"tiny-real\.json is not a readable certificate")
def _damaged(world: World, place: Path) -> Arguments:
    (place / "certificates").mkdir()
    (place / "certificates" / "tiny-real.json").write_text('{"schema": ')
    return _certify(world, place, "--check")


# What is drawn of bundles


def _bundle(world: World, place: Path) -> Path:
    assert command(*run_args(world, place, *ONE)).code == 0
    return place / "out"


@case("plot of a folder that is no bundle", 2, r"good has no scores\.json: give a finished bundle")
def _plot_no_bundle(world: World, place: Path) -> Arguments:
    return ("plot", world.good, "-o", place / "x.png")


@case("plot in a format that is not known", 2, r"x\.gif must end with \.png, \.pdf or \.svg")
def _plot_gif(world: World, place: Path) -> Arguments:
    return ("plot", world.good, "-o", place / "x.gif")


@case("plot of a metric the bundle lacks", 2, "has no metric 'luma-drft': did you mean 'luma-drift'")
def _plot_no_metric(world: World, place: Path) -> Arguments:
    return ("plot", _bundle(world, place), "--x", "luma-drft", "-o", place / "x.png")


@case("ranks of a bundle with damaged rows", 6, r"rows\.parquet cannot be read .*: the bundle was damaged")
def _damaged_rows(world: World, place: Path) -> Arguments:
    models = ("tests.support.adapters:brighten", "same=tests.support.adapters:brighten")
    options = [option for model in models for option in ("--adapter", model)]
    assert command(*run_args(world, place, *options)).code == 0
    os.truncate(place / "out" / "rows.parquet", 100)
    return ("table", place / "out")


@case("published table that is not known", 2, "no published table 'stccl-2026/mead-cros'")
def _no_published(world: World, place: Path) -> Arguments:
    return ("table", _bundle(world, place), "--reported", "stccl-2026/mead-cros")
