"""Arrays as bytes: little-endian float32, checked by length when they come back."""

import numpy as np
from numpy.typing import NDArray


def to_bytes(array: NDArray[np.float32]) -> bytes:
    """The array's numbers, row by row."""
    return np.ascontiguousarray(array, dtype="<f4").tobytes()


def from_bytes(data: bytes, *shape: int) -> NDArray[np.float32]:
    """The array again.

    Raises:
        ValueError: the bytes do not fill the shape.
    """
    return np.frombuffer(data, dtype="<f4").astype(np.float32).reshape(shape)


def stack(rows: list[bytes], length: int) -> NDArray[np.float32]:
    """(n, length) from n stored vectors; n may be 0."""
    return from_bytes(b"".join(rows), len(rows), length)
