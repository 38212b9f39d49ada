"""EfficientNet-B0 (Tan and Le 2019) as an ONNX file with random weights, in the form of HSEmotion's exports.

Input ``input`` (batch, 3, 224, 224), output ``output`` (batch, K); normalisations folded into convolutions,
the last node a Gemm, as those exports have it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from spfem_metrics.errors import DefinitionError
from spfem_metrics.networks.random_weights import random_tensor

STEM, HEAD = 32, 1280
STAGES = (
    (1, 16, 1, 1, 3),
    (6, 24, 2, 2, 3),
    (6, 40, 2, 2, 5),
    (6, 80, 3, 2, 3),
    (6, 112, 3, 1, 5),
    (6, 192, 4, 2, 5),
    (6, 320, 1, 1, 3),
)
"""Expansion, channels, blocks, stride of the first block, kernel (table 1 of the paper)."""


def efficientnet_b0(outputs: int, seed: int) -> bytes:
    """The file's bytes; the same seed gives the same bytes.

    Raises:
        DefinitionError: the package onnx is not installed.
    """
    try:
        from onnx import TensorProto, helper
    except ImportError as error:
        raise DefinitionError("random ONNX weights need the package onnx: pip install onnx") from error
    graph = _Graph(seed)
    graph.body(outputs)
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch_size", *shape])
        for name, shape in (("input", (3, 224, 224)), ("output", (outputs,)))
    ]
    made = helper.make_graph(graph.nodes, "efficientnet_b0", ends[:1], ends[1:], graph.tensors)
    opset = [helper.make_opsetid("", 11)]
    return bytes(helper.make_model(made, opset_imports=opset, ir_version=6).SerializeToString())


@dataclass
class _Graph:
    """Nodes in order; every method takes and gives the name of a value."""

    seed: int
    nodes: list[Any] = field(default_factory=list)
    tensors: list[Any] = field(default_factory=list)

    def body(self, outputs: int) -> None:
        """The whole network."""
        x, channels = self.swish(self.conv("input", 3, STEM, kernel=3, stride=2)), STEM
        for expansion, wide, blocks, stride, kernel in STAGES:
            for index in range(blocks):
                step = stride if index == 0 else 1
                x = self.block(x, (channels, wide), expansion, step, kernel)
                channels = wide
        x = self.swish(self.conv(x, channels, HEAD))
        x = self.node("Flatten", [self.node("GlobalAveragePool", [x])], axis=1)
        names = [
            self.tensor("classifier.weight", (outputs, HEAD)),
            self.tensor("classifier.bias", (outputs,)),
        ]
        self.node("Gemm", [x, *names], "output", transB=1)

    def block(self, x: str, channels: tuple[int, int], expansion: int, stride: int, kernel: int) -> str:
        """An inverted bottleneck with squeeze and excitation; added to its input where both fit."""
        narrow, wide = channels
        inner = narrow * expansion
        y = x if expansion == 1 else self.swish(self.conv(x, narrow, inner))
        y = self.swish(self.conv(y, inner, inner, kernel=kernel, stride=stride, group=inner))
        pooled = self.node("GlobalAveragePool", [y])
        squeezed = self.swish(self.conv(pooled, inner, max(1, narrow // 4)))
        gate = self.node("Sigmoid", [self.conv(squeezed, max(1, narrow // 4), inner)])
        y = self.conv(self.node("Mul", [y, gate]), inner, wide)
        return self.node("Add", [y, x]) if stride == 1 and narrow == wide else y

    def conv(
        self, x: str, narrow: int, wide: int, *, kernel: int = 1, stride: int = 1, group: int = 1
    ) -> str:
        """A convolution with bias, padded as TensorFlow does."""
        name = f"conv{len(self.tensors) // 2}"
        shape = (wide, narrow // group, kernel, kernel)
        names = [self.tensor(f"{name}.weight", shape), self.tensor(f"{name}.bias", (wide,))]
        attributes: dict[str, Any] = {"kernel_shape": [kernel] * 2, "strides": [stride] * 2, "group": group}
        return self.node("Conv", [x, *names], auto_pad="SAME_UPPER", **attributes)

    def swish(self, x: str) -> str:
        """``x * sigmoid(x)``."""
        return self.node("Mul", [x, self.node("Sigmoid", [x])])

    def tensor(self, name: str, shape: tuple[int, ...]) -> str:
        """Random numbers under a name."""
        from onnx import numpy_helper

        values = random_tensor(shape, name, self.seed).numpy()
        self.tensors.append(numpy_helper.from_array(values, name))
        return name

    def node(self, kind: str, inputs: list[str], output: str = "", **attributes: Any) -> str:
        """One operation."""
        from onnx import helper

        name = output or f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], **attributes))
        return name
