"""One embedding for all faces of a person: their mean, each with its weight."""

import numpy as np
from numpy.typing import NDArray

from models.faces import Embedding, Embeddings

# A face of quality 0 still counts a little: a group of such faces has a mean, too.
LEAST_WEIGHT = 1e-3


def template(embeddings: Embeddings, weights: NDArray[np.float64]) -> Embedding:
    """One embedding for all faces of a group: their weighted mean, not scaled to unit length.

    Args:
        embeddings: (n, 128), n at least 1.
        weights: (n,) 0 or more, e.g. the faces' overall quality.
    """
    mean = np.average(embeddings.astype(np.float64), axis=0, weights=np.maximum(weights, LEAST_WEIGHT))
    return np.asarray(mean, np.float32)


def variance(embeddings: Embeddings, weights: NDArray[np.float64], mean: Embedding) -> float:
    """How far the faces of a group lie from their template: weighted mean of squared distances; 0 of one face.

    Args:
        embeddings: (n, 128), n at least 1.
        weights: (n,) as in `template`.
        mean: (128,) the template.
    """
    away = embeddings.astype(np.float64) - mean
    squares = np.einsum("ij,ij->i", away, away)
    return float(np.average(squares, weights=np.maximum(weights, LEAST_WEIGHT)))


def templates_by_identity(
    identity_ids: NDArray[np.int64], embeddings: Embeddings, weights: NDArray[np.float64]
) -> tuple[NDArray[np.int64], Embeddings]:
    """The template of every identity.

    Args:
        identity_ids: (n,) whose each face is.
        embeddings: (n, 128).
        weights: (n,) 0 or more.

    Returns:
        (N,) the identities, ascending, and (N, 128) their templates.
    """
    sums = TemplateSums(embeddings.shape[1])
    sums.add(identity_ids, embeddings, weights)
    return sums.templates()


class TemplateSums:
    """Templates of many identities whose faces come some at a time.

    Args:
        length: of an embedding.
    """

    def __init__(self, length: int) -> None:
        self._identities = np.empty(0, np.int64)
        self._sums = np.empty((0, length))
        self._totals = np.empty(0)

    def add(self, identity_ids: NDArray[np.int64], embeddings: Embeddings, weights: NDArray[np.float64]) -> None:
        """Some more faces, see `templates_by_identity`."""
        weights = np.maximum(weights, LEAST_WEIGHT)
        present, rows = np.unique(identity_ids, return_inverse=True)
        new = np.setdiff1d(present, self._identities, assume_unique=True)
        if len(new):
            places = np.searchsorted(self._identities, new)
            self._identities = np.insert(self._identities, places, new)
            self._sums = np.insert(self._sums, places, 0, axis=0)
            self._totals = np.insert(self._totals, places, 0)
        at = np.searchsorted(self._identities, present)[rows]
        np.add.at(self._sums, at, embeddings * weights[:, np.newaxis])
        np.add.at(self._totals, at, weights)

    def templates(self) -> tuple[NDArray[np.int64], Embeddings]:
        """(N,) the identities so far, ascending, and (N, 128) their templates."""
        return self._identities, np.asarray(self._sums / self._totals[:, np.newaxis], np.float32)
