"""Stage 1: trials in, lossless clips out, one object per adapter and trial.

The harness owns time and audio: a model's frames are checked at the door, the source's own sound is laid
under them where the frame map says, and what cannot be judged becomes a reason, not a gap.
"""

from __future__ import annotations

import errno
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spfem_baselines import CannotGenerateError, Output, Request
from spfem_bench.adapters import OutputError, System, checked_frames, checked_map, checked_space
from spfem_bench.clips import Clip, PcmSource, content_digest, open_clip, write_lossless
from spfem_bench.clips.sound import Pcm
from spfem_bench.datasets import ClipRecord
from spfem_bench.digest import digest_of
from spfem_bench.errors import (
    ClipError,
    IntegrityError,
    MissingWeightsError,
    SilentClipError,
    StorageError,
    UsageError,
)
from spfem_bench.protocols import Trial
from spfem_bench.stages.align import truth_pairs
from spfem_bench.stages.blame import first_line
from spfem_bench.stages.workbench import Workbench, generating_code
from spfem_bench.versions import libraries
from spfem_metrics import Failed, Unscored

KIND = "outputs"
CLIP = "clip.mkv"


@dataclass(frozen=True)
class Made:
    """A stored output: its key in the store and the folder that holds clip and sidecar."""

    key: str
    folder: Path

    @property
    def clip(self) -> Path:
        """The lossless video."""
        return self.folder / CLIP

    def is_intact(self, *, thorough: bool = True) -> bool:
        """Whether clip and record can still be read, and (``thorough``, a decode) hold what was stored."""
        try:
            clip = open_clip(self.clip)
            return clip.stored is not None and (not thorough or content_digest(clip) == clip.stored.digest)
        except (ClipError, IntegrityError):
            return False


Generated = Made | Unscored | Failed


@dataclass(frozen=True)
class Asked:
    """A trial as it is put to an adapter.

    Args:
        request: what is asked.
        source: the request's source, as the harness reads it.
        key: under which the output is stored.
    """

    request: Request
    source: Clip
    key: str


def generate(bench: Workbench, system: System, trial: Trial, *, again: bool = False) -> Generated:
    """The output of one adapter for one trial, from the store where it is there.

    Args:
        bench: the run's objects.
        system: the adapter.
        trial: what to generate.
        again: ignore what is stored, and replace it.

    Returns:
        The stored clip, or why there is none. A model's crash is its own trial's `Failed`.

    Raises:
        StorageError: the output cannot be kept; nothing else is lost.
        MissingWeightsError: the model's network is not on this machine, so no trial could be made.
    """
    asked = ask(bench, system, trial)
    if not isinstance(asked, Asked):
        return asked
    known = None if again else in_store(bench, asked)
    return known or keep(bench, system, asked, lambda: system.adapter.generate(asked.request), again=again)


def ask(bench: Workbench, system: System, trial: Trial) -> Asked | Unscored | Failed:
    """What an adapter is asked for a trial, or why its clips do not allow to ask."""
    try:
        source = bench.library.open(trial.source).clip
        request = _request(bench, system, trial, source)
        return Asked(request, source, _key(bench, system, trial, request))
    except SilentClipError as error:
        return Unscored(str(error))
    except ClipError as error:
        return Failed(str(error))


def in_store(bench: Workbench, asked: Asked) -> Made | None:
    """The output where an earlier run, or another worker, has stored it."""
    return Made(asked.key, bench.store.path(KIND, asked.key)) if bench.store.has(KIND, asked.key) else None


def keep(
    bench: Workbench, system: System, asked: Asked, make: Callable[[], Output], *, again: bool = False
) -> Generated:
    """Read an output to its last frame, check it and store it.

    Args:
        bench: the run's objects.
        system: the adapter it comes from.
        asked: what it answers.
        make: gives the output, or raises why there is none.
        again: take the place of what is stored.

    Raises:
        StorageError: the output cannot be kept; nothing else is lost.
        MissingWeightsError: the model's network is not on this machine, so no trial could be made.
    """
    folder = bench.store.fresh_folder(KIND, asked.key)
    try:
        fault = _attempt(system, make, asked.source, folder, bench.spec.threads)
        return fault or Made(asked.key, bench.store.adopt_folder(folder, KIND, asked.key, replace=again))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def stored(bench: Workbench, system: System, trial: Trial) -> bool:
    """Whether the output of an adapter for a trial is already in the store."""
    asked = ask(bench, system, trial)
    return isinstance(asked, Asked) and in_store(bench, asked) is not None


def _attempt(
    system: System, make: Callable[[], Output], source: Clip, folder: Path, threads: int
) -> Unscored | Failed | None:
    """Write the output into the folder; why there is none, or None where there is one."""
    try:
        with pinned_threads(threads):
            _write(make(), source, folder)
    except CannotGenerateError as error:
        return Unscored(str(error))
    except (StorageError, MissingWeightsError):
        raise
    except (OutputError, UsageError, IntegrityError) as error:
        return Failed(str(error))
    except Exception as error:  # noqa: BLE001 - a foreign model may raise anything; only its trial fails
        _raise_if_full(error, system)
        return Failed(f"{system.name} raised {type(error).__name__}: {first_line(error)}")
    return None


def _raise_if_full(error: Exception, system: System) -> None:
    """A disk that is full under the model is nothing the model did: later trials would fail alike.

    Raises:
        StorageError: it is.
    """
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
        raise StorageError(
            f"{system.name} could not write {error.filename or 'its files'}: {error.strerror}; "
            "free some space and run the same command again (what was finished is kept)"
        ) from error


@contextmanager
def pinned_threads(threads: int) -> Iterator[None]:
    """Give a model that has imported torch the pinned number of threads."""
    torch = sys.modules.get("torch")
    if torch is None:
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _write(output: Output, source: Clip, folder: Path) -> None:
    """Stream the output into the folder; the frame map is checked once the frames have been counted."""
    given = None if output.frame_map is None else np.asarray(output.frame_map)
    times = output.times if output.times is not None else _times(source, given, output.fps)
    space = checked_space(output.space)
    record = write_lossless(
        folder / CLIP,
        checked_frames(output.frames),
        fps=output.fps,
        times=times,
        audio=_sound(source, given, output.fps),
        frame_map=given,
        space=space,
    )
    checked_map(given, record.frame_count, source.frame_count)
    _check_duration(record.timeline.duration, source)


def _sound(source: Clip, given: NDArray[np.int64] | None, fps: Fraction) -> PcmSource | None:
    """The source's own sound from the first frame's instant on, as long as the output."""
    if source.sound is None:
        return None
    if given is None and fps == source.fps:
        return source.sound  # untouched, so that a copy of the source has the source's digests
    count = source.frame_count if given is None else len(given)
    first = 0 if given is None or not count else int(np.clip(given[0], 0, source.frame_count - 1))
    start = Fraction(float(source.times[first])).limit_denominator(10**6)
    return _starting(source.sound, start).fitted(Fraction(count) / fps)


def _starting(sound: PcmSource, start: Fraction) -> PcmSource:
    """The same sound from ``start`` seconds on."""
    skip = round(start * sound.rate)

    def rest() -> Iterator[Pcm]:
        left = skip
        for chunk in sound.chunks():
            yield chunk[left:]
            left = max(0, left - len(chunk))

    return PcmSource(sound.rate, sound.channels, rest) if skip else sound


def _check_duration(duration: Fraction, source: Clip) -> None:
    """An output may be shorter than its source, never much longer: its sound would end before it."""
    longest = source.timeline.duration + 2 / source.fps
    if duration > longest:
        raise OutputError(
            f"the output lasts {float(duration):.2f} s, its source {float(source.timeline.duration):.2f} s: "
            "fps or frames are off"
        )


def _times(source: Clip, given: NDArray[np.int64] | None, fps: Fraction) -> NDArray[np.float64] | None:
    """A source of varying rate lends its own times to an output that answers it frame by frame."""
    if source.timeline.regular or fps != source.fps:
        return None
    if given is None:
        return source.times
    if len(np.unique(given)) != len(given) or given.min() < 0 or given.max() >= source.frame_count:
        return None
    kept = source.times[given]
    return np.asarray(kept - kept[0], np.float64)


def _request(bench: Workbench, system: System, trial: Trial, source: Clip) -> Request:
    sees = set(system.adapter.sees)
    truth = _open(bench, trial.truth if "truth" in sees else None)
    return Request(
        trial=trial.id,
        source=source,
        emotion=trial.emotion,
        seed=trial_seed(bench.spec.seed, trial.id),
        device=bench.spec.device,
        reference=_open(bench, trial.reference),
        text=trial.text,
        truth=truth,
        stranger=_open(bench, trial.stranger if "stranger" in sees else None),
        truth_pairs=truth_pairs(bench, trial) if truth else None,
    )


def _open(bench: Workbench, record: ClipRecord | None) -> Clip | None:
    return None if record is None else bench.library.open(record).clip


def trial_seed(seed: int, trial: str) -> int:
    """A trial's own seed (63 bits), so that no trial's draw depends on which others ran before it."""
    return int(digest_of([seed, trial])[:16], 16) >> 1


def _key(bench: Workbench, system: System, trial: Trial, request: Request) -> str:
    adapter, sees = system.adapter, system.adapter.sees
    own = getattr(adapter, "trial_identity", None)
    clips = {
        "source": trial.source,
        "reference": trial.reference,
        "truth": trial.truth if "truth" in sees else None,
        "stranger": trial.stranger if "stranger" in sees else None,
    }
    return digest_of(
        {
            "stage": ["generate", generating_code(), libraries()],
            "adapter": [system.code, *([own(request)] if own else [adapter.name, adapter.identity])],
            "clips": {k: bench.library.file_digest(r) if r else None for k, r in clips.items()},
            "condition": [trial.emotion, trial.text],
            "align": bench.plan.align,
            "trial": trial.id,
            "seed": request.seed,
            "device": [request.device, bench.device_label, bench.spec.threads],
        }
    )
