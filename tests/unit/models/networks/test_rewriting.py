"""Rewritten networks compute what they computed before."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import TensorProto, helper

from models import first_look
from models.networks import session
from models.networks.builder import Builder
from models.networks.graph import CANVAS, COLOURS, detection_graph, scores
from models.networks.integer import first_look_graph
from models.networks.layers import CANVAS_CODING, Affine, Coding, Convolution, MaxPool
from models.networks.rewriting import divided, folded, over_blocks, widened


def convolved(image: NDArray[np.float32], layer: Convolution) -> NDArray[np.float64]:
    """(filters, rows, columns) of an image (channels, rows, columns), by the definition."""
    down, beside = layer.padding
    padded = np.pad(image, ((0, 0), (down, down), (beside, beside)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, layer.filters.shape[1:]).astype(np.float64)
    kept = windows[0, :: layer.stride, :: layer.stride]
    found: NDArray[np.float64] = np.einsum("yxcij,ncij->nyx", kept, layer.filters)
    return found + layer.bias[:, np.newaxis, np.newaxis]


@pytest.fixture(scope="module")
def plain() -> session.Session:
    """dlib's layers as they stand, none of them widened or divided."""
    builder = Builder()
    builder.add("Transpose", CANVAS, perm=[0, 3, 1, 2])
    builder.add("Cast", to=TensorProto.FLOAT)
    for layer in folded(session.detection_network(), CANVAS_CODING):
        builder.apply(layer)
    canvas = helper.make_tensor_value_info(CANVAS, TensorProto.UINT16, ["n", "rows", "columns", COLOURS])
    return session.Session(builder.model(canvas, scores()), "cpu")


@pytest.fixture(scope="module")
def rewritten() -> session.Session:
    return session.Session(detection_graph(session.detection_network()), "cpu")


@pytest.fixture(scope="module")
def integers() -> session.Session:
    return session.Session(first_look_graph(session.detection_network()), "cpu")


def canvas(seed: int, rows: int, columns: int) -> NDArray[np.uint16]:
    """Smooth noise: coarse tiles of any colour."""
    generator = np.random.default_rng(seed)
    coarse = generator.integers(128, 256 * 255, (rows // 7 + 1, columns // 7 + 1, 3))
    return coarse.repeat(7, axis=0).repeat(7, axis=1)[:rows, :columns].astype(np.uint16)


@settings(max_examples=25)
@given(seed=st.integers(0, 1000), rows=st.integers(15, 90), columns=st.integers(15, 90))
def test_the_detector_gives_the_same_scores(
    plain: session.Session, rewritten: session.Session, integers: session.Session, seed: int, rows: int, columns: int
) -> None:
    pixels = canvas(seed, 2 * rows, 2 * columns)
    expected, found = plain.run(pixels[np.newaxis]), rewritten.run(pixels[np.newaxis])
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, atol=2e-4)
    glanced = integers.run(first_look.blocks(pixels)[np.newaxis])
    assert glanced.shape == expected.shape
    # Seen: 0.033 of it, on levels further from a photograph's than any photograph.
    assert np.abs(glanced - expected).mean() < 0.1 * np.abs(expected).mean()


def test_the_coding_of_the_input_is_part_of_the_first_layer() -> None:
    network = session.detection_network()
    levels = np.random.default_rng(1).uniform(0, 255, (3, 11, 13)).astype(np.float32)
    plain, coded = (folded(network, coding)[0] for coding in (Coding(), Coding(scale=256, offset=128)))
    assert isinstance(plain, Convolution)
    assert isinstance(coded, Convolution)
    np.testing.assert_allclose(convolved(levels * 256 + 128, coded), convolved(levels, plain), atol=1e-5)


@given(rows=st.integers(1, 9), columns=st.integers(1, 9), channels=st.integers(1, 5), seed=st.integers(0, 99))
def test_a_divided_convolution_is_the_same(rows: int, columns: int, channels: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    filters = generator.normal(size=(1, channels, rows, columns)).astype(np.float32)
    layer = Convolution(filters, np.array([0.5], np.float32), 1, (rows // 2, columns // 2))
    image = generator.normal(size=(channels, 12, 10)).astype(np.float32)
    along, across = divided(layer)
    found = convolved(convolved(image, along).astype(np.float32), across)
    np.testing.assert_allclose(found, convolved(image, layer), atol=1e-4)


@given(size=st.integers(1, 7), seed=st.integers(0, 99))
def test_a_convolution_over_blocks_is_the_same(size: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    filters = generator.normal(size=(4, 3, size, size)).astype(np.float32)
    layer = Convolution(filters, generator.normal(size=4).astype(np.float32), 2, (0, 0))
    image = generator.normal(size=(3, 16, 18)).astype(np.float32)
    in_blocks = image.reshape(3, 8, 2, 9, 2).transpose(2, 4, 0, 1, 3).reshape(12, 8, 9)
    found, expected = convolved(in_blocks, over_blocks(layer)), convolved(image, layer)
    np.testing.assert_allclose(found[:, : expected.shape[1], : expected.shape[2]], expected, atol=1e-4)


def test_channels_that_are_added_stay_zero() -> None:
    layers = [
        layer for layer in widened(folded(session.detection_network(), Coding())) if isinstance(layer, Convolution)
    ]
    assert [layer.filters.shape[:2] for layer in layers] == [
        (16, 3), (32, 16), (32, 32), (48, 32), (48, 48), (48, 48), (1, 48),
    ]  # fmt: skip
    assert not layers[3].filters[45:].any()
    assert not layers[3].bias[45:].any()
    assert not layers[4].filters[:, 45:].any()


def test_what_cannot_be_rewritten_is_refused() -> None:
    padded = Convolution(np.zeros((1, 3, 5, 5), np.float32), np.zeros(1, np.float32), 1, (1, 1))
    with pytest.raises(ValueError, match="stride 2 without padding"):
        over_blocks(padded)
    with pytest.raises(ValueError, match="cannot be divided"):
        divided(Convolution(np.zeros((2, 3, 5, 5), np.float32), np.zeros(2, np.float32), 1, (0, 0)))
    with pytest.raises(TypeError, match="MaxPool in a chain"):
        widened([padded, MaxPool(3, 2)])
    with pytest.raises(TypeError, match="Affine in a chain"):
        widened([padded, Affine(np.ones(1, np.float32), np.ones(1, np.float32))])
