"""The second build of dlib: found, proven, and asked. The wheel's dlib stands in for it where only the way counts."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench import openblas, reference
from bench.dlib_build import Build
from bench.interpreter import Interpreter
from bench.openblas import OpenBlasDlib, find, opened, prove
from config.errors import EngineUnavailable
from demo.film import Film
from models.dlib_engines import CnnDetector, DlibAligner, DlibEmbedder, HogDetector
from models.faces import RgbImage

_FOLDER = Path("/somewhere/dlib-openblas")
_OPENBLAS = "/usr/lib/libopenblas.so.0"


def _build(*libraries: str, file: str = f"{_FOLDER}/dlib/__init__.py", cuda: bool = False) -> Build:
    return Build(file=file, version="20.0.1", cuda=cuda, libraries=[f"{_FOLDER}/_dlib_pybind11.so", *libraries])


@pytest.mark.parametrize("library", [_OPENBLAS, "/usr/lib/openblas-pthread/libblas.so.3", f"{_FOLDER}/libopenblas.so"])
def test_a_build_that_brings_openblas_is_one(library: str) -> None:
    prove(_build(library), _FOLDER)


@pytest.mark.parametrize(
    ("build", "what"),
    [
        (_build(), "not linked to OpenBLAS"),
        (_build("/usr/lib/libmkl_rt.so.2"), "not linked to OpenBLAS"),
        (_build(_OPENBLAS, file="/venv/dlib/__init__.py"), "was loaded instead"),
        (_build(_OPENBLAS, cuda=True), "CUDA"),
    ],
)
def test_another_build_is_refused(build: Build, what: str) -> None:
    with pytest.raises(EngineUnavailable, match=what):
        prove(build, _FOLDER)


def test_it_is_where_the_environment_says_or_where_make_puts_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(openblas.VARIABLE, raising=False)
    monkeypatch.setattr(openblas, "DEFAULT", tmp_path / "made")
    assert find() is None
    with opened() as built:
        assert built is None
    (tmp_path / "made").mkdir()
    assert find() == tmp_path / "made"
    (tmp_path / "named").mkdir()
    monkeypatch.setenv(openblas.VARIABLE, str(tmp_path / "named"))
    assert find() == tmp_path / "named"
    monkeypatch.setenv(openblas.VARIABLE, str(tmp_path / "nowhere"))
    with pytest.raises(EngineUnavailable, match="make bench-dlib"):
        find()


def test_a_folder_without_dlib_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(openblas.VARIABLE, str(tmp_path))
    with pytest.raises(EngineUnavailable, match="was loaded instead"), opened():
        pass


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenBlasDlib]:
    """The installed dlib in another interpreter."""
    with Interpreter() as interpreter:
        build: Build = interpreter.call("bench.dlib_build:describe").result
        yield OpenBlasDlib(interpreter, tmp_path_factory.mktemp("inputs"), build)


@pytest.fixture
def portrait(portraits: dict[str, Path]) -> RgbImage:
    with Image.open(portraits["obama"]) as image:
        return np.asarray(image)


def test_the_installed_dlib_describes_itself(elsewhere: OpenBlasDlib) -> None:
    assert any("_dlib_pybind11" in library for library in elsewhere.build["libraries"])
    assert Path(elsewhere.build["file"]).is_file()


def test_embeddings_come_back_as_they_were_made(elsewhere: OpenBlasDlib, portrait: RgbImage) -> None:
    _, chips = DlibAligner().align(portrait, [found.box for found in HogDetector(80).detect(portrait)])
    assert len(chips) == 1
    done = elsewhere.embed(elsewhere.take("chips", chips))
    assert np.array_equal(done.result, DlibEmbedder(mirror=False).embed(chips))
    assert done.seconds > 0


def test_detections_come_back_as_they_were_made(elsewhere: OpenBlasDlib, portrait: RgbImage) -> None:
    done = elsewhere.detect(elsewhere.take("frames", np.stack([portrait, portrait * 0])), 80)
    assert done.result == [CnnDetector(80).detect(portrait), []]
    assert len(done.result[0]) == 1


def test_faces_of_a_film_are_counted_as_here(elsewhere: OpenBlasDlib, film: Film) -> None:
    # At 0 s nobody is on camera, at 6 s somebody; the frame at 12 s is past the end.
    assert elsewhere.count_faces(film.path, "hog", 7).result == reference.count_faces(film.path, "hog", 7) == 1
