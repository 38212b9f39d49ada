"""Which of seven expressions: the extractor ``emotion`` by mini-XCEPTION, trained on FER-2013.

Weak: 57% right on real acted clips (chance 14%), disgust read as anger and fear as surprise, and a tenth
more or less of crop changes a quarter of the frames' answers. Use clip means, and print the weakness.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from spfem_metrics.extractor import Arrays
from spfem_metrics.faces.alignment import crop_square
from spfem_metrics.media import FrameBatch, Media
from spfem_metrics.networks.chunks import CHUNK, Chunked, Forward, checked_chunk, prepared
from spfem_metrics.networks.files import digest8, keras_arrays, load_strict, model_file

if TYPE_CHECKING:
    import torch

EMOTIONS = ("neutral", "angry", "disgusted", "fear", "happy", "sad", "surprised")
"""Columns of ``probabilities``."""

_FROM_FER = [6, 0, 1, 2, 3, 4, 5]
"""Columns of the network (angry disgust fear happy sad surprise neutral) in the order of `EMOTIONS`."""

FACTOR = 1.0
SIZE = 64


def emotion(
    *, weights: Mapping[str, Path], device: str = "cpu", factor: float = FACTOR, chunk: int = CHUNK
) -> Emotion:
    """The extractor ``emotion``; it needs ``faces``.

    Args:
        weights: ``model``: ``fer2013_mini_xception_102.hdf5``.
        device: a torch device.
        factor: side of the square crop over the longer side of the smoothed face box.
        chunk: crops in a batch; it moves low bits and enters the definition.

    Raises:
        DefinitionError: no ``model``, or an impossible ``chunk``.
        WeightsError: missing or, with the first clip, not this network.
    """
    model = model_file(weights, "emotion", "fer2013_mini_xception_102.hdf5")
    return Emotion(model, device, factor, checked_chunk(chunk))


@dataclass(frozen=True)
class Emotion:
    """Arrays: ``probabilities`` (T, 7) float32 in the order of `EMOTIONS`, and ``valid`` (T,) bool."""

    model: Path
    device: str = "cpu"
    factor: float = FACTOR
    chunk: int = CHUNK
    name: str = "emotion"
    requires: tuple[str, ...] = ("faces",)

    @cached_property
    def definition(self) -> str:
        """Network, digest, crop, chunk."""
        digest = digest8(self.model)
        return f"mini-xception@{digest},square-box{self.factor:g},area64,luma601,chunk{self.chunk}"

    def start(self, media: Media) -> EmotionPass:
        """Begin a clip; the first loads the network."""
        del media
        return EmotionPass(Chunked(self._forward, self.device, len(EMOTIONS), self.chunk), self.factor)

    @cached_property
    def _forward(self) -> Forward:
        from spfem_metrics.networks.architectures.mini_xception import MiniXception, from_keras

        network = MiniXception()
        load_strict(network, from_keras(keras_arrays(self.model)), self.model)
        return classify(prepared(network, self.device))


class EmotionPass:
    """Crops each face, grey, and classifies it."""

    def __init__(self, chunked: Chunked, factor: float) -> None:
        self._chunked, self._factor = chunked, factor

    def push(self, batch: FrameBatch, upstream: Mapping[str, Arrays]) -> None:
        """Crop the faces of the next frames."""
        faces = upstream["faces"]
        for image, box, found in zip(batch.images, faces["box"], faces["found"], strict=True):
            self._chunked.add(grey_crop(image, box.astype(float), self._factor) if found else None)

    def finish(self) -> Arrays:
        """``probabilities`` and ``valid``."""
        probabilities, valid = self._chunked.finish()
        return {"probabilities": probabilities, "valid": valid}


def grey_crop(image: NDArray[np.uint8], box: NDArray[np.floating], factor: float) -> NDArray[np.uint8]:
    """(64, 64, 1) uint8 luminance of the square crop around a box."""
    grey = cv2.cvtColor(crop_square(image, box, factor, SIZE), cv2.COLOR_RGB2GRAY)
    return np.asarray(grey, np.uint8)[..., None]


def classify(network: torch.nn.Module) -> Forward:
    """The forward function: (N, 64, 64, 1) uint8 -> (N, 7) probabilities in the order of `EMOTIONS`."""

    def forward(crops: torch.Tensor) -> torch.Tensor:
        """Crops through the network."""
        grey = crops.permute(0, 3, 1, 2).float() * (2 / 255) - 1
        probabilities: torch.Tensor = network(grey)
        return probabilities[:, _FROM_FER]

    return forward
