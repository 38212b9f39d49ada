"""The extractor ``text``: its rows are the picture side of the judge ``clip``, one for each found face."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from spfem_metrics.errors import DefinitionError, WeightsError
from spfem_metrics.media import ArrayMedia
from spfem_metrics.synthetic.nets.clip import build, images
from spfem_metrics.synthetic.nets.crops import RIGID, TEMPLATE, cut, matrix_of
from spfem_metrics.synthetic.text import text


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(3)
    path = tmp_path_factory.mktemp("judge") / "clip.safetensors"
    save_file({name: value.half().clone() for name, value in build().state_dict().items()}, path)
    return path


def test_rows_are_the_networks_embeddings_of_aligned_faces(model: Path) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (5, 128, 128, 3), np.uint8)
    landmarks = np.zeros((5, 68, 2), np.float32)
    landmarks[:, list(RIGID)] = TEMPLATE * 1.8
    found = np.array([True, True, False, True, True])
    extractor = text(weights={"model": model}, chunk=2)
    work = extractor.start(ArrayMedia(frames, Fraction(25)))
    for batch in ArrayMedia(frames, Fraction(25)).batches(3):
        some = slice(batch.start, batch.start + len(batch.images))
        work.push(batch, {"faces": {"landmarks": landmarks[some], "found": found[some]}})
    rows = work.finish()
    assert rows["valid"].tolist() == found.tolist()
    assert not rows["embedding"][2].any()
    network = build().eval()
    network.load_state_dict({name: v.half().float() for name, v in _state(model).items()})
    crop = cut(frames[3], matrix_of(landmarks[3].astype(np.float64)))
    with torch.inference_mode():
        expected = images(network, torch.from_numpy(crop[None]))[0].numpy()
    np.testing.assert_allclose(rows["embedding"][3], expected, atol=1e-4)


def test_its_definition_names_the_network_and_other_files_are_refused(model: Path, tmp_path: Path) -> None:
    assert text(weights={"model": model}).definition.startswith("judge-text@")
    with pytest.raises(DefinitionError):
        text(weights={"words": model})
    with pytest.raises(WeightsError, match="train metrics --only clip"):
        text(weights={"model": tmp_path / "none"})


def _state(path: Path) -> dict[str, torch.Tensor]:
    from safetensors.torch import load_file

    return load_file(path)
