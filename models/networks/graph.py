"""ONNX graphs of dlib's networks.

What follows a convolution linearly is folded into it: the normalisation of the input, and the affine layer behind it.
The first layers of both networks have no padding, so that folding the normalisation changes no border.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from models.networks.layers import (
    AddTagged,
    Affine,
    AveragePool,
    Convolution,
    DetectionNetwork,
    EmbeddingNetwork,
    FullyConnected,
    Layer,
    MaxPool,
    Network,
    Relu,
    Skip,
    Tag,
)

CHIPS, EMBEDDINGS = "chips", "embeddings"
CANVAS, SCORES = "canvas", "scores"

_OPSET = 17
_IR_VERSION = 8
_COLOURS = 3


def embedding_graph(network: EmbeddingNetwork) -> bytes:
    """Chips (n, edge, edge, 3) uint8 RGB in, embeddings (n, outputs) float32 out."""
    builder = _Builder()
    builder.add("Cast", CHIPS, to=TensorProto.FLOAT)
    builder.add("Transpose", perm=[0, 3, 1, 2])
    builder.shape = (_COLOURS, network.edge, network.edge)
    for layer in _folded(network):
        builder.apply(layer)
    outputs = builder.shape[0]
    chips = helper.make_tensor_value_info(CHIPS, TensorProto.UINT8, ["n", network.edge, network.edge, _COLOURS])
    return builder.model(chips, helper.make_tensor_value_info(EMBEDDINGS, TensorProto.FLOAT, ["n", outputs]))


def detection_graph(network: DetectionNetwork) -> bytes:
    """A canvas (n, rows, columns, 3) float32 RGB, 0 to 255, in; scores (n, 1, rows, columns) float32 out."""
    builder = _Builder()
    builder.add("Transpose", CANVAS, perm=[0, 3, 1, 2])
    for layer in _folded(network):
        builder.apply(layer)
    canvas = helper.make_tensor_value_info(CANVAS, TensorProto.FLOAT, ["n", "rows", "columns", _COLOURS])
    scores = helper.make_tensor_value_info(SCORES, TensorProto.FLOAT, ["n", 1, "score_rows", "score_columns"])
    return builder.model(canvas, scores)


def _folded(network: Network) -> list[Layer]:
    """The layers with every affine layer folded into the convolution before it, the normalisation into the first."""
    first, *rest = network.layers
    if not isinstance(first, Convolution) or first.padding:
        raise TypeError("the first layer must be a convolution without padding")
    mean = np.array([network.normalisation.red, network.normalisation.green, network.normalisation.blue])
    filters = first.filters.astype(np.float64) / 256
    bias = first.bias - (filters * mean[np.newaxis, :, np.newaxis, np.newaxis]).sum(axis=(1, 2, 3))
    folded: list[Layer] = [Convolution(_single(filters), _single(bias), first.stride, first.padding)]
    for layer in rest:
        before = folded[-1]
        if isinstance(layer, Affine):
            if not isinstance(before, Convolution):
                raise TypeError("an affine layer must follow a convolution")
            scale = layer.scale.astype(np.float64)
            filters = before.filters * scale[:, np.newaxis, np.newaxis, np.newaxis]
            bias = before.bias * scale + layer.shift
            folded[-1] = Convolution(_single(filters), _single(bias), before.stride, before.padding)
        else:
            folded.append(layer)
    return folded


def _single(array: NDArray[np.float64]) -> NDArray[np.float32]:
    return array.astype(np.float32)


@dataclass(frozen=True, slots=True)
class _Tagged:
    output: str
    shape: tuple[int, int, int]


class _Builder:
    """A graph that grows at its end. `shape` (channels, rows, columns) is needed only where outputs are added."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._weights: list[onnx.TensorProto] = []
        self._tags: dict[int, _Tagged] = {}
        self._end = ""
        self.shape = (0, 0, 0)

    def add(self, operator: str, *inputs: str, **attributes: int | list[int]) -> None:
        """Add a node behind the given inputs, or behind the end."""
        output = f"v{len(self._nodes)}"
        names = list(inputs) or [self._end]
        node = helper.make_node(operator, names, [output])
        node.attribute.extend(helper.make_attribute(name, value) for name, value in attributes.items())
        self._nodes.append(node)
        self._end = output

    def apply(self, layer: Layer) -> None:
        """Add a layer."""
        match layer:
            case Convolution():
                self._convolve(layer)
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
                self.add("MatMul", self._end, self._weight(weights))
                self.shape = (weights.shape[1], 1, 1)
            case _:
                raise ValueError(f"no graph for {type(layer).__name__}")

    def model(self, entry: onnx.ValueInfoProto, exit_: onnx.ValueInfoProto) -> bytes:
        """The finished graph."""
        self._nodes[-1].output[0] = exit_.name
        graph = helper.make_graph(self._nodes, "dlib", [entry], [exit_], self._weights)
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION, producer_name="rollcall"
        )
        onnx.checker.check_model(model, full_check=True)
        return bytes(model.SerializeToString())

    def _convolve(self, layer: Convolution) -> None:
        count, _, rows, columns = layer.filters.shape
        inputs = (self._end, self._weight(layer.filters), self._weight(layer.bias))
        self.add(
            "Conv",
            *inputs,
            kernel_shape=[rows, columns],
            strides=[layer.stride] * 2,
            pads=[layer.padding] * 4,
        )
        self._shrink(count, rows - 2 * layer.padding, layer.stride)

    def _pool(self, operator: str, size: int, stride: int) -> None:
        self.add(operator, kernel_shape=[size] * 2, strides=[stride] * 2)
        self._shrink(self.shape[0], size, stride)

    def _shrink(self, channels: int, size: int, stride: int) -> None:
        rows, columns = ((edge - size) // stride + 1 for edge in self.shape[1:])
        self.shape = (channels, rows, columns)

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
        self.add("Pad", output, self._weight(np.array([0, 0, 0, 0, 0, *lacking], np.int64)))
        return self._end

    def _weight(self, array: NDArray[np.float32] | NDArray[np.int64]) -> str:
        name = f"w{len(self._weights)}"
        self._weights.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name
