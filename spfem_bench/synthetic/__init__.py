"""Rendered talking heads with true pairs and exact truth: people, emotions, speech, pictures, voices.

`render_clip` gives frames, voice and the truth behind them; `spfem_bench.synthetic.dataset` writes and reads
folders of clips. Everything follows from a seed; nothing is downloaded.
"""

from spfem_bench.synthetic.clip import (
    ClipSpec,
    RenderedClip,
    Take,
    Truth,
    render_chunks,
    render_clip,
    render_frames,
    true_pair,
    truth,
    voice,
)
from spfem_bench.synthetic.people.identity import Identity, identity_of

__all__ = [
    "ClipSpec",
    "Identity",
    "RenderedClip",
    "Take",
    "Truth",
    "identity_of",
    "render_chunks",
    "render_clip",
    "render_frames",
    "true_pair",
    "truth",
    "voice",
]
