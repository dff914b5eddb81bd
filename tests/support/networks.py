"""Embedders in ONNX files: dlib's network with another alignment, which is a true other space, and tiny ones."""

import hashlib
from pathlib import Path
from typing import Any

import onnx
from onnx import TensorProto, helper

from config.embedder_file import EmbedderFile
from models.networks import session
from models.networks.graph import embedding_graph


def declared(path: Path, **changes: Any) -> EmbedderFile:
    """A declaration of a file that is there, of dlib's network with wide chips and no mirror unless told otherwise."""
    values = {
        "path": str(path), "name": path.stem, "sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "length": 128,
        "edge": 150, "alignment": "dlib", "padding": 0.4, "mean": 0, "deviation": 1, "unit_length": False,
        "mirror": False,
    }  # fmt: skip
    return EmbedderFile(**{**values, **changes})


def write_resnet(folder: Path) -> Path:
    """dlib's embedder as an ONNX file."""
    path = folder / "wide-resnet.onnx"
    path.write_bytes(embedding_graph(session.embedding_network()))
    return path


def write_mean_colours(path: Path, shape: list[Any], kind: int = TensorProto.FLOAT) -> Path:
    """A network whose output is the mean of each channel of what it is given, channels second where 3 stands there."""
    axes, left = ([1, 2], shape[3]) if shape[3] == 3 else ([2, 3], shape[1])
    nodes = [
        helper.make_node("Cast", ["chips"], ["levels"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["levels"], ["means"], axes=axes, keepdims=0),
    ]
    graph = helper.make_graph(
        nodes,
        "means",
        [helper.make_tensor_value_info("chips", kind, shape)],
        [helper.make_tensor_value_info("means", TensorProto.FLOAT, [shape[0], left])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    path.write_bytes(model.SerializeToString())
    return path
