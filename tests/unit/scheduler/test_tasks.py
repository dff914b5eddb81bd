"""Tasks of the scheduler, as a worker calls them."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from structlog.testing import capture_logs
from support.records import FACTS

from config.settings import load_settings
from db import videos
from db.leases import utc_now
from db.migrate import ensure_schema
from db.schema import Video
from db.session import open_database
from db.states import VideoState
from scheduler import tasks


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("task", [tasks.sweep_task, tasks.forecast_task, tasks.retention_task])
def test_without_a_ledger_a_task_says_so_in_a_line_and_ends(
    task: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROLLCALL_DATABASE__URL", "postgresql://rollcall@127.0.0.1:1/nowhere")
    load_settings.cache_clear()
    with capture_logs() as told:
        task()
    assert [(line["event"], line["log_level"]) for line in told] == [("ledger out of reach", "warning")]
    assert "nowhere" in told[0]["detail"]


@pytest.mark.parametrize(("start", "begun"), [("nightly", ["yesterday"]), ("at-once", ["yesterday", "today"])])
def test_a_sweep_begins_what_the_night_has_missed(
    home: Path, monkeypatch: pytest.MonkeyPatch, start: str, begun: list[str]
) -> None:
    """Should the message of the nightly run be lost."""
    monkeypatch.setenv("ROLLCALL_SCHEDULE__START", start)
    load_settings.cache_clear()
    home.mkdir()
    database = open_database(load_settings())
    ensure_schema(database)
    now = utc_now()
    with database.writing() as session:
        for title, submitted_at in (("yesterday", now - timedelta(days=1)), ("today", now)):
            video = videos.add(
                session, content_hash=title.ljust(64, "0"), byte_size=1, path=title, title=title, outcome=FACTS
            )
            video.submitted_at = submitted_at
    tasks.sweep_task()
    with database.reading() as session:
        found = session.scalars(select(Video.title).where(Video.state == VideoState.RUNNING).order_by(Video.id))
        assert found.all() == begun
    database.close()
