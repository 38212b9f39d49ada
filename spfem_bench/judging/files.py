"""The edge of judging: paths in, a decision out; what the command line and the pytest plug-in share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from spfem_bench.config import load_yaml
from spfem_bench.errors import ConfigError, IncompleteError, NotComparableError
from spfem_bench.judging.bundles import Bundle, read_bundle
from spfem_bench.judging.compare import Options, compare
from spfem_bench.judging.gate import Decision, Policy, decide
from spfem_bench.judging.tolerances import (
    Tolerance,
    Tolerances,
    certified_floors,
    parse_tolerance,
    parse_tolerances,
)
from spfem_bench.resources import config_path

if TYPE_CHECKING:
    from spfem_bench.judging.noise import Floor


@dataclass(frozen=True)
class Allowed:
    """Where allowances come from.

    Args:
        stated: as on the command line, ``METRIC=SIZE`` or ``METRIC=SHARE%``.
        noise: file of `calibrate`, None without one.
        certificates: folder; those that travel with the package where None.
    """

    stated: Sequence[str] = ()
    noise: Path | None = None
    certificates: Path | None = None


def read_baseline(path: Path) -> Bundle:
    """The bundle that a gate holds a candidate against.

    Raises:
        NotComparableError: there is none: a gate without a baseline compares nothing and must not pass.
        IntegrityError: it is damaged.
    """
    if not (path / "spec.json").is_file():
        raise NotComparableError(
            f"there is no baseline: {path} is no run bundle; keep the bundle of an accepted run there"
        )
    try:
        return read_bundle(path)
    except IncompleteError as error:
        raise NotComparableError(f"there is no baseline: {error}") from error


def read_tolerances(bundle: Bundle, allowed: Allowed) -> Tolerances:
    """Everything that may allow this bundle's numbers to move.

    Raises:
        UsageError: a stated tolerance or the noise file cannot be read.
        NotComparableError: the noise was measured on other data.
        IntegrityError: the noise file or a certificate is damaged.
    """
    from spfem_bench.certify.marks import read_certificates, shipped_certificates

    certificates = read_certificates(allowed.certificates or shipped_certificates())
    return Tolerances(
        stated=parse_tolerances(allowed.stated, bundle.columns),
        suite=_of_suite(bundle.spec.get("suite", {}).get("name", "")),
        certified=certified_floors(certificates, bundle.spec["dataset"]["kind"]),
        floors=_floors(bundle, allowed.noise),
    )


def _of_suite(name: str) -> dict[str, Tolerance]:
    """What the suite's own file states under ``tolerances``; nothing where it is not installed here."""
    try:
        path = config_path("suites", name)
    except ConfigError:
        return {}
    stated = load_yaml(path).get("tolerances", {})
    return {metric: parse_tolerance(str(size)) for metric, size in stated.items()}


def gate_files(
    candidate: Path,
    baseline: Path,
    allowed: Allowed,
    policy: Policy,
    options: Options | None = None,
) -> Decision:
    """Read two bundles, compare them and decide.

    Args:
        candidate: folder of the bundle under test.
        baseline: folder of the accepted one.
        allowed: how far numbers may move.
        policy: what is asked for.
        options: what is compared; its tolerances are replaced by ``allowed``.

    Raises:
        BenchError: there is nothing to decide on: no baseline, no common ground, a damaged file.
    """
    accepted = read_baseline(baseline)
    asked = replace(options or Options(), tolerances=read_tolerances(accepted, allowed))
    return decide(compare(accepted, read_bundle(candidate), asked), policy)


def _floors(bundle: Bundle, path: Path | None) -> dict[str, Floor]:
    if path is None:
        return {}
    from spfem_bench.judging.noise import check_ground, read_noise

    noise = read_noise(path)
    check_ground(noise, bundle.spec, str(path))
    return noise.by_digest()
