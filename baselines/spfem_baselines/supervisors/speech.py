"""The audio front end of the supervisor ``sync``: log-mel energies of 0.2 s windows.

40 triangular mel filters from 60 to 7600 Hz (mel = 1127 ln(1 + f / 700)), 32 ms Hann windows every 12.5 ms,
16 columns; natural log with a floor. The judge's front end is another (cepstra, 25 ms, 10 ms).
"""

from __future__ import annotations

import math

import torch

RATE = 16000
"""Hz of the samples."""
FILTERS = 40
COLUMNS = 16
"""Columns of a window, 12.5 ms apart."""
SPAN = 3512
"""Samples that a window reads: 15 steps of 200 and one frame of 512, 0.22 s."""

_STEP, _FRAME = 200, 512
_FLOOR = 1e-5


def log_mel(samples: torch.Tensor, times: torch.Tensor) -> torch.Tensor:
    """The features of the windows that begin at given times.

    Args:
        samples: (N,) float mono in [-1, 1] at 16 kHz.
        times: (A,) seconds, none negative; beyond the end there is silence.

    Returns:
        (A, 40, 16) float32 on the samples' device.
    """
    begins = (times.to(samples.device, torch.float64) * RATE).round().long()
    least = int(begins.max()) + SPAN if len(begins) else SPAN
    wave = torch.nn.functional.pad(samples.float(), (0, max(0, least - len(samples))))
    starts = begins[:, None] + _STEP * torch.arange(COLUMNS, device=wave.device)
    unique, place = torch.unique(starts, return_inverse=True)
    frames = wave[unique[:, None] + torch.arange(_FRAME, device=wave.device)]
    power = torch.fft.rfft(frames * torch.hann_window(_FRAME, device=wave.device)).abs().square() / _FRAME
    energies = (power @ _filters(wave.device).T + _FLOOR).log()
    features: torch.Tensor = energies[place].transpose(1, 2).contiguous()
    return features


def _filters(device: torch.device) -> torch.Tensor:
    """(40, 257) triangles of height 1."""
    low, high = (1127 * math.log(1 + f / 700) for f in (60, 7600))
    edges = 700 * (torch.exp(torch.linspace(low, high, FILTERS + 2, device=device) / 1127) - 1)
    bins = torch.arange(_FRAME // 2 + 1, device=device) * RATE / _FRAME
    rising = (bins - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - bins) / (edges[2:] - edges[1:-1])[:, None]
    return torch.minimum(rising, falling).clamp_min(0)
