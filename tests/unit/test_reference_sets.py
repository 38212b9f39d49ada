"""FID and KID as metrics: which frames, which pairs, what is said of n; torchmetrics on the same features."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torchmetrics.image.fid import _compute_fid
from torchmetrics.image.kid import KernelInceptionDistance

from spfem_bench.registry import resolve
from spfem_bench.suites import load_suite
from spfem_bench.testing import check_metric, fake_observation
from spfem_metrics import ClipFeatures, DefinitionError, Observation, Row, Scored, TrialFacts, Unscored
from spfem_metrics.functional.kernel_intervals import kernel_interval
from spfem_metrics.metrics.fid import fid, kid
from spfem_metrics.metrics.sets import IDENTITY, FrechetDistance, frechet_identity, kid_identity
from tests.support.parity import of_each, release

WIDTH = 16
NAME = "inception-pytorch-fid"


def clip(name: str, speaker: str, side: str, count: int = 12, extractor: str = NAME) -> Observation:
    """A clip of known features, drawn from its name around its speaker's place."""
    draw = np.random.default_rng(sum(place * ord(letter) for place, letter in enumerate(name, 1)))
    place = np.random.default_rng(ord(speaker[-1])).normal(size=WIDTH)
    shift = 0.3 if side == "generated" else 0.0
    rows = (place + shift + draw.normal(size=(count, WIDTH))).astype(np.float32)
    arrays = {extractor: {"features": rows, "valid": np.ones(count, bool)}}
    facts = TrialFacts(name, speaker, "happy", "real" if side == "real" else "generated")
    seen = ClipFeatures(25.0, np.arange(count) / 25, (64, 64), arrays)
    return Observation(facts, {"output": seen}, np.arange(count, dtype=np.int64))


def clips(side: str, speakers: str = "ABCD", count: int = 12, **options) -> list[Observation]:
    return [clip(f"{side}-{s}-{i}", f"S{s}", side, count, **options) for s in speakers for i in range(2)]


MADE, REAL = clips("generated"), clips("real")


def rows(metric, observations: list[Observation]) -> list[Row]:
    return [Row(seen.trial, metric.observe(seen)) for seen in observations]


def pooled(observations: list[Observation], extractor: str = NAME) -> np.ndarray:
    return np.concatenate([seen.sides["output"][extractor]["features"] for seen in observations])


def reduced(metric, *observations: Observation):
    return metric.reduce(rows(metric, list(observations)))


def moments(x: np.ndarray, ddof: int) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.from_numpy(x.mean(axis=0)), torch.from_numpy(np.cov(x, rowvar=False, ddof=ddof))


@pytest.mark.parametrize("ddof", [0, 1])
def test_fid_is_torchmetrics_on_the_same_features(parity, ddof) -> None:
    """Full rank in double precision on both sides: 1e-9 leaves room for the condition of the product only.

    Of 96 frames the other ddof moves covariances by 1 in 96, and the distance by far more than that room.
    """
    score = reduced(fid(frames="all", ddof=ddof), *MADE, *REAL)
    x, y = pooled(MADE).astype(float), pooled(REAL).astype(float)
    right, wrong = (float(_compute_fid(*moments(x, d), *moments(y, d))) for d in (ddof, 1 - ddof))
    oracle = f"{release('torchmetrics')}, covariances by ddof {ddof}"
    parity(f"FID, ddof {ddof}: score", oracle, score.outcome.value, right, of_each(1e-9), n=(192, "frames"))
    assert abs(right / wrong - 1) > 1e-4


def test_the_ddof_is_signed() -> None:
    lines = [fid(ddof=ddof).signature({NAME: "net"}).line for ddof in (0, 1)]
    assert lines[0] == lines[1].replace("|ddof:1|", "|ddof:0|") != lines[1]


def test_kid_is_torchmetrics_on_the_same_features(parity) -> None:
    """torchmetrics sums the kernel in the features' float32, of 1e4 pairs each a few units: 1e-4."""
    score = reduced(kid(frames="all"), *MADE, *REAL)
    upstream = KernelInceptionDistance(feature=torch.nn.Identity(), subsets=1, subset_size=len(pooled(REAL)))
    upstream.update(torch.from_numpy(pooled(REAL)), real=True)
    upstream.update(torch.from_numpy(pooled(MADE)), real=False)
    found, wanted = score.outcome.value, upstream.compute()[0]
    parity("KID: score", release("torchmetrics"), found, wanted, of_each(1e-4), n=(192, "frames"))
    assert (score.half_width, score.interval) == (None, "")


def test_kid_between_speakers_has_the_jackknifes_interval() -> None:
    score = reduced(kid(frames="all", pairs="between-speakers"), *MADE, *REAL)
    speakers = [seen.trial.speaker for seen in MADE for _ in range(12)]
    wanted = kernel_interval((pooled(MADE), speakers), (pooled(REAL), speakers))
    assert score.outcome.value == pytest.approx(wanted.estimate, rel=1e-9)
    assert score.half_width == pytest.approx(wanted.half_width, rel=1e-6)
    assert score.interval == "jackknife t over 4 speakers"


def both_kids(made: list[Observation], real: list[Observation]) -> tuple[float, float]:
    """The published one and that between speakers."""
    values = [
        reduced(kid(frames="all", pairs=pairs), *made, *real).outcome.value
        for pairs in ("all", "between-speakers")
    ]
    return values[0], values[1]


def test_near_copies_raise_the_published_kid_above_that_between_speakers() -> None:
    """Each clip a place of its own, and frames that hardly leave it: what makes sets of videos."""

    def crowded(side: str) -> list[Observation]:
        found = clips(side)
        for seen in found:
            features = seen.sides["output"][NAME]["features"]
            features[:] = features[0] + (features - features[0]) / 20
        return found

    published, between = both_kids(crowded("generated"), crowded("real"))
    assert published > 2 * abs(between)


def test_generated_clips_that_repeat_real_ones_lower_the_published_kid_below_that_between_speakers() -> None:
    made, real = clips("generated"), clips("real")
    for one, other in zip(made, real, strict=True):
        one.sides["output"][NAME]["features"][:] = 1.2 * other.sides["output"][NAME]["features"]
    published, between = both_kids(made, real)
    assert between > published
    assert abs(between / published - 1) > 0.1


def test_too_few_speakers_give_no_interval_and_one_speaker_no_pair() -> None:
    two = [*clips("generated", "AB"), *clips("real", "AB")]
    score = reduced(kid(pairs="between-speakers"), *two)
    assert isinstance(score.outcome, Scored)
    assert (score.half_width, score.interval) == (None, "")
    assert score.notes[-1] == "no interval: 2 speakers are too few to leave one out"
    lone = reduced(kid(pairs="between-speakers"), *clips("generated", "A"), *clips("real", "ABC"))
    assert lone.outcome == Unscored("a side has one speaker only, so no pair of frames of different speakers")
    assert (lone.scored, lone.total) == (2, 2)
    published = reduced(kid(), *clips("generated", "A"), *clips("real", "A"))
    assert isinstance(published.outcome, Scored)


def test_only_the_published_form_is_named_kid() -> None:
    published, between = kid().info, kid(pairs="between-speakers").info
    assert (published.name, published.label) == ("kid", "KID")
    assert (between.name, between.label) == ("kid-between-speakers", "KID between")
    assert "of different speakers only. It is not the published KID" in between.about
    assert "(`kid`)" in between.about
    assert "different speakers" not in published.about
    other = kid("clean-fid", pairs="between-speakers").info
    assert (other.name, other.label) == ("kid-clean-between-speakers", "KID clean between")
    assert "(`kid-clean`)" in other.about


def test_standard_v1_has_either_kid_under_its_own_name() -> None:
    suite = load_suite("standard-v1")
    made = [resolve("spfem_bench.metrics", part.factory, {})(**part.options) for part in suite.metrics]
    lines = [m.signature({NAME: "net"}).line for m in made if m.info.name.startswith("kid")]
    assert [line.split("|")[0] for line in lines] == ["kid", "kid-between-speakers"]
    assert "|estimate:unbiased-all-rows|" in lines[0]
    assert "|estimate:unbiased-between-speakers|" in lines[1]
    assert len({metric.info.name for metric in made}) == len(made)


def test_the_frames_that_are_compared_stand_in_what_is_said_of_them() -> None:
    assert (
        "Of a clip at most 32 frames count, evenly spaced, and of either side equally many"
        in fid().info.about
    )
    assert (
        "Every one of a clip's frames counts, and of either side all"
        in fid(frames="all", count="all").info.about
    )
    for pairs in ("all", "between-speakers"):
        assert "at most 5 frames count" in kid(frames=5, pairs=pairs).info.about


def test_between_speakers_is_a_metric_of_its_own_name() -> None:
    definitions = {"identity": "net", "faces": "finder"}
    before, between = (kid_identity(32, pairs=p).signature(definitions) for p in ("all", "between-speakers"))
    assert before.line == (
        "kid-identity|v2|identity:net|faces:finder|frames:even32|n:equal-by-hash|kernel:(x.y+1)^3|"
        "estimate:unbiased-all-rows|faces-min:output0.9-of-source,other0.5|miss:exclude"
    )
    assert between.line == before.line.replace("kid-identity|", "kid-identity-between-speakers|").replace(
        "all-rows", "between-speakers"
    )
    assert frechet_identity(32).signature(definitions).line == (
        "frechet-identity|v2|identity:net|faces:finder|frames:even32|n:equal-by-hash|ddof:1|"
        "faces-min:output0.9-of-source,other0.5|miss:exclude"
    )


@pytest.mark.parametrize(
    ("preprocessing", "suffix"),
    [
        ("pytorch-fid", ""),
        ("clean-fid", "-clean"),
        ("torch-fidelity", "-torch-fidelity"),
        ("torchmetrics", "-torchmetrics"),
    ],
)
def test_each_preprocessing_is_a_metric_of_its_own(preprocessing, suffix) -> None:
    extractor = f"inception-{preprocessing}"
    for kind, make in (("fid", fid), ("kid", kid)):
        metric = make(preprocessing)
        assert metric.info.name == kind + suffix
        assert [need.extractor for need in metric.info.needs] == [extractor]
        made, real = clips("generated", extractor=extractor), clips("real", extractor=extractor)
        check_metric(metric, made, reals=real)
        if kind == "kid":
            check_metric(make(preprocessing, pairs="between-speakers"), made, reals=real)
    line = fid(preprocessing).signature({extractor: "net"}).line
    assert line == f"fid{suffix}|v1|{extractor}:net|frames:even32|n:equal-by-hash|ddof:1|miss:exclude"


def test_n_its_bias_and_a_lack_of_rank_stand_in_every_score() -> None:
    score = reduced(fid(frames=5), *MADE, *REAL[:6])
    assert score.notes == (
        "n = 30 frames a side (40 from 8 of 8 generated clips, 30 from 6 of 6 real clips); "
        "small n raises a Fréchet distance",
        "n = 30 does not exceed the 2048 values of a vector: covariances lack rank, and the bias of small "
        "n is most of the distance",
    )
    notes = reduced(kid(frames=5), *MADE, *REAL[:6]).notes
    assert notes[0].startswith("n = 30 frames a side")
    assert notes[0].endswith("no bias by n, but more spread when small")


def test_small_n_raises_a_frechet_distance_of_one_distribution() -> None:
    """The bias itself: sets of one distribution, whose distance is 0."""
    draw = np.random.default_rng(1).normal(size=(2, 800, WIDTH)).astype(np.float32)
    values = []
    for count in (20, 100, 800):
        pair = [clip("g", "SA", "generated", count), clip("r", "SA", "real", count)]
        for seen, own in zip(pair, draw, strict=True):
            seen.sides["output"][NAME]["features"][:] = own[:count]
        values.append(reduced(fid(frames="all"), *pair).outcome.value)
    assert values[0] > 2 * values[1] > 4 * values[2] > 0


def test_every_frame_of_a_clip_can_be_taken_and_both_sides_counted_whole() -> None:
    long = clip("long", "SA", "generated", 77)
    assert len(fid(frames="all").observe(long).matrix) == 77
    assert len(fid(frames=32).observe(long).matrix) == 32
    whole = FrechetDistance(replace(IDENTITY, name="x", version=1), "all", "all")
    assert "|frames:all|n:all|" in whole.signature({"identity": "net", "faces": "finder"}).line
    score = reduced(fid(frames="all", count="all"), long, clip("real", "SA", "real", 50))
    assert score.notes[0].startswith("n = 77 generated and 50 real frames")


def test_frames_that_the_extractor_could_not_read_are_not_taken() -> None:
    seen = clip("x", "SA", "generated")
    seen.sides["output"][NAME]["valid"][:4] = False
    assert len(fid(frames="all").observe(seen).matrix) == 8
    seen.sides["output"][NAME]["valid"][:] = False
    assert fid().observe(seen) == Unscored(f"no frame could be read by {NAME}")


def test_with_face_crops_only_frames_with_a_face_count() -> None:
    metric = fid(crop="face", frames="all")
    assert [need.extractor for need in metric.info.needs] == [NAME, "faces", "faces"]
    seen = fake_observation("t", frames=20)
    arrays = {"features": np.zeros((20, WIDTH), np.float32), "valid": np.arange(20) < 19}
    output = seen.sides["output"]
    with_features = replace(output, arrays={**output.arrays, NAME: arrays})
    made = metric.observe(replace(seen, sides={**seen.sides, "output": with_features}))
    assert made.matrix.shape == (19, WIDTH)


@pytest.mark.parametrize(
    ("make", "options"),
    [
        (fid, {"preprocessing": "legacy"}),
        (fid, {"crop": "mouth"}),
        (fid, {"frames": 0}),
        (fid, {"frames": "some"}),
        (fid, {"ddof": 2}),
        (kid, {"pairs": "between"}),
        (kid, {"frames": -1}),
    ],
)
def test_options_that_cannot_be_are_refused(make, options) -> None:
    with pytest.raises(DefinitionError):
        make(**options)
