"""Enrolled faces in memory: how near a new face is to its own identity and to the others, without asking the database.

The index is rebuilt only now and then; faces added since are compared one by one, so that each of a hundred thousand
photographs costs a search, not a rebuild.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.faces import Embedding, Embeddings
from models.neighbours import FlatIndex

_LARGEST_TAIL = 4096
_SEARCHED_AT_ONCE = 1024
_NEIGHBOURS_AT_FIRST = 16


@dataclass(frozen=True, slots=True)
class Neighbour:
    """An enrolled face and its Euclidean distance."""

    face_id: int
    identity_id: int
    distance: float


CLEARLY_NEARER = 0.15
"""By how much another identity must be nearer than the own one to speak against a photograph (docs/decisions, 5)."""


UNLIKE = 0.1
"""How far beyond the largest distance a person's photographs may lie from each other (docs/decisions, 5)."""


@dataclass(frozen=True, slots=True)
class LikenessRule:
    """When a face offered for one identity is doubted to be another's.

    Args:
        largest_distance: only faces that are at least this near look like another at all. A first photograph, which has
            none of its own to be near to, is judged as if its own lay just here.
    """

    largest_distance: float

    def doubts(self, own: float | None, other: float) -> bool:
        """Whether the nearest face of anybody else speaks against the nearest own one, None for a first photograph."""
        own = self.largest_distance if own is None else own
        return other <= self.largest_distance and own - other >= CLEARLY_NEARER

    def unlike(self, to_rest: float) -> bool:
        """Whether a median distance to a person's other photographs is that of another person."""
        return to_rest > self.largest_distance + UNLIKE


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

    @property
    def face_ids(self) -> NDArray[np.int64]:
        """(n,) in the order of enrolment."""
        return self._face_ids[: self._count]

    def positions_of(self, identity_id: int) -> Sequence[int]:
        """Which faces are an identity's, counted from 0 in the order of enrolment."""
        return tuple(self._rows.get(identity_id, ()))

    def embedding(self, position: int) -> Embedding:
        """(128,) of the face at a position."""
        embedding: Embedding = self._embeddings[position]
        return embedding

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

    def nearest_own(self, identity_id: int, embedding: Embedding) -> Neighbour | None:
        """The nearest face of an identity; None where it has none."""
        return self._nearest(self._rows.get(identity_id, []), embedding)

    def nearest_other(self, identity_id: int | None, embedding: Embedding) -> Neighbour | None:
        """The nearest face of any other identity; None where there is nobody else."""
        own = 0 if identity_id is None else self.count(identity_id)
        # One more than the identity has must show somebody else.
        _, positions = self._index.nearest(embedding[np.newaxis], own + 1)
        rows = [*positions.ravel().tolist(), *range(self._indexed, self._count)]
        return self._nearest([row for row in rows if self._identity_ids[row] != identity_id], embedding)

    def distances_to_own(self, position: int) -> NDArray[np.float64]:
        """Distances of the face at a position to the other faces of its identity, in the order of enrolment."""
        rows = [row for row in self._rows[int(self._identity_ids[position])] if row != position]
        return self._distances(rows, self._embeddings[position])

    def nearest_others(self) -> Iterator[Neighbour | None]:
        """The nearest face of anybody else for each face; searched many at once, which is several times as fast."""
        for start in range(0, self._count, _SEARCHED_AT_ONCE):
            block = range(start, min(start + _SEARCHED_AT_ONCE, self._count))
            _, positions = self._index.nearest(self._embeddings[block.start : block.stop], _NEIGHBOURS_AT_FIRST)
            for row, near in zip(block, positions, strict=True):
                others = near[self._identity_ids[near] != self._identity_ids[row]].tolist()
                embedding, identity_id = self._embeddings[row], int(self._identity_ids[row])
                # Where all that are near are own ones, or some are not in the index yet, it is searched alone.
                alone = not others or self._indexed < self._count
                yield self.nearest_other(identity_id, embedding) if alone else self._nearest(others, embedding)

    def _nearest(self, rows: list[int], embedding: Embedding) -> Neighbour | None:
        if not rows:
            return None
        distances = self._distances(rows, embedding)
        best = int(distances.argmin())
        row = rows[best]
        return Neighbour(int(self._face_ids[row]), int(self._identity_ids[row]), float(distances[best]))

    def _distances(self, rows: list[int], embedding: Embedding) -> NDArray[np.float64]:
        difference = self._embeddings[rows].astype(np.float64) - embedding
        distances: NDArray[np.float64] = np.sqrt(np.einsum("ij,ij->i", difference, difference))
        return distances

    def _grow(self, more: int, length: int) -> None:
        old = self._embeddings.reshape(-1, length)
        self._face_ids = np.concatenate([self._face_ids, np.zeros(more, np.int64)])
        self._identity_ids = np.concatenate([self._identity_ids, np.zeros(more, np.int64)])
        self._embeddings = np.concatenate([old, np.zeros((more, length), np.float32)])
