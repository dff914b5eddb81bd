"""boto3's client: made when it is first needed, one per process and settings; all threads share it."""

import base64
import hashlib
import os
import threading
from typing import Any, Protocol

from config.storage_settings import StorageSettings

_CONNECT_SECONDS = 10
_SILENCE_SECONDS = 30
_TRIES = 3

_lock = threading.Lock()
_clients: dict[tuple[int, str, str], "S3Client"] = {}


class S3Client(Protocol):
    """What of boto3's client is used; it has no types of its own."""

    def get_paginator(self, operation_name: str) -> Any: ...  # noqa: ANN401, D102  boto3 makes its classes at run time

    def list_objects_v2(self, **wanted: object) -> dict[str, Any]: ...  # noqa: D102  boto3's

    def get_object(self, **wanted: object) -> dict[str, Any]: ...  # noqa: D102  boto3's

    def put_object(self, **wanted: object) -> dict[str, Any]: ...  # noqa: D102  boto3's

    def delete_objects(self, **wanted: object) -> dict[str, Any]: ...  # noqa: D102  boto3's


def client_for(settings: StorageSettings) -> S3Client:
    """The client of this process for these settings. boto3 looks for credentials when it is made.

    Raises:
        botocore.exceptions.BotoCoreError: boto3's own settings (a profile, a file) are damaged.
    """
    # A forked process must not go on with its parent's connections.
    key = (os.getpid(), settings.endpoint, settings.region)
    with _lock:
        if key not in _clients:
            _clients[key] = _made(settings)
        return _clients[key]


def _made(settings: StorageSettings) -> S3Client:
    from boto3.session import Session  # noqa: PLC0415  takes a third of a second, and most processes never need it
    from botocore.config import Config  # noqa: PLC0415  as above

    elsewhere = bool(settings.endpoint)
    config = Config(
        connect_timeout=_CONNECT_SECONDS,
        read_timeout=_SILENCE_SECONDS,
        retries={"mode": "standard", "total_max_attempts": _TRIES},
        tcp_keepalive=True,
        # Names of buckets as names of hosts need a DNS of the server's own, which few but Amazon have.
        s3={"addressing_style": "path" if elsewhere else "auto"},
        # Newer checksums are refused by many servers; ours is SHA-256 of the whole content.
        request_checksum_calculation="when_required" if elsewhere else "when_supported",
        response_checksum_validation="when_required",
        # One place for the address, and the one that our errors show.
        ignore_configured_endpoint_urls=True,
    )
    # boto3's default session is not made for several threads; this one is used once.
    client = Session().client(
        "s3", endpoint_url=settings.endpoint or None, region_name=settings.region or None, config=config
    )
    client.meta.events.register("before-call.s3.DeleteObjects", _with_md5)
    made: S3Client = client
    return made


def _with_md5(params: dict[str, Any], **_: object) -> None:
    """Older servers delete several objects only for a request with Content-MD5, which boto3 1.36 stopped sending."""
    digest = hashlib.md5(params["body"], usedforsecurity=False).digest()
    params["headers"]["Content-MD5"] = base64.b64encode(digest).decode()
