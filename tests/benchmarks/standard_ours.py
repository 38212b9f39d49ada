"""A run of ``standard-v1`` with its time taken apart, and its forward passes once more with all in memory."""

from __future__ import annotations

import hashlib
import importlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from spfem_bench.clips import Clip
from spfem_bench.device import scoring_mode
from spfem_bench.stages import assemble, batches, features, library
from spfem_bench.stages import run as running
from spfem_bench.stages.run import run
from spfem_bench.stages.workbench import Workbench, open_workbench
from spfem_bench.store.objects import ObjectStore
from spfem_metrics import beside, extraction
from spfem_metrics.faces import mediapipe
from spfem_metrics.networks import (
    chunks,
    clip_zero_shot,
    facenet,
    i3d,
    inception,
    onnx_classifier,
    syncnet_towers,
)
from spfem_metrics.pairs import image_quality, lpips
from tests.benchmarks.standard_workload import Workload
from tests.benchmarks.stopwatch import Stopwatch, settling

LOADING = "once: index, plan, networks"
IMPORTED = ("facenet_pytorch", "lpips", "mediapipe", "onnxruntime", "open_clip", "pytorch_fid.inception")
ARITHMETIC = "arithmetic: ssim and psnr"
"""No network, but what is computed of the pictures."""
PREPARING = "prepare: "
"""What a network's forward function does before the network: resizes of whole frames, scaling by table."""


@dataclass
class Recorded:
    """All that networks were given.

    Args:
        calls: (forward function, its batch, its device) in order; onnxruntime's device is always the CPU.
        looks: (the clip's landmarker, frames) that faces were looked for in.
        comparisons: (SSIM or PSNR, what it was given).
    """

    calls: list[tuple[Callable[..., Any], np.ndarray, str]] = field(default_factory=list)
    looks: list[tuple[object, np.ndarray]] = field(default_factory=list)
    comparisons: list[tuple[Callable[..., float], tuple[Any, ...]]] = field(default_factory=list)


def network_of(forward: Callable[..., Any], *_: Any) -> str:
    """The label of a forward function: the module it is from."""
    return "network: " + forward.__module__.rsplit(".", 1)[-1]


@contextmanager
def taken_apart(watch: Stopwatch, record: Recorded | None) -> Iterator[None]:
    """Count every part of a run under its own label, and keep what its networks are given."""
    with _patched(_wrapped(watch, record) + _loading(watch) + _preparing(watch)):
        yield


Patches = list[tuple[Any, str, Callable[..., Any]]]


@contextmanager
def _patched(places: Patches) -> Iterator[None]:
    """Put functions in the place of others."""
    patches = [patch.object(owner, name, function) for owner, name, function in places]
    for one in patches:
        one.start()
    try:
        yield
    finally:
        for one in patches:
            one.stop()


def _preparing(watch: Stopwatch) -> Patches:
    return [
        (inception, "resize", watch.wrap(inception.resize, PREPARING + "inception resize")),
        (i3d, "resize", watch.wrap(i3d.resize, PREPARING + "i3d resize")),
        (
            onnx_classifier.Picture,
            "tensor",
            watch.wrap(onnx_classifier.Picture.tensor, PREPARING + "onnx scaling"),
        ),
    ]


def _wrapped(watch: Stopwatch, record: Recorded | None) -> Patches:
    through = watch.wrap(_recording(chunks.run, record), network_of)
    find = watch.wrap(_looking(mediapipe.Landmarker.find, record), "detect: mediapipe")
    stored = [
        (ObjectStore, name, watch.wrap(getattr(ObjectStore, name), "store"))
        for name in ("get_arrays", "put_arrays", "get_json", "put_json")
    ]
    return [
        *((module, "run", through) for module in (chunks, lpips, syncnet_towers)),
        (mediapipe.Landmarker, "find", find),
        (
            mediapipe.Landmarker,
            "__init__",
            watch.wrap(mediapipe.Landmarker.__init__, "detect: a clip's graph"),
        ),
        (Clip, "_chunks", watch.wrap_items(Clip._chunks, "decode")),
        (library.VideoHasher, "add", watch.wrap(library.VideoHasher.add, "digest")),
        (extraction._Stream, "_push", watch.wrap(extraction._Stream._push, _pushed)),
        (batches, "generate", watch.wrap(batches.generate, "take outputs in")),
        *(
            (image_quality, name, watch.wrap(_comparing(getattr(image_quality, name), record), ARITHMETIC))
            for name in ("ssim", "psnr", "ssim_by")
        ),
        (image_quality, "in_order", watch.wrap_items(image_quality.in_order, "ssim and psnr: frames")),
        *(
            (beside.Lane, name, watch.wrap_items(getattr(beside.Lane, name), "wait for threads beside"))
            for name in ("ready", "rest")
        ),
        (features, "extract", watch.wrap(features.extract, "wait for frames, finish")),
        (running, "assemble", watch.wrap(running.assemble, "write the bundle")),
        (assemble, "reduce_rows", watch.wrap(assemble.reduce_rows, "reduce")),
        *stored,
    ]


def _loading(watch: Stopwatch) -> Patches:
    """What a run does once, however many clips it has."""
    places = [
        *((module, "load") for module in (inception, i3d, facenet, clip_zero_shot, lpips, syncnet_towers)),
        (clip_zero_shot, "text_classifier"),
        (onnx_classifier, "_session"),
        (running, "open_workbench"),
        (Workbench, "frozen"),
        (hashlib, "file_digest"),
    ]
    return [(owner, name, watch.wrap(getattr(owner, name), LOADING)) for owner, name in places]


def _pushed(_stream: object, node: Any, *_: Any) -> str:
    return f"crops: {node.name}"


def _recording(function: Callable[..., Any], record: Recorded | None) -> Callable[..., Any]:
    def recorded(forward: Callable[..., Any], crops: np.ndarray, device: str) -> Any:
        if record is not None:
            record.calls.append((forward, crops, device))
        return function(forward, crops, device)

    return recorded


def _comparing(function: Callable[..., float], record: Recorded | None) -> Callable[..., float]:
    def compared(*given: Any, **options: Any) -> float:
        if record is not None:
            record.comparisons.append((partial(function, **options), given))
        return function(*given, **options)

    return compared


def _looking(function: Callable[..., Any], record: Recorded | None) -> Callable[..., Any]:
    def looked(finder: Any, images: np.ndarray, times: np.ndarray) -> Any:
        if record is not None:
            record.looks.append((finder, images))
        return function(finder, images, times)

    return looked


def ours(load: Workload, out: Path, clock: Callable[[], float]) -> tuple[Stopwatch, Recorded]:
    """One run with an empty cache, taken apart; it loads its networks, but finds packages imported.

    A GPU is warm: the first clip goes through uncounted, with a cache of its own, so that the device's
    libraries have their kernels, as `bare` finds them.
    """
    for module in IMPORTED:
        importlib.import_module(module)
    if load.spec.device != "cpu":
        cold = replace(load.spec, limit=1, cache=load.spec.cache.with_name("cache-warming"))
        run(cold, out.with_name(f"{out.name}-warming"))
    open_workbench.cache_clear()
    watch, record = Stopwatch(clock, settling(load.spec.device)), Recorded()
    with taken_apart(watch, record), watch.timed("everything else"):
        run(load.spec, out)
    return watch, record


def bare(record: Recorded, load: Workload, clock: Callable[[], float]) -> Stopwatch:
    """The same forward passes where they ran, on what they were given, from memory, and nothing else.

    onnxruntime's batches, and SSIM and PSNR, as many at a time as in the run.
    """
    watch = Stopwatch(clock, settling(load.spec.device))
    with scoring_mode(load.spec.device, threads=load.spec.threads), _patched(_preparing(watch)):
        for label, calls in groupby(record.calls, lambda call: network_of(call[0])):
            lanes = beside.threads() if "onnx" in label else 1
            with watch.timed(label):
                for _ in beside.in_order(lambda call: chunks.run(*call), calls, lanes):
                    pass
        with watch.timed(ARITHMETIC):
            for _ in beside.in_order(lambda call: call[0](*call[1]), record.comparisons, beside.threads()):
                pass
    _look_again(record, load, watch)
    return watch


def _look_again(record: Recorded, load: Workload, watch: Stopwatch) -> None:
    """Each clip's frames through a landmarker of its own, its results left as they are."""
    import mediapipe as mp

    finders: dict[int, tuple[mediapipe.Landmarker, int]] = {}
    for key, images in ((id(owner), images) for owner, images in record.looks):
        if key not in finders:
            size = images.shape[2], images.shape[1]
            finders[key] = mediapipe.Landmarker(load.weights["mediapipe-face-landmarker"], size), 0
        finder, at = finders[key]
        pictures = [mp.Image(mp.ImageFormat.SRGB, np.ascontiguousarray(image)) for image in images]
        with watch.timed("detect: mediapipe"):
            for offset, picture in enumerate(pictures):
                finder._landmarker.detect_for_video(picture, 40 * (at + offset))
        finders[key] = finder, at + len(images)
    for finder, _ in finders.values():
        finder.close()


def scores_of(bundle: Path) -> dict[str, float | None]:
    """Metric -> the model's score."""
    (model,) = json.loads((bundle / "scores.json").read_text())["systems"]
    return {metric: by_emotion["happy"]["value"] for metric, by_emotion in model["scores"].items()}
