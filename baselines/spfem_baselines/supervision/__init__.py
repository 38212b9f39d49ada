"""Losses that keep the words on the lips or put the emotion in the face, for any generator.

Each is one `Supervision`: three lines in a training loop, whatever the loop.
"""

from spfem_baselines.supervision.asccl import ASCCL
from spfem_baselines.supervision.builders import BUILDERS
from spfem_baselines.supervision.ccrl import CCRL
from spfem_baselines.supervision.cdrl import CDRL
from spfem_baselines.supervision.cerl import CERL
from spfem_baselines.supervision.differencing import Choices
from spfem_baselines.supervision.expclip import ExpCLIP
from spfem_baselines.supervision.interface import EMOTIONS, PairBatch, Supervised, Supervision
from spfem_baselines.supervision.pcmecl import PCMECL
from spfem_baselines.supervision.stccl import STCCL

__all__ = [
    "ASCCL",
    "BUILDERS",
    "CCRL",
    "CDRL",
    "CERL",
    "EMOTIONS",
    "PCMECL",
    "STCCL",
    "Choices",
    "ExpCLIP",
    "PairBatch",
    "Supervised",
    "Supervision",
]
