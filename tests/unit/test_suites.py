from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from spfem_bench.errors import ConfigError, IntegrityError, MissingWeightsError, PluginError, UsageError
from spfem_bench.registry import resolve
from spfem_bench.resources import list_configs
from spfem_bench.suites import build_suite, load_suite
from spfem_metrics import DefinitionError, Media, WeightsError
from tests.support.worlds import TINY

TEXT = Path(TINY).read_text()
HERE = "tests.unit.test_suites"


def written(tmp_path: Path, text: str) -> str:
    (tmp_path / "mine.yaml").write_text(text)
    return str(tmp_path / "mine.yaml")


def with_extractors(tmp_path: Path, **parts: str) -> str:
    lines = "".join(f'  {name}: {{factory: "{HERE}:{factory}"}}\n' for name, factory in parts.items())
    return written(tmp_path, re.sub(r"extractors:\n.*\n", f"extractors:\n{lines}", TEXT))


@dataclass(frozen=True)
class Part:
    name: str
    definition: str
    requires: Sequence[str] = ()

    def start(self, media: Media) -> Any:
        raise AssertionError("nothing is extracted here")


def luma(*, weights: Mapping[str, Path], device: str) -> Part:
    return Part("luma", f"luma-on-{device}", ("faces",))


def faces(*, weights: Mapping[str, Path], device: str) -> Part:
    return Part("faces", "faces-v1")


def circular(*, weights: Mapping[str, Path], device: str) -> Part:
    return Part("faces", "faces-v1", ("luma",))


def undefined(*, weights: Mapping[str, Path], device: str) -> Part:
    raise DefinitionError("two of one name")


def unsafe(*, weights: Mapping[str, Path], device: str) -> Part:
    raise WeightsError("net.pt: not a state_dict")


def test_a_suite_is_data_until_it_is_built() -> None:
    suite = load_suite(TINY)
    assert (suite.name, suite.valid_on, list(suite.extractors)) == ("tiny", ("real", "rendered"), ["luma"])
    built = build_suite(suite)
    assert [metric.info.name for metric in built.metrics] == ["luma-drift", "luma-set"]
    assert built.definitions() == {"luma": "mean-rgb-v1"}
    assert built.signature(built.metrics[0]).line == "luma-drift|v1|luma:mean-rgb-v1|miss:exclude"


def test_only_what_the_wanted_metrics_need_is_built(tmp_path: Path) -> None:
    extra = f'  unused: {{factory: "{HERE}:undefined"}}\nmetrics:'
    suite = load_suite(written(tmp_path, TEXT.replace("metrics:", extra)))
    built = build_suite(suite, only=("luma-set",))
    assert [metric.info.name for metric in built.metrics] == ["luma-set"]
    assert list(built.extractors) == ["luma"]


def test_requirements_come_first_and_stand_in_the_definition(tmp_path: Path) -> None:
    suite = load_suite(with_extractors(tmp_path, luma="luma", faces="faces"))
    built = build_suite(suite, "cuda:1")
    assert list(built.extractors) == ["faces", "luma"]
    assert built.definitions()["luma"] == "luma-on-cuda:1+faces-v1"


@pytest.mark.parametrize("parts", [{"luma": "luma"}, {"luma": "luma", "faces": "circular"}])
def test_a_requirement_that_nobody_meets_is_refused(tmp_path: Path, parts: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match=r"extractor (faces|luma) is missing or requires itself"):
        build_suite(load_suite(with_extractors(tmp_path, **parts)))


@pytest.mark.parametrize(
    ("factory", "kind", "said"),
    [
        ("undefined", ConfigError, "does not take these options: two of one name"),
        ("unsafe", IntegrityError, r"net\.pt: not a state_dict"),
        ("nothing", PluginError, "has no 'nothing'"),
        ("HERE", ConfigError, "not callable"),
    ],
)
def test_a_factory_that_fails_is_named(
    tmp_path: Path, factory: str, kind: type[Exception], said: str
) -> None:
    with pytest.raises(kind, match=said):
        build_suite(load_suite(with_extractors(tmp_path, luma=factory)))


def test_unknown_weights_are_refused_with_the_nearest_name(tmp_path: Path) -> None:
    text = TEXT.replace('tiny:luma"}', 'tiny:luma", weights: {model: mobilefacent}}')
    with pytest.raises(UsageError, match="mobilefacenet"):
        build_suite(load_suite(written(tmp_path, text)))


def test_missing_weights_name_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPFEM_BENCH_CACHE_DIR", str(tmp_path))
    monkeypatch.delenv("SPFEM_BENCH_WEIGHTS", raising=False)
    text = TEXT.replace('tiny:luma"}', 'tiny:luma", weights: {model: mobilefacenet}}')
    suite = load_suite(written(tmp_path, text))
    assert suite.weight_names == ["mobilefacenet"]
    with pytest.raises(MissingWeightsError, match="run `spfem-bench weights fetch mobilefacenet`"):
        build_suite(suite)


def test_metrics_are_chosen_by_name() -> None:
    with pytest.raises(UsageError, match=r"no metric 'luma-sett'\. Did you mean 'luma-set'\?"):
        build_suite(load_suite(TINY), only=("luma-sett",))


def test_two_metrics_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="lists luma-drift twice"):
        build_suite(load_suite(written(tmp_path, TEXT + '  - {factory: "tests.support.tiny:luma_drift"}\n')))


def test_the_wrong_kind_of_data_is_refused_or_stamped(tmp_path: Path) -> None:
    suite = load_suite(written(tmp_path, TEXT.replace("[real, rendered]", "[rendered]")))
    assert suite.refuse_kind("rendered", force=False) == ""
    with pytest.raises(UsageError, match="valid on rendered clips only, these are real"):
        suite.refuse_kind("real", force=False)
    assert suite.refuse_kind("real", force=True).startswith("NOT A RESULT")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ((": [real, rendered]", ": [reel]"), "reel"),
        (("valid-on: [real, rendered]", "valid-on: []"), "valid-on"),
        (("about: For tests of the harness itself.\n", ""), "about"),
        (('"tests.support.tiny:luma_set"', "7"), "metrics"),
        (("factory: ", "factoy: "), "factoy"),
    ],
)
def test_a_malformed_file_names_the_key(tmp_path: Path, change: tuple[str, str], said: str) -> None:
    assert change[0] in TEXT
    with pytest.raises(ConfigError, match=rf"mine\.yaml.*{said}"):
        load_suite(written(tmp_path, TEXT.replace(*change)))


@pytest.mark.parametrize("name", list_configs("suites"))
def test_every_shipped_suite_can_be_read_and_names_known_weights(name: str) -> None:
    from spfem_bench.weights import registry

    suite = load_suite(name)
    assert suite.name == name
    assert set(suite.weight_names) <= set(registry())
    assert all(why for _, why in suite.left_out)


def test_the_rendered_suite_measures_what_it_should_and_refuses_other_clips() -> None:
    suite = load_suite("synthetic-v1")
    names = {
        resolve("spfem_bench.metrics", part.factory, {})(**part.options).info.name for part in suite.metrics
    }
    assert len(names) == len(suite.metrics)
    assert names >= {
        "frechet-perceptual", "kid-perceptual", "perceptual-distance", "ssim", "psnr",
        "emotion-accuracy", "expression-similarity", "identity-similarity", "text-alignment", "text-margin",
        "lse-c", "lse-d", "landmark-distance", "mouth-distance", "mouth-correlation",
        "flicker", "head-pose-drift", "gaze-drift",
    }  # fmt: skip
    assert suite.weight_names == []
    assert suite.refuse_kind("rendered", force=False) == ""
    with pytest.raises(UsageError, match=r"valid on rendered clips only, these are real.*--force"):
        suite.refuse_kind("real", force=False)
    assert suite.refuse_kind("real", force=True).startswith("NOT A RESULT")


def test_the_rendered_suite_builds_and_its_signatures_name_every_network() -> None:
    judges = Path(str(files("spfem_metrics.synthetic"))) / "judges"
    if not (judges / "clip.safetensors").is_file():
        pytest.skip("the judges are not trained yet: spfem-bench train metrics")
    suite = load_suite("synthetic-v1")
    built = build_suite(suite)
    lines = {metric.info.name: built.signature(metric).line for metric in built.metrics}
    assert len(set(lines.values())) == len(suite.metrics)
    assert "judge-landmarks@" in lines["mouth-correlation"]
    assert "judge-identity@" in lines["identity-similarity"]
    assert "judge-perceptual@" in lines["frechet-perceptual"]
    assert "judge-perceptual@" in lines["perceptual-distance"]
    assert "sync@" in lines["lse-c"]
    assert lines["text-alignment"].count("@") > 3
