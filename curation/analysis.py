"""Photographs turned into faces, one after another or in several processes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from config.errors import PhotographError, UnreadablePhotograph
from config.face_settings import DetectorName, EmbedderName, FaceSettings
from curation.parallel import map_in_order, process_count
from curation.photographs import read_photograph, shown
from models.engine import FaceEngine, build_engine
from models.faces import Face


def with_engine(
    faces: FaceSettings, detector: DetectorName | None = None, embedder: EmbedderName | None = None
) -> FaceSettings:
    """What the settings say, with another detector or embedder where one is named."""
    named = {"detector": detector, "embedder": embedder}
    return faces.model_copy(update={part: name for part, name in named.items() if name})


@cache
def engine_of(options: FaceSettings) -> FaceEngine:
    """The engine of these settings; one per process."""
    return build_engine(options)


@dataclass(frozen=True, slots=True)
class AnalysedPhotograph:
    """A photograph's size in pixels, upright, and its faces, the surest first."""

    path: Path
    width: int
    height: int
    faces: tuple[Face, ...]


@dataclass(frozen=True, slots=True)
class Analyser:
    """Reads a photograph and finds its faces; can be sent to another process."""

    options: FaceSettings

    def __call__(self, path: Path) -> AnalysedPhotograph | PhotographError:
        """The photograph with its faces, or why it could not be read."""
        try:
            image = read_photograph(path)
        except PhotographError as error:
            return error
        height, width = image.shape[:2]
        return AnalysedPhotograph(path, width, height, tuple(engine_of(self.options).analyse(image)))


def analyse_all(
    paths: Sequence[Path], options: FaceSettings, processes: int
) -> Iterator[tuple[Path, AnalysedPhotograph | PhotographError]]:
    """Each photograph with its faces or its error, in the order of the paths.

    Args:
        paths: photographs.
        options: the engine to use.
        processes: how many processes share the work; 0 means one per core.
    """
    results = map_in_order(Analyser(options), paths, process_count(processes, len(paths)), reader_died)
    yield from zip(paths, results, strict=True)


def reader_died(path: Path) -> PhotographError:
    """What is said of a photograph whose process did not survive it."""
    return UnreadablePhotograph(
        shown(path), "ended the process that read it, perhaps for want of memory", "make it smaller or save it anew"
    )
