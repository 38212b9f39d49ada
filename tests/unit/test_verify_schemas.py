"""The published schemas: complete, versioned, readable, and true of what the stages write."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from spfem_baselines import SPACES, Space
from spfem_bench.certify.certificate import SCHEMA as CERTIFICATE
from spfem_bench.certify.marks import shipped_certificates
from spfem_bench.clips import AudioInfo, ContentDigest, StoredMeta
from spfem_bench.clips.stored import to_json
from spfem_bench.errors import UsageError
from spfem_bench.provenance import environment
from spfem_bench.resources import reported_dir
from spfem_bench.schemas import explain_schema, read_schema, schema_names, violation
from spfem_bench.stages.rows import COLUMNS, row_to_json
from spfem_bench.store.bundle import write_manifest
from spfem_metrics import Failed, Reading, Row, TrialFacts, Unscored

PUBLISHED = [
    "certificate@1", "circumstances@1", "environment@1", "manifest@1", "reported@1", "reproduction@1",
    "row@1", "scores@1", "spec@1", "stored-clip@1", "trial@1", "verification@1",
]  # fmt: skip


def test_every_file_of_a_bundle_has_a_schema() -> None:
    assert set(PUBLISHED) <= set(schema_names())


@pytest.mark.parametrize("name", schema_names())
def test_a_schema_is_valid_named_by_its_version_and_described(name: str) -> None:
    schema = read_schema(name)
    Draft202012Validator.check_schema(schema)
    kind, version = name.split("@")
    assert schema["$id"] == f"urn:spfem-bench:{kind}:{version}"
    assert schema["title"]
    assert schema["description"]


def test_a_name_without_a_version_is_the_latest() -> None:
    assert read_schema("spec") is read_schema("spec@1")
    with pytest.raises(UsageError, match="Did you mean 'scores@1'"):
        read_schema("score@1")
    with pytest.raises(UsageError, match="there is no schema"):
        read_schema("../spec@1")


@pytest.mark.parametrize("name", schema_names())
def test_a_schema_is_shown_in_lines(name: str) -> None:
    shown = explain_schema(name)
    assert shown.startswith(f"{name}: ")
    assert "$ref" not in shown
    assert len(shown.splitlines()) > 4


def test_shown_lines_tell_nested_keys_and_what_may_be_absent() -> None:
    lines = explain_schema("scores").splitlines()
    keys = {line.split("  ")[0].strip() for line in lines[3:]}
    assert {"columns[].signature.name", "systems[].scores.<name>.<name>.value", "omitted_matrices?"} <= keys
    (trials,) = [line for line in lines if line.startswith("trials_digest ")]
    assert re.search(r"trials_digest +string +of trials and their inputs", trials)


def test_the_certificates_schema_is_the_one_they_are_read_by() -> None:
    schema = {key: value for key, value in read_schema("certificate").items() if key in CERTIFICATE}
    assert schema == CERTIFICATE
    folder = shipped_certificates()
    assert folder is not None
    for path in folder.glob("*.json"):
        assert violation("certificate", json.loads(path.read_text()), path.name) is None


@pytest.mark.parametrize("path", sorted(reported_dir().glob("*/*.json")), ids=lambda path: path.stem)
def test_published_tables_fit(path: Path) -> None:
    assert violation("reported", json.loads(path.read_text()), path.name) is None


def test_environment_and_circumstances_of_this_process_fit() -> None:
    found = json.loads(json.dumps(environment()))
    assert violation("environment", found["identity"], "environment.json") is None
    circumstances = {**found["circumstances"], "finished": "2026-01-01T00:00:00+00:00", "seconds": 1.5}
    assert violation("circumstances", circumstances, "circumstances.json") is None


@pytest.mark.parametrize("outcome", [Reading(0.5, {"frames": 3.0}), Unscored("no face"), Failed("broken")])
def test_rows_fit(outcome: Any) -> None:
    row = row_to_json(Row(TrialFacts("t", "S1", "happy"), outcome)) | {"system": "model", "metric": "cos"}
    assert set(row) == set(COLUMNS)
    assert violation("row", row, "rows.parquet") is None
    assert "'value' must be" in str(violation("row", row | {"value": "high"}, "rows.parquet"))


@pytest.mark.parametrize("frame_map", [None, (0, 0, 1)])
def test_records_of_clips_fit(frame_map: tuple[int, ...] | None) -> None:
    digest = ContentDigest("a" * 64, "b" * 64)
    from fractions import Fraction

    meta = StoredMeta((4, 2), 3, Fraction(30000, 1001), None, frame_map, AudioInfo(16000, 1, 9), digest)
    assert violation("stored-clip", json.loads(to_json(meta)), "clip.json") is None


@pytest.mark.parametrize("space", SPACES)
def test_records_say_what_of_a_frame_is_shown_only_where_it_is_a_part(space: Space) -> None:
    from fractions import Fraction

    digest = ContentDigest("a" * 64, "b" * 64)
    meta = StoredMeta((4, 2), 3, Fraction(25), None, None, None, digest, space)
    record = json.loads(to_json(meta))
    assert record.get("space") == (None if space == "frame" else space)
    assert violation("stored-clip", record, "clip.json") is None
    assert "'space' may not be" in str(violation("stored-clip", record | {"space": "face"}, "clip.json"))


def test_a_manifests_lines_fit_and_its_escapes_do_not(tmp_path: Path) -> None:
    (tmp_path / "features").mkdir()
    (tmp_path / "features" / "cos.safetensors").write_bytes(b"1")
    lines = [line.split("  ", 1) for line in write_manifest(tmp_path).splitlines()]
    entries = [{"digest": digest, "path": path} for digest, path in lines]
    assert violation("manifest", entries, "MANIFEST.sha256") is None
    for path in ("../x", "/x", "a/../x", "./x", "a\\b", "..", "a/./b"):
        assert violation("manifest", [{**entries[0], "path": path}], "MANIFEST.sha256") is not None
    for path in ("a..b", ".hidden", "a/..b/c"):
        assert violation("manifest", [{**entries[0], "path": path}], "MANIFEST.sha256") is None
