"""`rollcall forecast`: what it says, and its exit codes."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update
from support import ledgers
from support.past import Spent, add_done, add_video, cut
from typer.testing import CliRunner

from cli.main import app
from config.settings import load_settings
from db.leases import utc_now
from db.schema import Priority, Segment, Video
from db.session import Database, open_database
from db.states import SegmentState, VideoState

HOUR = timedelta(hours=1)

runner = CliRunner()


@pytest.fixture
def ledger(home: Path) -> Iterator[Database]:
    """Ten nights of videos of 100 samples that took 50 s each; the clock is the machine's."""
    home.mkdir()
    database = open_database(load_settings())
    ledgers.prepare(database)
    with database.writing() as session:
        for number in range(50):
            until = utc_now() - timedelta(days=1 + number // 5, minutes=number % 5)
            add_done(session, number, until, Spent(scan=36, refine=12, finish=2))
    yield database
    database.close()


def queue(database: Database, deadline: datetime | None, videos: int = 24) -> None:
    """Open videos of 200 samples, about 100 s of work each; every third of low priority."""
    with database.writing() as session:
        for number in range(videos):
            priority = Priority.LOW if number % 3 == 0 else Priority.NORMAL
            video = add_video(
                session, 10_000 + number, state=VideoState.RUNNING, submitted_at=utc_now(), samples=200,
                deadline=deadline, priority=priority,
            )  # fmt: skip
            cut(session, video, 200, dict.fromkeys((0, 1), SegmentState.WAITING))


def said(*arguments: str, code: int = 0) -> str:
    result = runner.invoke(app, ["forecast", *arguments])
    assert result.exit_code == code, result.output
    return result.stdout


def told(*arguments: str, code: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(said("--json", *arguments, code=code))
    return found


@pytest.mark.usefixtures("ledger")
def test_an_empty_queue_is_no_alarm() -> None:
    assert said() == "The queue is empty.\n"
    assert told()["queue"] == {"videos": 0}
    assert said("--record") == "The queue is empty.\n"


def test_everything_on_time_is_zero_and_needs_no_measures(ledger: Database) -> None:
    queue(ledger, utc_now() + 8 * HOUR)
    text = said("--workers", "4")
    assert "24 videos" in text
    assert "over 99 % sure that everything is on time" in text
    assert "what would help" not in text
    assert "at risk" not in text


def test_what_may_be_late_is_seven_and_what_will_be_is_eight(ledger: Database) -> None:
    queue(ledger, utc_now() + HOUR)
    in_time = told("--workers", "1")
    middle = datetime.fromisoformat(in_time["empty"]["median"])
    with ledger.writing() as session:
        session.execute(update(Video).where(Video.ended_at.is_(None)).values(deadline=middle + timedelta(minutes=2)))
    perhaps = told("--workers", "1", code=7)
    assert 0.5 <= perhaps["on_time"] < 0.95
    with ledger.writing() as session:
        session.execute(update(Video).where(Video.ended_at.is_(None)).values(deadline=middle - timedelta(minutes=8)))
    surely = told("--workers", "1", code=8)
    assert surely["on_time"] < 0.5
    assert surely["at_risk"] > perhaps["at_risk"]


def test_more_risk_may_be_taken(ledger: Database) -> None:
    queue(ledger, utc_now() + HOUR)
    middle = datetime.fromisoformat(told("--workers", "1")["empty"]["median"])
    with ledger.writing() as session:
        session.execute(update(Video).where(Video.ended_at.is_(None)).values(deadline=middle + timedelta(minutes=2)))
    assert told("--workers", "1", "--at-risk", "0.6")["at_risk"] == 0
    assert said("--at-risk", "0", code=2) == ""
    assert said("--at-risk", "1.5", code=2) == ""


def test_it_says_which_videos_and_what_would_help(ledger: Database) -> None:
    queue(ledger, utc_now() + HOUR / 3)
    text = said("--workers", "1", code=8)
    for words in ("at risk", "film 10023", "one process more", "half the samples of low priority", "what would help"):
        assert words in text.replace("half the samples of low and normal priority", "half the samples of low priority")
    found = told("--workers", "1", code=8)
    assert found["schema"] == "rollcall.forecast/1"
    assert found["processes"]["count"] == 1
    assert found["processes"]["enough"] > 1
    assert len(found["videos"]) == 24
    assert {video["priority"] for video in found["videos"]} == {"low", "normal"}
    assert said("--workers", str(found["processes"]["enough"]))


def test_a_queue_without_deadlines_is_never_late(ledger: Database) -> None:
    queue(ledger, None, videos=3)
    assert "none of them has one" in said()


def test_titles_do_nothing_to_a_terminal(ledger: Database) -> None:
    queue(ledger, utc_now() - HOUR, videos=1)
    with ledger.writing() as session:
        session.execute(update(Video).where(Video.ended_at.is_(None)).values(title="[bold]a\x1b[31m"))
    assert "[bold]a�[31m" in said(code=8)


def test_forecasts_are_kept_and_held_against_the_results(ledger: Database) -> None:
    assert "--record" in said("--history")
    queue(ledger, utc_now() + HOUR)
    said("--record", "--workers", "2")
    assert "no queue of these has been emptied yet" in said("--history")
    emptied = utc_now() + HOUR / 3
    with ledger.writing() as session:
        session.execute(update(Segment).values(state=SegmentState.DONE))
        session.execute(update(Video).where(Video.ended_at.is_(None)).values(state=VideoState.DONE, ended_at=emptied))
    assert "1 night with a result: the interval of 80 % held in 1" in said("--history")
    found = told("--history")
    assert found["schema"] == "rollcall.forecasts/1"
    assert found["coverage"]["held_95"] == 1
    (row,) = found["forecasts"]
    assert (row["videos"], row["processes"], row["late"], row["overtaken"]) == (24, 2, 0, 0)
    assert datetime.fromisoformat(row["emptied_at"]) == emptied
