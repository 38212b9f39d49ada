"""The checks of `spfem_bench.testing.check_conformance`: each looks at one thing and says what it saw.

It returns a sentence, raises `AssertionError` with the fault, or `NotTriedError` where it does not apply.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import chdir
from dataclasses import dataclass, is_dataclass, replace
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from spfem_baselines import Adapter, BatchAdapter, CannotGenerateError, Request
from spfem_bench.adapters.check import OutputError
from spfem_bench.testing.adapter_kit import describe
from spfem_bench.testing.declared import Declared, declared_by, loss_fault, size_fault
from spfem_bench.testing.fresh import digest_in_fresh_process
from spfem_bench.testing.trying import (
    LARGE_SEED,
    Attempt,
    Came,
    Held,
    attempt,
    cut,
    held,
    inputs_of,
    said,
    same,
    snapshot,
    together,
)

if TYPE_CHECKING:
    from spfem_bench.testing.rendered import Shown

DRIFT = 1.5
"""Frames, of the slower clip, by which the output's clock may leave that of the frames it stands for."""
HASTE = 0.05
"""Seconds in which no program answers: the time limit that a command adapter is tried with."""


class NotTriedError(Exception):
    """A check does not apply to this adapter; the message says why."""


@dataclass(frozen=True)
class Subject:
    """An adapter on trial.

    Args:
        adapter: what is tried.
        requests: two sound requests over different sources.
        clips: the rendered dataset they come from; None for somebody's own requests.
        folder: for what the kit itself writes.
        text: the adapter as `load_system` takes it, None where it has no such name.
        before: the inputs' files, and what lay beside them, before anything was tried.
        said: what its outputs lack or change; None for what its manifest says.
    """

    adapter: Adapter
    requests: Sequence[Request]
    clips: Path | None
    folder: Path
    text: str | None
    before: Mapping[str, object]
    said: Declared | None = None

    @property
    def declared(self) -> Declared:
        """What the first output may lack or change."""
        return declared_by(self.adapter, self.requests[0]) if self.said is None else self.said

    @cached_property
    def first(self) -> Attempt:
        """What came of the first request, before anything else was asked."""
        return attempt(self.adapter, self.requests[0])

    @cached_property
    def second(self) -> Attempt:
        """What came of the second request, after the first."""
        self.first  # noqa: B018 - order matters
        return attempt(self.adapter, self.requests[1])

    @property
    def output(self) -> Came:
        """The first output.

        Raises:
            NotTriedError: there is none.
        """
        if not isinstance(self.first, Came):
            raise NotTriedError("there is no output to look at")
        return self.first


def _need(holds: bool, fault: str) -> None:
    if not holds:
        raise AssertionError(fault)


def _description(subject: Subject) -> str:
    describe(subject.adapter)
    return f"{subject.adapter.name}, {subject.adapter.identity}"


def _frames(subject: Subject) -> str:
    found = subject.first
    if isinstance(found, CannotGenerateError):
        raise AssertionError(f"declines a sound request ({found}): give requests= that it takes")
    if not isinstance(found, Came):
        raise AssertionError(f"a sound request ends in {said(found)}")
    fps = found.output.fps
    _need(isinstance(fps, Fraction) and fps > 0, f"fps is {fps!r}; a positive fractions.Fraction is expected")
    height, width = found.frames.shape[1:3]
    fault = size_fault((width, height), found.output.space, subject.requests[0], subject.declared)
    _need(fault is None, str(fault))
    wide, high = subject.requests[0].source.size
    return f"{len(found.frames)} of {width}x{height} at {fps} per second, for a source of {wide}x{high}"


def _frame_map(subject: Subject) -> str:
    request, output = subject.requests[0], subject.output.output
    count = request.source.frame_count
    try:
        given = subject.output.mapped(count)
    except OutputError as fault:
        raise AssertionError(str(fault)) from fault
    if isinstance(output.fps, Fraction) and output.fps > 0:
        lost = loss_fault(given, output.fps, request, subject.declared)
        _need(lost is None, str(lost))
    covered = len(np.unique(given))
    return f"stands for {covered} of {count} source frames, from {given[0]} to {given[-1]}"


def _clock(subject: Subject) -> str:
    """The harness lays the source's own sound under the output: both must run at one speed."""
    output, source = subject.output.output, subject.requests[0].source
    try:
        given = subject.output.mapped(source.frame_count)
        shown = np.arange(len(given)) / float(output.fps) if output.times is None else output.times
    except (OutputError, TypeError, ValueError, ZeroDivisionError) as fault:
        raise NotTriedError("there is no frame map or rate to go by") from fault
    meant = source.times[given] - source.times[given[0]]
    drift = float(np.abs(shown - meant).max())
    allowed = DRIFT / float(min(output.fps, source.fps))
    _need(
        drift <= allowed,
        f"a frame is shown {drift:.3f} s from the instant of its source frame (at most {allowed:.3f} s): "
        "fps and frame map disagree",
    )
    return f"every frame is shown within {drift:.3f} s of its source frame's instant"


def _repeats(subject: Subject) -> str:
    """First, second, first, second: neither time nor order may show."""
    first, second = subject.output, subject.second
    again = attempt(subject.adapter, subject.requests[0])
    _need(same(first, again), f"the same request gives other frames after another one: {said(again)}")
    again = attempt(subject.adapter, subject.requests[1])
    _need(same(second, again), f"the same request gives other frames the second time: {said(again)}")
    return "the same requests give the same frames, whatever was asked between them"


def _batches(subject: Subject) -> str:
    adapter = subject.adapter
    if not isinstance(adapter, BatchAdapter):
        raise NotTriedError("makes one output at a time")
    alone = [subject.output, subject.second]
    found = together(adapter, list(subject.requests[1::-1]))
    for request, wanted in zip(subject.requests[:2], alone, strict=True):
        mate = found[request.trial]
        _need(same(wanted, mate), f"a batch gives something else than a single request: {said(mate)}")
    return "two in a batch, in the other order, are the same as one by one"


def _fresh(subject: Subject) -> str:
    if subject.text is None:
        raise NotTriedError("no text= by which another process could find the adapter")
    found = digest_in_fresh_process(subject.text, subject.requests[0])
    _need(found == subject.output.digest, "a fresh process makes other frames from the same request")
    return "a fresh process makes the same frames"


def _seeds(subject: Subject) -> str:
    first = subject.output
    other = attempt(subject.adapter, replace(subject.requests[0], seed=LARGE_SEED))
    _need(isinstance(other, Came), f"seed {LARGE_SEED} (seeds have 63 bits) ends in {said(other)}")
    return "the seed changes nothing" if same(first, other) else "another seed gives other frames"


def _broken(subject: Subject) -> str:
    """What is broken may end in any exception that says a word; sound trials around it must not notice."""
    first, request = subject.output, subject.requests[0]
    bare = replace(request, trial=f"{request.trial}-bare", reference=None, text=None)
    words = []
    for name, broken in (("a cut source", cut(request, subject.folder)), ("no reference", bare)):
        found = attempt(subject.adapter, broken)
        _need(not isinstance(found, SystemExit), f"{name} ends the whole process")
        _need(isinstance(found, Came) or bool(str(found).strip()), f"{name}: {said(found)}")
        words.append(f"{name}: {said(found)}")
        again = attempt(subject.adapter, request)
        _need(same(first, again), f"after {name} a sound request gives something else: {said(again)}")
        if isinstance(subject.adapter, BatchAdapter):
            mates = together(subject.adapter, [broken, request])
            harmed = mates[request.trial]
            _need(same(first, harmed), f"{name} harms a sound trial of its batch: {said(harmed)}")
    return "; ".join(words)


def _timeout(subject: Subject) -> str:
    """A command adapter with next to no time must say so, and work again when it has time."""
    first, hasty = subject.output, _hurried(subject.adapter)
    started = time.monotonic()
    found = attempt(hasty, subject.requests[0])
    _need(not isinstance(found, Came), f"an output came although {HASTE} s were allowed")
    took = time.monotonic() - started
    again = attempt(subject.adapter, subject.requests[0])
    _need(same(first, again), f"after a timeout a sound request gives something else: {said(again)}")
    return f"ended after {took:.1f} s, {HASTE} s allowed: {said(found)}"


def _hurried(adapter: Adapter) -> Adapter:
    """The adapter with a time limit that nothing can keep."""
    manifest = getattr(adapter, "manifest", None)
    if not (is_dataclass(adapter) and is_dataclass(manifest) and hasattr(manifest, "timeout")):
        raise NotTriedError("runs in this process, where nothing could end it")
    limit = replace(cast(Any, manifest).timeout, start=HASTE, trial=0)
    limited = replace(cast(Any, manifest), timeout=limit)
    return cast(Adapter, replace(cast(Any, adapter), manifest=limited))


def _run(subject: Subject) -> str:
    from spfem_bench.testing.rendered import Shown, rendered_run

    if subject.clips is None:
        raise NotTriedError("own requests were given, and the harness measures rendered clips here")
    found = rendered_run(subject.adapter, subject.clips, subject.folder / "cache")
    shown = [one for one in found.values() if isinstance(one, Shown)]
    refused = [f"{trial}: {why}" for trial, why in found.items() if isinstance(why, str)]
    _need(bool(shown), f"no trial has an output: {'; '.join(refused)}")
    for one in shown:
        _need(
            one.faceless * 2 <= one.faces,
            f"{one.trial}: no face in {one.faceless} of {one.faces} pictures whose source frame shows one",
        )
        _need(
            not one.shift,
            f"{one.trial}: frames show their source {abs(one.shift)} frames "
            f"{'later' if one.shift > 0 else 'earlier'} than the frame map says",
        )
        copied = one.similarity is not None and one.similarity == 1
        _need(
            not copied or one.offset == one.offset_of_source,
            f"{one.trial}: a copy with sync offset {one.offset}, while its source has {one.offset_of_source}",
        )
    return "; ".join([*map(_told, shown), *refused])


def _told(one: Shown) -> str:
    size = "another size" if one.similarity is None else f"SSIM {one.similarity:.3f}"
    faces = f"a face in {one.faces - one.faceless} of {one.faces} frames"
    sync = f"sync offset {one.offset} (source {one.offset_of_source})"
    return f"{one.trial}: {size} to the source, {faces}, {sync}"


def _writes(subject: Subject) -> str:
    """Made last: whatever was written among the inputs since the beginning shows."""
    request = held(subject.requests[0])
    pixels = cast(Held, request.source).pixels
    untouched, empty = pixels.copy(), subject.folder / "empty"
    empty.mkdir()
    with chdir(empty):
        attempt(subject.adapter, request)
    _need(bool(np.array_equal(untouched, pixels)), "writes into the frames of its source")
    left = sorted(path.name for path in empty.iterdir())
    _need(not left, f"leaves files in the working directory: {', '.join(left[:3])}")
    before, after = subject.before, snapshot(inputs_of(subject.requests))
    changed = sorted(path for path in {*before, *after} if before.get(path) != after.get(path))
    _need(not changed, f"writes into its inputs, or beside them: {', '.join(changed[:3])}")
    return "nothing was written into its inputs, beside them, or into the working directory"


CHECKS: Mapping[str, Callable[[Subject], str]] = {
    "description": _description,
    "frames": _frames,
    "frame-map": _frame_map,
    "clock": _clock,
    "repeats": _repeats,
    "batches": _batches,
    "fresh-process": _fresh,
    "seeds": _seeds,
    "broken-trial": _broken,
    "timeout": _timeout,
    "rendered-run": _run,
    "writes": _writes,
}
"""Name -> the check, in the order in which they are made."""
