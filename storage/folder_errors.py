"""What an error of the file system says: about one file, or about the folder in which it should be."""

import errno
from pathlib import Path

from config.errors import FileMissing, RollcallError, StorageUnavailable

# The name leads to no file; all others are about the disk.
_NO_SUCH_FILE = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.ENXIO, errno.EISDIR}
_NOT_ALLOWED = {errno.EACCES, errno.EPERM}
_FULL = {errno.ENOSPC, errno.EDQUOT}


def of_root(error: OSError, root: Path) -> StorageUnavailable:
    """The error of a folder that cannot be listed or written to."""
    return StorageUnavailable(str(root), error.strerror or type(error).__name__, _remedy(error.errno))


def of_file(error: OSError, path: Path, root: Path) -> RollcallError:
    """The error of reading one file: FileMissing where its root is there, else StorageUnavailable.

    A right that is missing on the file is about the file; one that is missing on the way there, about the folder.
    """
    if error.errno in _NO_SUCH_FILE and root.is_dir():
        return FileMissing(str(path), error.strerror or "cannot be read", "check the path")
    if error.errno in _NOT_ALLOWED and _can_be_seen(path):
        return FileMissing(str(path), error.strerror or "cannot be read", "check the file's permissions")
    return of_root(error, root)


def _can_be_seen(path: Path) -> bool:
    try:
        path.stat()
    except OSError:
        return False
    return True


def _remedy(number: int | None) -> str:
    if number in _NO_SUCH_FILE:
        return "mount or make the folder, or name another"
    if number in _NOT_ALLOWED:
        return "let the user that runs Rollcall in"
    if number in _FULL:
        return "free space there"
    if number == errno.EROFS:
        return "mount it for writing"
    return "check the disk, and mount it again"
