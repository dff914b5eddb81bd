"""Settings of what runs: ledger, broker, worker processes, logs."""

from typing import Literal

from pydantic import Field

from config.setting_groups import Group, unit

LogFormat = Literal["console", "json"]


class DatabaseSettings(Group):
    """The ledger."""

    url: str = Field(
        default="",
        description="SQLAlchemy address of the ledger; empty means SQLite in the home folder.",
        json_schema_extra=unit("address"),
    )
    lock_timeout: float = Field(
        default=30.0,
        ge=0.1,
        le=600,
        description="How long a writer waits for another writer of the same SQLite file.",
        json_schema_extra=unit("seconds"),
    )


class BrokerSettings(Group):
    """The doorbell: messages of ids, nothing that could not be lost."""

    url: str = Field(
        default="",
        description="Kombu address of the broker; empty means message files in the home folder.",
        json_schema_extra=unit("address"),
    )
    visibility_timeout: int = Field(
        default=3600,
        ge=60,
        le=86400,
        description="After how long Redis hands an unacknowledged message out again; above the longest segment.",
        json_schema_extra=unit("seconds"),
    )
    window: int = Field(
        default=200,
        ge=2,
        le=100_000,
        description="Messages that the sweep keeps in the broker; well above the number of worker processes.",
        json_schema_extra=unit("messages"),
    )


class WorkSettings(Group):
    """How work is shared, retried and taken over."""

    processes: int = Field(
        default=0,
        ge=0,
        le=1024,
        description="Worker processes that `rollcall work` starts; 0 means one per core.",
        json_schema_extra=unit("processes"),
    )
    segment: float = Field(
        default=60.0,
        ge=10,
        le=3600,
        description="Longest segment in work of one process, as past work tells what it costs; the last segments of a "
        "night are shorter, so that no core is idle for long.",
        json_schema_extra=unit("seconds"),
    )
    lease: float = Field(
        default=120.0,
        ge=1,
        le=86400,
        description="A segment whose worker has not renewed its lease for this long is given to another.",
        json_schema_extra=unit("seconds"),
    )
    attempts: int = Field(
        default=3,
        ge=1,
        le=100,
        description="How often a piece of work is tried before it is put in quarantine.",
        json_schema_extra=unit("tries"),
    )
    stop: float = Field(
        default=25.0,
        ge=0,
        le=86400,
        description="How long a worker that is told to stop goes on with what it has at hand before it hands it back. "
        "Less than its host waits before it kills.",
        json_schema_extra=unit("seconds"),
    )
    retry_delay: float = Field(
        default=10.0,
        ge=0,
        le=86400,
        description="Pause before a failed piece of work is tried again; twice as long after each further try.",
        json_schema_extra=unit("seconds"),
    )
    outages: int = Field(
        default=12,
        ge=0,
        le=1000,
        description="How often a piece of work is put off that its file did nothing to: storage or disk failed. Such a "
        "try does not count as one of `work.attempts`.",
        json_schema_extra=unit("tries"),
    )


class LogSettings(Group):
    """What is written about the work."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least level that is written.", json_schema_extra=unit("name")
    )
    format: LogFormat = Field(
        default="console", description="console for people, json for machines.", json_schema_extra=unit("name")
    )
