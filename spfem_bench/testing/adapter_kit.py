"""`check_adapter`: what every adapter must do, tried on one small clip.

Each check raises `AssertionError` with one sentence beginning with the adapter's name.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from spfem_baselines import Adapter, CannotGenerateError, Output, Request, SourceClip
from spfem_bench.adapters.check import OutputError, checked_frames, checked_map
from spfem_bench.testing.fake_clips import FakeClip, fake_clip, written

_EXTRAS = {"truth", "stranger"}


@dataclass(frozen=True)
class Generated:
    """What an adapter made, for further assertions.

    Args:
        frames: (T, H, W, 3) uint8 RGB.
        fps: frames per second.
        frame_map: (T,) int64, the source frame of each output frame.
    """

    frames: NDArray[np.uint8]
    fps: Fraction
    frame_map: NDArray[np.int64]


def check_adapter(adapter: Adapter, *, request: Request | None = None) -> Generated | None:
    """Try an adapter on one request.

    Checked: name, identity and ``sees`` are there and stable; the same request gives the same frames, also
    after another request; frames are uint8 RGB of one size; the frame map has one entry per frame, never goes
    backwards and stays inside the source; the rate is a positive fraction; the source is left alone.

    Args:
        adapter: what is tried.
        request: tried instead of the built-in one, which shows a drawn talking face, 40 frames of 96 x 96
            at 25 per second, with a reference clip and a text.

    Returns:
        What came, or None where the adapter says, with a reason, that it cannot generate this request.

    Raises:
        AssertionError: one sentence that says what is wrong.
    """
    describe(adapter)
    if request is not None:
        return _try(adapter, request)
    with TemporaryDirectory() as folder:
        return _try(adapter, fake_request(adapter, Path(folder)))


def fake_request(adapter: Adapter, folder: Path) -> Request:
    """The built-in request: every clip also lies in ``folder`` as a lossless file.

    Args:
        adapter: whose ``sees`` decides which extras are given.
        folder: an empty folder that outlives the request.
    """
    source = written(fake_clip("source"), folder, "source")
    reference = written(fake_clip("reference", frames=30), folder, "reference")
    truth = fake_clip("source") if "truth" in adapter.sees else None
    stranger = fake_clip("stranger", frames=50) if "stranger" in adapter.sees else None
    same = np.arange(source.frame_count, dtype=np.int64)
    return Request(
        trial="fake-trial",
        source=source,
        emotion="happy",
        seed=1,
        reference=reference,
        text="a happy face",
        truth=truth and written(truth, folder, "truth"),
        stranger=stranger and written(stranger, folder, "stranger"),
        truth_pairs=None if truth is None else np.stack([same, same], axis=1),
    )


def _need(adapter: Adapter, holds: bool, fault: str) -> None:
    if not holds:
        raise AssertionError(f"{adapter.name} {fault}")


def describe(adapter: Adapter) -> None:
    """Check what an adapter says of itself.

    Raises:
        AssertionError: something is missing, or changes from call to call.
    """
    if not isinstance(adapter, Adapter):
        kind = type(adapter).__name__
        raise AssertionError(f"{kind} is not an adapter: it needs name, identity, sees and generate")
    _need(adapter, bool(adapter.name) and "/" not in adapter.name, "has an empty name, or one with a slash")
    _need(adapter, bool(adapter.identity), "has no identity; say code version, options and weights sha256")
    _need(adapter, adapter.identity == adapter.identity, "has an identity that changes from call to call")
    strange = sorted(set(adapter.sees) - _EXTRAS)
    _need(adapter, not strange, f"wants to see {', '.join(strange)}; there are only truth and stranger")


def _try(adapter: Adapter, request: Request) -> Generated | None:
    before = _source_bytes(request.source)
    first = _generate(adapter, request)
    _need(
        adapter, _source_bytes(request.source) == before, "writes into the frames or the file of its source"
    )
    _generate(adapter, replace(request, trial=f"{request.trial}-other", seed=request.seed + 1))
    again = _generate(adapter, request)
    _need(adapter, _same(first, again), "makes other frames from the same request the second time")
    return first


def _generate(adapter: Adapter, request: Request) -> Generated | None:
    """Everything that comes of one request; an exception is a fault of the adapter."""
    try:
        return _collect(adapter, adapter.generate(request), request.source.frame_count)
    except CannotGenerateError as refusal:
        _need(adapter, bool(str(refusal).strip()), "cannot generate and does not say why")
        return None
    except OutputError as fault:
        raise AssertionError(f"{adapter.name} returns what cannot be judged: {fault}") from fault
    except AssertionError:
        raise
    except Exception as error:  # whatever a model raises is what is reported
        raise AssertionError(
            f"{adapter.name} raises {type(error).__name__} ({error}); raise CannotGenerateError(reason) "
            "where a request lacks what it needs"
        ) from error


def _collect(adapter: Adapter, output: Output, source_count: int) -> Generated:
    good_rate = isinstance(output.fps, Fraction) and output.fps > 0
    _need(adapter, good_rate, f"gives fps as {output.fps!r}; a positive fractions.Fraction is expected")
    frames = np.concatenate([chunk.copy() for chunk in checked_frames(output.frames)])
    return Generated(frames, output.fps, checked_map(output.frame_map, len(frames), source_count))


def _same(one: Generated | None, two: Generated | None) -> bool:
    if one is None or two is None:
        return one is two
    rates = one.fps == two.fps and np.array_equal(one.frame_map, two.frame_map)
    return rates and np.array_equal(one.frames, two.frames)


def _source_bytes(clip: SourceClip) -> list[bytes]:
    pixels = [clip.pixels] if isinstance(clip, FakeClip) else clip.frames()
    file = clip.path.read_bytes() if clip.path.is_file() else b""
    return [file, *(chunk.tobytes() for chunk in pixels)]
