"""Who a rendered face is: the extractor ``identity``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from spfem_metrics.networks.chunks import CHUNK, Forward, checked_chunk
from spfem_metrics.synthetic.nets.files import judge_file
from spfem_metrics.synthetic.reading import Judge, as_embedding

if TYPE_CHECKING:
    import torch

WIDTH = 128


def identity(*, weights: Mapping[str, Path], device: str = "cpu", chunk: int = CHUNK) -> Judge:
    """``embedding`` (T, 128) float32 of unit length, zeros without a face, and ``valid`` (T,) bool.

    Args:
        weights: empty for the shipped network, or ``model``: another file of it.
        device: a torch device.
        chunk: crops in a batch; it enters the definition.

    Raises:
        DefinitionError: another key, or an impossible ``chunk``.
        WeightsError: the file is not there or, with the first clip, of another network.
    """
    model = judge_file(weights, "identity")
    return Judge("identity", model, _build, as_embedding, WIDTH, "l2", device, checked_chunk(chunk))


def _build() -> tuple[torch.nn.Module, Callable[[torch.nn.Module], Forward]]:
    from spfem_metrics.synthetic.nets.identity import IdentityNet

    return IdentityNet(), embed


def embed(network: torch.nn.Module) -> Forward:
    """The forward function: (N, 64, 64, 3) uint8 RGB -> (N, 128) of unit length."""
    from torch.nn import functional as F

    from spfem_metrics.synthetic.nets.blocks import to_input

    return lambda crops: F.normalize(network(to_input(crops)))
