"""Memory that keeper and inmate share, for one picture at a time."""

import fcntl
import mmap
import os
import tempfile

import numpy as np
from numpy.typing import NDArray

from models.faces import RgbImage


def anonymous_file() -> int:
    """The number of an open file without a name; in memory where the system can, and then nobody can make it smaller.

    Whoever reads from memory of a file that has become smaller is killed: an inmate could end the worker so.
    """
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("rollcall-picture", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL)
        return descriptor
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


class SharedPicture:
    """A picture of one shape in a file that both sides map.

    Args:
        descriptor: number of the open file.
        rows, columns: of the picture.
    """

    def __init__(self, descriptor: int, rows: int, columns: int) -> None:
        self._shape = rows, columns, 3
        size = rows * columns * 3
        if os.fstat(descriptor).st_size < size:
            os.ftruncate(descriptor, size)
        self._pixels: NDArray[np.uint8] = np.frombuffer(mmap.mmap(descriptor, size), np.uint8).reshape(self._shape)

    def write(self, image: RgbImage) -> None:
        """Put a picture there.

        Raises:
            ValueError: it has another shape.
        """
        if image.shape != self._shape:
            raise ValueError(f"a picture of {image.shape} where {self._shape} was agreed")
        self._pixels[:] = image

    def read(self) -> RgbImage:
        """A copy of the picture that was put there last."""
        return self._pixels.copy()
