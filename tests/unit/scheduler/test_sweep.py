"""The sweep: what the ledger says is due, and nothing more than a window of it."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from support import ledgers

from config.embedder_file import EmbedderFile
from config.service_settings import BrokerSettings
from config.settings import Settings
from db import chores, counters, reembedding, segments, spaces, videos
from db.facts import UploadFacts, VideoFacts
from db.leases import Allowance, utc_now
from db.schema import Priority, Segment
from db.session import Database
from db.states import VideoState
from models.faces import EmbeddingSpace
from scheduler.dispatch import Sender
from scheduler.experience import Memory
from scheduler.sweep import prepare, sweep

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
FACTS = VideoFacts("matroska", "h264", 640, 360, 0, Fraction(1, 1000), 0, 90_000)


class Recorder(Sender):
    """A doorbell that counts its rings; the broker behind it has its own tests with real servers."""

    def __init__(self, queued: int = 0) -> None:
        self.already = queued
        self.rung: dict[str, list[int]] = {"segments": [], "videos": [], "reembed": [], "arrivals": [], "rematch": []}

    def send_segments(self, segment_ids: Sequence[int]) -> None:
        self.rung["segments"] += segment_ids

    def send_videos(self, video_ids: Sequence[int]) -> None:
        self.rung["videos"] += video_ids

    def send_arrivals(self, arrival_ids: Sequence[int]) -> None:
        self.rung["arrivals"] += arrival_ids

    def send_rematch(self) -> None:
        self.rung["rematch"].append(0)

    def send_reembed(self) -> None:
        self.rung["reembed"].append(0)

    def queued(self) -> int:
        return self.already


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.model_validate(
        {"home": tmp_path, "sampling": {"segment": 30}, "broker": {"window": 4}, "work": {"attempts": 2}}
    )


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    opened = Database(settings.database_url)
    ledgers.prepare(opened)
    yield opened
    opened.close()


def submit(database: Database, number: int = 0, **told: Any) -> int:
    with database.writing() as session:
        return videos.add(
            session,
            content_hash=f"{number:064}",
            byte_size=1,
            path="/x.mkv",
            title="x.mkv",
            outcome=FACTS,
            upload=UploadFacts(**told),
        ).id


def due_of(database: Database, settings: Settings) -> list[int]:
    """Segments that no worker has, by video and time."""
    return [segment_id for segment_id, _ in prepare(database, settings, Memory(2)).segments]


def test_a_new_video_is_planned_and_all_of_it_sent(database: Database, settings: Settings) -> None:
    submit(database)
    recorder = Recorder()
    sweep(database, settings, recorder, Memory(2))
    assert recorder.rung["segments"] == due_of(database, settings)
    assert len(recorder.rung["segments"]) == 3


def test_what_is_wanted_first_is_sent_first(database: Database, settings: Settings) -> None:
    now = utc_now()

    def in_hours(hours: float) -> datetime:
        return now + timedelta(hours=hours)

    later = submit(database, 1, deadline=in_hours(20))
    soon = submit(database, 2, deadline=in_hours(10))
    urgent = submit(database, 3, deadline=in_hours(10), priority=Priority.URGENT)
    missed = submit(database, 4, deadline=in_hours(-1))
    never = submit(database, 5)
    many, recorder = settings.model_copy(update={"broker": BrokerSettings(window=100)}), Recorder()
    sweep(database, many, recorder, Memory(2))
    with database.reading() as session:
        order = [session.get_one(Segment, segment_id).video_id for segment_id in recorder.rung["segments"]]
    # There is time for what is late already without making anybody else late.
    assert list(dict.fromkeys(order)) == [missed, urgent, soon, later, never]
    assert [len(list(same)) for _, same in groupby(order)] == [3] * 5


def test_a_new_video_waits_where_the_sweep_is_not_to_begin_it(database: Database, settings: Settings) -> None:
    video_id = submit(database)
    recorder = Recorder()
    sweep(database, settings, recorder, Memory(2), submitted_by=LONG_AGO)
    assert recorder.rung["segments"] == []
    with database.reading() as session:
        assert videos.get(session, video_id).state == VideoState.WAITING


def test_a_sweep_that_changes_nothing_waits_for_no_writer(database: Database, settings: Settings) -> None:
    submit(database)
    sweep(database, settings, Recorder(), Memory(2))
    hurried = Database(settings.database_url, lock_timeout=0.1)
    recorder = Recorder()
    with database.writing() as session:
        counters.draw(session, counters.LINKS)
        sweep(hurried, settings, recorder, Memory(2))
    hurried.close()
    assert len(recorder.rung["segments"]) == 3


def test_past_videos_are_matched_once_a_night(database: Database, settings: Settings) -> None:
    def rings() -> int:
        recorder = Recorder()
        sweep(database, settings, recorder, Memory(2))
        return len(recorder.rung["rematch"])

    assert [rings(), rings()] == [1, 1], "until it is done"
    for ago, expected in ((timedelta(0), 0), (timedelta(days=2), 1)):
        with database.writing() as session:
            assert chores.take(session, chores.MATCHING, owner="here/1", lease=60, now=utc_now())
        assert rings() == 0, "somebody is at it"
        with database.writing() as session:
            chores.end(session, chores.MATCHING, owner="here/1", begun=utc_now() - ago)
        assert rings() == expected
    submit(database)
    assert rings() == 0, "not while a video is worked on"


def test_at_most_a_window_is_sent(database: Database, settings: Settings) -> None:
    for number in range(3):
        submit(database, number)
    recorder = Recorder()
    sweep(database, settings, recorder, Memory(2))
    assert len(due_of(database, settings)) == 9
    assert len(recorder.rung["segments"]) == 4


@pytest.mark.parametrize(("queued", "sent"), [(0, 3), (1, 3), (2, 0), (50, 0)])
def test_nothing_is_sent_while_the_broker_has_enough(
    database: Database, settings: Settings, queued: int, sent: int
) -> None:
    submit(database)
    recorder = Recorder(queued)
    sweep(database, settings, recorder, Memory(2))
    assert len(recorder.rung["segments"]) == sent


def test_work_in_hand_is_not_sent(database: Database, settings: Settings) -> None:
    submit(database)
    first = due_of(database, settings)[0]
    with database.writing() as session:
        assert segments.claim(session, first, owner="elsewhere/1", lease=60, allowed=Allowance(2, 2), now=utc_now())
    assert first not in due_of(database, settings)


def test_a_video_whose_tries_are_used_up_ends(database: Database, settings: Settings) -> None:
    video_id = submit(database)
    for _ in range(2):
        for segment_id in due_of(database, settings):
            with database.writing() as session:
                # A lease of no time: the process died at once.
                segments.claim(
                    session, segment_id, owner="elsewhere/1", lease=0, allowed=Allowance(2, 2), now=utc_now()
                )
    recorder = Recorder()
    sweep(database, settings, recorder, Memory(2))
    assert due_of(database, settings) == recorder.rung["segments"] == []
    assert recorder.rung["videos"] == [video_id]
    with database.reading() as session:
        assert {segment.cause for segment in videos.get(session, video_id).segments} == {"worker-died"}


def test_what_can_wait_is_asked_for_while_no_video_waits(database: Database, settings: Settings) -> None:
    candidate = EmbedderFile(path="/net.onnx", name="net", sha256="ab" * 32, length=3)
    trying = settings.model_copy(update={"candidate": candidate})
    video_id = submit(database)

    def rings(settings: Settings, queued: int = 0, *, background: bool = True) -> int:
        recorder = Recorder(queued)
        sweep(database, settings, recorder, Memory(2), submitted_by=LONG_AGO, background=background)
        return len(recorder.rung["reembed"])

    assert rings(trying) == 0
    with database.writing() as session:
        chores.take(session, chores.MATCHING, owner="here/1", lease=60, now=utc_now())
        chores.end(session, chores.MATCHING, owner="here/1", begun=utc_now())
        other = spaces.ensure(session, EmbeddingSpace("other", 128, "0" * 64))
        video = videos.get(session, video_id)
        video.state, video.space_id = VideoState.DONE, other
    assert rings(trying) == 1
    assert rings(settings) == rings(trying, queued=1) == rings(trying, background=False) == 0
    with database.writing() as session:
        space_id = spaces.ensure(session, EmbeddingSpace(candidate.space_name, 3, candidate.sha256))
    assert rings(trying) == 1
    with database.writing() as session:
        reembedding.plan(session, space_id)
        for piece_id in reembedding.due(session, space_id, utc_now()):
            piece = reembedding.claim(session, piece_id, owner="here/1", lease=60, now=utc_now())
    assert piece is not None
    assert rings(trying) == 0
    with database.writing() as session:
        reembedding.leave(session, piece)
    assert rings(trying) == 1
    submit(database, 1)
    sweep(database, trying, Recorder(), Memory(2))
    assert rings(trying) == 0
