"""FID and KID of the same folders of real frames by the published tools, run as they are meant to be run.

The same random Inception weights lie where each tool looks for its own. With fewer frames than dimensions the
tools' matrix roots lose digits (`spfem_metrics.functional.frechet`): 1e-5 of the distance is the tolerance,
a thousand times what features differ by, and a thousandth of what the definitions differ by.
"""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from spfem_bench.clips import open_clip
from spfem_metrics import ArrayMedia
from spfem_metrics.extraction import extract
from spfem_metrics.functional import frechet_distance, kernel_distance
from spfem_metrics.networks.inception import Preprocessing, inception
from tests.support.parity import of_each, release
from tests.support.planted import plant_inception, plant_torchscript

pytestmark = [pytest.mark.real, pytest.mark.slow]
pytest.importorskip("pytorch_fid")
CLIPS = ("expressive/sadgirl_clip1.mp4", "retalking/1.mp4")
FRAMES = 8
REL = 1e-5
FOLDERS = (2 * FRAMES, "frames")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("torch-home")
    plant_inception(folder)
    return folder


@pytest.fixture(scope="module")
def frames(fixtures_dir: Path) -> list[np.ndarray]:
    """Every fifth frame from the start of two clips."""
    wanted = 5 * FRAMES
    found = []
    for name in CLIPS:
        batches = open_clip(fixtures_dir / name).batches(wanted)
        images = np.concatenate([batch.images for batch in itertools.islice(batches, 1)])
        found.append(images[:wanted:5])
    return found


@pytest.fixture(scope="module")
def folders(frames, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    made = []
    for index, images in enumerate(frames):
        folder = tmp_path_factory.mktemp(f"set{index}")
        for number, image in enumerate(images):
            cv2.imwrite(str(folder / f"{number:04d}.png"), image[..., ::-1])
        made.append(folder)
    return made


def ours(home: Path, frames: list[np.ndarray], preprocessing: Preprocessing) -> list[np.ndarray]:
    extractor = inception(weights={"model": next(home.rglob("*.pth"))}, preprocessing=preprocessing)
    media = [ArrayMedia(np.ascontiguousarray(images), Fraction(25)) for images in frames]
    return [np.asarray(extract(m, [extractor])[extractor.name]["features"]) for m in media]


def test_fid_is_what_python_m_pytorch_fid_prints(parity, home, frames, folders) -> None:
    command = [
        sys.executable,
        "-m",
        "pytorch_fid",
        *map(str, folders),
        "--device",
        "cpu",
        "--num-workers",
        "0",
    ]
    done = subprocess.run(
        command, env=os.environ | {"TORCH_HOME": str(home)}, capture_output=True, text=True, check=False
    )
    if "disp" in done.stderr and "TypeError" in done.stderr:
        pytest.skip("pytorch-fid does not run with this SciPy: sqrtm has no argument disp since 1.18")
    printed = re.search(r"FID:\s+([\d.]+)", done.stdout)
    assert printed, done.stderr
    found, wanted = frechet_distance(*ours(home, frames, "pytorch-fid")), float(printed[1])
    oracle = f"python -m pytorch_fid, {release('pytorch-fid')}"
    parity("FID pytorch-fid: of folders", oracle, found, wanted, of_each(REL), n=FOLDERS)


def test_fid_and_kid_are_torch_fidelitys(parity, home, frames, folders) -> None:
    upstream = pytest.importorskip("torch_fidelity")
    wanted = upstream.calculate_metrics(
        input1=str(folders[0]),
        input2=str(folders[1]),
        feature_extractor_weights_path=str(next(home.rglob("*.pth"))),
        fid=True,
        kid=True,
        kid_subsets=1,
        kid_subset_size=FRAMES,
        cuda=False,
        cache=False,
        verbose=False,
    )
    found = ours(home, frames, "torch-fidelity")
    fid, kid = wanted["frechet_inception_distance"], wanted["kernel_inception_distance_mean"]
    oracle, within = release("torch-fidelity"), of_each(REL)
    parity("FID torch-fidelity: of folders", oracle, frechet_distance(*found), fid, within, n=FOLDERS)
    parity("KID torch-fidelity: of folders", oracle, kernel_distance(*found), kid, within, n=FOLDERS)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_fid_and_kid_are_clean_fids(parity, home, frames, folders, tmp_path, monkeypatch) -> None:
    import torch

    upstream = pytest.importorskip("cleanfid.fid")
    from cleanfid.inception_torchscript import InceptionV3W

    monkeypatch.setenv("TORCH_HOME", str(home))
    network = InceptionV3W(str(plant_torchscript(tmp_path)), download=False)
    monkeypatch.setattr(upstream, "build_feature_extractor", lambda *_, **__: network)
    options = {"mode": "clean", "num_workers": 0, "device": torch.device("cpu"), "verbose": False}
    found = ours(home, frames, "clean-fid")
    with torch.jit.optimized_execution(False):
        kid = upstream.compute_kid(*map(str, folders), **options)
        fid = upstream.compute_fid(*map(str, folders), **options)
    oracle, within = release("clean-fid"), of_each(REL)
    parity("KID clean-fid: of folders", oracle, kernel_distance(*found), kid, within, n=FOLDERS)
    parity("FID clean-fid: of folders", oracle, frechet_distance(*found), fid, within, n=FOLDERS)
