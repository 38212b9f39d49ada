"""CLIP's zero-shot answers in parity with open_clip's own functions, and the trap of QuickGELU.

The oracle is open_clip: `build_zero_shot_classifier`, `image_transform` and the network itself, with the same
random weights. A small network of the same kind stands in for ViT-B-32; the names and shapes of the real one
are held to the size of its published file.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from spfem_metrics import ArrayMedia, DefinitionError, InputError, WeightsError
from spfem_metrics.labels import EMOTIONS, SEVEN
from spfem_metrics.networks.clip_zero_shot import (
    ARCHITECTURE,
    MEAN,
    STD,
    TEMPLATES,
    WORDS,
    ClipZeroShot,
    Prompts,
    blank,
    clip_zero_shot,
    face,
    load,
    random_file,
    shortest_centre,
    text_classifier,
)
from spfem_metrics.networks.face_crops import cut
from tests.support.parity import EXACT, absolute, release
from tests.support.planted import pictures

open_clip = pytest.importorskip("open_clip")

SIZE = 48
BOX = np.array([20.0, 10.0, 90.0, 120.0], np.float32)
ROUNDING = 1e-4
"""Of probabilities. Both sides sum in float32, batches of another length in another order. Cosines of 64
terms are off by 1e-6 at most after a few layers, and a logit, or probability, moves by 100 times that."""
CLIP, WITHIN = "emotion accuracy by CLIP: probabilities", absolute(ROUNDING)


def config(*, quick_gelu: bool) -> dict:
    return {
        "embed_dim": 64,
        "quick_gelu": quick_gelu,
        "vision_cfg": {"image_size": SIZE, "layers": 2, "width": 64, "patch_size": 16, "head_width": 16},
        "text_cfg": {"context_length": 24, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2},
    }


@pytest.fixture(scope="module")
def architecture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A small network of CLIP's kind, by a name that open_clip knows; and its twin without QuickGELU."""
    folder = tmp_path_factory.mktemp("architectures")
    for name, quick in (("small-test-quickgelu", True), ("small-test", False)):
        (folder / f"{name}.json").write_text(json.dumps(config(quick_gelu=quick)), "utf8")
    open_clip.add_model_config(folder)
    yield "small-test-quickgelu"
    open_clip.factory._MODEL_CONFIG_PATHS.remove(folder)
    open_clip.factory._rescan_model_configs()


@pytest.fixture(scope="module")
def model(architecture: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "open_clip_model.safetensors"
    random_file(path, 5, architecture)
    return path


@pytest.fixture(scope="module")
def upstream(model: Path) -> torch.nn.Module:
    """open_clip's network, filled by its own loader."""
    network = open_clip.create_model("small-test-quickgelu", pretrained=None)
    network.load_state_dict(load_file(model))
    return network.eval()


def frames(count: int, seed: int = 0) -> np.ndarray:
    return pictures(count, (140, 110), seed)


def read(extractor: ClipZeroShot, given: np.ndarray) -> np.ndarray:
    """Probabilities of frames that all have their face in `BOX`."""
    work = extractor.start(ArrayMedia(given, Fraction(25)))
    for batch in ArrayMedia(given, Fraction(25)).batches(2):
        count = len(batch.images)
        work.push(batch, {"faces": {"box": np.tile(BOX, (count, 1)), "found": np.ones(count, bool)}})
    return work.finish()["probabilities"]


def by_open_clip(network: torch.nn.Module, crops: list[np.ndarray], prompts: Prompts) -> np.ndarray:
    """Its own zero-shot classifier on its own preprocessing of PIL pictures, as its evaluation does it."""
    transform = open_clip.image_transform(SIZE, is_train=False)
    tokenizer = open_clip.SimpleTokenizer(context_length=24)
    words = [prompts.words[label] for label in prompts.labels]
    with torch.no_grad():
        classifier = open_clip.build_zero_shot_classifier(network, tokenizer, words, list(prompts.templates))
        batch = torch.stack([transform(Image.fromarray(crop)) for crop in crops])
        features = network.encode_image(batch, normalize=True)
        return (100 * features @ classifier).softmax(dim=-1).numpy()


def test_probabilities_are_open_clips(parity, architecture: str, model: Path, upstream) -> None:
    given = frames(5, 1)
    extractor = clip_zero_shot(weights={"model": model}, architecture=architecture, chunk=2)
    crops = [cut(frame, BOX.astype(float), "square", 1.3) for frame in given]
    wanted = by_open_clip(upstream, crops, Prompts())
    parity(CLIP, release("open_clip_torch"), read(extractor, given), wanted, WITHIN, n=(5, "frames"))
    assert np.ptp(wanted, axis=0).max() > 100 * ROUNDING, "the network must tell these pictures apart"


@pytest.mark.parametrize("batch", [1, 4, 32])
def test_some_frames_only_answer_as_they_do_among_all(architecture: str, model: Path, batch: int) -> None:
    media = ArrayMedia(frames(9, 2), Fraction(25))
    found = np.arange(9) != 4
    some = clip_zero_shot(weights={"model": model}, architecture=architecture, frames=3)
    every = clip_zero_shot(weights={"model": model}, architecture=architecture)

    def arrays(extractor: ClipZeroShot) -> dict[str, np.ndarray]:
        work = extractor.start(media)
        for piece in media.batches(batch):
            seen = found[piece.start : piece.start + len(piece.images)]
            work.push(piece, {"faces": {"box": np.tile(BOX, (len(seen), 1)), "found": seen}})
        return dict(work.finish())

    few, whole = arrays(some), arrays(every)
    assert few["frame"].tolist() == [1, 4, 7]
    assert few["valid"].tolist() == [True, False, True]
    np.testing.assert_allclose(few["probabilities"], whole["probabilities"][few["frame"]], atol=ROUNDING)
    assert np.ptp(whole["probabilities"][found], axis=0).max() > 100 * ROUNDING
    assert ",frames:even3," in some.definition
    assert "frames:" not in every.definition


def test_a_clip_that_ends_before_a_chosen_frame_is_an_error(architecture: str, model: Path) -> None:
    work = clip_zero_shot(weights={"model": model}, architecture=architecture, frames=3).start(
        ArrayMedia(frames(9), Fraction(25))
    )
    for piece in ArrayMedia(frames(6), Fraction(25)).batches(4):
        count = len(piece.images)
        work.push(piece, {"faces": {"box": np.tile(BOX, (count, 1)), "found": np.ones(count, bool)}})
    with pytest.raises(InputError, match="2 came of the 3 chosen"):
        work.finish()


def test_prompts_are_averaged_after_and_before_they_are_normalised(model: Path, architecture: str) -> None:
    """Means of plain features, or of directions left unnormalised, give another classifier."""
    network = load(model, architecture)
    texts = Prompts().texts
    ours = text_classifier(network, texts)
    tokenizer = open_clip.SimpleTokenizer(context_length=24)
    tokens = [tokenizer(group) for group in texts]
    with torch.no_grad():
        plain = torch.stack([network.encode_text(group).mean(dim=0) for group in tokens])
        plain = plain / plain.norm(dim=1, keepdim=True)
        loose = torch.stack([network.encode_text(group, normalize=True).mean(dim=0) for group in tokens])
    torch.testing.assert_close(ours.norm(dim=1), torch.ones(7))
    assert float((ours - plain).abs().max()) > ROUNDING
    assert float((ours - loose).abs().max()) > ROUNDING


@pytest.mark.parametrize("shape", [(140, 140), (90, 131), (131, 90), (30, 45), (48, 48)])
def test_pictures_are_prepared_as_open_clip_does(parity, shape: tuple[int, int]) -> None:
    """PIL's bicubic on the shortest side, then the centre: to the level, and to the bit once scaled."""
    picture = pictures(1, shape, 2)[0]
    wanted = open_clip.image_transform(SIZE, is_train=False)(Image.fromarray(picture))
    cropped = torch.from_numpy(shortest_centre(picture, SIZE).copy()).permute(2, 0, 1).float() / 255
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (MEAN, STD))
    found = (cropped - mean) / std
    assert found.dtype == wanted.dtype
    metric, oracle = "emotion accuracy by CLIP: input", release("open_clip_torch")
    parity(metric, oracle, found, wanted, EXACT, n=(1, "frames"))


def test_the_crop_is_a_square_of_the_networks_size() -> None:
    frame = frames(1)[0]
    for factor in (0.5, 1.3, 3.0):
        crop = face(frame, BOX.astype(float), factor, SIZE)
        assert crop.shape == (SIZE, SIZE, 3)
        assert crop.dtype == np.uint8


# --- QuickGELU


def test_weights_of_quickgelu_answer_differently_in_a_network_of_gelu(
    parity, architecture: str, model: Path, upstream: torch.nn.Module
) -> None:
    """Why the name matters: every tensor fits, nothing complains, and the answers move."""
    plain = open_clip.create_model("small-test", pretrained=None)
    plain.load_state_dict(load_file(model))
    crops = [cut(frame, BOX.astype(float), "square", 1.3) for frame in frames(4, 3)]
    right, wrong = (by_open_clip(network, crops, Prompts()) for network in (upstream, plain.eval()))
    assert np.abs(right - wrong).max() > 20 * ROUNDING
    ours = read(clip_zero_shot(weights={"model": model}, architecture=architecture), frames(4, 3))
    parity(CLIP, release("open_clip_torch"), ours, right, WITHIN, n=(4, "frames"))


@pytest.mark.parametrize("name", ["ViT-B-32", "small-test", "hf-hub:someone/ViT-B-32-quickgelu", ""])
def test_an_architecture_without_quickgelu_is_refused(name: str, model: Path) -> None:
    """And a name by which open_clip would fetch something."""
    with pytest.raises(DefinitionError, match="OpenAI's CLIP was trained with QuickGELU"):
        clip_zero_shot(weights={"model": model}, architecture=name)


def test_a_name_that_promises_quickgelu_is_held_to_it(
    architecture: str, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(DefinitionError, match="has no architecture 'none-quickgelu' with QuickGELU"):
        load(model, "none-quickgelu")
    monkeypatch.setitem(open_clip.factory._MODEL_CONFIGS, "liar-quickgelu", config(quick_gelu=False))
    with pytest.raises(DefinitionError, match="has no architecture 'liar-quickgelu' with QuickGELU"):
        load(model, "liar-quickgelu")


def test_the_real_networks_tensors_make_a_file_of_the_published_size() -> None:
    """``open_clip_model.safetensors`` of ``timm/vit_base_patch32_clip_224.openai`` has 605,143,284 bytes.

    A safetensors file is its header, which spells every name and shape, padded to eight bytes, and the
    numbers: one name more or less, or one dimension, would be another size.
    """
    tensors = blank(ARCHITECTURE).state_dict()
    header, end = {}, 0
    for name in sorted(tensors):
        begin, end = end, end + 4 * tensors[name].numel()
        header[name] = {"dtype": "F32", "shape": list(tensors[name].shape), "data_offsets": [begin, end]}
    spelled = len(json.dumps(header, separators=(",", ":")))
    assert len(tensors) == 302
    assert 8 + spelled + -spelled % 8 + end == 605_143_284


# --- files


def test_every_tensor_and_no_other_is_read(architecture: str, model: Path, tmp_path: Path) -> None:
    tensors = load_file(model)
    less, more = dict(tensors), {**tensors, "text_projection2": torch.zeros(1)}
    del less["visual.proj"]
    for name, changed in (("less", less), ("more", more)):
        save_file(changed, tmp_path / f"{name}.safetensors")
        with pytest.raises(WeightsError, match=rf"{name}\.safetensors: not a CLIP"):
            load(tmp_path / f"{name}.safetensors", architecture)


@pytest.mark.filterwarnings("ignore:.*torch.jit.*:FutureWarning", "ignore:.*torch.jit.*:UserWarning")
def test_openais_own_file_is_refused_as_code(architecture: str, tmp_path: Path) -> None:
    """ViT-B-32.pt is a TorchScript archive."""
    path = tmp_path / "ViT-B-32.pt"
    torch.jit.script(torch.nn.Linear(2, 2)).save(str(path))
    with pytest.raises(WeightsError, match=r"ViT-B-32\.pt: "):
        load(path, architecture)
    with pytest.raises(WeightsError, match="no such file"):
        clip_zero_shot(weights={"model": tmp_path / "none"}, architecture=architecture)


def test_loading_draws_no_random_number_and_is_repeatable(architecture: str, model: Path) -> None:
    before = torch.get_rng_state()
    one, two = (read(ClipZeroShot(model, architecture), frames(2)) for _ in range(2))
    assert torch.equal(torch.get_rng_state(), before)
    np.testing.assert_array_equal(one, two)


# --- prompts


def test_prompts_stand_in_the_fields_order_with_a_digest_of_all_words(model: Path) -> None:
    """The digest is over labels and prompts, not over how a suite happens to list them."""
    usual = Prompts()
    assert usual.labels == SEVEN
    turned = Prompts(words=dict(reversed(WORDS.items())))
    assert turned.definition == usual.definition
    assert f",prompts:{len(TEMPLATES)}x7@" in usual.definition
    others = [
        Prompts(templates=TEMPLATES[:-1]),
        Prompts(templates=(*TEMPLATES[:-1], "a {} person")),
        Prompts(templates=(*TEMPLATES[1:], TEMPLATES[0])),
        Prompts(words=WORDS | {"fear": "afraid"}),
        Prompts(words=WORDS | {"contempt": "contemptuous"}),
    ]
    assert len({prompts.definition for prompts in (usual, *others)}) == 1 + len(others)
    assert others[-1].labels == EMOTIONS
    line = clip_zero_shot(weights={"model": model}).definition
    assert line.startswith("openai-clip-ViT-B-32-quickgelu@")
    assert usual.definition in line
    assert not any(c.isspace() or c == "|" for c in line)


def test_an_emotions_words_are_in_its_prompts_and_in_no_others() -> None:
    for label, texts in zip(SEVEN, Prompts().texts, strict=True):
        assert len(texts) == len(TEMPLATES)
        assert all(WORDS[label] in text for text in texts)
        assert not any(WORDS[other] in text for other in SEVEN if other != label for text in texts)


@pytest.mark.parametrize(
    "options",
    [
        {"templates": ()},
        {"templates": ("a photo of a face",)},
        {"templates": ("{} and {}",)},
        {"words": {"happy": "happy"}},
        {"words": {"happy": "happy", "joyful": "joyful"}},
    ],
    ids=str,
)
def test_prompts_that_ask_nothing_are_refused(options) -> None:
    with pytest.raises(DefinitionError, match="prompts are templates"):
        Prompts(**options)


def test_a_prompt_that_would_be_cut_off_is_refused(architecture: str, model: Path) -> None:
    """open_clip's tokenizer cuts it without a word."""
    long = {"templates": ["a {} face " + "and another one " * 10]}
    extractor = clip_zero_shot(weights={"model": model}, architecture=architecture, prompts=long)
    with pytest.raises(DefinitionError, match="CLIP reads 22 tokens, not all of 'a "):
        read(extractor, frames(1))


@pytest.mark.parametrize("options", [{"factor": 0.0}, {"chunk": 0}, {"frames": 0}], ids=str)
def test_impossible_options_are_refused(model: Path, options) -> None:
    with pytest.raises(DefinitionError):
        clip_zero_shot(weights={"model": model}, **options)
