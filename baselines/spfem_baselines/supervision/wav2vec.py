"""CDRL's own sound: wav2vec 2.0 XLSR-53 after its 20th layer; needs the extra ``wav2vec``.

The default sound of `CCRL` here is log-mel energies, which need no download. Whoever has the network gives
its features in their place, in pre-training and in the loop alike; `CCRL` reads its sizes from what it is
given.

    hear = Wav2Vec(folder)                          # facebook/wav2vec2-large-xlsr-53, fetched beforehand
    audio = hear(samples, times)                    # (T, 1024, 1), one row for each video frame
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F

if TYPE_CHECKING:
    from transformers import Wav2Vec2Model

RATE = 16000
"""Hz of the samples."""
LAYER = 20
"""After which transformer layer features are taken (repository jianmanlincjx/CDRL)."""
WINDOW, OVERLAP, FRAMES_PER_SECOND = 128, 15, 30
"""Video frames of a window, those that neighbours share, and how many make a second (the same)."""
_LEAST = 400
"""Samples that the convolutions need for one feature."""


class Wav2Vec:
    """Features of speech at given instants.

    Sound is cut into windows of 128 frames at 30 a second that share 15 with their neighbours, so that length
    bounds neither memory nor attention; of what two windows share each keeps its half (our choice: how the
    repository joins them is in a script that is not public). Each window is brought to mean 0 and variance 1,
    as the network was trained. Between features, 20 ms apart, values are interpolated linearly.

    Args:
        folder: with ``config.json`` and the weights, as ``huggingface-cli download`` lays them.
        layer: of the transformer, counted from 1.
        device: a torch device.

    Raises:
        ImportError: transformers is not installed; names the extra.
        OSError: the folder holds no such network (nothing is downloaded).
        ValueError: the network has fewer layers.
    """

    def __init__(self, folder: Path, *, layer: int = LAYER, device: str = "cpu") -> None:
        self._network, self._layer = _network(folder, layer).to(device), layer
        self._device = device

    @torch.no_grad()
    def __call__(self, samples: torch.Tensor, times: torch.Tensor) -> torch.Tensor:
        """The features at some instants.

        Args:
            samples: (N,) float mono in [-1, 1] at 16 kHz.
            times: (T,) seconds, none negative; beyond the end the last feature holds.

        Returns:
            (T, C, 1) float32, as `CCRL` takes a frame's sound; C is 1024 for XLSR-53.
        """
        wave = F.pad(samples.float(), (0, max(0, _LEAST - len(samples))))
        span, step = (round(n * RATE / FRAMES_PER_SECOND) for n in (WINDOW, WINDOW - OVERLAP))
        begins = range(0, max(1, len(wave) - (span - step)), step)
        values = [self._features(wave[begin : begin + span]) for begin in begins]
        places = [_places(begin, len(found)) for begin, found in zip(begins, values, strict=True)]
        kept = [
            _own(place, begin, span - step, len(wave)) for begin, place in zip(begins, places, strict=True)
        ]
        at = torch.cat([place[own] for place, own in zip(places, kept, strict=True)])
        found = torch.cat([value[own.to(value.device)] for value, own in zip(values, kept, strict=True)])
        return _interpolated(at, found, times)[:, :, None]

    def _features(self, wave: torch.Tensor) -> torch.Tensor:
        """(N,) samples -> (M, C) after the layer."""
        level = (wave - wave.mean()) / (wave.var(unbiased=False) + 1e-5).sqrt()
        padded = F.pad(level, (0, max(0, _LEAST - len(level))))
        said = self._network(padded[None].to(self._device), output_hidden_states=True)
        found: torch.Tensor = said.hidden_states[self._layer][0].float()
        return found


def _network(folder: Path, layer: int) -> Wav2Vec2Model:
    try:
        from transformers import Wav2Vec2Model
    except ImportError as error:
        raise ImportError("wav2vec 2.0 needs transformers: pip install 'spfem-bench[wav2vec]'") from error
    network = Wav2Vec2Model.from_pretrained(folder, local_files_only=True)
    count = network.config.num_hidden_layers
    if not 0 < layer < count + (not network.config.do_stable_layer_norm):
        # behind XLSR-53's last layer there is a further normalisation: what comes out is not the layer's own
        raise ValueError(f"{folder} has {count} layers, of which {layer} cannot be taken")
    return network.eval().requires_grad_(False)


def _places(begin: int, count: int) -> torch.Tensor:
    """(M,) float64 seconds of the middles of a window's features: each reads 400 samples, 320 apart."""
    return (begin + torch.arange(count, dtype=torch.float64) * 320 + 200) / RATE


def _own(places: torch.Tensor, begin: int, shared: int, end: int) -> torch.Tensor:
    """(M,) bool: a window's features but for the halves that its neighbours keep."""
    first = 0.0 if begin == 0 else (begin + shared / 2) / RATE
    span = round(WINDOW * RATE / FRAMES_PER_SECOND)
    is_last = begin + span >= end
    last = float("inf") if is_last else (begin + span - shared / 2) / RATE
    return (places >= first) & (places < last)


def _interpolated(places: torch.Tensor, values: torch.Tensor, times: torch.Tensor) -> torch.Tensor:
    """(M,) places and (M, C) values -> (T, C) at times; the ends hold."""
    wanted = times.to(torch.float64).cpu()
    after = torch.searchsorted(places, wanted).clamp(1, max(1, len(places) - 1))
    before = after - 1
    after = after.clamp(max=len(places) - 1)
    gap = (places[after] - places[before]).clamp_min(1e-9)
    share = ((wanted - places[before]) / gap).clamp(0, 1).to(values)[:, None]
    return values[before.to(values.device)] * (1 - share) + values[after.to(values.device)] * share
