"""The table of an ablation from its committed rows alone: Markdown, CSV and LaTeX, byte for byte.

``python -m spfem_bench.ablation.report FOLDER`` writes ``FOLDER.md``, ``.csv`` and ``.tex`` beside a folder
that holds ``ablation.json`` and one bundle for each training seed: ``RUN/rows``, or what was committed
of it. A ``findings.md`` in it is printed below the title.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import click

from spfem_bench.ablation import sections
from spfem_bench.ablation.at_share import AtShare, manifests
from spfem_bench.ablation.differing import ALPHA, Difference, by_variant, differences
from spfem_bench.ablation.home import RESULT, bundle_at, bundle_of, read_plain
from spfem_bench.ablation.sections import cell, metric_heads, table
from spfem_bench.ablation.seeds import joined, seeds_words
from spfem_bench.certify.marks import marked, read_certificates, shipped_certificates
from spfem_bench.errors import UsageError
from spfem_bench.fsio import write_atomically
from spfem_bench.judging.bundles import Bundle, read_bundle
from spfem_bench.judging.calibrate import calibrate
from spfem_bench.judging.noise import Noise
from spfem_bench.tables import Leaderboard, render
from spfem_bench.tables.markdown import escape
from spfem_bench.tables.numbers import significant

FINDINGS = "findings.md"
MANIFESTS = "manifests"
WARNING = "Rendered people, judged by networks of rendered people: it ranks nothing about the papers' claims"


@dataclass(frozen=True)
class Report:
    """Everything a table is made of.

    Args:
        folder: with ``ablation.json`` and the bundles.
        result: content of ``ablation.json``.
        bundles: of the training seeds, in order.
        apart: what was scored at a share, whatever was chosen.
    """

    folder: Path
    result: Mapping[str, Any]
    bundles: Sequence[Bundle]
    apart: Sequence[AtShare] = ()

    @cached_property
    def board(self) -> Leaderboard:
        """The leaderboard over the seeds."""
        found = joined(self.bundles, f"{self.result['title']}. {WARNING}")
        paths = [bundle.path for bundle in self.bundles]
        found = marked(found, paths, read_certificates(shipped_certificates()))
        seeds = zip(self.result["seeds"], self.bundles, strict=True)
        rows = [f"rows of training seed {seed}: manifest sha256 {bundle.manifest}" for seed, bundle in seeds]
        rows += manifests(self.apart)
        return replace(found, footer=(*found.footer, *sections.said(self.result), *rows))

    @cached_property
    def noise(self) -> Noise:
        """How far scores move between training seeds."""
        return calibrate(self.bundles)

    @cached_property
    def differences(self) -> list[Difference]:
        """From the variant without supervision."""
        return differences(self.bundles, self.result["plain"])

    def markdown(self) -> str:
        """The whole page."""
        title, *rest = render(self.board, "markdown").split("\n\n")
        per_emotion = render(self.board, "markdown", "per-emotion").split("\n\n")[1:]
        grids = [part for part in per_emotion if not part.startswith("- ")]
        findings = self.folder / FINDINGS
        said = [findings.read_text(encoding="utf-8").strip()] if findings.is_file() else []
        parts = [title, *said, *rest, *self._differences(), *self._noise()]
        parts += [part for block in self.apart for part in block.markdown()]
        for section in (sections.search, sections.pretraining, sections.control):
            parts += section(self.result)
        parts += ["#### Per emotion", *grids]
        return "\n\n".join(part.strip("\n") for part in parts) + "\n"

    def csv(self) -> str:
        """Every score in long form, each with the digests of the bundles that it is a mean over.

        The last column, `MANIFESTS`, holds the sha256 of their manifests, parted by spaces in the order of
        the seeds; bounds stand in the first seed's alone.
        """
        head, *rows = csv.reader(io.StringIO(render(self.board, "csv")))
        every = [bundle.manifest for bundle in self.bundles]
        bounds = {system.name for system in self.board.systems if system.role == "bound"}
        stream = io.StringIO()
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow([*head, MANIFESTS])
        writer.writerows([*row, " ".join(every[:1] if row[0] in bounds else every)] for row in rows)
        return stream.getvalue()

    def latex(self) -> str:
        """Averages, then every emotion."""
        return render(self.board, "latex") + "\n" + render(self.board, "latex", "per-emotion")

    def _differences(self) -> Iterator[str]:
        rows = by_variant(self.differences)
        columns = [c for c in self.board.columns if any(c.info.name in row for row in rows.values())]
        heads = ["Variant", *metric_heads(columns)]
        lines = [
            [escape(name), *(_cell(row.get(c.info.name)) for c in columns)] for name, row in rows.items()
        ]
        yield f"#### Difference from {escape(self.result['plain'])}, average over emotions"
        yield table(heads, lines)
        yield " ".join(self._said_of_differences())

    def _said_of_differences(self) -> Iterator[str]:
        """What the interval is, what bold means, and over how many hypotheses."""
        count = len(self.differences)
        yield "± is the wider side of the 95% interval over speakers and training seeds."
        if count:
            yield (
                f"Bold: it leaves out 0, and p, by Student's t over speakers and training seeds, is at most "
                f"{ALPHA:g} after Holm's correction over the {count} hypotheses of this table (the smallest "
                f"must be at most {significant(ALPHA / count)}); where nothing is tested p counts as 1."
            )
        labels = {c.info.name: escape(c.info.label) for c in self.board.columns}
        sets = [labels[c.info.name] for c in self.board.columns if c.info.of_sets]
        if sets:
            words = seeds_words(len(self.bundles))
            yield f"Of {', '.join(sets)} it is {words}: not tested, never bold."
        said: dict[str, dict[str, None]] = {}
        for found in self.differences:
            said.setdefault(found.interval.note, {})[labels[found.metric]] = None
        yield from (f"{', '.join(names)}: {note}." for note, names in said.items() if note)

    def _noise(self) -> Iterator[str]:
        floors = {floor.metric: floor for floor in self.noise.floors}
        shown = [(c.info, floors[c.info.name]) for c in self.board.columns if c.info.name in floors]
        lines = [
            [escape(i.label), i.unit, *(significant(x) for x in (f.spread, f.largest, f.score))]
            for i, f in shown
        ]
        yield "#### Noise floor of training seeds"
        yield table(["Metric", "Unit", "Spread", "Largest seen", "Floor"], lines)
        yield (
            "Spread: standard deviation of the average between training seeds, of the variant that spreads "
            f"most. Floor: what a further training may differ by at most, with {self.noise.false_alarms:.0%} "
            f"for the whole table ({self.noise.hypotheses} averages). Of the runs: "
            f"{'; '.join(self.noise.notes)}."
        )


def read_report(folder: Path) -> Report:
    """Read what a table is made of.

    Raises:
        UsageError: the folder holds no ablation.
        NotComparableError: its bundles differ in variants, trials or definitions.
        IntegrityError: a file is damaged.
    """
    result = read_plain(folder / RESULT)
    if result is None:
        raise UsageError(f"{folder} has no {RESULT}: give the folder of an ablation's rows")
    bundles = [read_bundle(bundle_of(folder, seed)) for seed in result["seeds"]]
    apart = [
        AtShare(share, read_bundle(bundle_at(folder, share)), result["plain"])
        for share in result.get("also_scored", ())
    ]
    for block in apart:
        block.against(bundles[0])
    return Report(folder, result, bundles, apart)


def write_report(folder: Path, stem: Path) -> list[Path]:
    """Write the three files ``STEM.md``, ``STEM.csv``, ``STEM.tex``.

    Args:
        folder: of the rows.
        stem: path without suffix.

    Raises:
        StorageError: they cannot be written.
        BenchError: see `read_report`.
    """
    report = read_report(folder)
    texts = {".md": report.markdown(), ".csv": report.csv(), ".tex": report.latex()}
    for suffix, text in texts.items():
        write_atomically(stem.with_name(stem.name + suffix), text)
    return [stem.with_name(stem.name + suffix) for suffix in texts]


def _cell(found: Difference | None) -> str:
    if found is None:
        return ""
    over = found.interval
    text = cell(over.point, over.half_width)
    return f"**{text}**" if found.is_finding else text


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
def main(folder: Path) -> None:
    """Render the table of an ablation's rows beside their FOLDER."""
    for path in write_report(folder, folder.parent / folder.name):
        click.echo(path)


if __name__ == "__main__":
    main()
