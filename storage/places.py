"""How it is written where a file is: an absolute path on this machine, or `s3://bucket/key`.

Nothing is quoted: `#`, `?`, `%`, spaces and every script stand in a place as they stand in the file's name or the
object's key.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from config.errors import UnusablePlace

_SCHEME = "s3://"
# What boto3 takes for a bucket's name; Amazon's own rule is narrower than that of other servers.
_BUCKET = re.compile(r"[A-Za-z0-9._-]{1,255}")
_LONGEST_KEY = 1024
_REMEDY = "write /folder/file or s3://bucket/key"


@dataclass(frozen=True, slots=True)
class LocalPlace:
    """A file or folder of this machine, by its absolute path. It may lie on a disk that others mount, too."""

    path: Path

    def __str__(self) -> str:
        return str(self.path)

    @property
    def name(self) -> str:
        """The file's name without its folders."""
        return self.path.name

    def beside(self, suffix: str) -> "LocalPlace":
        """The neighbour whose name is this one's with `suffix` after it."""
        return LocalPlace(self.path.with_name(self.path.name + suffix))


@dataclass(frozen=True, slots=True)
class ObjectPlace:
    """An object in a bucket. The key is what the server calls it; it is empty where the whole bucket is meant."""

    bucket: str
    key: str

    def __str__(self) -> str:
        return f"{_SCHEME}{self.bucket}/{self.key}" if self.key else f"{_SCHEME}{self.bucket}"

    @property
    def name(self) -> str:
        """What stands behind the key's last slash; of a key that ends in slashes, what stands before them."""
        return self.key.rstrip("/").rpartition("/")[2] or self.key

    def beside(self, suffix: str) -> "ObjectPlace":
        """The neighbour whose key is this one's with `suffix` after it."""
        return ObjectPlace(self.bucket, self.key + suffix)


Place = LocalPlace | ObjectPlace


def is_text(place: Place) -> bool:
    """Whether a place can be written down: a file's name on a disk may be bytes that are no UTF-8."""
    try:
        str(place).encode()
    except UnicodeEncodeError:
        return False
    return True


def parse(text: str) -> Place:
    """The file that is written so; `str` of it gives the text again (a path's doubled slashes become one).

    Raises:
        UnusablePlace: it is neither an absolute path nor `s3://bucket/key`.
    """
    place = parse_root(text)
    if isinstance(place, ObjectPlace) and not place.key:
        raise UnusablePlace(text, "names a bucket, but no object in it", _REMEDY)
    return place


def parse_root(text: str) -> Place:
    """The folder, or the bucket with or without a prefix, that is written so.

    Raises:
        UnusablePlace: it is neither an absolute path nor `s3://bucket` or `s3://bucket/prefix`.
    """
    if text.startswith(_SCHEME):
        return _object(text)
    if not text.startswith("/"):
        raise UnusablePlace(text, "is neither an absolute path nor a place in a bucket", _REMEDY)
    if "\0" in text:
        raise UnusablePlace(text.replace("\0", "\\0"), "holds a zero, which no path can", _REMEDY)
    return LocalPlace(Path(text))


def _object(text: str) -> ObjectPlace:
    bucket, _, key = text.removeprefix(_SCHEME).partition("/")
    if not bucket:
        raise UnusablePlace(text, "names no bucket", _REMEDY)
    if not _BUCKET.fullmatch(bucket):
        raise UnusablePlace(text, f"no bucket can be called {bucket!r}", _REMEDY)
    try:
        length = len(key.encode())
    except UnicodeEncodeError:
        shown = text.encode("utf-8", "backslashreplace").decode()
        raise UnusablePlace(shown, "the key is no text in UTF-8", _REMEDY) from None
    if length > _LONGEST_KEY:
        raise UnusablePlace(text, f"the key has {length} bytes, and {_LONGEST_KEY} are the most", _REMEDY)
    return ObjectPlace(bucket, key)
