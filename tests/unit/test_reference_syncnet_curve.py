"""From embeddings to LSE-D, LSE-C and offset: torch's own functions as the oracle, and the metrics upon them.

The oracle works in float32, we in float64: a distance is off by some 2**-24 * sqrt(1024) = 2e-6 of itself, a
mean of hundreds by no more; 1e-5 leaves room.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import medfilt

from spfem_metrics import ClipFeatures, DefinitionError, InputError, Metric, Observation, Reading, Unscored
from spfem_metrics.functional.lipsync import sync_curve, sync_distances
from spfem_metrics.functional.syncnet import EPS, lower_median, syncnet_score, zero_padded_median
from spfem_metrics.metric import TrialFacts
from spfem_metrics.metrics.syncnet import SyncNetMetric
from tests.support import syncnet as slow
from tests.support.parity import EXACT, of, release

ROUNDING = 1e-5
LENGTHS = "the embeddings' lengths"
EVALUATE = f"syncnet_python's evaluate by {release('torch')}'s functions, float32"
PUBLISHED = ("official", "wav2lip", "ned30")


def embeddings(count: int, seed: int = 0, late: int = 0, width: int = 64) -> tuple[np.ndarray, np.ndarray]:
    """Lips that say what the sound says, ``late`` windows after it, with noise on both."""
    random = np.random.default_rng(seed)
    said = random.normal(0, 1, (count + 80, width))
    lips, sound = said[40 - late : 40 - late + count], said[40 : 40 + count]
    noise = random.normal(0, 0.2, (2, count, width))
    return (lips + noise[0]).astype(np.float32), (sound + noise[1]).astype(np.float32)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 70), st.sampled_from([10, 15]), st.integers(-9, 9), st.integers(0, 99))
def test_all_numbers_are_those_of_torchs_functions(parity, count, reach, late, seed) -> None:
    video, audio = embeddings(count, seed, late)
    wanted = slow.compared(torch.from_numpy(video), torch.from_numpy(audio), reach)
    found = syncnet_score(video, audio, reach=reach)
    lengths = float(np.linalg.norm(video, axis=1).max() + np.linalg.norm(audio, axis=1).max())
    n, once = (count, "windows"), of(ROUNDING, lengths, LENGTHS)
    twice = of(2 * ROUNDING, lengths, LENGTHS)
    parity("LSE-D", EVALUATE, found.distance, wanted.distance, once, n=n)
    parity("LSE-C", EVALUATE, found.confidence, wanted.confidence, twice, n=n)
    parity("LSE-C, frame by frame", EVALUATE, found.framewise, wanted.framewise, twice, n=n)
    # Where two shifts are equal to rounding, either may be the least.
    named = wanted.means[reach - found.offset]
    parity("sync offset: its distance", EVALUATE, named, wanted.distance, once, n=n)


@pytest.mark.parametrize("late", [-7, 0, 3, 12])
def test_an_offset_is_positive_where_the_lips_come_late(late: int) -> None:
    assert syncnet_score(*embeddings(60, 1, late), reach=15).offset == late


def test_of_equal_shifts_the_largest_is_named_as_torch_does() -> None:
    """A lone window: all shifts but 0 compare it with zeros."""
    far = np.full((1, 8), 100.0)
    assert syncnet_score(np.zeros((1, 8)), far, reach=15).offset == 15


def test_the_epsilon_stands_inside_the_norm() -> None:
    """Equal embeddings are sqrt(D) * 1e-6 apart, not 0 and not 1e-6."""
    same = np.random.default_rng(0).normal(0, 1, (40, 1024))
    found = syncnet_score(same, same, reach=15)
    assert found.distance == pytest.approx(EPS * 1024**0.5, rel=1e-6)


@pytest.mark.parametrize(("windows", "share"), [(20, 0.39), (45, 0.17), (95, 0.08), (250, 0.03)])
def test_zeros_beyond_the_ends_are_counted(windows: int, share: float) -> None:
    found = syncnet_score(*embeddings(windows), reach=15)
    assert found.padded == pytest.approx(share, abs=0.005)


def test_zeros_beyond_the_ends_move_the_numbers_of_short_clips() -> None:
    video, audio = embeddings(30, 2)
    padded, paired = (
        syncnet_score(video, audio, reach=15),
        sync_curve(sync_distances(video, audio, reach=15, ends="paired")),
    )
    assert padded.distance == pytest.approx(paired.distance(), rel=1e-4)  # at shift 0 nothing is padded
    assert padded.confidence < 0.95 * paired.confidence()


@given(st.lists(st.floats(-50, 50, width=32), min_size=1, max_size=40))
def test_the_median_is_torchs_lower_one(parity, values: list[float]) -> None:
    wanted = torch.median(torch.tensor(values, dtype=torch.float64))
    parity("LSE-C: median", release("torch"), lower_median(values), wanted, EXACT, n=(len(values), "values"))


def test_the_lower_median_is_not_numpys() -> None:
    assert lower_median([1.0, 2.0, 3.0, 10.0]) == 2.0
    assert np.median([1.0, 2.0, 3.0, 10.0]) == 2.5
    with pytest.raises(InputError, match="no values"):
        lower_median([])


@given(st.lists(st.floats(-50, 50), min_size=9, max_size=40), st.sampled_from([1, 3, 9]))
def test_the_running_median_is_scipys(parity, values: list[float], width: int) -> None:
    found, oracle = zero_padded_median(values, width), f"{release('scipy')} medfilt"
    parity("LSE-C: running median", oracle, found, medfilt(values, width), EXACT, n=(len(values), "values"))


def test_the_running_median_draws_the_ends_to_0() -> None:
    found = zero_padded_median(np.full(20, 7.0), 9)
    assert found[0] == found[-1] == 7.0  # five of nine are there
    rising = zero_padded_median(np.arange(1.0, 21.0), 9)
    assert rising[0] == 1.0  # the least of the first five, where their median is 3
    with pytest.raises(InputError, match="odd"):
        zero_padded_median([1.0], 4)


def observation(arrays: Mapping[str, Mapping[str, Any]], frames: int, fps: float = 25) -> Observation:
    side = ClipFeatures(fps, np.arange(frames) / fps, (224, 224), arrays)
    facts = TrialFacts("a", "speaker", "happy")
    return Observation(facts, {"output": side, "source": side}, np.arange(frames))


def published(name: str, windows: int, *, samples: int = 16000, fps: float = 25) -> Observation:
    video, audio = embeddings(windows, 3, 2)
    counts = {"pictures": np.array([windows + 5]), "samples": np.array([samples])}
    return observation({f"syncnet-{name}": {"video": video, "audio": audio, **counts}}, windows + 5, fps)


def followed(windows: int, side: float = 100, **seen: Any) -> Observation:
    video, audio = embeddings(windows, 4, 3)
    flags = {name: np.ones(windows, bool) for name in ("video_valid", "audio_valid")} | seen
    box = np.tile(np.array([10, 10, 10 + side, 10 + 0.8 * side], np.float32), (windows, 1))
    faces = {"found": np.ones(windows, bool), "raw_box": box}
    return observation({"syncnet-clean": {"video": video, "audio": audio, **flags}, "faces": faces}, windows)


def all_metrics() -> list[SyncNetMetric]:
    kinds = ("lse-d", "lse-c", "sync-offset")
    return [SyncNetMetric("lse-d", "ned30")] + [
        SyncNetMetric(kind, protocol) for protocol in ("official", "wav2lip", "clean") for kind in kinds
    ]


def test_every_metric_is_one_of_its_own_name_and_signature() -> None:
    metrics = all_metrics()
    assert all(isinstance(metric, Metric) for metric in metrics)
    assert len({m.info.name for m in metrics}) == len(metrics) == 10
    lines = {m.signature({n.extractor: n.extractor for n in m.info.needs}).line for m in metrics}
    assert len(lines) == 10
    assert "|syncnet-official:syncnet-official|norm:euclidean|reach:15|" in "".join(lines)
    assert all("|eps:1e-06|ends:zero-padded|" in line for line in lines if "-clean" not in line)
    assert all("|eps:0|ends:paired|" in line for line in lines if "-clean" in line)


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_numbers_are_read_as_published(name: str) -> None:
    trial = published(name, 40, fps=30 if name == "ned30" else 25)
    wanted = syncnet_score(*embeddings(40, 3, 2), reach=10 if name == "ned30" else 15)
    found = SyncNetMetric("lse-d", name).observe(trial)
    assert isinstance(found, Reading)
    assert (found.value, found.parts["offset"], found.parts["windows"]) == (wanted.distance, 2, 40)
    if name != "ned30":
        assert SyncNetMetric("lse-c", name).observe(trial).value == wanted.confidence
        assert SyncNetMetric("sync-offset", name).observe(trial).value == 2


def test_clean_numbers_are_those_of_pairs_that_exist() -> None:
    seen = np.ones(60, bool)
    seen[[20, 21]] = False
    trial = followed(60, video_valid=seen)
    video, audio = embeddings(60, 4, 3)
    curve = sync_curve(sync_distances(video, audio, seen=(seen, np.ones(60, bool))))
    values = [SyncNetMetric(kind, "clean").observe(trial).value for kind in ("lse-d", "lse-c", "sync-offset")]
    assert values == [curve.distance(), curve.confidence(), 3]


@pytest.mark.parametrize(
    ("metric", "trial", "reason"),
    [
        (SyncNetMetric("lse-d", "official"), published("official", 0, samples=0), "the output has no sound"),
        (
            SyncNetMetric("lse-c", "wav2lip"),
            published("wav2lip", 0, samples=3200),
            "too short for SyncNet: 5 pictures and 0.20 s of sound hold no window",
        ),
        (
            SyncNetMetric("lse-d", "ned30"),
            published("ned30", 40, fps=25),
            "the protocol reads 30 frames/s only; the output has 25",
        ),
        (
            SyncNetMetric("lse-d", "clean"),
            followed(60, side=40),
            "the output's face is 40 px large at the median, 50 px needed",
        ),
        (
            SyncNetMetric("lse-d", "clean"),
            followed(24),
            "9 windows left to compare at a shift of 15 frames, 10 needed",
        ),
        (
            SyncNetMetric("lse-d", "clean"),
            followed(60, audio_valid=np.zeros(60, bool)),
            "the output has no sound that the lip-sync network could read",
        ),
    ],
)
def test_what_cannot_be_read_says_why(metric: SyncNetMetric, trial: Observation, reason: str) -> None:
    assert metric.observe(trial) == Unscored(reason)


def test_an_empty_track_is_not_a_number() -> None:
    trial = followed(60)
    faces = {**trial.sides["output"]["faces"], "found": np.zeros(60, bool)}
    arrays = {**trial.sides["output"].arrays, "faces": faces}
    lost = SyncNetMetric("lse-d", "clean").observe(observation(arrays, 60))
    assert lost == Unscored("no face in any of the 60 output frames")


def test_a_smaller_face_may_be_allowed_which_the_signature_says() -> None:
    metric = SyncNetMetric("lse-d", "clean", face_min=30)
    assert isinstance(metric.observe(followed(60, side=40)), Reading)
    definitions = {"syncnet-clean": "x", "faces": "y"}
    assert "|face-min:30px|" in metric.signature(definitions).line
    assert metric.signature(definitions) != SyncNetMetric("lse-d", "clean").signature(definitions)


@pytest.mark.parametrize(
    "arguments", [("lse-x", "clean"), ("lse-d", "demo"), ("lse-c", "ned30"), ("lse-d", "official", 30)]
)
def test_what_there_is_none_of_is_refused(arguments: tuple[Any, ...]) -> None:
    with pytest.raises(DefinitionError):
        SyncNetMetric(*arguments)
