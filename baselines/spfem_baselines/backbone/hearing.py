"""What the generator hears: log-mel energies of the 0.22 s around each frame."""

from __future__ import annotations

import torch

from spfem_baselines.supervisors.speech import RATE, SPAN, log_mel

__all__ = ["RATE", "around"]


def around(samples: torch.Tensor, times: torch.Tensor) -> torch.Tensor:
    """The energies around given instants.

    Args:
        samples: (N,) float mono in [-1, 1] at 16 kHz; before and after them there is silence.
        times: (T,) seconds, none negative.

    Returns:
        (T, 40, 16) float32, each window's middle at its instant.
    """
    led = torch.nn.functional.pad(samples.float(), (SPAN // 2, 0))
    return log_mel(led, times)
