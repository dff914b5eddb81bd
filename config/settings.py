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
from typing import Any, get_args, get_origin

from pydantic import BaseModel, Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource
from pydantic_settings import SettingsError as UnreadableSetting

from config.embedder_file import EmbedderFile
from config.errors import SettingsError
from config.face_settings import BorderSettings, EnrolSettings, FaceSettings, GroupingSettings, MatchSettings
from config.night_settings import IntakeSettings, RetentionSettings, ScheduleSettings
from config.sampling_settings import DecodeSettings, GateSettings, RepeatSettings, SamplingSettings
from config.service_settings import BrokerSettings, DatabaseSettings, LogSettings, WorkSettings
from config.setting_groups import Group, unit
from config.storage_settings import StorageSettings

ENVIRONMENT_PREFIX = "ROLLCALL_"
FILE_VARIABLE = "ROLLCALL_SETTINGS"


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
