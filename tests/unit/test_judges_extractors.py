"""The extractors of synthetic-v1 that read faces: their arrays, their definitions, what they refuse."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import torch

from spfem_bench.training.faces import build
from spfem_bench.training.files import save
from spfem_metrics import ArrayMedia, DefinitionError, WeightsError
from spfem_metrics.extraction import compare_pairs, extract
from spfem_metrics.synthetic.emotion import emotion
from spfem_metrics.synthetic.faces import FIELDS, faces
from spfem_metrics.synthetic.identity import identity
from spfem_metrics.synthetic.nets.crops import RIGID, TEMPLATE
from spfem_metrics.synthetic.perceptual import perceptual, perceptual_distance

FACTORIES = {"landmarks": faces, "identity": identity, "expression": emotion, "perceptual": perceptual}
FRAMES = np.random.default_rng(1).integers(0, 256, (50, 72, 96, 3), np.uint8)
CLIP = ArrayMedia(FRAMES, Fraction(25))


class Planted(torch.nn.Module):
    """Stands in for the landmark network: a face amid every crop, moved a little by what is seen."""

    def __init__(self) -> None:
        super().__init__()
        points = np.random.default_rng(4).uniform(-0.6, 0.6, (68, 2))
        points[list(RIGID)] = (TEMPLATE + 0.5) / 32 - 1
        self.points = torch.nn.Parameter(torch.from_numpy(points.astype(np.float32)).flatten())
        self.rest = torch.nn.Parameter(torch.tensor([9.0, *[0.1] * 22]))

    def forward(self, x):
        moved = self.points + 0.05 * x.mean(dim=(1, 2, 3))[:, None]
        return torch.cat([moved, self.rest.expand(len(x), -1)], dim=1)


@pytest.fixture(scope="module", autouse=True)
def planted():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("spfem_metrics.synthetic.nets.landmarks.LandmarkNet", Planted)
        yield


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A file of each network: of the stand-in for landmarks, first weights of the others."""
    home = tmp_path_factory.mktemp("judges")
    for name in FACTORIES:
        torch.manual_seed(len(name))
        save(home / name, Planted() if name == "landmarks" else build("judges", name), {})
    return home


def built(files, **options):
    return {name: factory(weights={"model": files / name}, **options) for name, factory in FACTORIES.items()}


@pytest.fixture(scope="module")
def arrays(files):
    return extract(CLIP, list(built(files).values()))


def test_every_frame_has_its_row(arrays):
    read = arrays["faces"]
    assert read["found"].all()
    for name, (shape, kind) in FIELDS.items():
        assert read[name].shape == (50, *shape)
        assert read[name].dtype == kind
        assert np.isfinite(read[name]).all()
    assert read["steady5"].shape == (50, 5, 2)
    assert read["box"].shape == (50, 4)
    assert {name: values.shape for name, values in arrays["emotion"].items()} == {
        "probabilities": (50, 7),
        "units": (50, 16),
        "valid": (50,),
    }
    assert arrays["identity"]["embedding"].shape == (50, 128)
    assert arrays["perceptual"]["features"].shape == (50, 96)


def test_probabilities_and_embeddings_are_scaled(arrays):
    np.testing.assert_allclose(arrays["emotion"]["probabilities"].sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(arrays["identity"]["embedding"], axis=1), 1, rtol=1e-5)


def test_measures_follow_from_the_landmarks(arrays):
    read = arrays["faces"]
    points, eyes = read["landmarks"].astype(float), read["interocular"]
    np.testing.assert_allclose(np.linalg.norm(points[:, 45] - points[:, 36], axis=1), eyes, rtol=1e-4)
    opening = np.linalg.norm(points[:, 66] - points[:, 62], axis=1) / eyes
    np.testing.assert_allclose(read["mouth_opening"], opening, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(read["mouth_points"], read["landmarks"][:, 48:])
    np.testing.assert_allclose(
        read["points5"][:, 0], (points[:, 36] + points[:, 39]) / 2, rtol=1e-4, atol=1e-3
    )


@pytest.mark.parametrize("batch", [1, 7, 50])
def test_batches_of_decoding_move_no_bit(files, arrays, batch):
    again = extract(CLIP, list(built(files).values()), batch=batch)
    for name, own in arrays.items():
        for key, values in own.items():
            np.testing.assert_array_equal(again[name][key], values, err_msg=f"{name} {key}")


def test_a_chunk_is_part_of_the_definition(files):
    for name, extractor in built(files, chunk=4).items():
        assert extractor.definition.endswith(",chunk4"), name
        assert extractor.definition != built(files)[name].definition
        assert not {" ", "|"} & set(extractor.definition)


def test_without_a_face_there_are_zeros(files, tmp_path):
    net = Planted()
    net.rest.data[0] = -9.0
    save(tmp_path / "blind", net, {})
    extractors = [faces(weights={"model": tmp_path / "blind"}), *list(built(files).values())[1:3]]
    read = extract(ArrayMedia(FRAMES[:5], Fraction(25)), extractors)
    assert not read["faces"]["found"].any()
    assert not read["faces"]["landmarks"].any()
    assert not read["identity"]["valid"].any()
    assert not read["emotion"]["probabilities"].any()


def test_pictures_are_as_far_as_they_differ(files):
    other = FRAMES[:6].copy()
    other[2:4, :, :20] = 255 - other[2:4, :, :20]
    other[4:6] = 255 - other[4:6]
    pairs = np.stack([np.arange(6)] * 2, axis=1)
    near = ArrayMedia(other, Fraction(25))
    shown = ArrayMedia(FRAMES[:6], Fraction(25))
    measure = perceptual_distance(weights={"model": files / "perceptual"}, chunk=4)
    far = compare_pairs(near, shown, pairs, [measure])["perceptual-distance"]["distance"]
    assert far.shape == (6,)
    assert (far[:2] == 0).all()
    assert 0 < far[2:4].max() < far[4:6].min()


def test_no_pairs_have_no_distances(files):
    measure = perceptual_distance(weights={"model": files / "perceptual"})
    assert measure.compare(CLIP, CLIP, np.zeros((0, 2), np.int64))["distance"].shape == (0,)


@pytest.mark.parametrize("factory", FACTORIES.values())
def test_unknown_keys_missing_files_and_impossible_chunks_are_refused(factory, tmp_path):
    with pytest.raises(DefinitionError, match="'model' or none"):
        factory(weights={"network": tmp_path})
    with pytest.raises(WeightsError, match="no such file"):
        factory(weights={"model": tmp_path / "none"})
    (tmp_path / "some").write_bytes(b"")
    with pytest.raises(DefinitionError, match="chunk"):
        factory(weights={"model": tmp_path / "some"}, chunk=0)


def test_another_networks_file_is_refused_with_the_first_clip(files):
    extractor = identity(weights={"model": files / "expression"})
    with pytest.raises(WeightsError, match="not a IdentityNet"):
        extract(CLIP, [faces(weights={"model": files / "landmarks"}), extractor])
