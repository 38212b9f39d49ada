"""The main job through the command line, on folders laid out as MEAD and RAVDESS are."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from safetensors.numpy import load_file

from spfem_bench.clips import open_clip
from spfem_bench.datasets.mead_numbers import SCHEME_A, SCHEME_B, mead_sentence
from spfem_bench.testing.trees import Pattern, Samples, Utterance, make_mead_tree, make_ravdess_tree
from tests.support.command import done, hashed, invoke, lines_of, rows_of, scores_of, tiny, trials_of
from tests.support.worlds import TINY

# The reference actor of every test actor in the papers' released code (and in SSERD's pair list).
MEAD_REFERENCES = {
    "M003": "W015",
    "M009": "M003",
    "M012": "W029",
    "M030": "M012",
    "W015": "M030",
    "W029": "M009",
}
RAVDESS_REFERENCES = {"Actor_01": "Actor_06", "Actor_02": "Actor_01"}
DRAW = Pattern(size=32, frames=8)
BOUNDS = ("copy-source", "copy-reference", "oracle", "random-speaker", "noise")


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One cache for the whole module, so that later tests start warm."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPFEM_BENCH_CACHE_DIR", str(folder))
        yield folder


@pytest.fixture(scope="module")
def mead(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The papers' six actors, both numberings, three clips of two emotions each."""
    actors = dict.fromkeys(MEAD_REFERENCES, SCHEME_A) | {"M009": SCHEME_B}
    root = tmp_path_factory.mktemp("mead")
    return make_mead_tree(root, actors, ("neutral", "happy"), last={"other": 0}, render=DRAW)


@pytest.fixture(scope="module")
def ravdess(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three of the papers' six actors; the reference of the last is not here."""
    return make_ravdess_tree(tmp_path_factory.mktemp("ravdess"), (1, 2, 6), ("neutral", "happy"), render=DRAW)


@pytest.fixture(scope="module")
def mead_run(mead: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    bundle = tmp_path_factory.mktemp("runs") / "mead"
    said = tiny("run", "--dataset", f"mead:{mead}", "--adapter", "linear-shift", "-o", bundle)
    return bundle, said


@pytest.fixture(scope="module")
def ravdess_run(ravdess: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    bundle = tmp_path_factory.mktemp("runs") / "ravdess"
    tiny("run", "--dataset", f"ravdess:{ravdess}", "--adapter", "linear-shift", "--no-bounds", "-o", bundle)
    return bundle


@pytest.mark.parametrize("name", ["mead", "ravdess"])
def test_a_dataset_is_indexed_and_verified(name: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    root, index = request.getfixturevalue(name), tmp_path / "index.jsonl"
    done("data", "index", f"{name}:{root}", "-o", index)
    report = json.loads(done("data", "verify", f"{name}:{root}", "--index", index, "--deep", "--json"))
    assert report["ok"]
    assert report["clips"] == 36
    assert report["frames"] == 36 * DRAW.frames
    assert report["rates"] == {"mead": {"30": 36}, "ravdess": {"30000/1001": 36}}[name]
    assert report["silent"] == []
    assert report["index"] == {"missing": [], "added": [], "relabelled": [], "resized": []}


def test_mead_trials_are_those_of_the_papers_reference_map(mead_run: tuple[Path, str]) -> None:
    bundle, _ = mead_run
    plan = lines_of(bundle / "trials.jsonl")
    trials = [line for line in plan if line["kind"] == "trial"]
    assert Counter(trial["emotion"] for trial in trials) == {"neutral": 18, "happy": 18}
    for trial in trials:
        source, reference = (trial["clips"][side].split("/") for side in ("source", "reference"))
        assert source[:4] == [trial["speaker"], "front", "neutral", "level_1"]
        level = "level_1" if trial["emotion"] == "neutral" else "level_3"
        assert reference[:4] == [MEAD_REFERENCES[trial["speaker"]], "front", trial["emotion"], level]
    reals = [line for line in plan if line["kind"] == "real"]
    assert len(reals) == 36
    assert Counter((real["speaker"], real["emotion"]) for real in reals) == {
        (actor, emotion): 3 for actor in MEAD_REFERENCES for emotion in ("neutral", "happy")
    }


def test_mead_coverage_is_counted_for_every_system(mead_run: tuple[Path, str]) -> None:
    bundle, _ = mead_run
    systems = {system["name"]: system for system in scores_of(bundle)["systems"]}
    assert tuple(systems) == ("linear-shift", *BOUNDS)
    for name, system in systems.items():
        # the protocol has no true pairs
        generated = 0 if name == "oracle" else 36
        assert (system["generated"], system["trials"]) == (generated, 36)
        scores = system["scores"]["luma-drift"]
        assert [scores[e]["scored"] for e in ("neutral", "happy", "average")] == [
            generated // 2,
            generated // 2,
            generated,
        ]
        assert scores["average"]["total"] == 36
    assert systems["copy-source"]["scores"]["luma-drift"]["average"]["value"] == 0
    assert systems["oracle"]["failures"] == {"no true pair": 36}


def test_mead_outputs_carry_the_sound_of_the_separate_file(mead: Path, mead_run: tuple[Path, str]) -> None:
    """Against the tones that were drawn, and sample by sample against the audio file."""
    bundle, _ = mead_run
    for trial in trials_of(bundle)[::7]:
        speaker, view, emotion, level, number = trial["clips"]["source"].split("/")
        output = bundle / "outputs" / "linear-shift" / f"{trial['id']}.mkv"
        place = Path(emotion, level, number)
        video = mead / speaker / "video" / view / place.with_suffix(".mp4")
        sound = mead / speaker / "audio" / place.with_suffix(".m4a")
        with av.open(str(video)) as silent, av.open(str(output)) as whole:
            assert not silent.streams.audio
            assert [s.codec_context.name for s in whole.streams] == ["ffv1", "pcm_s16le"]
            assert whole.streams.audio[0].rate == 48000
        heard = open_clip(output).audio(48000)
        given = open_clip(video, audio_path=sound).audio(48000)
        assert heard is not None
        assert np.array_equal(heard, given)
        scheme = SCHEME_B if speaker == "M009" else SCHEME_A
        sentence = mead_sentence(scheme, emotion, int(number))  # numbers 1 to 3 are ranks in both schemes
        assert _likeness(heard, _tones(sentence)) > 0.95
        assert _likeness(heard, _tones((sentence + 1) % 3)) < 0.5


def _tones(sentence: int) -> Samples:
    return DRAW(Utterance("", "", 1, sentence, 1, Fraction(30), 48000))[1]


def _likeness(a: Samples, b: Samples) -> float:
    n = min(len(a), len(b))
    return float(np.corrcoef(a[:n], b[:n])[0, 1])


def test_outputs_of_bounds_stay_out_of_the_bundle(mead_run: tuple[Path, str]) -> None:
    bundle, _ = mead_run
    assert [path.name for path in (bundle / "outputs").iterdir()] == ["linear-shift"]
    assert len(list((bundle / "outputs" / "linear-shift").glob("*.mkv"))) == 36


@pytest.mark.parametrize("form", ["text", "markdown", "latex"])
@pytest.mark.parametrize("layout", [(), ("--per-emotion",)])
def test_a_table_prints_its_definitions_and_rules(
    form: str, layout: tuple[str, ...], mead_run: tuple[Path, str]
) -> None:
    bundle, said = mead_run
    table = done("table", bundle, "--format", form, *layout)
    assert "stand in for them" in table
    assert "unpublished" in table
    plain = table.replace("\\allowbreak ", "").replace("\\textbar{}", "|").replace("\\", "")
    assert "luma-drift|v1|luma:mean-rgb-v1|miss:exclude" in plain
    for name in ("linear-shift", *BOUNDS):
        assert name in plain
    assert ("happy" in plain.split("stand in")[0]) == bool(layout)
    if form == "text" and not layout:
        assert table == said


def test_csv_and_json_hold_the_bundles_numbers(mead_run: tuple[Path, str]) -> None:
    bundle, _ = mead_run
    scores = {s["name"]: s["scores"] for s in scores_of(bundle)["systems"]}
    rows = list(csv.DictReader(io.StringIO(done("table", bundle, "--format", "csv", "--per-emotion"))))
    assert len(rows) == 6 * 2 * 3  # systems, metrics, two emotions and the average
    for row in rows:
        score = scores[row["system"]][row["metric"]][row["emotion"]]
        assert (int(row["scored"]), int(row["total"])) == (score["scored"], score["total"])
        assert (row["value"] == "") == (score["value"] is None)
        if row["value"]:
            assert float(row["value"]) == pytest.approx(score["value"], rel=1e-3)
        assert row["signature"].startswith(f"{row['metric']}|v1|")
        assert row["reason"] or row["value"]
    board = json.loads(done("table", bundle, "--format", "json"))
    assert any("stand in for them" in line for line in board["footer"])
    assert [column["metric"] for column in board["columns"]] == ["luma-drift", "luma-set"]


def test_ravdess_follows_the_map_and_says_what_is_not_there(ravdess_run: Path) -> None:
    trials = trials_of(ravdess_run)
    assert Counter((t["speaker"], t["emotion"]) for t in trials) == {
        (actor, emotion): 1 for actor in RAVDESS_REFERENCES for emotion in ("neutral", "happy")
    }
    for trial in trials:
        codes = [trial["clips"][side].split("/")[-1].split("-") for side in ("source", "reference")]
        # statement 02, repetition 02; strong intensity where there is one
        assert [code[4:6] for code in codes] == [["02", "02"]] * 2
        assert codes[1][3] == ("01" if trial["emotion"] == "neutral" else "02")
        assert codes[1][6] == RAVDESS_REFERENCES[trial["speaker"]][-2:]
    table = done("table", ravdess_run)
    assert "statement 02, repetition 02" in table
    assert "Not in this ravdess tree: Actor_03, Actor_04, Actor_05." in table
    assert "no test clip of its reference speaker Actor_05" in table


def test_ravdess_rate_is_kept_exactly(ravdess_run: Path) -> None:
    records = [json.loads(p.read_text()) for p in (ravdess_run / "outputs").rglob("*.json")]
    assert len(records) == 4
    for record in records:
        assert record["fps"] == "30000/1001"
        assert record["times"] is None  # exactly i / fps
        assert record["frame_count"] == DRAW.frames
        assert record["audio"]["rate"] == 48000


def test_generate_then_score_gives_the_rows_of_run(ravdess: Path, ravdess_run: Path, tmp_path: Path) -> None:
    given = ("--dataset", f"ravdess:{ravdess}")
    folder, bundle = tmp_path / "made", tmp_path / "scored"
    assert "4 of 4 outputs" in done("generate", "linear-shift", *given, "-o", folder)
    assert sorted(p.stem for p in folder.glob("*.mkv")) == [t["id"] for t in trials_of(ravdess_run)]
    tiny("score", folder, *given, "--no-bounds", "-o", bundle)
    assert _unnamed(rows_of(bundle), "made") == _unnamed(rows_of(ravdess_run), "linear-shift")
    ours, theirs = ((b / "features" / "luma-set.safetensors") for b in (bundle, ravdess_run))
    matrices, wanted = load_file(ours), load_file(theirs)
    assert {name.replace("made/", "linear-shift/") for name in matrices} == set(wanted)
    for name, matrix in matrices.items():
        assert matrix.tobytes() == wanted[name.replace("made/", "linear-shift/")].tobytes()
    text = (bundle / "scores.json").read_text().replace('"made"', '"linear-shift"')
    assert text == (ravdess_run / "scores.json").read_text()


def _unnamed(rows: list[dict[str, object]], system: str) -> list[dict[str, object]]:
    """Rows with the system's name blotted out, in an order that does not depend on it."""
    plain = [{**row, "system": "real" if row["system"] == "real" else "*"} for row in rows]
    assert {row["system"] for row in rows} == {system, "real"}
    return sorted(plain, key=lambda row: (row["system"], row["metric"], row["trial"]))


def test_a_folder_that_lacks_a_trial_is_counted_not_dropped(ravdess: Path, tmp_path: Path) -> None:
    given = ("--dataset", f"ravdess:{ravdess}", "-o")
    done("generate", "linear-shift", *given, tmp_path / "made")
    next((tmp_path / "made").glob("*.mkv")).unlink()
    args = ("score", tmp_path / "made", *given, tmp_path / "out", "--no-bounds", "--suite", TINY)
    table = done(*args)
    assert "3 of 4 trials have an output: no video for this trial in made (1)" in table
    assert "(3/4)" in table
    strict = invoke(*args, "--max-missing", "0.2")
    assert strict.exit_code == 5
    assert "1 of 4" in strict.stderr
    assert "more than the allowed 20%" in strict.stderr


def test_shards_then_a_run_end_in_the_manifest_of_one_run(
    ravdess: Path, ravdess_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPFEM_BENCH_CACHE_DIR", str(tmp_path / "cache"))
    given = ("--dataset", f"ravdess:{ravdess}", "--adapter", "linear-shift", "--no-bounds", "-o")
    for shard in ("3/3", "1/3", "2/3"):
        assert tiny("run", *given, tmp_path / "out", "--shard", shard) == ""
        assert not (tmp_path / "out").exists()
    assert "linear-shift: 4 of 4 outputs in the cache" in tiny("run", *given, tmp_path / "out", "--dry-run")
    tiny("run", *given, tmp_path / "out")
    assert hashed(tmp_path / "out") == hashed(ravdess_run)


@pytest.mark.parametrize("shard", ["0/3", "4/3", "1", "a/b"])
def test_a_shard_that_is_none_is_refused(shard: str, ravdess: Path, tmp_path: Path) -> None:
    result = invoke("run", "--dataset", f"ravdess:{ravdess}", "-o", tmp_path / "out", "--shard", shard)
    assert result.exit_code == 2
    assert "e.g. 2/7" in result.stderr


def test_a_dry_run_tells_trials_and_cache_hits_and_does_nothing(
    ravdess: Path, ravdess_run: Path, tmp_path: Path
) -> None:
    given = ("run", "--dataset", f"ravdess:{ravdess}", "--adapter", "linear-shift", "--dry-run")
    said = tiny(*given, "-o", tmp_path / "out").splitlines()
    assert said[0] == "spfem/cross-id@1: 4 trials, 4 real clips"
    assert "  linear-shift: 4 of 4 outputs in the cache" in said
    assert "  noise: 0 of 4 outputs in the cache" in said
    assert said[-4:] == [f"  {trial['id']}" for trial in trials_of(ravdess_run)]
    plan = json.loads(tiny(*given, "--json", "--seed", "1", "--no-bounds", "-o", tmp_path / "out"))
    assert plan["trials"] == [trial["id"] for trial in trials_of(ravdess_run)]
    assert plan["stored"] == {"linear-shift": 0}  # another seed is another output
    assert plan["missing_weights"] == []
    assert not (tmp_path / "out").exists()


def test_a_metric_alone(ravdess: Path, ravdess_run: Path, tmp_path: Path) -> None:
    given = ("run", "--dataset", f"ravdess:{ravdess}", "--adapter", "linear-shift", "--no-bounds", "-o")
    tiny(*given, tmp_path / "out", "--metric", "luma-drift")
    assert [column["name"] for column in scores_of(tmp_path / "out")["columns"]] == ["luma-drift"]
    whole = [row for row in rows_of(ravdess_run) if row["metric"] == "luma-drift"]
    assert rows_of(tmp_path / "out") == whole
    wrong = invoke(*given, tmp_path / "wrong", "--metric", "luma-drfit", "--suite", TINY)
    assert wrong.exit_code == 2
    assert "luma-drift" in wrong.stderr


def test_a_run_file_gives_defaults_that_options_override(
    ravdess: Path, ravdess_run: Path, tmp_path: Path
) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(
        f"about: for a test\ndataset: 'ravdess:{ravdess}'\nsuite: '{TINY}'\nadapter: [linear-shift]\n"
        f"bounds: false\noutput: '{tmp_path / 'from-file'}'\n"
    )
    done("run", "-C", file)
    assert hashed(tmp_path / "from-file") == hashed(ravdess_run)
    done("run", "-C", file, "--metric", "luma-set", "--limit", 2, "-o", tmp_path / "fewer")
    assert len(trials_of(tmp_path / "fewer")) == 2
    assert "Limited to 2 of 4 trials" in done("table", tmp_path / "fewer")
    file.write_text("datasett: x\n")
    wrong = invoke("run", "-C", file)
    assert wrong.exit_code == 2
    assert "Did you mean 'dataset'?" in wrong.stderr
