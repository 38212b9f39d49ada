"""SyncNet's network and protocols against a slow evaluation written apart, with the same random weights.

Both sides run in single precision; ours folds the normalisations and takes sums in another order. A layer's
sums of up to 9216 products are off by some sqrt(9216) * 2**-24 = 6e-6 of themselves, and there are eight
layers one upon another: 5e-5, so 2e-4 of the largest embedding leaves room. Traps move numbers by far more.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pytest
import torch

from spfem_metrics import ArrayMedia, ClipFeatures, DefinitionError, Extractor, Reading, WeightsError
from spfem_metrics.extraction import extract, features
from spfem_metrics.metric import Observation, TrialFacts
from spfem_metrics.metrics.syncnet import SyncNetMetric
from spfem_metrics.networks import syncnet, syncnet_towers
from spfem_metrics.networks.architectures import syncnet as architecture
from tests.support import syncnet as slow
from tests.support.parity import EXACT, of, of_each, of_largest
from tests.support.planted import pictures

psf = pytest.importorskip("python_speech_features")
ROUNDING = 2e-4


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("syncnet") / "syncnet_v2.model"
    syncnet.random_file(path, 5)
    return path


@pytest.fixture(scope="module")
def state(file: Path) -> dict[str, torch.Tensor]:
    return torch.load(file, weights_only=True)


class Moved(NamedTuple):
    """A network's file and tensors, and by what (1024,) the embeddings of sound are moved."""

    file: Path
    state: dict[str, torch.Tensor]
    by: np.ndarray


@pytest.fixture(scope="module")
def near(state, tmp_path_factory: pytest.TempPathFactory) -> Moved:
    """The same network with its sound moved half the way to its lips.

    Random lips are nearer to the zeros beyond the ends than to random sound: the least distance would be that
    of zeros, the confidence 0 and the offset 15 whatever is computed.
    """
    window = torch.from_numpy(pictures(5, (224, 224), 9)).float().permute(3, 0, 1, 2)[None]
    by, path = slow.lips(state, window)[0] / 2, tmp_path_factory.mktemp("near") / "syncnet_v2.model"
    moved = {**state, "netfcaud.3.bias": state["netfcaud.3.bias"] + by}
    torch.save(moved, path)
    return Moved(path, moved, by.double().numpy())


def voice(frames: int, rate: int = 25, seed: int = 0) -> np.ndarray:
    """int16 noise that swells and fades, as long as so many frames."""
    random = np.random.default_rng(seed)
    length = round(frames * 16000 / rate)
    swell = 1500 + 1400 * np.sin(np.arange(length) / 900)
    return (random.normal(0, 1, length) * swell).clip(-32768, 32767).astype(np.int16)


def clip(frames: int, size: tuple[int, int], rate: int = 25, seed: int = 0) -> tuple[ArrayMedia, np.ndarray]:
    sound = voice(frames, rate, seed)
    samples = (sound / 32768).astype(np.float32)
    return ArrayMedia(pictures(frames, size, seed), Fraction(rate), samples), sound


def observed(media: ArrayMedia, arrays) -> Observation:
    side: ClipFeatures = features(media, arrays)
    facts = TrialFacts("a", "speaker", "happy")
    return Observation(facts, {"output": side}, np.arange(media.frame_count))


def bgr224(frames: np.ndarray) -> np.ndarray:
    return np.stack([cv2.resize(frame[..., ::-1], (224, 224)) for frame in frames])


SLIDING = "the network transcribed, on sliding windows, float32"
EVALUATE = "syncnet_python's evaluate transcribed, float32"


def assert_same(parity, make, near: Moved, media: ArrayMedia, wanted: slow.Evaluated, **options) -> Reading:
    """Embeddings, distance, confidence and offset of one protocol."""
    extractor = make(weights={"model": near.file}, **options)
    arrays = extract(media, [extractor])
    protocol, found = extractor.name.removeprefix("syncnet-"), arrays[extractor.name]
    n, within = (len(wanted.video), "windows"), of_largest(ROUNDING)
    parity(f"SyncNet {protocol}: lips", SLIDING, found["video"], wanted.video, within, n=n)
    sounds = [side.astype(float) - near.by for side in (found["audio"], wanted.audio)]
    parity(f"SyncNet {protocol}: sound", SLIDING, *sounds, within, n=n)
    assert wanted.confidence > 0.1 * wanted.distance, "zeros beyond the ends are all that is compared"
    reading = SyncNetMetric("lse-d", protocol).observe(observed(media, arrays))
    assert isinstance(reading, Reading)
    distance, confidence, offset = reading.value, reading.parts["confidence"], reading.parts["offset"]
    parity(f"LSE-D {protocol}", EVALUATE, distance, wanted.distance, of_each(ROUNDING), n=n)
    within = of(2 * ROUNDING, wanted.distance, "LSE-D")
    parity(f"LSE-C {protocol}", EVALUATE, confidence, wanted.confidence, within, n=n)
    parity(f"sync offset {protocol}", EVALUATE, offset, wanted.offset, EXACT, n=n)
    return reading


def test_parameters_tensors_and_names_are_the_published_networks() -> None:
    with torch.device("meta"):
        network = architecture.SyncNet()
    names = list(network.state_dict())
    assert sum(p.numel() for p in network.parameters()) == 13_631_616
    assert len(names) == 102
    assert [n for n in names if n.startswith("netcnnlip") and n.endswith(".bias")] == [
        f"netcnnlip.{i}.bias" for i in (0, 1, 4, 5, 8, 9, 11, 12, 14, 15, 18, 19)
    ]
    assert list(dict.fromkeys(n.split(".")[0] for n in names)) == [
        "netcnnaud",
        "netfcaud",
        "netfclip",
        "netcnnlip",
    ]
    shapes = {n: tuple(v.shape) for n, v in network.state_dict().items()}
    assert shapes["netcnnlip.0.weight"] == (96, 3, 5, 7, 7)
    assert shapes["netcnnlip.18.weight"] == (512, 256, 1, 6, 6)
    assert shapes["netcnnaud.18.weight"] == (512, 256, 5, 4)
    assert shapes["netfcaud.3.weight"] == shapes["netfclip.3.weight"] == (1024, 512)


def test_a_file_without_step_counters_loads_as_the_published_one_does(state, file, tmp_path) -> None:
    """Also in torch's form of before 1.6, which the published file has."""
    older = {n: v for n, v in state.items() if not n.endswith("num_batches_tracked")}
    assert len(older) == 88
    torch.save(older, tmp_path / "old.model", _use_new_zipfile_serialization=False)
    windows = np.random.default_rng(0).normal(0, 10, (2, 13, 20)).astype(np.float32)
    towers = [syncnet_towers.Towers(path, "cpu", 2) for path in (file, tmp_path / "old.model")]
    assert np.array_equal(towers[0].audio(windows), towers[1].audio(windows))


@pytest.mark.parametrize("damage", ["missing", "more", "shape"])
def test_another_networks_file_is_refused(damage, state, tmp_path) -> None:
    tensors = dict(state)
    if damage == "missing":
        del tensors["netcnnlip.8.bias"]
    elif damage == "more":
        tensors["netfclip.4.weight"] = torch.zeros(1)
    else:
        tensors["netfcaud.3.weight"] = torch.zeros(512, 512)
    torch.save(tensors, tmp_path / "other.model")
    with pytest.raises(WeightsError, match="not a SyncNet"):
        syncnet_towers.load(tmp_path / "other.model", "cpu")


def test_official_is_syncnet_pythons_evaluate(parity, near) -> None:
    """12 pictures in chunks of 3 windows, so that the one pass has seams; 7 windows, not 8."""
    media, sound = clip(12, (224, 224))
    wanted = slow.evaluate(near.state, media.frames[..., ::-1], psf.mfcc(sound, 16000), last=7, reach=15)
    reading = assert_same(parity, syncnet.official, near, media, wanted, jpeg="none", chunk=3)
    assert reading.parts["windows"] == 7


def test_wav2lip_squeezes_whole_frames_and_takes_them_for_25_a_second(parity, near) -> None:
    """At 30 frames/s, 8 frames' sound lasts 6.67 of the 25 a second: one window."""
    media, sound = clip(8, (120, 180), rate=30, seed=1)
    wanted = slow.evaluate(near.state, bgr224(media.frames), psf.mfcc(sound, 16000), last=1, reach=15)
    assert_same(parity, syncnet.wav2lip, near, media, wanted, jpeg="none")


def test_ned30_is_the_papers_script(parity, near) -> None:
    """Cut of 35 px, floats, a column every 1/120 s, sound from its third frame on, 10 shifts."""
    media, _ = clip(10, (200, 200), rate=30, seed=2)
    assert media.samples is not None
    cepstra = psf.mfcc(media.samples[2 * (16000 // 30) :], 16000, winstep=1 / 120)
    last = min(10 - 5, len(cepstra) // 4 - 5)
    seen = bgr224(media.frames[:, 35:-35, 35:-35])
    wanted = slow.evaluate(near.state, seen, cepstra, last=last, reach=10)
    reading = assert_same(parity, syncnet.ned30, near, media, wanted)
    assert reading.parts["windows"] == last == 2


def test_floats_instead_of_int16_would_be_seen(file, state) -> None:
    towers = syncnet_towers.Towers(file, "cpu", 8)
    sound = voice(9)
    right, wrong = (
        towers.audio(syncnet_towers.sound_windows(psf.mfcc(s, 16000), 4)) for s in (sound, sound / 32768)
    )
    assert np.abs(right - wrong).max() > 100 * ROUNDING * np.abs(right).max()


def test_rgb_instead_of_bgr_or_pictures_of_0_to_1_would_be_seen(file, state) -> None:
    towers = syncnet_towers.Towers(file, "cpu", 8)
    frames = pictures(5, (224, 224), 3)
    right = towers.video(frames)
    assert np.abs(right - towers.video(frames[..., ::-1].copy())).max() > 100 * ROUNDING * np.abs(right).max()
    scaled = slow.lips(state, torch.from_numpy(frames / np.float32(255)).permute(3, 0, 1, 2)[None])
    assert np.abs(right - scaled.numpy()).max() > 100 * ROUNDING * np.abs(right).max()


def test_each_protocol_says_what_it_does(file) -> None:
    made = [
        make(weights={"model": file})
        for make in (syncnet.official, syncnet.wav2lip, syncnet.ned30, syncnet.clean)
    ]
    assert all(isinstance(extractor, Extractor) for extractor in made)
    assert [e.name for e in made] == [f"syncnet-{p}" for p in ("official", "wav2lip", "ned30", "clean")]
    assert [e.requires for e in made] == [(), (), (), ("faces",)]
    assert all(not set(" |\n") & set(e.definition) for e in made)
    assert all(e.definition.startswith("syncnet-v2@") and e.definition.endswith(",chunk32") for e in made)
    assert ["libavcodec" in e.definition for e in made] == [True, True, False, False]


@pytest.mark.parametrize(
    ("make", "options"),
    [
        (syncnet.official, {"jpeg": "none"}),
        (syncnet.official, {"rate": "as-is"}),
        (syncnet.official, {"chunk": 16}),
        (syncnet.wav2lip, {"jpeg": "none"}),
        (syncnet.ned30, {"mask": "given"}),
        (syncnet.ned30, {"margin": 0}),
        (syncnet.ned30, {"skip_frame": 0}),
        (syncnet.clean, {"edges": "zero"}),
    ],
)
def test_every_option_stands_in_the_definition(make, options, file) -> None:
    weights = {"model": file}
    assert make(weights=weights, **options).definition != make(weights=weights).definition


@pytest.mark.parametrize(
    ("make", "options"),
    [
        (syncnet.official, {"jpeg": "q2"}),
        (syncnet.official, {"rate": "30fps"}),
        (syncnet.wav2lip, {"chunk": 0}),
        (syncnet.ned30, {"mask": "maybe"}),
        (syncnet.ned30, {"margin": -1}),
        (syncnet.clean, {"edges": "mirror"}),
    ],
)
def test_impossible_options_are_refused(make, options, file) -> None:
    with pytest.raises(DefinitionError):
        make(weights={"model": file}, **options)


def test_no_file_is_said_at_once(tmp_path) -> None:
    with pytest.raises(DefinitionError, match=r"syncnet_v2\.model"):
        syncnet.clean(weights={})
    with pytest.raises(WeightsError, match="no such file"):
        syncnet.clean(weights={"model": tmp_path / "syncnet_v2.model"})


def test_without_a_window_the_networks_file_is_not_even_read(tmp_path) -> None:
    """Five frames, or none of sound; with one window more it is."""
    (tmp_path / "model").write_bytes(b"not a network")
    extractor = syncnet.official(weights={"model": tmp_path / "model"})
    for media in (clip(5, (64, 64))[0], ArrayMedia(pictures(8, (64, 64), 0), Fraction(25))):
        arrays = extract(media, [extractor])["syncnet-official"]
        assert arrays["video"].shape == arrays["audio"].shape == (0, 1024)
    with pytest.raises(WeightsError, match="neither safetensors nor a torch file"):
        extract(clip(6, (64, 64))[0], [extractor])
