"""What SyncNet is shown and played: crops by syncnet_python's rule, JPEGs, frames in time, windows of sound.

A network that only notes what it is given stands in for SyncNet.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import interp1d
from scipy.signal import medfilt, resample, resample_poly

from spfem_metrics import ArrayMedia, InputError
from spfem_metrics.extractor import Arrays
from spfem_metrics.faces.rows import BASE, blank
from spfem_metrics.networks import syncnet
from spfem_metrics.networks.syncnet_crops import FollowedFace, face_crop, whole, within_margin
from spfem_metrics.networks.syncnet_given import nearest, to_int16
from spfem_metrics.networks.syncnet_jpeg import JpegChain
from spfem_metrics.networks.syncnet_towers import Lips
from tests.support.parity import EXACT, absolute, release
from tests.support.planted import pictures
from tests.support.syncnet import Noting, through

psf = pytest.importorskip("python_speech_features")


def psnr(first: np.ndarray, second: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / np.mean((first.astype(float) - second) ** 2)))


def sounding(frames: np.ndarray, fps: Fraction, seconds: float | None = None, seed: int = 0) -> ArrayMedia:
    """Frames with noise that could come from a 16-bit file."""
    length = round(16000 * (len(frames) / float(fps) if seconds is None else seconds))
    samples = np.random.default_rng(seed).integers(-9000, 9000, length) / 32768
    return ArrayMedia(frames, fps, samples.astype(np.float32))


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    path = tmp_path_factory.mktemp("syncnet") / "model"
    path.write_bytes(b"not read")
    return {"model": path}


# --- the crop that follows a face


def boxes(count: int, seed: int) -> np.ndarray:
    """(count, 4) float32: a face that wanders, with jumps of the detector."""
    random = np.random.default_rng(seed)
    centre = np.array([80, 60]) + np.cumsum(random.normal(0, 3, (count, 2)), axis=0)
    half = 25 + random.normal(0, 2, (count, 2)) + 30 * (random.random((count, 1)) < 0.1)
    return np.concatenate([centre - half, centre + half], axis=1).astype(np.float32)


def published_crops(frames: np.ndarray, found: np.ndarray, box: np.ndarray) -> list[np.ndarray]:
    """One track through ``run_pipeline``: frames (T, H, W, 3), the frames with a box, those boxes."""
    every = np.arange(found[0], found[-1] + 1)
    filled = np.stack([interp1d(found, box[:, i].astype(float))(every) for i in range(4)], axis=1)
    half = medfilt(np.maximum(filled[:, 3] - filled[:, 1], filled[:, 2] - filled[:, 0]) / 2, 13)
    middle_x = medfilt((filled[:, 0] + filled[:, 2]) / 2, 13)
    middle_y = medfilt((filled[:, 1] + filled[:, 3]) / 2, 13)
    crops = []
    for frame, s, x, y in zip(frames[every], half, middle_x, middle_y, strict=True):
        pad = int(s * 1.8)
        padded = np.pad(frame, ((pad, pad), (pad, pad), (0, 0)), constant_values=110)
        top, left = y + pad, x + pad
        cut = padded[int(top - s) : int(top + s * 1.8), int(left - s * 1.4) : int(left + s * 1.4)]
        crops.append(cv2.resize(cut, (224, 224)))
    return crops


def follow(frames: np.ndarray, tracks: np.ndarray, box: np.ndarray, edges="zero") -> list:
    face, said = FollowedFace(edges), []
    for frame, track, where in zip(frames, tracks, box, strict=True):
        said += face.push(frame, int(track), where.astype(float))
    return said + face.finish()


@settings(max_examples=8, deadline=None)
@given(st.integers(13, 40), st.integers(0, 1000))
def test_crops_with_zero_edges_are_the_published_ones(parity, count: int, seed: int) -> None:
    frames, box = pictures(count, (120, 160), seed), boxes(count, seed)
    seen = np.random.default_rng(seed).random(count) < 0.8
    seen[[0, -1]] = True
    said = follow(frames, seen.astype(int), np.where(seen[:, None], box, 0))
    wanted = published_crops(frames, np.flatnonzero(seen), box[seen])
    assert len(said) == len(wanted) == count
    assert [track for _, track in said] == [1] * count
    oracle = f"run_pipeline transcribed with {release('scipy')}'s medfilt and interp1d"
    parity("LSE clean: crops", oracle, [crop for crop, _ in said], wanted, EXACT, n=(count, "frames"))


def test_zeros_beyond_the_ends_pull_the_first_crops_away_and_replicated_values_do_not() -> None:
    frames = pictures(20, (120, 160), 0)
    box = np.tile(np.array([50, 30, 110, 90], np.float32), (20, 1)) + np.arange(20)[:, None].astype(
        np.float32
    )
    ones = np.ones(20, int)
    zero, kept = (follow(frames, ones, box, edges) for edges in ("zero", "replicate"))
    middle = face_crop(frames[6], np.array([30.0, 86, 66]))
    assert np.array_equal(zero[6][0], middle)
    assert np.array_equal(kept[6][0], middle)
    # Of frame 19 the last seven centres are known: zeros make their least the median, replicates the fourth.
    assert np.array_equal(zero[19][0], face_crop(frames[19], np.array([30.0, 93, 73])))
    assert np.array_equal(kept[19][0], face_crop(frames[19], np.array([30.0, 99, 79])))


def test_a_gap_of_less_than_a_second_is_filled_and_a_longer_one_is_not() -> None:
    frames, box = pictures(60, (120, 160), 1), boxes(60, 1)
    for gap, filled in ((24, True), (25, False)):
        tracks = np.ones(60, int)
        tracks[20 : 20 + gap] = 0
        said = follow(frames, tracks, np.where(tracks[:, None] > 0, box, 0))
        assert [crop is not None for crop, _ in said[20 : 20 + gap]] == [filled] * gap
        assert all(crop is not None for crop, _ in said[:20] + said[20 + gap :])


def test_another_face_is_another_run_and_nothing_is_filled_between_them() -> None:
    frames, box = pictures(30, (120, 160), 2), boxes(30, 2)
    tracks = np.array([1] * 12 + [0] * 3 + [2] * 15)
    said = follow(frames, tracks, np.where(tracks[:, None] > 0, box, 0), "replicate")
    assert [track for _, track in said] == tracks.tolist()
    alone = follow(frames[15:], np.ones(15, int), box[15:], "replicate")
    assert all(np.array_equal(a, b) for (a, _), (b, _) in zip(said[15:], alone, strict=True))


def test_frames_wait_no_longer_than_they_must() -> None:
    """Six frames for the median; at most a second more in a gap."""
    face, box = FollowedFace("replicate"), boxes(80, 3)
    frame, waiting = pictures(1, (40, 40), 0)[0], 0
    for index in range(80):
        waiting += 1 - len(face.push(frame, int(not 30 <= index < 70), box[index].astype(float)))
        assert waiting <= 6 + 24


def test_no_face_gives_no_crops() -> None:
    assert follow(pictures(9, (40, 40), 0), np.zeros(9, int), np.zeros((9, 4))) == [(None, 0)] * 9


def test_beyond_the_frame_there_is_gray_and_an_empty_square_is_no_crop() -> None:
    image = np.full((100, 100, 3), 30, np.uint8)
    crop = face_crop(image, np.array([20.0, 5, 50]))
    assert crop is not None
    assert (crop[:, :80] == 110).all()  # 23 of 56 columns
    assert (crop[:, 100:] == 30).all()
    assert face_crop(image, np.zeros(3)) is None


# --- whole frames and margins


def test_whole_frames_are_opencvs_bilinear_and_224_px_are_left_alone() -> None:
    frame = pictures(1, (300, 260), 0)[0]
    assert np.array_equal(whole(frame), cv2.resize(frame, (224, 224)))
    same = pictures(1, (224, 224), 0)[0]
    assert whole(same) is same


@pytest.mark.parametrize(("margin", "cut"), [(70, 35), (71, 35), (0, 0)])
def test_a_margin_is_halved_on_every_side(margin: int, cut: int) -> None:
    frame = pictures(1, (256, 200), 0)[0]
    wanted = cv2.resize(frame[cut : 256 - cut, cut : 200 - cut], (224, 224))
    assert np.array_equal(within_margin(frame, margin), wanted)
    with pytest.raises(InputError, match="35 px cut off on every side leave nothing of a 70x90 picture"):
        within_margin(frame[:90, :70], 70)


# --- JPEGs


def test_one_encoder_gets_worse_within_a_clip() -> None:
    """200 kbit/s are 1000 bytes a picture, fewer than 224 px of detail need: quality falls to its least."""
    frames = np.stack([cv2.GaussianBlur(frame, (0, 0), 1.5) for frame in pictures(24, (224, 224), 4)])
    chain = JpegChain(Fraction(25))
    quality = [psnr(chain(frame)[..., ::-1], frame) for frame in frames]
    assert min(quality[:3]) > max(quality[-3:]) + 3


def test_the_first_picture_does_not_depend_on_the_next_but_later_ones_on_those_before() -> None:
    frames = pictures(16, (96, 96), 5)
    chain, fresh = JpegChain(Fraction(25)), JpegChain(Fraction(25))
    whole_clip = [chain(frame) for frame in frames]
    assert np.array_equal(whole_clip[0], JpegChain(Fraction(25))(frames[0]))
    assert not np.array_equal(whole_clip[-1], fresh(frames[-1]))


def test_official_crops_then_writes_jpegs_and_wav2lip_the_other_way_round(file) -> None:
    media = sounding(pictures(8, (150, 180), 6), Fraction(25))
    _, first = through(syncnet.official(weights=file), media)
    chain = JpegChain(Fraction(25))
    assert np.array_equal(np.stack(first.shown), [chain(whole(frame)) for frame in media.frames[:7]])
    _, second = through(syncnet.wav2lip(weights=file), media)
    chain = JpegChain(Fraction(25))
    assert np.array_equal(np.stack(second.shown), [whole(chain(frame)) for frame in media.frames[:7]])


# --- frames in time


@pytest.mark.parametrize(
    ("fps", "frames", "instants"), [(25, 50, 50), (30, 60, 50), (24, 48, 50), (60, 120, 50), (50, 100, 50)]
)
def test_two_seconds_are_fifty_instants(fps: int, frames: int, instants: int) -> None:
    times = np.arange(frames) / fps
    picks = nearest(times)
    assert len(picks) == instants
    assert np.abs(times[picks] - np.arange(instants) / 25).max() <= 0.5 / min(fps, 25) + 1e-9
    if fps == 25:
        assert picks.tolist() == list(range(frames))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0.005, 0.3), min_size=0, max_size=60))
def test_every_instant_has_the_frame_nearest_to_it(steps: list[float]) -> None:
    times = np.concatenate([[0.0], np.cumsum(steps)])
    picks = nearest(times)
    instants = np.arange(len(picks)) / 25
    least = np.abs(times[None] - instants[:, None]).min(axis=1)
    np.testing.assert_allclose(np.abs(times[picks] - instants), least, atol=1e-8)
    assert (np.diff(picks) >= 0).all()
    assert instants[-1] <= times[-1] + 0.02 + 1e-6


def test_no_frames_have_no_instants() -> None:
    assert nearest(np.zeros(0)).tolist() == []


def test_official_looks_at_25_frames_a_second_and_on_request_at_all(file) -> None:
    media = sounding(pictures(24, (224, 224), 7), Fraction(30))
    for rate, picked in (("25fps", nearest(media.times)), ("as-is", np.arange(24))):
        arrays, network = through(syncnet.official(weights=file, jpeg="none", rate=rate), media)
        assert arrays["pictures"] == len(picked)
        windows = min(len(picked), 20) - 5  # 0.8 s of sound are 20 pictures by SyncNet's count
        assert len(arrays["video"]) == len(arrays["audio"]) == windows
        assert np.array_equal(np.stack(network.shown), media.frames[picked][: windows + 4, ..., ::-1])


@pytest.mark.parametrize(
    ("frames", "seconds", "windows"),
    [(12, 0.48, 7), (12, 0.4799, 6), (12, 3.0, 7), (30, 0.4, 5), (6, 1, 1), (5, 1, 0)],
)
def test_the_last_five_pictures_begin_no_window(file, frames, seconds, windows) -> None:
    media = sounding(np.zeros((frames, 224, 224, 3), np.uint8), Fraction(25), seconds)
    arrays, _ = through(syncnet.official(weights=file, jpeg="none"), media)
    assert len(arrays["video"]) == len(arrays["audio"]) == windows


# --- windows of sound


def test_int16_is_what_a_file_of_16_bits_holds() -> None:
    whole_range = np.arange(-32768, 32768, dtype=np.int32)
    assert np.array_equal(to_int16((whole_range / 32768).astype(np.float32)), whole_range)
    assert to_int16(np.array([1.0, 1.5, -2.0], np.float32)).tolist() == [32767, 32767, -32768]


def test_official_hears_int16_and_ned30_floats_from_its_third_frame_on(parity, file) -> None:
    """Float32 cepstra near 300: half a step is 1.5e-5."""
    frames = pictures(12, (224, 224), 8)
    media = sounding(frames, Fraction(25))
    _, network = through(syncnet.official(weights=file, jpeg="none"), media)
    cepstra = psf.mfcc(to_int16(media.samples), 16000)
    wanted = np.stack([cepstra[4 * i : 4 * i + 20].T for i in range(7)])
    n, oracle = (len(wanted), "windows"), release("python_speech_features")
    parity("SyncNet official: sound windows", oracle, network.played, wanted, absolute(2e-5), n=n)
    media = sounding(frames, Fraction(30))
    _, network = through(syncnet.ned30(weights=file), media)
    cepstra = psf.mfcc(media.samples[1066:], 16000, winstep=1 / 120)
    wanted = np.stack([cepstra[4 * i : 4 * i + 20].T for i in range(min(12, len(cepstra) // 4) - 5)])
    n = (len(wanted), "windows")
    parity("SyncNet ned30: sound windows", oracle, network.played, wanted, absolute(2e-5), n=n)


def test_sound_of_another_rate_comes_to_16_khz_by_the_filter_in_the_definition(parity, file) -> None:
    """SciPy's polyphase filter, where the papers' script has librosa's: another filter is another sound."""
    noise = np.random.default_rng(11).normal(0, 0.1, 44100).astype(np.float32)
    media = ArrayMedia(pictures(12, (224, 224), 8), Fraction(30), noise, 44100)
    extractor = syncnet.ned30(weights=file)
    _, network = through(extractor, media)
    heard, another = (
        np.stack([cepstra[4 * i : 4 * i + 20].T for i in range(7)])
        for cepstra in (
            psf.mfcc(sound.astype(np.float32)[1066:], 16000, winstep=1 / 120)
            for sound in (resample_poly(noise, 160, 441, window=("kaiser", 5.0)), resample(noise, 16000))
        )
    )
    n, oracle = (7, "windows"), f"{release('python_speech_features')} on {release('scipy')} resample_poly"
    parity("SyncNet ned30: sound windows", oracle, network.played, heard, absolute(2e-5), n=n)
    assert np.abs(heard - another).max() > 0.1
    assert ",16khz-resample_poly-kaiser5-not-librosa," in extractor.definition
    others = (syncnet.official(weights=file), syncnet.wav2lip(weights=file), syncnet.clean(weights=file))
    assert all(",16khz-resample_poly-kaiser5," in other.definition for other in others)


def faces_of(frames: int, box=(60, 40, 140, 140)) -> Arrays:
    rows = blank(frames, BASE)
    rows["found"][:], rows["track"][:], rows["raw_box"][:] = True, 1, box
    return rows


def test_clean_hears_what_official_does_where_frames_are_25_a_second(file) -> None:
    media = sounding(pictures(14, (200, 200), 9), Fraction(25))
    clean, network = through(syncnet.clean(weights=file), media, faces_of(14))
    _, official = through(syncnet.official(weights=file, jpeg="none"), media)
    count = len(official.played)
    np.testing.assert_allclose(network.played[:count], official.played, rtol=0, atol=2e-5)
    assert clean["video_valid"].tolist() == [True] * 10 + [False] * 4
    # 3440 samples from frame i on: 640 i + 3440 <= 14 * 640
    assert clean["audio_valid"].tolist() == [True] * 9 + [False] * 5


def test_clean_hears_each_frame_from_its_own_time_on(file) -> None:
    media = sounding(pictures(30, (200, 200), 10), Fraction(30))
    clean, network = through(syncnet.clean(weights=file), media, faces_of(30))
    picks = nearest(media.times)
    heard = np.flatnonzero(clean["audio_valid"])
    loud = media.samples.astype(float) * 32768
    for row, pick in zip(network.played, picks[heard], strict=True):
        begin = round(pick / 30 * 16000)
        emphasised = np.append(loud[0], loud[1:] - 0.97 * loud[:-1])[begin : begin + 3440]
        frames = [emphasised[160 * j : 160 * j + 400] for j in range(20)]
        energy = [np.log(np.sum(np.abs(np.fft.rfft(f, 512)) ** 2 / 512)) for f in frames]
        np.testing.assert_allclose(row[0], energy, rtol=0, atol=2e-5)


def test_clean_without_sound_or_face_says_so(file) -> None:
    frames = pictures(9, (100, 100), 0)
    none, _ = through(syncnet.clean(weights=file), ArrayMedia(frames, Fraction(25)), blank(9, BASE))
    assert not none["video_valid"].any()
    assert not none["audio_valid"].any()
    assert none["video"].shape == none["audio"].shape == (9, 1024)


# --- one pass


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from([0, 1, 2]), st.integers(1, 12)), min_size=1, max_size=5).map(
        lambda parts: [run for run, length in parts for _ in range(length)]
    ),
    st.integers(1, 9),
)
def test_one_pass_gives_the_windows_that_lie_within_a_run(parity, runs: list[int], chunk: int) -> None:
    random = np.random.default_rng(0)
    faces = np.zeros((len(runs), 224, 224, 3), np.uint8)
    faces.reshape(len(runs), -1)[:, 70_000:71_024] = random.integers(0, 256, (len(runs), 1024))
    lips = Lips(Noting(chunk))  # type: ignore[arg-type]
    for face, run in zip(faces, runs, strict=True):
        lips.add(face if run else None, run)
    rows, valid = lips.finish()
    flat = faces.reshape(len(runs), -1)[:, 70_000:71_024].astype(np.float32)
    wanted = np.zeros((len(runs), 1024), np.float32)
    for index in range(len(runs)):
        some = runs[index : index + 5]
        whole_window = len(some) == 5 and 0 not in some and all(a == b for a, b in pairwise(some))
        assert valid[index] == whole_window
        if whole_window:
            wanted[index] = flat[index : index + 5].mean(axis=0)
    oracle, n = "windows cut one by one, their means for a network", (len(runs), "frames")
    parity("SyncNet: one pass", oracle, rows, wanted, EXACT, n=n)


def test_batches_of_decoding_move_nothing(file) -> None:
    media = sounding(pictures(20, (120, 120), 11), Fraction(25))
    extractor = syncnet.official(weights=file, jpeg="none")
    first, _ = through(extractor, media)
    network = Noting()
    work = extractor.begin(media, network)  # type: ignore[arg-type]
    for batch in media.batches(20):
        work.push(batch, {})
    second = work.finish()
    assert all(np.array_equal(first[name], second[name]) for name in first)
