"""Landmark distance in EAT's pixel form against its script's arithmetic, written out slowly here."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from spfem_metrics import (
    ClipFeatures,
    DefinitionError,
    InputError,
    Metric,
    Observation,
    Reading,
    TrialFacts,
    Unscored,
)
from spfem_metrics.functional.landmarks import (
    MEDIAPIPE_IBUG,
    ibug_of_mediapipe,
    pixel_distances,
    shorter_pairs,
)
from spfem_metrics.metric import Row
from spfem_metrics.metrics.landmarks import REGIONS, LandmarkDistance, PixelLandmarkDistance
from tests.support.parity import of_each

MIRRORED = (
    *range(16, -1, -1),
    *range(26, 16, -1),
    27, 28, 29, 30, 35, 34, 33, 32, 31,
    45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40,
    54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 64, 63, 62, 61, 60, 67, 66, 65,
)  # fmt: skip
"""Where each of iBUG's landmarks is in a mirrored face, from the numbering in Sagonas et al. 2013."""


def faces(frames: int, seed: int, found: list[bool] | None = None, points: int = 68) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    return {
        "found": np.ones(frames, bool) if found is None else np.array(found),
        "landmarks": random.uniform(40, 200, size=(frames, points, 3 if points == 478 else 2)).astype(
            np.float32
        ),
        "interocular": np.full(frames, 60, np.float32),
    }


def observation(output, truth, size: tuple[int, int] = (256, 256)) -> Observation:
    def clip(arrays, of=(256, 256)) -> ClipFeatures:
        return ClipFeatures(25.0, np.arange(len(arrays["found"])) / 25, of, {"faces": arrays})

    sides = {"output": clip(output, size), "truth": clip(truth), "source": clip(output)}
    count = min(len(output["found"]), len(truth["found"]))
    pairs = np.stack([np.arange(count)] * 2, axis=1)
    return Observation(TrialFacts("t", "M003", "happy"), sides, np.arange(len(output["found"])), pairs)


def scripts_lmd(output, truth) -> tuple[float, float, int]:
    """M-LMD and F-LMD of one pair of videos, point by point, and how many frames count.

    What evaluation_eat's script does with the landmarks once they are found: it takes frames at
    ``linspace(0, n, shorter, endpoint=False)`` of either video, skips pairs without a face, moves either set
    to its mean, sums distances and divides by frames and points.
    """
    shorter = min(len(output["found"]), len(truth["found"]))
    mouth = face = count = 0.0
    for k in range(shorter):
        i, j = (int(np.linspace(0, len(a["found"]), shorter, False)[k]) for a in (output, truth))
        if not (output["found"][i] and truth["found"][j]):
            continue
        count += 1
        a, b = (
            [[math.floor(v + 0.5) for v in point] for point in arrays["landmarks"][frame].tolist()]
            for arrays, frame in ((output, i), (truth, j))
        )
        for first, last in ((48, 68), (0, 68)):
            ours, theirs = a[first:last], b[first:last]
            centres = [[sum(p[axis] for p in own) / len(own) for axis in (0, 1)] for own in (ours, theirs)]
            total = sum(
                math.hypot(*(p[x] - centres[0][x] - q[x] + centres[1][x] for x in (0, 1)))
                for p, q in zip(ours, theirs, strict=True)
            )
            mouth, face = (mouth + total, face) if first else (mouth, face + total)
    return mouth / (count * 20), face / (count * 68), int(count)


@pytest.mark.parametrize(("ours", "theirs"), [(12, 12), (30, 29), (17, 40)])
def test_distances_are_the_scripts(parity, ours, theirs) -> None:
    """Whole pixels and sums in double precision: only the order of sums differs."""
    random = np.random.default_rng(5)
    output = faces(ours, 1, list(random.random(ours) > 0.2))
    truth = faces(theirs, 2, list(random.random(theirs) > 0.1))
    mouth, face, count = scripts_lmd(output, truth)
    for region, wanted in (("mouth", mouth), ("face", face)):
        reading = PixelLandmarkDistance(region).observe(observation(output, truth))
        assert isinstance(reading, Reading)
        metric, oracle = f"LMD EAT {region}", "evaluation_eat's script transcribed, float64"
        parity(metric, oracle, reading.value, wanted, of_each(1e-12), n=(count, "frame pairs"))
        assert reading.parts == {"frames": count, "frames_skipped": min(ours, theirs) - count}


def test_the_mouth_is_divided_by_its_20_points_not_by_68() -> None:
    """The trap of a published tool that divides both by 68."""
    truth = faces(3, 1)
    output = {**truth, "landmarks": truth["landmarks"].copy()}
    output["landmarks"][:, 48:58] += 6
    output["landmarks"][:, 58:] -= 6
    reading = PixelLandmarkDistance("mouth").observe(observation(output, truth))
    assert isinstance(reading, Reading)
    assert reading.value == pytest.approx(6 * math.sqrt(2), rel=1e-12)


def test_place_is_removed_and_size_is_not() -> None:
    points = np.rint(np.random.default_rng(3).uniform(50, 150, size=(4, 68, 2)))
    assert pixel_distances(points + np.array([7, -3]), points) == pytest.approx(np.zeros(4), abs=1e-12)
    assert (pixel_distances(2 * points, points) > 10).all()


def test_coordinates_are_rounded_half_up() -> None:
    """dlib's are whole pixels; half a pixel that numpy would round to even goes up."""
    points = np.zeros((1, 2, 2))
    moved = np.array([[[0.5, 0.0], [0.0, 0.0]]])
    assert pixel_distances(moved, points) == pytest.approx([0.5])
    assert pixel_distances(moved - 0.02, points) == pytest.approx([0.0])


@pytest.mark.parametrize(
    ("first", "second", "wanted"),
    [
        (3, 3, [[0, 0], [1, 1], [2, 2]]),
        (2, 5, [[0, 0], [1, 2]]),
        (5, 3, [[0, 0], [1, 1], [3, 2]]),
        (0, 4, np.zeros((0, 2), int)),
    ],
)
def test_the_longer_clip_is_thinned_to_the_shorter(first, second, wanted) -> None:
    np.testing.assert_array_equal(shorter_pairs(first, second), wanted)


def test_mediapipes_points_are_picked_by_number_without_depth() -> None:
    assert len(MEDIAPIPE_IBUG) == 68
    assert len(set(MEDIAPIPE_IBUG)) == 68
    landmarks = faces(2, 4, points=478)["landmarks"]
    picked = ibug_of_mediapipe(landmarks)
    assert picked.shape == (2, 68, 2)
    np.testing.assert_array_equal(picked[:, 30], landmarks[:, 4, :2])
    np.testing.assert_array_equal(picked[:, [48, 54]], landmarks[:, [61, 291], :2])
    assert [MEDIAPIPE_IBUG[i] for i in (36, 45)] == [33, 263]


def test_either_source_of_points_gives_the_distance_of_its_68() -> None:
    output, truth = faces(5, 1, points=478), faces(5, 2, points=478)
    own = [{**a, "landmarks": ibug_of_mediapipe(a["landmarks"])} for a in (output, truth)]
    for metric in (PixelLandmarkDistance("face"), LandmarkDistance()):
        wanted = metric.observe(observation(*own))
        found = replace(metric, points="68-of-mediapipe").observe(observation(output, truth))
        assert isinstance(wanted, Reading)
        assert isinstance(found, Reading)
        # arrays of other strides may be summed in another order
        assert found.value == pytest.approx(wanted.value, rel=1e-12)
        with pytest.raises(InputError, match="points: 68-of-mediapipe"):
            metric.observe(observation(output, truth))


def test_faces_without_landmarks_are_named() -> None:
    bare = {name: value for name, value in faces(3, 0).items() if name != "landmarks"}
    with pytest.raises(InputError, match="landmarks: true"):
        PixelLandmarkDistance().observe(observation(bare, bare))


def test_what_cannot_be_compared_is_unscored_with_the_reason() -> None:
    truth = faces(4, 0)
    metric = PixelLandmarkDistance()
    other = metric.observe(observation(truth, truth, size=(512, 512)))
    assert other == Unscored("distances in pixels need pictures of one size, not 512x512 and 256x256")
    none = metric.observe(observation(faces(4, 1, [False] * 4), truth))
    assert none == Unscored("no frame pair in which both output and true pair show the face")
    whole = observation(truth, truth)
    assert metric.observe(replace(whole, sides={"output": whole.sides["output"]})) == Unscored("no true pair")


def test_the_notes_count_the_frames_left_out() -> None:
    facts = TrialFacts("t", "M003", "happy")
    rows = [Row(facts, Reading(2.0, {"frames": 8.0, "frames_skipped": 2.0}))]
    notes = PixelLandmarkDistance().reduce(rows).notes
    assert "2 of 10 frame pairs left out, in which output or true pair shows no face" in notes


def test_signatures_name_the_points_and_the_first_form_keeps_its_line() -> None:
    assert all(isinstance(m, Metric) for m in (PixelLandmarkDistance("face"), LandmarkDistance()))
    assert LandmarkDistance().signature({"faces": "f"}).line == (
        "landmark-distance|v1|faces:f|points:68|removed:similarity|by:truth-interocular|match:truth-map"
        "|faces-min:output0.9-of-source,other0.5|miss:exclude"
    )
    line = PixelLandmarkDistance("mouth", "68-of-mediapipe").signature({"faces": "f"}).line
    assert line == (
        "lmd-eat-mouth|v1|faces:f|points:68-of-mediapipe478@d6c2eee9|region:mouth|round:px-half-up"
        "|removed:own-mean|match:thinned-to-shorter|faces-min:none|miss:exclude"
    )
    assert PixelLandmarkDistance("face").info.name == "lmd-eat-face"
    assert REGIONS["mouth"] == slice(48, 68)


@pytest.mark.parametrize(
    "build",
    [
        lambda: PixelLandmarkDistance("eyes"),
        lambda: PixelLandmarkDistance(points="478"),
        lambda: LandmarkDistance(points="5"),
    ],
)
def test_other_choices_are_refused(build) -> None:
    with pytest.raises(DefinitionError):
        build()


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [(np.zeros((2, 4, 2)), np.zeros((3, 4, 2))), (np.zeros((2, 4, 3)), np.zeros((2, 4, 3)))],
)
def test_landmarks_that_do_not_fit_are_refused(ours, theirs) -> None:
    with pytest.raises(InputError):
        pixel_distances(ours, theirs)
    with pytest.raises(InputError):
        ibug_of_mediapipe(ours)


@pytest.mark.real
def test_on_a_real_face_the_mirrored_picture_gives_the_mirrored_points(fixtures_dir, weights_dir) -> None:
    """The finder is not symmetrical itself: a twentieth of the eyes' distance is left to it."""
    import av

    from spfem_metrics import ArrayMedia
    from spfem_metrics.extraction import extract
    from spfem_metrics.faces.mediapipe import faces as finder

    extractor = finder(weights={"model": weights_dir / "face_landmarker.task"}, landmarks=True)
    lines = map(json.loads, (fixtures_dir / "clips.jsonl").read_text().splitlines())
    path = next(fixtures_dir / row["file"] for row in lines if row["id"] == "grid-bbaf2n")
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0)).to_ndarray(format="rgb24")
    both = [ArrayMedia(np.ascontiguousarray(f)[None], Fraction(25)) for f in (frame, frame[:, ::-1])]
    seen, turned = (extract(media, [extractor])["faces"] for media in both)
    assert seen["found"].all()
    assert turned["found"].all()
    points, mirrored = (ibug_of_mediapipe(a["landmarks"])[0] for a in (seen, turned))
    mirrored[:, 0] = frame.shape[1] - 1 - mirrored[:, 0]
    apart = np.linalg.norm(points - mirrored[list(MIRRORED)], axis=1) / seen["interocular"][0]
    assert np.median(apart) < 0.05
    assert apart.max() < 0.2
