"""The detector in 8-bit integers: scores that are wrong by some hundredths, at a third of the time.

Filters have 7 bits, one scale for each: the sum of two products then fits 16 bits, which processors without 8-bit dot
products add them up in. The outputs of layers have 8 bits. The head, which is cheap, stays in single precision.
"""

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper

from models.networks.builder import Builder
from models.networks.graph import CANVAS, COLOURS, head, scores
from models.networks.layers import Coding, Convolution, DetectionNetwork, Relu
from models.networks.rewriting import folded, over_blocks, widened

_LARGEST_WEIGHT, _LARGEST_OUTPUT = 63, 255

LARGEST_OUTPUTS = (5.9, 9.1, 5.3, 5.0, 7.9, 15.1)
"""Of each rectifier, in order; larger ones are cut off. A little less than the largest that `bench/first_look.py` meets
(6.5 12.5 6.8 5.3 8.5 16.7 in 2,319 pictures): the rare ones that are cut cost less than a coarser step for all."""


def first_look_graph(network: DetectionNetwork) -> bytes:
    """A canvas in blocks of 2 × 2 pixels (n, rows, columns, 12) uint8 in, scores (n, 1, rows, columns) float32 out.

    There are as many scores as the network itself gives for the same canvas.
    """
    first, *layers, last = widened(folded(network, Coding()))
    if not isinstance(first, Convolution):
        raise TypeError("the first layer must be a convolution")
    builder = _IntegerBuilder()
    builder.add("Transpose", CANVAS, perm=[0, 3, 1, 2])
    builder.dequantise(1.0)
    ranges = iter(LARGEST_OUTPUTS)
    for layer in [over_blocks(first), *layers]:
        if isinstance(layer, Convolution):
            builder.convolve_integers(layer)
        elif isinstance(layer, Relu):
            builder.apply(layer)
            builder.quantise(next(ranges) / _LARGEST_OUTPUT)
    for layer in head(last):
        builder.apply(layer)
    blocks = helper.make_tensor_value_info(CANVAS, TensorProto.UINT8, ["n", "rows", "columns", 4 * COLOURS])
    return builder.model(blocks, scores())


class _IntegerBuilder(Builder):
    """Says with pairs of (de)quantising nodes what runs in integers; ONNX Runtime joins them with their layers."""

    def __init__(self) -> None:
        super().__init__()
        self._scale = 1.0

    def quantise(self, scale: float) -> None:
        """Round the end to 8 bits."""
        self.add("QuantizeLinear", self._end, *self._coding(scale))
        self.dequantise(scale)

    def dequantise(self, scale: float) -> None:
        """Read the end as 8 bits."""
        self.add("DequantizeLinear", self._end, *self._coding(scale))
        self._scale = scale

    def convolve_integers(self, layer: Convolution) -> None:
        """Add a convolution with filters of 7 bits and sign."""
        entry = self._end
        largest = np.abs(layer.filters).max(axis=(1, 2, 3))
        scales = np.where(largest > 0, largest / _LARGEST_WEIGHT, 1).astype(np.float32)
        filters = np.round(layer.filters / scales[:, np.newaxis, np.newaxis, np.newaxis]).astype(np.int8)
        bias_scales = scales * np.float32(self._scale)
        bias = np.round(layer.bias / bias_scales).astype(np.int32)
        self.convolve(layer, entry, self._constant(filters, scales), self._constant(bias, bias_scales))

    def _coding(self, scale: float) -> tuple[str, str]:
        return self.weight(np.array(scale, np.float32)), self.weight(np.array(0, np.uint8))

    def _constant(self, numbers: NDArray[np.int8] | NDArray[np.int32], scales: NDArray[np.float32]) -> str:
        zeros = np.zeros(len(scales), numbers.dtype)
        return self.add("DequantizeLinear", *map(self.weight, (numbers, scales, zeros)), axis=0)
