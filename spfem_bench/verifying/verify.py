"""All checks of a bundle, each on what the ones before it could read."""

from __future__ import annotations

from pathlib import Path

from spfem_bench.errors import IntegrityError, UsageError
from spfem_bench.progress import Progress, SilentProgress
from spfem_bench.verifying.clips import check_clips
from spfem_bench.verifying.contents import ROWS, Contents, read_contents
from spfem_bench.verifying.files import check_files, survey
from spfem_bench.verifying.model import Check, Problem, Verification
from spfem_bench.verifying.rescoring import check_scores, rebuild
from spfem_bench.verifying.rows import check_rows, read_lines
from spfem_bench.verifying.table import check_table

_DEPENDENT = ("rows", "clips", "scores", "table")


def verify_bundle(
    folder: Path, *, suite: str | None = None, progress: Progress | None = None
) -> Verification:
    """Check a bundle against itself; reads only regular files inside it, needs neither torch nor a GPU.

    Args:
        folder: of the bundle.
        suite: name or path of its suite, where it is not installed under the name the bundle gives.
        progress: told of every output that is decoded, which is what takes time.

    Raises:
        UsageError: there is no such folder.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder: give the folder of a run bundle")
    files, foreign = survey(folder)
    contents, documents = read_contents(folder, files)
    first = [check_files(folder, files, foreign, contents), documents]
    why = _unusable(contents, files, documents)
    if why:
        return Verification(str(folder), contents.title, [*first, *_skipped(why)])
    try:
        rest = _dependent(folder, files, contents, suite, progress or SilentProgress())
    except IntegrityError as error:
        broken = Check("rows", "tables of rows can be read", 0, 1, [Problem(ROWS, str(error))])
        rest = [broken, *_skipped(ROWS)[1:]]
    return Verification(str(folder), contents.title, [*first, *rest])


def _dependent(
    folder: Path, files: set[str], contents: Contents, suite: str | None, progress: Progress
) -> list[Check]:
    """The checks that need every document and the rows."""
    lines = read_lines(folder)
    rebuilt = rebuild(contents, suite)
    return [
        check_rows(lines, contents),
        check_clips(folder, files, contents, lines, progress),
        check_scores(folder, contents, lines, rebuilt),
        check_table(contents, files, lines, rebuilt, suite),
    ]


def _unusable(contents: Contents, files: set[str], documents: Check) -> str:
    """Why the checks on contents cannot be made; empty where they can."""
    parts = {
        "spec.json": contents.spec is not None,
        "trials.jsonl": contents.plan is not None,
        "scores.json": contents.scores is not None,
        ROWS: ROWS in files,
    }
    missing = [name for name, found in parts.items() if not found]
    unsafe = dict.fromkeys(problem.subject for problem in documents.problems if problem.subject in parts)
    return ", ".join(missing or unsafe)


def _skipped(why: str) -> list[Check]:
    problem = Problem("this check", f"was not made: {why} cannot be used", "unverifiable")
    return [Check(name, "checked", 0, 0, [problem]) for name in _DEPENDENT]
