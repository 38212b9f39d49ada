"""Manifests: what is read, what is refused, and what makes another adapter of a model."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from spfem_baselines import CannotGenerateError
from spfem_bench.adapters.command.manifest import (
    from_text,
    read_manifest,
    shipped,
    shipped_names,
    wrappers_dir,
)
from spfem_bench.adapters.command.parts import Crop, Input, Produced
from spfem_bench.digest import digest_of
from spfem_bench.errors import ConfigError, UsageError
from spfem_bench.schemas import explain_schema
from tests.support.foreign_manifests import manifest, manifest_file

CROP = {"rule": "face-static", "margin": 0}
ASSET: dict[str, Any] = {
    "name": "net",
    "path": "net.pth",
    "url": "https://example.org/net.pth",
    "sha256": "0" * 64,
    "bytes": 3,
    "licence": "MIT",
}


def test_seven_keys_are_enough(tmp_path: Path) -> None:
    small = manifest(tmp_path / "mine")
    assert small.input == Input("video")
    assert small.output == Produced("video")
    assert (small.title, small.batch, small.timeout.trial, small.seed) == ("mine", 1, 600.0, "ignored")
    assert small.bridge == (tmp_path / "mine" / "bridge.py").resolve()
    assert small.steps == ("first-frame-png@1", "video-mp4@1(crf:10)")
    assert not small.is_shipped
    assert small.reference == str(small.file)


def test_every_choice_of_an_input_becomes_a_signed_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spfem_bench.adapters.command.steps.finding.finder_name", lambda: "finder@1")
    given = {
        "kind": "video",
        "as": "png",
        "fps": "30000/1001",
        "crop": {"rule": "face-static", "margin": 0.25, "size": 128},
        "audio": {"rate": 16000},
        "steps": ["loop-reference", "openface-aus"],
    }
    shown = {"as": "video", "space": "crop"}
    full = manifest(tmp_path, input=given, output=shown, mode=["action-units"], labels=None)
    assert full.input.fps == Fraction(30000, 1001)
    assert full.input.crop == Crop("face-static", 0.25, 128)
    assert full.steps == (
        "resample-fps@1(30000/1001)",
        "face-crop@1(face-static,margin:0.25,size:128,finder:finder@1)",
        "loop-reference@1",
        "audio-wav@1(16000)",
        "first-frame-png@1",
        "frames-png@1",
        "openface-aus@1",
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"lables": {}}, "unknown key 'lables'. Did you mean 'labels'?"),
        ({"mode": ["labels"]}, "may not be \"labels\". Did you mean 'label'?"),
        ({"labels": {"hapy": "joy"}}, "unknown key 'hapy'. Did you mean 'happy'?"),
        ({"labels": None}, "mode label needs 'labels'"),
        ({"name": "Mine!"}, "'name'"),
        ({"format": "spfem-baseline@2"}, "'format' must be \"spfem-baseline@1\""),
        ({"input": {"kind": "video", "fps": "25fps"}}, "'input.fps'"),
        ({"input": {"kind": "video", "fps": 0}}, "'input.fps'"),
        ({"input": {"kind": "video", "crop": {"rule": "face-static"}}}, "lacks the key"),
        (
            {"input": {"kind": "video", "size": [8, 8], "crop": {**CROP, "size": 64}}},
            "the crop has its own size",
        ),
        (
            {"input": {"kind": "video", "crop": {**CROP, "size": 64}}},
            "'input.crop' is given, so 'output.space' has to be crop (or aligned-crop)",
        ),
        ({"output": {"as": "video", "space": "face"}}, "'output.space'"),
        ({"input": {"kind": "image", "audio": {"rate": 16000, "muxed": True}}}, "needs a video file"),
        ({"mode": ["action-units"]}, "needs the step openface-aus"),
        ({"command": ["{python}", "{bridge}"]}, "lacks {job}"),
        ({"command": ["{pyhton}", "{job}"]}, "{pyhton}, which means nothing"),
        ({"bridge": "elsewhere.py"}, "elsewhere.py does not exist"),
        ({"writable": ["tmp"]}, "need 'concurrency: one-at-a-time'"),
        ({"writable": ["../outside"], "concurrency": "one-at-a-time"}, "'writable"),
        ({"assets": [{**ASSET, "path": "/etc/passwd"}]}, "'assets[0].path'"),
        ({"assets": [{**ASSET, "sha256": None}]}, "the asset net has no sha256: say why"),
        ({"assets": [ASSET, ASSET]}, "two assets are named 'net'"),
        ({"upstream": {"repository": "https://x", "commit": None}}, "'upstream.commit' is null: say why"),
        ({"options": {"mode": "x"}}, "'mode'"),
    ],
)  # fmt: skip
def test_what_is_refused(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    file = manifest_file(tmp_path, **changes)
    with pytest.raises(ConfigError) as caught:
        read_manifest(file)
    assert said in str(caught.value)
    assert str(file) in str(caught.value)


def test_a_label_or_a_reason(tmp_path: Path) -> None:
    both = manifest(tmp_path, mode=["label", "reference"])
    assert both.label("happy") == "joy"
    with pytest.raises(CannotGenerateError, match="mine has labels for happy, sad, not for angry"):
        both.label("angry")
    assert both.chosen({"mode": "reference"}).label("angry") is None


def test_modes_and_options_are_chosen_by_text(tmp_path: Path) -> None:
    options = {"steps": 20, "scale": 1.5, "raw": False, "runner": "released"}
    file = manifest_file(tmp_path, mode=["label", "reference"], options=options)
    chosen = from_text(f"{file},mode=reference,steps=5,scale=2,raw=true,runner=own", is_file=True)
    assert (chosen.mode, chosen.system_name) == ("reference", "mine-reference")
    assert chosen.options == {"steps": 5, "scale": 2.0, "raw": True, "runner": "own"}
    assert from_text(str(tmp_path), is_file=True).options == options
    for text, said in (
        ("mode=refrence", "no mode 'refrence'. Did you mean 'reference'?"),
        ("step=5", "no option 'step'. Did you mean 'steps'?"),
        ("steps=many", "option steps must be like 20, not 'many'"),
        ("raw=yes", "option raw must be true or false"),
    ):
        with pytest.raises(UsageError) as caught:
            from_text(f"{file},{text}", is_file=True)
        assert said in str(caught.value)


def test_the_digest_has_all_that_moves_an_output_and_no_prose(tmp_path: Path) -> None:
    options = {"niter": 20}
    first = manifest(tmp_path / "a", options=options, mode=["label", "reference"])
    same = manifest(
        tmp_path / "b",
        options=options,
        mode=["label", "reference"],
        title="Another title",
        about="More words.",
        timeout={"start": 1, "trial": 2},
        batch=7,
    )
    assert first.digest == same.digest
    others = [
        first.chosen({"mode": "reference"}),
        first.chosen({"niter": "21"}),
        manifest(tmp_path / "c", options=options, mode=["label", "reference"], labels={"happy": "glad"}),
        manifest(
            tmp_path / "d", options=options, mode=["label", "reference"], input={"kind": "video", "fps": 25}
        ),
    ]
    (tmp_path / "b" / "bridge.py").write_text("print('another bridge')\n")
    digests = [first.digest, same.digest, *(other.digest for other in others)]
    assert len(set(digests)) == 6


def test_the_digest_has_all_that_is_said_of_the_output_and_of_variables(tmp_path: Path) -> None:
    """What fixes frame map, rate and space of a stored output is part of what the output is known by."""
    said = [
        {},
        {"dropped": {"head": 2}},
        {"dropped": {"tail": 2}},
        {"fps": "25"},
        {"fps": "source"},
        {"length": "audio"},
        {"space": "crop"},
        {"space": "aligned-crop"},
        {"audio": "source"},
        {"size": "prepared"},
        {"size": [64, 64]},
    ]
    outputs = [manifest(tmp_path / str(at), output={"as": "video", **one}) for at, one in enumerate(said)]
    named = [manifest(tmp_path / name, environment={"variables": [name]}) for name in ("ONE", "TWO")]
    assert len({one.digest for one in (*outputs, *named)}) == len(said) + 2


def test_the_document_is_plain_and_names_no_place_of_this_machine(tmp_path: Path) -> None:
    ours = manifest(
        tmp_path,
        command=["/opt/nets/bin/run", "--data=/data/secret", "{checkout}/tool.py", "{job}"],
        options={"net": "/data/nets/a.pth", "steps": 2},
        upstream={"repository": "https://example.org/x/y", "commit": "a" * 40},
        licence={"code": "MIT", "class": "permissive"},
    )
    document = ours.document
    assert json.loads(json.dumps(document)) == document
    assert digest_of(document) == ours.digest
    text = json.dumps(document)
    assert not any(place in text for place in ("/opt", "/data", str(tmp_path)))
    assert document["command"][2:] == ["{checkout}/tool.py", "{job}"]
    assert document["upstream"]["repository"] == "https://example.org/x/y"
    assert document["options"]["net"].startswith("path:a.pth@")
    other = manifest(tmp_path, options={"net": "/elsewhere/a.pth", "steps": 2})
    assert other.document["options"] != document["options"]


@pytest.mark.parametrize("text", ["mode", "asset"])
def test_valence_and_arousal_are_no_mode(tmp_path: Path, text: str) -> None:
    """No job has such values, so a program that was promised them would read what is not there."""
    wrong = ["valence-arousal"]
    changes = {"mode": wrong} if text == "mode" else {"assets": [{**ASSET, "mode": wrong}]}
    with pytest.raises(ConfigError, match="may not be"):
        read_manifest(manifest_file(tmp_path, **changes))


def test_the_assets_of_a_mode(tmp_path: Path) -> None:
    assets = [ASSET, {**ASSET, "name": "encoder", "mode": ["reference"]}]
    both = manifest(tmp_path, mode=["label", "reference"], assets=assets)
    assert [asset.name for asset in both.needed_assets] == ["net"]
    assert [asset.name for asset in both.chosen({"mode": "reference"}).needed_assets] == ["net", "encoder"]


def test_an_unknown_wrapper_gets_a_hint(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("spfem_bench.adapters.command.manifest.wrappers_dir", lambda: tmp_path)
    manifest_file(tmp_path / "mine")
    assert shipped_names() == ["mine"]
    assert shipped("mine").is_shipped
    with pytest.raises(UsageError, match=r"no wrapper named .mines.\. Did you mean .mine."):
        shipped("mines")


@pytest.mark.parametrize("name", shipped_names())
def test_every_shipped_manifest_reads(name: str) -> None:
    ours = shipped(name)
    assert ours.name == name == ours.file.parent.name
    assert ours.upstream.repository is not None
    assert ours.known
    assert len(ours.digest) == 64
    assert ours.file.is_relative_to(wrappers_dir())


def test_the_schema_reads_as_lines() -> None:
    lines = explain_schema("baseline")
    assert "input.kind" in lines
    assert "assets?[].sha256" in lines
