"""Which of two bundles' systems, trials and rows belong together, and why the rest do not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from spfem_bench.errors import NotComparableError, UsageError
from spfem_bench.judging.bundles import Bundle, Cell, Planned
from spfem_bench.judging.model import Counts, Inputs, Overlap, Pair
from spfem_bench.stages.rows import REAL


@dataclass(frozen=True)
class Paired:
    """One metric of one pair of systems, on the trials that were scored on both sides.

    Args:
        trials: the plan's lines, sorted by id.
        a: the baseline's values, aligned with ``trials``; of set metrics none.
        b: the candidate's.
        counts: of all trials.
    """

    trials: Sequence[Planned]
    a: Sequence[float]
    b: Sequence[float]
    counts: Counts

    @property
    def valued(self) -> bool:
        """Whether every trial has a value of its own; else only the whole set has a score."""
        return len(self.a) == len(self.b) == len(self.trials)


def refuse_foreign(a: Bundle, b: Bundle, *, claim: bool = False) -> None:
    """Refuse bundles that share no ground to compare on.

    Args:
        a: the baseline.
        b: the candidate.
        claim: whether something shall be claimed beyond these very trials, which a run of a few cannot carry.

    Raises:
        NotComparableError: a stamped bundle, another dataset, another protocol.
    """
    for bundle in (a, b):
        for stamp in [*bundle.stamps, *(bundle.limited if claim else ())]:
            raise NotComparableError(
                f"{bundle.path} is stamped '{stamp}': run its model on the whole protocol with a valid suite"
            )
    for part, mend in (("dataset", "score both on one dataset"), ("protocol", "run both by one protocol")):
        one, two = a.spec[part], b.spec[part]
        if one["digest"] != two["digest"]:
            raise NotComparableError(
                f"{a.path} and {b.path} are of different {part}s: {one['name']} ({one['digest'][:12]}) "
                f"and {two['name']} ({two['digest'][:12]}); {mend}"
            )


def join_trials(a: Bundle, b: Bundle, inputs: Inputs = "identical") -> Overlap:
    """Join two plans by id, labels and digests of the input clips.

    Args:
        a: the baseline.
        b: the candidate.
        inputs: ``identical`` clips by digest; ``rendered``: clips rendered from one recipe on two machines,
            which may differ by a grey level here and there, are joined by id and labels alone.

    Raises:
        NotComparableError: they have no trial in common, or ``rendered`` clips are none.
    """
    if inputs == "rendered":
        _require_rendered(a, b)
    one, two = (_plans(bundle.trials, inputs) for bundle in (a, b))
    shared = sorted(one.keys() & two.keys())
    matched = [trial for trial in shared if one[trial] == two[trial]]
    changed = [trial for trial in shared if one[trial] != two[trial]]
    if not matched:
        why = f"all {len(changed)} of the same id are of other clips" if changed else "their ids all differ"
        raise NotComparableError(
            f"{a.path} and {b.path} have no trial in common ({why}): nothing can be compared; "
            "score both on the same trials"
        )
    only_a, only_b = sorted(a.trials.keys() - b.trials.keys()), sorted(b.trials.keys() - a.trials.keys())
    return Overlap(matched, only_a, only_b, changed, _plans(a.reals, inputs) == _plans(b.reals, inputs))


def _plans(planned: Mapping[str, Planned], inputs: Inputs) -> Mapping[str, Planned]:
    if inputs == "identical":
        return planned
    return {name: replace(one, inputs=()) for name, one in planned.items()}


def _require_rendered(*bundles: Bundle) -> None:
    for bundle in bundles:
        kind = bundle.spec["dataset"]["kind"]
        if kind != "rendered":
            raise NotComparableError(
                f"{bundle.path} is of {kind} clips: only rendered ones can be joined without their digests"
            )


def pair_systems(a: Bundle, b: Bundle, given: Mapping[str, str]) -> list[Pair]:
    """Models by name, or as given; the one model of each side where there is only one; then bounds by name.

    Args:
        a: the baseline.
        b: the candidate.
        given: name in the baseline -> name in the candidate.

    Raises:
        UsageError: a given name is not there.
        NotComparableError: no model of one is in the other.
    """
    _check_given(a, b, given)
    pairs = [Pair(one, two, "model") for one, two in _model_names(a, b, given)]
    if not pairs:
        raise NotComparableError(
            f"{a.path} and {b.path} have no model in common ({', '.join(a.models) or 'none'} and "
            f"{', '.join(b.models) or 'none'}): name the pair, --pair BASELINE=CANDIDATE"
        )
    bounds = [name for name, role in a.roles.items() if role == b.roles.get(name) == "bound"]
    return [*pairs, *(Pair(name, name, "bound") for name in bounds)]


def _model_names(a: Bundle, b: Bundle, given: Mapping[str, str]) -> list[tuple[str, str]]:
    if given:
        return list(given.items())
    if len(a.models) == len(b.models) == 1:
        return [(a.models[0], b.models[0])]
    return [(name, name) for name in a.models if name in b.models]


def _check_given(a: Bundle, b: Bundle, given: Mapping[str, str]) -> None:
    wanted = [(a, name) for name in given] + [(b, name) for name in given.values()]
    for bundle, name in wanted:
        if name not in bundle.roles:
            raise UsageError(f"{bundle.path} has no system '{name}': there are {', '.join(bundle.roles)}")


def pair_rows(a: Bundle, b: Bundle, pair: Pair, metric: str, overlap: Overlap) -> Paired:
    """Join the rows of one metric; only trials of the overlap with a reading on both sides are compared."""
    ours, theirs = a.cells[pair.a, metric], b.cells[pair.b, metric]
    both = [t for t in overlap.matched if ours[t].state == theirs[t].state == "scored"]
    return Paired(
        trials=[a.trials[t] for t in both],
        a=[value for t in both if (value := ours[t].value) is not None],
        b=[value for t in both if (value := theirs[t].value) is not None],
        counts=_counts(ours, theirs, overlap, len(both)),
    )


def _counts(ours: Mapping[str, Cell], theirs: Mapping[str, Cell], overlap: Overlap, both: int) -> Counts:
    before = Counter(ours[t].state for t in overlap.matched)
    after = Counter(theirs[t].state for t in overlap.matched)
    neither = sum("scored" not in (ours[t].state, theirs[t].state) for t in overlap.matched)
    return Counts(
        both=both,
        lost=sum(cell.state == "scored" for cell in ours.values()) - both,
        gained=sum(cell.state == "scored" for cell in theirs.values()) - both,
        neither=neither,
        unscored_a=before["unscored"],
        failed_a=before["failed"],
        unscored_b=after["unscored"],
        failed_b=after["failed"],
    )


def set_sizes(bundle: Bundle, system: str, metric: str) -> dict[str, int]:
    """Emotion -> vectors a side that a set metric of this system rests on: the smaller side's number."""
    made, real = Counter[str](), Counter[str]()
    for name, plan, total in ((system, bundle.trials, made), (REAL, bundle.reals, real)):
        for trial, cell in bundle.cells.get((name, metric), {}).items():
            total[plan[trial].emotion] += cell.matrix_rows or 0
    return {emotion: min(made[emotion], real[emotion]) for emotion in sorted(made)}
