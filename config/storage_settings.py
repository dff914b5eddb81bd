"""Where buckets are, how much of them is kept on this machine, and where pictures of faces are kept."""

import re

from pydantic import Field, field_validator

from config.setting_groups import Group, unit

_GIB = 1 << 30
# Hosts as boto3 takes them: without underscores.
_LABEL = "[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST = rf"({_LABEL}(\.{_LABEL})*|\[[0-9A-Fa-f:.]+\])"
_ENDPOINT = re.compile(rf"(https?://{_HOST}(:(?P<port>[0-9]{{1,5}}))?(/[^\s@?#]*)?)?")
_LARGEST_PORT = 65535
# As `storage.places` takes them; what is named below one needs some bytes of a key.
_BUCKET = re.compile(r"s3://[A-Za-z0-9._-]{1,255}(/.*)?")
_LONGEST_PLACE = 900


class StorageSettings(Group):
    """Buckets, and local copies of what lies in them. Credentials are no setting: boto3 finds them by itself."""

    endpoint: str = Field(
        default="",
        description="Address of an S3-compatible server; empty: Amazon's.",
        json_schema_extra=unit("address"),
    )
    region: str = Field(
        default="",
        pattern="^[A-Za-z0-9-]*$",
        description="Region of the buckets; empty: the one that boto3 finds (`AWS_DEFAULT_REGION`, the profile).",
        json_schema_extra=unit("name"),
    )
    cache: int = Field(
        default=100,
        ge=1,
        le=1_000_000,
        description="Local copies of objects that a machine keeps; what is being worked on is kept in any case.",
        json_schema_extra=unit("GiB"),
    )

    crops: str = Field(
        default="",
        description="Folder or `s3://bucket/prefix` that pictures of faces are kept in from now on, the same on every "
        "machine; empty: in the database.",
        json_schema_extra=unit("place"),
    )

    @field_validator("crops")
    @classmethod
    def _is_a_place(cls, crops: str) -> str:
        if crops and not crops.startswith("/") and not _BUCKET.fullmatch(crops):
            raise ValueError(f"{crops!r} is neither an absolute path nor s3://bucket/prefix")
        if not crops.isprintable() or len(crops.encode(errors="replace")) > _LONGEST_PLACE:
            raise ValueError(f"{crops!r} is too long, or holds characters that cannot be in a name")
        # One place, however it is written.
        return crops.rstrip("/") or crops

    @field_validator("endpoint")
    @classmethod
    def _without_secrets(cls, endpoint: str) -> str:
        # Not by a pattern: the error of one repeats the value, and a password may be in it.
        found = _ENDPOINT.fullmatch(endpoint)
        if found is None or int(found["port"] or 0) > _LARGEST_PORT:
            raise ValueError("must be http://HOST[:PORT] or https://HOST[:PORT], without a name or password in it")
        return endpoint

    @property
    def cache_bytes(self) -> int:
        """`cache` in bytes."""
        return self.cache * _GIB
