"""Labelled faces as they are and spoiled, found and embedded anew: what `bench.quality` compares.

They are looked for once and kept in `.cache/bench`: embeddings of published research material.
"""

import os
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench import damage
from bench.damage import Damage
from bench.material import CACHE
from config.errors import MaterialUnavailable
from config.face_settings import DetectorName, FaceSettings
from config.files import PRIVATE, writing_whole
from curation.analysis import engine_of
from curation.parallel import map_in_order, process_count
from curation.photographs import find_photographs, read_photograph
from models.faces import PARTS, Box, Embedding, Embeddings, Face, RgbImage

PLAIN = "plain"
"""The kind of a picture that nobody has spoiled."""

REFERENCE, PROBE, STRANGER, SEVERAL = "reference", "probe", "stranger", "several"
"""Of Labelled Faces in the Wild: two photographs of each person, and people of one photograph; several photographs each
of Public Figures."""

REAL = ("pubfig200", "bollywood", "football", "pubfig83", "orl", "bbt_chips")
"""Collections whose photographs are compared as they are."""

_STRANGERS = 600
_SEVERAL = slice(1, 13)
_CORPUS = Path(__file__).resolve().parents[2] / "shared" / "corpus"
# In pictures with shorter edges, faces are smaller than in others.
_SMALL_PICTURE, _SMALLEST_THERE = 200, 40


@dataclass(frozen=True, slots=True, eq=False)
class Faces:
    """n pictures and their main faces; personal data.

    Args:
        sets: (n,) collection, or part of one.
        people: (n,) person of that collection.
        photographs: (n,) what the picture was made from.
        kinds: (n,) `PLAIN`, or how it was spoiled.
        found: (n,) whether a face was found in it; nothing is known of the others.
        parts: (n, 5) of quality.
        embeddings: (n, 128).
    """

    sets: NDArray[np.str_]
    people: NDArray[np.str_]
    photographs: NDArray[np.str_]
    kinds: NDArray[np.str_]
    found: NDArray[np.bool_]
    parts: NDArray[np.float64]
    embeddings: Embeddings

    def rows(self, name: str) -> NDArray[np.int64]:
        """Where the faces of a set are."""
        return np.flatnonzero((self.sets == name) & self.found)


@dataclass(frozen=True, slots=True)
class _Task:
    """A photograph to look at as it is, and spoiled in so many of the ways that are fitted to, and of the others."""

    name: str
    path: Path
    spoiled: int

    @property
    def person(self) -> str:
        return self.path.parent.name


_Row = tuple[str, str, str, str, bool, Sequence[float], Embedding]


def faces(detector: DetectorName) -> Faces:
    """All of them; the first time they are looked for, which takes minutes."""
    file = CACHE / f"quality-{detector}.npz"
    if not file.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        _write(file, list(_collected(detector)))
    with np.load(file, allow_pickle=False) as arrays:
        return Faces(**{name: arrays[name] for name in Faces.__slots__})


def _write(file: Path, rows: Sequence[_Row]) -> None:
    columns = dict(zip(Faces.__slots__, map(np.array, zip(*rows, strict=True)), strict=True))
    with writing_whole(file, mode=PRIVATE) as opened:
        np.savez(opened, allow_pickle=False, **columns)


def _collected(detector: DetectorName) -> Iterator[_Row]:
    tasks = _tasks()
    job = _Look(detector)
    for found in map_in_order(job, tasks, process_count(0, len(tasks)), lambda _task: []):
        yield from found


def _tasks() -> list[_Task]:
    lfw = _photographs("lfw")
    several = [paths for paths in lfw.values() if len(paths) > 1]
    alone = [paths[0] for paths in lfw.values() if len(paths) == 1][:_STRANGERS]
    return [
        *(_Task(REFERENCE, paths[0], 0) for paths in several),
        *(_Task(PROBE, paths[1], 2) for paths in several),
        *(_Task(STRANGER, path, 1) for path in alone),
        *(_Task(SEVERAL, path, 2) for paths in _photographs("pubfig83").values() for path in paths[_SEVERAL]),
        *(_Task(name, path, 0) for name in REAL for paths in _photographs(name).values() for path in paths),
    ]


def _photographs(name: str) -> Mapping[str, list[Path]]:
    """By person, in order of their names."""
    folder = Path(os.environ.get("ROLLCALL_CORPUS", _CORPUS)) / "faces" / name
    if not folder.is_dir():
        raise MaterialUnavailable(str(folder), "the labelled photographs are not there", "set ROLLCALL_CORPUS")
    people: dict[str, list[Path]] = {}
    for path in sorted(find_photographs([folder]).photographs):
        people.setdefault(path.parent.name, []).append(path)
    return people


@dataclass(frozen=True, slots=True)
class _Look:
    """Looks at a photograph and at what was made of it; can be sent to another process."""

    detector: DetectorName

    def __call__(self, task: _Task) -> list[_Row]:
        image = read_photograph(task.path)
        plain = self._main_face(image)
        rows = [_row(task, PLAIN, plain)]
        if plain is not None and task.spoiled:
            generator = np.random.default_rng(zlib.crc32(f"{task.name}/{task.person}/{task.path.name}".encode()))
            for kinds in (damage.FITTED, damage.UNSEEN):
                for kind in generator.choice(list(kinds), task.spoiled, replace=False).tolist():
                    spoiled = _spoiled(kinds[kind], image, plain.box, generator)
                    rows.append(_row(task, kind, self._main_face(spoiled)))
        return rows

    def _main_face(self, image: RgbImage) -> Face | None:
        """The large one in the middle, as `evaluation.labelled` has it."""
        options = FaceSettings(detector=self.detector)
        if min(image.shape[:2]) < _SMALL_PICTURE:
            options = options.model_copy(update={"smallest": _SMALLEST_THERE})
        height, width = image.shape[:2]

        def prominence(face: Face) -> float:
            across, down = face.box.left + face.box.right - width, face.box.top + face.box.bottom - height
            return float(face.box.width * face.box.height - (across**2 + down**2) / 2)

        return max(engine_of(options).analyse(image), key=prominence, default=None)


def _spoiled(how: Damage, image: RgbImage, face: Box, generator: np.random.Generator) -> RgbImage:
    return np.ascontiguousarray(how(image, face, generator))


def _row(task: _Task, kind: str, face: Face | None) -> _Row:
    head = task.name, task.person, f"{task.person}/{task.path.name}", kind
    if face is None:
        return (*head, False, [0.0] * len(PARTS), np.zeros(128, np.float32))
    return (*head, True, [float(value or 0) for value in face.quality.parts.values()], face.embedding)
