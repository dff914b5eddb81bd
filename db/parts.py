"""Long lists of ids, some at a time: databases limit how many values one statement may name."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

_AT_ONCE = 500

_Id = TypeVar("_Id", int, str)


def parts(ids: Sequence[_Id]) -> Iterator[Sequence[_Id]]:
    """The ids in their order, some hundred at a time."""
    for start in range(0, len(ids), _AT_ONCE):
        yield ids[start : start + _AT_ONCE]
