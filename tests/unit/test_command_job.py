"""The job file and the result file: what is written is what is read, and what is wrong is one sentence."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from spfem_bench.adapters.command.job import (
    LARGEST_RESULT,
    Condition,
    Job,
    JobClip,
    JobError,
    JobTrial,
    Result,
    job_to_json,
    read_job,
    read_result,
    write_job,
)
from spfem_bench.schemas import violation


def clip(root: Path, **given: Any) -> JobClip:
    return JobClip(root / "first.png", Fraction(30000, 1001), 75, (256, 192), **given)


def job(root: Path) -> Job:
    reference = clip(root, frames=root / "frames")
    trials = (
        JobTrial("a", 2**63 - 1, root / "o0", clip(root, video=root / "v.mp4"), Condition("happy", "hap")),
        JobTrial(
            "b", 0, root / "o1", clip(root, audio=root / "a.wav"), Condition("sad", reference=reference)
        ),
        JobTrial(
            "c", 1, root / "o2", clip(root), Condition("sad", text="größer", action_units=root / "x.csv")
        ),
    )
    options = {"niter": 20, "flag": True, "word": "x", "share": 0.5}
    return Job("ned", "cuda:0", None, {"net": root / "n.pth"}, root / "s", options, trials)


def test_a_job_is_read_as_it_was_written(tmp_path: Path) -> None:
    assert read_job(write_job(job(tmp_path), tmp_path)) == job(tmp_path)


def test_a_job_file_fits_its_schema_and_names_absolute_paths(tmp_path: Path) -> None:
    plain = job_to_json(job(tmp_path))
    assert violation("job@1", plain, "job.json") is None
    assert plain["trials"][0]["source"]["fps"] == "30000/1001"
    assert plain["trials"][0]["source"]["video"] == str(tmp_path / "v.mp4")
    assert plain["trials"][0]["source"]["frames"] is None


def test_a_job_without_trials_is_refused(tmp_path: Path) -> None:
    plain = {**job_to_json(job(tmp_path)), "trials": []}
    (tmp_path / "job.json").write_text(json.dumps(plain))
    with pytest.raises(JobError, match=r"job\.json: 'trials'"):
        read_job(tmp_path / "job.json")


def result(folder: Path, text: str) -> Path:
    (folder / "result.json").write_text(text)
    return folder / "result.json"


def told(**more: Any) -> str:
    return json.dumps({"format": "spfem-result@1", "trial": "a", **more})


def test_a_result_is_read_with_its_keys_absent_or_null(tmp_path: Path) -> None:
    full = {"file": "frames", "fps": "25", "frame-map": [0, 1, 1], "first-source-frame": 0}
    assert read_result(result(tmp_path, told(**full))) == Result("a", "frames", Fraction(25), (0, 1, 1), 0)
    assert read_result(result(tmp_path, told(file="v.mp4", failed=None, fps=None))) == Result("a", "v.mp4")
    assert read_result(result(tmp_path, told(failed="no face"))) == Result("a", failed="no face")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("[]", "must be a mapping"),
        (told(), "either 'file' or 'failed'"),
        (told(file="a", failed="b"), "either 'file' or 'failed'"),
        (told(file=3), "'file' must be text"),
        (told(file="a", fps="0"), "'fps'"),
        (told(file="a", fps="25/0"), "'fps'"),
        (told(file="a", fps=25), "'fps' must be text"),
        (told(file="a", **{"frame-map": [0, -1]}), "frame-map"),
        (told(file="a", **{"frame-map": [0.5]}), "frame-map"),
        (told(file="a", **{"frame-map": []}), "frame-map"),
        (told(file="a", **{"frame_map": [0]}), "Did you mean 'frame-map'?"),
        (told(file="a").replace("result@1", "result@2"), "'format'"),
    ],
)  # fmt: skip
def test_a_wrong_result_is_one_sentence(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(JobError) as raised:
        read_result(result(tmp_path, text))
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)
    assert str(tmp_path) not in str(raised.value)


def test_a_result_of_gigabytes_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    with path.open("wb") as stream:
        stream.truncate(LARGEST_RESULT + 1)
    with pytest.raises(JobError, match="larger than 16 MiB"):
        read_result(path)


def test_a_result_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(JobError, match="cannot be read"):
        read_result(tmp_path / "result.json")
