"""The extractor ``sync``: which frames and which sound its rows hold, with a network of first weights."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from spfem_baselines.supervisors.sync import SyncNet
from spfem_baselines.supervisors.sync import lower_face as supervisor_cut
from spfem_metrics.errors import DefinitionError, WeightsError
from spfem_metrics.extractor import Arrays
from spfem_metrics.media import ArrayMedia
from spfem_metrics.synthetic.cutting import lower_face
from spfem_metrics.synthetic.nets.crops import RIGID, TEMPLATE
from spfem_metrics.synthetic.nets.sync import Sync
from spfem_metrics.synthetic.sync import SyncEmbeddings, Windows, members, sync


def landmarks(scale: float = 2.0, shift: float = 30.0) -> np.ndarray:
    """(68, 2) px: the rigid points at the crop's template, the others anywhere."""
    points = np.tile(np.array([[32.0, 45.0]]), (68, 1))
    points[list(RIGID)] = TEMPLATE
    return points * scale + shift


def picture(seed: int, side: int = 192) -> np.ndarray:
    draw = np.random.default_rng(seed)
    return cv2.GaussianBlur(draw.integers(0, 256, (side, side, 3), np.uint8), (0, 0), 3)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(5)
    path = tmp_path_factory.mktemp("judge") / "sync.safetensors"
    save_file({k: v.half() if v.is_floating_point() else v for k, v in Sync().state_dict().items()}, path)
    return path


def clip(frames: int, fps: int = 25, sound: float | None = None) -> ArrayMedia:
    images = np.stack([picture(i) for i in range(frames)])
    length = frames / fps if sound is None else sound
    samples = np.random.default_rng(1).normal(0, 0.1, round(length * 16000)).astype(np.float32)
    return ArrayMedia(images, Fraction(fps), samples)


def rows(extractor: SyncEmbeddings, media: ArrayMedia, track: list[int], batch: int = 32) -> Arrays:
    work = extractor.start(media)
    tracks = np.array(track, np.int32)
    for part in media.batches(batch):
        some = tracks[part.start : part.start + len(part.images)]
        points = np.where(some[:, None, None] > 0, landmarks(), 0).astype(np.float32)
        work.push(part, {"faces": {"landmarks": points, "track": some}})
    return work.finish()


def test_rows_of_a_whole_clip(model: Path) -> None:
    found = rows(sync(weights={"model": model}), clip(18), [1] * 18)
    assert {name: (v.shape, v.dtype.name) for name, v in found.items()} == {
        "video": ((18, 128), "float32"),
        "video_valid": ((18,), "bool"),
        "audio": ((18, 128), "float32"),
        "audio_valid": ((18,), "bool"),
    }
    assert found["video_valid"].tolist() == [True] * 8 + [False] * 10
    assert found["audio_valid"].tolist() == [True] * 7 + [False] * 11
    np.testing.assert_allclose(np.linalg.norm(found["video"][:8], axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(found["audio"][:7], axis=1), 1, atol=1e-5)
    assert not found["video"][8:].any()
    assert not found["audio"][7:].any()


def test_a_video_row_is_what_the_network_says_of_eleven_lower_faces(model: Path) -> None:
    extractor, media = sync(weights={"model": model}), clip(14)
    found = rows(extractor, media, [1] * 14)
    faces = np.stack([lower_face(image, landmarks()) for image in media.frames[2:13]])
    window = torch.from_numpy(faces).permute(0, 3, 1, 2)[None].float() * (2 / 255) - 1
    with torch.inference_mode():
        expected = extractor.network.video(window)[0].numpy()
    np.testing.assert_allclose(found["video"][2], expected, atol=1e-4)


def test_how_frames_arrive_moves_no_bit(model: Path) -> None:
    extractor, media = sync(weights={"model": model}, chunk=4), clip(20)
    one, other = rows(extractor, media, [1] * 20, 3), rows(extractor, media, [1] * 20, 32)
    for name in one:
        np.testing.assert_array_equal(one[name], other[name])


def test_windows_with_a_gap_or_two_faces_are_not_valid(model: Path) -> None:
    found = rows(sync(weights={"model": model}), clip(34), [1] * 11 + [0] + [1] * 11 + [2] * 11)
    gap, edge = [False] * 11, [False] * 10
    assert found["video_valid"].tolist() == [True, *gap, True, *edge, True, *edge]
    assert found["audio_valid"].sum() == 23


def test_without_sound_no_audio_row_is_valid(model: Path) -> None:
    media = ArrayMedia(clip(13).frames, Fraction(25))
    found = rows(sync(weights={"model": model}), media, [1] * 13)
    assert not found["audio_valid"].any()
    assert not found["audio"].any()
    assert found["video_valid"].sum() == 3


@pytest.mark.parametrize("frames", [1, 10])
def test_a_clip_too_short_for_a_window_has_none(model: Path, frames: int) -> None:
    found = rows(sync(weights={"model": model}), clip(frames), [1] * frames)
    assert len(found["video"]) == frames
    assert not found["video_valid"].any()


def test_at_fifty_frames_a_second_the_network_still_sees_twenty_five(model: Path) -> None:
    extractor, slow = sync(weights={"model": model}), clip(16)
    fast = ArrayMedia(np.repeat(slow.frames, 2, axis=0), Fraction(50), slow.samples)
    one, other = rows(extractor, slow, [1] * 16), rows(extractor, fast, [1] * 32)
    np.testing.assert_allclose(one["video"][:6], other["video"][:12:2], atol=1e-5)
    np.testing.assert_allclose(one["audio"][:5], other["audio"][:10:2], atol=1e-5)


def test_definition_names_the_network_and_the_rule(model: Path) -> None:
    line = sync(weights={"model": model}, chunk=8).definition
    assert line.startswith("judge-sync@")
    assert line.endswith(",chunk8")
    assert not set(line) & set("| \n")


def test_files_that_are_not_the_network_are_refused(tmp_path: Path, model: Path) -> None:
    with pytest.raises(WeightsError, match="no such file"):
        sync(weights={"model": tmp_path / "none"})
    with pytest.raises(DefinitionError, match="other"):
        sync(weights={"other": model})
    with pytest.raises(DefinitionError, match="chunk"):
        sync(weights={"model": model}, chunk=0)


@pytest.mark.parametrize(
    ("fps", "frame", "expected"),
    [
        (25, 3, [3, 4, 5, 6, 7]),
        (50, 3, [3, 5, 7, 9, 11]),
        (30, 0, [0, 1, 2, 4, 5]),
        (12.5, 2, [2, 2, 3, 3, 4]),
    ],
)
def test_members_are_the_nearest_frames(fps: float, frame: int, expected: list[int]) -> None:
    places, exists = members(np.arange(30) / fps)
    assert places[frame][:5].tolist() == expected
    assert places.shape == (30, 11)
    assert exists[frame]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0.012, 0.09), min_size=1, max_size=30), st.integers(0, 2**32 - 1))
def test_windows_come_in_order_and_hold_their_members(gaps: list[float], seed: int) -> None:
    times = np.concatenate([[0.0], np.cumsum(gaps)])
    tracks = np.random.default_rng(seed).integers(0, 3, len(times))
    given_windows: list[np.ndarray | None] = []
    windows = Windows(times, given_windows.append)
    for i, track in enumerate(tracks):
        windows.push(np.full((64, 64, 3), i, np.uint8) if track else None, int(track))
    places, exists = members(times)
    assert len(given_windows) == len(times)
    for i, window in enumerate(given_windows):
        whole = exists[i] and tracks[i] > 0 and len(set(tracks[places[i]])) == 1
        assert (window is not None) == whole
        if window is not None:
            assert window[:, 0, 0, 0].tolist() == places[i].tolist()


def test_the_lower_face_is_held_still_while_the_head_moves_and_turns() -> None:
    image, points = picture(3), landmarks()
    turn = cv2.getRotationMatrix2D((90.0, 90.0), 20, 0.9)
    moved = cv2.warpAffine(image, turn, (192, 192))
    followed = points @ turn[:, :2].T + turn[:, 2]
    gap = lower_face(image, points).astype(int) - lower_face(moved, followed)
    assert np.abs(gap)[4:-4, 4:-4].mean() < 3


def test_a_large_face_gives_the_same_lower_face_as_a_small_one() -> None:
    image = picture(3)
    large = cv2.resize(image, None, fx=6, fy=6, interpolation=cv2.INTER_CUBIC)
    points = (landmarks() + 0.5) * 6 - 0.5
    gap = lower_face(image, landmarks()).astype(int) - lower_face(large, points)
    assert np.abs(gap).mean() < 2


def test_the_supervisor_cuts_the_same_picture_and_passes_gradients() -> None:
    image = picture(3)
    tensor = torch.from_numpy(image).permute(2, 0, 1)[None].float().requires_grad_()
    cut = supervisor_cut(tensor, torch.from_numpy(landmarks())[None])
    gap = cut[0].detach().permute(1, 2, 0).numpy() - lower_face(image, landmarks())
    assert np.abs(gap).mean() < 2
    cut.sum().backward()
    assert tensor.grad is not None
    assert tensor.grad.abs().sum() > 0


def test_the_supervisor_reads_a_window_alone_as_it_reads_it_in_a_clip() -> None:
    torch.manual_seed(0)
    net, frames = SyncNet().eval(), torch.rand(1, 8, 3, 64, 64) * 2 - 1
    with torch.inference_mode():
        whole, alone = net.track(frames), net.video(frames[:, 2:7])
    assert whole.shape == (1, 4, 96)
    torch.testing.assert_close(whole[:, 2], alone, atol=1e-5, rtol=0)
