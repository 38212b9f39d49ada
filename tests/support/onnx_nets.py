"""Small ONNX networks with known answers, written by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def linear(
    path: Path,
    weight: np.ndarray,
    bias: np.ndarray | None = None,
    *,
    size: int = 8,
    batch: int | str = "n",
    apart: bool = False,
) -> Path:
    """``weight @ pixels + bias``: input (batch, 3, size, size), output (batch, K).

    Args:
        path: of the file.
        weight: (K, 3 * size * size).
        bias: (K,), zeros where None.
        size: side of the input.
        batch: 1 for a network that takes one picture at a time.
        apart: whether the tensors lie in a second file.
    """
    given = np.zeros(len(weight)) if bias is None else bias
    tensors = [
        numpy_helper.from_array(array.astype(np.float32), name)
        for name, array in (("weight", weight), ("bias", given))
    ]
    nodes = [
        helper.make_node("Flatten", ["input"], ["flat"], axis=1),
        helper.make_node("Gemm", ["flat", "weight", "bias"], ["output"], transB=1),
    ]
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [batch, *shape])
        for name, shape in (("input", (3, size, size)), ("output", (len(weight),)))
    ]
    graph = helper.make_graph(nodes, "linear", ends[:1], ends[1:], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, path, save_as_external_data=apart, location=f"{path.stem}.data", size_threshold=0)
    return path


def brightest_channel(path: Path, size: int = 8) -> Path:
    """Three outputs: the mean of each input channel."""
    weight = np.kron(np.eye(3), np.full((1, size * size), 1 / size**2))
    return linear(path, weight, size=size)


def constant(path: Path, outputs: list[float], size: int = 8) -> Path:
    """The same numbers for every picture."""
    return linear(path, np.zeros((len(outputs), 3 * size * size)), np.array(outputs), size=size)
