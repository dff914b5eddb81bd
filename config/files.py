"""Files that are there whole or not at all, whoever else writes them or is killed in the middle."""

import errno
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

PRIVATE = 0o600
"""Rights of a file that only its owner reads."""

PART = ".part"
"""Ending of a file that is being written, hidden beside its place; it stays only where its writer was killed."""

_TOKEN_BYTES = 4
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
    beside = target.with_name(f"{_beside(target)}{secrets.token_hex(_TOKEN_BYTES)}{PART}")
    try:
        with open(beside, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
            yield file
            if lasting:
                file.flush()
                os.fsync(file.fileno())
        beside.replace(target)
        if lasting:
            _settle(target.parent)
    finally:
        beside.unlink(missing_ok=True)


def unfinished(paths: Iterable[Path]) -> Iterator[Path]:
    """What killed writers of some paths have left beside them; nobody must be writing there. A folder is read once."""
    named: dict[Path, set[str]] = {}
    for path in paths:
        if len(path.name) <= _LONGEST_NAME:
            named.setdefault(path.parent, set()).add(_beside(path))
    for folder, beginnings in named.items():
        for part in folder.glob(f".*{PART}"):
            if part.name[: -len(PART) - 2 * _TOKEN_BYTES] in beginnings:
                yield part


def _beside(path: Path) -> str:
    return f".{path.name[:_LONGEST_NAME]}."


def _settle(folder: Path) -> None:
    """Let the names in a folder survive a power cut, too, where the file system knows of such a thing."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except PermissionError:
        # A folder that may be written to, but not listed: the file is there, and that is all that can be done.
        return
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in {errno.EINVAL, errno.ENOTSUP}:
            raise
    finally:
        os.close(descriptor)


def write_whole(path: Path, content: bytes, *, mode: int = 0o666, lasting: bool = True) -> None:
    """Write all of a file at once; arguments and errors are those of `writing_whole`."""
    with writing_whole(path, mode=mode, lasting=lasting) as file:
        file.write(content)
