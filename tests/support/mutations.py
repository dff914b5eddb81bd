"""Damage, drawn at random but repeatable: what disks, networks and people do to the bytes of a file."""

import re
from collections.abc import Callable
from random import Random
from typing import Final

_EXTREMES: Final = (0, 1, 2, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 10**9, 2**31 - 1, 2**31, 2**32 - 1)
_FIELDS: Final = (1, 2, 4, 8)
_NAME: Final = re.compile(rb"[A-Za-z0-9]{4}")
"""Boxes and chunks of MP4 and RIFF have names of four letters, and their numbers stand around these."""
_REACH: Final = 40
"""Bytes after a name in which its numbers stand."""
_LARGEST_PIECE: Final = 0.3
"""Share of a file that is moved, removed or overwritten at once."""


def mutate(content: bytes, random: Random) -> bytes:
    """The content with one to four kinds of damage."""
    damaged = bytearray(content)
    for damage in random.choices(_DAMAGE, weights=_WEIGHTS, k=random.choice((1, 1, 1, 2, 2, 4))):
        if len(damaged) > 2 * _REACH:
            damage(damaged, random)
    return bytes(damaged)


def _flip_bits(content: bytearray, random: Random) -> None:
    for _ in range(random.choice((1, 1, 4, 16, 64))):
        content[random.randrange(len(content))] ^= 1 << random.randrange(8)


def _overwrite(content: bytearray, random: Random) -> None:
    start, end = _piece(content, random)
    fill = random.choice((b"\x00", b"\xff", None))
    content[start:end] = random.randbytes(end - start) if fill is None else fill * (end - start)


def _delete(content: bytearray, random: Random) -> None:
    start, end = _piece(content, random)
    del content[start:end]


def _repeat(content: bytearray, random: Random) -> None:
    start, end = _piece(content, random)
    content[end:end] = content[start:end]


def _swap(content: bytearray, random: Random) -> None:
    start, end = _piece(content, random)
    other = random.randrange(len(content) - (end - start))
    there = other, other + end - start
    content[start:end], content[slice(*there)] = content[slice(*there)], content[start:end]


def _truncate(content: bytearray, random: Random) -> None:
    del content[random.randrange(_REACH, len(content)) :]


def _lie_anywhere(content: bytearray, random: Random) -> None:
    # Headers lie at either end.
    place = random.randrange(min(2048, len(content) - 8))
    _lie(content, random, random.choice((place, len(content) - 8 - place, random.randrange(len(content) - 8))))


def _lie_near_a_name(content: bytearray, random: Random) -> None:
    names = [found.start() for found in _NAME.finditer(content)]
    if names:
        place = random.choice(names) + random.randrange(-4, _REACH)
        _lie(content, random, min(max(0, place), len(content) - 8))


def _lie(content: bytearray, random: Random, place: int) -> None:
    """Put an extreme number somewhere."""
    size = random.choice(_FIELDS)
    number = random.choice((*_EXTREMES, 2 ** (8 * size) - 1, 2 ** (8 * size - 1))) % (1 << 8 * size)
    content[place : place + size] = number.to_bytes(size, random.choice(("big", "little")))


def _piece(content: bytearray, random: Random) -> tuple[int, int]:
    """Begin and end of a piece, most often a small one."""
    longest = max(1, int(len(content) * _LARGEST_PIECE))
    size = random.randint(1, max(1, int(longest ** random.random())))
    start = random.randrange(len(content) - size)
    return start, start + size


_DAMAGE: Final[tuple[Callable[[bytearray, Random], None], ...]] = (
    _flip_bits, _overwrite, _delete, _repeat, _swap, _truncate, _lie_anywhere, _lie_near_a_name,
)  # fmt: skip
_WEIGHTS: Final = (3, 2, 2, 1, 1, 1, 3, 6)
