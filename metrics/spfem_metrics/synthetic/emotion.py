"""What a rendered face shows: the extractor ``emotion``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from spfem_metrics.extractor import Arrays
from spfem_metrics.networks.chunks import CHUNK, Forward, checked_chunk
from spfem_metrics.synthetic.nets.files import judge_file
from spfem_metrics.synthetic.reading import Judge

if TYPE_CHECKING:
    import torch

CLASSES, UNITS = 7, 16


def emotion(*, weights: Mapping[str, Path], device: str = "cpu", chunk: int = CHUNK) -> Judge:
    """Expression of every frame, zeros without a face.

    Arrays: ``probabilities`` (T, 7) float32 (neutral angry disgusted fear happy sad surprised), ``units``
    (T, 16) float32 action units, 0 at rest and 1 as far as the mean person goes (AU1 AU2 AU4 AU5 AU6 AU7 AU9
    AU10 AU12 AU15 AU17 AU18 AU20 AU23 AU25 AU26), ``valid`` (T,) bool.

    Args:
        weights: empty for the shipped network, or ``model``: another file of it.
        device: a torch device.
        chunk: crops in a batch; it enters the definition.

    Raises:
        DefinitionError: another key, or an impossible ``chunk``.
        WeightsError: the file is not there or, with the first clip, of another network.
    """
    model = judge_file(weights, "expression")
    return Judge("emotion", model, _build, _split, CLASSES + UNITS, "softmax", device, checked_chunk(chunk))


def _build() -> tuple[torch.nn.Module, Callable[[torch.nn.Module], Forward]]:
    from spfem_metrics.synthetic.nets.expression import ExpressionNet

    return ExpressionNet(), classify


def classify(network: torch.nn.Module) -> Forward:
    """The forward function: (N, 64, 64, 3) uint8 RGB -> (N, 23): probabilities, then action units."""
    import torch

    from spfem_metrics.synthetic.nets.blocks import to_input

    def forward(crops: torch.Tensor) -> torch.Tensor:
        """Crops through the network."""
        outputs = network(to_input(crops))
        return torch.cat([outputs[:, :CLASSES].softmax(dim=1), outputs[:, CLASSES:]], dim=1)

    return forward


def _split(outputs: NDArray[np.float32], valid: NDArray[np.bool_]) -> Arrays:
    return {"probabilities": outputs[:, :CLASSES], "units": outputs[:, CLASSES:], "valid": valid}
