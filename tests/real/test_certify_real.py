"""A small certification of portable-v1 on real clips: what is made of them is what the document says."""

from __future__ import annotations

from pathlib import Path

import pytest

from spfem_bench.certify.certificate import Certificate
from spfem_bench.certify.claims import parse_claims
from spfem_bench.certify.run import certify
from spfem_bench.certify.spec import CertifySpec
from tests.support.real import FACES, linked

pytestmark = [pytest.mark.real, pytest.mark.slow]

CLAIMS = {
    "suite": "portable-v1",
    "kind": "real",
    "about": "For tests.",
    "degradations": {"late-picture": [5], "identity-swap": [1.0], "words-swap": [1.0]},
    "metrics": {"identity-similarity": {"sees": {"identity-swap": "worse"}}},
}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory, fixtures_dir: Path, weights_dir: Path) -> Certificate:
    folder = tmp_path_factory.mktemp("certify")
    dataset = linked(folder / "clips", fixtures_dir, FACES)
    claims = parse_claims(CLAIMS, "a test")
    asked = CertifySpec(
        "portable-v1",
        claims,
        folder / "cache",
        dataset,
        trials=3,
        speakers=3,
        seconds=1.4,
        size=192,
        threads=1,
    )
    return certify(asked, "spfem-bench certify portable-v1")


def changes(found: Certificate, metric: str, degradation: str) -> list[float | None]:
    own = next(item for item in found.metrics if item.name == metric)
    line = next(item for item in own.lines if item.degradation == degradation)
    return [point.change for point in line.points]


def test_another_person_is_another_identity(found: Certificate) -> None:
    change = changes(found, "identity-similarity", "identity-swap")[1]
    assert change is not None
    assert change < -0.5  # strangers reach .01, a copy 1


def test_a_late_picture_is_late_by_its_frames(found: Certificate) -> None:
    lag = changes(found, "mouth-lag", "late-picture")[1]
    assert lag is not None
    assert lag == pytest.approx(5 / 27, abs=0.04)  # clips of 25 and 30 frames a second


def test_nothing_is_made_of_clips_that_do_not_allow_it(found: Certificate) -> None:
    scenes = {made.name: made.scenes for made in found.degradations}
    assert scenes == {"late-picture": 3, "identity-swap": 3, "words-swap": 0}


def test_noise_of_the_camera_moves_no_identity(found: Certificate) -> None:
    identity = next(item for item in found.metrics if item.name == "identity-similarity")
    assert identity.floor < 0.05
