"""A simple rendered talking head with true pairs, for the offline demo.

`render_clip` gives frames, voice and the exact truth behind them; `spfem_bench.synthetic.dataset` writes and
reads a folder of clips. Everything follows from a seed; nothing is downloaded.
"""

from spfem_bench.synthetic.clip import (
    ClipSpec,
    RenderedClip,
    Truth,
    render_chunks,
    render_clip,
    render_frames,
    true_pair,
    truth,
    voice,
)
from spfem_bench.synthetic.identity import Identity, identity_of
from spfem_bench.synthetic.muscles import EXPRESSIONS, Muscles, expression

__all__ = [
    "EXPRESSIONS",
    "ClipSpec",
    "Identity",
    "Muscles",
    "RenderedClip",
    "Truth",
    "expression",
    "identity_of",
    "render_chunks",
    "render_clip",
    "render_frames",
    "true_pair",
    "truth",
    "voice",
]
