"""Distances between the sets of generated and of real frames, in the space of an extractor's vectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from spfem_metrics.errors import DefinitionError
from spfem_metrics.functional.frechet import frechet_distance
from spfem_metrics.functional.kernel import Kernel, kernel_distance
from spfem_metrics.functional.kernel_intervals import kernel_interval
from spfem_metrics.metric import MetricInfo, Need, Observation, Reading, Row, Score
from spfem_metrics.metrics.pools import Count, Pools, pools
from spfem_metrics.metrics.reducing import NO_INTERVAL
from spfem_metrics.metrics.sides import answered, faces_of, sign, sign_faces
from spfem_metrics.outcome import Scored, Unscored
from spfem_metrics.sampling import Frames, check_frames, check_read, taken, words
from spfem_metrics.signature import Signature

FRAMES = 32
"""Frames taken of each clip, evenly spaced among those that can be used; all where there are fewer."""

Pairs = Literal["all", "between-speakers"]


@dataclass(frozen=True)
class Space:
    """Where vectors come from, and what a distance between sets of them tells.

    Args:
        extractor: whose vectors they are.
        array: name of the vectors, (T, D).
        label: short, for column heads.
        what: the vectors, in words.
        caution: what moves the distance besides what it is wanted for.
        order: expected among bounds, best first.
        gamma: of the kernel distance: 1 for vectors of unit length, None for 1 / D.
        faces: whether only frames with a face count, which the extractor flags as ``valid`` (T,); otherwise
            every frame does, as a vector of the whole picture has no face to miss.
        name: of the metric, whose whole column head ``label`` then is; where empty, it is named after the
            kind of distance and the extractor.
        version: of the metric.
        width: D, where the notes are to say that n does not exceed it; None for no such note.
        more: further sentences for what is said about the metric.
    """

    extractor: str
    array: str
    label: str
    what: str
    caution: str
    order: tuple[str, ...] = ("copy-source", "noise")
    gamma: Literal[1] | None = None
    faces: bool = True
    name: str = ""
    version: int = 2
    width: int | None = None
    more: str = ""


IDENTITY = Space(
    extractor="identity",
    array="embedding",
    label="id",
    what="the face embeddings",
    caution="who is in either set more than on the expression",
    order=("copy-source", "random-speaker"),
    gamma=1,
)
PERCEPTUAL = Space(
    extractor="perceptual",
    array="features",
    label="perc.",
    what="the perceptual features",
    caution="everything in the picture, people, light and background included",
    faces=False,
)


@dataclass(frozen=True)
class FrechetDistance:
    """Fréchet distance of two sets of frames; its rows hold the frames' vectors and no value of their own.

    Args:
        space: of the vectors.
        frames: taken of each clip at most, or ``all``.
        count: frames of either side that are compared: ``equal`` numbers, or ``all`` there are.
        ddof: 1 divides covariances by n - 1 (pytorch-fid, clean-fid, torch-fidelity, torchmetrics), 0 by n
            (StyleGAN's FID).

    Raises:
        DefinitionError: fewer than one frame, or another ddof.
    """

    space: Space = IDENTITY
    frames: Frames = FRAMES
    count: Count = "equal"
    ddof: Literal[0, 1] = 1

    def __post_init__(self) -> None:
        check_frames(self.frames)
        if self.ddof not in (0, 1):
            raise DefinitionError(f"ddof must be 0 or 1, not {self.ddof!r}")

    @property
    def info(self) -> MetricInfo:
        """Named after the space."""
        return _info(self.space, "frechet")

    def signature(self, definitions: Mapping[str, str]) -> Signature:
        """The definition as one line."""
        n = "equal-by-hash" if self.count == "equal" else "all"
        return _sign(self, definitions, n=n, ddof=str(self.ddof))

    def observe(self, observation: Observation) -> Reading | Unscored:
        """The clip's vectors."""
        return _reading(observation, self.space, self.frames)

    def reduce(self, rows: Sequence[Row]) -> Score:
        """The distance between the generated and the real rows."""
        both = pools(rows, self.frames, self.count)
        missing = both.missing()
        outcome = Unscored(missing) if missing else Scored(frechet_distance(*both.sets, ddof=self.ddof))
        notes = (*both.notes("small n raises a Fréchet distance"), *self._rank(both))
        return Score(outcome, both.made.readable, len(both.made.rows), notes=notes)

    def _rank(self, both: Pools) -> list[str]:
        width, fewest = self.space.width, min(both.sizes)
        if width is None or fewest > width:
            return []
        return [
            f"n = {fewest} does not exceed the {width} values of a vector: covariances lack rank, and the "
            "bias of small n is most of the distance"
        ]


@dataclass(frozen=True)
class KernelDistance:
    """Kernel distance (KID) of two sets of frames; rows as in `FrechetDistance`.

    Args:
        space: of the vectors.
        frames: taken of each clip at most, or ``all``.
        pairs: ``all`` pairs of frames, as KID is published, without an interval; ``between-speakers``: pairs
            of frames of different speakers only, unbiased where speakers are independent, with a jackknife
            over speakers (`spfem_metrics.functional.kernel_intervals`). Another quantity, so a metric of its
            own name: that over all pairs, and ``-between-speakers``.

    Raises:
        DefinitionError: fewer than one frame, or other pairs.
    """

    space: Space = IDENTITY
    frames: Frames = FRAMES
    pairs: Pairs = "all"

    def __post_init__(self) -> None:
        check_frames(self.frames)
        if self.pairs not in ("all", "between-speakers"):
            raise DefinitionError(f"KID takes pairs all or between-speakers, not {self.pairs!r}")

    @property
    def info(self) -> MetricInfo:
        """Named after the space and, unless they are all, the pairs."""
        published = _info(self.space, "kid")
        return published if self.pairs == "all" else _between_info(self.space, published)

    def signature(self, definitions: Mapping[str, str]) -> Signature:
        """The definition as one line."""
        kernel = "(x.y+1)^3" if self.space.gamma else "(x.y/D+1)^3"
        estimate = "unbiased-all-rows" if self.pairs == "all" else "unbiased-between-speakers"
        return _sign(self, definitions, n="equal-by-hash", kernel=kernel, estimate=estimate)

    def observe(self, observation: Observation) -> Reading | Unscored:
        """The clip's vectors."""
        return _reading(observation, self.space, self.frames)

    def reduce(self, rows: Sequence[Row]) -> Score:
        """The distance between the generated and the real rows."""
        both = pools(rows, self.frames)
        notes = both.notes("no bias by n, but more spread when small")
        missing = both.missing() or (self._lonely(both) if self.pairs != "all" else "")
        score = Score(Unscored(missing), both.made.readable, len(both.made.rows), notes=notes)
        if missing:
            return score
        if self.pairs != "all":
            return _between(both, score, self.space.gamma)
        distance = kernel_distance(*both.sets, gamma=self.space.gamma)
        return Score(Scored(distance), score.scored, score.total, notes=notes)

    @staticmethod
    def _lonely(both: Pools) -> str:
        """Why there is no pair of different speakers; empty where there is."""
        fewest = min(len(set(own)) for own in both.speakers)
        return "" if fewest > 1 else "a side has one speaker only, so no pair of frames of different speakers"


def _between(both: Pools, score: Score, gamma: Literal[1] | None) -> Score:
    (made, real), (ours, theirs) = both.sets, both.speakers
    kernel = Kernel(gamma=gamma)
    found = kernel_interval((made, ours), (real, theirs), kernel=kernel, pairs="between")
    notes, words = score.notes, f"jackknife t over {found.groups} speakers"
    if found.half_width is None:
        notes = (*notes, f"{NO_INTERVAL} {found.groups} speakers are too few to leave one out")
        words = ""
    return Score(Scored(found.estimate), score.scored, score.total, found.half_width, words, notes)


def frechet_identity(frames: int = FRAMES) -> FrechetDistance:
    """`FrechetDistance` of the extractor ``identity``."""
    return FrechetDistance(IDENTITY, frames)


def kid_identity(frames: int = FRAMES, pairs: Pairs = "all") -> KernelDistance:
    """`KernelDistance` of the extractor ``identity``."""
    return KernelDistance(IDENTITY, frames, pairs)


def frechet_perceptual(frames: int = FRAMES) -> FrechetDistance:
    """`FrechetDistance` of the extractor ``perceptual``."""
    return FrechetDistance(PERCEPTUAL, frames)


def kid_perceptual(frames: int = FRAMES, pairs: Pairs = "all") -> KernelDistance:
    """`KernelDistance` of the extractor ``perceptual``."""
    return KernelDistance(PERCEPTUAL, frames, pairs)


Kind = Literal["frechet", "kid"]
_LABEL: Mapping[Kind, str] = {"frechet": "Fréchet", "kid": "KID"}
_LOWEST: Mapping[Kind, float] = {"frechet": 0.0, "kid": float("-inf")}
_ABOUT: Mapping[Kind, str] = {
    "frechet": (
        "Fréchet distance (Heusel et al. 2017) between {what} of generated clips and of the protocol's real "
        "clips of the same emotion. It depends on {caution}, and frames of one clip are not independent. "
        "Biased upwards by small n: only values of equal n compare."
    ),
    "kid": (
        "Unbiased kernel distance (Binkowski et al. 2018) between {what} of generated clips and of the "
        "protocol's real clips of the same emotion. It depends on {caution}, and frames of one clip are not "
        "independent. Can fall below 0 for equal distributions."
    ),
}

_BETWEEN = (
    "Unbiased kernel distance between {what} of generated clips and of the protocol's real clips of the same "
    "emotion, over pairs of frames of different speakers only. It is not the published KID, which takes all "
    "pairs (`{published}`). Frames of one clip are near copies of one another: among all pairs they raise "
    "the distance, but lower it where generated clips repeat real ones, and they leave no interval; pairs of "
    "different speakers give one, over speakers. On few speakers the two differ many times over: they do not "
    "compare. Two speakers on a side are needed, three for the interval. It depends on {caution}. Can fall "
    "below 0 for equal distributions."
)


def _info(space: Space, kind: Kind) -> MetricInfo:
    about = _ABOUT[kind].format(what=space.what, caution=space.caution)
    return MetricInfo(
        name=space.name or f"{kind}-{space.extractor}",
        label=space.label if space.name else f"{_LABEL[kind]} ({space.label})",
        version=space.version,
        direction="lower",
        unit="squared distance",
        bounds=(_LOWEST[kind], float("inf")),
        needs=(Need("output", space.extractor), *(faces_of() if space.faces else ())),
        about=" ".join([about, space.more]).strip(),
        order=space.order,
        of_sets=True,
        whole_frames=not space.faces,
    )


def _between_info(space: Space, published: MetricInfo) -> MetricInfo:
    about = _BETWEEN.format(what=space.what, caution=space.caution, published=published.name)
    return replace(
        published,
        name=f"{published.name}-between-speakers",
        label=f"{published.label} between",
        about=" ".join([about, space.more]).strip(),
    )


def _sign(
    metric: FrechetDistance | KernelDistance, definitions: Mapping[str, str], n: str, **choices: str
) -> Signature:
    rule = sign_faces if metric.space.faces else sign
    check_read(definitions.get(metric.space.extractor, ""), "frames", metric.frames)
    return rule(metric.info, definitions, frames=words(metric.frames), n=n, **choices)


def _reading(observation: Observation, space: Space, frames: Frames) -> Reading | Unscored:
    """The vectors of the usable frames that are taken."""
    read = observation.sides["output"][space.extractor]
    valid: NDArray[np.bool_] = np.ones(len(read[space.array]), np.bool_)
    parts: Mapping[str, float] = {}
    if "valid" in read:
        valid = np.asarray(read["valid"], bool)
    if space.faces:
        answer = answered(observation)
        if isinstance(answer, Unscored):
            return answer
        valid, parts = answer.output & valid, answer.parts(0)
    chosen = taken(np.flatnonzero(valid), frames)
    if not len(chosen):
        return Unscored(f"no frame could be read by {space.extractor}")
    vectors = np.asarray(read[space.array], np.float32)[chosen]
    return Reading(None, {**parts, "frames": float(len(chosen))}, vectors)
