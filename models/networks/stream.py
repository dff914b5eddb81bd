"""Reading what dlib's `serialize` wrote: integers of variable length, floats, booleans, texts, tensors.

An integer is a byte that holds its sign (bit 7) and its length (bits 0–3), then so many bytes, lowest first. A float
is two integers, mantissa and binary exponent. A boolean is the letter 0 or 1. A tensor is its version, four dimensions,
and float32 numbers, little-endian (dlib/serialize.h, dlib/cuda/tensor.h, format of dlib 19 and 20).

Nothing is believed before it is checked: a length that the rest of the file cannot hold is an error, not an allocation.
"""

import math

import numpy as np
from numpy.typing import NDArray

from config.errors import ForeignWeights

_SIGN, _LENGTH = 0x80, 0x0F
_TENSOR_VERSION, _ALIAS_VERSION = 2, 1
_LONGEST_TEXT = 64


class DlibStream:
    """A file of dlib's, read from the front.

    Args:
        data: the whole file.
        name: of the file, for messages.
    """

    def __init__(self, data: bytes, name: str) -> None:
        self._data = data
        self._name = name
        self._at = 0

    def fault(self, expected: str, found: object) -> ForeignWeights:
        """The error that what stands here is not what should: to be raised by the caller."""
        return ForeignWeights(
            self._name, f"byte {self._at}: expected {expected}, found {found}", "install face-recognition-models anew"
        )

    def integer(self, what: str) -> int:
        """Any integer of up to 64 bits."""
        head = self._take(1, what)[0]
        length = head & _LENGTH
        if head & ~(_SIGN | _LENGTH) or length > 8:
            raise self.fault(f"an integer ({what})", f"the byte {head:#04x}")
        value = int.from_bytes(self._take(length, what), "little")
        return -value if head & _SIGN else value

    def exactly(self, expected: int, what: str) -> None:
        """An integer that must have this value."""
        found = self.integer(what)
        if found != expected:
            raise self.fault(f"{what} {expected}", found)

    def floating(self, what: str) -> float:
        """A finite float."""
        mantissa, exponent = self.integer(what), self.integer(what)
        # dlib writes infinities and NaN with exponents from 32,000 on.
        if abs(exponent) > 2000:
            raise self.fault(f"a finite number ({what})", f"an exponent of {exponent}")
        return math.ldexp(mantissa, exponent)

    def boolean(self, what: str) -> bool:
        """True or False."""
        letter = self._take(1, what)
        if letter not in {b"0", b"1"}:
            raise self.fault(f"0 or 1 ({what})", repr(letter))
        return letter == b"1"

    def text(self, what: str) -> str:
        """A short text, such as the name of a layer."""
        length = self.integer(what)
        if not 0 <= length <= _LONGEST_TEXT:
            raise self.fault(f"a text of at most {_LONGEST_TEXT} bytes ({what})", f"a length of {length}")
        return self._take(length, what).decode("ascii", "backslashreplace")

    def word(self, expected: str) -> None:
        """A text that must be this one."""
        found = self.text(expected)
        if found != expected:
            raise self.fault(f"the word {expected!r}", repr(found))

    def tensor(self, what: str) -> NDArray[np.float32]:
        """Four-dimensional float32 numbers; a dimension may be 0."""
        self.exactly(_TENSOR_VERSION, f"version of the tensor {what}")
        shape = self._shape(what)
        count = math.prod(shape)
        return np.frombuffer(self._take(4 * count, what), "<f4").astype(np.float32).reshape(shape)

    def alias(self, what: str) -> tuple[int, ...]:
        """The shape of a part of a tensor."""
        self.exactly(_ALIAS_VERSION, f"version of the shape of {what}")
        return self._shape(what)

    def end(self) -> None:
        """The end of the file."""
        if self._at != len(self._data):
            raise self.fault("the end of the file", f"{len(self._data) - self._at} more bytes")

    def _shape(self, what: str) -> tuple[int, ...]:
        shape = tuple(self.integer(f"dimension of {what}") for _ in range(4))
        if min(shape) < 0:
            raise self.fault(f"four dimensions of {what}", shape)
        return shape

    def _take(self, count: int, what: str) -> bytes:
        left = len(self._data) - self._at
        if count > left:
            raise self.fault(f"{count} bytes of {what}", f"the end of the file after {left}")
        part = self._data[self._at : self._at + count]
        self._at += count
        return part
