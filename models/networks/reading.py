"""The order in which dlib wrote its two networks (dlib/dnn/core.h, layers.h, loss.h).

A network is written from the outside in: its loss, then a version number for each layer from the output to the input,
then the input, then the layers' contents from the input to the output, as the calls return. Tags and skips have a
version number and no content. Which layers there are is not in the file; it is in the programs that wrote it
(dlib's examples dnn_face_recognition_ex.cpp and dnn_mmod_face_detection_ex.cpp), and so it is below.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

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
    Normalisation,
    Overlap,
    Relu,
    Skip,
    Tag,
    Window,
)
from models.networks.stream import DlibStream

Reader = Callable[[DlibStream], Layer]
Step = Reader | Tag | Skip
"""How to read a layer that has content, or a layer that has none."""

Plan = Sequence[Step]
"""From input to output."""

_ADD_LAYER_VERSION, _FIRST_LAYER_VERSION, _BARE_LAYER_VERSION, _LOSS_VERSION = 2, 3, 1, 1
_MMOD_OPTIONS_VERSION = 1


def read_embedding_network(data: bytes, name: str) -> EmbeddingNetwork:
    """dlib_face_recognition_resnet_model_v1.dat.

    Raises:
        ForeignWeights: it is not that file, or not whole; the message names what was expected, and where.
    """
    stream = DlibStream(data, name)
    stream.exactly(_LOSS_VERSION, "version of the loss")
    stream.word("loss_metric_2")
    stream.floating("margin of the loss")
    stream.floating("distance of the loss")
    plan = list(_resnet())
    _read_versions(stream, plan)
    stream.word("input_rgb_image_sized")
    normalisation = _read_normalisation(stream)
    edge = stream.integer("rows of the input")
    stream.exactly(edge, "columns of the input")
    layers = tuple(_read_contents(stream, plan))
    stream.end()
    return EmbeddingNetwork(normalisation, layers, edge)


def read_detection_network(data: bytes, name: str) -> DetectionNetwork:
    """mmod_human_face_detector.dat.

    Raises:
        ForeignWeights: it is not that file, or not whole; the message names what was expected, and where.
    """
    stream = DlibStream(data, name)
    stream.exactly(_LOSS_VERSION, "version of the loss")
    stream.word("loss_mmod_")
    stream.exactly(_MMOD_OPTIONS_VERSION, "version of the options")
    window = Window(stream.integer("width of the window"), stream.integer("height of the window"))
    for what in ("loss per false alarm", "loss per miss", "overlap with the truth"):
        stream.floating(what)
    suppression = _read_overlap(stream, "suppression")
    _read_overlap(stream, "boxes to ignore")
    plan = [*_downsampler(), *_detector()]
    _read_versions(stream, plan)
    stream.word("input_rgb_image_pyramid")
    normalisation = _read_normalisation(stream)
    layers = tuple(_read_contents(stream, plan))
    stream.end()
    return DetectionNetwork(normalisation, layers, window, suppression)


def _resnet() -> Iterator[Step]:
    yield from (_convolution, _affine, _relu, _max_pool)
    # (blocks that keep the size, whether one that halves it comes before them), from input to output.
    for plain, halving in ((3, False), (3, True), (2, True), (2, True), (0, True)):
        if halving:
            yield from _steps(Tag(1), *_block(), Tag(2), Skip(1), _average_pool, _add_tagged(2), _relu)
        for _ in range(plain):
            yield from _steps(Tag(1), *_block(), _add_tagged(1), _relu)
    yield from (_average_pool, _fully_connected)


def _steps(*steps: Step) -> Plan:
    return steps


def _block() -> tuple[Reader, ...]:
    return (_convolution, _affine, _relu, _convolution, _affine)


def _downsampler() -> tuple[Reader, ...]:
    return (_convolution, _batch_normalisation, _relu) * 3


def _detector() -> tuple[Reader, ...]:
    return ((_convolution, _batch_normalisation, _relu) * 3) + (_convolution,)


def _read_versions(stream: DlibStream, plan: Plan) -> None:
    for step in reversed(plan[1:]):
        bare = isinstance(step, Tag | Skip)
        stream.exactly(_BARE_LAYER_VERSION if bare else _ADD_LAYER_VERSION, "version of a layer")
    stream.exactly(_FIRST_LAYER_VERSION, "version of the first layer")


def _read_contents(stream: DlibStream, plan: Plan) -> Iterator[Layer]:
    for position, step in enumerate(plan):
        if isinstance(step, Tag | Skip):
            yield step
            continue
        yield step(stream)
        for what in ("setup called", "gradient is stale", "output disabled"):
            stream.boolean(what)
        for what in ("gradient", "cached output", "gradient of the parameters"):
            stream.tensor(what)
        if position == 0:
            stream.integer("samples per image")


def _read_normalisation(stream: DlibStream) -> Normalisation:
    return Normalisation(*(stream.floating(f"mean of {colour}") for colour in ("red", "green", "blue")))


def _read_overlap(stream: DlibStream, what: str) -> Overlap:
    return Overlap(stream.floating(f"union of {what}"), stream.floating(f"coverage of {what}"))


def _skip_rates(stream: DlibStream) -> None:
    for what in ("learning rate", "weight decay", "learning rate of the bias", "weight decay of the bias"):
        stream.floating(what)


def _convolution(stream: DlibStream) -> Convolution:
    stream.word("con_4")
    parameters = stream.tensor("filters and biases").ravel()
    count, rows, columns, stride, stride_x, padding, padding_x = (
        stream.integer(what)
        for what in ("filters", "rows", "columns", "vertical stride", "stride", "vertical padding", "padding")
    )
    shape, bias_shape = stream.alias("filters"), stream.alias("biases")
    _skip_rates(stream)
    size = int(np.prod(shape))
    whole = len(parameters) == size + count and bias_shape == (1, count, 1, 1)
    square = stride == stride_x >= 1 and padding == padding_x >= 0
    if not whole or not square or (shape[0], *shape[2:]) != (count, rows, columns):
        raise stream.fault(
            "a convolution whose shapes agree", f"{len(parameters)} numbers for {shape} and {bias_shape}"
        )
    return Convolution(parameters[:size].reshape(shape), parameters[size:], stride, (padding, padding))


def _affine(stream: DlibStream) -> Affine:
    stream.word("affine_")
    scale, shift = _halves(stream)
    stream.integer("mode of an affine layer")
    return Affine(scale, shift)


def _batch_normalisation(stream: DlibStream) -> Affine:
    """A trained batch normalisation is an affine layer: dlib turns one into the other in the same way."""
    stream.word("bn_con2")
    gamma, beta = _halves(stream)
    for what in ("means", "inverse deviations"):
        stream.tensor(what)
    means, variances = stream.tensor("running means").ravel(), stream.tensor("running variances").ravel()
    for what in ("updates", "window"):
        stream.integer(what)
    _skip_rates(stream)
    epsilon = stream.floating("epsilon")
    if not gamma.shape == means.shape == variances.shape:
        raise stream.fault("a normalisation whose shapes agree", f"{gamma.shape}, {means.shape}, {variances.shape}")
    scale = gamma / np.sqrt(variances + np.float32(epsilon))
    return Affine(scale.astype(np.float32), (beta - scale * means).astype(np.float32))


def _halves(stream: DlibStream) -> tuple[np.ndarray[tuple[int], np.dtype[np.float32]], ...]:
    parameters = stream.tensor("scale and shift").ravel()
    first, second = stream.alias("scale"), stream.alias("shift")
    half = len(parameters) // 2
    if not first == second == (1, half, 1, 1) or 2 * half != len(parameters):
        raise stream.fault("as many shifts as scales", f"{len(parameters)} numbers for {first} and {second}")
    return parameters[:half], parameters[half:]


def _relu(stream: DlibStream) -> Relu:
    stream.word("relu_")
    return Relu()


def _max_pool(stream: DlibStream) -> MaxPool:
    return MaxPool(*_pool(stream, "max_pool_2"))


def _average_pool(stream: DlibStream) -> AveragePool:
    return AveragePool(*_pool(stream, "avg_pool_2"))


def _pool(stream: DlibStream, name: str) -> tuple[int, int]:
    stream.word(name)
    size = stream.integer("rows of a pool")
    stream.exactly(size, "columns of a pool")
    stride = stream.integer("vertical stride of a pool")
    stream.exactly(stride, "stride of a pool")
    for what in ("vertical padding of a pool", "padding of a pool"):
        stream.exactly(0, what)
    if size < 0 or stride < 1:
        raise stream.fault("a pool", f"size {size}, stride {stride}")
    return size, stride


def _add_tagged(number: int) -> Reader:
    def read(stream: DlibStream) -> AddTagged:
        stream.word("add_prev_")
        return AddTagged(number)

    return read


def _fully_connected(stream: DlibStream) -> FullyConnected:
    stream.word("fc_2")
    outputs, inputs = stream.integer("outputs"), stream.integer("inputs")
    weights = stream.tensor("weights")
    shape = stream.alias("weights")
    stream.alias("biases")
    stream.exactly(1, "mode 'no bias' of a fully connected layer")
    _skip_rates(stream)
    if weights.shape != (inputs, outputs, 1, 1) or shape != weights.shape:
        raise stream.fault(f"weights of {inputs} × {outputs}", weights.shape)
    return FullyConnected(weights.reshape(inputs, outputs))
