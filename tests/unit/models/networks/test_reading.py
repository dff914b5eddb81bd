"""Reading dlib's own files: every byte of them; and files that are not they."""

import random
from collections.abc import Callable

import numpy as np
import pytest

from config.errors import ForeignWeights
from models import weights
from models.networks.layers import (
    AddTagged,
    Affine,
    AveragePool,
    Convolution,
    FullyConnected,
    MaxPool,
    Network,
    Overlap,
    Relu,
    Skip,
    Tag,
    Window,
)
from models.networks.reading import read_detection_network, read_embedding_network

Reader = Callable[[bytes, str], Network]


@pytest.fixture(scope="module")
def resnet() -> bytes:
    return weights.locate(weights.RESNET).read_bytes()


@pytest.fixture(scope="module")
def mmod() -> bytes:
    return weights.locate(weights.MMOD).read_bytes()


def test_the_embedding_network_is_the_one_of_the_paper(resnet: bytes) -> None:
    network = read_embedding_network(resnet, "resnet")
    kinds = [type(layer) for layer in network.layers]
    assert {kind: kinds.count(kind) for kind in kinds} == {
        Convolution: 29, Affine: 29, Relu: 29, MaxPool: 1, AveragePool: 5, FullyConnected: 1,
        Tag: 18, Skip: 4, AddTagged: 14,
    }  # fmt: skip
    assert network.edge == 150
    convolutions = [layer for layer in network.layers if isinstance(layer, Convolution)]
    assert [len(layer.filters) for layer in convolutions] == [32] * 7 + [64] * 8 + [128] * 6 + [256] * 8
    assert all(np.isfinite(layer.filters).all() for layer in convolutions)
    last = network.layers[-1]
    assert isinstance(last, FullyConnected)
    assert last.weights.shape == (256, 128)


def test_the_detection_network_and_its_options(mmod: bytes) -> None:
    network = read_detection_network(mmod, "mmod")
    assert network.window == Window(80, 80)
    assert network.suppression == Overlap(union=0.3382761351109955, covered=1.0)
    convolutions = [layer for layer in network.layers if isinstance(layer, Convolution)]
    assert [(layer.filters.shape, layer.stride, layer.padding) for layer in convolutions] == [
        ((16, 3, 5, 5), 2, (0, 0)),
        ((32, 16, 5, 5), 2, (0, 0)),
        ((32, 32, 5, 5), 2, (0, 0)),
        ((45, 32, 5, 5), 1, (2, 2)),
        ((45, 45, 5, 5), 1, (2, 2)),
        ((45, 45, 5, 5), 1, (2, 2)),
        ((1, 45, 9, 9), 1, (4, 4)),
    ]


def test_one_is_not_the_other(resnet: bytes, mmod: bytes) -> None:
    with pytest.raises(ForeignWeights, match="expected the word 'loss_metric_2', found 'loss_mmod_'"):
        read_embedding_network(mmod, "mmod")
    with pytest.raises(ForeignWeights, match="expected the word 'loss_mmod_', found 'loss_metric_2'"):
        read_detection_network(resnet, "resnet")


@pytest.mark.parametrize("share", [0, 0.001, 0.1, 0.5, 0.9, 0.999, 1])
@pytest.mark.parametrize(("file", "read"), [("resnet", read_embedding_network), ("mmod", read_detection_network)])
def test_a_truncated_file_is_told(request: pytest.FixtureRequest, file: str, read: Reader, share: float) -> None:
    data: bytes = request.getfixturevalue(file)
    with pytest.raises(ForeignWeights, match=r"the end of the file after"):
        read(data[: int(share * (len(data) - 1))], file)


def test_bytes_behind_the_end_are_told(mmod: bytes) -> None:
    with pytest.raises(ForeignWeights, match="1 more bytes"):
        read_detection_network(mmod + b"\0", "mmod")


def test_an_altered_file_is_read_or_told_and_never_breaks_the_reader(mmod: bytes) -> None:
    """A changed weight cannot be seen here (the SHA-256 sees it); anything else must be the one error."""
    chance = random.Random(20)
    told = 0
    for _ in range(300):
        data = bytearray(mmod)
        # The structure stands in the first bytes and around the layers' names.
        at = chance.randrange(160) if chance.random() < 0.5 else chance.randrange(len(data))
        data[at] ^= 1 << chance.randrange(8)
        try:
            read_detection_network(bytes(data), "mmod")
        except ForeignWeights:
            told += 1
    assert told > 50
