"""What a bridge is tried with: a stand-in checkout, a job by hand, a run in the foreign environment."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from spfem_bench.adapters.command.job import Condition, Job, JobClip, JobTrial, Result, read_result, write_job
from spfem_bench.adapters.command.manifest import Manifest, shipped, wrappers_dir
from tests.support.clips import make_clip

FAKES = Path(__file__).parent / "fakes"
GREY = 10
STEP = 4
SEED = 7
NOTE = "fake call: "
"""Frame i of every clip here is grey of value GREY + STEP * i, so a frame says which one it is."""


def stand_in(name: str, folder: Path, shared: str = "facekit.py", inside: str = "") -> Path:
    """A copy of the fake upstream ``fakes/NAME``, with a shared file of ``fakes`` in it."""
    checkout = folder / f"{name}-checkout"
    shutil.copytree(FAKES / name, checkout, ignore=shutil.ignore_patterns("__pycache__", ".gitkeep"))
    shutil.copyfile(FAKES / shared, checkout / inside / shared)
    return checkout


def greys(count: int, size: tuple[int, int] = (96, 64)) -> NDArray[np.uint8]:
    """(count, H, W, 3) uint8, frame i in the grey that says so."""
    values = (GREY + STEP * np.arange(count)).astype(np.uint8)
    return np.broadcast_to(values[:, None, None, None], (count, size[1], size[0], 3)).copy()


def clip_of(
    folder: Path, count: int, fps: Fraction | int = 25, size: tuple[int, int] = (96, 64), pngs: bool = False
) -> JobClip:
    """A prepared clip of greys: an mp4 or a folder of pictures, with its first frame."""
    from PIL import Image

    folder.mkdir(parents=True)
    frames = greys(count, size)
    pictures = folder / "frames"
    if pngs:
        pictures.mkdir()
        for number, frame in enumerate(frames):
            Image.fromarray(frame).save(pictures / f"{number:06d}.png")
    Image.fromarray(frames[0]).save(folder / "first.png")
    video = None if pngs else make_clip(folder / "video.mp4", frames, fps, options={"crf": "1"})
    return JobClip(folder / "first.png", Fraction(fps), count, size, video, pictures if pngs else None)


@dataclass
class Bench:
    """One job with any number of trials for one wrapper.

    Args:
        manifest: the shipped one.
        checkout: the stand-in.
        folder: where the job lives.
        assets: name -> path.
        options: in place of the manifest's.
        device: of the job.
        path: folders in front of the ``PATH`` of the job.
        said: what the last run printed.
        calls: the program and arguments of every stand-in's program that the last run started.
    """

    manifest: Manifest
    checkout: Path
    folder: Path
    assets: Mapping[str, Path] = field(default_factory=dict)
    options: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    device: str = "cuda:0"
    path: tuple[Path, ...] = ()
    said: str = ""
    calls: list[list[str]] = field(default_factory=list)

    def run(
        self, python: Path, trials: Sequence[tuple[str, JobClip, Condition]], seed: int = SEED
    ) -> list[Result]:
        """The bridge's results for (id, source, condition), in order, as files under ``outputs``."""
        work = self.folder
        for name in ("scratch", "outputs"):
            shutil.rmtree(work / name, ignore_errors=True)
            (work / name).mkdir(parents=True)
        made = [
            JobTrial(name, seed, work / "outputs" / f"{i:04d}", source, condition)
            for i, (name, source, condition) in enumerate(trials)
        ]
        for trial in made:
            trial.output.mkdir()
        assets = {**self._assets(), **self.assets}
        options = {**self.manifest.options, **self.options}
        checkout, scratch = self.checkout.absolute(), work / "scratch"
        job = Job(self.manifest.name, self.device, checkout, assets, scratch, options, made)
        self._call(python, write_job(job, work))
        return [read_result(trial.output / "result.json") for trial in made]

    def _assets(self) -> dict[str, Path]:
        return {asset.name: self.checkout / asset.path for asset in self.manifest.assets}

    def _call(self, python: Path, job: Path) -> None:
        assert self.manifest.bridge is not None
        path = os.pathsep.join([*map(str, self.path), os.environ["PATH"]])
        env = {"PATH": path, "PYTHONPATH": str(wrappers_dir()), "HOME": str(job.parent)}
        command = [python, self.manifest.bridge, job]
        ended = subprocess.run(
            command, cwd=job.parent, env=env, capture_output=True, text=True, check=False, timeout=600
        )
        assert ended.returncode == 0, ended.stderr
        self.said = ended.stdout
        noted = [line[len(NOTE) :] for line in ended.stdout.splitlines() if line.startswith(NOTE)]
        self.calls = [json.loads(line) for line in noted]


def bench(name: str, checkout: Path, folder: Path, **settings: object) -> Bench:
    """A bench for a shipped wrapper."""
    return Bench(shipped(name), checkout, folder / "job", **settings)  # type: ignore[arg-type]


def pictures_of(folder: Path) -> NDArray[np.uint8]:
    """(N, H, W, 3) uint8 of a folder of numbered pictures, which must be 000000.png and on."""
    from PIL import Image

    files = sorted(folder.glob("*.png"))
    assert [file.name for file in files] == [f"{i:06d}.png" for i in range(len(files))]
    return np.stack([np.asarray(Image.open(file).convert("RGB")) for file in files])


def video_of(path: Path) -> tuple[NDArray[np.uint8], Fraction]:
    """Frames (N, H, W, 3) uint8 and rate of a video."""
    with av.open(str(path)) as container:
        rate = container.streams.video[0].average_rate
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert rate is not None
    return np.stack(frames), rate


def said_frames(frames: NDArray[np.uint8], channel: int = 1) -> list[int]:
    """Which frame of a clip of greys each of these was made from, by the middle of one channel."""
    height, width = frames.shape[1:3]
    middle = frames[:, height // 4 : -height // 4, width // 4 : -width // 4, channel]
    return [round(float(value)) for value in (middle.mean(axis=(1, 2)) - GREY) / STEP]
