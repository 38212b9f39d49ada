"""Rendered trees read by the readers of recorded datasets, planned by their protocols, known as rendered."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from spfem_bench.clips import Clip, open_clip
from spfem_bench.datasets import mead, ravdess
from spfem_bench.datasets.cards import card
from spfem_bench.datasets.rendered import MARKER, TRUTH, read_marker
from spfem_bench.datasets.verify import verify
from spfem_bench.errors import DatasetError, StorageError, UsageError
from spfem_bench.fsio import folder_lock
from spfem_bench.progress import SilentProgress
from spfem_bench.protocols.dtw import align_audio
from spfem_bench.protocols.planner import make_plan
from spfem_bench.suites.load import load_suite
from spfem_bench.synthetic import mead_like, ravdess_like
from spfem_bench.synthetic.clip import render_clip
from spfem_bench.synthetic.exports import export
from spfem_bench.synthetic.recipe import Recipe
from spfem_bench.synthetic.speech.sentences import COMMON, RAVDESS
from spfem_bench.synthetic.speech.timeline import Timeline, timing_map
from spfem_bench.synthetic.truths import CLIPS, read_curves, read_timing

MEAD = Recipe(6, 1, ("neutral", "happy"), (3,), seconds=0.4, size=32)
RAV = Recipe(2, 1, ("neutral", "happy"), (2,), seconds=None, size=32)
SMALL = replace(RAV, speakers=1, seconds=0.2)


@pytest.fixture(scope="module")
def mead_tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("rendered") / "mead"
    export(root, "mead", MEAD, truths=True)
    return root


@pytest.fixture(scope="module")
def ravdess_tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("rendered") / "ravdess"
    export(root, "ravdess", RAV)
    return root


def test_the_reader_of_mead_takes_the_tree_for_what_it_is(mead_tree: Path) -> None:
    found = mead.read(mead_tree)
    assert (found.name, found.kind, found.licence) == ("mead", "rendered", "Apache-2.0")
    assert len(found.records) == 12
    assert {record.speaker for record in found.records} == set(mead_like.FIRST)
    assert all(record.audio for record in found.records)
    assert all(record.extra["sentence-from"] == "transcript" for record in found.records)
    assert len({record.sentence for record in found.records}) == 1
    assert not any("left out" in note for note in found.notes)
    assert any("not recordings" in note for note in found.notes)


def test_the_reader_of_ravdess_takes_the_tree_for_what_it_is(ravdess_tree: Path) -> None:
    found = ravdess.read(ravdess_tree)
    assert (found.name, found.kind, found.licence) == ("ravdess", "rendered", "Apache-2.0")
    assert [record.id for record in found.records][:3] == [
        "Actor_01/01-01-01-01-02-01-01",
        "Actor_01/01-01-01-01-02-02-01",
        "Actor_01/01-01-03-02-02-01-01",
    ]
    assert {record.sentence for record in found.records} == {"dogs-are-sitting-by-the-door"}
    assert len(found.notes) == 1


@pytest.mark.parametrize("protocol", ["spfem/cross-id@1", "spfem/intra-id@1", "paired@1"])
def test_protocols_plan_them_as_they_plan_recordings(
    mead_tree: Path, ravdess_tree: Path, protocol: str
) -> None:
    plan = make_plan(mead.read(mead_tree), protocol, emotions=["happy"])
    assert {trial.speaker for trial in plan.trials} == set(mead_like.FIRST)
    assert all(trial.emotion == "happy" for trial in plan.trials)
    if protocol == "paired@1":
        assert plan.align == "dtw"
        assert all(trial.truth and trial.truth.speaker == trial.speaker for trial in plan.trials)
    if protocol == "spfem/cross-id@1":
        given = {trial.speaker: trial.reference.speaker for trial in plan.trials if trial.reference}
        assert given["M003"] == "W015"
    assert make_plan(ravdess.read(ravdess_tree), protocol, emotions=["happy"]).trials


def test_every_clip_decodes_and_nothing_is_said_to_lack(mead_tree: Path, ravdess_tree: Path) -> None:
    for found, rate in ((mead.read(mead_tree), "30"), (ravdess.read(ravdess_tree), "30000/1001")):
        report = verify(found, deep=True)
        assert report.ok
        assert report.gaps == ()
        assert report.rates == {rate: len(found.records)}
        assert not report.variable
        assert not report.silent


def test_a_clip_that_is_gone_is_a_gap(tmp_path: Path) -> None:
    found = export(tmp_path / "tree", "ravdess", SMALL)
    found.file(found.records[0]).unlink()
    assert verify(ravdess.read(found.root)).gaps == (
        f"1 of the clips rendered here are gone: {found.records[0].path}.",
    )


def test_suites_for_real_faces_refuse_them_unless_forced(mead_tree: Path) -> None:
    suite = load_suite("portable-v1")
    with pytest.raises(UsageError, match="rendered"):
        suite.refuse_kind(mead.read(mead_tree).kind, force=False)
    assert suite.refuse_kind("rendered", force=True)


@pytest.mark.parametrize(("layout", "rows"), [("mead", mead_like.rows), ("ravdess", ravdess_like.rows)])
def test_sound_and_picture_are_those_rendered_and_in_step(
    layout: str, rows: Callable[..., list], mead_tree: Path, ravdess_tree: Path
) -> None:
    root, recipe = {"mead": (mead_tree, MEAD), "ravdess": (ravdess_tree, RAV)}[layout]
    record, spec = rows(recipe)[0]
    audio = root / record.audio if record.audio else None
    clip, expected = open_clip(root / record.path, audio_path=audio), render_clip(spec)
    frames, sound = np.concatenate(list(clip.frames())), clip.audio(16_000)
    assert frames.shape == expected.frames.shape
    assert clip.fps == spec.fps
    assert np.abs(frames.astype(int) - expected.frames).mean() < 6
    assert sound is not None
    count = len(expected.audio)
    assert 0 <= len(sound) - count < 1024  # AAC codes whole packets
    assert _lag(sound[:count], expected.audio) == 0
    assert np.corrcoef(sound[:count], expected.audio)[0, 1] > 0.98


def test_takes_differ_in_time_and_the_truth_says_how(ravdess_tree: Path) -> None:
    """The files alone: sound as it was coded, timing as it was written beside it."""
    found, timing = ravdess.read(ravdess_tree), read_timing(ravdess_tree / TRUTH / CLIPS)
    by_sound, by_number = [], []
    for speaker in ("Actor_01", "Actor_02"):
        neutral, again, *happy = (record for record in found.records if record.speaker == speaker)
        for other in (again, *happy):
            true, said = _true_frames(
                timing[neutral.path], timing[other.path], open_clip(found.file(neutral))
            )
            paired = align_audio(open_clip(found.file(neutral)), open_clip(found.file(other)))
            by_sound.append(np.abs(paired[:, 1] - true)[said].mean())
            by_number.append(np.abs(paired[:, 0] - true)[said].mean())
    assert np.mean(by_sound) < 1.0
    assert np.mean(by_sound) < 0.5 * np.mean(by_number)


def _true_frames(source: Timeline, other: Timeline, clip: Clip) -> tuple[np.ndarray, np.ndarray]:
    """For each frame of the source where the same is said in the other take, and whether anything is."""
    words = source.words()
    said = (clip.times >= words[0][0]) & (clip.times < words[-1][1])
    return timing_map(source, other, clip.times) * float(clip.fps), said


def test_curves_lie_where_no_reader_looks(mead_tree: Path) -> None:
    record = mead.read(mead_tree).records[0]
    curves = read_curves((mead_tree / TRUTH / record.path).with_suffix(".npz"))
    assert len(curves["landmarks"]) == open_clip(mead_tree / record.path).frame_count


def test_transcripts_say_the_words_of_every_clip(mead_tree: Path) -> None:
    with (mead_tree / "transcripts.csv").open(newline="") as stream:
        lines = list(csv.DictReader(stream))
    assert len(lines) == 12
    first = json.loads((mead_tree / TRUTH / CLIPS).read_text().splitlines()[0])
    assert {line["text"] for line in lines} == {first["text"]}


def test_an_unfinished_tree_is_no_dataset_and_is_finished_by_the_same_call(tmp_path: Path) -> None:
    root = tmp_path / "tree"
    first = export(root, "ravdess", SMALL)
    marker = (root / MARKER).read_bytes()
    lost, kept = first.file(first.records[0]), first.file(first.records[1])
    stamp = kept.stat().st_mtime_ns
    content = lost.read_bytes()
    lost.unlink()
    (root / MARKER).write_text(json.dumps({**json.loads(marker), "finished": False, "clips": []}))
    with pytest.raises(DatasetError, match="not finished"):
        ravdess.read(root)
    export(root, "ravdess", SMALL)
    assert lost.read_bytes() == content
    assert kept.stat().st_mtime_ns == stamp
    assert (root / MARKER).read_bytes() == marker


class Impatient(SilentProgress):
    """Ctrl-C after the second clip."""

    def __init__(self) -> None:
        self.done = 0

    def advance(self, stage: str, item: str) -> None:
        self.done += 1
        if self.done == 2:
            raise KeyboardInterrupt


def test_an_interrupted_tree_ends_as_one_that_was_left_alone(tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    export(whole, "ravdess", SMALL)
    with pytest.raises(KeyboardInterrupt):
        export(cut, "ravdess", SMALL, progress=Impatient())
    assert len(list(cut.rglob("*.mp4"))) == 2
    (cut / "Actor_01" / ".01-01-03-02-02-02-01.mp4.0a1b2c3d.part").write_bytes(b"half")
    with pytest.raises(DatasetError, match="not finished"):
        ravdess.read(cut)
    export(cut, "ravdess", SMALL)
    assert _contents(cut) == _contents(whole)


def test_two_processes_do_not_fill_one_folder(tmp_path: Path) -> None:
    with folder_lock(tmp_path / "tree" / TRUTH), pytest.raises(StorageError, match="in use"):
        export(tmp_path / "tree", "ravdess", RAV)


def test_a_tree_of_recordings_is_never_touched(tmp_path: Path) -> None:
    clip = tmp_path / "Actor_01" / "01-01-03-02-02-01-01.mp4"
    clip.parent.mkdir()
    clip.write_bytes(b"a recording")
    with pytest.raises(DatasetError, match="other files"):
        export(tmp_path, "ravdess", RAV)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["Actor_01"]
    assert ravdess.read(tmp_path).kind == "real"


def test_other_parameters_or_a_damaged_marker_are_refused(ravdess_tree: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"other parameters \(size\)"):
        export(ravdess_tree, "ravdess", replace(RAV, size=64))
    (tmp_path / MARKER).write_text("{}")
    with pytest.raises(DatasetError, match=r"RENDERED\.json"):
        read_marker(tmp_path)


@pytest.mark.parametrize(
    ("layout", "change", "said"),
    [
        ("mead", {"speakers": 49}, "speakers up to 48"),
        ("mead", {"sentences": 41}, "sentences up to 40"),
        ("mead", {"size": 33}, "even"),
        ("ravdess", {"speakers": 25}, "speakers up to 24"),
        ("ravdess", {"sentences": 3}, "sentences up to 2"),
        ("ravdess", {"intensities": (3,)}, "intensities up to 2"),
        ("ravdess", {"emotions": ("calm",)}, "calm"),
        ("raddess", {}, "ravdess"),
    ],
)
def test_what_a_layout_has_no_room_for_is_refused(
    tmp_path: Path, layout: str, change: dict[str, object], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        export(tmp_path / "tree", layout, replace(RAV, **change))
    assert not (tmp_path / "tree").exists()


def test_a_complete_mead_actor_has_meads_numbers() -> None:
    nominal = card("mead").nominal
    for actor in mead_like.actors():
        for emotion in ("neutral", "happy", "disgusted"):
            clips = mead_like.numbered(actor, emotion)
            assert len(clips) == nominal["neutral" if emotion == "neutral" else "other"]
            assert len({number for number, _ in clips}) == len(clips)
            assert [sentence for _, sentence in clips[: len(COMMON)]] == [*COMMON]


@pytest.mark.parametrize("actor", mead_like.actors())
def test_common_sentences_stand_where_the_published_pairs_have_them(actor: str) -> None:
    for emotion in ("neutral", "angry", "disgusted"):
        level = 1 if emotion == "neutral" else 3
        for number, sentence in mead_like.numbered(actor, emotion):
            said = mead.documented_sentence(actor, emotion, level, number)
            if said is not None:
                assert said == f"{actor}-common-{sentence + 1}"
            elif actor in {*card("mead").shared["disgusted-first"], *card("mead").shared["disgusted-last"]}:
                assert sentence not in COMMON


def test_some_actors_numbers_have_gaps_and_all_actors_are_meads() -> None:
    assert sorted(mead_like.actors()) == sorted(card("mead").speakers)
    gaps = {
        actor: any(b - a > 1 for a, b in pairwise(sorted(n for n, _ in mead_like.numbered(actor, "sad"))))
        for actor in mead_like.actors()
    }
    assert not gaps["M003"]
    assert gaps["W029"]


def test_a_complete_ravdess_actor_has_ravdesss_trials() -> None:
    wanted = ravdess_like.rows(Recipe(1, 2, intensities=(1, 2), seconds=None))
    names = {record.id.split("/")[1] for record, _ in wanted}
    assert names == {name for name in ravdess.speech_trials("Actor_01") if name.split("-")[2] != "02"}
    assert {spec.sentence for _, spec in wanted} == {*RAVDESS}
    assert {spec.fps for _, spec in wanted} == {Fraction(30000, 1001)}
    takes = [spec.length for record, spec in wanted if record.id.split("-")[2:5] == ["03", "01", "01"]]
    assert len(set(takes)) == 2


def _contents(root: Path) -> dict[str, bytes]:
    files = (path for path in root.rglob("*") if path.is_file() and path.name != ".lock")
    return {str(path.relative_to(root)): path.read_bytes() for path in files}


def _lag(a: np.ndarray, b: np.ndarray) -> int:
    """Samples by which ``a`` comes later than ``b``."""
    size = 2 * len(a)
    peak = int(np.fft.irfft(np.fft.rfft(a, size) * np.conj(np.fft.rfft(b, size))).argmax())
    return peak if peak < len(a) else peak - size
