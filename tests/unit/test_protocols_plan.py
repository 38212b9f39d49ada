from __future__ import annotations

import re
from collections import Counter
from itertools import product
from pathlib import Path

import pytest

from spfem_bench.datasets import SPFEM_EMOTIONS, ClipRecord, Dataset
from spfem_bench.datasets.cards import card
from spfem_bench.datasets.folder import read as read_folder
from spfem_bench.datasets.mead import read as read_mead
from spfem_bench.datasets.mead_numbers import SCHEME_A, SCHEME_B, mead_numbers
from spfem_bench.datasets.ravdess import read as read_ravdess
from spfem_bench.datasets.ravdess import speech_trials
from spfem_bench.digest import digest_of
from spfem_bench.errors import ConfigError, DatasetError, UsageError
from spfem_bench.protocols import Plan, load_protocol, make_plan
from spfem_bench.resources import config_path, list_configs

TEST_ACTORS = ("M003", "M009", "M012", "M030", "W015", "W029")
MEAD_MAP = {"M003": "W015", "M009": "M003", "W029": "M009", "M012": "W029", "M030": "M012", "W015": "M030"}


def touch(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")


@pytest.fixture(scope="module")
def mead(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """The six test actors, complete in the front view; W029 numbered with gaps."""
    root = tmp_path_factory.mktemp("mead")
    for actor, emotion in product(TEST_ACTORS, (*SPFEM_EMOTIONS, "contempt")):
        scheme = SCHEME_B if actor == "W029" else SCHEME_A
        levels = (1,) if emotion == "neutral" else (2, 3)
        for level, number in product(levels, mead_numbers(scheme, emotion)):
            touch(root / actor / "video" / "front" / emotion / f"level_{level}" / f"{number:03d}.mp4")
    touch(root / "M003/video/top/happy/level_3/030.mp4")
    return read_mead(root)


@pytest.fixture(scope="module")
def ravdess(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    root = tmp_path_factory.mktemp("ravdess")
    for actor in range(1, 8):
        for trial in speech_trials(f"Actor_{actor:02d}"):
            touch(root / f"Actor_{actor:02d}" / f"{trial}.mp4")
    return read_ravdess(root)


def synthetic(speakers: int = 3, sentences: int = 2) -> Dataset:
    records = [
        ClipRecord(f"s{s}/{e}/{w}", f"{s}-{e}-{w}.mkv", f"s{s}", e, 1 if e == "neutral" else 3, f"w{w}")
        for s, e, w in product(range(speakers), SPFEM_EMOTIONS, range(sentences))
    ]
    return Dataset("synthetic", Path("/none"), sorted(records, key=lambda r: r.id), kind="rendered")


def test_every_shipped_protocol_loads_and_names_itself() -> None:
    names = list_configs("protocols")
    assert {"spfem-cross-id@1", "spfem-intra-id@1", "paired@1", "open-cross-id@1"} <= set(names)
    for name in names:
        spec = load_protocol(name)
        assert spec.name.replace("/", "-") == name
        digest_of(dict(spec.content))


def test_cross_id_on_mead_is_the_papers_cast(mead: Dataset) -> None:
    plan = make_plan(mead, "spfem/cross-id@1")
    assert len(plan.trials) == 6 * 10 * 7
    assert len(plan.reals) == 6 * (10 + 6 * 6)
    assert {t.speaker: t.reference.speaker for t in plan.trials if t.reference} == MEAD_MAP
    for trial in plan.trials:
        assert trial.reference is not None
        assert trial.source.emotion == "neutral"
        assert trial.source.intensity == 1
        assert trial.reference.emotion == trial.emotion
        assert trial.reference.intensity == (1 if trial.emotion == "neutral" else 3)
        assert trial.source.extra["view"] == trial.reference.extra["view"] == "front"
        assert trial.truth is None
    assert {t.emotion for t in plan.trials} == set(SPFEM_EMOTIONS)
    assert plan.align == "identity"
    assert any("unpublished" in sentence for sentence in plan.footer)


def test_mead_s_test_clips_are_the_last_by_rank_whatever_the_numbering(mead: Dataset) -> None:
    plan = make_plan(mead, "spfem/cross-id@1")
    sources = {(t.speaker, t.source.extra["number"]) for t in plan.trials}
    assert sorted(n for s, n in sources if s == "M003") == [f"{n:03d}" for n in range(31, 41)]
    gappy = mead_numbers(SCHEME_B, "neutral")[-10:]
    assert sorted(n for s, n in sources if s == "W029") == [f"{n:03d}" for n in gappy]
    happy = [r.clip.extra["number"] for r in plan.reals if (r.speaker, r.emotion) == ("M003", "happy")]
    assert sorted(happy) == [f"{n:03d}" for n in range(25, 31)]


def test_source_i_takes_reference_i_counted_around(mead: Dataset) -> None:
    plan = make_plan(mead, "spfem/cross-id@1", speakers=["M003"], emotions=["happy"])
    pairs = sorted(
        (t.source.extra["number"], t.reference.extra["number"]) for t in plan.trials if t.reference
    )
    assert pairs == [(f"{31 + i:03d}", f"{25 + i % 6:03d}") for i in range(10)]
    assert plan.trials[0].id == "M003__neutral-031__to__happy__ref-W015-025"


def test_intra_id_is_a_reconstruction(mead: Dataset) -> None:
    plan = make_plan(mead, "spfem/intra-id@1")
    assert len(plan.trials) == len(plan.reals) == 6 * (10 + 6 * 6)
    for trial in plan.trials:
        assert trial.reference is not None
        assert trial.reference.speaker == trial.speaker
        assert trial.source.emotion == trial.reference.emotion == trial.emotion
        assert trial.truth == trial.source != trial.reference
    assert {t.source.id for t in plan.trials} == {r.clip.id for r in plan.reals}


def test_ravdess_takes_statement_02_repetition_02_of_six_actors(ravdess: Dataset) -> None:
    plan = make_plan(ravdess, "spfem/cross-id@1")
    assert len(plan.trials) == len(plan.reals) == 6 * 7
    for trial in plan.trials:
        assert trial.reference is not None
        assert re.search(r"-02-02-\d\d$", trial.source.id)
        assert re.search(r"-02-02-\d\d$", trial.reference.id)
        assert trial.reference.intensity == (1 if trial.emotion == "neutral" else 2)
        actor, giver = (int(r.speaker[-2:]) for r in (trial.source, trial.reference))
        assert giver == (actor - 1 or 6)
    intra = make_plan(ravdess, "spfem/intra-id@1")
    assert all(trial.reference == trial.source for trial in intra.trials)  # one clip an emotion


def test_paired_on_ravdess_pairs_statement_and_repetition(ravdess: Dataset) -> None:
    plan = make_plan(ravdess, "paired@1")
    assert plan.align == "dtw"
    assert len(plan.trials) == 7 * 2 * 2 * 6
    for trial in plan.trials:
        assert trial.truth is not None
        assert trial.reference is not None
        assert trial.source.emotion == "neutral" != trial.emotion
        assert (trial.truth.speaker, trial.truth.emotion) == (trial.speaker, trial.emotion)
        assert (trial.truth.sentence, trial.truth.take) == (trial.source.sentence, trial.source.take)
        assert trial.reference.speaker != trial.speaker
        assert trial.reference.sentence != trial.source.sentence


def test_paired_on_mead_needs_known_words(mead: Dataset, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"paired@1 finds no trial .* as far as is known"):
        make_plan(mead, "paired@1")
    for actor, emotion, number in product(("M005", "W023"), ("neutral", "disgusted"), (1, 2, 28)):
        level = 1 if emotion == "neutral" else 3
        touch(tmp_path / actor / "video/front" / emotion / f"level_{level}" / f"{number:03d}.mp4")
    plan = make_plan(read_mead(tmp_path), "paired@1")
    assert sorted((t.source.id, t.truth.id) for t in plan.trials if t.truth) == [
        ("M005/front/neutral/level_1/001", "M005/front/disgusted/level_3/028"),
        ("W023/front/neutral/level_1/001", "W023/front/disgusted/level_3/001"),
        ("W023/front/neutral/level_1/002", "W023/front/disgusted/level_3/002"),
    ]


def test_synthetic_speakers_stand_in_a_ring() -> None:
    plan = make_plan(synthetic(), "spfem/cross-id@1")
    assert {t.speaker: t.reference.speaker for t in plan.trials if t.reference} == {
        "s0": "s2",
        "s1": "s0",
        "s2": "s1",
    }
    paired = make_plan(synthetic(), "paired@1")
    assert paired.align == "identity"
    assert len(paired.trials) == 3 * 2 * 6


@pytest.mark.parametrize("protocol", ["spfem/cross-id@1", "spfem/intra-id@1", "paired@1", "open/cross-id@1"])
def test_ids_are_unique_safe_sorted_and_stable(protocol: str, ravdess: Dataset) -> None:
    for dataset in (ravdess, synthetic()):
        plan = make_plan(dataset, protocol)
        ids = [t.id for t in plan.trials] + [r.id for r in plan.reals]
        assert len({i.casefold() for i in ids}) == len(ids)
        assert all(re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._=+-]{0,119}", i) for i in ids)
        assert [t.id for t in plan.trials] == sorted(t.id for t in plan.trials)
        assert [r.id for r in plan.reals] == sorted(r.id for r in plan.reals)
        shuffled = Dataset(dataset.name, dataset.root, dataset.records[::-1], dataset.kind)
        assert make_plan(shuffled, protocol) == plan


@pytest.mark.parametrize("protocol", ["spfem/cross-id@1", "spfem/intra-id@1", "paired@1", "open/cross-id@1"])
def test_a_stranger_is_a_third_speaker_in_the_emotion(protocol: str, ravdess: Dataset) -> None:
    for trial in make_plan(ravdess, protocol).trials:
        assert trial.stranger is not None
        assert trial.reference is not None
        assert trial.stranger.emotion == trial.emotion
        assert trial.stranger.speaker not in {trial.speaker, trial.reference.speaker}


def test_with_two_speakers_the_stranger_is_the_other_one_and_with_one_nobody() -> None:
    assert {t.stranger.speaker for t in make_plan(synthetic(2), "spfem/cross-id@1").trials if t.stranger} == {
        "s0",
        "s1",
    }
    assert all(t.stranger is None for t in make_plan(synthetic(1), "spfem/intra-id@1").trials)


def test_what_is_missing_is_said_and_the_rest_planned(mead: Dataset) -> None:
    kept = [r for r in mead.records if r.speaker not in {"W029", "M030"}]
    kept = [r for r in kept if not (r.speaker == "M009" and r.id.endswith(("038", "039", "040")))]
    plan = make_plan(Dataset("mead", mead.root, kept), "spfem/cross-id@1")
    footer = " ".join(plan.footer)
    assert "Not in this mead tree: M030, W029." in footer
    assert "W015 has no trial to neutral, angry" in footer
    assert "no test clip of its reference speaker M030 shows that" in footer
    assert {t.speaker for t in plan.trials} == {"M003", "M009"}
    few = [
        r for r in kept if not (r.speaker == "M009" and r.emotion == "neutral" and int(r.extra["number"]) > 4)
    ]
    footer = " ".join(make_plan(Dataset("mead", mead.root, few), "spfem/cross-id@1").footer)
    assert "Fewer test clips here than the rule takes: M009 neutral 4 of 10." in footer


def test_no_trial_is_an_error_that_says_why(mead: Dataset) -> None:
    only = Dataset("mead", mead.root, [r for r in mead.records if r.speaker == "M003"])
    with pytest.raises(DatasetError, match=r"finds no trial in the mead data .*Not in this mead tree: M009"):
        make_plan(only, "spfem/cross-id@1")


def test_a_limit_is_a_balanced_prefix(mead: Dataset) -> None:
    full = make_plan(mead, "spfem/cross-id@1")
    chosen: set[str] = set()
    for limit in (1, 5, 14, 30):
        plan = make_plan(mead, "spfem/cross-id@1", limit=limit)
        ids = {t.id for t in plan.trials}
        assert len(ids) == limit
        assert chosen <= ids <= {t.id for t in full.trials}
        counts = Counter(t.emotion for t in plan.trials)
        assert max(counts.values()) - min([*counts.values(), limit // 7]) <= 1
        assert len(plan.reals) <= limit
        assert any(f"Limited to {limit} of 420 trials" in line for line in plan.footer)
        chosen = ids
    assert make_plan(mead, "spfem/cross-id@1", limit=420) == full
    with pytest.raises(UsageError, match="leaves no trial"):
        make_plan(mead, "spfem/cross-id@1", limit=0)


def test_filters_choose_targets_and_unknown_names_get_a_hint(mead: Dataset) -> None:
    plan = make_plan(mead, "spfem/cross-id@1", speakers=["M003"], emotions=["sad", "happy"])
    assert {(t.speaker, t.emotion) for t in plan.trials} == {("M003", "happy"), ("M003", "sad")}
    assert {(r.speaker, r.emotion) for r in plan.reals} == {("M003", "happy"), ("M003", "sad")}
    with pytest.raises(UsageError, match=r"no emotion 'hapy' .* Did you mean 'happy'\?"):
        make_plan(mead, "spfem/cross-id@1", emotions=["hapy"])
    with pytest.raises(UsageError, match=r"no speaker 'M033'"):
        make_plan(mead, "spfem/cross-id@1", speakers=["M033"])


def write_folder(root: Path, clips: list[tuple[str, str, str | None]]) -> Dataset:
    lines = ["id,file,speaker,emotion"]
    for n, (identity, speaker, emotion) in enumerate(clips):
        touch(root / f"{n}.mp4")
        lines.append(f'"{identity}",{n}.mp4,{speaker},{emotion or ""}')
    (root / "manifest.csv").write_text("\n".join(lines) + "\n")
    return read_folder(root)


def test_open_gives_clips_an_emotion_that_others_show_and_they_do_not(tmp_path: Path) -> None:
    clips = [("a", "a", "happy"), ("b", "b", "sad"), ("c", "c", None), ("d", "d", "contempt")]
    plan = make_plan(write_folder(tmp_path, clips), "open/cross-id@1")
    assert {t.source.id for t in plan.trials} == {"a", "b", "c", "d"}
    for trial in plan.trials:
        assert trial.reference is not None
        assert trial.emotion != trial.source.emotion
        assert trial.reference.emotion == trial.emotion
        assert trial.reference.speaker != trial.speaker
    assert {r.clip.id for r in plan.reals} == {
        c for c, _, e in clips if e in {t.emotion for t in plan.trials}
    }


def test_open_leaves_other_trials_alone_when_an_unlabelled_clip_is_added(tmp_path: Path) -> None:
    clips: list[tuple[str, str, str | None]] = [
        (f"{e}{n}", f"{e}{n}", e) for e in ("happy", "sad", "fear") for n in "12"
    ]
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    before = make_plan(write_folder(tmp_path / "one", clips), "open/cross-id@1")
    after = make_plan(write_folder(tmp_path / "two", [*clips, ("new", "new", None)]), "open/cross-id@1")
    assert {t.id for t in before.trials} < {t.id for t in after.trials}


def test_odd_and_long_names_give_safe_distinct_ids(tmp_path: Path) -> None:
    clips = [
        ("жест", "ю", "sad"),
        ("знак", "ю", "sad"),
        ("x" * 200, "x", "happy"),
        ("x" * 200 + "y", "x", "happy"),
    ]
    clips += [("a b", "p", "fear"), ("a_b", "p", "fear"), ("A_B", "p", "fear"), ("../up", "p", "fear")]
    plan = make_plan(write_folder(tmp_path, clips), "open/cross-id@1")
    assert len(plan.trials) == len(plan.reals) == len(clips)
    ids = [t.id for t in plan.trials] + [r.id for r in plan.reals]
    assert len({i.casefold() for i in ids}) == 2 * len(clips)
    assert all(re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._=+-]{0,119}", i) for i in ids)


def test_the_papers_protocols_refuse_other_data(tmp_path: Path) -> None:
    dataset = write_folder(tmp_path, [("a", "a", "happy"), ("b", "b", "sad")])
    with pytest.raises(UsageError, match="not for folder data; use open/cross-id@1"):
        make_plan(dataset, "spfem/cross-id@1")


def test_a_protocol_of_ones_own_is_read_from_a_path(tmp_path: Path) -> None:
    text = config_path("protocols", "open/cross-id@1").read_text()
    path = tmp_path / "mine.yaml"
    path.write_text(
        text.replace("open/cross-id@1", "mine@1").replace("targets-per-source: 1", "targets-per-source: 2")
    )
    clips = [("a", "a", "happy"), ("b", "b", "sad"), ("c", "c", None)]
    plan = make_plan(write_folder(tmp_path, clips), path)
    assert plan.protocol == "mine@1"
    assert len(plan.trials) == 1 + 1 + 2


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "targets-per-source: 1",
            "targets-per-sorce: 1",
            "unknown key 'targets-per-sorce'.*targets-per-source",
        ),
        ("plan: open", "plan: opened", "may not be"),
        ("[neutral,", "[calm,", "may not be"),
        ("protocol: mine@1", "protocol: Mine", "pattern|does not match"),
        ("protocol: mine@1", "protocol: open/cross-id@1", "which is a shipped protocol"),
    ],
)
def test_a_malformed_protocol_is_refused(tmp_path: Path, old: str, new: str, said: str) -> None:
    text = config_path("protocols", "open/cross-id@1").read_text().replace("open/cross-id@1", "mine@1")
    assert old in text
    (tmp_path / "mine.yaml").write_text(text.replace(old, new))
    with pytest.raises(ConfigError, match=said):
        load_protocol(tmp_path / "mine.yaml")


@pytest.mark.real
def test_the_open_protocol_covers_the_real_fixtures(fixtures_dir: Path) -> None:
    plan: Plan = make_plan(read_folder(fixtures_dir, {"emotion": "expression_seen"}), "open/cross-id@1")
    assert len(plan.trials) == 43
    assert {t.emotion for t in plan.trials} == {"happy", "sad", "angry"}
    assert len(plan.reals) == 8
    assert all(t.reference and t.reference.speaker != t.speaker for t in plan.trials)


def test_paired_on_a_whole_mead_gives_the_published_number_of_pairs(tmp_path: Path) -> None:
    """The released pair list holds 648 clip pairs: 36 actors, 6 emotions, 3 sentences."""
    shared = card("mead").shared
    for actor, emotion in product((*shared["disgusted-first"], *shared["disgusted-last"]), SPFEM_EMOTIONS):
        level = 1 if emotion == "neutral" else 3
        for number in (1, 2, 3, 4, 28, 29, 30):
            touch(tmp_path / actor / "video/front" / emotion / f"level_{level}" / f"{number:03d}.mp4")
    plan = make_plan(read_mead(tmp_path), "paired@1")
    assert len(plan.trials) == 648
    assert len({(t.source.id, t.truth.id) for t in plan.trials if t.truth}) == 648


def test_ids_that_differ_in_case_only_or_in_what_is_not_safe_get_a_digest(tmp_path: Path) -> None:
    clips = [
        ("a_b", "p", None),
        ("A_B", "p", None),
        ("c/d", "p", None),
        ("c-d", "p", None),
        ("q", "q", "happy"),
    ]
    trials = make_plan(write_folder(tmp_path, clips), "open/cross-id@1").trials
    ids = {t.source.id: t.id for t in trials}
    assert len({i.casefold() for i in ids.values()}) == 4
    assert all(re.search(r"__[0-9a-f]{10}$", i) for i in ids.values())
