"""Every metric of portable-v1 passes its admission test on real clips, or stands under ``left-out``."""

from __future__ import annotations

import subprocess
import sys

import pytest

from spfem_bench.registry import resolve
from spfem_bench.suites.load import load_suite
from spfem_metrics.admission import CHECKS, Check, Material, read_material

pytestmark = [pytest.mark.real, pytest.mark.slow]

FRAMES = 50
CLIPS = (
    "grid-id2_vcd_swwp2s",
    "grid-pwij3p",
    "grid-lbax4n",
    "pcavs-741400104",
    "pcavs-741400163",
    "expressive-furious_talk1_clip1",
    "expressive-furious_talk2_clip6",
    "expressive-happyenglish_clip1",
    "expressive-sadfather_clip1",
    "expressive-sadgirl_clip1",
    "liveportrait-d12",
)


@pytest.fixture(scope="session")
def material(fixtures_dir, weights_dir) -> Material:
    return read_material(fixtures_dir, weights_dir, CLIPS, limit=FRAMES)


@pytest.fixture(scope="session")
def admitted() -> set[str]:
    suite = load_suite("portable-v1")
    return {resolve("spfem_bench.metrics", m.factory, {})(**m.options).info.name for m in suite.metrics}


@pytest.fixture(scope="session")
def checked(material) -> list[Check]:
    return [check for group in CHECKS for check in group(material)]


def test_every_admitted_metric_has_a_check(checked, admitted):
    assert admitted == {check.metric for check in checked}


def test_every_claim_of_an_admitted_metric_holds(checked, admitted):
    failed = [check.line for check in checked if check.metric in admitted and not check.passed]
    assert not failed, "\n".join(failed)


def test_no_claim_rests_on_nothing(checked):
    assert all(check.better and check.worse for check in checked)


def test_the_command_prints_the_numbers_and_fails_where_a_claim_does(fixtures_dir, weights_dir):
    # two clips of one man, both labelled, none talking: the speech claims have nothing to rest on
    command = [
        sys.executable,
        "-m",
        "spfem_metrics.admission",
        str(fixtures_dir),
        "--weights",
        str(weights_dir),
    ]
    few = ["--frames", "8", "--clips", "expressive-furious_talk1_clip1", "expressive-furious_talk2_clip6"]
    done = subprocess.run([*command, *few], capture_output=True, text=True, check=False)
    assert done.returncode == 3, done.stderr
    assert "not admitted:" in done.stdout
    assert "FAIL mouth-correlation" in done.stdout
    unknown = subprocess.run([*command, "--clips", "nobody"], capture_output=True, text=True, check=False)
    assert unknown.returncode == 2
    assert "has no clip nobody" in unknown.stderr
