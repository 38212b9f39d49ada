"""What is compared: the trivial bounds and the project's own models, behind one small contract.

Any object with the attributes of `Adapter` is a model to the harness; nothing is inherited.
"""

from spfem_baselines.contract import (
    SPACES,
    Adapter,
    BatchAdapter,
    CannotGenerateError,
    Extra,
    Frames,
    Output,
    Request,
    SourceClip,
    Space,
)

__all__ = [
    "SPACES",
    "Adapter",
    "BatchAdapter",
    "CannotGenerateError",
    "Extra",
    "Frames",
    "Output",
    "Request",
    "SourceClip",
    "Space",
]
