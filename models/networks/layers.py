"""What dlib's two networks consist of. Weights have the axes (filters, channels, rows, columns)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Weights = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Convolution:
    """Cross-correlation with filters (n, channels, rows, columns), plus a bias (n,).

    `padding`: zeros above and below, and on either side.
    """

    filters: Weights
    bias: Weights
    stride: int
    padding: tuple[int, int]


@dataclass(frozen=True, slots=True, eq=False)
class Affine:
    """scale × input + shift, both (channels,): a batch normalisation as it stands after training."""

    scale: Weights
    shift: Weights


@dataclass(frozen=True, slots=True)
class Relu:
    """Negative numbers become 0."""


@dataclass(frozen=True, slots=True)
class MaxPool:
    """The largest of each window of size × size; windows that would leave the input are left out."""

    size: int
    stride: int


@dataclass(frozen=True, slots=True)
class AveragePool:
    """The mean of each window of size × size; size 0 means one window: everything."""

    size: int
    stride: int


@dataclass(frozen=True, slots=True, eq=False)
class FullyConnected:
    """weights (inputs, outputs), no bias."""

    weights: Weights


@dataclass(frozen=True, slots=True)
class Tag:
    """Gives the output of the layer before it a number."""

    number: int


@dataclass(frozen=True, slots=True)
class Skip:
    """Goes on from the output that has this number instead of from the layer before."""

    number: int


@dataclass(frozen=True, slots=True)
class AddTagged:
    """Adds the output that has this number. Where shapes differ, both are filled with zeros at their ends first."""

    number: int


Layer = Convolution | Affine | Relu | MaxPool | AveragePool | FullyConnected | Tag | Skip | AddTagged


@dataclass(frozen=True, slots=True)
class Normalisation:
    """(value − mean of its colour) / 256, for red, green and blue."""

    red: float
    green: float
    blue: float


@dataclass(frozen=True, slots=True)
class Overlap:
    """Two boxes overlap when intersection over union, or the covered share of either, exceeds its limit."""

    union: float
    covered: float


@dataclass(frozen=True, slots=True)
class Window:
    """Size in pixels of the faces that the detector's output stands for."""

    width: int
    height: int


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """Layers from input to output."""

    normalisation: Normalisation
    layers: tuple[Layer, ...]


@dataclass(frozen=True, slots=True, eq=False)
class EmbeddingNetwork(Network):
    """dlib's face recognition network: chips of `edge` pixels in, embeddings out."""

    edge: int


@dataclass(frozen=True, slots=True, eq=False)
class DetectionNetwork(Network):
    """dlib's face detector: a pyramid of images in, scores out; and how boxes follow from scores."""

    window: Window
    suppression: Overlap
    """A box that overlaps a better one like this is dropped."""


@dataclass(frozen=True, slots=True)
class Coding:
    """How input values stand for grey levels 0 to 255: value = level × scale + offset."""

    scale: float = 1.0
    offset: float = 0.0


CANVAS_CODING = Coding(scale=256, offset=128)
"""Of the 16-bit numbers on a detector's canvas: the interpolations of a pyramid leave fractions of a level. By the
offset, the upper byte is the level rounded."""
