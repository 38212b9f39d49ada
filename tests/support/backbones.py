"""A tiny recipe and made-up material for the backbone's tests."""

from __future__ import annotations

from typing import Any

import numpy as np

from spfem_bench.training.backbone.material import Material

RECIPE: dict[str, Any] = {
    "format": "backbone-recipe@1",
    "name": "tiny",
    "material": {"kind": "rendered", "people": 4, "frames": 8},
    "shape": {"side": 32, "widths": [16, 16], "depth": 1, "style": 16, "sound": 16},
    "schedule": {"steps": 4, "batch": 2, "frames": 6, "looks": 2, "every": 2, "lr": 2e-3},
    "conditions": {"label": 1.0, "reference": 1.0},
    "losses": {"adversarial": 0.1, "cycle": 0.5, "style": 0.1, "paired": 1.0, "smooth": 0.01, "sparse": 0.01},
}


def material(
    *, people: int = 4, frames: int = 8, side: int = 32, paired: bool = True, known: bool = True
) -> Material:
    """Clips of smooth blobs, lighter from emotion to emotion; each person once in each of the seven."""
    draw = np.random.default_rng(5)
    base = draw.uniform(40, 160, (people, 1, frames, side // 8, side // 8, 3))
    lighter = 10.0 * np.arange(7)[None, :, None, None, None, None]
    whole = np.kron((base + lighter).reshape(-1, side // 8, side // 8, 3), np.ones((1, 8, 8, 1)))
    clips = people * 7
    points = draw.uniform(4, side - 4, (clips * frames, 68, 2)).astype(np.float32)
    return Material(
        pictures=whole.astype(np.uint8),
        points=points if known else np.full_like(points, np.nan),
        sound=(0.1 * draw.standard_normal(clips * frames * 640)).astype(np.float32),
        frames=np.arange(clips + 1) * frames,
        samples=np.arange(clips + 1) * frames * 640,
        people=np.repeat(np.arange(people), 7),
        groups=np.repeat(np.arange(people), 7) if paired else np.arange(clips),
        emotions=np.tile(np.arange(7), people),
    )
