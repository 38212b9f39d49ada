"""HSEmotion (Savchenko 2022), today EmotiEffLib: the extractor ``emotion-hsemotion`` by its ONNX networks.

Trained on AffectNet's eight classes, of which the networks name 61 to 63% rightly on its validation set. Fed
as the package's ONNX engine does: the face's box stretched to a square by cv2's bilinear resize *without*
antialiasing, ImageNet's mean and deviation. Its torch engine antialiases (PIL) and gives other numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from spfem_metrics.errors import DefinitionError
from spfem_metrics.labels import Classes
from spfem_metrics.networks.chunks import CHUNK, checked_chunk
from spfem_metrics.networks.face_crops import Crop
from spfem_metrics.networks.files import model_file
from spfem_metrics.networks.onnx_classifier import IMAGENET_MEAN, IMAGENET_STD, OnnxClassifier, Picture

EIGHT = ("Anger", "Contempt", "Disgust", "Fear", "Happiness", "Neutral", "Sadness", "Surprise")
"""The outputs of the networks of eight classes, in their order (AffectNet's, alphabetical)."""

SEVEN = tuple(name for name in EIGHT if name != "Contempt")
"""The outputs of ``enet_b2_7``."""

AFFECT = ("valence", "arousal")
"""The last two outputs of the ``_mtl`` networks, which are no classes."""


@dataclass(frozen=True)
class Kind:
    """What is particular to one of the networks.

    Args:
        outputs: in order.
        size: of the input in px.
        mean: of values in 0..1.
        std: of values in 0..1.
    """

    outputs: tuple[str, ...] = EIGHT
    size: int = 224
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD


_HALF = (0.5, 0.5, 0.5)
NETWORKS: Mapping[str, Kind] = {
    "enet_b0_8_best_vgaf": Kind(),
    "enet_b0_8_best_afew": Kind(),
    "enet_b2_8": Kind(size=260),
    "enet_b2_7": Kind(SEVEN, size=260),
    "enet_b0_8_va_mtl": Kind((*EIGHT, *AFFECT)),
    "mobilevit_va_mtl": Kind((*EIGHT, *AFFECT)),
    "mbf_va_mtl": Kind((*EIGHT, *AFFECT), 112, _HALF, _HALF),
}
"""The published networks by the names of their files."""


def hsemotion(
    *,
    weights: Mapping[str, Path],
    device: str = "cpu",
    network: str = "enet_b0_8_best_vgaf",
    classes: Literal[7, 8] = 7,
    crop: Crop = "box",
    factor: float = 1.0,
    chunk: int = CHUNK,
) -> OnnxClassifier:
    """The extractor ``emotion-hsemotion``; it needs ``faces``.

    Args:
        weights: ``model``: the network's ONNX file.
        device: ignored: onnxruntime runs on the CPU.
        network: a name in `NETWORKS`.
        classes: 7: contempt is dropped before probabilities are formed, as in the papers' tables; 8: all.
        crop: ``box``, stretched to a square, as the package is used; or ``square`` around it.
        factor: size of the crop over that of the box.
        chunk: crops in a batch; it moves low bits and enters the definition.

    Raises:
        DefinitionError: no ``model``, an unknown network, classes it does not have, or an impossible crop.
        WeightsError: missing or, with the first clip, not such a network.
    """
    del device
    kind = NETWORKS.get(network)
    if kind is None:
        raise DefinitionError(f"hsemotion has no network {network!r}: there are {', '.join(NETWORKS)}")
    if classes not in (7, 8) or (classes == 8 and "Contempt" not in kind.outputs):
        raise DefinitionError(f"{network} tells 7 classes apart, or 8 if it has contempt, not {classes!r}")
    model = model_file(weights, "emotion-hsemotion", f"{network}.onnx")
    left_out = {*AFFECT, *(("Contempt",) if classes == 7 else ())}
    drop = tuple(name for name in kind.outputs if name in left_out)
    picture = Picture(kind.size, kind.mean, kind.std, crop, factor)
    meant = Classes(kind.outputs, "affectnet", drop)
    own = f"hsemotion-{network}"
    return OnnxClassifier("emotion-hsemotion", model, meant, picture, "logits", checked_chunk(chunk), own)


def random_file(path: Path, seed: int) -> None:
    """An ONNX file like ``enet_b0_8_best_vgaf.onnx`` with seeded random weights, for trials of the machinery.

    The same network (EfficientNet-B0, eight outputs), input and output as published; needs the package onnx.

    Raises:
        DefinitionError: onnx is not installed.
        OSError: the file cannot be written.
    """
    from spfem_metrics.networks.architectures.efficientnet_onnx import efficientnet_b0

    path.write_bytes(efficientnet_b0(len(EIGHT), seed))
