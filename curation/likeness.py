"""Enrolled faces in memory: how near a new face is to its own identity and to the others, without asking the database.

The index is rebuilt only now and then; faces added since are compared one by one, so that each of a hundred thousand
photographs costs a search, not a rebuild.
"""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.faces import Embedding, Embeddings
from models.neighbours import FlatIndex

_LARGEST_TAIL = 4096


@dataclass(frozen=True, slots=True)
class Neighbour:
    """An enrolled face and its Euclidean distance."""

    face_id: int
    identity_id: int
    distance: float


CLEARLY_NEARER = 0.15
"""By how much another identity must be nearer than the own one to speak against a photograph; see docs/decisions."""


@dataclass(frozen=True, slots=True)
class LikenessRule:
    """When a face offered for one identity is doubted to be another's.

    Args:
        largest_distance: only faces that are at least this near look like another at all. A first photograph, which has
            none of its own to be near to, is judged as if its own lay just here.
    """

    largest_distance: float

    def doubts(self, own: Neighbour | None, other: Neighbour) -> bool:
        """Whether the nearest face of anybody else speaks against the nearest own one, None for a first photograph."""
        own_distance = self.largest_distance if own is None else own.distance
        return other.distance <= self.largest_distance and own_distance - other.distance >= CLEARLY_NEARER


class EnrolledFaces:
    """The enrolled faces of one space at one version of its gallery.

    Args:
        version: the gallery's.
        face_ids: (n,).
        identity_ids: (n,).
        embeddings: (n, 128).
    """

    def __init__(
        self, version: int, face_ids: NDArray[np.int64], identity_ids: NDArray[np.int64], embeddings: Embeddings
    ) -> None:
        self.version = version
        self._count = len(face_ids)
        self._face_ids = face_ids
        self._identity_ids = identity_ids
        self._embeddings = embeddings
        self._indexed = self._count
        self._index = FlatIndex(embeddings)
        self._rows: defaultdict[int, list[int]] = defaultdict(list)
        for row, identity_id in enumerate(identity_ids.tolist()):
            self._rows[identity_id].append(row)

    def __len__(self) -> int:
        return self._count

    @property
    def last_face_id(self) -> int:
        """The id of the face that was taken in last, 0 where there is none."""
        return int(self._face_ids[self._count - 1]) if self._count else 0

    def count(self, identity_id: int) -> int:
        """How many faces an identity has."""
        return len(self._rows.get(identity_id, ()))

    def add(self, version: int, face_id: int, identity_id: int, embedding: Embedding) -> None:
        """Take in one more face; `version` is the gallery's from now on."""
        row = self._count
        if row == len(self._face_ids):
            self._grow(max(256, row // 4), len(embedding))
        self._face_ids[row], self._identity_ids[row], self._embeddings[row] = face_id, identity_id, embedding
        self._rows[identity_id].append(row)
        self._count += 1
        self.version = version
        if self._count - self._indexed >= _LARGEST_TAIL:
            self._index = FlatIndex(self._embeddings[: self._count])
            self._indexed = self._count

    def nearest_own(self, identity_id: int, embedding: Embedding, *, but: int | None = None) -> Neighbour | None:
        """The nearest face of an identity, other than the face `but`; None where it has none."""
        rows = [row for row in self._rows.get(identity_id, ()) if self._face_ids[row] != but]
        return self._nearest(rows, embedding)

    def nearest_other(self, identity_id: int | None, embedding: Embedding) -> Neighbour | None:
        """The nearest face of any other identity; None where there is nobody else."""
        own = 0 if identity_id is None else self.count(identity_id)
        # One more than the identity has must show somebody else.
        _, positions = self._index.nearest(embedding[np.newaxis], own + 1)
        rows = [*positions.ravel().tolist(), *range(self._indexed, self._count)]
        return self._nearest([row for row in rows if self._identity_ids[row] != identity_id], embedding)

    def _nearest(self, rows: list[int], embedding: Embedding) -> Neighbour | None:
        if not rows:
            return None
        distances = np.linalg.norm(self._embeddings[rows].astype(np.float64) - embedding, axis=1)
        best = int(distances.argmin())
        row = rows[best]
        return Neighbour(int(self._face_ids[row]), int(self._identity_ids[row]), float(distances[best]))

    def _grow(self, more: int, length: int) -> None:
        old = self._embeddings.reshape(-1, length)
        self._face_ids = np.concatenate([self._face_ids, np.zeros(more, np.int64)])
        self._identity_ids = np.concatenate([self._identity_ids, np.zeros(more, np.int64)])
        self._embeddings = np.concatenate([old, np.zeros((more, length), np.float32)])
