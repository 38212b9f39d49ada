"""Stretches of real clips, outputs that differ from them, and weights, for timing whole suites.

Every stretch is source, true pair and real entry of its own trial (the protocol is intra-ID), so that each
metric of a suite has what it needs; its output is the same stretch blurred and darkened, in a folder of
videos as a model leaves them. The pictures are real ones; all videos are H.264 with AAC, as models write.

The published tools take every frame and every window; `Reads` says which of them a suite reads, so that they
can be given the same.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from spfem_bench.clips import Clip, open_clip, write_preview
from spfem_bench.clips.timing import Timeline, regular_times
from spfem_bench.datasets import load_dataset
from spfem_bench.protocols import make_plan
from spfem_bench.stages.spec import RunSpec
from spfem_bench.suites import load_suite
from spfem_bench.weights import entry, where
from spfem_bench.weights.random import MAKERS, write_random
from spfem_metrics.sampling import Frames, taken

GRID = tuple(
    f"grid/{name}.mpg"
    for name in ("bbaf2n", "brbk7n", "lbax4n", "lbbc2a", "lrwp9a", "lwbsza", "pwij3p", "sbia1a")
)
"""Eight people talking, 360x288 px."""
SQUARE = (
    *(f"retalking/{number}.mp4" for number in range(1, 6)),
    *(f"liveportrait/{name}.mp4" for name in ("d11", "d12", "d20")),
)
"""Eight people, 480x480 to 844x844 px, 122 to 225 frames."""

PROTOCOL = """\
protocol: timing/intra-id@1
plan: intra-id
about: Every clip is its own source, true pair and real entry.
emotions: [happy]
align: identity
intra-reference: same-clip
datasets:
  any: {}
"""

Picture = np.ndarray
Change = Callable[[Picture], Picture]


@dataclass(frozen=True)
class Stretch:
    """The first frames of a real clip, which begins again where it is shorter.

    Args:
        file: below the folder of real clips.
        frames: how many; None for the whole clip.
        side: of the square it is resized to in px; None as it is.
        darker: levels taken off, so that a clip can be had several times with other pixels.
    """

    file: str
    frames: int | None
    side: int | None = None
    darker: int = 0

    @property
    def tag(self) -> str:
        """Its name in the dataset."""
        return f"{Path(self.file).stem}-{self.darker}"


@dataclass(frozen=True)
class Reads:
    """What a suite reads of each clip, as many evenly spaced.

    Args:
        inception: frames.
        clip: frames.
        i3d: windows of 16 frames.
        pairs: frames compared by LPIPS, SSIM and PSNR, all of which take the same.
    """

    inception: Frames
    clip: Frames
    i3d: Frames
    pairs: Frames

    @classmethod
    def of(cls, suite: str) -> Reads:
        """Those of a suite with the extractors of ``standard-v1``."""
        loaded = load_suite(suite)
        options = {name: part.options for name, part in loaded.extractors.items()}
        (pairs,) = {part.options.get("frames", "all") for part in loaded.pairs.values()}
        return cls(
            options["inception-pytorch-fid"].get("frames", "all"),
            options["emotion-clip"].get("frames", "all"),
            options["i3d"].get("windows", "all"),
            pairs,
        )


def kept(count: int, chosen: Frames) -> frozenset[int]:
    """Which of so many frames or windows a suite reads."""
    return frozenset(taken(np.arange(count), chosen).tolist())


@dataclass(frozen=True)
class Workload:
    """Videos on disk.

    Args:
        spec: of a run over them.
        pairs: (output, source) of every trial.
        weights: registry name -> file.
    """

    spec: RunSpec
    pairs: Sequence[tuple[Path, Path]]
    weights: dict[str, Path]

    def on(self, device: str, threads: int) -> Workload:
        """The same on another device, with so many threads of torch."""
        return replace(self, spec=replace(self.spec, device=device, threads=threads))

    @property
    def frames(self) -> int:
        """Of all outputs and sources."""
        return sum(open_clip(path).frame_count for pair in self.pairs for path in pair)


def cut(clip: Clip, frames: int, side: int | None, change: Change) -> Clip:
    """So many frames of a clip with their sound, each changed."""
    size = clip.size if side is None else (side, side)

    def looped() -> Iterator[Picture]:
        while True:
            for chunk in clip.frames():
                yield from chunk

    def reader(start: int, stop: int) -> Iterator[Picture]:
        for at, image in zip(range(stop), looped(), strict=False):
            if at >= start:
                fits = image.shape[1::-1] == size
                yield change(image if fits else cv2.resize(image, size, interpolation=cv2.INTER_AREA))

    line = Timeline(clip.fps, regular_times(frames, clip.fps), regular=True)
    sound = None if clip.sound is None else clip.sound.fitted(line.duration)
    return Clip(clip.path, size, line, reader, sound)


def blurred(image: Picture) -> Picture:
    """What stands for a model's output."""
    return np.asarray(cv2.GaussianBlur(image, (0, 0), 1.2) * 0.92, np.uint8)


def make(folder: Path, fixtures: Path, stretches: Sequence[Stretch], suite: str) -> Workload:
    """Write sources, outputs, manifest and protocol; where a network's file is not at hand, a random one.

    The folder ``weights`` below ``folder`` must be among those of ``SPFEM_BENCH_WEIGHTS``.
    """
    clips, outputs = folder / "clips", folder / "outputs"
    clips.mkdir(parents=True)
    outputs.mkdir()
    (folder / "protocol.yaml").write_text(PROTOCOL)
    with (clips / "clips.jsonl").open("w") as manifest:
        for one in stretches:
            write_preview(clips / f"{one.tag}.mp4", _source(fixtures, one))
            row = {"id": one.tag, "file": f"{one.tag}.mp4", "speaker": f"p-{one.tag}", "emotion": "happy"}
            manifest.write(json.dumps(row) + "\n")
    dataset, protocol = f"folder:{clips}", str(folder / "protocol.yaml")
    pairs = []
    for trial in make_plan(load_dataset(dataset), protocol).trials:
        source, output = clips / f"{trial.source.id}.mp4", outputs / f"{trial.id}.mp4"
        whole = open_clip(source)
        write_preview(output, cut(whole, whole.frame_count, None, blurred))
        pairs.append((output, source))
    spec = RunSpec(dataset, protocol, suite, (f"precomputed:{outputs}",), folder / "cache", bounds=False)
    return Workload(spec, pairs, weights_of(suite, folder / "weights"))


def _source(fixtures: Path, one: Stretch) -> Clip:
    def darker(image: Picture) -> Picture:
        return np.maximum(image, one.darker) - np.uint8(one.darker)

    clip = open_clip(fixtures / one.file)
    return cut(clip, one.frames or clip.frame_count, one.side, darker)


def weights_of(suite: str, folder: Path) -> dict[str, Path]:
    """The files of a suite's networks by registry name, seeded random ones where some are not at hand.

    ``folder``, where those are written, must be among the folders of ``SPFEM_BENCH_WEIGHTS``.
    """
    items = {name: entry(name) for name in load_suite(suite).weight_names}
    found = {name: path for name, item in items.items() if (path := where(item)) is not None}
    lacking = [name for name in items if name not in found]
    if lacking and set(lacking) <= set(MAKERS):
        found |= write_random(lacking, folder)
    return found
