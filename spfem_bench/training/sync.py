"""Training of ``sync``: which stretch of sound belongs to which few pictures of a mouth.

Losses on segments of whole clips. Rows: each window must find its own sound among all of the batch, at
other instants of its clip and in other clips, and each sound its window (InfoNCE, van den Oord et al. 2018).
Curve: over a segment the mean distance must be least at offset 0 of -15..15, which is what LSE reads. Far,
for the judge: over a batch it must not fall again further out, or lips a syllable late would look better than
lips half of one late, and the distance at offset 0 could not claim to see a shift.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional as F

from spfem_bench.progress import Progress
from spfem_bench.training.branches import Branches, branches
from spfem_bench.training.cards import Card, Measure
from spfem_bench.training.loop import Batch, Losses, Schedule
from spfem_bench.training.making import Making, make
from spfem_bench.training.mouths import RATE, Mouths, Plan, mouths
from spfem_bench.training.recipe import HELD_OUT, Job
from spfem_metrics.functional.lipsync import sync_curve, sync_distances

REACH = 15
"""Offsets tried either way, in frames."""
PICTURES = 50
"""Pictures of a segment: a clip of 2 s."""

STEP = 2
"""Frames between the windows of pictures that training looks at; neighbours share most of their pictures."""
SEGMENTS = 8
"""In a batch."""

LEARNT = Plan(0, people=320, clips=320)
"""What a set learns from, in the set's population: a clip of each of 320 people."""
UNSEEN = Plan(HELD_OUT, people=112, clips=112, noise=0.01, seconds=4.0)
"""What cards are measured on: clips of 4 s, their crops off by about as much as found landmarks are."""

_ROW_SCALE, _CURVE_SCALE = 16.0, 30.0
_TARGETS: Mapping[int, float] = {2: 0.90, 4: 0.95}
"""Seconds -> share of clips whose offset must be found to within a frame."""

Sounds = Sequence[NDArray[np.float32]]
"""(W, C, columns) features of each clip's windows."""
Rows = tuple[NDArray[np.float32], NDArray[np.float32]]
"""(W, D) embeddings of pictures and of sound."""


def train(job: Job, progress: Progress) -> Card:
    """Render, train, save and measure one set's sync network."""
    kind, plan = branches(job.which), _sized(job, replace(LEARNT, population=job.population))
    material = mouths(plan, job.work, progress)
    how, start = making(job, kind, material)
    net, record = make(job, "sync", kind.build, how, progress, start=start)
    return record.card(
        about=_ABOUT,
        architecture=kind.about,
        measures=measured(net, kind, mouths(_sized(job, UNSEEN), job.work, progress)),
        facts={
            "clips": f"{len(material)} of {plan.people} people, {len(material.pictures):,} frames",
            "batch": f"{SEGMENTS} segments of {PICTURES} pictures",
        },
        limits=_LIMITS,
        sources=_SOURCES,
    )


def making(job: Job, kind: Branches, material: Mouths) -> tuple[Making, Callable[[], nn.Module]]:
    """How it is trained, and the network it starts from, which knows the mean and spread of the sound."""
    sounds = [kind.windows(material.sound(i), _times(kind, material, i)) for i in range(len(material))]
    schedule = Schedule(steps=job.steps(kind.steps), lr=2e-3, seed=job.seed)
    features = np.concatenate(sounds)
    windows = PICTURES - kind.pictures + 1
    return Making(Segments(material, sounds, windows), step_loss(kind), schedule), lambda: kind.standardised(
        features
    )


def _sized(job: Job, plan: Plan) -> Plan:
    return replace(plan, people=SEGMENTS, clips=SEGMENTS) if job.smoke else plan


@dataclass(frozen=True)
class Segments:
    """Makes batches: segments of drawn clips, pictures and sound in step, pictures varied.

    Args:
        material: clips.
        sounds: features of each clip's windows.
        windows: of a segment.
        count: segments in a batch.
    """

    material: Mouths
    sounds: Sounds
    windows: int
    count: int = SEGMENTS

    def __call__(self, draw: np.random.Generator) -> Batch:
        """``frames`` (B, 50, 64, 64, 3) uint8, ``sound`` (B, windows, C, W), and how to vary both."""
        clips = draw.choice(self._long, self.count, replace=False)
        pairs = [self._segment(int(clip), draw) for clip in clips]
        frames, sound = (np.stack(part) for part in zip(*pairs, strict=True))
        gain = np.exp(draw.normal(0, (0.15, 0.05, 0.05, 0.05), (self.count, 4)))
        colour = (gain[:, :1] * gain[:, 1:])[:, None, :, None, None]
        return {
            "frames": torch.from_numpy(frames),
            "sound": torch.from_numpy(sound),
            "colour": torch.from_numpy(colour.astype(np.float32)),
            "light": torch.from_numpy(draw.normal(0, 0.12, (self.count, 1, 1, 1, 1)).astype(np.float32)),
            "grain": torch.from_numpy(draw.uniform(0, 0.06, (self.count, 1, 1, 1, 1)).astype(np.float32)),
            "soft": torch.from_numpy(draw.random(self.count) < 0.25),
        }

    @cached_property
    def _long(self) -> NDArray[np.int64]:
        """The clips that hold a segment."""
        return np.flatnonzero([len(sound) >= self.windows for sound in self.sounds])

    def _segment(self, clip: int, draw: np.random.Generator) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        faces, sound = self.material.faces(clip), self.sounds[clip]
        start = int(draw.integers(len(sound) - self.windows + 1))
        cut = faces[start : start + PICTURES]
        flipped = cut[:, :, ::-1] if draw.random() < 0.5 else cut
        return np.ascontiguousarray(flipped), sound[start : start + self.windows]


def step_loss(kind: Branches) -> Callable[[nn.Module, Batch], Losses]:
    """The losses of the module's text; the last is the judge's only."""

    def losses(net: nn.Module, batch: Batch) -> Losses:
        video = kind.track(net, _varied(batch), STEP).float()
        sound = batch["sound"]
        audio = kind.audio(net, sound.flatten(0, 1)).float().view(*sound.shape[:2], -1)
        means = _means(video, audio)
        terms = {"rows": _rows(video, audio), "curve": _curve(means)}
        return {**terms, "far": kind.far * _far(means)} if kind.far else terms

    return losses


def _varied(batch: Batch) -> torch.Tensor:
    """(B, L, 3, 64, 64) in -1..1: other light and colour, softer, with grain."""
    images = batch["frames"].permute(0, 1, 4, 2, 3).float() * (2 / 255) - 1
    images = images * batch["colour"] + batch["light"]
    sharp = images[batch["soft"]]
    blurred = F.avg_pool2d(sharp.flatten(0, 1), 3, 1, 1, count_include_pad=False)
    images[batch["soft"]] = blurred.view_as(sharp)
    return images + batch["grain"] * torch.randn_like(images[:, :, :1])


def _rows(video: torch.Tensor, audio: torch.Tensor) -> torch.Tensor:
    """Contrast of (B, V, D) with (B, A, D) both ways; window v belongs to sound ``STEP * v``."""
    clips, seen, heard = len(video), video.shape[1], audio.shape[1]
    begins = torch.arange(clips, device=video.device)[:, None] * heard
    own = (begins + STEP * torch.arange(seen, device=video.device)).flatten()
    with torch.autocast(video.device.type, enabled=False):
        logits = _ROW_SCALE * video.flatten(0, 1) @ audio.flatten(0, 1).T
    back = torch.arange(len(own), device=video.device)
    return 0.5 * (F.cross_entropy(logits, own) + F.cross_entropy(logits[:, own].T, back))


def _means(video: torch.Tensor, audio: torch.Tensor) -> torch.Tensor:
    """(B, 31) mean distance of each segment at offsets -15..15."""
    with torch.autocast(video.device.type, enabled=False):
        apart = (2 - 2 * video @ audio.transpose(1, 2)).clamp_min(1e-6).sqrt()
    shifts = torch.arange(-REACH, REACH + 1, device=video.device)
    places = STEP * torch.arange(video.shape[1], device=video.device)[:, None] + shifts
    inside = (places >= 0) & (places < audio.shape[1])
    found = apart.gather(2, places.clamp(0, audio.shape[1] - 1).expand(len(video), -1, -1))
    return (found * inside).sum(1) / inside.sum(0)


def _curve(means: torch.Tensor) -> torch.Tensor:
    """How clearly each segment's distance is least at offset 0."""
    return F.cross_entropy(-_CURVE_SCALE * means, torch.full((len(means),), REACH, device=means.device))


def _far(means: torch.Tensor) -> torch.Tensor:
    """By how much a batch's mean curve falls back on its way out from offset 0, on either side."""
    curve = means.mean(0)
    sides = torch.stack([curve[REACH:], curve[: REACH + 1].flip(0)])
    return (sides.cummax(1).values - sides).mean()


def embed(net: nn.Module, kind: Branches, faces: NDArray[np.uint8], samples: NDArray[np.float32]) -> Rows:
    """The windows of one clip that have both pictures and sound.

    Args:
        net: in eval mode.
        kind: of its set.
        faces: (T, 64, 64, 3) uint8.
        samples: (N,) at 16 kHz.

    Returns:
        Two (W, D) arrays of unit rows.
    """
    times = np.arange(len(faces)) / RATE
    sound = kind.windows(samples, times[kind.covered(len(samples), times)])
    with torch.inference_mode():
        images = torch.from_numpy(np.array(faces)).permute(0, 3, 1, 2).float() * (2 / 255) - 1
        video = kind.track(net, images[None], 1)[0].float().cpu().numpy()
        audio = kind.audio(net, torch.from_numpy(sound)).float().cpu().numpy()
    count = min(len(video), len(audio))
    return video[:count], audio[:count]


def found_offset(video: NDArray[np.float32], audio: NDArray[np.float32]) -> int:
    """Frames by which the lips seem to come after the sound."""
    return sync_curve(sync_distances(video, audio, reach=REACH)).offset


def measured(net: nn.Module, kind: Branches, material: Mouths) -> list[Measure]:
    """Shares of clips whose offset is found, by length, and how deep the curve's valley is."""
    rows = [embed(net, kind, material.faces(i), material.sound(i)) for i in range(len(material))]
    curves = [sync_curve(sync_distances(*row, reach=REACH)) for row in rows]
    return [
        *(_share(rows, kind, seconds, target) for seconds, target in _TARGETS.items()),
        Measure("mean distance in step", float(np.mean([c.distance(0) for c in curves])), better="lower"),
        Measure("mean confidence in step", float(np.mean([c.confidence(0) for c in curves]))),
    ]


def _share(rows: Sequence[Rows], kind: Branches, seconds: int, target: float) -> Measure:
    pieces = [piece for row in rows for piece in _pieces(row, seconds * RATE - kind.pictures)]
    near = [abs(found_offset(*piece)) <= 1 for piece in pieces]
    found = float(np.mean(near)) if near else 0.0
    return Measure(f"offset within 1 frame on {seconds} s, {len(near)} clips", found, "", target)


def _pieces(row: Rows, windows: int) -> list[Rows]:
    """As many stretches of this many windows as a clip holds without overlap."""
    starts = range(0, len(row[0]) - windows + 1, windows)
    return [(row[0][s : s + windows], row[1][s : s + windows]) for s in starts]


def _times(kind: Branches, material: Mouths, clip: int) -> NDArray[np.float64]:
    return np.arange(len(material.faces(clip)) - kind.pictures + 1) / RATE


_ABOUT = (
    "Embeds a few pictures of a lower face and their sound so that what belongs together lies close. "
    "Valid on this project's rendered faces and voices only."
)
_LIMITS = ("A silent or still stretch has no offset to be found; such clips are counted as missed.",)
_SOURCES = (
    "Chung and Zisserman 2016, Out of time: automated lip sync in the wild",
    "van den Oord et al. 2018, Representation learning with contrastive predictive coding",
)
