"""CLIP asked which emotion it sees: the extractor ``emotion-clip`` (Radford et al. 2021, section 3.1).

Weak evidence by its nature: CLIP was never trained on facial expressions, and other words give other answers.
So the prompts stand in the definition, with a digest. OpenAI's networks were trained with QuickGELU; loaded
into the same architecture with the usual GELU they answer differently without a word, so that is refused.

Text: each template with each class word, normalised, averaged over templates, normalised again. Picture: a
    square around the face, shortest side to the network's by PIL's bicubic, centre cut, CLIP's mean and
    deviation. Probabilities: the softmax of 100 times the cosines.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spfem_metrics.errors import DefinitionError
from spfem_metrics.labels import EMOTIONS
from spfem_metrics.media import Media
from spfem_metrics.networks.chunks import CHUNK, Chunked, Forward, checked_chunk
from spfem_metrics.networks.face_crops import ClassifyingPass, Image, checked_crop, cut
from spfem_metrics.networks.files import digest8, load_strict, model_file, state_dict
from spfem_metrics.sampling import Frames, check_frames, taken, words

if TYPE_CHECKING:
    import torch

ARCHITECTURE = "ViT-B-32-quickgelu"
QUICK = "-quickgelu"
"""How open_clip's names of architectures with OpenAI's activation end."""
_NAME = re.compile(rf"[A-Za-z0-9-]+{QUICK}")
FACTOR = 1.3
SCALE = 100.0
MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
"""CLIP's, of values in 0..1."""

TEMPLATES = (
    "a photo of a person who looks {}.",
    "a close-up photo of a face that looks {}.",
    "a photo of someone who feels {}.",
    "a {} facial expression.",
    "a video frame of a person who looks {} while talking.",
)
WORDS: Mapping[str, str] = {
    "neutral": "neutral",
    "angry": "angry",
    "disgusted": "disgusted",
    "fear": "fearful",
    "happy": "happy",
    "sad": "sad",
    "surprised": "surprised",
}
"""One of `EMOTIONS` -> the word that stands for it in the templates."""


@dataclass(frozen=True)
class Prompts:
    """What CLIP is asked.

    Args:
        templates: each with one ``{}``.
        words: one of `spfem_metrics.labels.EMOTIONS` -> its word, for two emotions or more.

    Raises:
        DefinitionError: no templates, one without ``{}``, an unknown emotion, or fewer than two.
    """

    templates: Sequence[str] = TEMPLATES
    words: Mapping[str, str] = field(default_factory=lambda: WORDS)

    def __post_init__(self) -> None:
        wrong = [text for text in self.templates if text.count("{}") != 1]
        strange = [label for label in self.words if label not in EMOTIONS]
        if not self.templates or wrong or strange or len(self.words) < 2:
            raise DefinitionError(
                "prompts are templates with one {} each and words for two or more of "
                f"{', '.join(EMOTIONS)}, not {[*wrong, *strange] or [*self.templates, *self.words]}"
            )

    @property
    def labels(self) -> tuple[str, ...]:
        """The emotions asked for, in the order of `EMOTIONS`."""
        return tuple(label for label in EMOTIONS if label in self.words)

    @property
    def texts(self) -> list[list[str]]:
        """The prompts of each of `labels`."""
        return [[text.replace("{}", self.words[label]) for text in self.templates] for label in self.labels]

    @property
    def definition(self) -> str:
        """``classes``, the number of prompts and a digest of all of them."""
        lines = json.dumps([self.labels, self.texts], ensure_ascii=True).encode()
        digest = hashlib.sha256(lines).hexdigest()[:8]
        return f"classes:{'/'.join(self.labels)},prompts:{len(self.templates)}x{len(self.labels)}@{digest}"


def clip_zero_shot(
    *,
    weights: Mapping[str, Path],
    device: str = "cpu",
    architecture: str = ARCHITECTURE,
    prompts: Mapping[str, Any] | None = None,
    factor: float = FACTOR,
    frames: Frames = "all",
    chunk: int = CHUNK,
) -> ClipZeroShot:
    """The extractor ``emotion-clip``; it needs ``faces``.

    Args:
        weights: ``model``: ``open_clip_model.safetensors`` of ``timm/vit_base_patch32_clip_224.openai``,
            OpenAI's weights as tensors (OpenAI's own file is TorchScript, which is code).
        device: a torch device.
        architecture: open_clip's name, one that ends in ``-quickgelu``.
        prompts: arguments of `Prompts`.
        factor: side of the square crop over the longer side of the face's box.
        frames: read of each clip at most, evenly spaced whether or not they show a face, or ``all``.
        chunk: crops in a batch; it moves low bits and enters the definition.

    Raises:
        DefinitionError: no ``model``, an architecture without QuickGELU, or an option out of range.
        WeightsError: missing or, with the first clip, not this network.
    """
    if not _NAME.fullmatch(architecture):
        raise DefinitionError(
            f"OpenAI's CLIP was trained with QuickGELU, so the architecture is one of open_clip's ending in "
            f"{QUICK}, like {ARCHITECTURE}, not {architecture!r}"
        )
    checked_crop("square", factor)
    check_frames(frames)
    model = model_file(weights, "emotion-clip", "open_clip_model.safetensors with OpenAI's weights")
    return ClipZeroShot(
        model, architecture, Prompts(**(prompts or {})), device, factor, checked_chunk(chunk), frames
    )


@dataclass(frozen=True)
class ClipZeroShot:
    """Arrays: ``probabilities`` (T, C) float32, columns as ``prompts.labels``, and ``valid`` (T,) bool.

    With ``frames`` both are (n, ...) of the n frames that are read, and ``frame`` (n,) int64 says which.
    """

    model: Path
    architecture: str = ARCHITECTURE
    prompts: Prompts = field(default_factory=Prompts)
    device: str = "cpu"
    factor: float = FACTOR
    chunk: int = CHUNK
    frames: Frames = "all"
    name: str = "emotion-clip"
    requires: tuple[str, ...] = ("faces",)

    @cached_property
    def definition(self) -> str:
        """Network, digest, frames where not all are read, crop, resize, prompts, scale of cosines, chunk."""
        frames = "" if self.frames == "all" else f"frames:{words(self.frames)},"
        network = f"openai-clip-{self.architecture}@{digest8(self.model)}"
        crop = f"crop:{checked_crop('square', self.factor)},resize:pil-bicubic-shortest-centre,clip-norm"
        return f"{network},{frames}{crop},{self.prompts.definition},softmax100cos,chunk{self.chunk}"

    def start(self, media: Media) -> ClassifyingPass:
        """Begin a clip; the first loads the network."""
        forward, size = self._loaded
        chunked = Chunked(forward, self.device, len(self.prompts.labels), self.chunk)
        chosen = None if self.frames == "all" else taken(np.arange(media.frame_count), self.frames)
        return ClassifyingPass(chunked, partial(face, factor=self.factor, size=size), chosen)

    @cached_property
    def _loaded(self) -> tuple[Forward, int]:
        """The forward function, and the side of its pictures."""
        network = load(self.model, self.architecture).to(self.device)
        size: int = network.visual.image_size[0]
        return classify(network.visual, text_classifier(network, self.prompts.texts)), size


def face(image: Image, box: NDArray[np.floating], factor: float, size: int) -> Image:
    """(size, size, 3) uint8 RGB: the square around a face, as CLIP sees it."""
    return shortest_centre(cut(image, box, "square", factor), size)


def shortest_centre(image: Image, size: int) -> Image:
    """CLIP's preprocessing: the shortest side to ``size`` px by PIL's bicubic, then the centre."""
    from PIL import Image as Pil

    height, width = image.shape[:2]
    wide, high = (int(size * side / min(width, height)) for side in (width, height))
    whole = np.asarray(Pil.fromarray(image).resize((wide, high), Pil.Resampling.BICUBIC))
    left, top = round((wide - size) / 2), round((high - size) / 2)
    return whole[top : top + size, left : left + size]


def classify(visual: torch.nn.Module, texts: torch.Tensor) -> Forward:
    """The forward function: (N, size, size, 3) uint8 RGB -> (N, C) probabilities.

    Args:
        visual: CLIP's picture side.
        texts: (C, D) of unit length, from `text_classifier`.
    """
    import torch
    from torch.nn import functional as F

    def forward(crops: torch.Tensor) -> torch.Tensor:
        """Crops through the network."""
        mean, std = (torch.tensor(v, device=crops.device).view(3, 1, 1) for v in (MEAN, STD))
        pictures = (crops.permute(0, 3, 1, 2).contiguous().float() / 255 - mean) / std
        cosines = F.normalize(visual(pictures), dim=-1) @ texts.T
        return (SCALE * cosines).softmax(dim=1)

    return forward


def text_classifier(network: Any, texts: Sequence[Sequence[str]]) -> torch.Tensor:
    """(C, D) of unit length: for each class the mean direction of its prompts.

    Raises:
        DefinitionError: a prompt is longer than the network reads.
    """
    import torch
    from open_clip.tokenizer import SimpleTokenizer
    from torch.nn import functional as F

    device = next(network.parameters()).device
    tokenizer = SimpleTokenizer(context_length=network.context_length)
    longest = max((text for group in texts for text in group), key=lambda text: len(tokenizer.encode(text)))
    if len(tokenizer.encode(longest)) + 2 > tokenizer.context_length:
        raise DefinitionError(f"CLIP reads {tokenizer.context_length - 2} tokens, not all of {longest!r}")
    with torch.inference_mode():
        groups = [network.encode_text(tokenizer(list(group)).to(device), normalize=True) for group in texts]
        return F.normalize(torch.stack([group.mean(dim=0) for group in groups]), dim=-1)


def load(model: Path, architecture: str = ARCHITECTURE) -> Any:
    """CLIP with a file's tensors, every one and no other, for inference; nothing is downloaded.

    Raises:
        DefinitionError: open_clip has no such architecture, or it has no QuickGELU.
        WeightsError: the file is not this network's.
    """
    network = blank(architecture).to_empty(device="cpu")
    # The mask of the text side is no tensor of the file, and lies on the meta device until now.
    network.attn_mask = causal_mask(network.context_length)
    load_strict(network, state_dict(model), model)
    return network.eval().requires_grad_(False)


def blank(architecture: str) -> Any:
    """open_clip's network on the meta device, from its own table of architectures.

    Raises:
        DefinitionError: no such architecture, or one without QuickGELU.
    """
    import open_clip
    import torch
    from open_clip.model import CLIP

    config = open_clip.get_model_config(architecture)
    if config is None or not config.get("quick_gelu"):
        raise DefinitionError(f"open_clip has no architecture {architecture!r} with QuickGELU")
    with torch.device("meta"):
        return CLIP(**config)


def causal_mask(length: int) -> torch.Tensor:
    """(length, length) float32: minus infinity where a token would look ahead, else 0."""
    import torch

    return torch.full((length, length), float("-inf")).triu_(1)


def random_file(path: Path, seed: int, architecture: str = ARCHITECTURE) -> None:
    """A file like ``open_clip_model.safetensors`` with seeded random weights, for trials of the machinery.

    Raises:
        DefinitionError: open_clip has no such architecture with QuickGELU.
        OSError: the file cannot be written.
    """
    from safetensors.torch import save_file

    from spfem_metrics.networks.random_weights import random_state

    save_file(random_state(blank(architecture), seed), path)
