"""The terms that train the backbone, under the field's names. All are means: no size of batch changes them.

Clips are (B, T, 3, S, S) in -1..1. The networks behind `Guides` are the supervisors, never the judges.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

from spfem_baselines.backbone.generator import Edit

_INNER_LIPS = (61, 62, 63, 67, 66, 65)
"""Of the 68 points of iBUG 300-W: upper inner lip, then lower, left to right."""
_JAW = (27, 8)
"""Bridge of the nose and chin."""
# Where the supervisors' crop wants the rigid points, see `spfem_metrics.synthetic.nets.crops`: outer corners
# of the eyes 26 px apart, in the middle, 23 px from above.
RIGID = (27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 39, 42, 45)
ALIGNED = (
    *((32.0, 23.0), (32.0, 26.7), (32.0, 30.3), (32.0, 34.0)),
    *((27.5, 36.0), (29.7, 37.0), (32.0, 37.6), (34.3, 37.0), (36.5, 36.0)),
    *((19.0, 23.5), (27.5, 23.8), (36.5, 23.8), (45.0, 23.5)),
)
_SIDE = 64
_LEAST = 1e-6
_PERCEIVED = 3
"""The perceptual term sees every third frame: neighbours look alike, and its network is the slowest."""


def adversarial(scores: torch.Tensor, *, real: bool) -> torch.Tensor:
    """Least squares (Mao et al. 2017): mean of (score - 1)^2 where it should be real, else of score^2."""
    return ((scores.float() - float(real)) ** 2).mean()


def cycle(source: torch.Tensor, back: torch.Tensor) -> torch.Tensor:
    """Mean absolute difference of the source and its edit edited back (Zhu et al. 2017)."""
    return (source - back).abs().mean()


def style(wanted: torch.Tensor, found: torch.Tensor) -> torch.Tensor:
    """Mean absolute difference of the style asked for and that read from the output (Choi et al. 2020)."""
    return (wanted.float() - found.float()).abs().mean()


def paired(generated: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Mean absolute difference from the true pair."""
    return (generated - truth).abs().mean()


def motion(edit: Edit, source: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Mean distance in crop pixels, at a true pair's points, of the motion from what brings them there.

    Args:
        edit: of the source.
        source: (B, T, 68, 2) px.
        truth: (B, T, 68, 2) px, the same points in the true pair.
    """
    flow, (wanted, places) = edit.flow.flatten(0, 1), ((source - truth).flatten(0, 1), truth.flatten(0, 1))
    grid = (2 * places + 1) / flow.shape[-1] - 1
    found = F.grid_sample(flow, grid[:, None].float(), padding_mode="border", align_corners=False)[:, :, 0]
    apart: torch.Tensor = torch.linalg.vector_norm(found.transpose(1, 2) - wanted, dim=-1)
    return apart.mean()


def smooth(edit: Edit) -> torch.Tensor:
    """Mean absolute difference of neighbouring displacements, in crop pixels."""
    flow = edit.flow
    return (flow[..., 1:, :] - flow[..., :-1, :]).abs().mean() + (flow[..., 1:] - flow[..., :-1]).abs().mean()


def sparse(edit: Edit) -> torch.Tensor:
    """Mean share that is painted rather than moved."""
    return edit.mask.mean()


def correlation(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """Pearson correlation over the last axis; 0 where either hardly moves.

    Args:
        one: (..., T).
        other: (..., T).
    """
    one, other = (part.float() - part.float().mean(-1, keepdim=True) for part in (one, other))
    scale = (one.square().sum(-1) * other.square().sum(-1) + _LEAST**2).sqrt()
    return (one * other).sum(-1) / scale


def opening(points: torch.Tensor) -> torch.Tensor:
    """(..., 68, 2) points -> (...,) gap between the inner lips, in the points' unit."""
    upper, lower = (points[..., list(lip), :] for lip in (_INNER_LIPS[:3], _INNER_LIPS[3:]))
    return (lower[..., 1] - upper[..., 1]).mean(-1)


def jaw(points: torch.Tensor) -> torch.Tensor:
    """(..., 68, 2) points -> (...,) distance of the chin from the bridge of the nose."""
    apart: torch.Tensor = torch.linalg.vector_norm(points[..., _JAW[1], :] - points[..., _JAW[0], :], dim=-1)
    return apart


def aligned(images: torch.Tensor, points: torch.Tensor) -> torch.Tensor:
    """The 64 px crops that the supervisors of faces read; gradients reach the images.

    Args:
        images: (N, 3, H, W).
        points: (N, 68, 2) px, pixel centres at whole numbers.

    Returns:
        (N, 3, 64, 64), bilinear; beyond the image its border goes on.
    """
    goal = torch.tensor(ALIGNED, device=points.device, dtype=torch.float64)
    matrix = _similarity(goal, points[:, list(RIGID)].double())
    steps = torch.arange(_SIDE, device=points.device, dtype=torch.float64)
    x, y = torch.meshgrid(steps, steps, indexing="xy")
    at = torch.einsum("nij,yxj->nyxi", matrix, torch.stack([x, y, torch.ones_like(x)], dim=-1))
    size = torch.tensor([images.shape[3], images.shape[2]], device=points.device, dtype=torch.float64)
    grid = ((2 * at + 1) / size - 1).float()
    return F.grid_sample(images.float().contiguous(), grid, padding_mode="border", align_corners=False)


def _similarity(source: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """(N, 2, 3) rotation, scale and shift from (K, 2) to (N, K, 2), least squares (Umeyama 1991)."""
    here, there = torch.view_as_complex(source.contiguous()), torch.view_as_complex(target.contiguous())
    middle, goal = here.mean(), there.mean(dim=1)
    centred = here - middle
    factor = (centred.conj() * (there - goal[:, None])).sum(1) / centred.abs().square().sum()
    shift = goal - factor * middle
    rows = [(factor.real, -factor.imag, shift.real), (factor.imag, factor.real, shift.imag)]
    return torch.stack([torch.stack(row, dim=1) for row in rows], dim=1)


@dataclass(frozen=True)
class Guides:
    """Frozen networks that say what must be kept, and how well it was.

    Args:
        networks: by the supervisors' names; a term whose network is not here cannot be had.
    """

    networks: Mapping[str, nn.Module]

    def identity(self, generated: torch.Tensor, source: torch.Tensor, points: torch.Tensor) -> torch.Tensor:
        """1 - cosine of the embeddings of both faces, cut alike by (B, T, 68, 2) points of the source."""
        net, places = self.networks["identity"], points.flatten(0, 1)
        found = net(aligned(generated.flatten(0, 1), places)).float()
        with torch.no_grad():
            kept = net(aligned(source.flatten(0, 1), places)).float()
        return 1 - F.cosine_similarity(found, kept, dim=1).mean()

    def mouth(self, generated: torch.Tensor, source: torch.Tensor, points: torch.Tensor) -> torch.Tensor:
        """1 - correlation over a clip of jaw and mouth opening with the source's (NED: jaw opening alone)."""
        net, places = self.networks["landmarks"], points.flatten(0, 1)
        found = _points(net(aligned(generated.flatten(0, 1), places)), generated.shape[:2])
        with torch.no_grad():
            kept = _points(net(aligned(source.flatten(0, 1), places)), source.shape[:2])
        both = [correlation(read(found), read(kept)).mean() for read in (jaw, opening)]
        return 1 - (both[0] + both[1]) / 2

    def sync(self, generated: torch.Tensor, points: torch.Tensor, sound: torch.Tensor) -> torch.Tensor:
        """1 - cosine of five pictures of a mouth and their sound, (B, T - 4, 40, 16) log-mel energies.

        Raises:
            ValueError: fewer than five frames.
        """
        from spfem_baselines.supervisors.sync import FRAMES, SyncNet, lower_face

        if generated.shape[1] < FRAMES:
            raise ValueError(f"sync reads {FRAMES} frames at a time, and the clips have {generated.shape[1]}")
        net = self.networks["sync"]
        assert isinstance(net, SyncNet)
        mouths = lower_face(generated.float().flatten(0, 1), points.flatten(0, 1))
        seen = net.track(mouths.view(*generated.shape[:2], *mouths.shape[1:]))
        return 1 - (seen * net.audio(sound.flatten(0, 1)).view_as(seen)).sum(-1).mean()

    def perceptual(self, generated: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
        """LPIPS-like distance of every third frame from the true pair, at the 128 px its network reads."""
        from spfem_baselines.supervisors.perceptual import PerceptualNet

        net = self.networks["perceptual"]
        assert isinstance(net, PerceptualNet)
        one, other = (_sized(clip.float()[:, ::_PERCEIVED].flatten(0, 1)) for clip in (generated, truth))
        return net.distance(one, other).mean()


def _points(outputs: torch.Tensor, shape: torch.Size) -> torch.Tensor:
    """(B, T, 68, 2) in crop units from what the landmark supervisor says."""
    return outputs[:, : 2 * 68].float().view(*shape, 68, 2)


def _sized(images: torch.Tensor) -> torch.Tensor:
    return F.interpolate(images, size=(128, 128), mode="bilinear", align_corners=False, antialias=False)
