"""`Reproduction` as text or Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from spfem_bench.reported.reproduce import Definitions, Line, Reproduction
from spfem_bench.tables.check import AVERAGE

_HEADS = ("method", "metric", "reported", "measured", "difference", "n", "verdict")


def render_reproduction(found: Reproduction, form: str = "text", *, per_emotion: bool = False) -> str:
    """The table with its definitions and notes below it.

    Args:
        found: what to print.
        form: ``text`` or ``markdown``.
        per_emotion: print every emotion's cell too, not only the averages.
    """
    from tabulate import tabulate

    lines = [line for line in found.lines if per_emotion or line.emotion == AVERAGE]
    heads = [*_HEADS[:2], "emotion", *_HEADS[2:]] if per_emotion else list(_HEADS)
    star = "\\*" if form == "markdown" else "*"
    flags = list(dict.fromkeys(line.flag for line in lines if line.flag))
    marks = {flag: star * number for number, flag in enumerate(flags, 1)} | {"": ""}
    body = [_cells(line, found.table.decimals, marks, per_emotion=per_emotion) for line in lines]
    style = "github" if form == "markdown" else "simple"
    align = ["left" if head in {"method", "metric", "emotion", "verdict"} else "right" for head in heads]
    table = tabulate(body, heads, tablefmt=style, disable_numparse=True, colalign=align)
    title = f"{found.table.table}: {found.table.title}"
    head = f"### {title}" if form == "markdown" else title
    bullet = "- " if form == "markdown" else ""
    marked = [f"{marks[flag]} {flag}" for flag in flags]
    below = [f"{bullet}{line}" for line in [*marked, *_definitions(found), *found.notes]]
    return "\n\n".join([head, table, "\n".join(below)]) + "\n"


def _cells(line: Line, decimals: int, marks: Mapping[str, str], *, per_emotion: bool) -> list[str]:
    reported = "" if line.reported is None else f"{line.reported:.{decimals}f}{marks[line.flag]}"
    spread = "" if line.half_width is None else f" ± {line.half_width:.{decimals}f}"
    measured = "" if line.measured is None else f"{line.measured:.{decimals}f}{spread}"
    difference = "" if line.difference is None else f"{line.difference:+.{decimals}f}"
    count = "" if line.scored is None else f"{line.scored}/{line.total}"
    emotion = [line.emotion] if per_emotion else []
    return [line.method, line.metric, *emotion, reported, measured, difference, count, line.verdict]


def _definitions(found: Reproduction) -> Iterator[str]:
    """What each metric's two definitions are, and all that stands between them; alike ones said once."""
    for name, pair in found.definitions.items():
        yield f"{name}: published as {pair.reported}{_measured(pair)}"
    for word in ("differs", "unknown"):
        sentences: dict[str, list[str]] = {}
        for name, pair in found.definitions.items():
            for sentence in getattr(pair, word):
                sentences.setdefault(sentence, []).append(name)
        for sentence, names in sentences.items():
            yield f"{'differs' if word == 'differs' else 'cannot be told'} ({', '.join(names)}): {sentence}"


def _measured(pair: Definitions) -> str:
    return "" if pair.measured is None else f", measured as {pair.measured}"
