"""CSIM, as the papers' own script computes it: how alike two sets of frames are in *expression*.

Source: ``metrics/csim.py`` of CDRL's branch NED_CDRL, which the line of papers from NED to STCCL shares. For
each actor in turn, 100 of the real and then 100 of the generated frames are drawn by ``random.sample``, the
generator seeded once (1) for each emotion; where a side has no more than 100, all are taken and nothing is
drawn. The mean of the whole matrix of cosines, then the mean over actors. So the actors' order, and the order
real before generated, move the number.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

import numpy as np
from numpy.typing import NDArray

from spfem_metrics.errors import DefinitionError
from spfem_metrics.functional.intervals import cluster_interval
from spfem_metrics.metric import MetricInfo, Need, Observation, Reading, Row, Score
from spfem_metrics.metrics.reducing import common_reasons, interval_words
from spfem_metrics.metrics.sides import sign
from spfem_metrics.outcome import Scored, Unscored
from spfem_metrics.signature import Signature

ACTORS = ("M003", "M009", "W029", "M012", "M030", "W015")
"""MEAD's actors in the order of the papers' script; RAVDESS's stand there in the order of their names."""
SAMPLE = 100
SEED = 1
_EXTRACTOR = "efficientface"
_EPS = 1e-8
"""Below which a vector has no direction, as in torch's cosine_similarity."""

Stored = NDArray[np.float32]
Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class ExpressionCosine:
    """Mean cosine between expression features of generated and of real frames of the same actor and emotion.

    Args:
        actors: who is drawn first, in this order; others follow in the order of their names.
        sample: frames drawn of each actor and side.
        seed: of the draws, set once for each emotion.

    Raises:
        DefinitionError: fewer than one frame, or an actor named twice.
    """

    actors: Sequence[str] = ACTORS
    sample: int = SAMPLE
    seed: int = SEED

    def __post_init__(self) -> None:
        if self.sample < 1 or len(set(self.actors)) < len(self.actors):
            raise DefinitionError("csim-expr draws at least 1 frame a side, and names each actor once")

    @property
    def info(self) -> MetricInfo:
        """The papers' CSIM under a name of its own."""
        return _INFO

    def signature(self, definitions: Mapping[str, str]) -> Signature:
        """The definition as one line."""
        return sign(
            self.info,
            definitions,
            frames="all-by-id-and-time",
            draw=f"random.sample{self.sample}-seed{self.seed}-real-then-generated",
            actors="+".join([*self.actors, "others-by-name"]),
            mean="matrix-then-actors",
        )

    def observe(self, observation: Observation) -> Reading | Unscored:
        """Every frame's features."""
        read = observation.sides["output"][_EXTRACTOR]
        good = np.flatnonzero(np.asarray(read["valid"], bool))
        if not len(good):
            return Unscored(f"no frame could be read by {_EXTRACTOR}")
        return Reading(None, {"frames": float(len(good))}, np.asarray(read["features"], np.float32)[good])

    def reduce(self, rows: Sequence[Row]) -> Score:
        """The mean over actors, and how alike real frames are among themselves."""
        generated = [row for row in rows if row.trial.side == "generated"]
        scored = sum(isinstance(row.outcome, Reading) for row in generated)
        sides = {side: _frames(rows, side) for side in ("real", "generated")}
        pairs = self._drawn(sides["real"], sides["generated"])
        if not pairs:
            return Score(Unscored(_missing(rows)), scored, len(generated))
        values = [(actor, mean_cosine(real, made)) for actor, (real, made) in pairs.items()]
        found = cluster_interval([values])
        alone = sorted({*sides["real"], *sides["generated"]} - set(pairs))
        notes = (*_drawn_notes(pairs, self.sample), *_alone(alone), *_ceiling(pairs), *_lost(rows))
        outcome = Scored(found.estimate)
        return Score(outcome, scored, len(generated), found.half_width, interval_words(found), notes)

    def _drawn(
        self, real: Mapping[str, Stored], made: Mapping[str, Stored]
    ) -> dict[str, tuple[Matrix, Matrix]]:
        """Each actor's real and generated frames, drawn from one stream of random numbers."""
        random = Random(self.seed)
        known = real.keys() & made.keys()
        order = [*(a for a in self.actors if a in known), *sorted(known - set(self.actors))]
        return {actor: (self._draw(random, real[actor]), self._draw(random, made[actor])) for actor in order}

    def _draw(self, random: Random, rows: Stored) -> Matrix:
        taken = random.sample(range(len(rows)), self.sample) if len(rows) > self.sample else slice(None)
        return rows[taken].astype(np.float64)


def csim_expr(actors: Sequence[str] = ACTORS, sample: int = SAMPLE, seed: int = SEED) -> ExpressionCosine:
    """The papers' CSIM; it needs the extractor ``efficientface``. Arguments as `ExpressionCosine`."""
    return ExpressionCosine(tuple(actors), sample, seed)


def mean_cosine(first: Matrix, second: Matrix) -> float:
    """Mean of the whole matrix of cosines, in float64.

    Args:
        first: (n, D), n >= 1.
        second: (m, D), m >= 1.

    Returns:
        In [-1, 1]; a row of zeros counts as at right angles to every other.
    """
    return float(np.clip(_units(first).mean(axis=0) @ _units(second).mean(axis=0), -1.0, 1.0))


def _units(rows: Matrix) -> Matrix:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(lengths, _EPS), np.float64)


def _among(rows: Matrix) -> float:
    """Mean cosine of different rows of one set, at least two."""
    units = _units(rows)
    total, count = units.sum(axis=0), len(units)
    own = float((units * units).sum())
    return (float(total @ total) - own) / (count * (count - 1))


def _frames(rows: Sequence[Row], side: str) -> dict[str, Stored]:
    """Each speaker's frames of a side, clips by id, frames in time."""
    own = sorted((row for row in rows if row.trial.side == side), key=lambda row: row.trial.id)
    found: dict[str, list[Stored]] = {}
    for row in own:
        if isinstance(row.outcome, Reading) and row.outcome.matrix is not None:
            found.setdefault(row.trial.speaker, []).append(row.outcome.matrix)
    return {speaker: np.concatenate(parts) for speaker, parts in found.items()}


def _drawn_notes(pairs: Mapping[str, tuple[Matrix, Matrix]], sample: int) -> list[str]:
    notes = [f"at most {sample} real and {sample} generated frames of each of {len(pairs)} actors"]
    few = [
        f"{actor} ({len(rows)} {side})"
        for actor, both in pairs.items()
        for side, rows in zip(("real", "generated"), both, strict=True)
        if len(rows) < sample
    ]
    return [*notes, f"fewer than {sample} frames, all taken: {', '.join(few)}"] if few else notes


def _alone(actors: Sequence[str]) -> list[str]:
    if not actors:
        return []
    return [f"left out, without frames on both sides: {', '.join(actors)}; not comparable with all actors"]


def _ceiling(pairs: Mapping[str, tuple[Matrix, Matrix]]) -> list[str]:
    """How alike the drawn real frames of an actor are among themselves: what a perfect output would reach."""
    levels = [_among(real) for real, _ in pairs.values() if len(real) > 1]
    return [f"real frames among themselves: {math.fsum(levels) / len(levels):.3f}"] if levels else []


def _lost(rows: Sequence[Row]) -> list[str]:
    notes = []
    for side in ("generated", "real"):
        own = [row for row in rows if row.trial.side == side]
        lost = sum(not isinstance(row.outcome, Reading) for row in own)
        if lost:
            notes.append(f"{lost} of {len(own)} {side} clips missing: {common_reasons(own)}")
    return notes


def _missing(rows: Sequence[Row]) -> str:
    for side in ("real", "generated"):
        own = [row for row in rows if row.trial.side == side]
        if not own and side == "real":
            return "the protocol has no real clips of this emotion"
        if not any(isinstance(row.outcome, Reading) for row in own):
            return f"no {side} clip could be used: {common_reasons(own)}"
    return "no actor has both generated and real clips of this emotion"


_INFO = MetricInfo(
    name="csim-expr",
    label="CSIM (expr.)",
    version=1,
    direction="higher",
    unit="cosine",
    bounds=(-1.0, 1.0),
    needs=(Need("output", _EXTRACTOR),),
    about=(
        "The papers' CSIM, which is no similarity of identity: mean cosine between expression features "
        "(EfficientFace, trained on AffectNet) of 100 real and 100 generated frames of an actor and emotion, "
        "all against all, then over actors. Unpaired, so it compares distributions of expressions; the "
        "features are none below 0, so the floor is far above 0: the papers print .7 to .9. Read it against "
        "the level of real frames among themselves in its notes, and the bounds of the table. They score "
        "aligned face crops of 256 px with the background masked. Masks are not made here: `mask:given` in "
        "the signature says that the clips came with them, and without them nothing is reproduced. The order "
        "of a clip's frames and of clips by id stands in for that of their unpublished files, which the draw "
        "depends on."
    ),
    order=("copy-reference", "noise"),
    of_sets=True,
    whole_frames=True,
)
