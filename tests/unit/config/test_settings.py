"""Settings: their order, their errors, and the page that documents them."""

import os
import tomllib
from pathlib import Path

import pytest

from config import settings_page
from config.errors import SettingsError
from config.settings import Settings, load_settings, table
from storage.places import parse_root


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("ROLLCALL_"):
            monkeypatch.delenv(name)


def load(monkeypatch: pytest.MonkeyPatch, **environment: str) -> Settings:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    load_settings.cache_clear()
    try:
        return load_settings()
    finally:
        load_settings.cache_clear()


def write(folder: Path, text: str) -> str:
    path = folder / "settings.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load(monkeypatch, XDG_DATA_HOME="/data")
    assert settings.sampling.interval == 3.0
    assert settings.interval_ms == 3000
    assert settings.database_url == "sqlite:////data/rollcall/rollcall.db"


def test_file_over_defaults_and_environment_over_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = write(tmp_path, "[sampling]\ninterval = 6\nsegment = 60\n[log]\nlevel = 'debug'\n")
    settings = load(monkeypatch, ROLLCALL_SETTINGS=file, ROLLCALL_SAMPLING__INTERVAL="1.5")
    assert settings.sampling.interval == 1.5
    assert settings.sampling.segment == 60
    assert settings.log.level == "debug"
    assert settings.gate.flat_deviation == Settings.model_fields["gate"].default.flat_deviation


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("ROLLCALL_SAMPLING__INTERVAL", "0", ["sampling.interval", "'0'", "0.04 to 3600", "seconds"]),
        ("ROLLCALL_SAMPLING__INTERVAL", "often", ["sampling.interval", "'often'", "0.04 to 3600"]),
        ("ROLLCALL_FACES__DETECTOR", "eyes", ["faces.detector", "'eyes'", "hog | dlib-cnn"]),
        ("ROLLCALL_FACES__MIRROR", "perhaps", ["faces.mirror", "'perhaps'", "true | false"]),
        ("ROLLCALL_SCHEDULE__NIGHTLY", "25:00", ["schedule.nightly", "'25:00'", "HH:MM"]),
        ("ROLLCALL_STORAGE__CACHE", "0", ["storage.cache", "'0'", "1 to 1000000", "GiB"]),
        ("ROLLCALL_STORAGE__REGION", "eu west", ["storage.region", "'eu west'"]),
        ("ROLLCALL_STORAGE__CROPS", "faces", ["storage.crops", "absolute path", "s3://bucket/prefix"]),
        ("ROLLCALL_STORAGE__CROPS", "s3://", ["storage.crops", "s3://bucket/prefix"]),
        ("ROLLCALL_STORAGE__CROPS", "s3://a b/faces", ["storage.crops", "s3://bucket/prefix"]),
        ("ROLLCALL_STORAGE__CROPS", "/faces\n", ["storage.crops", "characters"]),
        ("ROLLCALL_STORAGE__CROPS", f"s3://bucket/{'x' * 900}", ["storage.crops", "too long"]),
        ("ROLLCALL_INTAKE__WATCH", "/up", ["ROLLCALL_INTAKE__WATCH", "'/up' is no list", '["one", "two"]']),
        ("ROLLCALL_INTAKE__WATCH", '["up"]', ["intake.watch", "'up' is neither an absolute path nor s3://bucket"]),
        ("ROLLCALL_SCHEDULE__ZONE", "Europe/Wien", ["schedule.zone", "there is no time zone 'Europe/Wien'"]),
        (
            "ROLLCALL_SCHEDULE__COARSEN",
            '[{"priority":"low","stride":1}]',
            ["schedule.coarsen.0.stride", "1 should be", "2"],
        ),
        (
            "ROLLCALL_SCHEDULE__COARSEN",
            '[{"priority":"lo","stride":2}]',
            ["coarsen.0.priority", "'lo' should be 'low'"],
        ),
        ("ROLLCALL_SCHEDULE__COARSEN", '[{"priority":"low"}]', ["schedule.coarsen.0.stride", "is missing"]),
        ("ROLLCALL_SCHEDULE__COARSEN", '[{"prio":"low","stride":2}]', ["schedule.coarsen.0.pri", "is missing"]),
        ("ROLLCALL_SAMPLING__INTERVALL", "3", ["ROLLCALL_SAMPLING__INTERVALL", "no such setting"]),
        ("ROLLCALL_SETTINGS", "/nowhere.toml", ["ROLLCALL_SETTINGS", "/nowhere.toml"]),
    ],
)
def test_a_bad_setting_is_one_line_that_names_it(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, told: list[str]
) -> None:
    with pytest.raises(SettingsError) as caught:
        load(monkeypatch, **{name: value})
    line = str(caught.value)
    assert "\n" not in line
    for part in told:
        assert part in line


@pytest.mark.parametrize(
    "address",
    [
        "http://name:secret@minio:9000",
        "https://minio/?key=secret",
        "minio.secret:9000",
        "http://minio_secret",
        "http://secret:99999",
        "http://secret/ ",
        "ftp://secret",
    ],
)
def test_an_address_that_may_hold_a_secret_is_refused_and_not_repeated(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    with pytest.raises(SettingsError, match="without a name or password") as caught:
        load(monkeypatch, ROLLCALL_STORAGE__ENDPOINT=address)
    assert caught.value.subject == "storage.endpoint"
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("place", ["", "/srv/Bilder von Gesichtern", "s3://faces", "s3://faces/a/ü"])
def test_a_place_of_crops_is_one_that_storage_takes(monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    crops = load(monkeypatch, ROLLCALL_STORAGE__CROPS=place).storage.crops
    assert crops == place
    assert not place or str(parse_root(crops)) == place
    if place:
        assert load(monkeypatch, ROLLCALL_STORAGE__CROPS=f"{place}/").storage.crops == place


@pytest.mark.parametrize("address", ["", "http://minio:9000", "http://[::1]:9000/", "https://a.example/storage/v1/s3"])
def test_addresses_of_servers(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    assert load(monkeypatch, ROLLCALL_STORAGE__ENDPOINT=address).storage.endpoint == address


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[sampling]\nintervall = 3\n", "sampling.intervall"),
        ("[sampeling]\ninterval = 3\n", "sampeling"),
        ("[sampling\n", "not valid TOML"),
        ("sampling = 3\n", "sampling"),
    ],
)
def test_a_bad_file_is_one_line_that_names_the_setting(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str, told: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        load(monkeypatch, ROLLCALL_SETTINGS=write(tmp_path, text))
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_every_setting_has_help_a_unit_and_bounds() -> None:
    for row in table():
        assert row["help"].endswith("."), row
        assert row["unit"], row
        if isinstance(row["default"], int | float):
            assert row["range"], row


def test_the_page_and_the_file_are_those_of_the_table() -> None:
    assert settings_page.PAGE.read_text(encoding="utf-8") == settings_page.markdown(), "run `make docs`"
    file = Path(settings_page.PAGE.parents[1] / "config" / "rollcall.toml")
    assert file.read_text(encoding="utf-8") == settings_page.toml(), "run `make docs`"


def test_the_commented_file_says_the_defaults(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    lines = settings_page.toml().splitlines()
    opened = "\n".join(line[1:] if line.startswith("#") and not line.startswith("# ") else line for line in lines)
    values = tomllib.loads(opened)
    values.pop("home")
    with_file = load(monkeypatch, ROLLCALL_SETTINGS=write(tmp_path, opened.replace('home = ""', "")))
    assert with_file.model_dump(exclude={"home"}) == values


def test_an_embedders_file_is_declared_whole_or_not_at_all(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    whole = "path = '/net.onnx'\nname = 'net'\nsha256 = '" + "ab" * 32 + "'\nlength = 512\n"
    settings = load(
        monkeypatch, ROLLCALL_SETTINGS=write(tmp_path, f"[faces]\nembedder = 'file'\n[faces.file]\n{whole}")
    )
    assert (settings.faces.file.length, settings.candidate.declared) == (512, False)
    monkeypatch.delenv("ROLLCALL_SETTINGS")
    for environment, told in (
        ({"ROLLCALL_CANDIDATE__PATH": "/net.onnx"}, "candidate: a file is declared without name, sha256, length"),
        ({"ROLLCALL_FACES__EMBEDDER": "file"}, r"faces: the embedder is a file, and faces\.file\.path names none"),
        ({"ROLLCALL_CANDIDATE__PATH": "net.onnx"}, r"candidate\.path: 'net\.onnx' must be"),
        ({"ROLLCALL_FACES__FILE__EDGE": "5"}, r"faces\.file\.edge: '5' must be 16 to 1024"),
    ):
        with pytest.raises(SettingsError, match=told):
            load(monkeypatch, **environment)
        for name in environment:
            monkeypatch.delenv(name)
