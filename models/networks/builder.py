"""ONNX graphs that grow at their end, layer by layer."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from models.networks.layers import (
    AddTagged,
    AveragePool,
    Convolution,
    FullyConnected,
    Layer,
    MaxPool,
    Relu,
    Skip,
    Tag,
)

_OPSET = 17
_IR_VERSION = 8


@dataclass(frozen=True, slots=True)
class _Tagged:
    output: str
    shape: tuple[int, int, int]


class Builder:
    """A graph that grows at its end. `shape` (channels, rows, columns) is needed only where outputs are added."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._weights: list[onnx.TensorProto] = []
        self._tags: dict[int, _Tagged] = {}
        self._end = ""
        self.shape = (0, 0, 0)

    def add(self, operator: str, *inputs: str, **attributes: int | list[int]) -> str:
        """Add a node behind the given inputs, or behind the end; its output, the new end."""
        output = f"v{len(self._nodes)}"
        names = list(inputs) or [self._end]
        node = helper.make_node(operator, names, [output])
        node.attribute.extend(helper.make_attribute(name, value) for name, value in attributes.items())
        self._nodes.append(node)
        self._end = output
        return output

    def weight(self, array: NDArray[Any]) -> str:
        """A constant of the graph."""
        name = f"w{len(self._weights)}"
        self._weights.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def apply(self, layer: Layer) -> None:
        """Add a layer."""
        match layer:
            case Convolution():
                self.convolve(layer, self._end, self.weight(layer.filters), self.weight(layer.bias))
            case Relu():
                self.add("Relu")
            case MaxPool(size, stride):
                self._pool("MaxPool", size, stride)
            case AveragePool(0, _):
                self.add("GlobalAveragePool")
                self.shape = (self.shape[0], 1, 1)
            case AveragePool(size, stride):
                self._pool("AveragePool", size, stride)
            case Tag(number):
                self._tags[number] = _Tagged(self._end, self.shape)
            case Skip(number):
                self._end, self.shape = self._tags[number].output, self._tags[number].shape
            case AddTagged(number):
                self._add_tagged(self._tags[number])
            case FullyConnected(weights):
                self.add("Flatten")
                self.add("MatMul", self._end, self.weight(weights))
                self.shape = (weights.shape[1], 1, 1)
            case _:
                raise ValueError(f"no graph for {type(layer).__name__}")

    def convolve(self, layer: Convolution, *inputs: str) -> None:
        """Add the node of a convolution whose filters and bias are outputs or constants of the graph."""
        count, _, rows, columns = layer.filters.shape
        down, beside = layer.padding
        self.add(
            "Conv",
            *inputs,
            kernel_shape=[rows, columns],
            strides=[layer.stride] * 2,
            pads=[down, beside, down, beside],
        )
        self.shape = (
            count,
            (self.shape[1] + 2 * down - rows) // layer.stride + 1,
            (self.shape[2] + 2 * beside - columns) // layer.stride + 1,
        )

    def model(self, entry: onnx.ValueInfoProto, exit_: onnx.ValueInfoProto) -> bytes:
        """The finished graph."""
        self._nodes[-1].output[0] = exit_.name
        graph = helper.make_graph(self._nodes, "dlib", [entry], [exit_], self._weights)
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION, producer_name="rollcall"
        )
        onnx.checker.check_model(model, full_check=True)
        return bytes(model.SerializeToString())

    def _pool(self, operator: str, size: int, stride: int) -> None:
        self.add(operator, kernel_shape=[size] * 2, strides=[stride] * 2)
        channels, rows, columns = self.shape
        self.shape = (channels, (rows - size) // stride + 1, (columns - size) // stride + 1)

    def _add_tagged(self, tagged: _Tagged) -> None:
        largest = tuple(max(pair) for pair in zip(self.shape, tagged.shape, strict=True))
        summands = [self._filled(self._end, self.shape, largest), self._filled(tagged.output, tagged.shape, largest)]
        self.add("Add", *summands)
        channels, rows, columns = largest
        self.shape = (channels, rows, columns)

    def _filled(self, output: str, shape: Sequence[int], wanted: Sequence[int]) -> str:
        """An output with zeros at its ends, so that it has the wanted shape."""
        lacking = [want - have for want, have in zip(wanted, shape, strict=True)]
        if not any(lacking):
            return output
        return self.add("Pad", output, self.weight(np.array([0, 0, 0, 0, 0, *lacking], np.int64)))
