"""Measures what the detector's first look in integers costs in accuracy, on folders of pictures.

    python bench/first_look.py FOLDER… [--pictures 2000] [--edge 480]

Prints the largest output of each rectifier (the table in `models.networks.integer` is these, with a little to spare),
the error of the first look's scores where the network's are above 0 (`models.first_look.MARGIN` is ten times its
standard deviation), and how many faces the network finds everywhere that it does not find after a first look.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from PIL import Image, ImageOps

from models import first_look
from models.faces import RgbImage
from models.networks import session
from models.networks.graph import CANVAS, SCORES, detection_graph
from models.networks.integer import LARGEST_OUTPUTS
from models.onnx_engines import MmodDetector
from models.pyramid import Canvas, layout

_SMALLEST = 80
_SUFFIXES = {".jpg", ".jpeg", ".png"}


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    parser.add_argument("--pictures", type=int, default=2000, help="at most so many, drawn at random")
    parser.add_argument("--edge", type=int, default=480, help="longer edge in pixels that pictures are reduced to")
    chosen = parser.parse_args()
    paths = sorted(path for folder in chosen.folders for path in folder.rglob("*") if path.suffix.lower() in _SUFFIXES)
    drawn = [paths[index] for index in np.random.default_rng(1).permutation(len(paths))[: chosen.pictures]]
    errors: list[NDArray[np.float32]] = []
    glances: list[float] = []
    network = onnxruntime.InferenceSession(_telling_graph(), providers=["CPUExecutionProvider"])
    largest = np.zeros(len(LARGEST_OUTPUTS))
    found = lost = pictures = 0
    exact, looking = MmodDetector(_SMALLEST, first_look=False), MmodDetector(_SMALLEST)
    for image in _pictures(drawn, chosen.edge):
        pictures += 1
        canvas = _canvas(image)
        scores, *rectified = network.run(None, {CANVAS: canvas[np.newaxis]})
        largest = np.maximum(largest, [output.max() for output in rectified])
        glanced = first_look.everywhere(canvas, _glance)
        positive = scores[0, 0] > 0
        errors.append((glanced - scores[0, 0])[positive])
        glances += glanced[positive].tolist()
        everywhere, looked = exact.detect(image), looking.detect(image)
        found += len(everywhere)
        lost += len({face.box for face in everywhere} - {face.box for face in looked})
    error = np.concatenate(errors)
    print(f"{pictures} pictures, {len(error)} cells above 0, {found} faces")
    print("largest outputs of the rectifiers:", " ".join(f"{value:.2f}" for value in largest))
    print(f"error of the first look: standard deviation {error.std():.4f}, {error.min():+.3f} to {error.max():+.3f}")
    print(f"least score of the first look where the network's is above 0: {min(glances):+.3f}")
    print(f"faces not found after a first look: {lost}")


def _pictures(paths: list[Path], edge: int) -> Iterator[RgbImage]:
    for path in paths:
        with Image.open(path) as opened:
            picture = ImageOps.exif_transpose(opened).convert("RGB")
        picture.thumbnail((edge, edge))
        if min(picture.size) >= _SMALLEST:
            yield np.asarray(picture)


def _canvas(image: RgbImage) -> NDArray[np.uint16]:
    return Canvas(layout(*image.shape[:2]), session.detection_network().normalisation).draw(image)


def _glance(pixels: NDArray[np.uint16]) -> NDArray[np.float32]:
    return session.first_look_session().run(first_look.blocks(pixels[0])[np.newaxis])


def _telling_graph() -> bytes:
    """The detector's graph with the outputs of its rectifiers as further outputs."""
    model = onnx.load_from_string(detection_graph(session.detection_network()))
    names = [node.output[0] for node in model.graph.node if node.op_type == "Relu"]
    model.graph.output.extend(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in names)
    if model.graph.output[0].name != SCORES:
        raise ValueError("the scores are no longer the first output")
    return bytes(model.SerializeToString())


if __name__ == "__main__":
    main()
