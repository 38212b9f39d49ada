"""An adapter that brightens the source, as a place to put a model."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np

from spfem_baselines import Extra, Frames, Output, Request


@dataclass(frozen=True)
class MyAdapter:
    """Adds the same amount to every pixel.

    Args:
        amount: added to every value of 0..255; sums beyond 255 stay at 255.
    """

    amount: int = 20

    @property
    def name(self) -> str:
        """As shown in tables."""
        return "my-adapter"

    @property
    def identity(self) -> str:
        """Raise the version, or name the weights' sha256, whenever the output changes."""
        return f"my-adapter@1|amount:{self.amount}"

    @property
    def sees(self) -> Collection[Extra]:
        """A model sees neither the true pair nor a stranger's clip."""
        return ()

    def generate(self, request: Request) -> Output:
        """One output frame per source frame, so no frame map is needed."""
        return Output(self._frames(request), fps=request.source.fps)

    def _frames(self, request: Request) -> Iterator[Frames]:
        """Chunk by chunk, so that a long clip never sits in memory."""
        for chunk in request.source.frames():
            yield np.clip(chunk.astype(np.int16) + self.amount, 0, 255).astype(np.uint8)


def my_adapter() -> MyAdapter:
    """What the harness calls."""
    return MyAdapter()
