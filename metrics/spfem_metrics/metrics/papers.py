"""FAD, as the papers' own script computes it: a Fréchet distance on gray ArcFace features.

Source: ``metrics/fid.py --model resnet_face18`` of CDRL's branch NED_CDRL, which the line of papers from NED
to STCCL shares. Every frame of every clip of an emotion, all speakers together, however many there are on
either side; covariances with ddof 1. The script prints it as FID; the papers' average is the plain mean of
seven emotions.
"""

from __future__ import annotations

from spfem_metrics.metrics.sets import FrechetDistance, Space

FAD = Space(
    extractor="arcface-gray",
    array="features",
    label="FAD",
    what="gray ArcFace-ResNet18 features of every frame",
    caution="who is in either set, and on crop and mask, more than on the expression",
    order=("copy-source", "random-speaker"),
    faces=False,
    name="fad-arcface18-gray",
    version=1,
    width=512,
    more=(
        "The papers' FAD: about 1 where a clip is made again (intra-ID) and 4 to 5 across people in their "
        "tables, which score aligned face crops of 256 px with the background masked. Masks are not made "
        "here: `mask:given` in the signature says that the clips came with them, and without them nothing is "
        "reproduced. A FAD on another ArcFace is another scale."
    ),
)


def fad_arcface18_gray() -> FrechetDistance:
    """The papers' FAD; it needs the extractor ``arcface-gray``."""
    return FrechetDistance(FAD, frames="all", count="all")
