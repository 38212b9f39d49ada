"""The metrics of the suites: small frozen objects that wrap `spfem_metrics.functional` with a definition."""

from spfem_metrics.metrics.csim import ExpressionCosine, csim_expr
from spfem_metrics.metrics.drift import Flicker, GazeDrift, HeadPoseDrift
from spfem_metrics.metrics.emotion import EmotionAccuracy, EmotionGap
from spfem_metrics.metrics.expression import ExpressionSimilarity
from spfem_metrics.metrics.fid import fid, kid
from spfem_metrics.metrics.fvd import FVD
from spfem_metrics.metrics.identity import IdentitySimilarity, csim_arcface, csim_id
from spfem_metrics.metrics.landmarks import LandmarkDistance, PixelLandmarkDistance
from spfem_metrics.metrics.lipsync import SyncConfidence, SyncDistance, SyncOffset
from spfem_metrics.metrics.paired import PSNR, SSIM, NamedSSIM
from spfem_metrics.metrics.papers import fad_arcface18_gray
from spfem_metrics.metrics.perceptual import LpipsDistance, PerceptualDistance, lpips
from spfem_metrics.metrics.sets import (
    FrechetDistance,
    KernelDistance,
    frechet_identity,
    frechet_perceptual,
    kid_identity,
    kid_perceptual,
)
from spfem_metrics.metrics.speech import MouthCorrelation, MouthDistance, MouthLag
from spfem_metrics.metrics.syncnet import SyncNetMetric
from spfem_metrics.metrics.text import TextAlignment, TextEncoder

__all__ = [
    "FVD",
    "PSNR",
    "SSIM",
    "EmotionAccuracy",
    "EmotionGap",
    "ExpressionCosine",
    "ExpressionSimilarity",
    "Flicker",
    "FrechetDistance",
    "GazeDrift",
    "HeadPoseDrift",
    "IdentitySimilarity",
    "KernelDistance",
    "LandmarkDistance",
    "LpipsDistance",
    "MouthCorrelation",
    "MouthDistance",
    "MouthLag",
    "NamedSSIM",
    "PerceptualDistance",
    "PixelLandmarkDistance",
    "SyncConfidence",
    "SyncDistance",
    "SyncNetMetric",
    "SyncOffset",
    "TextAlignment",
    "TextEncoder",
    "csim_arcface",
    "csim_expr",
    "csim_id",
    "fad_arcface18_gray",
    "fid",
    "frechet_identity",
    "frechet_perceptual",
    "kid",
    "kid_identity",
    "kid_perceptual",
    "lpips",
]
