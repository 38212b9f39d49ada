"""What is read as weights, and what is refused."""

from __future__ import annotations

import pickle

import h5py
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from spfem_metrics import DefinitionError, WeightsError
from spfem_metrics.networks.architectures.mobilefacenet import MobileFaceNet
from spfem_metrics.networks.files import digest8, keras_arrays, load_strict, model_file, state_dict


class Payload:
    """Would run code when unpickled."""

    def __reduce__(self):
        return print, ("unpickled",)


TENSORS = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.ones(4)}


@pytest.mark.parametrize("legacy", [False, True])
def test_torch_files(tmp_path, legacy):
    path = tmp_path / "x.pt"
    torch.save(TENSORS, path, _use_new_zipfile_serialization=not legacy)
    assert all(torch.equal(state_dict(path)[name], tensor) for name, tensor in TENSORS.items())


def test_safetensors(tmp_path):
    save_file(TENSORS, tmp_path / "x.pt")
    assert torch.equal(state_dict(tmp_path / "x.pt")["a"], TENSORS["a"])


def test_a_pickle_that_runs_code_is_refused_and_not_run(tmp_path, capsys):
    torch.save({"a": Payload()}, tmp_path / "zip.pt")
    (tmp_path / "plain.pt").write_bytes(pickle.dumps(Payload(), protocol=2))
    for name in ("zip.pt", "plain.pt"):
        with pytest.raises(WeightsError, match=r"refused.*could run code"):
            state_dict(tmp_path / name)
    assert "unpickled" not in capsys.readouterr().out


def test_truncated_files_are_named(tmp_path):
    torch.save(TENSORS, tmp_path / "x.pt")
    save_file(TENSORS, tmp_path / "x.safetensors")
    for name in ("x.pt", "x.safetensors"):
        whole = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(whole[: len(whole) // 2])
        with pytest.raises(WeightsError, match=rf"{name}: damaged"):
            state_dict(tmp_path / name)


def test_other_formats_are_refused(tmp_path):
    (tmp_path / "x.bin").write_bytes(b"\x08\x07 some other format")
    with pytest.raises(WeightsError, match="neither safetensors nor a torch file"):
        state_dict(tmp_path / "x.bin")
    with pytest.raises(WeightsError, match="not an HDF5 file"):
        keras_arrays(tmp_path / "x.bin")


def test_a_list_is_no_state_dict(tmp_path):
    torch.save([torch.ones(2)], tmp_path / "x.pt")
    with pytest.raises(WeightsError, match="not a state_dict"):
        state_dict(tmp_path / "x.pt")


def test_missing_files_name_who_needs_them(tmp_path):
    with pytest.raises(WeightsError, match=r"no such file; identity needs mobilefacenet\.pt"):
        model_file({"model": tmp_path / "gone.pt"}, "identity", "mobilefacenet.pt")
    with pytest.raises(DefinitionError, match="'model'"):
        model_file({}, "identity", "mobilefacenet.pt")


def test_digest(tmp_path):
    (tmp_path / "x").write_bytes(b"abc")
    assert digest8(tmp_path / "x") == "ba7816bf"  # sha256("abc"), FIPS 180-2


def test_keras_arrays_are_named_by_layer(tmp_path):
    kernel = np.arange(4, dtype=np.float32).reshape(1, 1, 2, 2)
    with h5py.File(tmp_path / "x.hdf5", "w") as file:
        file["model_weights/conv2d_1/conv2d_1_1/kernel:0"] = kernel
        file["optimizer_weights/conv2d_1/kernel:0"] = kernel
    assert list(keras_arrays(tmp_path / "x.hdf5")) == ["conv2d_1/kernel"]
    with h5py.File(tmp_path / "y.hdf5", "w") as file:
        file["other"] = kernel
    with pytest.raises(WeightsError, match="no model_weights"):
        keras_arrays(tmp_path / "y.hdf5")


def test_loading_is_strict(tmp_path):
    network = MobileFaceNet()
    tensors = network.state_dict()
    del tensors["bn.weight"]
    tensors["bn.extra"], tensors["conv3.bias"] = torch.ones(1), torch.ones(3)
    with pytest.raises(WeightsError, match="1 tensors missing, 1 unknown, 1 of another shape"):
        load_strict(network, tensors, tmp_path / "x.pt")
