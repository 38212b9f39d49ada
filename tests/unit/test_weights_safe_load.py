"""Checkpoints are data: a pickle that would run code is refused and runs none."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from spfem_bench.errors import MissingWeightsError, UsageError
from spfem_bench.weights.safe_load import load_state_dict


class Bomb:
    """Creates a file when unpickled without care."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> object:
        return (Path.touch, (self.target,))


def test_tensors_come_back_from_either_format(tmp_path: Path) -> None:
    state = {"a.weight": torch.arange(6.0).reshape(2, 3), "b": torch.tensor(7)}
    torch.save(state, tmp_path / "net.pt")
    torch.save({"state_dict": state, "epoch": 3}, tmp_path / "wrapped.pth")
    save_file(state, tmp_path / "net.safetensors")
    for name in ("net.pt", "wrapped.pth", "net.safetensors"):
        loaded = load_state_dict(tmp_path / name)
        assert loaded.keys() == state.keys()
        assert all(torch.equal(loaded[key], state[key]) for key in state)


@pytest.mark.parametrize("form", ["torch", "bare pickle"])
def test_a_pickle_that_would_run_code_is_refused_and_runs_none(form: str, tmp_path: Path) -> None:
    target, path = tmp_path / "created", tmp_path / "evil.pt"
    if form == "torch":
        torch.save({"weight": Bomb(target)}, path)
    else:
        path.write_bytes(pickle.dumps({"weight": Bomb(target)}, protocol=2))
    with pytest.raises(UsageError, match=r"evil\.pt is refused because loading it would run code") as caught:
        load_state_dict(path)
    assert caught.value.exit_code == 2
    assert not target.exists()
    torch.load(path, weights_only=False) if form == "torch" else pickle.loads(path.read_bytes())
    assert target.exists(), "the file is a real bomb: the careless way sets it off"


def test_a_whole_module_is_refused_by_the_name_of_what_it_calls(tmp_path: Path) -> None:
    torch.save(torch.nn.Linear(2, 2), tmp_path / "model.pt")
    with pytest.raises(UsageError, match=r"its pickle calls torch\.nn\.modules\.linear\.Linear"):
        load_state_dict(tmp_path / "model.pt")


@pytest.mark.parametrize("name", ["cut.pt", "text.pt", "empty.pt", "cut.safetensors", "text.safetensors"])
def test_damaged_files_are_one_sentence(name: str, tmp_path: Path) -> None:
    whole = tmp_path / f"whole{Path(name).suffix}"
    state = {"a": torch.zeros(1000)}
    save_file(state, whole) if whole.suffix == ".safetensors" else torch.save(state, whole)
    content = {"cut": whole.read_bytes()[:2000], "text": b"<html>404</html>" * 10, "empty": b""}
    path = tmp_path / name
    path.write_bytes(content[path.stem])
    with pytest.raises(UsageError, match=name):
        load_state_dict(path)


@pytest.mark.parametrize("content", [torch.zeros(3), {}, [1, 2], {"a": torch.zeros(1), "lr": 0.1}])
def test_what_is_not_tensors_by_name_is_refused(content: object, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "odd.pt")
    with pytest.raises(UsageError, match=r"odd\.pt holds"):
        load_state_dict(tmp_path / "odd.pt")


def test_a_missing_file_is_missing_weights(tmp_path: Path) -> None:
    with pytest.raises(MissingWeightsError, match=r"none\.pt"):
        load_state_dict(tmp_path / "none.pt")


@pytest.mark.real
def test_the_real_identity_network_loads(weights_dir: Path) -> None:
    state = load_state_dict(weights_dir / "mobilefacenet.pt")
    assert len(state) == 307
