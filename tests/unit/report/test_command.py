"""`rollcall report` as a shell sees it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from support import broadcast as scene
from support import ledgers

from cli.main import main
from config.settings import load_settings
from db.schema import Source, Video
from db.session import Database

Shell = Callable[..., int]

pytestmark = pytest.mark.usefixtures("ledger")


@pytest.fixture
def ledger(home: Path) -> None:
    """A home folder whose ledger holds the broadcast as video 1 and a video that waits as video 2."""
    home.mkdir()
    database = Database(load_settings().database_url)
    ledgers.prepare(database)
    with database.writing() as session:
        video = session.get_one(Video, scene.record(session))
        waiting = Video(
            id=2, content_hash="00" * 32, byte_size=9, path="/uploads/b.mp4", title="Late news", state="waiting",
            submitted_at=video.submitted_at,
        )  # fmt: skip
        session.add(waiting)
        session.flush()
        session.add(Source(video_id=2, path=waiting.path, submitted_at=video.submitted_at))
    database.close()


@pytest.fixture
def rollcall(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """Runs the command in an empty folder; its exit code."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)

    def run(*words: str) -> int:
        monkeypatch.setattr("sys.argv", ["rollcall", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0)

    return run


def test_a_page_is_written_here_and_its_path_told(rollcall: Shell, capfd: pytest.CaptureFixture[str]) -> None:
    assert rollcall("report", "1") == 0
    assert capfd.readouterr().out == "Evening news.report.html\n"
    assert Path("Evening news.report.html").read_text().startswith("<!doctype html>")


def test_other_formats_go_to_standard_output(rollcall: Shell, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert rollcall("report", "Evening news", "--format", "json") == 0
    assert json.loads(capfdbinary.readouterr().out)["processing"]["video_id"] == 1
    assert rollcall("report", "1", "--format", "csv") == 0
    assert capfdbinary.readouterr().out.startswith(b"\xef\xbb\xbfperson,")
    assert list(Path().iterdir()) == []


def test_a_named_file_takes_any_format(rollcall: Shell, capfd: pytest.CaptureFixture[str]) -> None:
    assert rollcall("report", "1", "--format", "vtt", "--output", "names.vtt") == 0
    assert capfd.readouterr().out == "names.vtt\n"
    assert Path("names.vtt").read_text().startswith("WEBVTT")


def test_a_page_can_go_to_standard_output(rollcall: Shell, capfd: pytest.CaptureFixture[str]) -> None:
    assert rollcall("report", "1", "--output", "-") == 0
    assert capfd.readouterr().out.startswith("<!doctype html>")
    assert list(Path().iterdir()) == []


def test_a_video_that_waits_tells_how_to_finish_it(rollcall: Shell, capfd: pytest.CaptureFixture[str]) -> None:
    assert rollcall("report", "Late news") == 3
    told = capfd.readouterr()
    assert told.out == ""
    assert "Late news" in told.err
    assert "rollcall work" in told.err
    assert list(Path().iterdir()) == []


def test_an_unknown_video_is_not_found(rollcall: Shell, capfd: pytest.CaptureFixture[str]) -> None:
    assert rollcall("report", "nothing") == 4
    assert "nothing" in capfd.readouterr().err


def test_a_place_that_cannot_be_written_is_a_usage_error(rollcall: Shell, capfd: pytest.CaptureFixture[str]) -> None:
    assert rollcall("report", "1", "--output", "missing/x.html") == 2
    assert "cannot be written" in capfd.readouterr().err
