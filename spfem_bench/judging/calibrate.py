"""The noise floor: how far scores move between runs that differ in nothing that should matter.

With R runs of one system, s is the standard deviation of their R scores. For normal scores the difference D
of two further runs has the variance 2 sigma^2 and is independent of s, so that D / (s sqrt(2)) is
t-distributed with R - 1 degrees of freedom. The floor is the one-sided quantile of that D at which a table
without any change shows a regression with probability ``false_alarms`` at most, split evenly over its models
and metrics (Bonferroni), and never less than the largest difference seen. Few runs make a wide floor;
each further run narrows it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import combinations
from statistics import stdev
from typing import TYPE_CHECKING, Any

from spfem_bench.errors import NotComparableError, UsageError
from spfem_bench.judging.compare import Options, compare
from spfem_bench.judging.noise import Floor, Noise
from spfem_bench.judging.scores import emotion_mean
from spfem_bench.judging.sets import stored_score

if TYPE_CHECKING:
    from spfem_bench.judging.bundles import Bundle
    from spfem_bench.tables.model import Column

FALSE_ALARMS = 0.05


def calibrate(runs: Sequence[Bundle], false_alarms: float = FALSE_ALARMS) -> Noise:
    """Measure the noise floor.

    Args:
        runs: at least two finished runs of the same models on the same trials, under other seeds, thread
            counts or machines: whatever will differ between baseline and candidate.
        false_alarms: accepted chance that an unchanged table shows a regression.

    Raises:
        UsageError: fewer than two runs, or no chance between 0 and 1.
        NotComparableError: the runs differ in data, protocol, trials, definitions or models.
    """
    if len(runs) < 2:
        raise UsageError("a noise floor needs at least two runs of the same models: give more bundles")
    if not 0 < false_alarms < 1:
        raise UsageError(f"false alarms must be a chance between 0 and 1, not {false_alarms}")
    for other in runs[1:]:
        _require_same(runs[0], other)
    first = runs[0]
    hypotheses = len(first.models) * len(first.columns)
    floors = [_floor(runs, column, false_alarms / hypotheses) for column in first.board.columns]
    known = [floor for floor in floors if floor is not None]
    return Noise(
        dataset=_named(first.spec["dataset"]),
        protocol=_named(first.spec["protocol"]),
        models=first.models,
        runs=[_run(run) for run in runs],
        false_alarms=false_alarms,
        hypotheses=hypotheses,
        floors=known,
        notes=list(_notes(runs, known)),
    )


def _named(part: dict[str, Any]) -> dict[str, str]:
    return {"name": part["name"], "digest": part["digest"]}


def _run(run: Bundle) -> dict[str, Any]:
    asked = run.spec["asked"]
    return {
        "manifest": run.manifest,
        "seed": asked.get("seed"),
        "threads": asked.get("threads"),
        "device": asked.get("device", ""),
    }


def _require_same(first: Bundle, other: Bundle) -> None:
    """Everything but the noise must be the same.

    Raises:
        NotComparableError: something else differs.
    """
    names = {name: name for name in first.models if name in other.models}
    if set(first.models) != set(other.models) or not names:
        raise NotComparableError(
            f"{first.path} and {other.path} are of other models ({', '.join(first.models)} and "
            f"{', '.join(other.models)}): a noise floor is measured on the same ones"
        )
    found = compare(first, other, Options(pairs=names))
    overlap = found.overlap
    if overlap.only_a or overlap.only_b or overlap.changed or not overlap.reals:
        raise NotComparableError(
            f"{first.path} and {other.path} have other trials: run both on the same ones"
        )
    lines = [{name: column.signature.line for name, column in run.columns.items()} for run in (first, other)]
    if lines[0] != lines[1]:
        odd = next(name for name in {**lines[0], **lines[1]} if lines[0].get(name) != lines[1].get(name))
        raise NotComparableError(
            f"{first.path} and {other.path} define {odd} differently: measure both with the same metrics"
        )


def _floor(runs: Sequence[Bundle], column: Column, chance: float) -> Floor | None:
    """Of the model that spreads most; None where no model has scores in every run."""
    found = [_of_model(runs, model, column, chance) for model in runs[0].models]
    known = [floor for floor in found if floor is not None]
    if not known:
        return None
    most = max(known, key=lambda floor: floor.score)
    return Floor(
        metric=column.info.name,
        signature=column.signature.line,
        digest=column.signature.digest,
        unit=column.info.unit,
        score=most.score,
        trial=max(floor.trial for floor in known),
        spread=most.spread,
        largest=max(floor.largest for floor in known),
        trials=min(floor.trials for floor in known),
    )


def _of_model(runs: Sequence[Bundle], model: str, column: Column, chance: float) -> Floor | None:
    metric = column.info.name
    table = _values(runs, model, metric)
    valued = not column.info.of_sets and all(len(values) == len(runs) for values in table.values())
    scores = _scores(runs, table) if valued else _set_scores(runs, model, metric)
    if scores is None:
        return None
    spread, largest = stdev(scores), max(scores) - min(scores)
    size = max(largest, prediction(spread, len(runs) - 1, chance))
    trial = _trial_floor(list(table.values()), chance) if valued else 0.0
    signature = column.signature
    return Floor(
        metric, signature.line, signature.digest, column.info.unit, size, trial, spread, largest, len(table)
    )


def _values(runs: Sequence[Bundle], model: str, metric: str) -> dict[str, list[float]]:
    """Trial -> its value in each run, of the trials scored in every run, sorted by id."""
    cells = [run.cells[model, metric] for run in runs]
    kept = [t for t in sorted(cells[0]) if all(rows[t].state == "scored" for rows in cells)]
    return {t: [value for rows in cells if (value := rows[t].value) is not None] for t in kept}


def _scores(runs: Sequence[Bundle], table: dict[str, list[float]]) -> list[float] | None:
    if not table:
        return None
    trials = [runs[0].trials[trial] for trial in table]
    return [emotion_mean(trials, column) for column in zip(*table.values(), strict=True)]


def _set_scores(runs: Sequence[Bundle], model: str, metric: str) -> list[float] | None:
    found = [stored_score(run, model, metric) for run in runs]
    known = [score for score in found if score is not None]
    return known if len(known) == len(runs) else None


def prediction(spread: float, degrees: int, chance: float) -> float:
    """The difference of two further values that is exceeded in one direction with this chance.

    Args:
        spread: standard deviation of the values seen.
        degrees: of freedom of it.
        chance: one-sided.
    """
    from scipy.stats import t

    return float(t.isf(chance, degrees)) * spread * math.sqrt(2)


def _trial_floor(table: Sequence[Sequence[float]], chance: float) -> float:
    """The same for any one of the trials: their spreads are pooled, and the chance is split over them.

    Trials that spread more than others are covered by the largest difference seen, not by the pooled spread.
    """
    runs, trials = len(table[0]), len(table)
    pooled = math.sqrt(math.fsum(stdev(values) ** 2 for values in table) / trials)
    seen = max(abs(one - two) for values in table for one, two in combinations(values, 2))
    return max(seen, prediction(pooled, trials * (runs - 1), chance / trials))


def _notes(runs: Sequence[Bundle], floors: Sequence[Floor]) -> Iterator[str]:
    asked = [run.spec["asked"] for run in runs]
    varied = [key for key in ("seed", "threads", "device") if len({str(a.get(key)) for a in asked}) > 1]
    yield (
        f"the runs differ in {', '.join(varied)}"
        if varied
        else ("the runs were asked for alike: their spread is that of the machine alone, not of seeds")
    )
    if len(runs) < 4:
        yield f"{len(runs)} runs: the floor is wide, further runs narrow it"
    if len({run.manifest for run in runs}) < len(runs):
        yield "some runs are identical to the last bit"
    unknown = [name for name in runs[0].columns if name not in {floor.metric for floor in floors}]
    if unknown:
        yield f"no floor for {', '.join(unknown)}: no model has a score in every run"
