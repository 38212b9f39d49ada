"""What stands below an ablation's table, as Markdown: the search and its budget, the states, the texts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tabulate import tabulate

from spfem_bench.tables.layout import ARROWS
from spfem_bench.tables.markdown import escape
from spfem_bench.tables.model import Column
from spfem_bench.tables.numbers import significant

Result = Mapping[str, Any]
"""Content of ``ablation.json``."""


def table(heads: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A table in Markdown, the first column to the left; cells as they are."""
    alignment = ("left", *("right" for _ in heads[1:])) if lines else None
    rows = [list(line) for line in lines]
    return tabulate(rows, list(heads), tablefmt="pipe", disable_numparse=True, colalign=alignment)


def metric_heads(columns: Sequence[Column]) -> list[str]:
    """Labels of metrics, each with which way is better."""
    return [f"{escape(column.info.label)} {ARROWS[column.info.direction]}" for column in columns]


def cell(point: float, half_width: float | None) -> str:
    """A difference, with its interval's wider side where there is one."""
    return f"{point:+.3g}" if half_width is None else f"{point:+.3g} ± {half_width:.2g}"


def said(result: Result) -> Iterator[str]:
    """How the variants were made, in sentences for the table's footer."""
    warm, tune, seeds = result["warm"], result["tune"], result["seeds"]
    yield (
        f"Every variant: {tune['steps']} steps of {tune['recipe']} ({tune['digest'][:12]} under seed "
        f"{seeds[0]}) from the warm start of its seed ({warm['steps']} steps of {warm['recipe']}, "
        f"{warm['digest'][:12]}); training seeds {', '.join(map(str, seeds))}"
    )
    shares, people = ", ".join(f"{share:g}" for share in result["shares"]), result["validation"]["people"]
    yield (
        f"Weights: shares of the other losses' gradient at the output ({shares}), chosen under seed "
        f"{seeds[0]} by the perceptual distance from the truth on {people} validation people"
    )


def search(result: Result) -> Iterator[str]:
    """What was tried for each variant, what was taken, and what it cost."""
    shares, people = result["shares"], result["validation"]
    tried = [f"at {share:g}" for share in shares]
    heads = ["Variant", "Share", "Weights", *tried, "Absolute", "Runs", "Steps"]
    lines = [_searched(name, result["variants"][name], shares) for name in result["order"]]
    yield "#### Search and budget"
    yield table(heads, lines)
    yield (
        f"Perceptual distance from the truth over {people['clips']} edits of {people['people']} validation "
        f"people, who are in no training and no test; the unedited source lies at "
        f"{significant(people['unedited'])}, the warm start of seed {result['seeds'][0]} at "
        f"{significant(people['warm'])}. Absolute: mean difference of pixels, of the chosen one. Runs and "
        "steps: all trainings of a variant, the search's included; the one without supervision has no weight "
        "to search for."
    )


def _searched(name: str, row: Mapping[str, Any], shares: Sequence[float]) -> list[str]:
    return [
        escape(name),
        "" if row["share"] is None else f"{row['share']:g}",
        ", ".join(f"{escape(member)} {weight:g}" for member, weight in row["weights"].items()),
        *_tried(row, shares),
        significant(row["chosen"]["absolute"]),
        str(row["runs"]),
        str(row["steps"]),
    ]


def _tried(row: Mapping[str, Any], shares: Sequence[float]) -> list[str]:
    """The distance at each share, the chosen one bold; of a variant without shares in the first column."""
    found = row["searched"]
    if not found:
        return [significant(row["chosen"]["perceptual"]), *("" for _ in shares[1:])]
    cells = [significant(found[f"{share:g}"]["perceptual"]) for share in shares]
    pairs = zip(shares, cells, strict=True)
    return [f"**{cell}**" if share == row["share"] else cell for share, cell in pairs]


def pretraining(result: Result) -> Iterator[str]:
    """The pre-trained states."""
    lines = [
        [
            escape(name),
            row["pairs"],
            str(row["steps"]),
            str(row["parameters"]),
            significant(row["last"].get("loss")),
            row["sha256"][:12],
        ]
        for name, row in sorted(result["pretraining"].items())
    ]
    yield "#### Pre-trained supervisions"
    yield table(["State", "Pairs", "Steps", "Numbers", "Last loss", "sha256"], lines)
    yield "dtw: takes aligned by their sound, as the papers do; true: clips rendered in step."


def control(result: Result) -> Iterator[str]:
    """Alignment of each prompt with each output; a block of its own, which ranks nothing."""
    found = result.get("text")
    if not found:
        return
    yield "#### Control by text (unranked)"
    for name, matrix in sorted(found["alignment"].items()):
        rows = [["the source", *_numbers(found["source"])]]
        rows += [[escape(p), *_numbers(row)] for p, row in zip(found["prompts"], matrix, strict=True)]
        yield table([f"{escape(name)}: asked for", *map(escape, found["prompts"])], rows)
    yield (
        f"Each row an output, each column a prompt it is held against: {escape(found['metric'])}, means over "
        f"{found['people']} test people, checkpoints of seed {result['seeds'][0]}. `{found['signature']}`"
    )


def _numbers(values: Sequence[float | None]) -> list[str]:
    return ["" if value is None else f"{value:.3f}" for value in values]
