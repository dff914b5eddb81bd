"""dlib's numbers, against a writer of the same format; and what is not that format is an error, never a crash."""

import math
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.errors import ForeignWeights
from models.networks.stream import DlibStream


def integer(value: int) -> bytes:
    digits = abs(value).to_bytes((abs(value).bit_length() + 7) // 8, "little")
    return bytes([len(digits) | (0x80 if value < 0 else 0)]) + digits


def floating(value: float) -> bytes:
    mantissa, exponent = math.frexp(value)
    return integer(int(mantissa * 2**53)) + integer(exponent - 53)


def tensor(*shape: int, version: int = 2) -> bytes:
    numbers = [float(number) for number in range(math.prod(shape))]
    return integer(version) + b"".join(map(integer, shape)) + struct.pack(f"<{len(numbers)}f", *numbers)


@given(st.integers(min_value=-(2**63), max_value=2**63))
def test_integers_come_back(value: int) -> None:
    assert DlibStream(integer(value), "file").integer("number") == value


@given(st.floats(allow_nan=False, allow_infinity=False, width=32))
def test_floats_come_back(value: float) -> None:
    assert DlibStream(floating(value), "file").floating("number") == value


def test_what_is_written_in_a_row_is_read_in_a_row() -> None:
    data = integer(7) + b"10" + integer(5) + b"relu_" + tensor(2, 1, 3, 1) + integer(1) + integer(4) * 4
    stream = DlibStream(data, "file")
    stream.exactly(7, "version")
    assert (stream.boolean("first"), stream.boolean("second")) == (True, False)
    stream.word("relu_")
    found = stream.tensor("weights")
    assert found.shape == (2, 1, 3, 1)
    assert found.ravel().tolist() == [0, 1, 2, 3, 4, 5]
    assert found.dtype == np.float32
    assert stream.alias("part") == (4, 4, 4, 4)
    stream.end()


@pytest.mark.parametrize(
    ("data", "read", "told"),
    [
        (b"", "integer", "expected 1 bytes of it, found the end of the file"),
        (b"\x04\x01", "integer", "expected 4 bytes of it, found the end of the file after 1"),
        (b"\x70", "integer", "an integer"),
        (b"\x09" + b"\0" * 9, "integer", "an integer"),
        (b"2", "boolean", "0 or 1"),
        (integer(1) + integer(32_000), "floating", "a finite number"),
        (integer(65) + b"x" * 65, "text", "a text of at most 64 bytes"),
        (integer(-1), "text", "a text of at most 64 bytes"),
        (tensor(1, 1, 1, 1, version=3), "tensor", "version of the tensor it 2, found 3"),
        (integer(2) + integer(1) * 3 + integer(-1), "tensor", "four dimensions"),
        (integer(2) + integer(2**40) + integer(1) * 3, "tensor", f"expected {4 * 2**40} bytes of it"),
        (integer(2) + integer(20) * 4, "tensor", "640000 bytes of it, found the end of the file after 0"),
        (tensor(2, 2, 2, 2)[:-1], "tensor", "64 bytes of it"),
    ],
)
def test_what_is_not_the_format_is_told_with_its_place(data: bytes, read: str, told: str) -> None:
    stream = DlibStream(data, "some.dat")
    with pytest.raises(ForeignWeights) as caught:
        getattr(stream, read)("it")
    assert str(caught.value).startswith("some.dat: byte ")
    assert told in str(caught.value)


def test_more_than_there_should_be_is_an_error() -> None:
    with pytest.raises(ForeignWeights, match="the end of the file, found 1 more bytes"):
        DlibStream(b"x", "file").end()


@given(st.binary(max_size=200))
def test_any_bytes_give_a_value_or_the_error(data: bytes) -> None:
    for read in ("integer", "floating", "boolean", "text", "tensor", "alias"):
        try:
            getattr(DlibStream(data, "file"), read)("it")
        except ForeignWeights:
            continue
