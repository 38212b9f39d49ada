"""``plot``: pictures of bundles, and one sentence where there can be none."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from spfem_bench.certify.certificate import write_certificate
from spfem_bench.errors import ExitCode
from spfem_bench.stages.render import leaderboard_of
from tests.support.command import done, invoke
from tests.support.worlds import TINY, make_folder
from tests.unit.test_plots_certificates import certificate, metric

pytest.importorskip("matplotlib")

PNG = b"\x89PNG"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model on three people."""
    root = tmp_path_factory.mktemp("plot")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("SPFEM_BENCH_CACHE_DIR", str(root / "cache"))
        manifest = make_folder(root / "data")
        made = ["--adapter", "tests.support.adapters:brighten", "-o", root / "bundle"]
        done("run", "--dataset", f"folder:{manifest}", "--protocol", "open/cross-id@1", "--suite", TINY,
             "--no-bounds", *made)  # fmt: skip
    return root / "bundle"


def test_bars_per_emotion(bundle: Path, tmp_path: Path) -> None:
    result = invoke("plot", bundle, "--kind", "emotions", "--metric", "luma-drift", "-o", tmp_path / "e.png")
    assert (result.exit_code, result.stdout) == (0, ""), result.stderr
    assert f"written: {tmp_path / 'e.png'}" in result.stderr
    assert (tmp_path / "e.png").read_bytes().startswith(PNG)


def test_two_metrics_against_each_other(bundle: Path, tmp_path: Path) -> None:
    done("plot", bundle, "--x", "luma-drift", "--y", "luma-set", "-o", tmp_path / "t.svg")
    assert "<svg" in (tmp_path / "t.svg").read_text()
    done("plot", bundle, bundle, "--x", "luma-drift", "--y", "luma-set", "-o", tmp_path / "t.pdf")
    assert (tmp_path / "t.pdf").read_bytes().startswith(b"%PDF")


def test_curves_of_certificates_of_the_same_definition_and_kind_of_data(bundle: Path, tmp_path: Path) -> None:
    signature = leaderboard_of(bundle).columns[0].signature
    made = replace(metric(), name=signature.name, signature=signature.line, digest=signature.digest)
    folder = tmp_path / "certificates"
    folder.mkdir()
    asked = ["plot", bundle, "--kind", "certificate", "--certificates", folder, "-o", tmp_path / "c.png"]
    write_certificate(certificate(made), folder)  # of rendered clips, which say nothing of real ones
    other = invoke(*asked)
    assert other.exit_code == ExitCode.USAGE
    assert "no certificate makes a claim about luma-drift, luma-set by the definitions of" in other.stderr
    write_certificate(replace(certificate(made), kind="real"), folder)
    done(*asked)
    assert (tmp_path / "c.png").read_bytes().startswith(PNG)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("-o", "x.gif"), "x.gif must end with .png, .pdf or .svg"),
        (("--kind", "emotions", "--metric", "luma-drft", "-o", "x.png"), "did you mean 'luma-drift'?"),
        (("--kind", "emotions", "--x", "luma-set", "-o", "x.png"), "--x and --y are for tradeoff"),
        (("--metric", "luma-set", "-o", "x.png"), "name the axes by --x and --y"),
        (("--x", "luma-set", "-o", "x.png"), "pass --y, one of luma-drift, luma-set"),
        (("--kind", "radar", "-o", "x.png"), "'radar' is not one of"),
        ((), "Missing option '-o' / '--output'"),
    ],
)
def test_what_cannot_be_drawn_is_one_sentence(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = invoke("plot", bundle, *options)
    assert result.exit_code == ExitCode.USAGE
    assert said in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_without_matplotlib_it_says_how_to_get_it(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    result = invoke("plot", bundle, "-o", tmp_path / "x.png")
    assert result.exit_code == ExitCode.USAGE
    assert result.stderr.strip() == "spfem-bench: plots need matplotlib: pip install 'spfem-bench[plot]'"
