"""Networks rewritten into others that compute the same, up to rounding, and run faster.

folded      the input's coding, its normalisation and affine layers become part of convolutions
widened     channels are filled up to whole vectors: what is not a multiple of 16 leaves the fast kernels
divided     a convolution with one output becomes one along rows and one along columns
over_blocks a convolution with stride 2 over colours becomes one with stride 1 over blocks of 2 × 2 pixels
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.networks.layers import Affine, Coding, Convolution, Layer, Network, Relu

_LANES = 16
"""Numbers in a vector of the widest instructions in use (512 bits); ONNX Runtime's kernels work on so many channels."""


def folded(network: Network, coding: Coding) -> list[Layer]:
    """The layers with affine ones folded into the convolutions before them, coding and normalisation into the first.

    The first layer of both networks has no padding, so that folding the normalisation changes no border.
    """
    first, *rest = network.layers
    if not isinstance(first, Convolution) or any(first.padding):
        raise TypeError("the first layer must be a convolution without padding")
    mean = np.array([network.normalisation.red, network.normalisation.green, network.normalisation.blue])
    filters = first.filters.astype(np.float64) / 256
    black = mean + coding.offset / coding.scale
    bias = first.bias - (filters * black[np.newaxis, :, np.newaxis, np.newaxis]).sum(axis=(1, 2, 3))
    layers: list[Layer] = [Convolution(_single(filters / coding.scale), _single(bias), first.stride, first.padding)]
    for layer in rest:
        before = layers[-1]
        if isinstance(layer, Affine):
            if not isinstance(before, Convolution):
                raise TypeError("an affine layer must follow a convolution")
            scale = layer.scale.astype(np.float64)
            filters = before.filters * scale[:, np.newaxis, np.newaxis, np.newaxis]
            bias = before.bias * scale + layer.shift
            layers[-1] = Convolution(_single(filters), _single(bias), before.stride, before.padding)
        else:
            layers.append(layer)
    return layers


def widened(layers: Sequence[Layer]) -> list[Layer]:
    """A chain of convolutions and rectifiers whose inner channels are multiples of 16; those that are added stay 0."""
    found: list[Layer] = []
    channels: int | None = None
    last = max(index for index, layer in enumerate(layers) if isinstance(layer, Convolution))
    for index, layer in enumerate(layers):
        if isinstance(layer, Convolution):
            count, inputs, *window = layer.filters.shape
            wanted = count if index == last else -(-count // _LANES) * _LANES
            filters = np.zeros((wanted, channels or inputs, *window), np.float32)
            filters[:count, :inputs] = layer.filters
            bias = np.zeros(wanted, np.float32)
            bias[:count] = layer.bias
            found.append(Convolution(filters, bias, layer.stride, layer.padding))
            channels = wanted
        elif isinstance(layer, Relu):
            found.append(layer)
        else:
            raise TypeError(f"{type(layer).__name__} in a chain of convolutions")
    return found


def divided(layer: Convolution) -> tuple[Convolution, Convolution]:
    """Two convolutions in place of one with a single output: each row of its filter by itself, then the rows' sum.

    A kernel that computes 16 outputs at once would waste 15 of them; so it wastes 7, and looks at 1/9 of the window.
    """
    count, inputs, rows, columns = layer.filters.shape
    if count != 1 or layer.stride != 1 or rows > _LANES:
        raise ValueError(f"{layer.filters.shape} filters of stride {layer.stride} cannot be divided")
    along = np.zeros((_LANES, inputs, 1, columns), np.float32)
    along[:rows, :, 0] = layer.filters[0].transpose(1, 0, 2)
    across = np.zeros((1, _LANES, rows, 1), np.float32)
    across[0, range(rows), range(rows), 0] = 1
    down, beside = layer.padding
    return (
        Convolution(along, np.zeros(_LANES, np.float32), 1, (0, beside)),
        Convolution(across, layer.bias, 1, (down, 0)),
    )


def over_blocks(layer: Convolution) -> Convolution:
    """The same outputs from an input whose channels are the pixels of blocks of 2 × 2: (row, column, colour)."""
    count, colours, rows, columns = layer.filters.shape
    if layer.stride != 2 or any(layer.padding):
        raise ValueError("only a convolution of stride 2 without padding can be laid over blocks of 2 × 2")
    filters = np.zeros((count, 2, 2, colours, (rows + 1) // 2, (columns + 1) // 2), np.float32)
    for row in range(rows):
        for column in range(columns):
            filters[:, row % 2, column % 2, :, row // 2, column // 2] = layer.filters[:, :, row, column]
    return Convolution(filters.reshape(count, 4 * colours, *filters.shape[-2:]), layer.bias, 1, (0, 0))


def _single(array: NDArray[np.float64]) -> NDArray[np.float32]:
    return array.astype(np.float32)
