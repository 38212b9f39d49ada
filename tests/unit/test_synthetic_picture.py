"""The painter: what is painted lies where the landmarks say, and muscles do what FACS says."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from spfem_bench.synthetic.face.expressions import PATTERNS, pattern
from spfem_bench.synthetic.face.states import FaceState
from spfem_bench.synthetic.face.units import INDEX, UNITS
from spfem_bench.synthetic.people.identity import HAIR_STYLES, identity_of
from spfem_bench.synthetic.picture import Painter, landmarks, mouth, stage_of

POSES = [(0.0, 0.0, 0.0), (22.0, -8.0, 5.0), (-18.0, 12.0, -10.0)]


def state(angles=(0.0, 0.0, 0.0), **named) -> FaceState:
    """A state from units (AU names, both halves) and the fields of the state."""
    units = np.zeros((16, 2))
    for name in list(named):
        if name in INDEX:
            units[INDEX[name]] = named.pop(name)
    return FaceState(units=units, angles=angles, **named)


def plain(speaker: int, **changes):
    """A person whose eyes and mouth nothing covers."""
    bare = {"hair": "crop", "glasses": "none", "facial_hair": "none", "makeup": 0}
    return replace(identity_of(speaker), **(bare | changes))


def changed(first, second, stage, moment, size=384) -> np.ndarray:
    """Where two people look different."""
    pictures = [Painter(who, stage, size).paint(moment).astype(int) for who in (first, second)]
    return np.abs(pictures[0] - pictures[1]).max(axis=2) > 6


def box(mask: np.ndarray) -> np.ndarray:
    rows, columns = np.nonzero(mask)
    return np.array([columns.min(), rows.min(), columns.max(), rows.max()])


@pytest.mark.parametrize("angles", POSES)
def test_lips_lie_within_their_landmarks(angles):
    moment, size = state(angles, AU12=0.5, AU25=0.8, jaw=0.5), 384
    stage = replace(stage_of(1), noise=0.0, defocus=0.0)
    mask = changed(plain(3, lip_red=0.0), plain(3, lip_red=1.0), stage, moment)
    points = landmarks(plain(3), moment, size)[48:68]
    expected = np.concatenate([points.min(axis=0), points.max(axis=0)])
    np.testing.assert_allclose(box(mask), expected, atol=0.012 * size)
    # Between the inner lips nothing is lip.
    inner = points[12:]
    assert not mask[round(inner[:, 1].mean()), round(inner[:, 0].mean())]


@pytest.mark.parametrize("angles", POSES)
@pytest.mark.parametrize("half", [0, 1])
def test_irises_lie_between_their_lids(angles, half):
    moment, size = state(angles, AU5=0.3), 384
    stage = replace(stage_of(2), noise=0.0, defocus=0.0)
    mask = changed(plain(5, iris="dark"), plain(5, iris="blue"), stage, moment)
    points = landmarks(plain(5), moment, size)[36 + 6 * half : 42 + 6 * half]
    low, high = points.min(axis=0) - 2, points.max(axis=0) + 2
    rows, columns = np.nonzero(mask)
    near = np.abs(columns - points[:, 0].mean()) < 0.13 * size
    assert near.sum() > 60
    assert columns[near].min() >= low[0]
    assert columns[near].max() <= high[0]
    assert rows[near].min() >= low[1]
    assert rows[near].max() <= high[1]


def test_brows_lie_on_their_landmarks():
    size, stage = 384, replace(stage_of(2), noise=0.0, defocus=0.0)
    mask = changed(plain(5, hair_colour="white"), plain(5, hair_colour="black"), stage, state())
    points = landmarks(plain(5), state(), size)[17:27]
    for x, y in np.concatenate([points[1:4], points[6:9]]):
        assert mask[round(y), round(x)]


def test_landmarks_move_with_the_head():
    who, size = plain(2), 128
    still = landmarks(who, state(), size)
    assert still.shape == (68, 2)
    assert still.dtype == np.float64
    shifted = landmarks(who, state(shift=(0.2, -0.1)), size)
    np.testing.assert_allclose(
        shifted - still, np.broadcast_to([0.2, -0.1], (68, 2)) * 0.26 * size, atol=1e-9
    )
    yawed, nodded = (landmarks(who, state(angles), size) for angles in ((15, 0, 0), (0, 12, 0)))
    assert yawed[30, 0] > still[30, 0] + 3
    assert nodded[30, 1] > still[30, 1] + 2
    # Nearer parts move more: the tip of the nose more than the corners of the eyes.
    assert yawed[30, 0] - still[30, 0] > yawed[36, 0] - still[36, 0]
    rolled = landmarks(who, state((0, 0, 10)), size)
    across = rolled[45] - rolled[36]
    np.testing.assert_allclose(np.rad2deg(np.arctan2(across[1], across[0])), 10, atol=0.2)


def test_order_of_landmarks():
    points = landmarks(plain(4), state(AU25=1.0), 256)
    for run in (
        points[0:17],
        points[17:27],
        points[31:36],
        points[36:40],
        points[42:46],
        points[48:55],
        points[60:65],
    ):
        assert (np.diff(run[:, 0]) > 0).all()
    assert (np.diff(points[27:31, 1]) > 0).all()
    assert (np.diff(points[54:60, 0]) < 0).all()
    assert points[8, 1] == points[:, 1].max()
    assert points[62, 1] < points[66, 1]
    assert points[51, 1] < points[62, 1]
    assert points[66, 1] < points[57, 1]


LOWER = slice(48, 68)


def moved(**named) -> np.ndarray:
    """How far landmarks go from rest, in pixels of a large frame; y up is negative."""
    who = plain(6)
    return landmarks(who, state(**named), 1000) - landmarks(who, state(), 1000)


def test_muscles_do_what_facs_says():
    smile, down = moved(AU12=1.0), moved(AU15=1.0)
    assert smile[48, 1] < -20
    assert smile[48, 0] < -15
    assert smile[54, 0] > 15
    assert down[[48, 54], 1].min() > 20
    inner, outer, frown = moved(AU1=1.0), moved(AU2=1.0), moved(AU4=1.0)
    assert inner[21, 1] < -20 > inner[18, 1] - 20
    assert inner[21, 1] < 2 * inner[18, 1]
    assert outer[18, 1] < 3 * outer[21, 1]
    assert frown[21, 1] > 15
    assert frown[21, 0] > 5
    assert frown[22, 0] < -5
    assert moved(AU5=1.0)[[37, 38, 43, 44], 1].max() < -5
    assert moved(AU7=1.0)[[37, 38], 1].min() > 3
    assert moved(AU6=1.0)[[40, 41], 1].max() < -3
    assert moved(AU9=1.0)[[31, 35], 1].max() < -5
    assert moved(AU10=1.0)[51, 1] < -10
    assert moved(AU17=1.0)[57, 1] < -5
    assert moved(AU18=1.0)[48, 0] > 20
    assert moved(AU20=1.0)[48, 0] < -20
    thinner = moved(AU23=1.0)
    assert thinner[57, 1] < thinner[66, 1] - 5
    gap = moved(AU25=1.0)
    assert gap[66, 1] - gap[62, 1] > 15
    assert moved(AU26=1.0)[8, 1] > 30


def test_each_half_moves_on_its_own():
    units = np.zeros((16, 2))
    units[INDEX["AU12"], 1] = 1.0
    who = plain(6)
    shift = landmarks(who, FaceState(units=units), 1000) - landmarks(who, state(), 1000)
    assert abs(shift[48, 1]) < 1
    assert shift[54, 1] < -20


def test_speech_moves_the_lips_by_the_same_amount_under_every_expression():
    who = plain(8)
    speech = {"jaw": 0.6, "width": 0.4, "protrude": 0.3}
    for name in PATTERNS:
        expression = {unit: float(value) for unit, value in zip(UNITS, pattern(name), strict=True)}
        parted = expression | {"AU25": expression["AU25"] + 0.9}
        alone = landmarks(who, state(AU25=0.9, **speech), 512) - landmarks(who, state(AU25=0.9), 512)
        under = landmarks(who, state(**parted, **speech), 512) - landmarks(who, state(**parted), 512)
        np.testing.assert_allclose(under[LOWER], alone[LOWER], atol=1e-6)


def test_lips_never_pass_through_each_other():
    for speaker in range(12):
        points = landmarks(identity_of(speaker), state(AU17=1.3, AU23=1.3, close=1.0), 512)
        assert (points[[67, 66, 65], 1] - points[[61, 62, 63], 1]).min() > -1e-9


def test_closing_the_lips_wins_over_the_jaw():
    for jaw in (0.0, 0.5, 1.0):
        assert mouth(identity_of(3), state(jaw=jaw, close=1.0))[0] == 0.0


def test_mouth_is_measured_between_the_inner_lips_and_the_corners():
    who, size = plain(9), 1000
    moment = state(jaw=0.7, AU25=0.4)
    points = landmarks(who, moment, size)
    pupils = 0.26 * size * who.eye_spacing
    opening, width = mouth(who, moment)
    np.testing.assert_allclose(opening, (points[66, 1] - points[62, 1]) / pupils, rtol=1e-6)
    np.testing.assert_allclose(width, (points[54, 0] - points[48, 0]) / pupils, rtol=1e-6)
    assert mouth(who, state(jaw=1.0))[0] > opening > 0.1
    assert mouth(who, state(width=1.0))[1] > width > mouth(who, state(width=-1.0))[1]


def test_a_blink_closes_the_eyes():
    points = landmarks(plain(1), state(blink=1.0), 1000)
    assert np.abs(points[[41, 40], 1] - points[[37, 38], 1]).max() < 2


@pytest.mark.parametrize("unit", UNITS)
def test_every_muscle_is_seen_at_64_pixels(unit):
    who, stage = plain(10, lines=0.2), replace(stage_of(3), noise=0.0)
    painter = Painter(who, stage, 64)
    seen = np.abs(painter.paint(state(**{unit: 0.5})).astype(int) - painter.paint(state()).astype(int)).max(
        axis=2
    )
    assert (seen > 8).sum() >= 6


@pytest.mark.parametrize("part", ["jaw", "width", "protrude", "tuck", "blink"])
def test_every_articulation_is_seen_at_64_pixels(part):
    painter = Painter(plain(10), replace(stage_of(3), noise=0.0), 64)
    seen = np.abs(painter.paint(state(**{part: 0.7})).astype(int) - painter.paint(state()).astype(int)).max(
        axis=2
    )
    assert (seen > 8).sum() >= 6


def test_the_tongue_is_seen_in_an_open_mouth():
    painter = Painter(plain(10), replace(stage_of(3), noise=0.0), 64)
    pictures = [painter.paint(state(jaw=0.5, tongue=value)).astype(int) for value in (0.0, 1.0)]
    assert (np.abs(pictures[0] - pictures[1]).max(axis=2) > 8).sum() >= 4


@pytest.mark.parametrize("hair", sorted(HAIR_STYLES))
def test_a_head_fits_the_frame_in_every_style_and_pose(hair):
    """What changes with the colour of the hair, skin and scarf lies within the frame."""
    who, stage = plain(11, hair=hair, second_cloth=1), replace(stage_of(4), noise=0.0, defocus=0.0)
    other = replace(who, hair_colour="white", second_cloth=3, tone=1 - who.tone)
    for angles in ((0.0, 0.0, 0.0), (20.0, 10.0, 0.0)):
        mask = changed(who, other, stage, state(angles), 128)
        assert not mask[0].any()
        assert mask[:, [0, -1]].sum() <= 40  # long hair and skin may reach the lower corners


def test_extreme_activations_keep_a_face():
    rng = np.random.default_rng(0)
    for speaker in range(6):
        painter = Painter(identity_of(speaker), stage_of(speaker), 64)
        for _ in range(4):
            moment = FaceState(
                units=rng.uniform(-0.4, 1.3, (16, 2)),
                jaw=1.4,
                angles=tuple(rng.uniform(-25, 25, 3)),
                scale=1.1,
            )
            picture = painter.paint(moment)
            assert picture.shape == (64, 64, 3)
            assert picture.dtype == np.uint8
            assert picture.std() > 15


@pytest.mark.parametrize("size", [32, 64, 100, 256])
def test_another_size_shows_the_same_picture(size):
    who, stage = identity_of(12), replace(stage_of(5), noise=0.0, defocus=0.0)
    moment = state((10, 5, 0), AU12=0.8, jaw=0.3)
    small, large = (Painter(who, stage, side).paint(moment) for side in (size, 512))
    shrunk = cv2.resize(large, (size, size), interpolation=cv2.INTER_AREA)
    assert np.abs(small.astype(int) - shrunk.astype(int)).mean() < 5


def test_frames_come_from_seeds_alone():
    who, moment = identity_of(13), state((8, -4, 2), AU12=1.0, jaw=0.4)
    first = Painter(who, stage_of(1, 2), 128).paint(moment, 5)
    threads = cv2.getNumThreads()
    try:
        cv2.setNumThreads(1)
        again = Painter(who, stage_of(1, 2), 128).paint(moment, 5)
    finally:
        cv2.setNumThreads(threads)
    assert np.array_equal(first, again)
    other = Painter(who, stage_of(1, 2), 128).paint(moment, 6)
    difference = np.abs(first.astype(int) - other.astype(int))
    assert 0 < difference.mean() < 4


def test_strangers_are_nearer_to_themselves():
    """Nearest neighbour on raw 32 px pictures under one light finds the person over expressions."""
    stage, people = stage_of(6), range(20)
    painters = [Painter(identity_of(k), stage, 32) for k in people]
    gallery = np.stack([painter.paint(state()).astype(float) for painter in painters])
    for name in ("happy", "surprised", "angry"):
        units = np.repeat(pattern(name, 2)[:, None], 2, axis=1)
        probes = np.stack(
            [painter.paint(FaceState(units=units, angles=(3, 2, 1)), 1) for painter in painters]
        )
        distance = np.abs(probes[:, None] - gallery[None]).mean(axis=(2, 3, 4))
        assert (distance.argmin(axis=1) == np.arange(len(painters))).mean() >= 0.95


GOLDEN = {
    (0, "happy"): (
        [[55.57, 49.65, 50.11, 62.17], [53.6, 90.16, 124.95, 64.56]],
        [[65.169, 106.015], [70.117, 74.709], [51.607, 82.087]],
    ),
    (1, "surprised"): (
        [[80.22, 127.09, 146.11, 104.69], [91.99, 129.9, 160.28, 115.53]],
        [[64.856, 111.99], [70.105, 75.04], [57.025, 88.054]],
    ),
    (17, "neutral"): (
        [[60.73, 57.4, 62.42, 65.92], [63.66, 52.28, 75.3, 73.42]],
        [[65.145, 106.483], [70.56, 70.95], [53.296, 84.617]],
    ),
}
"""Mean grey of the upper 8 of 16 blocks of a frame, and landmarks 8, 30 and 48, as first painted."""


@pytest.mark.parametrize(("speaker", "name"), GOLDEN)
def test_pictures_stay_what_they_were(speaker, name):
    """A change here changes every rendered clip: the networks trained on them no longer fit."""
    who, units = identity_of(speaker), np.repeat(pattern(name)[:, None], 2, axis=1)
    moment = FaceState(units=units, jaw=0.3, angles=(10.0, -5.0, 3.0))
    blocks, points = GOLDEN[speaker, name]
    picture = Painter(who, stage_of(9, speaker), 128).paint(moment, 2)
    np.testing.assert_allclose(picture.reshape(4, 32, 4, 32, 3).mean(axis=(1, 3, 4))[:2], blocks, atol=0.3)
    np.testing.assert_allclose(landmarks(who, moment, 128)[[8, 30, 48]], points, atol=0.01)
