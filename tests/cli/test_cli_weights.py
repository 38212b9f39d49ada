"""``spfem-bench weights``, run as users run it."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from spfem_bench.cli.weights import weights
from spfem_bench.errors import BenchError, IntegrityError, MissingWeightsError, UsageError
from spfem_bench.weights import entries
from tests.support import webserver as web

CONTENT = b"network " * 1000
PINNED = """
  {name}:
    file: {file}
    urls: ["{url}"]
    bytes: {size}
    sha256: {sha256}
    format: raw
    licence: MIT
    licence-class: permissive
    purpose: A test.
    note: For tests.
    source: {{repository: example.org, revision: "1", path: x}}
"""


@pytest.fixture
def listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """A list of two networks, served by one URL."""
    monkeypatch.setenv("SPFEM_BENCH_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("SPFEM_BENCH_WEIGHTS", str(tmp_path / "mine"))
    for name in ("SPFEM_BENCH_OFFLINE", "http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "mine").mkdir()

    def write(url: str) -> None:
        facts = {"url": url, "size": len(CONTENT), "sha256": hashlib.sha256(CONTENT).hexdigest()}
        both = "".join(PINNED.format(name=name, file=f"{name}.bin", **facts) for name in ("first", "second"))
        path = tmp_path / "weights.yaml"
        path.write_text(f"version: 1\nweights:{both}", encoding="utf-8")
        found = entries.read_registry(path)
        entries.registry.cache_clear()
        monkeypatch.setattr(entries, "shipped", lambda _name: path)
        assert entries.registry() == found

    return write


@pytest.fixture(autouse=True)
def forget_the_list():  # type: ignore[no-untyped-def]
    yield
    entries.registry.cache_clear()


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(weights, arguments)


def failure(result: Result, kind: type[BenchError]) -> str:
    assert type(result.exception) is kind, result.output
    return str(result.exception)


def test_fetch_list_path_verify(listed: Callable[[str], None], tmp_path: Path) -> None:
    with web.serving(CONTENT, web.whole) as server:
        listed(server.url())
        before = json.loads(invoke("list", "--json").stdout)
        assert [(row["name"], row["path"], row["verified"]) for row in before] == [
            ("first", None, None),
            ("second", None, None),
        ]
        fetched = invoke("fetch", "first")
        assert fetched.exit_code == 0, fetched.output
    shown = invoke("list").stdout
    assert "first: A test." in shown
    assert "8.0 kB, MIT (permissive), raw" in shown
    assert "missing (pinned): spfem-bench weights fetch second" in shown
    where = Path(invoke("path", "first").stdout.strip())
    assert where.read_bytes() == CONTENT
    assert f"{where} (verified)" in shown
    assert "first" in invoke("verify").stdout
    assert fetched.stdout == f"first: {where} (verified)\n"
    assert fetched.stderr == f"fetched first.bin: {len(CONTENT)} bytes\n"


def test_a_file_put_by_hand_is_not_verified_until_it_is(
    listed: Callable[[str], None], tmp_path: Path
) -> None:
    listed("http://127.0.0.1:9/x")
    (tmp_path / "mine" / "first.bin").write_bytes(CONTENT)
    assert "not verified yet" in invoke("list").stdout
    assert json.loads(invoke("verify", "--json").stdout) == [
        {"error": None, "name": "first", "ok": True, "path": str(tmp_path / "mine" / "first.bin")}
    ]
    assert "(verified)" in invoke("list").stdout


def test_a_list_says_what_pins_a_file() -> None:
    shown = invoke("list").stdout.splitlines()
    pins = {
        line.partition(":")[0]: shown[at + 1] for at, line in enumerate(shown) if not line.startswith(" ")
    }
    assert pins["emonet-8"].endswith("torch-state-dict, git blob 6833bfdcf8fc")
    assert pins["inception-nvidia"].endswith("torchscript-archive, unpinned")
    assert pins["mtcnn-pnet"].endswith("28.6 kB, MIT (permissive), torch-state-dict")
    rows = {row["name"]: row for row in json.loads(invoke("list", "--json").stdout)}
    assert rows["hsemotion-enet-b0-8-vgaf"]["git_blob"] == "49772db4e87ee6df57087fba131832a959e5c64d"
    assert (rows["emonet-5"]["standing"], rows["emonet-5"]["sha256"]) == ("pinned", None)


def test_verify_reads_again_and_reports_all(listed: Callable[[str], None], tmp_path: Path) -> None:
    listed("http://127.0.0.1:9/x")
    for name in ("first", "second"):
        (tmp_path / "mine" / f"{name}.bin").write_bytes(CONTENT)
    (tmp_path / "mine" / "first.bin").write_bytes(CONTENT[::-1])
    result = invoke("verify", "--json")
    message = failure(result, IntegrityError)
    assert IntegrityError.exit_code == 6
    assert "first.bin is not the pinned first.bin" in message
    assert [row["ok"] for row in json.loads(result.stdout)] == [False, True]
    assert "NOT the pinned bytes" in invoke("list").stdout


def test_a_named_file_that_is_missing(listed: Callable[[str], None]) -> None:
    listed("http://127.0.0.1:9/x")
    for command in ("verify", "path"):
        assert "weights fetch second" in failure(invoke(command, "second"), MissingWeightsError)
    assert invoke("verify").exit_code == 0, "nothing is here, so nothing is wrong"


def test_one_failure_does_not_stop_the_others(listed: Callable[[str], None]) -> None:
    with web.serving(CONTENT, web.status(404), web.whole) as server:
        listed(server.url())
        result = invoke("fetch", "first", "second", "--json")
    assert "404" in failure(result, MissingWeightsError)
    assert [row["ok"] for row in json.loads(result.stdout)] == [False, True]


def test_unknown_names_and_no_names(listed: Callable[[str], None]) -> None:
    listed("http://127.0.0.1:9/x")
    assert "Did you mean 'first'" in failure(invoke("fetch", "frist"), UsageError)
    assert "--suite" in failure(invoke("fetch"), UsageError)


def test_a_suite_names_its_files(listed: Callable[[str], None], tmp_path: Path) -> None:
    suite = tmp_path / "suite.yaml"
    suite.write_text(
        "name: own\nabout: For tests.\nvalid-on: [real]\n"
        "extractors:\n  a: {factory: m:a, weights: {model: second}}\n  b: {factory: m:b}\n"
        "metrics:\n  - {factory: m:c}\n",
        encoding="utf-8",
    )
    with web.serving(CONTENT, web.whole) as server:
        listed(server.url())
        result = invoke("fetch", "--suite", str(suite))
    assert result.stdout.startswith("second: ")
    assert "first" not in result.stdout


@pytest.mark.parametrize(
    ("arguments", "code"), [(["path", "yunt"], 2), (["path", "yunet"], 5), (["list"], 0)]
)
def test_exit_codes_of_the_program(arguments: list[str], code: int, tmp_path: Path) -> None:
    surroundings = {**os.environ, "SPFEM_BENCH_CACHE_DIR": str(tmp_path), "SPFEM_BENCH_WEIGHTS": ""}
    program = "from spfem_bench.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, "weights", *arguments],
        check=False,
        capture_output=True,
        text=True,
        env=surroundings,
    )
    assert done.returncode == code, done.stderr
    if code:
        assert done.stderr.count("\n") == 1
        assert done.stderr.startswith("spfem-bench: ")


def test_help_needs_no_torch() -> None:
    code = (
        "import sys; from click.testing import CliRunner; from spfem_bench.cli.weights import weights; "
        "CliRunner().invoke(weights, ['list']); sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
