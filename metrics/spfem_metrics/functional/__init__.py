"""The arithmetic of every metric as pure functions on plain arrays, in float64.

Usable alone: nothing here knows of clips, trials or extractors. Wrong shapes and non-finite values raise
`spfem_metrics.InputError`; no function returns NaN.
"""

from spfem_metrics.functional.drift import angle_drift, component_drift
from spfem_metrics.functional.frechet import frechet_distance
from spfem_metrics.functional.images import psnr, ssim, ssim_by
from spfem_metrics.functional.intervals import ClusterInterval, cluster_interval
from spfem_metrics.functional.kernel import Kernel, kernel_distance
from spfem_metrics.functional.kernel_intervals import (
    KernelInterval,
    kernel_distance_subsets,
    kernel_interval,
)
from spfem_metrics.functional.landmarks import landmark_distances, pixel_distances, similarity_fit
from spfem_metrics.functional.lipsync import (
    SyncCurve,
    SyncDistances,
    framewise_confidence,
    sync_curve,
    sync_distances,
)
from spfem_metrics.functional.mfcc import mfcc
from spfem_metrics.functional.mouth import mouth_distance, normalised_mouth
from spfem_metrics.functional.syncnet import SyncNetScore, syncnet_score
from spfem_metrics.functional.trajectories import (
    Paired,
    Trajectory,
    best_lag,
    channel_correlations,
    on_common_base,
)
from spfem_metrics.functional.vectors import cosine_rows, overlap

__all__ = [
    "ClusterInterval",
    "Kernel",
    "KernelInterval",
    "Paired",
    "SyncCurve",
    "SyncDistances",
    "SyncNetScore",
    "Trajectory",
    "angle_drift",
    "best_lag",
    "channel_correlations",
    "cluster_interval",
    "component_drift",
    "cosine_rows",
    "framewise_confidence",
    "frechet_distance",
    "kernel_distance",
    "kernel_distance_subsets",
    "kernel_interval",
    "landmark_distances",
    "mfcc",
    "mouth_distance",
    "normalised_mouth",
    "on_common_base",
    "overlap",
    "pixel_distances",
    "psnr",
    "similarity_fit",
    "ssim",
    "ssim_by",
    "sync_curve",
    "sync_distances",
    "syncnet_score",
]
