"""What is compared: the trivial bounds and the project's own models, behind one small contract.

Any object with the attributes of `Adapter` is a model to the harness; nothing is inherited.
"""

from spfem_baselines.contract import (
    SPACE_WORDS,
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
    as_space,
)

__all__ = [
    "SPACES",
    "SPACE_WORDS",
    "Adapter",
    "BatchAdapter",
    "CannotGenerateError",
    "Extra",
    "Frames",
    "Output",
    "Request",
    "SourceClip",
    "Space",
    "as_space",
]
