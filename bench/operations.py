"""What a network must do: floating-point operations, counted from its layers as they stand in dlib's file.

Only convolutions and the fully connected layer count, a multiplication and an addition each: the rest is below one part
in a hundred. Whoever runs the network in another arithmetic, or looks twice at some places only, does other work; the
count says what the network as it is asks for.
"""

from collections.abc import Iterable

from models.networks.layers import AddTagged, AveragePool, Convolution, FullyConnected, Layer, MaxPool, Skip, Tag
from models.networks.session import detection_network, embedding_network
from models.pyramid import layout

_COLOURS = 3

Shape = tuple[int, int, int]
"""Channels, rows, columns."""


def of_embedder() -> int:
    """Operations for one chip."""
    network = embedding_network()
    return 2 * multiply_adds(network.layers, (_COLOURS, network.edge, network.edge))


def of_detector(rows: int, columns: int) -> int:
    """Operations for one image of that size, looked at as it is: for the canvas that holds its whole pyramid."""
    canvas = layout(rows, columns)
    return 2 * multiply_adds(detection_network().layers, (_COLOURS, canvas.rows, canvas.columns))


def multiply_adds(layers: Iterable[Layer], shape: Shape) -> int:
    """How many multiplications with a following addition the layers do on an input of that shape."""
    tags: dict[int, Shape] = {}
    total = 0
    for layer in layers:
        match layer:
            case Convolution(filters, _, stride, (vertical, horizontal)):
                count, _, rows, columns = filters.shape
                # Zeros around the input are as good as an input that is larger by them.
                padded = shape[0], shape[1] + 2 * vertical, shape[2] + 2 * horizontal
                shape = count, _steps(padded[1], rows, stride), _steps(padded[2], columns, stride)
                total += filters[0].size * shape[0] * shape[1] * shape[2]
            case AveragePool(0, _):
                shape = shape[0], 1, 1
            case MaxPool(size, stride) | AveragePool(size, stride):
                shape = shape[0], _steps(shape[1], size, stride), _steps(shape[2], size, stride)
            case FullyConnected(weights):
                total += weights.size
                shape = weights.shape[1], 1, 1
            case Tag(number):
                tags[number] = shape
            case Skip(number):
                shape = tags[number]
            case AddTagged(number):
                channels, rows, columns = (max(pair) for pair in zip(shape, tags[number], strict=True))
                shape = channels, rows, columns
            case _:
                pass
    return total


def _steps(edge: int, window: int, stride: int) -> int:
    """How many times a window fits on an edge."""
    return (edge - window) // stride + 1
