"""ONNX graphs of dlib's networks, in single precision."""

from onnx import TensorProto, ValueInfoProto, helper

from models.networks.builder import Builder
from models.networks.layers import CANVAS_CODING, Coding, Convolution, DetectionNetwork, EmbeddingNetwork, Layer
from models.networks.rewriting import divided, folded, widened

CHIPS, EMBEDDINGS = "chips", "embeddings"
CANVAS, SCORES = "canvas", "scores"

COLOURS = 3


def embedding_graph(network: EmbeddingNetwork) -> bytes:
    """Chips (n, edge, edge, 3) uint8 RGB in, embeddings (n, outputs) float32 out."""
    builder = Builder()
    builder.add("Cast", CHIPS, to=TensorProto.FLOAT)
    builder.add("Transpose", perm=[0, 3, 1, 2])
    builder.shape = (COLOURS, network.edge, network.edge)
    for layer in folded(network, Coding()):
        builder.apply(layer)
    outputs = builder.shape[0]
    chips = helper.make_tensor_value_info(CHIPS, TensorProto.UINT8, ["n", network.edge, network.edge, COLOURS])
    return builder.model(chips, helper.make_tensor_value_info(EMBEDDINGS, TensorProto.FLOAT, ["n", outputs]))


def detection_graph(network: DetectionNetwork) -> bytes:
    """A canvas (n, rows, columns, 3) uint16 RGB of `CANVAS_CODING` in; scores (n, 1, rows, columns) float32 out."""
    builder = Builder()
    builder.add("Transpose", CANVAS, perm=[0, 3, 1, 2])
    builder.add("Cast", to=TensorProto.FLOAT)
    *layers, last = widened(folded(network, CANVAS_CODING))
    for layer in [*layers, *head(last)]:
        builder.apply(layer)
    canvas = helper.make_tensor_value_info(CANVAS, TensorProto.UINT16, ["n", "rows", "columns", COLOURS])
    return builder.model(canvas, scores())


def head(last: Layer) -> tuple[Convolution, Convolution]:
    """The detector's last layer, divided."""
    if not isinstance(last, Convolution):
        raise TypeError("the last layer must be a convolution")
    return divided(last)


def scores() -> ValueInfoProto:
    """The detector's output."""
    return helper.make_tensor_value_info(SCORES, TensorProto.FLOAT, ["n", 1, "score_rows", "score_columns"])
