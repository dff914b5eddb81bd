"""Files that are there whole or not at all, whoever else writes them or is killed in the middle."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from glob import escape
from pathlib import Path
from typing import BinaryIO

PRIVATE = 0o600
"""Rights of a file that only its owner reads."""

PART = ".part"
"""Ending of a file that is being written, hidden beside its place; it stays only where its writer was killed."""

_LONGEST_NAME = 50
"""Characters of a file's name that the part's begins with; of longer ones nobody can tell whose part it is."""


@contextmanager
def writing_whole(path: Path, *, mode: int = 0o666, lasting: bool = True) -> Iterator[BinaryIO]:
    """A file to write to that takes the place of `path` when the block ends well, in one step.

    A reader finds the old file or the new one, never a part; of several that write at once, the last one stays. A
    link keeps leading to its file. A path that is there but no plain file, such as `/dev/stdout` or a pipe, is written
    to as it is.

    Args:
        path: in a folder that is there.
        mode: rights of the new file, less those that the process's umask takes away.
        lasting: whether the new file must survive a power cut that follows; else it may be found damaged then.

    Raises:
        OSError: the folder is missing, or may not be written to, or is full; an older file is left as it was.
    """
    if path.exists() and not path.is_file():
        with path.open("wb") as file:
            yield file
        return
    target = path.resolve()
    beside = target.with_name(f"{_beside(target)}{secrets.token_hex(4)}{PART}")
    try:
        with open(beside, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
            yield file
            if lasting:
                file.flush()
                os.fsync(file.fileno())
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)


def unfinished(path: Path) -> Iterator[Path]:
    """What killed writers of a path have left beside it; nobody must be writing it."""
    if len(path.name) <= _LONGEST_NAME:
        yield from path.parent.glob(f"{escape(_beside(path))}*{PART}")


def _beside(path: Path) -> str:
    return f".{path.name[:_LONGEST_NAME]}."


def write_whole(path: Path, content: bytes, *, mode: int = 0o666, lasting: bool = True) -> None:
    """Write all of a file at once; arguments and errors are those of `writing_whole`."""
    with writing_whole(path, mode=mode, lasting=lasting) as file:
        file.write(content)
