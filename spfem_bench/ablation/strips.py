"""Strips to look at: source, every variant and the truth, of test people; and a recorded face.

The outputs are the very ones that were scored, read from the cache. A recorded face has no truth, and the
backbone knows rendered faces only: that strip shows a limit, not a result.

``python -m spfem_bench.ablation.strips CHECKPOINT CLIP OUTPUT.png`` makes the strip of any face.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from spfem_baselines.backbone.adapter import backbone
from spfem_baselines.backbone.crops import crop_place
from spfem_baselines.contract import Request
from spfem_baselines.linear import linear_shift
from spfem_baselines.placing import Follower
from spfem_bench.ablation.home import Home
from spfem_bench.ablation.pictures import Frames, labelled, write_picture
from spfem_bench.ablation.spec import Ablation, Strips
from spfem_bench.clips import Clip, open_clip
from spfem_bench.progress import Progress
from spfem_bench.protocols import Trial
from spfem_bench.stages.generate import Made, generate
from spfem_bench.stages.spec import RunSpec
from spfem_bench.stages.workbench import Workbench, open_workbench

FOLDER = "SPFEM_BENCH_FIXTURES"
_SECONDS = 3
"""Of a recorded face."""
_MARGIN = 1.3
"""Side of what is shown of a recorded face, in sides of the square that the backbone edits."""


@dataclass(frozen=True)
class Excerpt:
    """The first frames of a clip, as `spfem_baselines.SourceClip`.

    Args:
        clip: whose.
        count: how many, at most all.
    """

    clip: Clip
    count: int

    @property
    def path(self) -> Path:
        """Of the whole clip."""
        return self.clip.path

    @property
    def fps(self) -> Fraction:
        """Frames per second."""
        return self.clip.fps

    @property
    def frame_count(self) -> int:
        """Number of frames."""
        return min(self.count, self.clip.frame_count)

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self.clip.size

    @property
    def times(self) -> NDArray[np.float64]:
        """(T,) seconds."""
        return self.clip.times[: self.frame_count]

    def frames(self, start: int = 0, stop: int | None = None) -> Iterator[Frames]:
        """Chunks of frames."""
        return self.clip.frames(start, min(self.frame_count, self.frame_count if stop is None else stop))

    def audio(self, rate: int) -> NDArray[np.float32] | None:
        """(N,) mono in -1..1, of the whole clip; None without audio."""
        return self.clip.audio(rate)


def write_strips(
    spec: Ablation, home: Home, asked: RunSpec, progress: Progress, mark: str = ""
) -> list[Path]:
    """One strip for each person and emotion, of the first training seed.

    Args:
        spec: which people, emotions and how many frames.
        home: of the ablation.
        asked: what was scored of the first seed.
        progress: told what cannot be shown.
        mark: at the end of the files' names.

    Returns:
        The files.
    """
    bench, wanted = open_workbench(asked), spec.strips
    written = []
    for trial in chosen(bench.plan.trials, wanted):
        path = home.strips / f"{trial.speaker}-{trial.emotion}{mark}.png"
        rows = _rows(bench, spec, trial)
        if len(rows) < 2 + len(spec.variants):
            progress.note(f"{path.name}: an output is missing, see the table")
        write_picture(path, labelled(rows, wanted.frames))
        written.append(path)
    return written


def chosen(trials: Sequence[Trial], wanted: Strips) -> list[Trial]:
    """The first trial of each of the first people in each of the emotions that they are given."""
    people = sorted({trial.speaker for trial in trials})[: wanted.people]
    first: dict[tuple[str, str], Trial] = {}
    for trial in trials:
        first.setdefault((trial.speaker, trial.emotion), trial)
    keys = [(who, emotion) for who in people for emotion in wanted.emotions]
    return [first[key] for key in keys if key in first]


def _rows(bench: Workbench, spec: Ablation, trial: Trial) -> dict[str, Frames]:
    """Label -> frames: source, variants in the order of the table, truth."""
    rows = {"source": _frames(open_clip(bench.dataset.file(trial.source)))}
    for system in bench.systems:
        if system.name in spec.variants:
            made = generate(bench, system, trial)
            if isinstance(made, Made):
                rows[system.name] = _frames(open_clip(made.clip))
    if trial.truth is not None:
        rows[f"truth: {trial.emotion}"] = _frames(open_clip(bench.dataset.file(trial.truth)))
    return rows


def _frames(clip: Clip) -> Frames:
    return np.concatenate(list(clip.frames()))


def write_recorded(spec: Ablation, home: Home, checkpoint: Path, device: str, progress: Progress) -> None:
    """The strip of a recorded face, where the folder of real clips is at hand."""
    folder = os.environ.get(FOLDER)
    if not spec.strips.real:
        return
    if not folder:
        progress.note(f"no strip of a recorded face: {FOLDER} is not set")
        return
    file = Path(folder) / spec.strips.real
    rows = of_face(checkpoint, open_clip(file), spec.strips.emotions, device)
    write_picture(home.strips / "recorded.png", labelled(rows, spec.strips.frames))


def of_face(checkpoint: Path, clip: Clip, emotions: Sequence[str], device: str) -> dict[str, Frames]:
    """Label -> the face in the first seconds of any clip, and in its edits by label.

    Args:
        checkpoint: folder of a backbone.
        clip: of one face.
        emotions: to show.
        device: a torch device.
    """
    excerpt = Excerpt(clip, round(_SECONDS * float(clip.fps)))
    adapter = backbone(checkpoint)
    rows = {"source": np.concatenate(list(excerpt.frames()))}
    for emotion in emotions:
        made = adapter.generate(Request("strip", excerpt, emotion, 0, device))
        rows[emotion] = np.concatenate(list(made.frames))
    across, down = around_face(rows["source"])
    return {label: frames[:, down, across] for label, frames in rows.items()}


def around_face(frames: Frames) -> tuple[slice, slice]:
    """The columns and rows of a square around the face of the first frame, inside the picture.

    Args:
        frames: (T, H, W, 3) of one face that moves little.
    """
    (found,) = Follower(linear_shift().template).follow(frames[:1])
    place = crop_place(found, 1)
    centre = place[:, 2]
    half = _MARGIN * float(np.hypot(*place[:, 0])) / 2
    low = np.maximum(np.floor(centre - half), 0).astype(int)
    high = np.minimum(np.ceil(centre + half), (frames.shape[2], frames.shape[1])).astype(int)
    return slice(int(low[0]), int(high[0])), slice(int(low[1]), int(high[1]))


@click.command()
@click.argument("checkpoint", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.argument("clip", type=click.Path(path_type=Path, exists=True))
@click.argument("output", type=click.Path(path_type=Path))
@click.option("--emotion", "emotions", multiple=True, help="To show (repeatable).")
@click.option("--frames", type=click.IntRange(min=1), default=Strips().frames, show_default=True)
@click.option("--device", default="cpu", show_default=True, help="Of torch.")
def main(checkpoint: Path, clip: Path, output: Path, emotions: tuple[str, ...], **given: object) -> None:
    """Write OUTPUT.png: the first seconds of CLIP, and the edits of a backbone's CHECKPOINT by label."""
    rows = of_face(checkpoint, open_clip(clip), emotions or Strips().emotions, str(given["device"]))
    write_picture(output, labelled(rows, int(str(given["frames"]))))
    click.echo(output)


if __name__ == "__main__":
    main()
