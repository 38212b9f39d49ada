"""The control by texts: is each prompt's output nearest to its own prompt? It ranks nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spfem_baselines.backbone.adapter import backbone
from spfem_baselines.backbone.checkpoint import read_checkpoint
from spfem_baselines.contract import Request
from spfem_bench.ablation.home import Home, read_plain, write_plain
from spfem_bench.ablation.pictures import labelled, write_picture
from spfem_bench.ablation.spec import Ablation, Control
from spfem_bench.clips import Clip, open_clip
from spfem_bench.datasets.load import load_dataset
from spfem_bench.datasets.records import Dataset
from spfem_bench.digest import digest_of
from spfem_bench.progress import Progress
from spfem_bench.suites import BuiltSuite, build_suite, load_suite
from spfem_metrics import ArrayMedia, ClipFeatures, Observation, Reading, TrialFacts
from spfem_metrics.extraction import extract, features

METRIC = "text-alignment"
SUITE = "synthetic-v1"
Frames = NDArray[np.uint8]


@dataclass(frozen=True)
class Reader:
    """The metric over frames in memory.

    Args:
        built: the suite with this metric alone.
    """

    built: BuiltSuite

    @cached_property
    def signature(self) -> str:
        """The metric's definition."""
        return self.built.signature(self.built.metrics[0]).line

    def features(self, frames: Frames, fps: Fraction) -> ClipFeatures:
        """What the metric reads of a clip."""
        media = ArrayMedia(frames, fps)
        return features(media, extract(media, list(self.built.extractors.values())))

    def alignment(self, output: ClipFeatures, source: ClipFeatures, prompt: str) -> float | None:
        """Mean cosine of an output's frames with a prompt; None where it could not be measured."""
        facts = TrialFacts("control", "control", "neutral", "generated", prompt)
        count = len(output.times)
        seen = Observation(facts, {"output": output, "source": source}, np.arange(count))
        found = self.built.metrics[0].observe(seen)
        return found.value if isinstance(found, Reading) else None


def reader(device: str) -> Reader:
    """The metric with the judge that ships."""
    return Reader(build_suite(load_suite(SUITE), device, (METRIC,)))


def control(
    spec: Ablation, home: Home, folders: Mapping[str, Path], device: str, progress: Progress
) -> dict[str, Any] | None:
    """Edit test people by every prompt, hold every output against every prompt, and write strips.

    Args:
        spec: of the ablation.
        home: its folders; the test people are rendered.
        folders: name -> checkpoint.
        device: a torch device.
        progress: told of each output.

    Returns:
        Prompts, matrices (prompt asked for x prompt held against) and what they were measured by; None
        without prompts.
    """
    asked = spec.control
    if not asked.prompts:
        return None
    judge = reader(device)
    digests = {name: read_checkpoint(folder).digest for name, folder in folders.items()}
    recipe = (home.clips / "manifest.json").read_text(encoding="utf-8")
    key = digest_of([asked.prompts, asked.people, digests, judge.signature, recipe])
    known = read_plain(home.out / "text.json", key)
    if known is None:
        dataset = load_dataset(f"synthetic:{home.clips}")
        known = {"key": key, **_measured(asked, judge, folders, home, (dataset, device, progress))}
        write_plain(home.out / "text.json", known)
    return {name: value for name, value in known.items() if name != "key"}


def _measured(
    asked: Control,
    judge: Reader,
    folders: Mapping[str, Path],
    home: Home,
    rest: tuple[Dataset, str, Progress],
) -> dict[str, Any]:
    dataset, device, progress = rest
    sources = neutral_clips(dataset, asked.people)
    progress.start("control by text", len(sources) * len(folders) * len(asked.prompts))
    unedited, matrices = [], dict[str, list[list[list[float | None]]]]()
    for who, source in sources.items():
        own = judge.features(whole(source), source.fps)
        unedited.append([judge.alignment(own, own, prompt) for prompt in asked.prompts])
        for name, folder in folders.items():
            rows, shown = list[list[float | None]](), {"source": whole(source)}
            for prompt in asked.prompts:
                frames = edited(folder, source, prompt, device)
                made = judge.features(frames, source.fps)
                rows.append([judge.alignment(made, own, other) for other in asked.prompts])
                shown[prompt] = frames
                progress.advance("control by text", f"{name} {who}")
            matrices.setdefault(name, []).append(rows)
            write_picture(home.strips / f"text-{name}-{who}.png", labelled(shown, 6))
    progress.finish("control by text")
    return {
        "prompts": list(asked.prompts),
        "people": len(sources),
        "metric": METRIC,
        "signature": judge.signature,
        "source": _mean(unedited),
        "alignment": {
            name: [_mean([rows[i] for rows in own]) for i in range(len(asked.prompts))]
            for name, own in matrices.items()
        },
    }


def neutral_clips(dataset: Dataset, people: int) -> dict[str, Clip]:
    """Speaker -> the first neutral clip, of the first so many speakers."""
    found: dict[str, Clip] = {}
    for record in dataset.records:
        if record.emotion == "neutral" and record.speaker not in found and len(found) < people:
            found[record.speaker] = open_clip(dataset.file(record))
    return found


def edited(folder: Path, source: Clip, prompt: str, device: str) -> Frames:
    """(T, H, W, 3) frames of a clip in the style of a text."""
    asked = Request("control", source, "neutral", 0, device, text=prompt)
    return np.concatenate(list(backbone(folder, "text").generate(asked).frames))


def whole(clip: Clip) -> Frames:
    """(T, H, W, 3) all frames of a clip."""
    return np.concatenate(list(clip.frames()))


def _mean(rows: Sequence[Sequence[float | None]]) -> list[float | None]:
    """Over people, of those that could be measured."""
    columns = [[value for value in column if value is not None] for column in zip(*rows, strict=True)]
    return [float(np.mean(column)) if column else None for column in columns]
