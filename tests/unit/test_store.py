from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from spfem_bench.digest import canonical_json, digest_array, digest_bytes, digest_file, digest_of
from spfem_bench.errors import IntegrityError, UsageError
from spfem_bench.store.bundle import claim, is_whole, prune, read_json, write_json, write_manifest
from spfem_bench.store.objects import ObjectStore


def test_digests_tell_apart_what_differs_and_nothing_else() -> None:
    assert digest_of({"a": 1, "b": 2}) == digest_of({"b": 2, "a": 1})
    assert digest_of([1]) != digest_of(["1"])
    assert digest_bytes(b"ab", b"c") != digest_bytes(b"a", b"bc")
    values = np.arange(6)
    assert digest_array(values) != digest_array(values.reshape(2, 3))
    assert digest_array(values) != digest_array(values.astype(np.int32))
    assert digest_array(values.reshape(2, 3)) == digest_array(np.asfortranarray(values.reshape(2, 3)))


def test_a_digest_of_nan_is_refused() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json(float("nan"))


def test_arrays_and_json_come_back_as_they_went_in(tmp_path: Path) -> None:
    store = ObjectStore(tmp_path)
    arrays = {"x": np.arange(12, dtype=np.float32).reshape(3, 4)[:, ::2], "none": np.zeros((0, 5), np.int64)}
    store.put_arrays("features", "ab12", arrays)
    back = store.get_arrays("features", "ab12")
    assert back is not None
    assert {n: (a.dtype, a.tolist()) for n, a in back.items()} == {
        n: (a.dtype, a.tolist()) for n, a in arrays.items()
    }
    assert store.get_arrays("features", "ab13") is None
    store.put_arrays("features", "ab14", {})
    assert store.get_arrays("features", "ab14") == {}
    store.put_json("rows", "cd", {"value": 0.1})
    assert store.get_json("rows", "cd") == {"value": 0.1}
    assert store.get_json("rows", "ce") is None


def test_an_adopted_folder_appears_whole_and_a_twin_wins(tmp_path: Path) -> None:
    store = ObjectStore(tmp_path)
    first, second = store.fresh_folder("outputs", "ab"), store.fresh_folder("outputs", "ab")
    for folder, text in ((first, "one"), (second, "two")):
        (folder / "clip").write_text(text)
    assert not store.has("outputs", "ab")
    kept = store.adopt_folder(first, "outputs", "ab")
    assert store.adopt_folder(second, "outputs", "ab") == kept
    assert (kept / "clip").read_text() == "one"


SPEC = {"schema": "x", "seed": 0}


def test_a_bundle_takes_only_an_empty_folder_or_its_own(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("")
    with pytest.raises(UsageError, match=r"holds thesis\.tex"):
        claim(tmp_path, SPEC, overwrite="always")
    assert (tmp_path / "thesis.tex").exists()


def test_another_runs_folder_is_taken_only_on_demand(tmp_path: Path) -> None:
    claim(tmp_path, SPEC, overwrite="missing")
    claim(tmp_path, SPEC, overwrite="missing")
    with pytest.raises(UsageError, match="another specification"):
        claim(tmp_path, {**SPEC, "seed": 1}, overwrite="missing")
    claim(tmp_path, {**SPEC, "seed": 1}, overwrite="always")
    assert read_json(tmp_path / "spec.json")["seed"] == 1


def test_never_refuses_a_finished_run_only(tmp_path: Path) -> None:
    claim(tmp_path, SPEC, overwrite="never")
    claim(tmp_path, SPEC, overwrite="never")
    write_manifest(tmp_path)
    with pytest.raises(UsageError, match="finished run"):
        claim(tmp_path, SPEC, overwrite="never")


def test_the_manifest_lists_every_file_but_what_varies(tmp_path: Path) -> None:
    claim(tmp_path, SPEC, overwrite="missing")
    assert not is_whole(tmp_path)
    write_json(tmp_path / "circumstances.json", {"host": "x"})
    (tmp_path / "outputs" / "m").mkdir(parents=True)
    (tmp_path / "outputs" / "m" / "t.mkv").write_bytes(b"v")
    text = write_manifest(tmp_path)
    assert text.splitlines() == [
        f"{digest_file(tmp_path / 'outputs/m/t.mkv')}  outputs/m/t.mkv",
        f"{digest_file(tmp_path / 'spec.json')}  spec.json",
    ]
    assert is_whole(tmp_path)
    prune(tmp_path, ["spec.json"])
    assert not (tmp_path / "outputs" / "m" / "t.mkv").exists()


def test_a_missing_or_broken_file_of_a_bundle_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"has no scores\.json"):
        read_json(tmp_path / "scores.json")
    (tmp_path / "scores.json").write_text("{")
    with pytest.raises(IntegrityError, match="not JSON"):
        read_json(tmp_path / "scores.json")
