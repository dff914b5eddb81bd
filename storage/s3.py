"""A bucket, or what lies below a prefix in it, as a store."""

import io
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, BinaryIO

from config.errors import FileMissing
from config.storage_settings import StorageSettings
from storage import s3_errors
from storage.base import Entry, checked_name, is_hidden
from storage.places import ObjectPlace, Place
from storage.s3_client import S3Client, client_for
from storage.s3_stream import ObjectStream

_BUFFER_BYTES = 1 << 20
_MOST_AT_ONCE = 1000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Bucket:
    """The objects below a prefix.

    Args:
        root: the bucket and the prefix, which means what a folder would: `a` has `a/b`, not `ab`.
        settings: where the server is.
    """

    def __init__(self, root: ObjectPlace, settings: StorageSettings) -> None:
        self._bucket = root.bucket
        self._prefix = root.key if root.key.endswith("/") or not root.key else f"{root.key}/"
        self._settings = settings

    def place(self, name: str) -> ObjectPlace:
        """See Store."""
        return ObjectPlace(self._bucket, self._prefix + checked_name(name))

    def entries(self) -> Iterator[Entry]:
        """See Store."""
        with self._telling():
            pages = self._client().get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=self._prefix)
            for page in pages:
                for found in page.get("Contents", ()):
                    stands_for_folder = found["Key"].endswith("/") and found["Size"] == 0
                    if not stands_for_folder and not is_hidden(found["Key"].removeprefix(self._prefix)):
                        yield self._entry(found)

    def entry(self, place: Place) -> Entry:
        """See Store.

        By a list of one: the first key that begins with the whole of a key is that key. A HEAD request would tell
        neither why it was refused nor the same time, which a list gives in milliseconds.
        """
        key = self._key(place)
        with self._telling():
            answer = self._client().list_objects_v2(Bucket=self._bucket, Prefix=key, MaxKeys=1)
        for found in answer.get("Contents", ()):
            if found["Key"] == key:
                return self._entry(found)
        raise FileMissing(str(place), "there is no such object", "check its key")

    @contextmanager
    def open(self, place: Place, first: int = 0, count: int | None = None) -> Iterator[BinaryIO]:
        """See Store."""
        key = self._key(place)
        if count == 0:
            # No bytes cannot be asked for.
            self.entry(place)
            yield io.BytesIO()
            return
        with self._telling():
            client = self._client()
        raw = ObjectStream(client, ObjectPlace(self._bucket, key), self._settings, first, count)
        with io.BufferedReader(raw, _BUFFER_BYTES) as stream:
            yield stream

    def write(self, name: str, content: bytes) -> ObjectPlace:
        """See Store."""
        place = self.place(name)
        with self._telling():
            self._client().put_object(Bucket=self._bucket, Key=place.key, Body=content)
        return place

    def remove(self, names: Iterable[str]) -> None:
        """See Store."""
        keys = [self.place(name).key for name in names]
        for start in range(0, len(keys), _MOST_AT_ONCE):
            some = [{"Key": key} for key in keys[start : start + _MOST_AT_ONCE]]
            wanted = {"Objects": some, "Quiet": True}
            with self._telling():
                answer = self._client().delete_objects(Bucket=self._bucket, Delete=wanted)
            for error in answer.get("Errors", ()):
                if error.get("Code") != "NoSuchKey":
                    raise s3_errors.told(ObjectPlace(self._bucket, ""), {"Error": error})

    def _client(self) -> S3Client:
        return client_for(self._settings)

    def _telling(self) -> AbstractContextManager[None]:
        return s3_errors.telling(ObjectPlace(self._bucket, ""), self._settings)

    def _key(self, place: Place) -> str:
        outside = not isinstance(place, ObjectPlace) or place.bucket != self._bucket
        if isinstance(place, ObjectPlace) and not outside and place.key.startswith(self._prefix):
            return place.key
        raise ValueError(f"{place} is not below {ObjectPlace(self._bucket, self._prefix)}")

    def _entry(self, found: dict[str, Any]) -> Entry:
        modified = (found["LastModified"] - _EPOCH) // timedelta(microseconds=1) * 1000
        return Entry(ObjectPlace(self._bucket, found["Key"]), found["Size"], modified, found.get("ETag"))
