"""Settings of the night: what is taken in, from where, with which deadline, and when things run."""

from datetime import UTC, datetime, time
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import parse
from pydantic import AfterValidator, Field, field_validator

from config.moments import deadline as parsed_deadline
from config.moments import last_time
from config.setting_groups import Group, unit

PriorityName = Literal["low", "normal", "high", "urgent"]
_CLOCK = r"^([01]\d|2[0-3]):[0-5]\d$"
_FROM_NAMES = {"channel", "recorded", "priority", "deadline"}


class UploadRule(Group):
    """What the name and the folders of an upload tell about it."""

    path: str = Field(
        description="How the last parts of its place are written: `{channel}`, `{recorded:%Y-%m-%d_%H-%M}`, "
        "`{priority}` and `{deadline}` are read, `{}` stands for anything inside a part.",
        json_schema_extra=unit("pattern"),
    )
    channel: str | None = Field(
        default=None, max_length=200, description="Where the path does not tell it.", json_schema_extra=unit("name")
    )
    priority: PriorityName | None = Field(
        default=None, description="Where the path does not tell it.", json_schema_extra=unit("name")
    )
    deadline: str | None = Field(
        default=None,
        description="Where the path does not tell it; as `rollcall submit --deadline` takes it.",
        json_schema_extra=unit("time"),
    )

    @field_validator("deadline")
    @classmethod
    def _is_a_deadline(cls, deadline: str | None) -> str | None:
        if deadline is not None:
            parsed_deadline(deadline, UTC, datetime.now(UTC))
        return deadline

    @field_validator("path")
    @classmethod
    def _is_a_pattern(cls, path: str) -> str:
        for part in path.split("/"):
            try:
                named = set(parse.compile(part, case_sensitive=True).named_fields)
            except (ValueError, parse.RepeatedNameError) as error:
                raise ValueError(f"{path!r} is no pattern: {error}") from None
            if unknown := sorted(named - _FROM_NAMES):
                raise ValueError(f"{path!r} names {unknown[0]}; known are {', '.join(sorted(_FROM_NAMES))}")
        return path


def _written_whole(place: str) -> str:
    bucket, slashes, _ = place.partition("://")
    if not place.startswith("/") and not (bucket == "s3" and slashes):
        raise ValueError(f"{place!r} is neither an absolute path nor s3://bucket/prefix")
    return place


class IntakeSettings(Group):
    """Where uploads come from, and what is known of them beforehand."""

    watch: list[Annotated[str, AfterValidator(_written_whole)]] = Field(
        default=[],
        description="Folders and `s3://bucket/prefix` whose files are submitted as they arrive.",
        json_schema_extra=unit("places"),
    )
    stable: float = Field(
        default=30.0,
        ge=0,
        le=86400,
        description="A file of a watched folder is taken when its size and time have not changed for this long. "
        "Objects of buckets are whole from the start.",
        json_schema_extra=unit("seconds"),
    )
    ignore: list[str] = Field(
        default=[
            *("*.part", "*.partial", "*.tmp", "*.crdownload", "*.filepart"),
            *("*.json", "*.xml", "*.txt", "*.srt", "*.vtt", "*.nfo", "*.log", "*.md5", "*.sha256"),
            *("*.jpg", "*.jpeg", "*.png"),
        ],
        description="Names of files in watched places that are no uploads; hidden ones never are.",
        json_schema_extra=unit("patterns of names"),
    )
    rules: list[UploadRule] = Field(
        default=[],
        description="What names and folders tell; the first rule that fits counts. `[[intake.rules]]` in the TOML "
        "file.",
        json_schema_extra=unit("tables"),
    )


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"there is no time zone {name!r}; names are like Europe/Vienna") from None
    return name


class CoarseStep(Group):
    """Which videos are looked at less densely where not everything would be done by its deadline."""

    priority: PriorityName = Field(description="Of the videos.", json_schema_extra=unit("name"))
    stride: int = Field(
        ge=2,
        le=16,
        description="Every which of their samples is looked at; the others are left out until there is time.",
        json_schema_extra=unit("samples"),
    )


class ScheduleSettings(Group):
    """What runs when, and by when a night's uploads are to be done."""

    zone: Annotated[str, AfterValidator(_known_zone)] = Field(
        default="UTC",
        description="In which the times of this group are told, and times of uploads that name no zone.",
        json_schema_extra=unit("IANA time zone"),
    )
    start: Literal["at-once", "nightly"] = Field(
        default="at-once",
        description="at-once: beat's sweep begins what was submitted since; nightly: new videos wait for the nightly "
        "run. `rollcall work` begins them in any case.",
        json_schema_extra=unit("name"),
    )
    nightly: str = Field(
        default="22:00",
        pattern=_CLOCK,
        description="When Celery beat begins everything that was submitted, and brings past videos up to date.",
        json_schema_extra=unit("HH:MM"),
    )
    deadline: str = Field(
        default="06:00",
        pattern=_CLOCK,
        description="By when an upload is to be done that names no deadline: at this time after the nightly run that "
        "follows it.",
        json_schema_extra=unit("HH:MM"),
    )
    sweep: float = Field(
        default=60.0,
        ge=0.2,
        le=86400,
        description="How often the sweep re-sends what the ledger says is unfinished.",
        json_schema_extra=unit("seconds"),
    )
    intake: float = Field(
        default=60.0,
        ge=0.2,
        le=86400,
        description="How often watched folders and buckets are looked at.",
        json_schema_extra=unit("seconds"),
    )

    retention: str = Field(
        default="12:00",
        pattern=_CLOCK,
        description="When Celery beat has deleted what `retention` does not keep; `rollcall work` does so when it "
        "begins.",
        json_schema_extra=unit("HH:MM"),
    )

    forecast: float = Field(
        default=900.0,
        ge=1,
        le=86400,
        description="How often a forecast is made and recorded while there is something to do.",
        json_schema_extra=unit("seconds"),
    )

    coarsen: list[CoarseStep] = Field(
        default=[],
        description="What is done where the forecast misses deadlines: samples are left out, one step after the other, "
        "as few as it takes; none where nothing stands here. `[[schedule.coarsen]]` in the TOML file.",
        json_schema_extra=unit("tables"),
    )

    refill: bool = Field(
        default=True,
        description="Whether samples that were left out are looked at when nothing else is to be done.",
        json_schema_extra=unit("yes or no"),
    )

    @field_validator("coarsen")
    @classmethod
    def _grows(cls, steps: list[CoarseStep]) -> list[CoarseStep]:
        reached: dict[str, int] = {}
        for step in steps:
            if step.stride <= reached.get(step.priority, 1):
                raise ValueError(
                    f"a step for {step.priority} priority has stride {step.stride}, after one with "
                    f"{reached[step.priority]}: each step must leave out more than those before it"
                )
            reached[step.priority] = step.stride
        return steps

    @property
    def time_zone(self) -> ZoneInfo:
        """Of the times of this group."""
        return ZoneInfo(self.zone)

    @property
    def nightly_time(self) -> time:
        """Of the nightly run."""
        return time.fromisoformat(self.nightly)

    def night_before(self, now: datetime) -> datetime:
        """When the last night began."""
        return last_time(self.nightly_time, self.time_zone, now)

    @property
    def retention_time(self) -> time:
        """Of the daily deletion."""
        return time.fromisoformat(self.retention)

    @property
    def deadline_time(self) -> time:
        """Of the deadline of a night."""
        return time.fromisoformat(self.deadline)


class RetentionSettings(Group):
    """For how long things are kept. 0: for ever."""

    videos: int = Field(
        default=0,
        ge=0,
        le=36_500,
        description="Videos with all that was seen in them, since they were finished; 0: for ever.",
        json_schema_extra=unit("days"),
    )
    crops: int = Field(
        default=0,
        ge=0,
        le=36_500,
        description="Pictures of faces, but for the best of each appearance; without them a video cannot be embedded "
        "again for another embedder. 0: for ever.",
        json_schema_extra=unit("days"),
    )
    frames: int = Field(
        default=0,
        ge=0,
        le=36_500,
        description="Hashes and small pictures of frames; without them nothing is recognised as a repeat of a video. "
        "0: for ever.",
        json_schema_extra=unit("days"),
    )
    tries: int = Field(
        default=180,
        ge=0,
        le=36_500,
        description="The account of each try at a piece of work; forecasts learn from those of the last six weeks. "
        "0: for ever.",
        json_schema_extra=unit("days"),
    )
