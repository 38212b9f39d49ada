"""What a rendered face shows, beside words: the extractor ``text``, the picture side of the judge ``clip``.

The text side is `spfem_metrics.synthetic.text_alignment.JudgeTexts`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from spfem_metrics.networks.chunks import CHUNK, Forward, checked_chunk
from spfem_metrics.synthetic.nets.files import judge_file
from spfem_metrics.synthetic.reading import Judge, as_embedding

if TYPE_CHECKING:
    import torch

WIDTH = 64


def text(*, weights: Mapping[str, Path], device: str = "cpu", chunk: int = CHUNK) -> Judge:
    """``embedding`` (T, 64) float32 of unit length, zeros without a face, and ``valid`` (T,) bool.

    Args:
        weights: empty for the shipped network, or ``model``: another file of it.
        device: a torch device.
        chunk: crops in a batch; it enters the definition.

    Raises:
        DefinitionError: another key, or an impossible ``chunk``.
        WeightsError: the file is not there or, with the first clip, of another network.
    """
    model = judge_file(weights, "clip")
    return Judge("text", model, _build, as_embedding, WIDTH, "clip,l2", device, checked_chunk(chunk))


def _build() -> tuple[torch.nn.Module, Callable[[torch.nn.Module], Forward]]:
    from spfem_metrics.synthetic.nets.clip import build, images

    return build(), lambda network: lambda crops: images(network, crops)
