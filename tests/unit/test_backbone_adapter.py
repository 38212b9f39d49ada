"""The backbone as an adapter: crops in and out, any rate and length, and what a bad checkpoint says."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import pytest
import torch
from safetensors.torch import save

from spfem_baselines import CannotGenerateError, Request
from spfem_baselines.backbone.adapter import CHUNK, EMOTIONS, backbone, in_blocks
from spfem_baselines.backbone.checkpoint import CheckpointError, load_backbone, read_checkpoint
from spfem_baselines.backbone.crops import BETWEEN, EYES, crop_place, cut, paste, window
from spfem_baselines.placing import place_by_eyes
from spfem_baselines.supervision import EMOTIONS as SEVEN
from spfem_bench.adapters.load import load_system
from spfem_bench.datasets.records import SPFEM_EMOTIONS
from spfem_bench.errors import UsageError
from spfem_bench.testing import check_adapter
from spfem_bench.testing.fake_clips import fake_clip
from spfem_bench.training.backbone.keeping import save as save_checkpoint
from spfem_bench.training.backbone.recipe import parse_recipe
from spfem_bench.training.backbone.step import players
from tests.support.backbones import RECIPE


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A checkpoint of random weights whose edits are plain to see."""
    recipe = parse_recipe(RECIPE, tmp_path_factory.getbasetemp())
    now = players(recipe, "cpu")
    with torch.no_grad():
        for net in (now.backbone, now.mean):
            net.generator.finish.bias[0] = 1.0
            net.styles.labels.weight.mul_(3)
    out = tmp_path_factory.mktemp("checkpoint")
    save_checkpoint(out, now, RECIPE["shape"], {"seed": 0})
    return out


@dataclass(frozen=True)
class Chopped:
    """A clip whose frames come in other chunks, or at another rate."""

    clip: object
    size_of_chunk: int = 32
    rate: Fraction = Fraction(25)

    def __getattr__(self, name):
        return getattr(self.clip, name)

    @property
    def fps(self):
        return self.rate

    @property
    def times(self):
        return np.arange(self.clip.frame_count) / float(self.rate)

    def frames(self, start=0, stop=None):
        whole = np.concatenate(list(self.clip.frames(start, stop)))
        yield from (whole[i : i + self.size_of_chunk] for i in range(0, len(whole), self.size_of_chunk))


def made(adapter, clip, emotion="happy", **more):
    request = Request("t", clip, emotion, 1, **more)
    return np.concatenate(list(adapter.generate(request).frames))


def test_eyes_come_to_lie_where_the_crop_wants_them():
    place = crop_place(place_by_eyes(np.array([40.0, 50.0]), np.array([70.0, 55.0])), 64)
    inverse = np.linalg.inv(np.vstack([place, [0, 0, 1]]))[:2]
    left, right = (inverse[:, :2] @ np.array(eye) + inverse[:, 2] for eye in ([40.0, 50.0], [70.0, 55.0]))
    assert np.linalg.norm(right - left) == pytest.approx(EYES * 64)
    # Pixel centres are at whole numbers: half the side is at 31.5.
    assert (left + right) / 2 == pytest.approx(np.array(BETWEEN) * 64 - 0.5)
    assert left[1] == pytest.approx(right[1])


def test_an_empty_edit_leaves_the_frame_and_paint_stays_inside_the_crop():
    image = np.random.default_rng(0).integers(0, 256, (80, 90, 3), np.uint8)
    place = crop_place(place_by_eyes(np.array([35.0, 35.0]), np.array([50.0, 35.0])), 32)
    flow, mask = np.zeros((32, 32, 2), np.float32), window(32)
    colour = np.full((32, 32, 3), 255.0, np.float32)
    assert np.array_equal(paste(image, place, flow, 0 * mask, colour), image)
    painted = paste(image, place, flow, mask, colour)
    # Bilinear: the outermost crop pixels reach one crop pixel further.
    corner, far = (place[:, :2] @ np.array([at, at]) + place[:, 2] for at in (-1.0, 32.0))
    inside = np.zeros((80, 90), bool)
    inside[int(corner[1]) : int(far[1]) + 2, int(corner[0]) : int(far[0]) + 2] = True
    assert np.array_equal(painted[~inside], image[~inside])
    middle = np.rint((corner + far) / 2).astype(int)
    assert (painted[middle[1], middle[0]] == 255).all()


def test_a_motion_of_the_crop_moves_the_frame_s_own_pixels():
    image = np.zeros((80, 80, 3), np.uint8)
    image[:, 40:] = 200
    place = np.array([[2.0, 0.0, 8.0], [0.0, 2.0, 8.0]])
    flow = np.zeros((32, 32, 2), np.float32)
    flow[..., 0] = 3.0
    moved = paste(image, place, flow, np.zeros((32, 32), np.float32), np.zeros((32, 32, 3), np.float32))
    # Three crop pixels are six of the frame: the edge at 40 is seen six pixels to the left.
    assert (moved[40, 20:34, 0] == 0).all()
    assert (moved[40, 34:60, 0] == 200).all()


def test_a_crop_is_what_the_frame_shows_there():
    image = np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8)
    assert np.array_equal(cut(image, np.array([[1.0, 0, 10], [0, 1.0, 20]]), 32), image[20:52, 10:42])


@pytest.mark.parametrize(
    ("count", "size", "margin"), [(1, 4, 1), (4, 4, 1), (9, 4, 1), (13, 4, 2), (30, 4, 6)]
)
def test_blocks_hold_every_frame_once_with_its_surroundings(count, size, margin):
    items = [
        (np.full((1, 1, 3), i, np.uint8), np.eye(2, 3) * i, np.full((1, 1, 3), i, np.uint8))
        for i in range(count)
    ]
    blocks = list(in_blocks(iter(items), size, margin))
    own = [int(v) for block in blocks for v in block.frames[:, 0, 0, 0]]
    assert own == list(range(count))
    begun = 0
    for block in blocks:
        around = block.crops[:, 0, 0, 0].tolist()
        stop = min(count, begun + len(block.frames) + margin)
        assert around == list(range(max(0, begun - margin), stop))
        assert around[block.before] == begun
        begun += len(block.frames)


def test_it_keeps_the_contract(folder):
    made = check_adapter(backbone(folder))
    assert made is not None
    assert made.frames.shape == (40, 96, 96, 3)


def test_how_the_source_is_chunked_changes_nothing(folder):
    adapter, clip = backbone(folder), fake_clip(frames=2 * CHUNK + 3, size=64)
    assert np.array_equal(made(adapter, clip), made(adapter, Chopped(clip, 5)))


def test_emotions_differ_and_the_frame_s_rim_stays(folder):
    adapter, clip = backbone(folder), fake_clip(frames=3, size=160)
    happy, sad = made(adapter, clip), made(adapter, clip, "sad")
    source = np.concatenate(list(clip.frames()))
    assert np.abs(happy.astype(int) - source).mean() > 0.5
    assert not np.array_equal(happy, sad)
    assert np.array_equal(happy[:, 0], source[:, 0])


def test_neighbours_are_forty_milliseconds_away_at_any_rate(folder):
    """Every frame shown twice at twice the rate is edited as it is at 25."""
    from spfem_baselines.backbone.adapter import Block, _edited

    network = load_backbone(read_checkpoint(folder))
    crops = np.random.default_rng(0).integers(0, 256, (6, 32, 32, 3), np.uint8)
    style, sound = network.styles.of_label(torch.tensor([4])), torch.full((4, 40, 16), -6.0)
    place = np.eye(2, 3)
    slow = _edited(network, style, Block(crops[1:5], [place] * 4, crops, 1), sound, 1)
    doubled = np.repeat(crops, 2, axis=0)
    fast = _edited(network, style, Block(doubled[2:10:2], [place] * 4, doubled[::2], 1), sound, 1)
    assert np.array_equal(slow, fast)
    pairs = _edited(
        network, style, Block(doubled[2:10], [place] * 8, doubled, 2), sound.repeat_interleave(2, 0), 2
    )
    # Another size of batch may round float32 sums otherwise, so a byte may fall on the other side.
    assert np.abs(pairs[::2].astype(int) - slow).max() <= 1


def test_what_a_trial_lacks_is_said(folder):
    clip = fake_clip(frames=2, size=64)
    with pytest.raises(CannotGenerateError, match="contempt"):
        backbone(folder).generate(Request("t", clip, "contempt", 1))
    with pytest.raises(CannotGenerateError, match="reference"):
        backbone(folder, "reference").generate(Request("t", clip, "happy", 1))
    with pytest.raises(CannotGenerateError, match="text"):
        backbone(folder, "text").generate(Request("t", clip, "happy", 1))


def test_a_reference_decides_where_it_is_asked_for(folder):
    clip, adapter = fake_clip(frames=2, size=64), backbone(folder, "reference")
    one, other = (made(adapter, clip, reference=fake_clip(name, frames=3, size=64)) for name in ("a", "b"))
    assert not np.array_equal(one, other)


def test_identity_names_weights_and_condition(folder):
    one, other = backbone(folder), backbone(folder, "reference")
    assert read_checkpoint(folder).digest[:16] in one.identity
    assert one.identity != other.identity


def test_the_harness_takes_a_folder_for_a_name(folder, tmp_path):
    system = load_system(f"backbone-reference:{folder}")
    assert system.name == "backbone-reference"
    assert system.adapter.condition == "reference"
    assert load_system(f"mine=backbone:{folder}").name == "mine"
    with pytest.raises(UsageError, match="no such file"):
        load_system(f"backbone:{tmp_path}")


def test_damaged_or_foreign_checkpoints_are_named(folder, tmp_path):
    found = read_checkpoint(folder)
    with pytest.raises(CheckpointError, match="sha256 differs"):
        load_backbone(replace(found, weights=(found.weights[0], "0" * 64)))
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_backbone(replace(found, weights=("gone.safetensors", "0" * 64)))
    record = json.loads((folder / "checkpoint.json").read_text())
    (tmp_path / "checkpoint.json").write_text(json.dumps({**record, "format": "other"}))
    with pytest.raises(CheckpointError, match="format"):
        read_checkpoint(tmp_path)
    (tmp_path / "checkpoint.json").write_text("{")
    with pytest.raises(CheckpointError, match="cannot be read"):
        read_checkpoint(tmp_path)
    outside = {**record, "weights": {"file": "../../elsewhere", "sha256": "0"}}
    (tmp_path / "checkpoint.json").write_text(json.dumps(outside))
    assert read_checkpoint(tmp_path).weights[0] == "elsewhere"


def test_weights_of_other_sizes_are_refused(folder, tmp_path):
    import hashlib

    content = save({"one": torch.zeros(1)})
    (tmp_path / "w.safetensors").write_bytes(content)
    found = replace(
        read_checkpoint(folder),
        folder=tmp_path,
        weights=("w.safetensors", hashlib.sha256(content).hexdigest()),
    )
    with pytest.raises(CheckpointError, match="of other networks than this version's: Missing key"):
        load_backbone(found)


def test_the_seven_emotions_are_counted_alike_everywhere():
    assert EMOTIONS == SEVEN == SPFEM_EMOTIONS
