"""Embeddings of photographs as a file of NumPy arrays, for people who take their vectors elsewhere.

Personal data leaves the ledger's care here; the file is written with the permissions of a private one.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from config.files import PRIVATE, writing_whole
from curation.analysis import AnalysedPhotograph
from curation.photographs import shown
from models.faces import EmbeddingSpace, Face


@dataclass(slots=True)
class Collection:
    """Faces of photographs, gathered until they are written.

    Args:
        space: the space of all embeddings.
        detector: the detector and its options.
    """

    space: EmbeddingSpace
    detector: str
    _faces: list[Face] = field(default_factory=list)
    _paths: list[str] = field(default_factory=list)
    _sizes: list[tuple[int, int]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self._faces)

    def add(self, photograph: AnalysedPhotograph) -> None:
        """Take in the faces of one photograph, in its order."""
        self._faces.extend(photograph.faces)
        self._paths.extend([shown(photograph.path)] * len(photograph.faces))
        self._sizes.extend([(photograph.width, photograph.height)] * len(photograph.faces))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """One row per face: `path` (n,), `size` (n, 2) int32 width, height of the photograph, `box` (n, 4) int32 left,
        top, right, bottom, `score` (n,) float32, `quality` (n,) float32, `landmarks` (n, 5, 2) float32, `embedding`
        (n, d) float32; and, without rows, the names `space` and `detector`, and the space's `weights_sha256`.
        """  # noqa: D205  a list of arrays has no shorter summary
        faces = self._faces
        boxes = [(face.box.left, face.box.top, face.box.right, face.box.bottom) for face in faces]
        return {
            "path": np.array(self._paths, dtype=np.str_),
            "size": np.array(self._sizes, dtype=np.int32).reshape(-1, 2),
            "box": np.array(boxes, dtype=np.int32).reshape(-1, 4),
            "score": np.array([face.score for face in faces], dtype=np.float32),
            "quality": np.array([face.quality.overall for face in faces], dtype=np.float32),
            "landmarks": _stacked((face.landmarks for face in faces), 5, 2),
            "embedding": _stacked((face.embedding for face in faces), self.space.length),
            "space": np.array(self.space.name),
            "detector": np.array(self.detector),
            "weights_sha256": np.array(self.space.weights_sha256),
        }

    def write(self, path: Path) -> None:
        """Write the arrays; the file is whole or is not there, and an older one stays until the new one is whole.

        Raises:
            OSError: the folder cannot be written to.
        """
        with writing_whole(path, mode=PRIVATE) as file:
            np.savez(file, allow_pickle=False, **self.arrays())


def _stacked(parts: Iterable[NDArray[np.float32]], *shape: int) -> NDArray[np.float32]:
    return np.array(list(parts), dtype=np.float32).reshape(-1, *shape)
