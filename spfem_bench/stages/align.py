"""Which frame of the true pair says what a source frame says."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spfem_bench.digest import digest_of
from spfem_bench.protocols import Trial
from spfem_bench.stages.workbench import Workbench, generating_code
from spfem_bench.versions import libraries, package_code

Pairs = NDArray[np.int64]


def truth_pairs(bench: Workbench, trial: Trial) -> Pairs:
    """(P, 2) pairs (source frame, truth frame), one per source frame, non-decreasing; empty without a truth.

    Rendered pairs share their frames; elsewhere dynamic time warping of the two sounds decides.

    Raises:
        SilentClipError: one of them has no sound to align by.
        ClipError: one of the clips cannot be read.
    """
    if trial.truth is None:
        return np.zeros((0, 2), np.int64)
    if bench.plan.align == "identity":
        source, truth = (bench.library.open(record).clip for record in (trial.source, trial.truth))
        frames = np.arange(min(source.frame_count, truth.frame_count))
        return np.stack([frames, frames], axis=1)
    return _warped(bench, trial)


def _warped(bench: Workbench, trial: Trial) -> Pairs:
    from spfem_bench.protocols.dtw import DTW_VERSION, align_audio

    assert trial.truth is not None
    digests = [bench.library.file_digest(record) for record in (trial.source, trial.truth)]
    code = package_code("protocols/dtw.py", "protocols/mfcc.py")
    key = digest_of(["align", DTW_VERSION, code, generating_code(), libraries(), *digests])
    known = bench.store.get_arrays("align", key)
    if known is None:
        source, truth = (bench.library.open(record).clip for record in (trial.source, trial.truth))
        known = {"pairs": align_audio(source, truth)}
        bench.store.put_arrays("align", key, known)
    return known["pairs"]


def output_to_truth(frame_map: NDArray[np.int64], pairs: Pairs) -> Pairs:
    """(P, 2) pairs (output frame, truth frame) by way of the source frame an output frame stands for."""
    if not len(pairs):
        return np.zeros((0, 2), np.int64)
    lookup = dict(zip(pairs[:, 0].tolist(), pairs[:, 1].tolist(), strict=True))
    found = [(k, lookup[s]) for k, s in enumerate(frame_map.tolist()) if s in lookup]
    return np.asarray(found, np.int64).reshape(-1, 2)
