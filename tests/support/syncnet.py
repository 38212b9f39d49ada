"""SyncNet's published evaluation, written down a second time, and a network that only notes what it is given.

The evaluation is slow, by sliding windows, layer by layer, from the description of the network and of
``evaluate``; it shares no code with the package. The cepstra are those of python_speech_features.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from scipy.signal import medfilt
from torch.nn import functional as F

from spfem_metrics.extractor import Arrays
from spfem_metrics.media import FrameBatch, Media
from spfem_metrics.networks.syncnet import SyncNetEmbeddings

State = Mapping[str, torch.Tensor]


@dataclass(frozen=True)
class Evaluated:
    """Embeddings (W, 1024), mean distance at each shift, and what is printed."""

    video: np.ndarray
    audio: np.ndarray
    means: np.ndarray
    distance: float
    confidence: float
    offset: int
    framewise: np.ndarray


def lips(state: State, windows: torch.Tensor) -> torch.Tensor:
    """(N, 3, 5, 224, 224) BGR 0..255 -> (N, 1024)."""
    half = {"stride": (1, 2, 2)}
    x = _unit(state, "netcnnlip.0", windows, F.conv3d, **half)
    x = F.max_pool3d(x, (1, 3, 3), (1, 2, 2))
    x = _unit(state, "netcnnlip.4", x, F.conv3d, padding=(0, 1, 1), **half)
    x = F.max_pool3d(x, (1, 3, 3), (1, 2, 2), (0, 1, 1))
    for index in (8, 11, 14):
        x = _unit(state, f"netcnnlip.{index}", x, F.conv3d, padding=(0, 1, 1))
    x = F.max_pool3d(x, (1, 3, 3), (1, 2, 2))
    return _head(state, "netfclip", _unit(state, "netcnnlip.18", x, F.conv3d).flatten(1))


def sound(state: State, windows: torch.Tensor) -> torch.Tensor:
    """(N, 1, 13, 20) -> (N, 1024)."""
    x = _unit(state, "netcnnaud.0", windows, F.conv2d, padding=1)
    x = F.max_pool2d(_unit(state, "netcnnaud.4", x, F.conv2d, padding=1), 3, (1, 2))
    for index in (8, 11, 14):
        x = _unit(state, f"netcnnaud.{index}", x, F.conv2d, padding=1)
    x = F.max_pool2d(x, 3, 2)
    return _head(state, "netfcaud", _unit(state, "netcnnaud.18", x, F.conv2d).flatten(1))


def evaluate(state: State, pictures: np.ndarray, cepstra: np.ndarray, *, last: int, reach: int) -> Evaluated:
    """What ``SyncNetInstance.evaluate`` does once it has its pictures and cepstra.

    Args:
        state: the network's tensors.
        pictures: (T, 224, 224, 3) BGR.
        cepstra: (M, 13).
        last: ``lastframe``.
        reach: ``vshift``.
    """
    whole = torch.from_numpy(pictures.astype(np.float32)).permute(3, 0, 1, 2)[None]
    columns = torch.from_numpy(cepstra.T.astype(np.float32))[None, None]
    with torch.inference_mode():
        video = torch.cat([lips(state, whole[:, :, i : i + 5]) for i in range(last)])
        audio = torch.cat([sound(state, columns[:, :, :, 4 * i : 4 * i + 20]) for i in range(last)])
    return compared(video, audio, reach)


def compared(video: torch.Tensor, audio: torch.Tensor, reach: int) -> Evaluated:
    """Distances, their mean over windows, least, median."""
    width = 2 * reach + 1
    padded = F.pad(audio, (0, 0, reach, reach))
    repeated = [(video[[i]].repeat(width, 1), padded[i : i + width]) for i in range(len(video))]
    distances = torch.stack([F.pairwise_distance(a, b) for a, b in repeated], 1)
    means = distances.mean(1)
    least, index = means.min(0)
    confidence = torch.median(means) - least
    with warnings.catch_warnings():
        # scipy's note that fewer than nine windows are padded, which is what is wanted
        warnings.simplefilter("ignore", UserWarning)
        framewise = medfilt((torch.median(means) - distances[index]).numpy(), kernel_size=9)
    arrays = (video.numpy(), audio.numpy(), means.numpy())
    return Evaluated(*arrays, float(least), float(confidence), reach - int(index), framewise)


def _unit(state: State, name: str, x: torch.Tensor, conv, **how) -> torch.Tensor:
    x = conv(x, state[f"{name}.weight"], state[f"{name}.bias"], **how)
    return torch.relu(_norm(state, name, x))


def _norm(state: State, name: str, x: torch.Tensor) -> torch.Tensor:
    """The normalisation that stands behind a layer of this name."""
    before, number = name.rsplit(".", 1)
    place = f"{before}.{int(number) + 1}"
    return F.batch_norm(
        x, *(state[f"{place}.{n}"] for n in ("running_mean", "running_var", "weight", "bias"))
    )


def _head(state: State, name: str, x: torch.Tensor) -> torch.Tensor:
    x = F.linear(x, state[f"{name}.0.weight"], state[f"{name}.0.bias"])
    return F.linear(
        torch.relu(_norm(state, f"{name}.0", x)), state[f"{name}.3.weight"], state[f"{name}.3.bias"]
    )


class Noting:
    """In the place of `Towers`: an embedding is the mean picture's first bytes, or the window itself."""

    def __init__(self, chunk: int = 4) -> None:
        self.chunk = chunk
        self.shown: list[np.ndarray] = []
        self.played = np.zeros((0, 13, 20), np.float32)

    def video(self, crops: np.ndarray) -> np.ndarray:
        assert 5 <= len(crops) <= self.chunk + 4
        self.shown += list(crops[-(len(crops) - 4) :] if self.shown else crops)
        flat = crops.reshape(len(crops), -1)[:, 70_000:71_024].astype(np.float32)
        return np.stack([flat[i : i + 5].mean(axis=0) for i in range(len(crops) - 4)])

    def audio(self, windows: np.ndarray) -> np.ndarray:
        self.played = windows
        return np.zeros((len(windows), 1024), np.float32)


def through(extractor: SyncNetEmbeddings, media: Media, faces: Arrays | None = None) -> tuple[Arrays, Noting]:
    """An extractor's arrays, and what its network was given; in batches of 3 frames."""
    network = Noting()
    work = extractor.begin(media, network)  # type: ignore[arg-type]
    for batch in media.batches(3):
        rows = {} if faces is None else {n: a[batch.start : batch.start + 3] for n, a in faces.items()}
        work.push(FrameBatch(batch.start, batch.images, batch.times), {"faces": rows})
    return work.finish(), network
