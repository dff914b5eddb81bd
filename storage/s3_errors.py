"""What an error of boto3 says: about one object, or about the server and who is let in.

Messages of the server are never repeated: with a refused signature it sends what was signed. Its code is, if it is
a word.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from config.errors import ContentReplaced, FileMissing, RollcallError, StorageUnavailable
from config.storage_settings import StorageSettings
from storage.places import ObjectPlace

_WHO = "check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or the profile that AWS_PROFILE names"
_WHERE = "check storage.endpoint (ROLLCALL_STORAGE__ENDPOINT) and the network"
_REGION = "name the bucket's region: storage.region (ROLLCALL_STORAGE__REGION)"
_RIGHTS = "allow what docs/storage.md lists to these credentials"
_LATER = "wait, and try again"

_CODES = {
    "NoSuchBucket": ("there is no such bucket", "check its name and storage.endpoint (ROLLCALL_STORAGE__ENDPOINT)"),
    "AccessDenied": ("these credentials may not do this", _RIGHTS),
    "AllAccessDisabled": ("nobody may do this", _RIGHTS),
    "InvalidAccessKeyId": ("the server does not know this access key", _WHO),
    "SignatureDoesNotMatch": ("the secret key does not belong to this access key", _WHO),
    "InvalidToken": ("the session token is not valid", _WHO),
    "ExpiredToken": ("the session token has expired", "get a new one"),
    "RequestTimeTooSkewed": ("the clocks of this machine and of the server differ too much", "set this machine's"),
    "PermanentRedirect": ("the bucket is in another region", _REGION),
    "AuthorizationHeaderMalformed": ("the bucket is in another region", _REGION),
    "IllegalLocationConstraintException": ("the bucket is in another region", _REGION),
}
_BUSY = {"SlowDown", "Throttling", "ThrottlingException", "RequestLimitExceeded", "RequestTimeout", "TooManyRequests"}
_NO_SUCH_OBJECT = {"NoSuchKey", "NoSuchVersion", "404"}
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9.]{0,63}")


@contextmanager
def telling(place: ObjectPlace, settings: StorageSettings) -> Iterator[None]:
    """In this block errors of boto3 are ours.

    Args:
        place: what is asked about; a key that is empty means the bucket.
        settings: whose endpoint is told where a server cannot be reached.

    Raises:
        FileMissing: there is no such object, or it lies in an archive.
        ContentReplaced: the object is not the one any more that it was.
        StorageUnavailable: everything else.
    """
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415  as in s3_client

    try:
        yield
    except ClientError as error:
        raise told(place, error.response) from None
    except BotoCoreError as error:
        raise _without_answer(place, settings, error) from None


def told(place: ObjectPlace, response: dict[str, Any]) -> RollcallError:
    """What a server's refusal says.

    Args:
        place: what was asked about; a key that is empty means the bucket.
        response: as boto3 has it in its ClientError.
    """
    code = str(response.get("Error", {}).get("Code") or "")
    status = int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    about_object = _of_object(place, code, status) if place.key else None
    return about_object or StorageUnavailable(str(ObjectPlace(place.bucket, "")), *_of_bucket(code, status))


def _of_object(place: ObjectPlace, code: str, status: int) -> FileMissing | None:
    if code in _NO_SUCH_OBJECT or (status == 404 and code not in _CODES):
        return FileMissing(str(place), "there is no such object", "check its key")
    if code == "InvalidObjectState":
        return FileMissing(str(place), "lies in an archive and cannot be read", "restore it from there")
    if status == 412:
        return ContentReplaced(str(place), "was replaced while it was read", _LATER)
    return None


def _of_bucket(code: str, status: int) -> tuple[str, str]:
    """What was wrong, and what to do."""
    if code in _CODES:
        return _CODES[code]
    if status in {401, 403}:
        return _CODES["AccessDenied"]
    shown = code if _WORD.fullmatch(code) else "no code"
    if status >= 500 or status == 429 or code in _BUSY:
        return f"the server is busy or broken ({status}, {shown})", _LATER
    return f"the server refuses this ({status}, {shown})", _WHERE


def _without_answer(place: ObjectPlace, settings: StorageSettings, error: Exception) -> StorageUnavailable:
    from botocore import exceptions  # noqa: PLC0415  as in s3_client

    no_credentials = (
        exceptions.NoCredentialsError,
        exceptions.PartialCredentialsError,
        exceptions.CredentialRetrievalError,
        exceptions.TokenRetrievalError,
        exceptions.ProfileNotFound,
        exceptions.ConfigParseError,
        exceptions.ConfigNotFound,
    )
    bucket = str(ObjectPlace(place.bucket, ""))
    kind = type(error).__name__
    if isinstance(error, no_credentials):
        return StorageUnavailable(bucket, f"boto3 finds no credentials ({kind})", _WHO)
    server = settings.endpoint or "Amazon S3"
    if isinstance(error, exceptions.SSLError):
        return StorageUnavailable(bucket, f"{server} shows no valid certificate", "AWS_CA_BUNDLE names your own")
    return StorageUnavailable(bucket, f"{server} cannot be reached ({kind})", _WHERE)
