"""``spfem-bench certify``: what the metrics of a suite see, measured and stored."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from spfem_bench.cli._frame import device_option, echo_json, json_option, output_option, verbose_option
from spfem_bench.cli.data import field_option

if TYPE_CHECKING:
    from spfem_bench.certify.certificate import Certificate
    from spfem_bench.certify.spec import CertifySpec

_SECONDS = {"rendered": 3.0, "real": 2.0}
_SIZE = {"rendered": 128, "real": 512}


@click.command("certify")
@click.argument("suite")
@click.option(
    "--dataset", metavar="KIND:PATH", default="", help="Real clips; without it people are rendered."
)
@field_option
@click.option("--claims", type=click.Path(path_type=Path), help="Claims other than those of configs/certify.")
@click.option("--trials", type=click.IntRange(min=2), default=24, show_default=True, help="At most so many.")
@click.option(
    "--speakers", type=click.IntRange(min=1), default=12, show_default=True, help="At most so many."
)
@click.option(
    "--seconds", type=click.FloatRange(min=1.2), help="Of each clip; 3 rendered, 2 real by default."
)
@click.option("--size", type=click.IntRange(min=32), help="Longer side in pixels; 128 rendered, 512 real.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of what degradations draw.")
@click.option("--workers", type=click.IntRange(min=1), default=1, show_default=True, help="Processes.")
@click.option("--threads", type=click.IntRange(min=1), default=1, show_default=True, help="Of torch in each.")
@device_option
@output_option("Folder for the certificate; default leaderboards/certificates.")
@click.option("--plots/--no-plots", default=True, show_default=True, help="Draw sheets (needs matplotlib).")
@click.option("--check", is_flag=True, help="Write nothing; exit 3 where a claim of the stored one is lost.")
@json_option
@verbose_option
def certify(suite: str, output: Path | None, plots: bool, check: bool, as_json: bool, **given: Any) -> None:
    """Certify SUITE: degrade clips by known amounts and see which metrics follow.

    What each metric must see and must not see stands in configs/certify, written down beforehand. A metric
    that fails its own claim is a result (exit 0), reported as failing.
    """
    from spfem_bench.certify.certificate import read_certificate
    from spfem_bench.certify.marks import FOLDER, shipped_certificates
    from spfem_bench.errors import NotComparableError

    spec = _spec(suite, given)
    stored = (
        output or shipped_certificates() or Path(FOLDER)
    ) / f"{spec.claims.suite}-{spec.claims.kind}.json"
    if check and not stored.is_file():
        raise NotComparableError(f"{stored} is not there to check against: run without --check first")
    known = read_certificate(stored) if check else None
    found = _run(spec, given)
    if known is None:
        _write(found, output or Path(FOLDER), plots=plots)
    _say(found, as_json=as_json)
    if known is not None:
        _compare(known, found)


def _spec(suite: str, given: Mapping[str, Any]) -> CertifySpec:
    from spfem_bench.certify.claims import load_claims
    from spfem_bench.certify.spec import CertifySpec
    from spfem_bench.certify.terms import Kind
    from spfem_bench.device import resolve_device
    from spfem_bench.paths import features_cache
    from spfem_bench.suites import load_suite

    kind: Kind = "real" if given["dataset"] else "rendered"
    return CertifySpec(
        suite=suite,
        claims=load_claims(load_suite(suite).name, kind, given["claims"]),
        cache=features_cache(),
        dataset=given["dataset"],
        fields=tuple(sorted(given["fields"].items())),
        trials=given["trials"],
        speakers=given["speakers"],
        seed=given["seed"],
        seconds=given["seconds"] or _SECONDS[kind],
        size=given["size"] or _SIZE[kind],
        device=resolve_device(given["device"]).name,
        threads=given["threads"],
    )


def _run(spec: CertifySpec, given: Mapping[str, Any]) -> Certificate:
    from spfem_bench.certify.run import certify as run
    from spfem_bench.engine import LocalEngine
    from spfem_bench.progress import for_stream

    with for_stream() as progress:
        return run(spec, _command(spec), engine=LocalEngine(given["workers"]), progress=progress)


def _command(spec: CertifySpec) -> str:
    """The command that makes the certificate again, without this machine's folders."""
    reader, _, folder = spec.dataset.rpartition(":")
    dataset = [f"--dataset {reader}:{Path(folder).name}"] if spec.dataset else []
    fields = [f"--field {name}={key}" for name, key in spec.fields]
    numbers = [
        f"--{name} {getattr(spec, name):g}" for name in ("trials", "speakers", "seconds", "size", "seed")
    ]
    return " ".join(["spfem-bench certify", Path(spec.suite).stem, *dataset, *fields, *numbers])


def _write(found: Certificate, folder: Path, *, plots: bool) -> None:
    from spfem_bench.certify.certificate import write_certificate
    from spfem_bench.certify.plot import draw
    from spfem_bench.certify.report import render_report
    from spfem_bench.fsio import write_atomically

    path = write_certificate(found, folder)
    write_atomically(path.with_suffix(".md"), render_report(found))
    sheets = draw(found, folder) if plots else []
    for written in (path, path.with_suffix(".md"), *sheets):
        click.echo(f"written: {written}", err=True)


def _say(found: Certificate, *, as_json: bool) -> None:
    from spfem_bench.certify.certificate import to_plain
    from spfem_bench.certify.report import render_summary

    if as_json:
        echo_json(to_plain(found))
    else:
        click.echo(render_summary(found))


def _compare(stored: Certificate, found: Certificate) -> None:
    """Say that nothing is lost.

    Raises:
        LostClaimError: something is.
        NotComparableError: the two are of different definitions or claims.
    """
    from spfem_bench.certify.against import LostClaimError, lost_claims

    lost = lost_claims(stored, found)
    if lost:
        raise LostClaimError(f"{len(lost)} claims of {stored.stem} are lost: {'; '.join(lost)}")
    click.echo(f"every claim that held in {stored.stem} holds", err=True)
