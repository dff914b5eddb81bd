"""The enrolled faces of one embedding space, and which identities are nearest to a probe."""

import numpy as np
from numpy.typing import NDArray

from models.decision import Candidate
from models.faces import Embedding, Embeddings
from models.neighbours import FlatIndex

__all__ = ["Candidate", "Gallery"]


class Gallery:
    """Enrolled faces that can be searched, exactly.

    Args:
        version: grows with every change of the enrolled faces; kept with what was decided by them.
        space: name of the embedding space of all of them.
        identity_ids: (n,) the identity of each face; n may be 0.
        embeddings: (n, 128) float32, row after row. Neither array is copied: both may be files mapped into memory,
            which the processes of a machine then hold once together. Nobody may change them.

    Raises:
        ValueError: the arrays do not fit each other.
    """

    def __init__(self, version: int, space: str, identity_ids: NDArray[np.int64], embeddings: Embeddings) -> None:
        if embeddings.ndim != 2 or identity_ids.shape != embeddings.shape[:1]:
            raise ValueError(f"{identity_ids.shape} identities of {embeddings.shape} embeddings")
        self.version = version
        self.space = space
        self._identity_ids = np.asarray(identity_ids, np.int64)
        self._identity_count = len(np.unique(self._identity_ids))
        self._index = FlatIndex(embeddings)

    def __len__(self) -> int:
        """Enrolled faces."""
        return len(self._index)

    @property
    def identity_count(self) -> int:
        """Identities with at least one face."""
        return self._identity_count

    def candidates(self, probe: Embedding, count: int) -> list[Candidate]:
        """The identities nearest to a probe, each by its nearest enrolled face.

        Args:
            probe: (128,) of the gallery's space.
            count: how many identities, at least 0.

        Returns:
            In order of ascending Euclidean distance, then of id; fewer when the gallery holds fewer.
        """
        return self.candidates_of_each(probe[np.newaxis], count)[0]

    def candidates_of_each(self, probes: Embeddings, count: int) -> list[list[Candidate]]:
        """As `candidates`, for each of (n, 128) probes: the gallery is read once for all of them."""
        wanted = min(count, self._identity_count)
        answers: list[list[Candidate]] = [[] for _ in probes]
        left = np.arange(len(probes)) if wanted > 0 else np.empty(0, np.int64)
        searched = 2 * wanted
        while len(left):
            distances, positions = self._index.nearest(probes[left], searched)
            again = []
            for number, near, faces in zip(left.tolist(), distances, positions, strict=True):
                found = _nearest_of_each(near, self._identity_ids[faces])
                # Faces just beyond the search may tie with its last one: that one must lie strictly beyond the wanted.
                enough = len(found) >= wanted and found[wanted - 1].distance < near[-1]
                if enough or searched >= len(self):
                    answers[number] = found[:wanted]
                else:
                    again.append(number)
            # One person's many photographs may fill the search.
            left, searched = np.array(again, np.int64), 4 * searched
        return answers


def _nearest_of_each(distances: NDArray[np.float64], identity_ids: NDArray[np.int64]) -> list[Candidate]:
    nearest: dict[int, float] = {}
    for distance, identity_id in zip(distances.tolist(), identity_ids.tolist(), strict=True):
        nearest.setdefault(identity_id, distance)
    ranked = sorted((distance, identity_id) for identity_id, distance in nearest.items())
    return [Candidate(identity_id, distance) for distance, identity_id in ranked]
