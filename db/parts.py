"""Long lists of ids, some at a time: databases limit how many values one statement may name."""

from collections.abc import Iterator, Sequence

_AT_ONCE = 500


def parts(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    """The ids in their order, some hundred at a time."""
    for start in range(0, len(ids), _AT_ONCE):
        yield ids[start : start + _AT_ONCE]
