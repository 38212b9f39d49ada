"""CSIM of the papers: the network from its description, torchvision's input, the rule literally.

Features: ours run in single precision with normalisations folded, the oracle in double precision. Over some
fifty layers that moves a feature by about 1e-6 of the largest; 2e-5 of the largest is the tolerance.
"""

from __future__ import annotations

import random
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F
from torchvision import transforms

from spfem_bench.testing import check_metric
from spfem_metrics import (
    ArrayMedia,
    ClipFeatures,
    DefinitionError,
    Extractor,
    Observation,
    Row,
    TrialFacts,
    Unscored,
    WeightsError,
)
from spfem_metrics.extraction import extract
from spfem_metrics.metrics.csim import ACTORS, csim_expr
from spfem_metrics.networks import efficientface
from spfem_metrics.networks.architectures.efficientface import EfficientFace
from spfem_metrics.networks.checkpoints import fill
from spfem_metrics.networks.files import digest8
from tests.support.parity import EXACT, absolute, of_largest, release
from tests.support.planted import pictures

OF_LARGEST = 2e-5
SCORE, LETTER = "CSIM of the papers: score", "the papers' rule by the letter, float32"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("csim") / "EfficientFace_Trained_on_AffectNet7.pth.tar"
    efficientface.random_file(path, 5)
    return path


@pytest.fixture(scope="module")
def published(model: Path) -> dict[str, torch.Tensor]:
    return torch.load(model, weights_only=True)["state_dict"]


@pytest.fixture(scope="module")
def frames() -> np.ndarray:
    return pictures(2, (200, 240), 1)


def published_input(frames: np.ndarray) -> torch.Tensor:
    """As the papers' script prepares a picture."""
    how = transforms.Compose(
        [
            transforms.ToPILImage(),
            transforms.Resize(256),
            transforms.CenterCrop(224),
            transforms.ToTensor(),
            transforms.Normalize(
                mean=[0.57535914, 0.44928582, 0.40079932], std=[0.20735591, 0.18981615, 0.18132027]
            ),
        ]
    )
    return torch.stack([how(frame) for frame in frames])


class Described:
    """EfficientFace as its description reads, on plain tensors."""

    def __init__(self, state: dict[str, torch.Tensor]) -> None:
        self.state = {name.removeprefix("module."): value.double() for name, value in state.items()}

    def norm(self, x: torch.Tensor, name: str) -> torch.Tensor:
        leaves = ("running_mean", "running_var", "weight", "bias")
        return F.batch_norm(x, *(self.state[f"{name}.{leaf}"] for leaf in leaves), training=False, eps=1e-5)

    def conv(self, x: torch.Tensor, name: str, stride: int = 1, dilation: int = 1) -> torch.Tensor:
        weight, bias = self.state[f"{name}.weight"], self.state.get(f"{name}.bias")
        groups = x.shape[1] // weight.shape[1]
        padding = dilation * (weight.shape[-1] // 2)
        return F.conv2d(x, weight, bias, stride, padding, dilation, groups)

    def linear(self, x: torch.Tensor, name: str) -> torch.Tensor:
        return F.linear(x, self.state[f"{name}.weight"], self.state[f"{name}.bias"])

    def chain(self, x: torch.Tensor, name: str, *steps: tuple[int, int, bool]) -> torch.Tensor:
        """Convolution and normalisation by number: (place, stride, rectified)."""
        for place, stride, rectified in steps:
            x = self.norm(self.conv(x, f"{name}.{place}", stride), f"{name}.{place + 1}")
            x = x.relu() if rectified else x
        return x

    def unit(self, x: torch.Tensor, name: str, stride: int) -> torch.Tensor:
        if stride == 2:
            left = self.chain(x, f"{name}.branch1", (0, 2, False), (2, 1, True))
        else:
            left, x = x[:, : x.shape[1] // 2], x[:, x.shape[1] // 2 :]
        right = self.chain(x, f"{name}.branch2", (0, 1, True), (3, stride, False), (5, 1, True))
        joined = torch.cat([left, right], dim=1)
        count, channels, height, width = joined.shape
        return joined.view(count, 2, channels // 2, height, width).transpose(1, 2).reshape(joined.shape)

    def local(self, x: torch.Tensor) -> torch.Tensor:
        """Quarters 1 to 4: upper left, lower left, upper right, lower right."""
        made = torch.zeros(len(x), 116, 28, 28, dtype=torch.float64)
        for quarter, (top, left) in {1: (0, 0), 2: (28, 0), 3: (0, 28), 4: (28, 28)}.items():
            part = x[:, :, top : top + 28, left : left + 28]
            for layer, stride in ((1, 2), (2, 1)):
                part = self.conv(part, f"local.conv{quarter}_{layer}", stride)
                part = self.norm(part, f"local.bn{quarter}_{layer}").relu()
            made[:, :, top // 2 : top // 2 + 14, left // 2 : left // 2 + 14] = part
        return made

    def gates(self, x: torch.Tensor) -> torch.Tensor:
        name = "modulator.channel_att.gate_c.gate_c"
        channel = self.norm(
            self.linear(F.avg_pool2d(x, 28).flatten(1), f"{name}_fc_0"), f"{name}_bn_1"
        ).relu()
        channel = self.linear(channel, f"{name}_fc_final")[:, :, None, None]
        name = "modulator.spatial_att.gate_s.gate_s"
        space = self.norm(self.conv(x, f"{name}_conv_reduce0"), f"{name}_bn_reduce0").relu()
        for layer in (0, 1):
            space = self.conv(space, f"{name}_conv_di_{layer}", dilation=4)
            space = self.norm(space, f"{name}_bn_di_{layer}").relu()
        return torch.sigmoid(channel * self.conv(space, f"{name}_conv_final")) * x

    def __call__(self, x: torch.Tensor) -> np.ndarray:
        x = F.max_pool2d(self.chain(x.double(), "conv1", (0, 2, True)), 3, 2, 1)
        deep = x
        for stage, units in ((2, 4), (3, 8), (4, 4)):
            for unit in range(units):
                deep = self.unit(deep, f"stage{stage}.{unit}", 2 if unit == 0 else 1)
            deep = self.gates(deep) + self.local(x) if stage == 2 else deep
        return self.chain(deep, "conv5", (0, 1, True)).mean(dim=(2, 3)).numpy()


def test_features_are_the_described_networks_on_torchvisions_input(parity, model, frames, published) -> None:
    extractor = efficientface.efficientface(weights={"model": model})
    arrays = extract(ArrayMedia(frames, Fraction(25)), [extractor])["efficientface"]
    with torch.inference_mode():
        wanted = Described(published)(published_input(frames))
        bgr = Described(published)(published_input(frames[..., ::-1].copy()))
    ours = np.asarray(arrays["features"])
    assert ours.shape == (2, 1024)
    assert ours.min() >= 0
    assert arrays["valid"].all()
    oracle, within = "EfficientFace as described, float64", of_largest(OF_LARGEST)
    parity("CSIM of the papers: features", oracle, ours, wanted, within, n=(2, "frames"))
    assert np.abs(bgr - wanted).max() > 100 * OF_LARGEST * wanted.max()


@pytest.mark.parametrize("size", [(256, 256), (200, 240), (301, 143)])
def test_a_frame_comes_to_the_network_as_torchvision_brings_it_to_the_bit(parity, size) -> None:
    frame = pictures(1, size, 2)
    crop = torch.from_numpy(efficientface.CROP.of(frame[0])).permute(2, 0, 1).float() / 255
    normalise = transforms.Normalize(efficientface.MEAN, efficientface.STD)
    found, wanted, oracle = normalise(crop)[None], published_input(frame), release("torchvision")
    assert found.dtype == wanted.dtype
    parity("CSIM of the papers: input", oracle, found, wanted, EXACT, n=(1, "frames"))


def test_the_network_has_the_published_size_and_names(published) -> None:
    """1.28 M parameters, as its authors state (Zhao, Liu and Zhou 2021)."""
    with torch.device("meta"):
        wrapped = torch.nn.DataParallel(EfficientFace())
    assert set(published) == set(wrapped.state_dict())
    assert sum(value.numel() for value in wrapped.parameters()) == 1_275_293
    shapes = {name: tuple(value.shape) for name, value in published.items()}
    assert shapes["module.stage2.0.branch1.0.weight"] == (29, 1, 3, 3)
    assert shapes["module.local.conv1_1.weight"] == (116, 1, 3, 3)
    assert shapes["module.modulator.channel_att.gate_c.gate_c_fc_0.weight"] == (7, 116)
    assert shapes["module.modulator.spatial_att.gate_s.gate_s_conv_di_1.weight"] == (7, 7, 3, 3)
    assert shapes["module.fc.weight"] == (7, 1024)


def test_a_checkpoint_plain_tensors_and_a_file_without_counters_load_the_same(
    model, published, tmp_path
) -> None:
    plain = {name.removeprefix("module."): value for name, value in published.items()}
    torch.save(plain, tmp_path / "plain.pt")
    torch.save({k: v for k, v in plain.items() if "num_batches_tracked" not in k}, tmp_path / "older.pt")
    torch.save({"state_dict": published, "epoch": 3}, tmp_path / "epoch.pth.tar")
    files = [model, *(tmp_path / name for name in ("plain.pt", "older.pt", "epoch.pth.tar"))]
    first, *others = (fill(EfficientFace(), path).state_dict() for path in files)
    assert all(torch.equal(first[name], other[name]) for other in others for name in first)


@pytest.mark.parametrize("damage", ["missing", "left over", "shape", "half a prefix"])
def test_a_file_of_another_network_is_refused(published, tmp_path, damage) -> None:
    tensors = dict(published)
    if damage == "missing":
        del tensors["module.fc.weight"]
    elif damage == "left over":
        tensors["module.extra"] = torch.zeros(1)
    elif damage == "shape":
        tensors["module.fc.weight"] = torch.zeros(8, 1024)
    else:
        tensors["fc.weight"] = tensors.pop("module.fc.weight")
    torch.save({"state_dict": tensors}, tmp_path / "other.pth.tar")
    with pytest.raises(WeightsError, match=r"other\.pth\.tar: not a EfficientFace"):
        fill(EfficientFace(), tmp_path / "other.pth.tar")


def test_the_definition_says_how_and_whether_masks_were_given(model) -> None:
    made = efficientface.efficientface(weights={"model": model}, mask="given", chunk=8)
    assert isinstance(made, Extractor)
    assert made.definition == (
        f"efficientface-affectnet7@{digest8(model)},mean-before-fc-1024,frame-RGB,short256-pil-bilinear,"
        "centre224,norm:mean.5754-.4493-.4008-std.2074-.1898-.1813,mask:given,chunk8"
    )
    with pytest.raises(DefinitionError, match="mask"):
        efficientface.efficientface(weights={"model": model}, mask="computed")


WIDTH = 12


def clip(name: str, actor: str, side: str, count: int) -> Observation:
    """A clip of known features, none below 0, drawn from its name."""
    draw = np.random.default_rng(sum(place * ord(letter) for place, letter in enumerate(name + side, 1)))
    base = np.random.default_rng(sum(map(ord, actor))).random(WIDTH)
    features = np.abs(base + 0.4 * draw.normal(size=(count, WIDTH))).astype(np.float32)
    arrays = {"efficientface": {"features": features, "valid": np.ones(count, bool)}}
    facts = TrialFacts(name, actor, "sad", "real" if side == "real" else "generated")
    seen = ClipFeatures(25.0, np.arange(count) / 25, (256, 256), arrays)
    return Observation(facts, {"output": seen}, np.arange(count, dtype=np.int64))


CLIPS = [
    clip(f"{actor}-{number}-{side}", actor, side, count)
    for actor, counts in {"W015": (70, 55), "M003": (101, 140), "M009": (30, 64), "Z001": (120, 1)}.items()
    for side in ("generated", "real")
    for number, count in enumerate(counts)
]
IN_ORDER = ("M003", "M009", "W015", "Z001")


def rows(clips: list[Observation], **options) -> list[Row]:
    metric = csim_expr(**options)
    return sorted((Row(c.trial, metric.observe(c)) for c in clips), key=lambda row: row.trial.id)


def by_the_letter(clips: list[Observation], actors: tuple[str, ...]) -> float:
    """The papers' rule: files sorted, filtered by actor, sampled; cosines of all pairs; the mean of means."""
    files = {
        side: sorted(
            (f"{c.trial.id}/{frame:05}", c.trial.speaker, row)
            for c in clips
            if c.trial.side == side
            for frame, row in enumerate(c.sides["output"]["efficientface"]["features"])
        )
        for side in ("real", "generated")
    }
    random.seed(1)
    values = []
    for actor in actors:
        drawn = []
        for side in ("real", "generated"):
            own = [item for item in files[side] if item[1] == actor]
            if len(own) > 100:
                own = random.sample(own, 100)
            drawn.append(torch.from_numpy(np.stack([features for *_, features in own])))
        real, made = drawn
        values.append(torch.cosine_similarity(real.unsqueeze(1), made.unsqueeze(0), dim=2).mean())
    return float(torch.stack(values).mean())


def test_the_score_is_the_rule_by_the_letter(parity) -> None:
    """The oracle averages in single precision: 1e4 cosines of about 1, so 1e-6 is room enough."""
    score = csim_expr().reduce(rows(CLIPS))
    found, wanted = score.outcome.value, by_the_letter(CLIPS, IN_ORDER)
    parity(SCORE, LETTER, found, wanted, absolute(1e-6), n=(len(CLIPS), "clips"))
    assert (score.scored, score.total, score.interval) == (8, 8, "t over 4 speakers, cluster-linearised")


def test_the_actors_order_the_seed_and_the_sample_move_it(parity) -> None:
    value = csim_expr().reduce(rows(CLIPS)).outcome.value
    turned = csim_expr(actors=["Z001", "W015"]).reduce(rows(CLIPS)).outcome.value
    wanted = by_the_letter(CLIPS, ("Z001", "W015", "M003", "M009"))
    parity(SCORE, LETTER, turned, wanted, absolute(1e-6), n=(len(CLIPS), "clips"))
    others = [csim_expr(**o).reduce(rows(CLIPS)).outcome.value for o in ({"seed": 2}, {"sample": 90})]
    assert min(abs(other - value) for other in (turned, *others)) > 1e-5


def test_no_more_frames_than_the_sample_are_all_taken_and_nothing_is_drawn_for_them(parity) -> None:
    """M009's 94 frames take no numbers from the stream: without that actor the others are drawn the same."""
    without = [c for c in CLIPS if c.trial.speaker != "M009"]
    kept = by_the_letter(without, ("M003", "W015", "Z001"))
    found = csim_expr().reduce(rows(without)).outcome.value
    parity(SCORE, LETTER, found, kept, absolute(1e-6), n=(len(without), "clips"))
    notes = csim_expr().reduce(rows(CLIPS)).notes
    assert notes[0] == "at most 100 real and 100 generated frames of each of 4 actors"
    assert notes[1] == "fewer than 100 frames, all taken: M009 (94 real), M009 (94 generated)"


def test_the_level_of_real_frames_among_themselves_stands_beside_it() -> None:
    """Of two frames at a known angle it is their cosine, each frame's own 1 left out."""
    pair = clip("r", "M003", "real", 2)
    pair.sides["output"]["efficientface"]["features"][:] = np.eye(WIDTH)[:2] + np.eye(WIDTH)[1]
    made = clip("g", "M003", "generated", 3)
    notes = csim_expr().reduce(rows([pair, made])).notes
    assert f"real frames among themselves: {1 / np.sqrt(2):.3f}" in notes


def test_an_actor_with_one_side_only_is_left_out_and_named() -> None:
    lone = [*CLIPS, clip("lone", "A000", "generated", 9)]
    score = csim_expr().reduce(rows(lone))
    assert score.outcome == csim_expr().reduce(rows(CLIPS)).outcome
    assert "left out, without frames on both sides: A000; not comparable with all actors" in score.notes
    apart = [clip("g", "A", "generated", 4), clip("r", "B", "real", 4)]
    reason = "no actor has both generated and real clips of this emotion"
    assert csim_expr().reduce(rows(apart)).outcome == Unscored(reason)


def test_sets_that_are_missing_say_which_and_why() -> None:
    made = [row for row in rows(CLIPS) if row.trial.side == "generated"]
    assert csim_expr().reduce(made).outcome == Unscored("the protocol has no real clips of this emotion")
    lost = [replace(row, outcome=Unscored("too short")) for row in made]
    real = [row for row in rows(CLIPS) if row.trial.side == "real"]
    score = csim_expr().reduce([*lost, *real])
    assert score.outcome == Unscored("no generated clip could be used: too short (8x)")
    score = csim_expr().reduce([lost[0], *made[1:], *real])
    assert "1 of 8 generated clips missing: too short" in score.notes


def test_its_signature_names_every_choice(model) -> None:
    definition = efficientface.efficientface(weights={"model": model}).definition
    line = csim_expr().signature({"efficientface": definition}).line
    assert line.startswith("csim-expr|v1|efficientface:efficientface-affectnet7@")
    assert line.endswith(
        "mask:none,chunk32|frames:all-by-id-and-time|draw:random.sample100-seed1-real-then-generated|"
        f"actors:{'+'.join(ACTORS)}+others-by-name|mean:matrix-then-actors|miss:exclude"
    )
    assert csim_expr().info.direction == "higher"
    assert "no similarity of identity" in csim_expr().info.about


@pytest.mark.parametrize("options", [{"sample": 0}, {"actors": ["M003", "M003"]}])
def test_options_that_cannot_be_are_refused(options) -> None:
    with pytest.raises(DefinitionError, match="csim-expr"):
        csim_expr(**options)


def test_it_does_what_every_metric_must() -> None:
    made = [c for c in CLIPS if c.trial.side == "generated"]
    check_metric(csim_expr(), made, reals=[c for c in CLIPS if c.trial.side == "real"])
