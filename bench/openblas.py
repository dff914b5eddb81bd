"""A build of dlib from source against OpenBLAS. dlib's wheel has no BLAS, and people who build it get a faster one.

Two builds cannot live in one interpreter, so this one has an interpreter of its own. It is given the same inputs as
files, does the work by the same code, and tells results and processor seconds.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.dlib_build import Build
from bench.interpreter import Interpreter
from bench.measure import Elsewhere
from config.errors import EngineUnavailable, RollcallError
from models.faces import Box, Detection, Embeddings

VARIABLE = "BENCH_DLIB"
DEFAULT = Path(__file__).resolve().parents[1] / ".cache" / "bench" / "dlib-openblas"
HOW = f"`make bench-dlib` builds it (minutes, a C++ compiler); or {VARIABLE} names a folder of `pip install --target`"
MISSING = f"dlib built with OpenBLAS is not here: {HOW}"
ROW = "dlib built with OpenBLAS, one thread"


class OpenBlasDlib:
    """That build at work.

    Args:
        interpreter: where it is loaded.
        inputs: folder for what it is given.
        build: what it says of itself.
    """

    def __init__(self, interpreter: Interpreter, inputs: Path, build: Build) -> None:
        self._interpreter = interpreter
        self._inputs = inputs
        self.build = build

    def take(self, name: str, array: NDArray[Any]) -> str:
        """Hand an array over; the path by which it is meant afterwards."""
        path = self._inputs / f"{name}.npy"
        np.save(path, array, allow_pickle=False)
        return str(path)

    def embed(self, chips: str) -> Elsewhere[Embeddings]:
        """Embeddings of chips that were handed over."""
        done = self._interpreter.call("bench.jobs:embed", chips)
        return Elsewhere(np.array(done.result, np.float32), done.seconds)

    def detect(self, frames: str, smallest: int) -> Elsewhere[list[list[Detection]]]:
        """Faces of each of the frames that were handed over, by the network."""
        done = self._interpreter.call("bench.jobs:detect", frames, smallest)
        found = [[Detection(Box(*box), score) for *box, score in detections] for detections in done.result]
        return Elsewhere(found, done.seconds)

    def count_faces(self, film: Path, model: str, seconds: float | None) -> Elsewhere[int]:
        """As `reference.count_faces`."""
        done = self._interpreter.call("bench.jobs:count_faces", str(film), model, seconds)
        return Elsewhere(int(done.result), done.seconds)


@contextmanager
def opened() -> Iterator[OpenBlasDlib | None]:
    """The build, if there is one.

    Raises:
        EngineUnavailable: what was named is no such build.
    """
    folder = find()
    if folder is None:
        yield None
        return
    with Interpreter(folder) as interpreter, TemporaryDirectory(prefix="rollcall-bench-") as inputs:
        build: Build = interpreter.call("bench.dlib_build:describe").result
        prove(build, folder)
        yield OpenBlasDlib(interpreter, Path(inputs), build)


def find() -> Path | None:
    """The folder that the environment names, or where `make bench-dlib` puts it; None where there is none.

    Raises:
        EngineUnavailable: the environment names what is no folder.
    """
    named = os.environ.get(VARIABLE)
    if named:
        folder = Path(named).resolve()
        if not folder.is_dir():
            raise EngineUnavailable(VARIABLE, f"there is no folder {folder}", HOW)
        return folder
    return DEFAULT if DEFAULT.is_dir() else None


def prove(build: Build, folder: Path) -> None:
    """Hold what an interpreter loaded against what it should have.

    Raises:
        EngineUnavailable: it is another dlib, it is not linked to OpenBLAS, or it would use a graphics processor.
    """
    if not Path(build["file"]).resolve().is_relative_to(folder):
        raise EngineUnavailable(str(folder), f"holds no dlib, {build['file']} was loaded instead", HOW)
    # The name of the file, or of the folder of a distribution's alternative to libblas.so.3.
    if not any("openblas" in part for path in build["libraries"] for part in _names(Path(path), folder)):
        raise EngineUnavailable(str(folder), "its dlib is not linked to OpenBLAS", HOW)
    if build["cuda"]:
        raise EngineUnavailable(str(folder), "its dlib uses CUDA, which is another comparison", HOW)


def _names(library: Path, folder: Path) -> tuple[str, ...]:
    """The last two names of a path, less those of the folder itself: it may be called anything."""
    return library.relative_to(folder).parts[-2:] if library.is_relative_to(folder) else library.parts[-2:]


def main() -> None:
    """Say which build is found, or why it is none: what `make bench-dlib` ends with."""
    try:
        with opened() as built:
            print(f"dlib {built.build['version']}, {built.build['file']}" if built else MISSING)
    except RollcallError as error:
        sys.exit(f"bench: {error}")


if __name__ == "__main__":
    main()
