"""A good bundle verifies; each way of tampering is seen, with and without the manifest written anew."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from safetensors.numpy import load_file, save_file

from spfem_bench.clips import PcmSource, open_clip, write_lossless
from spfem_bench.errors import ExitCode, UsageError
from spfem_bench.stages.run import run
from spfem_bench.store.bundle import write_manifest
from spfem_bench.verifying import Verification, render_verification, verify_bundle
from spfem_bench.verifying.contents import read_contents
from spfem_bench.verifying.files import survey
from spfem_bench.verifying.rescoring import check_scores, rebuild
from spfem_bench.verifying.rows import read_lines
from tests.support.worlds import TINY, make_folder, tiny_spec

Harm = Callable[[Path], None]


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of two models on two speakers, one of which fails now and then."""
    place = tmp_path_factory.mktemp("verify")
    manifest = make_folder(place / "data", speakers=2)
    done = run(tiny_spec(manifest, place / "cache", "brighten", "drop_two"), place / "out")
    assert done is not None
    return done


@pytest.fixture
def bundle(good: Path, tmp_path: Path) -> Path:
    """A copy that may be harmed."""
    return Path(shutil.copytree(good, tmp_path / "bundle"))


def verified(bundle: Path) -> Verification:
    return verify_bundle(bundle, suite=TINY)


def problems(found: Verification) -> list[str]:
    return [f"{c.name}: {p.subject} {p.detail}" for c in found.checks for p in c.problems]


def edit_json(path: Path, change: Callable[[Any], None]) -> None:
    document = json.loads(path.read_text())
    change(document)
    path.unlink()
    path.write_text(json.dumps(document, sort_keys=True, indent=1) + "\n")


def edit_rows(bundle: Path, change: Callable[[list[dict[str, Any]]], None]) -> None:
    path = bundle / "rows.parquet"
    table = pq.read_table(path)
    rows = table.to_pylist()
    change(rows)
    pq.write_table(type(table).from_pylist(rows, schema=table.schema), path)


def replace(path: Path, content: bytes) -> None:
    """Bundles hold hard links of the cache's files: never write through them."""
    path.unlink()
    path.write_bytes(content)


def video(bundle: Path, index: int = 0) -> Path:
    return sorted((bundle / "outputs" / "brighten").glob("*.mkv"))[index]


def test_a_good_bundle_is_verified_to_the_last_digit(good: Path) -> None:
    found = verified(good)
    assert problems(found) == []
    assert (found.state, found.exit_code) == ("verified", ExitCode.OK)
    by_name = {check.name: check for check in found.checks}
    assert list(by_name) == ["files", "documents", "rows", "clips", "scores", "table"]
    assert by_name["files"].total == len((good / "MANIFEST.sha256").read_text().splitlines())
    assert by_name["clips"].total == 12  # two models, two speakers, three sources
    assert by_name["rows"].total == 2 * 2 * 6 + 6  # systems, metrics, trials; real clips of the set metric
    scores = json.loads((good / "scores.json").read_text())
    stored = sum(len(by) for s in scores["systems"] for by in s["scores"].values())
    assert (by_name["scores"].good, by_name["scores"].total) == (stored, stored)
    assert "equal to the last digit" in by_name["scores"].notes
    assert render_verification(found).endswith("verified: the bundle agrees with itself\n")


def test_each_stored_number_is_computed_again(good: Path) -> None:
    """Every value and half width, one after the other, a thousandth off."""
    contents, _ = read_contents(good, survey(good)[0])
    lines, rebuilt = read_lines(good), rebuild(contents, TINY)
    assert contents.scores is not None
    cells = [
        (f"{system['name']}, {metric}, {emotion}", score, key)
        for system in contents.scores["systems"]
        for metric, by_emotion in system["scores"].items()
        for emotion, score in by_emotion.items()
        for key in ("value", "half_width")
        if score[key] is not None
    ]
    assert len(cells) >= 16
    for subject, score, key in cells:
        before = score[key]
        score[key] += 1e-3
        (problem,) = check_scores(good, contents, lines, rebuilt).problems
        assert (problem.subject, problem.state) == (subject, "failed")
        assert f"has another {key} stored" in problem.detail
        score[key] = before


def edit_score(bundle: Path) -> None:
    def better(scores: Any) -> None:
        scores["systems"][0]["scores"]["luma-drift"]["average"]["value"] *= 0.999

    edit_json(bundle / "scores.json", better)


def edit_half_width(bundle: Path) -> None:
    def surer(scores: Any) -> None:
        scores["systems"][1]["scores"]["luma-drift"]["average"]["scored"] += 1

    edit_json(bundle / "scores.json", surer)


def turn_direction(bundle: Path) -> None:
    edit_json(bundle / "scores.json", lambda scores: scores["columns"][0].update(direction="higher"))


def hide_footnote(bundle: Path) -> None:
    edit_json(bundle / "scores.json", lambda scores: scores.update(footer=scores["footer"][1:]))


def invent_score(bundle: Path) -> None:
    def invent(scores: Any) -> None:
        own = scores["systems"][0]["scores"]["luma-drift"]
        own["angry"] = dict(own["average"], value=0.0)

    edit_json(bundle / "scores.json", invent)


def edit_row(bundle: Path) -> None:
    def lower(rows: list[dict[str, Any]]) -> None:
        row = next(row for row in rows if row["metric"] == "luma-drift" and row["value"])
        row["value"] *= 0.5

    edit_rows(bundle, lower)


def relabel_row(bundle: Path) -> None:
    edit_rows(bundle, lambda rows: rows[0].update(speaker="somebody"))


def number_without_reading(bundle: Path) -> None:
    def hide(rows: list[dict[str, Any]]) -> None:
        rows[0].update(state="unscored", reason="no face")

    edit_rows(bundle, hide)


def double_row(bundle: Path) -> None:
    edit_rows(bundle, lambda rows: rows.append(dict(rows[0])))


def edit_matrix(bundle: Path) -> None:
    path = bundle / "features" / "luma-set.safetensors"
    found = {name: matrix.copy() for name, matrix in load_file(path).items()}
    name = next(name for name in found if name.startswith("brighten/"))
    found[name] += 1
    save_file(found, path)


def drop_matrix_row(bundle: Path) -> None:
    path = bundle / "features" / "luma-set.safetensors"
    found = load_file(path)
    found[next(iter(found))] = found[next(iter(found))][1:].copy()
    save_file(found, path)


def remove_matrices(bundle: Path) -> None:
    (bundle / "features" / "luma-set.safetensors").unlink()


def lose_trial_of_rows(bundle: Path) -> None:
    edit_rows(bundle, lambda rows: rows.pop(0))


def lose_trial_of_plan(bundle: Path) -> None:
    path = bundle / "trials.jsonl"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[1:]))


def lose_trial_everywhere(bundle: Path) -> None:
    """The worst one: gone from plan, rows and outputs, as if it had never been asked."""
    path = bundle / "trials.jsonl"
    trial = json.loads(path.read_text().splitlines()[0])["id"]
    lose_trial_of_plan(bundle)
    for file in bundle.glob(f"outputs/*/{trial}.*"):
        file.unlink()

    def without(rows: list[dict[str, Any]]) -> None:
        rows[:] = [row for row in rows if row["trial"] != trial]

    edit_rows(bundle, without)


def swap_clips(bundle: Path) -> None:
    one, two = video(bundle, 0), video(bundle, 1)
    first, second = one.read_bytes(), two.read_bytes()
    replace(one, second)
    replace(two, first)


def damage_clip(bundle: Path) -> None:
    """One flipped bit in the middle: the same number of frames, of the same size."""
    content = bytearray(video(bundle).read_bytes())
    content[len(content) // 2] ^= 1
    replace(video(bundle), bytes(content))


def swap_sound(bundle: Path) -> None:
    """The same pictures under silence, and the old record beside them."""
    clip, other = open_clip(video(bundle)), bundle.parent / "other.mkv"
    assert clip.stored is not None
    assert clip.stored.audio is not None
    heard = clip.stored.audio
    silence = PcmSource.from_array(np.zeros((heard.samples, heard.channels), np.int16), heard.rate)
    write_lossless(other, clip.frames(), fps=clip.fps, audio=silence)
    replace(video(bundle), other.read_bytes())


def forge_record(bundle: Path) -> None:
    edit_json(video(bundle).with_suffix(".json"), lambda record: record["digest"].update(audio="0" * 64))


def remove_clip(bundle: Path) -> None:
    video(bundle).unlink()
    video(bundle).with_suffix(".json").unlink()


def remove_record(bundle: Path) -> None:
    video(bundle).with_suffix(".json").unlink()


def edit_spec(bundle: Path) -> None:
    edit_json(
        bundle / "spec.json", lambda spec: spec["signatures"].update({"luma-drift": "luma-drift|v1|x:y"})
    )


def rename_system(bundle: Path) -> None:
    edit_json(bundle / "spec.json", lambda spec: spec["systems"][0].update(name="ours"))


def not_json(bundle: Path) -> None:
    (bundle / "environment.json").write_text("{")


def not_finite(bundle: Path) -> None:
    text = (bundle / "scores.json").read_text()
    (bundle / "scores.json").write_text(text.replace('"half_width": null', '"half_width": NaN', 1))


def foreign_file(bundle: Path) -> None:
    (bundle / "outputs" / "brighten" / "nobody.mkv").write_bytes(b"not asked for")


def foreign_note(bundle: Path) -> None:
    (bundle / "notes.txt").write_text("our method is the best")


SEMANTIC = {
    edit_score: "scores: brighten, luma-drift, average has another value stored",
    edit_half_width: "scores: drop-two, luma-drift, average has another scored stored",
    invent_score: "scores: brighten, luma-drift, angry has no rows behind it",
    turn_direction: "says that the direction of luma-drift is 'higher'",
    hide_footnote: "lacks the footnote 'dataset folder (real)",
    edit_row: "scores: brighten, luma-drift",
    relabel_row: "has the speaker 'somebody', planned was",
    number_without_reading: "has numbers, though it says that there is no reading",
    double_row: "has 2 rows, where one belongs",
    edit_matrix: "scores: brighten, luma-set",
    drop_matrix_row: "does not hold the matrices that the rows name",
    remove_matrices: "is missing, and the bundle does not say that it was left out",
    lose_trial_of_rows: "has no row: the trial is missing from it",
    lose_trial_of_plan: "has a row that the plan has no trial for",
    lose_trial_everywhere: "has another digest of the trials than trials.jsonl",
    swap_clips: "its frames are not those stored",
    swap_sound: "does not show or say what was recorded of it",
    forge_record: "does not show or say what was recorded of it",
    damage_clip: ".mkv",
    remove_clip: "is missing, though rows hold readings of it",
    remove_record: "has no record beside it",
    edit_spec: "the definition of luma-drift",
    rename_system: "the list of systems",
    not_json: "is not JSON",
    not_finite: "NaN is no JSON number",
    foreign_file: "is a foreign entry of the manifest",
}
"""Harm -> what is said of it although the manifest was written anew, as a forger would."""


def named(harm: Harm) -> str:
    return harm.__name__


@pytest.mark.parametrize("harm", SEMANTIC, ids=named)
def test_a_forger_who_writes_the_manifest_anew_is_found_out(harm: Harm, bundle: Path) -> None:
    harm(bundle)
    write_manifest(bundle)
    found = verified(bundle)
    assert found.exit_code == ExitCode.INTEGRITY
    assert any(SEMANTIC[harm] in problem for problem in problems(found)), problems(found)


@pytest.mark.parametrize("harm", [*SEMANTIC, foreign_note], ids=named)
def test_whoever_forgets_the_manifest_is_found_out_by_it(harm: Harm, bundle: Path) -> None:
    harm(bundle)
    found = verified(bundle)
    assert found.exit_code == ExitCode.INTEGRITY
    assert found.checks[0].state == "failed"


def test_a_note_under_the_manifest_is_a_foreign_entry(bundle: Path) -> None:
    foreign_note(bundle)
    write_manifest(bundle)
    assert problems(verified(bundle)) == [
        "files: notes.txt is a foreign entry of the manifest: this run has no such file"
    ]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("0" * 64 + "  ../outside.txt", "a path that escapes the bundle"),
        ("0" * 64 + "  /etc/hostname", "a path that escapes the bundle"),
        ("0" * 64 + "  outputs/../../outside.txt", "a path that escapes the bundle"),
        ("0" * 64 + "  outputs\\..\\outside.txt", "a path that escapes the bundle"),
        ("0" * 64 + "  outputs//x.mkv", "a path that escapes the bundle"),
        ("no digest", "is not a digest and a path"),
    ],
)
def test_a_path_out_of_the_bundle_is_refused_unread(line: str, said: str, bundle: Path) -> None:
    manifest = bundle / "MANIFEST.sha256"
    manifest.write_text(manifest.read_text() + line + "\n")
    found = verified(bundle)
    assert found.exit_code == ExitCode.INTEGRITY
    (problem,) = problems(found)
    assert said in problem


def test_a_link_out_of_the_bundle_is_not_followed(bundle: Path, tmp_path: Path) -> None:
    outside = tmp_path / "scores.json"
    (bundle / "scores.json").rename(outside)
    (bundle / "scores.json").symlink_to(outside)
    found = verified(bundle)
    assert "files: scores.json is a symbolic link, which a bundle never holds; it was not read" in problems(
        found
    )
    assert found.exit_code == ExitCode.INTEGRITY


def test_a_pipe_is_not_opened(bundle: Path) -> None:
    """Opening it would wait for ever."""
    (bundle / "environment.json").unlink()
    os.mkfifo(bundle / "environment.json")
    assert any("is no regular file" in problem for problem in problems(verified(bundle)))


@pytest.mark.parametrize("name", ["../../elsewhere", "/etc", "a\\b", ".."])
def test_names_that_would_lead_elsewhere_are_refused(name: str, bundle: Path) -> None:
    edit_json(bundle / "spec.json", lambda spec: spec["systems"][0].update(name=name))
    found = verified(bundle)
    assert found.exit_code == ExitCode.INTEGRITY
    assert any("which is no part of a path" in problem for problem in problems(found))


def test_an_unfinished_bundle_is_not_verified(bundle: Path) -> None:
    (bundle / "MANIFEST.sha256").unlink()
    found = verified(bundle)
    assert found.exit_code == ExitCode.INTEGRITY
    assert any("the run never finished" in problem for problem in problems(found))


def test_no_bundle_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not a folder"):
        verified(tmp_path / "gone")


def test_odd_circumstances_leave_the_other_checks_as_they_are(bundle: Path) -> None:
    edit_json(bundle / "circumstances.json", lambda facts: facts.update(seconds="long"))
    found = verified(bundle)
    assert found.exit_code == ExitCode.INTEGRITY
    assert {check.name for check in found.checks if check.state != "verified"} == {"documents"}


def test_circumstances_may_go(bundle: Path) -> None:
    (bundle / "circumstances.json").unlink()
    assert verified(bundle).state == "verified"


def slim(bundle: Path) -> None:
    """As ``--slim`` writes it: matrices left out, and said so."""
    shutil.rmtree(bundle / "features")
    edit_json(
        bundle / "scores.json", lambda scores: scores.update(matrices=[], omitted_matrices=["luma-set"])
    )
    write_manifest(bundle)


def test_a_slim_bundles_set_scores_are_unverifiable_never_verified(bundle: Path) -> None:
    slim(bundle)
    found = verified(bundle)
    assert (found.state, found.exit_code) == ("unverifiable", ExitCode.INCOMPLETE)
    (problem,) = problems(found)
    assert "luma-set was written without its feature matrices (slim)" in problem
    scores = next(check for check in found.checks if check.name == "scores")
    assert scores.good * 2 == scores.total  # the other metric's are verified


def test_a_slim_bundle_hides_no_edited_score(bundle: Path) -> None:
    edit_score(bundle)
    slim(bundle)
    assert verified(bundle).exit_code == ExitCode.INTEGRITY


def test_without_its_suite_files_are_checked_and_scores_are_unverifiable(good: Path) -> None:
    found = verify_bundle(good)
    assert found.exit_code == ExitCode.INCOMPLETE
    assert {check.name for check in found.checks if check.state != "verified"} == {"scores"}
    assert all("give its file by --suite" in problem for problem in problems(found))


def test_another_definition_is_not_comparable_code_and_not_a_forgery(bundle: Path, tmp_path: Path) -> None:
    suite = tmp_path / "tiny.yaml"
    suite.write_text(
        "name: tiny\nvalid-on: [real]\nabout: Of later days.\nextractors: {}\n"
        'metrics:\n  - {factory: "tests.unit.test_verify:later_drift"}\n'
        '  - {factory: "tests.support.tiny:luma_set"}\n'
    )
    found = verify_bundle(bundle, suite=str(suite))
    assert found.exit_code == ExitCode.INCOMPLETE
    (problem,) = problems(found)
    assert "not comparable code: the metric installed here is luma-drift|v2" in problem
    assert "environment.json names its commit" in problem


def later_drift() -> object:
    """The metric of a later release."""
    from spfem_metrics import Signature
    from tests.support.tiny import LumaDrift

    class Later(LumaDrift):
        def signature(self, definitions: Any) -> Signature:
            return Signature("luma-drift", 2, {"luma": definitions["luma"], "miss": "exclude"})

    return Later()


def test_a_score_that_other_code_of_the_same_definition_made_otherwise_is_nobodys_forgery(
    bundle: Path,
) -> None:
    edit_score(bundle)

    def other(spec: Any) -> None:
        spec["code"]["plug-ins"]["luma-drift"] = "0" * 64

    edit_json(bundle / "spec.json", other)
    write_manifest(bundle)
    found = verified(bundle)
    assert found.exit_code == ExitCode.INCOMPLETE
    assert any("changed since without a new version" in problem for problem in problems(found))


def test_rounding_of_another_processor_is_told_and_let_pass(bundle: Path) -> None:
    def nudge(scores: Any) -> None:
        own = scores["systems"][0]["scores"]["luma-drift"]["average"]
        own["value"] *= 1 + 1e-13

    edit_json(bundle / "scores.json", nudge)
    write_manifest(bundle)
    found = verified(bundle)
    assert found.state == "verified"
    notes = next(check.notes for check in found.checks if check.name == "scores")
    assert any("the rounding of another processor" in note for note in notes)
