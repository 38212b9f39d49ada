"""What the published tools compute, written down from their scripts: pictures, crops, scores."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from scipy.linalg import sqrtm
from scipy.ndimage import gaussian_filter, uniform_filter
from torch.nn import functional as F

from tests.support import syncnet as published_syncnet

Frame = np.ndarray
"""BGR, as OpenCV gives it."""
Box = np.ndarray | None
"""x0 y0 x1 y1 in px, None where no face was found."""


def read(video: Path) -> Iterator[Frame]:
    """A video's frames as OpenCV gives them, BGR."""
    capture = cv2.VideoCapture(str(video))
    while True:
        there, frame = capture.read()
        if not there:
            return
        yield frame


def whole(frame: Frame) -> np.ndarray:
    """The box of all of a frame, for one in which no face was found."""
    return np.array([0, 0, frame.shape[1], frame.shape[0]], float)


def cut(frame: Frame, box: Box, factor: float) -> Frame:
    """A face out of a frame, its box made larger, as far as the frame goes."""
    x0, y0, x1, y1 = whole(frame) if box is None else box
    dx, dy = (factor - 1) * (x1 - x0) / 2, (factor - 1) * (y1 - y0) / 2
    top, left = max(0, int(y0 - dy)), max(0, int(x0 - dx))
    return frame[top : max(top + 1, int(y1 + dy)), left : max(left + 1, int(x1 + dx))]


def uniform(x: np.ndarray) -> np.ndarray:
    return uniform_filter(x, 7)


def gauss(x: np.ndarray) -> np.ndarray:
    return gaussian_filter(x, 1.5, truncate=3.5)


def ssim(
    first: Frame, second: Frame, mean: Callable[[np.ndarray], np.ndarray], pad: int, norm: float
) -> float:
    """``skimage.metrics.structural_similarity`` of 8-bit RGB: channel by channel in double precision."""
    found = []
    for channel in range(3):
        x, y = (picture[..., channel].astype(np.float64) for picture in (first, second))
        ux, uy = mean(x), mean(y)
        vx, vy = norm * (mean(x * x) - ux * ux), norm * (mean(y * y) - uy * uy)
        vxy = norm * (mean(x * y) - ux * uy)
        c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
        score = ((2 * ux * uy + c1) * (2 * vxy + c2)) / ((ux**2 + uy**2 + c1) * (vx + vy + c2))
        found.append(score[pad:-pad, pad:-pad].mean())
    return float(np.mean(found))


def psnr(first: Frame, second: Frame) -> float:
    """``skimage.metrics.peak_signal_noise_ratio``."""
    error = np.mean((first.astype(np.float64) - second.astype(np.float64)) ** 2)
    return float(10 * np.log10(255**2 / error))


def windows(video: Path) -> np.ndarray:
    """(n, 16, H, W, 3): a video's pictures in RGB, all of them in memory, what is left at the end dropped."""
    pictures = np.stack([cv2.cvtColor(frame, cv2.COLOR_BGR2RGB) for frame in read(video)])
    count = len(pictures) // 16
    return pictures[: 16 * count].reshape(count, 16, *pictures.shape[1:])


def logits(network: torch.nn.Module, window: np.ndarray, device: str) -> np.ndarray:
    """(400,): 16 pictures to 224 px and through the network."""
    x = torch.from_numpy(window).to(device).permute(0, 3, 1, 2).float() / 255
    height, width = x.shape[2:]
    scale = 224 / min(height, width)
    size = (224, -int(-width * scale // 1)) if height < width else (-int(-height * scale // 1), 224)
    x = F.interpolate(x, size=size, mode="bilinear", align_corners=False)
    top, left = (x.shape[2] - 224) // 2, (x.shape[3] - 224) // 2
    x = (x[:, :, top : top + 224, left : left + 224] - 0.5) * 2
    with torch.no_grad():
        found: np.ndarray = network(x.transpose(0, 1)[None].contiguous())[0].cpu().numpy()
    return found


def frechet(first: np.ndarray, second: np.ndarray) -> float:
    """By the matrix root, as common_metrics computes it."""
    (mu, sigma), (mu2, sigma2) = ((x.mean(0), np.cov(x, rowvar=False)) for x in (first, second))
    root = np.real(sqrtm(sigma @ sigma2))
    return float(((mu - mu2) ** 2).sum() + np.trace(sigma + sigma2 - 2 * root))


def evaluated(
    state: published_syncnet.State, pictures: Sequence[Frame], cepstra: np.ndarray, device: str
) -> tuple[float, float]:
    """``SyncNetInstance.evaluate``: sliding windows of 5 pictures and 20 columns, 20 of either at a time."""
    batch = 20
    clip = torch.from_numpy(np.stack(pictures).transpose(3, 0, 1, 2)[None].astype(np.float32))
    sound = torch.from_numpy(cepstra.T[None, None].astype(np.float32))
    last = min(len(pictures), len(cepstra) // 4) - 5
    lips, heard = [], []
    for start in range(0, last, batch):
        starts = range(start, min(last, start + batch))
        with torch.no_grad():
            seen = torch.cat([clip[:, :, i : i + 5] for i in starts]).to(device)
            lips.append(published_syncnet.lips(state, seen).cpu())
            columns = torch.cat([sound[:, :, :, 4 * i : 4 * i + 20] for i in starts]).to(device)
            heard.append(published_syncnet.sound(state, columns).cpu())
    found = published_syncnet.compared(torch.cat(lips), torch.cat(heard), 15)
    return found.distance, found.confidence
