"""Fréchet distance between Gaussians fitted to two feature sets, exact also for few samples."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from spfem_metrics.errors import InputError
from spfem_metrics.functional.checks import Floats, floats


def frechet_distance(first: ArrayLike, second: ArrayLike, *, ddof: Literal[0, 1] = 1) -> float:
    """Squared Fréchet distance ``|m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2))`` of two sets' Gaussians.

    The trace of the root is found without a matrix root: with fewer samples than dimensions as the nuclear
    norm of ``X1c X2c^T / sqrt((n1 - ddof)(n2 - ddof))``, which is exact where rank-deficient roots lose
    digits (2e-4 of a FID of 425 at n = 100); otherwise from the eigenvalues of a symmetric product. Biased
    upwards by small n, so only values of equal n compare. Heusel et al. 2017 (there called FID).

    Args:
        first: (n1, D), n1 >= 2.
        second: (n2, D), n2 >= 2.
        ddof: 1 divides covariances by n - 1 (pytorch-fid, clean-fid, torch-fidelity, torchmetrics), 0 by n
            (StyleGAN's FID and FVD): 425.6 against 421.5 in one draw of n = 100.

    Returns:
        >= 0.

    Raises:
        InputError: dimensions differ, fewer than two rows, values are not finite, or another ddof.
    """
    if ddof not in (0, 1):
        raise InputError(f"ddof must be 0 or 1, not {ddof}")
    # one set after the other, so that one's working copies are gone before the other's are made
    x, middle = _centred("first", first, ddof)
    y, other = _centred("second", second, ddof)
    if x.shape[1] != y.shape[1]:
        raise InputError(f"sets of shape {x.shape} and {y.shape}: need one width and two rows each")
    shift = middle - other
    spread = float((x * x).sum() + (y * y).sum())
    return max(float(shift @ shift) + spread - 2 * _trace_root(x, y), 0.0)


def _centred(name: str, given: ArrayLike, ddof: int) -> tuple[Floats, Floats]:
    """Centred rows X with X^T X = the covariance, and the mean."""
    rows = floats(name, given, 2)
    if len(rows) < 2:
        raise InputError(f"{name} has the shape {rows.shape}: a set needs two rows")
    middle = rows.mean(axis=0)
    centred = rows - middle
    centred /= np.sqrt(len(rows) - ddof)
    return centred, np.asarray(middle, np.float64)


def _trace_root(x: Floats, y: Floats) -> float:
    """tr((S1 S2)^(1/2)) for S1 = x^T x and S2 = y^T y."""
    if min(len(x), len(y)) < x.shape[1]:
        return float(np.linalg.svd(x @ y.T, compute_uv=False).sum())
    half = _half(x.T @ x)
    inner = half.T @ (y.T @ y) @ half
    return float(np.sqrt(np.clip(np.linalg.eigvalsh((inner + inner.T) / 2), 0.0, None)).sum())


def _half(covariance: Floats) -> Floats:
    """Any H with H H^T = covariance: a triangular one where it exists, else by eigenvectors."""
    try:
        return np.asarray(np.linalg.cholesky(covariance), np.float64)
    except np.linalg.LinAlgError:
        values, vectors = np.linalg.eigh(covariance)
        return np.asarray(vectors * np.sqrt(np.clip(values, 0.0, None)), np.float64)
