"""Operations are counted from layers, and held to sums made by hand."""

import numpy as np

from bench.operations import multiply_adds, of_detector, of_embedder
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
    Weights,
)


def _convolution(count: int, channels: int, edge: int, stride: int, padding: int) -> Convolution:
    filters: Weights = np.zeros((count, channels, edge, edge), np.float32)
    return Convolution(filters, np.zeros(count, np.float32), stride, (padding, padding))


def test_a_convolution_does_its_filter_at_each_place_of_its_output() -> None:
    # (20 - 5) // 2 + 1 = 8 rows, (30 - 5) // 2 + 1 = 13 columns.
    assert multiply_adds([_convolution(16, 3, 5, 2, 0)], (3, 20, 30)) == 16 * 3 * 5 * 5 * 8 * 13
    assert multiply_adds([_convolution(4, 3, 3, 1, 1)], (3, 7, 9)) == 4 * 3 * 3 * 3 * 7 * 9


def test_what_comes_after_is_counted_on_what_came_before() -> None:
    layers: list[Layer] = [
        _convolution(4, 3, 3, 1, 0),  # 4 × 8 × 8
        Relu(),
        MaxPool(2, 2),  # 4 × 4 × 4
        Tag(1),
        _convolution(8, 4, 3, 1, 1),  # 8 × 4 × 4
        Tag(2),
        Skip(1),
        AveragePool(2, 2),  # 4 × 2 × 2
        AddTagged(2),  # 8 × 4 × 4
        AveragePool(0, 1),  # 8 × 1 × 1
        FullyConnected(np.zeros((8, 5), np.float32)),
    ]
    assert multiply_adds(layers, (3, 10, 10)) == 4 * 3 * 9 * 64 + 8 * 4 * 9 * 16 + 8 * 5


def test_the_embedders_first_layer_alone_and_the_whole() -> None:
    # The first convolution: 32 filters of 3 × 7 × 7, stride 2, at 72 × 72 places.
    assert of_embedder() > 2 * 32 * 3 * 7 * 7 * 72 * 72
    # A network of 29 layers for small chips: well below the 3.6e9 multiply-adds of a ResNet-34 at 224 × 224.
    assert of_embedder() < 1e9


def test_the_detectors_count_grows_with_the_frame() -> None:
    assert 3 < of_detector(1440, 2560) / of_detector(720, 1280) < 5
