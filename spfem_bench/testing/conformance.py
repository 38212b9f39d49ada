"""`check_conformance`: whether an adapter can be trusted with a benchmark, one row for each thing it must do.

from spfem_bench.testing import check_conformance

def test_my_model() -> None:
    check_conformance(my_model(), text="my_package:my_model").require()
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from spfem_baselines import Adapter, Request
from spfem_bench.config import near_miss
from spfem_bench.errors import UsageError
from spfem_bench.testing.conformance_checks import CHECKS, NotTriedError, Subject
from spfem_bench.testing.declared import Declared
from spfem_bench.testing.trying import inputs_of, rendered_requests, snapshot


@dataclass(frozen=True)
class Check:
    """One row of a report.

    Args:
        name: of the check.
        passed: None where it does not apply.
        sentence: what was seen, on one line.
    """

    name: str
    passed: bool | None
    sentence: str


@dataclass(frozen=True)
class Conformance:
    """What became of every check.

    Args:
        adapter: its name.
        checks: in the order they were made.
    """

    adapter: str
    checks: tuple[Check, ...]

    @property
    def faults(self) -> tuple[Check, ...]:
        """The checks that failed."""
        return tuple(check for check in self.checks if check.passed is False)

    @property
    def passed(self) -> bool:
        """Whether no check failed."""
        return not self.faults

    def lines(self) -> list[str]:
        """The report for people, a line for each check."""
        marks = {True: "ok", False: "FAULT", None: "-"}
        return [f"{marks[check.passed]:5}  {check.name:13}  {check.sentence}" for check in self.checks]

    def plain(self) -> dict[str, Any]:
        """The report for programs."""
        rows = [vars(check) for check in self.checks]
        return {"adapter": self.adapter, "passed": self.passed, "checks": [dict(row) for row in rows]}

    def require(self) -> Conformance:
        """The report itself.

        Raises:
            AssertionError: a check failed; the message has a line for each fault.
        """
        if self.faults:
            lines = [f"  {check.name}: {check.sentence}" for check in self.faults]
            count = "a fault" if len(lines) == 1 else f"{len(lines)} faults"
            raise AssertionError("\n".join([f"{self.adapter} has {count}:", *lines]))
        return self


def check_conformance(
    adapter: Adapter,
    *,
    text: str | None = None,
    requests: Sequence[Request] = (),
    clips: Path | None = None,
    only: Sequence[str] = (),
    declared: Declared | None = None,
) -> Conformance:
    """Try an adapter on rendered people, with what is sound and with what is broken.

    Args:
        adapter: what is tried; each check makes one to four outputs of two seconds.
        text: the adapter as the command line takes it (``module:factory``, ``baseline:NAME``): with it, a
            fresh process is asked too.
        requests: two requests over different sources instead of the rendered ones, for models that find no
            face in a rendered picture.
        clips: folder where the rendered clips are kept, to be used again; a temporary one by default.
        only: names of `CHECKS`; all by default.
        declared: the size of its outputs, and the frames they leave out; by default what the manifest of a
            wrapped model says, and of any other adapter the source's size and every frame.

    Returns:
        One row for each check; ``require()`` raises where one failed.

    Raises:
        UsageError: there is no check of that name, or there are fewer than two requests.
    """
    for name in only:
        if name not in CHECKS:
            raise UsageError(
                f"there is no check '{name}'.{near_miss(name, CHECKS)} There are: {', '.join(CHECKS)}"
            )
    if len(requests) == 1:
        raise UsageError("give two requests over different sources, or none")
    with TemporaryDirectory(prefix="spfem-conformance-") as folder:
        subject = _subject(adapter, text, requests, clips or Path(folder, "clips"), Path(folder))
        subject = replace(subject, said=declared)
        rows = [_row(name, subject) for name in CHECKS if not only or name in only]
    return Conformance(str(getattr(adapter, "name", type(adapter).__name__)), tuple(rows))


def _subject(
    adapter: Adapter, text: str | None, requests: Sequence[Request], clips: Path, folder: Path
) -> Subject:
    asked = requests or rendered_requests(adapter, clips)
    own = None if requests else clips
    return Subject(adapter, asked, own, folder, text, snapshot(inputs_of(asked)))


def _row(name: str, subject: Subject) -> Check:
    passed: bool | None = True
    try:
        sentence = CHECKS[name](subject)
    except NotTriedError as why:
        passed, sentence = None, str(why)
    except AssertionError as fault:
        passed, sentence = False, str(fault)
    return Check(name, passed, " ".join(sentence.replace(f"{subject.folder}/", "").split()))
