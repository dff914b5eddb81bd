"""Measures what the detector's first look in integers costs in accuracy, on folders of pictures.

    python bench/first_look.py FOLDER… [--pictures 2000] [--edge 480]

Prints the largest output of each rectifier (the table in `models.networks.integer` follows from these), the error of
integers where the network's score is above 0, and, for several margins, how many of the faces that the network finds
everywhere are not found after a first look, and how much it still has to look at. `models.first_look.MARGIN` is the
choice.
"""

import argparse
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from PIL import Image, ImageOps

from models import first_look, mmod
from models.faces import Box, RgbImage
from models.networks import session
from models.networks.graph import CANVAS, SCORES, detection_graph
from models.networks.integer import LARGEST_OUTPUTS
from models.pyramid import Canvas, Layout, layout

_SMALLEST = 80
_MARGINS = (0.4, 0.6, 0.8)
_ROUNDING = 1e-4
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
    network = onnxruntime.InferenceSession(_telling_graph(), providers=["CPUExecutionProvider"])
    largest = np.zeros(len(LARGEST_OUTPUTS))
    errors: list[NDArray[np.float32]] = []
    lost, looked_at = Counter[float](), Counter[float]()
    found = pictures = cells = 0
    for image in _pictures(drawn, chosen.edge):
        pictures += 1
        plan = layout(*image.shape[:2])
        canvas = Canvas(plan, session.detection_network().normalisation).draw(image)
        whole, *rectified = network.run(None, {CANVAS: canvas[np.newaxis]})
        scores = whole[0, 0]
        largest = np.maximum(largest, [output.max() for output in rectified])
        errors.append((first_look.everywhere(canvas, _glance) - scores)[scores > 0])
        faces = _faces(scores, plan)
        found += len(faces)
        cells += scores.size
        for margin in _MARGINS:
            after = first_look.where_needed(canvas, plan, session.first_look_session().run, _exact, margin)
            lost[margin] += len(faces - _faces(after, plan))
            looked_at[margin] += int(np.isfinite(after).sum())
    error = np.concatenate(errors)
    print(f"{pictures} pictures, {found} faces, {len(error)} of {cells} cells above 0")
    print("largest outputs of the rectifiers:", " ".join(f"{value:.2f}" for value in largest))
    print(f"error of integers: standard deviation {error.std():.4f}, {error.min():+.3f} to {error.max():+.3f}")
    for margin in _MARGINS:
        print(f"margin {margin}: {lost[margin]} faces lost, {looked_at[margin] / cells:.1%} of the cells looked at")


def _pictures(paths: list[Path], edge: int) -> Iterator[RgbImage]:
    for path in paths:
        with Image.open(path) as opened:
            picture = ImageOps.exif_transpose(opened).convert("RGB")
        picture.thumbnail((edge, edge))
        if min(picture.size) >= _SMALLEST:
            yield np.asarray(picture)


def _faces(scores: first_look.Scores, plan: Layout) -> set[Box]:
    # A score of about 0 may fall on either side of the threshold by the order of summation.
    network = session.detection_network()
    return {
        face.box
        for face in mmod.detections(scores, plan, network.window, network.suppression)
        if face.score > _ROUNDING
    }


def _exact(pixels: NDArray[np.uint16]) -> NDArray[np.float32]:
    return session.detection_session("cpu").run(pixels)


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
