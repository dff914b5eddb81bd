"""The content of an object as a stream that goes on where it was when the connection breaks."""

import io
import time
from typing import Any

from config.errors import ContentReplaced, StorageUnavailable
from config.storage_settings import StorageSettings
from storage import s3_errors
from storage.places import ObjectPlace
from storage.s3_client import S3Client

_BREAKS = 4
"""How often in a row a connection may break without a byte; one that brings something is no failure."""

_PAUSE_SECONDS = 0.25


class ObjectStream(io.RawIOBase):
    """Part of an object. All of it is of one version, by the ETag of the first answer.

    Args:
        client: boto3's.
        place: an object.
        settings: for what is told in errors.
        first: offset of the first byte.
        count: bytes at most, 1 or more; None: all.

    Raises:
        FileMissing, ContentReplaced, StorageUnavailable: here and in reading, as Store says.
    """

    def __init__(
        self, client: S3Client, place: ObjectPlace, settings: StorageSettings, first: int, count: int | None
    ) -> None:
        self._client, self._place, self._settings = client, place, settings
        self._position = first
        self._body: Any = None
        self._tag: str | None = None
        self._end = self._first_answer(count)

    def readable(self) -> bool:
        """True."""
        return True

    def readinto(self, buffer: "memoryview[int] | bytearray") -> int:  # type: ignore[override]  # Buffer is Python 3.12's
        """Bytes that were read; 0 at the end, and there only."""
        wanted = memoryview(buffer)[: self._end - self._position]
        if not wanted:
            return 0
        for breaks in range(_BREAKS):
            if self._body is None:
                time.sleep(_PAUSE_SECONDS * breaks)
                self._go_on()
            got = self._received(wanted)
            if got:
                self._position += got
                return got
        what = f"the connection broke {_BREAKS} times at byte {self._position}"
        raise StorageUnavailable(str(self._place), what, "check the network and the server")

    def close(self) -> None:
        """Give the connection back, or up where bytes are left in it."""
        self._drop()
        super().close()

    def _drop(self) -> None:
        if self._body is not None:
            self._body.close()
            self._body = None

    def _received(self, wanted: "memoryview[int]") -> int:
        """Bytes that have come; 0: the connection is broken."""
        from botocore.exceptions import HTTPClientError, IncompleteReadError  # noqa: PLC0415  as in s3_client
        from urllib3.exceptions import HTTPError  # noqa: PLC0415  as in s3_client

        try:
            got = int(self._body.readinto(wanted))
        except (HTTPClientError, IncompleteReadError, HTTPError, OSError):
            got = 0
        if not got:
            self._drop()
        return got

    def _first_answer(self, count: int | None) -> int:
        """Ask for the first time; where the part ends."""
        from botocore.exceptions import ClientError  # noqa: PLC0415  as in s3_client

        with s3_errors.telling(self._place, self._settings):
            try:
                answer = self._ask(None if count is None else self._position + count)
            except ClientError as error:
                if error.response["ResponseMetadata"]["HTTPStatusCode"] == 416:
                    # Nothing lies so far behind.
                    return self._position
                raise
        self._tag = answer.get("ETag")
        return self._position + int(answer["ContentLength"])

    def _go_on(self) -> None:
        with s3_errors.telling(self._place, self._settings):
            answer = self._ask(self._end)
        # If-Match says the same, but not every server heeds it.
        if answer.get("ETag") != self._tag or self._position + int(answer["ContentLength"]) != self._end:
            raise ContentReplaced(str(self._place), "was replaced while it was read", "wait, and try again")

    def _ask(self, end: int | None) -> dict[str, Any]:
        asked: dict[str, object] = {"Bucket": self._place.bucket, "Key": self._place.key}
        # An empty object has no first byte, so all of one is not asked for by its bytes.
        ranged = self._position > 0 or end is not None
        if ranged:
            asked["Range"] = f"bytes={self._position}-{'' if end is None else end - 1}"
        if self._tag:
            asked["IfMatch"] = self._tag
        answer = self._client.get_object(**asked)
        self._body = answer["Body"]
        if ranged and not answer.get("ContentRange", "").startswith(f"bytes {self._position}-"):
            raise StorageUnavailable(str(self._place), "the server gives no parts of objects", "use another server")
        return answer
