"""Exact nearest-neighbour search, the one place that speaks to FAISS.

Distances are Euclidean, not squared. FAISS is told to use one thread: workers are one process per core, and threads of
each of them on every core would only wait for each other.
"""

from functools import cache
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from models.faces import Embeddings

# FAISS compares large batches by |x|² + |y|² − 2xy, which loses digits where the distance is small; its results are
# therefore measured again from the vectors, this many pairs at a time.
_PAIRS_AT_ONCE = 1 << 13


class FlatIndex:
    """Vectors that can be searched exhaustively, where they lie: none of FAISS's indexes, which would copy them.

    Args:
        vectors: (n, d) float32, row after row; n may be 0. They are not copied and may be a file mapped into memory:
            whoever changes them changes what is found.
    """

    def __init__(self, vectors: Embeddings) -> None:
        self._vectors = np.ascontiguousarray(vectors, np.float32)

    def __len__(self) -> int:
        return len(self._vectors)

    def nearest(self, queries: Embeddings, count: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """The `count` nearest vectors of each query, fewer where there are fewer.

        Args:
            queries: (m, d) float32.
            count: how many, at least 1.

        Returns:
            Distances and positions, both (m, min(count, n)), each row in order of ascending distance, then position.

        Raises:
            ValueError: fewer than `count` vectors consist of finite numbers.
        """
        count = min(count, len(self))
        if not count or not len(queries):
            shape = (len(queries), count)
            return np.empty(shape), np.empty(shape, np.int64)
        _, positions = _faiss().knn(queries, self._vectors, count)
        if positions.min() < 0:
            # FAISS's way of saying that nothing more compares; as a position it would mean the last vector.
            raise ValueError(f"fewer than {count} of {len(self)} vectors can be compared with the query")
        distances = self.distances(queries, positions)
        order = np.lexsort((positions, distances), axis=-1)
        return np.take_along_axis(distances, order, -1), np.take_along_axis(positions, order, -1)

    def distances(self, queries: Embeddings, positions: NDArray[np.int64]) -> NDArray[np.float64]:
        """(m, k) distances of m queries to the vectors at these positions, (m, k)."""
        rows = np.repeat(np.arange(len(queries)), positions.shape[1])
        columns = positions.ravel()
        distances = np.empty(len(rows))
        for start in range(0, len(rows), _PAIRS_AT_ONCE):
            part = slice(start, start + _PAIRS_AT_ONCE)
            found = self._vectors[columns[part]].astype(np.float64)
            difference = found - queries[rows[part]]
            distances[part] = np.sqrt(np.einsum("ij,ij->i", difference, difference))
        return distances.reshape(positions.shape)


def pairwise(probes: Embeddings, templates: Embeddings) -> NDArray[np.float64]:
    """(n, m) Euclidean distances, exact to 1e-7 where they are not tiny."""
    ours, theirs = probes.astype(np.float64), templates.astype(np.float64)
    squares = (ours**2).sum(axis=1)[:, np.newaxis] + (theirs**2).sum(axis=1) - 2 * ours @ theirs.T
    return np.asarray(np.sqrt(np.maximum(squares, 0)))


@cache
def _faiss() -> ModuleType:
    # Imported late: the import takes a quarter of a second, and most commands search nothing.
    import faiss  # noqa: PLC0415  see above

    faiss.omp_set_num_threads(1)
    module: ModuleType = faiss
    return module
