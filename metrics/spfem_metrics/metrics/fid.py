"""FID and KID: distances between sets of frames as Inception sees them, one metric for each preprocessing.

``fid`` and ``kid`` rest on ``inception-pytorch-fid``; ``fid-clean``, ``fid-torch-fidelity`` and
``fid-torchmetrics`` (and so with ``kid``) on the extractor of that preprocessing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, get_args

from spfem_metrics.errors import DefinitionError
from spfem_metrics.metrics.pools import Count, compared
from spfem_metrics.metrics.sets import FRAMES, FrechetDistance, KernelDistance, Pairs, Space
from spfem_metrics.sampling import Frames

Preprocessing = Literal["pytorch-fid", "clean-fid", "torch-fidelity", "torchmetrics"]
Crop = Literal["frame", "face"]
WIDTH = 2048
_SUFFIX = {
    "pytorch-fid": "",
    "clean-fid": "clean",
    "torch-fidelity": "torch-fidelity",
    "torchmetrics": "torchmetrics",
}


def fid(
    preprocessing: Preprocessing = "pytorch-fid",
    frames: Frames = FRAMES,
    count: Count = "equal",
    crop: Crop = "frame",
    ddof: Literal[0, 1] = 1,
) -> FrechetDistance:
    """`FrechetDistance` of Inception's 2048 pooled features.

    Args:
        preprocessing: how a picture comes to the network, as `spfem_metrics.networks.inception` lists it.
        frames: taken of each clip at most, or ``all``.
        count: frames of either side that are compared: ``equal`` numbers, or ``all`` there are.
        crop: as the extractor's: with ``face`` only frames with a face count.
        ddof: 1 divides covariances by n - 1, as all four tools do, 0 by n, as StyleGAN's FID.

    Raises:
        DefinitionError: an option that cannot be.
    """
    space = _space("fid", preprocessing, crop)
    return FrechetDistance(_saying(space, frames, count), frames, count, ddof)


def kid(
    preprocessing: Preprocessing = "pytorch-fid",
    frames: Frames = FRAMES,
    pairs: Pairs = "all",
    crop: Crop = "frame",
) -> KernelDistance:
    """`KernelDistance` of Inception's 2048 pooled features, options as `fid` and `KernelDistance`.

    Over ``all`` pairs it is what torch-fidelity, torchmetrics and clean-fid estimate from random subsets,
    here from all frames at once; over ``between-speakers`` pairs it is the metric ``kid-between-speakers``,
    which has an interval.
    """
    space = _space("kid", preprocessing, crop)
    return KernelDistance(_saying(space, frames, "equal"), frames, pairs)


def _space(kind: Literal["fid", "kid"], preprocessing: Preprocessing, crop: Crop) -> Space:
    if preprocessing not in _SUFFIX or crop not in get_args(Crop):
        raise DefinitionError(
            f"{kind} takes preprocessing {', '.join(_SUFFIX)} and crop frame or face, "
            f"not {preprocessing!r} and {crop!r}"
        )
    suffix = _SUFFIX[preprocessing]
    return Space(
        extractor=f"inception-{preprocessing}",
        array="features",
        label=" ".join([kind.upper(), suffix]).strip(),
        what="Inception's features (the network of 2015-12-05)",
        caution="everything in the picture, people, light, crop and background included",
        faces=crop == "face",
        name="-".join([kind, suffix]).strip("-"),
        version=1,
        width=WIDTH,
        more=f"Pictures come to the network as {preprocessing} brings them; each way gives other numbers.",
    )


def _saying(space: Space, frames: Frames, count: Count) -> Space:
    """With the frames that are compared in its words."""
    return replace(space, more=f"{compared('frames', frames, count)} {space.more}")
