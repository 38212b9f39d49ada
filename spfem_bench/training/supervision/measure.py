"""Whether each supervision moves the right way, on pairs of people that no network has seen.

``python -m spfem_bench.training.supervision.measure --states FOLDER`` prints a table over pre-trained states:
how often, and by how much, a supervision says less of the frames that it should prefer. Frames are rendered
in step, so that what differs between two candidates is known exactly.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from numpy.typing import NDArray

from spfem_baselines.supervision.asccl import ASCCL
from spfem_baselines.supervision.builders import BUILDERS
from spfem_baselines.supervision.interface import EMOTIONS, Supervision
from spfem_baselines.supervision.stccl import STCCL
from spfem_bench.errors import UsageError
from spfem_bench.judging.statistics import Interval, interval
from spfem_bench.progress import Progress, for_stream
from spfem_bench.synthetic.captions import PROMPTS
from spfem_bench.synthetic.people.style import style_of
from spfem_bench.training.recipe import HELD_OUT
from spfem_bench.training.supervision.pairs import Pairs, Plan, pairs

UNSEEN = Plan(people=112, groups=504, frames=5, how="true", population=HELD_OUT, noise=0.01, proof=True)
"""504 pairs of 112 people: every person in four or five of the six emotions."""

UNUSUAL = 0.25
"""Share of the people, those whose muscles are gained most unevenly, that count as of unusual style."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Claim:
    """Of two candidates for the generated clip, a supervision should say less of the first.

    Args:
        says: in words.
        better: role of the first.
        worse: role of the second.
        source: role of the clip that both are held against.
        to_neutral: neutral is the target, not the pair's emotion.
    """

    says: str
    better: str
    worse: str
    source: str = "neutral"
    to_neutral: bool = False


_WORDS = (
    Claim("its pair in another emotion before its pair with another mouth", "emotional", "emotional-mouth"),
    Claim("its pair in another emotion before itself with another mouth", "emotional", "neutral-mouth"),
)
_CONTENT = (
    Claim("same words in an emotion before other words in it", "emotional", "other"),
    Claim("same words in neutral before other words in its emotion", "neutral", "other", "emotional"),
)
_EMOTION = (Claim("the target emotion before another", "emotional", "wrong"),)
_CHANGE = (
    *_EMOTION,
    Claim(
        "neutral before itself, of an emotional clip", "neutral", "emotional", "emotional", to_neutral=True
    ),
)

CLAIMS: Mapping[str, Sequence[Claim]] = {
    "asccl": _WORDS,
    "stccl": _WORDS,
    "stccl-cm": _WORDS,
    "ccrl": _CONTENT,
    "cerl": _EMOTION,
    "pcmecl": _CHANGE,
    "pcmecl-generic": _CHANGE,
    "expclip": _EMOTION,
}
"""What is claimed of each method."""


@dataclass(frozen=True)
class Proof:
    """What was found of a claim.

    Args:
        name: of the state.
        says: the claim in words.
        margins: (G,) what the supervision says of the worse less what it says of the better.
        people: (G,) whose pair it is.
    """

    name: str
    says: str
    margins: Floats
    people: Sequence[str]

    @property
    def share(self) -> float:
        """Of pairs that go the right way; a tie is half of one."""
        return float((self.margins > 0).mean() + 0.5 * (self.margins == 0).mean())

    @property
    def mean(self) -> Interval:
        """The mean margin over people, with its interval of 95% for other people."""
        return interval(self.margins, self.people, question="any-actors")

    def line(self) -> str:
        """A row of `table`."""
        mean = self.mean
        return (
            f"| {self.name} | {self.says} | {len(self.margins)} | {self.share:.3f} | {mean.point:+.4f} "
            f"| {_end(mean.low)} .. {_end(mean.high)} |"
        )


def proofs(name: str, loss: Supervision, data: Pairs, progress: Progress) -> list[Proof]:
    """Every claim of a method over all pairs.

    Args:
        name: of the state: a method, or a method with how its pairs were made.
        loss: the supervision.
        data: with the roles of proofs.
        progress: told each pair.
    """
    claims, people = CLAIMS[method_of(name)], [str(who) for who in data.columns["person"]]
    progress.start(name, len(data))
    rows = []
    for index in range(len(data)):
        rows.append([margin(loss, claim, data, index) for claim in claims])
        progress.advance(name, f"pair {index}")
    progress.finish(name)
    return [Proof(name, claim.says, own, people) for claim, own in zip(claims, np.array(rows).T, strict=True)]


@torch.no_grad()
def margin(loss: Supervision, claim: Claim, data: Pairs, index: int) -> float:
    """What a supervision says of the worse candidate less what it says of the better, at the same places."""
    source, given = data.clip(claim.source, [index]), _given(data, index, claim)
    said = []
    for role in (claim.worse, claim.better):
        generator = getattr(loss, "generator", None)
        if isinstance(generator, torch.Generator):
            generator.manual_seed(index)
        said.append(float(loss(data.clip(role, [index]), source, **given).total))
    return said[0] - said[1]


def _given(data: Pairs, index: int, claim: Claim) -> dict[str, Any]:
    """What goes beside both candidates; the reference says other words in the pair's emotion."""
    emotion = torch.from_numpy(data.columns["emotion"][[index]])
    if claim.to_neutral:
        emotion = torch.full_like(emotion, EMOTIONS.index("neutral"))
    return {
        "reference": data.clip("other", [index]),
        "audio": data.heard(claim.source, [index]),
        "emotion": emotion,
        "text": [PROMPTS[EMOTIONS[int(emotion)]][0]],
    }


def unusual(found: Sequence[Proof], population: int) -> list[Proof]:
    """The same proofs on the people of unusual style alone, and personal less generic prompts on them."""
    chosen = [
        Proof(f"{one.name}, unusual people", one.says, one.margins[own], np.array(one.people)[own].tolist())
        for one in found
        if one.name in ("pcmecl", "pcmecl-generic") and one.says == _EMOTION[0].says
        for own in [_uneven(one.people, population)]
    ]
    if len(chosen) < 2:
        return chosen
    more = Proof(
        "pcmecl less generic, unusual people",
        chosen[0].says,
        chosen[0].margins - chosen[1].margins,
        chosen[0].people,
    )
    return [*chosen, more]


def _uneven(people: Sequence[str], population: int) -> NDArray[np.bool_]:
    """(G,) pairs of the quarter of people whose gains of the muscles scatter most."""
    own = np.array([np.log(style_of(int(who), population).gain).std() for who in people])
    return np.asarray(own >= np.quantile(np.unique(own), 1 - UNUSUAL))


@dataclass(frozen=True)
class Likeness:
    """STCCL's diagnostic: mean cosine of relations at corresponding and at other places."""

    name: str
    relation: str
    before: tuple[float, float]
    after: tuple[float, float]

    def line(self) -> str:
        """A row of `likeness_table`."""
        columns = " | ".join(f"{value:.3f}" for value in (*self.before, *self.after))
        return f"| {self.name} | {self.relation} | {columns} |"


def likeness(name: str, loss: ASCCL | STCCL, data: Pairs) -> list[Likeness]:
    """Means over all true pairs, before and behind the learnt heads (the papers: .48 and .02, then .96)."""
    rows: dict[str, list[tuple[float, float, float, float]]] = {}
    for index in range(len(data)):
        loss.generator.manual_seed(index)
        found = loss.similarities(data.clip("emotional", [index]), data.clip("neutral", [index]))
        for relation in (key for key in found if "/" not in key):
            one = found[relation]
            row = (one.same_before, one.other_before, one.same_after, one.other_after)
            rows.setdefault(relation, []).append(row)
    means = {relation: np.mean(some, axis=0) for relation, some in rows.items()}
    return [Likeness(name, key, (m[0], m[1]), (m[2], m[3])) for key, m in means.items()]


def table(found: Sequence[Proof]) -> str:
    """The proofs as a table in Markdown."""
    head = (
        "| state | should prefer | pairs | share right | mean margin | 95% interval |",
        "| --- | --- | ---: | ---: | ---: | ---: |",
    )
    return "\n".join([*head, *(one.line() for one in found)])


def likeness_table(found: Sequence[Likeness]) -> str:
    """The diagnostic as a table in Markdown."""
    head = (
        "| state | relation | same, before | other, before | same, after | other, after |",
        "| --- | --- | ---: | ---: | ---: | ---: |",
    )
    return "\n".join([*head, *(one.line() for one in found)])


def states(folder: Path) -> Iterator[tuple[str, Path]]:
    """The pre-trained states of a folder, in the order of `CLAIMS`, with their names.

    Raises:
        UsageError: there are none.
    """
    names = [name for method in CLAIMS for name in (method, f"{method}-true")]
    there = [(name, folder / f"{name}.safetensors") for name in names]
    found = [(name, path) for name, path in there if path.is_file()]
    if not found:
        raise UsageError(f"{folder} holds no pre-trained state: `spfem-bench train supervision` makes them")
    yield from found


def method_of(name: str) -> str:
    """The method of a state's name."""
    return name.removesuffix("-true")


def _end(value: float | None) -> str:
    return "?" if value is None else f"{value:+.4f}"


@click.command()
@click.option("--states", "folder", type=click.Path(path_type=Path), required=True, help="Folder of states.")
@click.option("--work", type=click.Path(path_type=Path), required=True, help="Folder of rendered pairs.")
@click.option("--pairs", "count", type=click.IntRange(min=1), default=UNSEEN.groups, show_default=True)
@click.option("--device", default="cpu", show_default=True, help="Of torch.")
def main(folder: Path, work: Path, count: int, device: str) -> None:
    """Print the proof over the states of a folder."""
    torch.set_num_threads(1)
    found: list[Proof] = []
    alike: list[Likeness] = []
    with for_stream() as progress:
        data = pairs(replace(UNSEEN, groups=count), work, progress)
        for name, path in states(folder):
            loss = BUILDERS[method_of(name)](path, device)
            found += proofs(name, loss, data, progress)
            if isinstance(loss, (ASCCL, STCCL)):
                alike += likeness(name, loss, data)
    people = len(set(found[0].people))
    click.echo(f"{len(data)} pairs of {people} people of population {HELD_OUT}, rendered in step\n")
    click.echo(table([*found, *unusual(found, HELD_OUT)]))
    if alike:
        click.echo(f"\n{likeness_table(alike)}")


if __name__ == "__main__":
    main()
