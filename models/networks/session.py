"""ONNX Runtime sessions of dlib's networks: graphs built once and kept, one session per process."""

import ctypes
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as runtime_errors

from config.errors import EngineUnavailable
from models import weights
from models.networks.keeping import kept
from models.networks.layers import DetectionNetwork, EmbeddingNetwork
from models.networks.reading import read_detection_network, read_embedding_network
from models.weights import WeightFile

PROVIDERS = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
}
"""Setting → ONNX Runtime's name."""

PROVIDER_ERRORS = (
    runtime_errors.Fail,
    runtime_errors.InvalidArgument,
    runtime_errors.InvalidGraph,
    runtime_errors.InvalidProtobuf,
    runtime_errors.NotImplemented,
    runtime_errors.RuntimeException,
)
"""What ONNX Runtime raises of a file that is no network, or of one that cannot be run."""


class Session:
    """A network that can be run on arrays.

    Args:
        graph: its file, or the graph itself; ONNX Runtime keeps a copy of the latter.
        provider: key of `PROVIDERS`.

    Raises:
        EngineUnavailable: this ONNX Runtime has no such provider, or it cannot run here.
    """

    def __init__(self, graph: Path | bytes, provider: str) -> None:
        wanted = PROVIDERS[provider]
        available = onnxruntime.get_available_providers()
        if wanted not in available:
            raise EngineUnavailable(
                f"execution provider {provider}",
                f"is not in this ONNX Runtime, which has {', '.join(available)}",
                "set faces.provider to cpu, or install the ONNX Runtime package that brings it",
            )
        options = onnxruntime.SessionOptions()
        # One worker process per core: threads of their own would fight for the cores.
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # A plan of the memory for each shape of input saves no time here, and is never given back.
        options.enable_mem_pattern = False
        source = str(graph) if isinstance(graph, Path) else graph
        self._session = onnxruntime.InferenceSession(source, options, providers=[wanted])
        if wanted not in self._session.get_providers():
            raise EngineUnavailable(
                f"execution provider {provider}", "cannot run on this machine", "set faces.provider to cpu"
            )
        self._input, self.input_type, self.input_shape = _first_input(self._session)
        """Type as ONNX Runtime tells it, e.g. `tensor(uint8)`; of the shape, a length that may be any is a name, or
        None. Empty for a network without an input."""

    def run(self, array: NDArray[Any]) -> NDArray[np.float32]:
        """The network's one output for its one input."""
        return np.asarray(self._session.run(None, {self._input: array})[0], np.float32)


def _first_input(session: onnxruntime.InferenceSession) -> tuple[str, str, tuple[int | str | None, ...]]:
    taken = next(iter(session.get_inputs()), None)
    return ("", "", ()) if taken is None else (taken.name, taken.type, tuple(taken.shape))


@cache
def detection_network() -> DetectionNetwork:
    """The face detector.

    Raises:
        WeightsMissing, ForeignWeights: its file is not there, or not what it should be.
    """
    path = weights.locate(weights.MMOD)
    return read_detection_network(path.read_bytes(), path.name)


def embedding_network() -> EmbeddingNetwork:
    """The face recognition network.

    Raises:
        WeightsMissing, ForeignWeights: its file is not there, or not what it should be.
    """
    path = weights.locate(weights.RESNET)
    return read_embedding_network(path.read_bytes(), path.name)


@cache
def detection_session(provider: str) -> Session:
    """Canvas in, scores out."""

    def build() -> bytes:
        from models.networks.graph import detection_graph  # noqa: PLC0415  the onnx package is for building only

        return detection_graph(detection_network())

    return _session("detector", weights.MMOD, build, provider)


@cache
def first_look_session() -> Session:
    """Canvas in blocks in, approximate scores out; on the processor."""

    def build() -> bytes:
        from models.networks.integer import first_look_graph  # noqa: PLC0415  as above

        return first_look_graph(detection_network())

    return _session("first-look", weights.MMOD, build, "cpu")


@cache
def embedding_session(provider: str) -> Session:
    """Chips in, embeddings out."""

    def build() -> bytes:
        from models.networks.graph import embedding_graph  # noqa: PLC0415  as above

        return embedding_graph(embedding_network())

    return _session("embedder", weights.RESNET, build, provider)


GRAPH_VERSION = 2
"""Part of a kept graph's name: raise it whenever `graph` builds another one from the same weights."""


def _session(kind: str, file: WeightFile, build: Callable[[], bytes], provider: str) -> Session:
    """Of the graph of a file of weights, which must be there and right in any case."""
    weights.locate(file)
    session = Session(kept(f"{kind}-{file.sha256[:16]}-{GRAPH_VERSION}", build), provider)
    _return_freed_memory()
    return session


def _return_freed_memory() -> None:
    """Loading a network frees several times the size of its weights, which glibc would keep for the process."""
    if trim := getattr(ctypes.CDLL(None), "malloc_trim", None):
        trim(0)
