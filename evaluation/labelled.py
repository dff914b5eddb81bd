"""Labelled faces: one per photograph, of the person whose folder the photograph lies in."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os.path import normpath
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from config.errors import ForeignEmbeddings, NotEnoughPeople
from models.faces import Embeddings

_CENTRING = 2.0
"""What the square of a face's way from the middle counts against its area (David Sandberg's FaceNet, `align`)."""

Arrays = Mapping[str, NDArray[Any]]
"""As docs/embed.md tells them."""


@dataclass(frozen=True, slots=True, eq=False)
class LabelledFaces:
    """One face of each photograph that shows one, in the order of the photographs. `repr` leaves embeddings out.

    Args:
        names: of the people.
        people: (n,) the place of each face's person in `names`.
        photographs: n paths.
        embeddings: (n, 128) of one space.
        qualities: (n,) 0 to 1.
        space: name of the embedding space.
        detector: the detector and its options.
        faceless: photographs of labelled people in which no face was found.
    """

    names: Sequence[str]
    people: NDArray[np.int64]
    photographs: Sequence[str]
    embeddings: Embeddings
    qualities: NDArray[np.float64]
    space: str
    detector: str
    faceless: int

    def __len__(self) -> int:
        return len(self.people)

    def __repr__(self) -> str:
        return f"LabelledFaces({len(self)} of {len(self.names)} people, {self.space})"


def labelled_faces(arrays: Arrays, photographs: Mapping[str, str]) -> LabelledFaces:
    """The faces of labelled photographs.

    Where a photograph shows several faces, the label is taken for the largest and most central one: of the largest area
    less twice the square of its distance from the picture's middle, both in pixels, as FaceNet's alignment chose among
    the faces of Labelled Faces in the Wild. In that collection the labelled person is in the middle.

    Args:
        arrays: the faces of these photographs, and perhaps of others, as `rollcall embed` gives them.
        photographs: each one's person, by path. Paths are compared after they were made absolute.

    Raises:
        ForeignEmbeddings: an array is missing or of another shape, or none of the photographs is among the faces.
    """
    _check(arrays)
    by_path: defaultdict[str, list[int]] = defaultdict(list)
    for row, path in enumerate(arrays["path"].tolist()):
        by_path[absolute(path)].append(row)
    labels = {absolute(path): person for path, person in photographs.items()}
    shown = [(path, person, by_path[path]) for path, person in labels.items() if path in by_path]
    if not shown:
        raise ForeignEmbeddings("the embeddings", "hold no face of the photographs", "embed these photographs anew")
    names, people = np.unique([person for _, person, _ in shown], return_inverse=True)
    rows = np.array([_main_face(arrays, rows) for _, _, rows in shown])
    return LabelledFaces(
        names=names.tolist(),
        people=people.astype(np.int64),
        photographs=[path for path, _, _ in shown],
        embeddings=arrays["embedding"][rows],
        qualities=arrays["quality"][rows].astype(np.float64),
        space=str(arrays["space"].item()),
        detector=str(arrays["detector"].item()),
        faceless=len(labels) - len(shown),
    )


def absolute(path: str) -> str:
    """The path from the root, without `..`: what two ways of writing a path have in common. Links are not followed."""
    return normpath(Path(path).absolute())


def people_of(photographs: Sequence[Path], tops: Sequence[Path]) -> dict[Path, str]:
    """Each photograph's person: the name of the folder in one of `tops` under which it lies.

    Folders of one name in several tops are one person. A photograph that lies in a top itself has no label and is left
    out.

    Raises:
        NotEnoughPeople: no photograph has a label.
    """
    found = {}
    for top in tops:
        for path in photographs:
            parts = path.relative_to(top).parts if path.is_relative_to(top) else ()
            if len(parts) > 1:
                found[path] = parts[0]
    if not found:
        told = ", ".join(str(top) for top in tops)
        raise NotEnoughPeople(told, "no photograph lies in a folder of its person", "make one folder per person")
    return found


def _main_face(arrays: Arrays, rows: Sequence[int]) -> int:
    if len(rows) == 1:
        return rows[0]
    boxes = arrays["box"][rows].astype(np.float64)
    offset = (boxes[:, :2] + boxes[:, 2:] - arrays["size"][rows]) / 2
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return rows[int(np.argmax(area - _CENTRING * (offset**2).sum(axis=1)))]


def _check(arrays: Arrays) -> None:
    wanted = {"path": (), "box": (4,), "size": (2,), "quality": (), "embedding": (None,)}
    missing = [name for name in (*wanted, "space", "detector") if name not in arrays]
    if missing:
        raise ForeignEmbeddings("the embeddings", f"lack {', '.join(missing)}", "make them with `rollcall embed`")
    count = len(arrays["path"])
    for name, shape in wanted.items():
        found = arrays[name].shape
        if len(found) != len(shape) + 1 or found[0] != count or (None not in shape and found[1:] != shape):
            raise ForeignEmbeddings("the embeddings", f"hold {name} of {found}", "make them with `rollcall embed`")
