"""Claims: what ships fits its suite, and what is malformed is refused with the mend."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from spfem_bench.certify.claims import Ignores, Sees, load_claims
from spfem_bench.errors import ConfigError
from spfem_bench.registry import resolve
from spfem_bench.resources import list_configs
from spfem_bench.suites import load_suite
from tests.support.certify import claims, claims_plain, write_claims


@pytest.mark.parametrize("name", list_configs("certify"))
def test_shipped_claims_are_of_metrics_their_suite_has(name: str) -> None:
    suite_name, _, kind = name.rpartition("-")
    made = load_claims(suite_name, kind)  # type: ignore[arg-type]
    suite = load_suite(suite_name)
    assert made.kind in suite.valid_on
    infos = [resolve("spfem_bench.metrics", p.factory, {})(**p.options).info for p in suite.metrics]
    assert set(made.metrics) == {info.name for info in infos}
    for metric, own in made.metrics.items():
        assert any(isinstance(claim, Sees) for claim in own), f"{metric} claims to see nothing"


def test_claims_are_read_and_their_digest_covers_every_number(tmp_path: Path) -> None:
    made = load_claims("tiny", "real", write_claims(tmp_path / "claims.yaml"))
    assert made == claims()
    assert made.metrics["luma-drift"] == [
        Sees("colour"),
        Sees("identity-blend"),
        Ignores("blur", 0.2, of="colour"),
    ]
    plain = claims_plain()
    plain["degradations"]["colour"] = [0.05, 0.1, 0.21]
    assert claims(degradations=plain["degradations"]).digest != made.digest
    assert claims().plain() == made.plain()


def metrics(**entry: Any) -> dict[str, Any]:
    return {"metrics": {"luma-drift": entry}}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"degradations": {"blurr": [1.0]}}, "no degradation 'blurr'. Did you mean 'blur'?"),
        ({"degradations": {"blur": [0.2, 0.1]}}, "the levels of blur must rise"),
        ({"degradations": {"blur": [0.0]}}, "degradations.blur[0]"),
        (metrics(sees={"jpeg": "worse"}), "metric luma-drift: no degradation 'jpeg'"),
        (metrics(sees={"blur": "better"}), 'may not be "better"'),
        (metrics(ignores={"blur": {"within": 0.1, "of": "colour"}}), "which it does not claim to see"),
        (metrics(sees={"blur": "worse"}, ignores={"blur": {"within": 1}}), "both sees and ignores blur"),
        ({"kind": "real", "suite": "other"}, "claims for other on real clips, not for tiny"),
        ({"more": 1}, "unknown key 'more'"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    path = write_claims(tmp_path / "claims.yaml", **changes)
    with pytest.raises(ConfigError) as error:
        load_claims("tiny", "real", path)
    assert said in str(error.value)
    assert str(path) in str(error.value)


def test_a_suite_without_claims_says_which_there_are() -> None:
    with pytest.raises(ConfigError, match="there are portable-v1-real"):
        load_claims("portable-v1", "rendered")
