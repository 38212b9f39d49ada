"""A whole certification: scenes through an engine, then one certificate."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from spfem_bench.certify.certificate import Certificate
from spfem_bench.certify.issue import check_names, issue
from spfem_bench.certify.spec import CertifySpec
from spfem_bench.certify.work import Measured, do_scene, material_of
from spfem_bench.engine import Engine, LocalEngine
from spfem_bench.progress import Progress, SilentProgress
from spfem_bench.suites import build_suite, load_suite


def certify(
    spec: CertifySpec,
    command: str,
    *,
    engine: Engine | None = None,
    progress: Progress | None = None,
) -> Certificate:
    """Measure every scene and write down what was seen.

    Args:
        spec: what to do.
        command: that is recorded as making the certificate again.
        engine: where; this process by default.
        progress: told of every scene; silent by default.

    Raises:
        BenchError: whatever stops it; scenes that were finished stay in the cache.
    """
    suite = load_suite(spec.suite)
    suite.refuse_kind(spec.claims.kind, force=False)
    built, material = build_suite(suite, spec.device), material_of(spec)
    check_names(spec.claims, built)
    found = _measured(spec, material.count, engine or LocalEngine(), progress or SilentProgress())
    return issue(spec, built, material, found, command)


def _measured(spec: CertifySpec, count: int, engine: Engine, progress: Progress) -> Sequence[Measured]:
    progress.start("certify", count)
    found = []
    for item in engine.map(partial(do_scene, spec), range(count)):
        progress.advance("certify", item.trial)
        if item.skipped:
            progress.note(f"{item.trial} left out: {item.skipped}")
        found.append(item)
    progress.finish("certify")
    return found
