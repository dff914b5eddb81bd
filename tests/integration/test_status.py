"""Where the queue stands: what a video waits for, until when it is to be done, and what that looks like."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from support.records import FACTS
from typer.testing import CliRunner

from cli.main import app
from config.settings import load_settings
from db import leases, segments, status, videos
from db.facts import UploadFacts
from db.leases import Allowance
from db.schema import Source
from db.states import VideoState
from db.status import FailedTry
from worker.process import WorkerProcess

ALLOWED = Allowance(3, 2)


@pytest.fixture
def now() -> datetime:
    """Commands ask the machine's clock."""
    return leases.utc_now().replace(microsecond=0)


def add(process: WorkerProcess, title: str, **told: object) -> int:
    with process.database.writing() as session:
        return videos.add(
            session,
            content_hash=title.ljust(64, "0"),
            byte_size=1,
            path=f"/{title}",
            title=title,
            outcome=FACTS,
            upload=UploadFacts(**told),  # type: ignore[arg-type]  # facts by their names
        ).id


def fail(process: WorkerProcess, segment_id: int, cause: str, again_at: datetime) -> None:
    """Let a try of a segment fail."""
    with process.database.writing() as session:
        claimed = segments.claim(
            session, segment_id, owner="elsewhere/1", lease=60, allowed=ALLOWED, now=leases.utc_now()
        )
        assert claimed is not None
        leases.give_back(session, claimed[0], not_before=again_at, cause=cause, detail="what it was", excused=True)


def line(process: WorkerProcess) -> status.VideoStatus:
    with process.database.reading() as session:
        (found,) = status.lines(session)
    return found


def test_what_an_open_video_waits_for_is_told_until_it_has_ended(process: WorkerProcess, now: datetime) -> None:
    video_id = add(process, "film")
    with process.database.writing() as session:
        first, second = segments.plan(session, video_id, [(0, 4), (4, 10)], 3000)
    assert line(process).failed_try is None
    soon, later = now + timedelta(minutes=2), now + timedelta(minutes=9)
    fail(process, second, "storage-unavailable", later)
    fail(process, first, "outage", soon)
    assert line(process).failed_try == FailedTry("outage", "what it was", soon)
    assert line(process).cause is None
    with process.database.writing() as session:
        moment = now + timedelta(minutes=3)
        assert segments.claim(session, first, owner="elsewhere/1", lease=60, allowed=ALLOWED, now=moment)
    assert line(process).failed_try == FailedTry("outage", "what it was", None), "it is being tried"


def test_every_channel_of_a_video_is_told_once(process: WorkerProcess, now: datetime) -> None:
    video_id = add(process, "film", channel="Two")
    with process.database.writing() as session:
        for path, channel in (("/b", "One"), ("/c", "Two"), ("/d", None)):
            session.add(Source(video_id=video_id, path=path, channel=channel, submitted_at=now))
    assert line(process).channels == ("One", "Two")


@pytest.fixture
def runner(process: WorkerProcess, monkeypatch: pytest.MonkeyPatch) -> Iterator[CliRunner]:
    """Of commands with the ledger of the process."""
    monkeypatch.setenv("ROLLCALL_HOME", str(process.settings.home))
    monkeypatch.setenv("ROLLCALL_DATABASE__URL", process.settings.database.url)
    monkeypatch.setenv("ROLLCALL_SCHEDULE__ZONE", "Asia/Tokyo")
    load_settings.cache_clear()
    yield CliRunner()
    load_settings.cache_clear()


def test_the_command_tells_deadline_channel_and_next_try(
    process: WorkerProcess, runner: CliRunner, now: datetime
) -> None:
    add(process, "plain")
    plain = runner.invoke(app, ["status"]).stdout.splitlines()[0].split()
    assert plain == ["video", "state", "segments", "people", "title", "why"]

    deadline, again_at = now + timedelta(hours=3), now + timedelta(minutes=5)
    video_id = add(process, "[news]", channel="[Two]", deadline=deadline)
    add(process, "old", deadline=now - timedelta(seconds=30))
    with process.database.writing() as session:
        (segment_id,) = segments.plan(session, video_id, [(0, 10)], 3000)
    fail(process, segment_id, "storage-unavailable", again_at)
    heading, first, news, old, *_ = runner.invoke(app, ["status"]).stdout.splitlines()
    assert heading.split() == ["video", "state", "segments", "people", "deadline", "channel", "title", "why"]
    tokyo = timedelta(hours=9)
    assert f"{deadline + tokyo:%H:%M}" in news
    assert "  [Two]    [news]  " in news
    assert f"is tried again at {again_at + tokyo:%H:%M:%S}; storage-unavailable: what it was" in news
    assert ", late" in old
    assert "late" not in first + news

    told = json.loads(runner.invoke(app, ["status", "--json"]).stdout)["videos"][1]
    assert told["deadline"] == deadline.isoformat()
    assert told["channels"] == ["[Two]"]
    assert told["failed_try"] == {
        "cause": "storage-unavailable", "detail": "what it was", "again_at": again_at.isoformat(),
    }  # fmt: skip


def test_what_has_ended_shows_neither_deadline_nor_tries(
    process: WorkerProcess, runner: CliRunner, now: datetime
) -> None:
    video_id = add(process, "film", deadline=now + timedelta(hours=3))
    with process.database.writing() as session:
        videos.end(session, video_id, VideoState.FAILED, cause="fault", detail="why it was")
    shown = runner.invoke(app, ["status"]).stdout
    assert "fault: why it was" in shown
    assert "deadline" not in shown
    assert line(process).failed_try is None
