"""The metrics of the suites: small frozen objects that wrap `spfem_metrics.functional` with a definition."""

from spfem_metrics.metrics.drift import Flicker, GazeDrift, HeadPoseDrift
from spfem_metrics.metrics.emotion import EmotionAccuracy
from spfem_metrics.metrics.expression import ExpressionSimilarity
from spfem_metrics.metrics.identity import IdentitySimilarity
from spfem_metrics.metrics.paired import PSNR, SSIM
from spfem_metrics.metrics.sets import FrechetIdentity, KernelIdentity
from spfem_metrics.metrics.speech import MouthCorrelation, MouthDistance, MouthLag

__all__ = [
    "PSNR",
    "SSIM",
    "EmotionAccuracy",
    "ExpressionSimilarity",
    "Flicker",
    "FrechetIdentity",
    "GazeDrift",
    "HeadPoseDrift",
    "IdentitySimilarity",
    "KernelIdentity",
    "MouthCorrelation",
    "MouthDistance",
    "MouthLag",
]
