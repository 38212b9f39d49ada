"""The metrics of the suites: small frozen objects that wrap `spfem_metrics.functional` with a definition."""

from spfem_metrics.metrics.drift import Flicker, GazeDrift, HeadPoseDrift
from spfem_metrics.metrics.emotion import EmotionAccuracy
from spfem_metrics.metrics.expression import ExpressionSimilarity
from spfem_metrics.metrics.identity import IdentitySimilarity
from spfem_metrics.metrics.landmarks import LandmarkDistance
from spfem_metrics.metrics.lipsync import SyncConfidence, SyncDistance, SyncOffset
from spfem_metrics.metrics.paired import PSNR, SSIM
from spfem_metrics.metrics.perceptual import PerceptualDistance
from spfem_metrics.metrics.sets import (
    FrechetDistance,
    KernelDistance,
    frechet_identity,
    frechet_perceptual,
    kid_identity,
    kid_perceptual,
)
from spfem_metrics.metrics.speech import MouthCorrelation, MouthDistance, MouthLag
from spfem_metrics.metrics.text import TextAlignment, TextEncoder

__all__ = [
    "PSNR",
    "SSIM",
    "EmotionAccuracy",
    "ExpressionSimilarity",
    "Flicker",
    "FrechetDistance",
    "GazeDrift",
    "HeadPoseDrift",
    "IdentitySimilarity",
    "KernelDistance",
    "LandmarkDistance",
    "MouthCorrelation",
    "MouthDistance",
    "MouthLag",
    "PerceptualDistance",
    "SyncConfidence",
    "SyncDistance",
    "SyncOffset",
    "TextAlignment",
    "TextEncoder",
    "frechet_identity",
    "frechet_perceptual",
    "kid_identity",
    "kid_perceptual",
]
