"""The one typed settings object: defaults < TOML file < `ROLLCALL_*` environment.

Read it with `load_settings()`, which nothing calls at import. Each setting carries its unit, range and help in its
field; `docs/settings.md` is held to this table by a test. A group's setting is named `group.name` in the TOML file
(`[group]` / `name = …`) and `ROLLCALL_GROUP__NAME` in the environment.
"""

import json
import os
import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, Self, get_args, get_origin

from pydantic import BaseModel, Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource
from pydantic_settings import SettingsError as UnreadableSetting

from config.embedder_file import EmbedderFile
from config.errors import SettingsError
from config.night_settings import IntakeSettings, RetentionSettings, ScheduleSettings
from config.setting_groups import Group, unit
from config.storage_settings import StorageSettings

DetectorName = Literal["mmod", "hog", "dlib-cnn"]
EmbedderName = Literal["onnx", "dlib", "file"]
ProviderName = Literal["cpu", "cuda", "tensorrt", "openvino"]
LogFormat = Literal["console", "json"]
Whose = Literal["everybody", "named"]
ENVIRONMENT_PREFIX = "ROLLCALL_"
FILE_VARIABLE = "ROLLCALL_SETTINGS"


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


class SamplingSettings(Group):
    """Which frames are looked at."""

    interval: float = Field(
        default=3.0,
        ge=0.04,
        le=3600,
        description="Time between two sampling instants; kept to the millisecond.",
        json_schema_extra=unit("seconds"),
    )
    tolerance: float = Field(
        default=0.5,
        ge=0,
        le=0.5,
        description="How far from its instant a sample's frame may lie if it costs less, as key frames do; 0 takes the "
        "first frame at or after each instant.",
        json_schema_extra=unit("sampling intervals"),
    )
    segment: float = Field(
        default=1800.0,
        ge=1,
        le=86400,
        description="Longest segment into which a video is cut so that workers share it; mostly `work.segment` cuts it "
        "shorter.",
        json_schema_extra=unit("seconds"),
    )


class DecodeSettings(Group):
    """Limits of the process that decodes: whatever a file does to the decoder, the worker goes on."""

    memory: int = Field(
        default=1024,
        ge=64,
        le=65536,
        description="What the decoder may take beyond its start; a picture of 8K in 10 bits takes about 110.",
        json_schema_extra=unit("MiB"),
    )
    silence: float = Field(
        default=30.0,
        ge=0.5,
        le=3600,
        description="A decoder that has not got on for this long hangs, and is killed.",
        json_schema_extra=unit("seconds"),
    )
    longest: float = Field(
        default=600.0,
        ge=1,
        le=86400,
        description="A decoder that has worked on one sample for this long is killed, however busy it is.",
        json_schema_extra=unit("seconds"),
    )


class GateSettings(Group):
    """Which sampled frames carry nothing."""

    flat_deviation: float = Field(
        default=3.0,
        ge=0,
        le=128,
        description="A frame in no part of which grey levels deviate this much (standard deviation) is flat (black, "
        "slate) and is not analysed.",
        json_schema_extra=unit("grey levels (0–255)"),
    )
    unchanged_difference: float = Field(
        default=3.0,
        ge=0,
        le=128,
        description="A frame none of whose parts differs more than this (root mean square) from the last analysed "
        "one is unchanged: its faces are carried forward.",
        json_schema_extra=unit("grey levels (0–255)"),
    )


class RepeatSettings(Group):
    """When the faces of a frame that an earlier video showed are reused."""

    enabled: bool = Field(
        default=True,
        description="Keep a hash and a small picture of each analysed frame, and reuse the faces of frames that videos "
        "finished earlier showed; without, `rollcall duplicates` knows nothing of a video either.",
        json_schema_extra=unit("yes or no"),
    )
    radius: int = Field(
        default=4,
        ge=0,
        le=8,
        description="Bits of 64 in which the hashes of two frames may differ that are then compared; even, as they "
        "differ in an even number. 6 finds more of the frames with a logo and costs twice as much.",
        json_schema_extra=unit("bits"),
    )
    frame_difference: float = Field(
        default=4.5,
        ge=0,
        le=128,
        description="A part of a frame that differs by more (root mean square) from the known frame has changed, and "
        "is looked at.",
        json_schema_extra=unit("grey levels (0–255)"),
    )
    face_difference: float = Field(
        default=0.2,
        ge=0,
        le=1,
        description="A known face whose pixels differ by more (root mean square) is looked for anew.",
        json_schema_extra=unit("share of its contrast"),
    )


class FaceSettings(Group):
    """Detection, alignment and embedding."""

    detector: DetectorName = Field(
        default="mmod",
        description="mmod: dlib's network run by ONNX Runtime, also turned and partly covered faces; hog: dlib's "
        "histogram detector, upright frontal faces; dlib-cnn: the network run by dlib itself, slow.",
        json_schema_extra=unit("name"),
    )
    embedder: EmbedderName = Field(
        default="onnx",
        description="onnx: dlib's embedding network run by ONNX Runtime; dlib: the same run by dlib itself, slow, with "
        "the same results; file: the network that `faces.file` declares.",
        json_schema_extra=unit("name"),
    )
    provider: ProviderName = Field(
        default="cpu",
        description="ONNX Runtime's execution provider; all but cpu need another package of it.",
        json_schema_extra=unit("name"),
    )
    first_look: bool = Field(
        default=True,
        description="Let mmod's network look first in 8-bit integers and then itself where something was seen: the "
        "same faces in half the time. Only with provider cpu; pays on processors with 8-bit dot products.",
        json_schema_extra=unit("yes or no"),
    )
    smallest: int = Field(
        default=60,
        ge=20,
        le=1000,
        description="Smallest face to find, edge of its box in the upright frame; smaller costs more.",
        json_schema_extra=unit("pixels"),
    )
    most_pixels: int = Field(
        default=1920 * 1080,
        ge=100_000,
        le=16_000_000,
        description="Frames are not looked at larger than this; where `smallest` asks for more, the smallest face that "
        "is found grows: in a frame of 3840 x 2160 to twice the edge that it has in one of 1920 x 1080.",
        json_schema_extra=unit("pixels"),
    )
    mirror: bool = Field(
        default=True,
        description="Average each embedding with that of the mirrored face; part of the embedding space's name. With "
        "embedder file, `faces.file.mirror` says so instead.",
        json_schema_extra=unit("yes or no"),
    )
    least_quality: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="A face of lower quality is seen, but not recognisable: it gets no name, enrols nobody and does "
        "not count in anybody's template.",
        json_schema_extra=unit("share"),
    )
    file: EmbedderFile = EmbedderFile()

    @model_validator(mode="after")
    def _file_is_declared(self) -> Self:
        if self.embedder == "file" and not self.file.declared:
            raise ValueError("the embedder is a file, and faces.file.path names none")
        return self


class EnrolSettings(Group):
    """Which photographs may enrol."""

    smallest_face: int = Field(
        default=60,
        ge=20,
        le=1000,
        description="A photograph whose face has a shorter box edge is refused as too small.",
        json_schema_extra=unit("pixels"),
    )
    least_sharpness: float = Field(
        default=0.15,
        ge=0,
        le=1,
        description="A photograph whose face is less sharp is refused as too blurred.",
        json_schema_extra=unit("share"),
    )


class MatchSettings(Group):
    """When a group of faces gets a name."""

    fpir: float = Field(
        default=0.01,
        ge=0.0001,
        le=0.5,
        description="Share of strangers that may get a name; a calibration finds the limit for it.",
        json_schema_extra=unit("share"),
    )
    review_fpir: float = Field(
        default=0.05,
        ge=0.0001,
        le=0.9,
        description="Share of strangers that may be put before a reviewer or named; not smaller than `match.fpir`.",
        json_schema_extra=unit("share"),
    )
    calibrate: Literal["nightly", "never"] = Field(
        default="nightly",
        description="nightly: a gallery is calibrated, and calibrated again when it has changed by a tenth, before "
        "past videos are matched; never: only by `rollcall calibrate`.",
        json_schema_extra=unit("name"),
    )
    largest_distance: float = Field(
        default=0.5,
        ge=0,
        le=2,
        description="Without a calibration, a group farther than this from its nearest identity is unknown.",
        json_schema_extra=unit("Euclidean distance"),
    )
    least_margin: float = Field(
        default=0.05,
        ge=0,
        le=2,
        description="Without a calibration, a group whose second identity is nearer than this behind the first is "
        "put before a reviewer.",
        json_schema_extra=unit("Euclidean distance"),
    )
    neighbours: int = Field(
        default=5,
        ge=1,
        le=1000,
        description="How many nearest identities `rollcall identify` lists.",
        json_schema_extra=unit("identities"),
    )


class GroupingSettings(Group):
    """How faces of one video become one person, and one person's faces become appearances."""

    largest_distance: float = Field(
        default=0.48,
        ge=0,
        le=2,
        description="Two groups of faces join when the root mean square distance between their faces is at most this.",
        json_schema_extra=unit("Euclidean distance"),
    )
    largest_gap: float = Field(
        default=2.2,
        ge=1.2,
        le=1000,
        description="Sightings of one person join into one appearance when they lie no farther apart than this; "
        "2.2 bridges one sample in which the face was missed.",
        json_schema_extra=unit("samples"),
    )


class BorderSettings(Group):
    """How exactly it is found out when people come and leave."""

    tolerance: float = Field(
        default=0.5,
        ge=0,
        le=3600,
        description="Where somebody comes or leaves between two samples, frames in between are looked at until the "
        "border is known to this; 0 leaves borders as samples tell them.",
        json_schema_extra=unit("seconds"),
    )
    of: Whose = Field(
        default="everybody",
        description="Whose borders are looked at: everybody whom a report shows, or only people who are named or to be "
        "reviewed.",
        json_schema_extra=unit("name"),
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


def _default_home() -> Path:
    base = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(base) / "rollcall"


class Settings(BaseSettings):
    """All settings. Immutable; read once per process."""

    model_config = SettingsConfigDict(
        env_prefix=ENVIRONMENT_PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True
    )

    home: Path = Field(
        default_factory=_default_home,
        description="Folder on this machine for the embedded database and broker, and for copies: of galleries, and of "
        "videos that lie in buckets.",
        json_schema_extra=unit("folder"),
    )
    database: DatabaseSettings = DatabaseSettings()
    broker: BrokerSettings = BrokerSettings()
    storage: StorageSettings = StorageSettings()
    sampling: SamplingSettings = SamplingSettings()
    decode: DecodeSettings = DecodeSettings()
    gate: GateSettings = GateSettings()
    repeats: RepeatSettings = RepeatSettings()
    faces: FaceSettings = FaceSettings()
    candidate: EmbedderFile = EmbedderFile()
    enrol: EnrolSettings = EnrolSettings()
    match: MatchSettings = MatchSettings()
    grouping: GroupingSettings = GroupingSettings()
    borders: BorderSettings = BorderSettings()
    intake: IntakeSettings = IntakeSettings()
    schedule: ScheduleSettings = ScheduleSettings()
    retention: RetentionSettings = RetentionSettings()
    work: WorkSettings = WorkSettings()
    log: LogSettings = LogSettings()

    @field_validator("home")
    @classmethod
    def _absolute(cls, home: Path) -> Path:
        # Worker processes run in another folder than the command that starts them.
        return home.absolute()

    @property
    def database_url(self) -> str:
        """Address of the ledger, the embedded one where none is set."""
        return self.database.url or f"sqlite:///{self.home / 'rollcall.db'}"

    @property
    def tried_faces(self) -> FaceSettings:
        """With the candidate in place of the embedder in force, where one is declared."""
        if not self.candidate.declared:
            return self.faces
        return self.faces.model_copy(update={"embedder": "file", "file": self.candidate})

    @property
    def interval_ms(self) -> int:
        """Time between two sampling instants in whole milliseconds."""
        return round(self.sampling.interval * 1000)

    @property
    def tolerance_ms(self) -> int:
        """How far from its instant a sample's frame may lie, in whole milliseconds; at most half the interval."""
        return int(self.interval_ms * self.sampling.tolerance)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  we read no .env: one file, one place
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Environment over file; the file is the one that FILE_VARIABLE names, if any."""
        path = os.environ.get(FILE_VARIABLE)
        toml = (TomlConfigSettingsSource(settings_cls, Path(path)),) if path else ()
        return (init_settings, env_settings, *toml)


# Variables with our prefix that are not settings: the settings file, and what the test suite reads.
_OTHER_VARIABLES = {FILE_VARIABLE, "ROLLCALL_CORPUS", "ROLLCALL_TEST_REDIS", "ROLLCALL_TEST_POSTGRES"}


@lru_cache(maxsize=1)
def load_settings() -> Settings:
    """The settings of this process, read once.

    Raises:
        SettingsError: one setting is unknown, of the wrong type or out of range; the message names the setting, the
            value and the range.
    """
    _refuse_unknown_variables()
    path = os.environ.get(FILE_VARIABLE)
    if path and not Path(path).is_file():
        raise SettingsError(FILE_VARIABLE, f"there is no file {path}", "name a TOML file or unset it")
    try:
        return Settings()
    except ValidationError as error:
        raise _explain(error) from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(str(path), f"not valid TOML: {error}") from None
    except UnreadableSetting:
        raise _unreadable() from None


def _unreadable() -> SettingsError:
    """Which variable holds a list that is no JSON: the library names its group only."""
    for row in table():
        written = os.environ.get(row["variable"])
        if written is not None and isinstance(row["default"], list) and not _is_json(written):
            return SettingsError(row["variable"], f"{written!r} is no list", 'write it in JSON, like ["one", "two"]')
    return SettingsError("environment", "holds a value that cannot be read", "docs/settings.md lists the settings")


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def table() -> list[dict[str, Any]]:
    """Every setting as a row: name, variable, type, default, unit, range, help. The source of `docs/settings.md`."""
    return _rows(Settings, "")


def _rows(owner: type[BaseModel], prefix: str) -> list[dict[str, Any]]:
    rows = []
    for inner, field in owner.model_fields.items():
        group = field.annotation
        if isinstance(group, type) and issubclass(group, Group):
            rows += _rows(group, f"{prefix}{inner}.")
        else:
            rows.append(_row(f"{prefix}{inner}", owner, inner))
    return rows


def _row(name: str, owner: type[BaseModel], inner: str) -> dict[str, Any]:
    field = owner.model_fields[inner]
    extra = field.json_schema_extra
    return {
        "name": name,
        "variable": ENVIRONMENT_PREFIX + name.upper().replace(".", "__"),
        "default": "" if field.default_factory else field.default,
        "unit": extra["unit"] if isinstance(extra, dict) else "",
        "range": _range(owner, inner),
        "help": field.description or "",
    }


def _range(owner: type[BaseModel], inner: str) -> str:
    field = owner.model_fields[inner]
    if get_origin(field.annotation) is list:
        return ""
    if choices := get_args(field.annotation):
        return " | ".join(str(choice) for choice in choices)
    if field.annotation is bool:
        return "true | false"
    bounds = {key: getattr(item, key) for item in field.metadata for key in ("ge", "le") if hasattr(item, key)}
    if bounds:
        return f"{bounds['ge']} to {bounds['le']}"
    return next((str(item.pattern) for item in field.metadata if getattr(item, "pattern", None)), "")


def _refuse_unknown_variables() -> None:
    known = {row["variable"] for row in table()} | _OTHER_VARIABLES
    groups = {ENVIRONMENT_PREFIX + name.upper() for name in Settings.model_fields}
    for variable in sorted(os.environ):
        if variable.startswith(ENVIRONMENT_PREFIX) and variable not in known | groups:
            raise SettingsError(
                variable, "there is no such setting", "docs/settings.md lists them; unset it or correct the name"
            )


def _explain(error: ValidationError) -> SettingsError:
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"])
    row = next((row for row in table() if row["name"] == name), None)
    if first["type"] == "value_error":
        return SettingsError(name, first["msg"].removeprefix("Value error, "), "docs/settings.md lists them")
    if first["type"] == "extra_forbidden":
        return SettingsError(name, "there is no such setting", "docs/settings.md lists them")
    if first["type"] == "missing":
        return SettingsError(name, "is missing", "docs/settings.md lists the settings")
    if row is None or not row["range"]:
        # Of a table of settings it is a part that is off.
        told = first["msg"].replace("Input should", "should")
        return SettingsError(name, f"{first['input']!r} {told}", "docs/settings.md lists the settings")
    return SettingsError(name, f"{first['input']!r} must be {row['range']} ({row['unit']})")
