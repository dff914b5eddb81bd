"""Where the networks' weights lie, and whether they are the ones that were meant.

The files come with the package `face_recognition_models`. That package is looked up and never imported: importing it
needs `pkg_resources`, which setuptools no longer has. Its 68-point landmark model is not used, since its training data
excludes commercial use; the three files below are free to use.
"""

import hashlib
import importlib.util
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from config.errors import WeightsMissing

_PACKAGE = "face_recognition_models"
_REMEDY = "install the package `face-recognition-models` again"


@dataclass(frozen=True, slots=True)
class WeightFile:
    """A file of weights: its name in the package, and the SHA-256 of its content in hexadecimal."""

    name: str
    sha256: str


LANDMARKS = WeightFile(
    "shape_predictor_5_face_landmarks.dat", "c4b1e9804792707d3a405c2c16a80a20269e6675021f64a41d30fffafbc41888"
)
RESNET = WeightFile(
    "dlib_face_recognition_resnet_model_v1.dat", "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30"
)
MMOD = WeightFile("mmod_human_face_detector.dat", "4cb19393e2fbaf2b1609a9319ad5386618c886a6234ec1b971f3e87c85d87fe6")


@cache
def locate(weights: WeightFile) -> Path:
    """Path of a file of weights, its content verified once per process.

    Raises:
        WeightsMissing: the package or the file is not installed, cannot be read, or has other content.
    """
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise WeightsMissing(weights.name, f"the package {_PACKAGE} is not installed", _REMEDY)
    path = Path(spec.submodule_search_locations[0]) / "models" / weights.name
    verify(path, weights)
    return path


def verify(path: Path, weights: WeightFile) -> None:
    """Hold a file against its SHA-256.

    Raises:
        WeightsMissing: the file is not there, cannot be read, or has other content.
    """
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise WeightsMissing(str(path), error.strerror or "cannot be read", _REMEDY) from error
    if found != weights.sha256:
        raise WeightsMissing(str(path), f"has other content than expected (SHA-256 {found[:12]}…)", _REMEDY)
