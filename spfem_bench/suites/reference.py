"""The page of all metrics, written from what the metrics say of themselves.

``python -m spfem_bench.suites.reference > docs/metrics.md`` writes it; a test holds the file to it.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence

from spfem_bench.registry import resolve
from spfem_bench.suites.load import Suite, load_suite
from spfem_metrics import MetricInfo

SUITES = ("standard-v1", "spfem-papers-v1", "portable-v1", "synthetic-v1")
"""Whose metrics the page shows, in order."""

Listed = Mapping[str, Mapping[str, MetricInfo]]
"""Metric name -> suite name -> what the metric says of itself there."""

_MADE = (
    "Written by `python -m spfem_bench.suites.reference > docs/metrics.md`; do not edit. `*` marks weak "
    "evidence, `†` metrics that compare whole frames: of an output that shows a crop of its source's frame, "
    "by its adapter's word, they have no value. Every number also carries a signature, the line that names "
    "every choice behind it: `spfem-bench show BUNDLE`."
)
_HEADER = ("metric", "column", "suites", "better", "unit", "range", "read against", "order of bounds")
_SIDES = {"source": "source", "truth": "true pair", "reference": "reference"}
_WIDTH = 110


def metrics_page(suites: Sequence[str] = SUITES) -> str:
    """The page as Markdown: one table of all metrics, then each one's own words.

    Args:
        suites: names of shipped suites or paths of suite files.

    Raises:
        ConfigError: unknown suite, or a malformed file.
        PluginError: a metric's factory cannot be found.
    """
    loaded = [load_suite(name) for name in suites]
    listed = _listed(loaded)
    parts = [_opening(loaded), _table(listed), *_sections(listed), *_left_out(loaded)]
    return "\n\n".join(parts) + "\n"


def _listed(suites: Sequence[Suite]) -> Listed:
    found: dict[str, dict[str, MetricInfo]] = {}
    for suite in suites:
        for part in suite.metrics:
            info = resolve("spfem_bench.metrics", part.factory, {})(**part.options).info
            found.setdefault(info.name, {})[suite.name] = info
    return found


def _opening(suites: Sequence[Suite]) -> str:
    lines = [f"- `{suite.name}` ({' and '.join(suite.valid_on)} clips): {suite.about}" for suite in suites]
    return "\n\n".join(["# Metrics", _filled(_MADE), "\n".join(_filled(line, "  ") for line in lines)])


def _filled(text: str, indent: str = "") -> str:
    return textwrap.fill(text, _WIDTH, subsequent_indent=indent, break_on_hyphens=False)


def _table(listed: Listed) -> str:
    rows = [_HEADER, ("---",) * len(_HEADER), *(_row(name, infos) for name, infos in listed.items())]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _row(name: str, infos: Mapping[str, MetricInfo]) -> tuple[str, ...]:
    info = next(iter(infos.values()))
    weak = "*" if any(own.weak for own in infos.values()) else ""
    whole = "†" if info.whole_frames else ""
    low, high = (f"{bound:g}".replace("inf", "∞") for bound in info.bounds)
    order = " > ".join(info.order)
    suites = ", ".join(f"`{suite}`" for suite in infos)
    unit = " or ".join(dict.fromkeys(own.unit for own in infos.values()))
    against = "real clips" if info.of_sets else _against(info)
    return (
        f"`{name}`{weak}{whole}", info.label, suites, info.direction, unit, f"{low} to {high}", against, order
    )  # fmt: skip


def _against(info: MetricInfo) -> str:
    """The clips that the output is compared with, not those read only to know whether a face was there."""
    read = {need.extractor for need in info.needs} - {"faces"}
    sides = {need.side for need in info.needs if not read or need.extractor in read}
    if sides & {"truth", "reference"}:
        sides.discard("source")
    return ", ".join(words for side, words in _SIDES.items() if side in sides) or "nothing"


def _sections(listed: Listed) -> Iterator[str]:
    for name, infos in listed.items():
        abouts = dict.fromkeys(info.about for info in infos.values())
        weak = [f"Weak evidence in `{suite}`: {info.weak}." for suite, info in infos.items() if info.weak]
        yield "\n\n".join([f"## `{name}`", *(_filled(text) for text in (*abouts, *weak))])


def _left_out(suites: Sequence[Suite]) -> Iterator[str]:
    lines = [f"- {name} (`{suite.name}`): {why}." for suite in suites for name, why in suite.left_out]
    if lines:
        body = "\n".join(_filled(line, "  ") for line in lines)
        yield f"## Left out\n\n{body}"


if __name__ == "__main__":
    print(metrics_page(), end="")
