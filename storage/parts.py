"""Parts of files, many at once: parts that lie near each other are one request, and requests run side by side."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

from config.errors import FileMissing, StorageUnavailable
from config.storage_settings import StorageSettings
from storage.opening import store_at

_GAP: Final = 256 << 10
"""Bytes between two parts that are rather read along than left out: a request takes as long as some hundred kB do, by
30 ms each, of which 8 share a line of 1 Gb/s."""
_AT_ONCE: Final = 8
"""Requests that run side by side."""


@dataclass(frozen=True, slots=True, order=True)
class Part:
    """Some bytes of a file.

    Args:
        root: of its store, as `store_at` takes it.
        name: of the file, below the root.
        first: the first byte.
        count: bytes, 1 or more.
    """

    root: str
    name: str
    first: int
    count: int

    @property
    def end(self) -> int:
        """The byte behind the last one."""
        return self.first + self.count


@dataclass(frozen=True, slots=True)
class PartsRead:
    """What could be read.

    Args:
        found: the bytes of each part whose file is there, and long enough.
        trouble: the first store that could not be reached; nothing of it was asked for again.
    """

    found: Mapping[Part, bytes]
    trouble: StorageUnavailable | None


@dataclass(slots=True)
class _Reader:
    settings: StorageSettings
    trouble: dict[str, StorageUnavailable] = field(default_factory=dict)

    def read(self, run: Sequence[Part]) -> dict[Part, bytes]:
        """Parts of one file by one request; none of a file that is not there."""
        root, name, first = run[0].root, run[0].name, run[0].first
        if root in self.trouble:
            return {}
        count = max(part.end for part in run) - first
        store = store_at(root, self.settings)
        try:
            with store.open(store.place(name), first, count) as stream:
                # Told how much, a stream reads it in large pieces.
                content = stream.read(count)
        except FileMissing:
            return {}
        except StorageUnavailable as error:
            self.trouble[root] = error
            return {}
        read = {part: content[part.first - first : part.end - first] for part in run}
        return {part: some for part, some in read.items() if len(some) == part.count}


def read_parts(parts: Collection[Part], settings: StorageSettings) -> PartsRead:
    """Read parts of files, in few requests; what cannot be had is left out.

    Raises:
        UnusablePlace: a root is none.
    """
    runs = list(_runs(sorted(set(parts))))
    reader = _Reader(settings)
    found: dict[Part, bytes] = {}
    if len(runs) == 1:
        found = reader.read(runs[0])
    elif runs:
        with ThreadPoolExecutor(min(_AT_ONCE, len(runs)), thread_name_prefix="parts") as pool:
            for some in pool.map(reader.read, runs):
                found |= some
    return PartsRead(found, next(iter(reader.trouble.values()), None))


def _runs(parts: Sequence[Part]) -> Iterator[list[Part]]:
    """Parts in their order, those together that one request reads."""
    run: list[Part] = []
    end = 0
    for part in parts:
        if run and ((part.root, part.name) != (run[0].root, run[0].name) or part.first > end + _GAP):
            yield run
            run = []
        end = max(end, part.end) if run else part.end
        run.append(part)
    if run:
        yield run
