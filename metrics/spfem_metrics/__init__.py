"""What is measured in speech-preserving facial expression manipulation, importable alone.

``functional`` holds the arithmetic on plain arrays; `Metric` objects wrap it with a signature; extractors
turn clips into arrays. Nothing here knows the harness, and importing this package does not import torch.
"""

from spfem_metrics.errors import DefinitionError, InputError, MetricError, ResourceError, WeightsError
from spfem_metrics.extractor import Arrays, ClipFeatures, Extractor, PairExtractor, Pass
from spfem_metrics.media import ArrayMedia, FrameBatch, Frames, Media
from spfem_metrics.metric import (
    Direction,
    Metric,
    MetricInfo,
    Need,
    Observation,
    Reading,
    Row,
    Score,
    Side,
    TrialFacts,
)
from spfem_metrics.outcome import Failed, Outcome, Scored, Unscored
from spfem_metrics.signature import Signature

__all__ = [
    "ArrayMedia",
    "Arrays",
    "ClipFeatures",
    "DefinitionError",
    "Direction",
    "Extractor",
    "Failed",
    "FrameBatch",
    "Frames",
    "InputError",
    "Media",
    "Metric",
    "MetricError",
    "MetricInfo",
    "Need",
    "Observation",
    "Outcome",
    "PairExtractor",
    "Pass",
    "Reading",
    "ResourceError",
    "Row",
    "Score",
    "Scored",
    "Side",
    "Signature",
    "TrialFacts",
    "Unscored",
    "WeightsError",
]
