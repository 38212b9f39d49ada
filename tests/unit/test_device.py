"""Devices, and the settings under which a network returns the same bits."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import pytest
import torch

from spfem_bench.device import DeviceSpec, resolve_device, scoring_mode
from spfem_bench.errors import UsageError


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spfem_bench.device._has_driver", lambda: True)
    monkeypatch.setattr(torch.version, "cuda", "12.4")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(
        torch.cuda,
        "get_device_properties",
        lambda index: SimpleNamespace(name=f"GPU {index}", total_memory=80 << 30),
    )


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spfem_bench.device._has_driver", lambda: True)
    monkeypatch.setattr(torch.version, "cuda", "12.4")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


@pytest.mark.parametrize(
    ("asked", "name"),
    [("auto", "cuda:0"), ("cpu", "cpu"), ("cuda", "cuda:0"), ("cuda:1", "cuda:1"), (" CUDA:1 ", "cuda:1")],
)
def test_devices_with_gpus(asked: str, name: str, two_gpus: None) -> None:
    found = resolve_device(asked)
    assert str(found) == found.name == name
    assert found.kind == name.partition(":")[0]
    assert found.memory == (None if name == "cpu" else 80 << 30)


def test_auto_without_a_gpu_is_the_cpu(no_gpu: None) -> None:
    assert resolve_device() == DeviceSpec("cpu", "cpu", "cpu")


def test_a_gpu_that_is_not_there_names_the_mend(no_gpu: None) -> None:
    with pytest.raises(UsageError, match=r"cuda was asked for.*nvidia-smi.*--device cpu"):
        resolve_device("cuda")


def test_a_torch_without_cuda_is_told_apart(no_gpu: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.version, "cuda", None)
    with pytest.raises(UsageError, match="built without CUDA: install a CUDA build"):
        resolve_device("cuda:1")


def test_a_number_too_high_lists_what_there_is(two_gpus: None) -> None:
    with pytest.raises(UsageError, match="cuda:2 was asked for, but there is only cuda:0, cuda:1"):
        resolve_device("cuda:2")


@pytest.mark.parametrize("asked", ["", "gpu", "cuda:", "cuda:x", "cuda:-1", "cuda:0,1", "mps"])
def test_other_names_are_refused(asked: str) -> None:
    with pytest.raises(UsageError, match="say auto, cpu, cuda, or cuda:N"):
        resolve_device(asked)


def settings() -> dict[str, object]:
    backends = torch.backends
    return {
        "matmul": torch.get_float32_matmul_precision(),
        "tf32": backends.cudnn.allow_tf32,
        "benchmark": backends.cudnn.benchmark,
        "cudnn": backends.cudnn.deterministic,
        "everywhere": torch.are_deterministic_algorithms_enabled(),
        "warn": torch.is_deterministic_algorithms_warn_only_enabled(),
        "threads": torch.get_num_threads(),
    }


@pytest.fixture
def loose() -> Iterator[dict[str, object]]:
    """Everything set the fast, irreproducible way; put back afterwards."""
    with scoring_mode():  # puts back what was before, whatever happens inside
        torch.set_float32_matmul_precision("high")
        torch.backends.cudnn.allow_tf32 = True
        torch.backends.cudnn.benchmark = True
        torch.backends.cudnn.deterministic = False
        torch.use_deterministic_algorithms(True, warn_only=True)
        if hasattr(torch.backends, "fp32_precision"):
            for switch in (torch.backends, torch.backends.cudnn):
                switch.fp32_precision = "none"
        torch.set_num_threads(2)
        yield settings()


def test_scoring_mode_sets_and_puts_back(loose: dict[str, object]) -> None:
    with scoring_mode("cpu", threads=1) as mode:
        assert settings() == {
            "matmul": "highest",
            "tf32": False,
            "benchmark": False,
            "cudnn": True,
            "everywhere": True,
            "warn": False,
            "threads": 1,
        }
        assert (mode.device, mode.threads, mode.tf32) == ("cpu", 1, False)
    assert settings() == loose


def test_scoring_mode_puts_back_after_an_error(loose: dict[str, object]) -> None:
    with pytest.raises(ZeroDivisionError), scoring_mode("cpu", threads=1):
        raise ZeroDivisionError
    assert settings() == loose


def test_threads_are_left_alone_unless_pinned(loose: dict[str, object]) -> None:
    with scoring_mode() as mode:
        assert mode.threads == 2


@pytest.mark.skipif(
    not hasattr(torch.backends, "fp32_precision"), reason="torch before 2.9 has the old switches only"
)
def test_scoring_mode_overrules_the_new_switches_too() -> None:
    with scoring_mode():
        torch.backends.fp32_precision = "tf32"
        torch.backends.cuda.matmul.fp32_precision = "tf32"
        torch.backends.cudnn.conv.fp32_precision = "tf32"
        with scoring_mode():
            assert torch.backends.cuda.matmul.fp32_precision == "ieee"
            assert torch.backends.cudnn.conv.fp32_precision == "ieee"
            assert torch.backends.cudnn.allow_tf32 is False
        assert torch.backends.fp32_precision == "tf32"
        assert torch.backends.cuda.matmul.fp32_precision == "tf32"
        assert torch.backends.cudnn.conv.fp32_precision == "tf32"


def test_cublas_is_told_before_its_first_handle(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    with scoring_mode("cpu"):
        assert "CUBLAS_WORKSPACE_CONFIG" not in os.environ
    with scoring_mode(DeviceSpec("cuda:0", "cuda", "GPU")):
        assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"


def test_an_operation_that_may_vary_is_refused() -> None:
    """``put_`` without accumulation has no deterministic kernel, on the CPU as on a GPU."""
    target, where = torch.zeros(4), torch.tensor([0, 0])
    with scoring_mode(), pytest.raises(RuntimeError, match="deterministic"):
        target.put_(where, torch.tensor([1.0, 2.0]))
