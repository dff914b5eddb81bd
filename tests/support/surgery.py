"""Files edited by hand: what their headers say is changed, and what they hold is not."""

import io
import struct
from collections.abc import Iterator, Sequence
from typing import Final

from PIL import Image

STBL: Final = "moov/trak/mdia/minf/stbl"
_CHILDREN_AFTER: Final = {b"stsd": 8, b"dref": 8, b"avc1": 78}
"""Bytes of a box before the boxes inside it."""


def box(content: bytes, path: str) -> tuple[int, int]:
    """Begin and end of what an MP4 box holds. `path`: names of boxes from the outermost on, with slashes."""
    begin, end = 0, len(content)
    for name in path.encode().split(b"/"):
        start, size = next(found for found in _boxes(content, begin, end) if content.startswith(name, found[0] + 4))
        begin, end = start + 8, start + size
    return begin, end


def _boxes(content: bytes, begin: int, end: int) -> Iterator[tuple[int, int]]:
    begin += _CHILDREN_AFTER.get(bytes(content[begin - 4 : begin]), 0)
    while begin + 8 <= end:
        (size,) = struct.unpack_from(">I", content, begin)
        yield begin, size
        begin += size or end - begin


def with_fields(content: bytes, *edits: tuple[str, int, str, Sequence[int]]) -> bytes:
    """An MP4 with other numbers: (path of the box, offset in what it holds, format of `struct`, numbers)."""
    changed = bytearray(content)
    for path, offset, form, numbers in edits:
        struct.pack_into(f">{form}", changed, box(content, path)[0] + offset, *numbers)
    return bytes(changed)


def without_box(content: bytes, path: str) -> bytes:
    """An MP4 in which a box is called `skip`, so that nobody reads it."""
    begin, _ = box(content, path)
    return content[: begin - 4] + b"skip" + content[begin:]


def with_box(content: bytes, path: str, held: bytes) -> bytes:
    """An MP4 in which a box holds something else. Its index must lie behind the pictures: they may not move."""
    begin, end = box(content, path)
    changed = bytearray(content[:begin] + held + content[end:])
    names = path.split("/")
    for count in range(1, len(names) + 1):
        start = box(content, "/".join(names[:count]))[0] - 8
        (size,) = struct.unpack_from(">I", changed, start)
        struct.pack_into(">I", changed, start, size + len(held) - (end - begin))
    return bytes(changed)


_MASTERS: Final = frozenset({0x18538067, 0x1549A966, 0x1654AE6B, 0xAE, 0xE0, 0x1F43B675})
DURATION: Final = 0x4489
CLUSTER: Final = 0x1F43B675
VOID: Final = 0xEC
_BLOCK: Final = 0xA3


def elements(content: bytes, wanted: int, begin: int = 0, end: int | None = None) -> Iterator[tuple[int, int, int]]:
    """Where the elements of a Matroska file with an identifier begin, and where what they hold begins and ends."""
    end = len(content) if end is None else end
    while begin < end:
        identifier, at = _number(content, begin, keep_mark=True)
        size, at = _number(content, at, keep_mark=False)
        if identifier == wanted:
            yield begin, at, at + size
        if identifier in _MASTERS:
            yield from elements(content, wanted, at, min(end, at + size))
        begin = at + size


def _number(content: bytes, at: int, *, keep_mark: bool) -> tuple[int, int]:
    length = 9 - content[at].bit_length()
    number = int.from_bytes(content[at : at + length], "big")
    return number if keep_mark else number - (1 << 7 * length), at + length


def with_duration(content: bytes, milliseconds: float) -> bytes:
    """A Matroska file that declares another duration."""
    _, begin, end = next(elements(content, DURATION))
    return content[:begin] + struct.pack(">d", milliseconds) + content[end:]


def with_times(content: bytes, times: Sequence[int]) -> bytes:
    """A Matroska file with other times of its packets, in the order of the file, in ticks from their cluster's."""
    changed = bytearray(content)
    for (_, begin, _), time in zip(elements(content, _BLOCK), times, strict=True):
        struct.pack_into(">h", changed, begin + 1, time)
    return bytes(changed)


def with_avi_header(content: bytes, chunk: str, offset: int, *numbers: int) -> bytes:
    """An AVI with other numbers in a chunk of its header."""
    changed = bytearray(content)
    struct.pack_into(f"<{len(numbers)}I", changed, content.index(chunk.encode()) + 8 + offset, *numbers)
    return bytes(changed)


def flat_jpeg(width: int, height: int) -> bytes:
    """A grey picture of one level. Every 8×8 block takes six bits: no difference of the level, end of block."""
    file = io.BytesIO()
    Image.new("L", (8, 8)).save(file, "JPEG")
    small = file.getvalue()
    frame, scan = small.index(b"\xff\xc0"), small.index(b"\xff\xda")
    begin = scan + 2 + int.from_bytes(small[scan + 2 : scan + 4], "big")
    head = bytearray(small[:begin])
    struct.pack_into(">HH", head, frame + 5, height, width)
    blocks = -(-width // 8) * -(-height // 8)
    return bytes(head) + b"\x28\xa2\x8a" * -(-blocks // 4) + b"\xff\xd9"


class _Bits:
    """A string of bits, as headers of H.264 are written."""

    def __init__(self) -> None:
        self._bits = ""

    def fixed(self, size: int, number: int) -> "_Bits":
        self._bits += format(number, f"0{size}b")
        return self

    def golomb(self, *numbers: int) -> "_Bits":
        for number in numbers:
            binary = format(number + 1, "b")
            self._bits += "0" * (len(binary) - 1) + binary
        return self

    def end(self) -> bytes:
        """All of them, ended by a one and zeros; a three keeps zero bytes from looking like a start code."""
        bits = self._bits + "1"
        bits += "0" * (-len(bits) % 8)
        escaped = bytearray()
        for byte in int(bits, 2).to_bytes(len(bits) // 8, "big"):
            if byte <= 3 and escaped[-2:] == b"\x00\x00":
                escaped.append(3)
            escaped.append(byte)
        return bytes(escaped)


def with_h264_size(content: bytes, width: int, height: int) -> bytes:
    """A raw H.264 stream of the baseline profile with another size, in multiples of 16, in its parameters."""
    parameters = _Bits().fixed(8, 66).fixed(8, 0xC0).fixed(8, 62).golomb(0, 0, 2, 1).fixed(1, 0)
    told = parameters.golomb(width // 16 - 1, height // 16 - 1).fixed(1, 1).fixed(1, 1).fixed(1, 0).fixed(1, 0).end()
    units = content.replace(b"\x00\x00\x00\x01", b"\x00\x00\x01").split(b"\x00\x00\x01")[1:]
    return b"".join(b"\x00\x00\x00\x01" + (b"\x67" + told if unit[0] & 31 == 7 else unit) for unit in units)
