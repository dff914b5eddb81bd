"""The ledger's promises, on both kinds of database: one claim at a time, late writers change nothing, no doubles."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError
from support.records import FACTS, SPACE, analysed, face

from config.errors import EmptyFile, LeaseLost, LedgerError, MixedEngines, NotFound
from db import casts, due, finishing, leases, segments, spaces, task_runs, videos
from db.facts import ClockPiece, VideoFacts
from db.leases import Allowance, Claim
from db.schema import Appearance, FaceCrop, FaceGroup, FaceRow, SampleOutcome, SampleRun, Segment, TaskRun, Video
from db.segments import FaceRecord, RunRecord
from db.session import Database
from db.states import SegmentState, VideoState
from models.decision import Decision, Verdict
from models.faces import EmbeddingSpace

NOW = datetime(2026, 1, 1, 22, tzinfo=UTC)
LEASE = 60.0


def add_video(
    ledger: Database, cut: list[tuple[int, int | None]], content_hash: str = "a" * 64
) -> tuple[int, list[int]]:
    with ledger.writing() as session:
        video = videos.add(
            session, content_hash=content_hash, byte_size=1, path="/film.mkv", title="film.mkv", outcome=FACTS
        )
        return video.id, segments.plan(session, video.id, cut, 3000)


def take(ledger: Database, segment_id: int, owner: str = "elsewhere/1", now: datetime = NOW) -> Claim | None:
    with ledger.writing() as session:
        taken = segments.claim(session, segment_id, owner=owner, lease=LEASE, allowed=Allowance(3, 2), now=now)
        return taken[0] if taken else None


def taken(ledger: Database, segment_id: int, owner: str = "elsewhere/1", now: datetime = NOW) -> Claim:
    held = take(ledger, segment_id, owner, now)
    assert held is not None
    return held


def write(ledger: Database, held: Claim, faces: list[FaceRecord], runs: list[RunRecord]) -> bool:
    with ledger.writing() as session:
        space_id = spaces.ensure(session, SPACE)
        return segments.record(session, held, space_id=space_id, detector="test", faces=faces, runs=runs)


def count(ledger: Database, table: type) -> int:
    with ledger.reading() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def state(ledger: Database, video_id: int) -> str:
    with ledger.reading() as session:
        return videos.get(session, video_id).state


def test_rejected_upload_has_its_cause(ledger: Database) -> None:
    with ledger.writing() as session:
        error = EmptyFile("/empty.mp4", "has no bytes")
        video_id = videos.add(
            session, content_hash="e" * 64, byte_size=0, path="/empty.mp4", title="empty.mp4", outcome=error
        ).id
    with ledger.reading() as session:
        video = videos.get(session, video_id)
        assert (video.state, video.cause, video.detail) == (VideoState.REJECTED, "empty-file", "has no bytes")
        assert video.ended_at is not None
        with pytest.raises(ValueError, match="no facts"):
            videos.facts(video)


def test_facts_come_back_exactly(ledger: Database) -> None:
    pieces = (ClockPiece(0, 1_080_000, 1_080_000), ClockPiece(5 << 30, (1 << 33) - 1, 400_000_000_000))
    odd = VideoFacts("mpegts", "mpeg2video", 1024, 576, 90, Fraction(1, 90_000), 1_080_000, None, pieces)
    with ledger.writing() as session:
        videos.add(session, content_hash="b" * 64, byte_size=5_000_000_000, path="/x.ts", title="x.ts", outcome=odd)
    with ledger.reading() as session:
        video = videos.find(session, "x.ts")
        assert videos.facts(video) == odd
        assert video.byte_size == 5_000_000_000
    # Without pieces, as those of older versions are.
    plain, _ = add_video(ledger, [(0, 1)])
    with ledger.reading() as session:
        assert videos.get(session, plain).clock_pieces is None
        assert videos.facts(videos.get(session, plain)) == FACTS


def test_finding_a_video_by_number_path_or_title(ledger: Database) -> None:
    first, _ = add_video(ledger, [(0, 1)])
    second, _ = add_video(ledger, [(0, 1)], content_hash="c" * 64)
    with ledger.writing() as session:
        videos.add_source(session, second, "/other.mkv")
        videos.add_source(session, second, "/other.mkv")
    with ledger.reading() as session:
        assert videos.find(session, str(first)).id == first
        assert videos.find(session, "/other.mkv").id == second
        with pytest.raises(NotFound, match=f"{first}, {second}"):
            videos.find(session, "film.mkv")
        with pytest.raises(NotFound):
            videos.find(session, "999999")
        with pytest.raises(NotFound):
            videos.find(session, "9" * 30)


def test_a_video_is_planned_once(ledger: Database) -> None:
    video_id, first = add_video(ledger, [(0, 5), (5, 10)])
    with ledger.writing() as session:
        assert segments.plan(session, video_id, [(0, 10)], 3000) == []
    assert len(first) == 2
    assert count(ledger, Segment) == 2


def test_of_many_claims_at_once_one_holds(ledger: Database) -> None:
    _, (segment_id,) = add_video(ledger, [(0, 10)])
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda number: take(ledger, segment_id, f"elsewhere/{number}"), range(8)))
    assert sum(held is not None for held in found) == 1


def test_an_expired_lease_can_be_taken_and_the_late_writer_changes_nothing(ledger: Database) -> None:
    _, (segment_id,) = add_video(ledger, [(0, 10)])
    late = taken(ledger, segment_id)
    later = NOW + timedelta(seconds=LEASE + 1)
    assert take(ledger, segment_id, "elsewhere/2", NOW + timedelta(seconds=LEASE - 1)) is None
    held = taken(ledger, segment_id, "elsewhere/2", later)
    with pytest.raises(LeaseLost):
        write(ledger, late, [face(0, 1)], analysed(0, 10))
    assert count(ledger, FaceRow) == 0
    write(ledger, held, [face(0, 2), face(3, 3)], analysed(0, 10))
    with pytest.raises(LeaseLost):
        write(ledger, late, [face(0, 1)], analysed(0, 10))
    with pytest.raises(LeaseLost), ledger.writing() as session:
        segments.fail(session, late, permanent=True, cause="x", detail="x")
    assert count(ledger, FaceRow) == 2


def test_a_renewed_lease_holds(ledger: Database) -> None:
    _, (segment_id,) = add_video(ledger, [(0, 10)])
    held = taken(ledger, segment_id)
    later = NOW + timedelta(seconds=LEASE - 1)
    with ledger.writing() as session:
        leases.renew(session, held, lease=LEASE, now=later)
    assert take(ledger, segment_id, "elsewhere/2", later + timedelta(seconds=LEASE - 1)) is None


def test_writing_twice_replaces(ledger: Database) -> None:
    """A worker that dies between its commit and its acknowledgement is one way to get here: the row is opened again."""
    _, (segment_id,) = add_video(ledger, [(0, 10)])
    write(ledger, taken(ledger, segment_id), [face(0, 1), face(1, 2)], analysed(0, 10))
    assert take(ledger, segment_id) is None
    with ledger.writing() as session:
        row = session.get_one(Segment, segment_id)
        row.state = SegmentState.WAITING
    again = taken(ledger, segment_id)
    write(ledger, again, [face(0, 3)], [*analysed(0, 4), RunRecord(4, 10, SampleOutcome.FLAT, 12_000, 27_000)])
    assert (count(ledger, FaceRow), count(ledger, FaceCrop), count(ledger, SampleRun)) == (1, 1, 2)


def test_the_last_segment_moves_the_video_on_once(ledger: Database) -> None:
    video_id, ids = add_video(ledger, [(0, 2), (2, 4), (4, 6), (6, 8)])
    held = [taken(ledger, segment_id) for segment_id in ids]
    with ThreadPoolExecutor(4) as pool:
        moved = list(pool.map(lambda claim: write(ledger, claim, [], analysed(0, 2)), held))
    assert sum(moved) == 1
    assert state(ledger, video_id) == VideoState.FINISHING


def test_a_failed_try_is_made_again_after_a_pause_and_not_for_ever(ledger: Database) -> None:
    video_id, (segment_id,) = add_video(ledger, [(0, 10)])
    now = NOW
    for _ in range(3):
        held = taken(ledger, segment_id, now=now)
        pause = now + timedelta(seconds=10)
        with ledger.writing() as session:
            leases.give_back(session, held, not_before=pause, cause="file-missing", detail="is not there")
        assert take(ledger, segment_id, now=pause - timedelta(seconds=1)) is None
        now = pause + timedelta(seconds=1)
    assert take(ledger, segment_id, now=now) is None
    with ledger.writing() as session:
        assert due.segments(session, allowed=Allowance(3, 2), now=now) == []
        assert due.exhausted_segments(session, allowed=Allowance(3, 2), now=now) == [segment_id]
        assert segments.end_exhausted(session, segment_id, allowed=Allowance(3, 2), now=now)
        assert not segments.end_exhausted(session, segment_id, allowed=Allowance(3, 2), now=now)
    with ledger.reading() as session:
        row = session.get_one(Segment, segment_id)
        assert (row.state, row.cause) == (SegmentState.QUARANTINED, "file-missing")
    assert state(ledger, video_id) == VideoState.FINISHING
    assert count(ledger, SampleRun) == 1


def test_a_pause_ends_when_the_clock_is_set_back(ledger: Database) -> None:
    _, (segment_id,) = add_video(ledger, [(0, 10)])
    held = taken(ledger, segment_id)
    with ledger.writing() as session:
        leases.give_back(session, held, not_before=NOW + timedelta(minutes=59), cause="file-missing", detail="x")
    assert take(ledger, segment_id) is None
    earlier = NOW - timedelta(hours=5)
    held = taken(ledger, segment_id, now=earlier)
    assert held.attempt == 2
    assert take(ledger, segment_id, "elsewhere/2", now=NOW - timedelta(hours=10)) is None, "a lease is none"


def test_work_of_a_dead_process_of_this_host_is_free_at_once(ledger: Database) -> None:
    video_id, (dead, alive, foreign) = add_video(ledger, [(0, 1), (1, 2), (2, 3)])
    mine = leases.owner_of_this_process()
    host = mine.rpartition("/")[0]
    taken(ledger, dead, f"{host}/{2**22 + 1}")  # above the kernel's largest process id
    taken(ledger, alive, mine)
    taken(ledger, foreign, "elsewhere/1")
    with ledger.writing() as session:
        assert leases.release_gone(session) == 1
        assert due.segments(session, allowed=Allowance(3, 2), now=NOW) == [(dead, video_id)]
        assert due.exhausted_segments(session, allowed=Allowance(3, 2), now=NOW) == []


def test_finishing_writes_groups_once_and_ends_the_video(ledger: Database) -> None:
    video_id, (segment_id,) = add_video(ledger, [(0, 10)])
    assert write(ledger, taken(ledger, segment_id), [face(0, 1), face(1, 2)], analysed(0, 10))
    for round_number in (1, 2):
        with ledger.writing() as session:
            held = finishing.claim(
                session, video_id, owner="elsewhere/1", lease=LEASE, allowed=Allowance(3, 2), now=NOW
            )
            assert held is not None
            run_id = task_runs.begin(session, held, kind="finish", video_id=video_id, now=NOW)
            found = finishing.faces(session, video_id, 128)
            assert found.samples.tolist() == [0, 1]
            assert found.embeddings[0].tolist() == face(0, 1).face.embedding.tolist()
            ids = found.ids.tolist()
            stretch = casts.AppearanceRecord(
                0, 3000, 2, ids[0], casts.EdgeSample(0, (ids[0],)), casts.EdgeSample(1, (ids[1],))
            )
            group = casts.GroupRecord(tuple(ids), ids[0], Verdict(Decision.UNKNOWN), (stretch,))
            ended = finishing.write(session, held, casts.Cast([group], [], []), rule="test", gallery_version=1, now=NOW)
            task_runs.end(session, run_id, outcome="done", now=NOW, cpu_seconds=0.1)
        assert ended == VideoState.DONE
        assert (count(ledger, FaceGroup), count(ledger, Appearance)) == (1, 1)
        assert count(ledger, TaskRun) == round_number
        with pytest.raises(LeaseLost), ledger.writing() as session:
            finishing.write(session, held, casts.Cast([], [], []), rule="late", gallery_version=1, now=NOW)
        with ledger.writing() as session:
            session.get_one(Video, video_id).state = VideoState.FINISHING


@pytest.mark.parametrize(
    ("outcomes", "ended"),
    [
        ({SampleOutcome.ANALYSED: 5, SampleOutcome.FLAT: 5}, VideoState.DONE),
        ({SampleOutcome.ANALYSED: 5, SampleOutcome.UNDECODABLE: 5}, VideoState.PARTIAL),
        ({SampleOutcome.UNDECODABLE: 10}, VideoState.FAILED),
    ],
)
def test_the_account_decides_how_a_video_ends(
    ledger: Database, outcomes: dict[SampleOutcome, int], ended: VideoState
) -> None:
    video_id, (segment_id,) = add_video(ledger, [(0, 10)])
    runs, first = [], 0
    for outcome, length in outcomes.items():
        runs.append(RunRecord(first, first + length, outcome, None, None))
        first += length
    write(ledger, taken(ledger, segment_id), [], runs)
    with ledger.writing() as session:
        held = finishing.claim(session, video_id, owner="elsewhere/1", lease=LEASE, allowed=Allowance(3, 2), now=NOW)
        assert held is not None
        assert finishing.write(session, held, casts.Cast([], [], []), rule="test", gallery_version=0, now=NOW) == ended
        assert session.get_one(Video, video_id, populate_existing=True).cause == (
            None if ended == VideoState.DONE else "undecodable"
        )


@pytest.mark.parametrize("way", ["fails", "is worn out"])
def test_a_video_that_has_ended_before_keeps_its_end_whatever_becomes_of_it(ledger: Database, way: str) -> None:
    """As one that is refilled."""
    video_id, (segment_id,) = add_video(ledger, [(0, 10)])
    write(ledger, taken(ledger, segment_id), [], analysed(0, 10))
    allowed, later = Allowance(1, 0), NOW + timedelta(days=1)
    with ledger.writing() as session:
        session.get_one(Video, video_id).ended_at = NOW
        held = finishing.claim(session, video_id, owner="elsewhere/1", lease=LEASE, allowed=allowed, now=NOW)
        assert held is not None
        if way == "fails":
            finishing.fail(session, held, permanent=False, cause="fault", detail="x", now=later)
        else:
            finishing.end_exhausted(session, video_id, allowed=allowed, now=later)
        video = session.get_one(Video, video_id, populate_existing=True)
        assert (video.state, video.ended_at) == (VideoState.QUARANTINED, NOW)


def test_an_error_of_the_database_tells_no_values(postgres_url: str) -> None:
    """They may be embeddings and names."""
    ledger = Database(postgres_url)
    with pytest.raises(DBAPIError) as told, ledger.reading() as session:
        session.execute(text("SELECT 1 / 0 WHERE :name = :name"), {"name": "somebody"})
    assert "division by zero" in str(told.value)
    assert "somebody" not in str(told.value)
    ledger.close()


def test_a_space_keeps_its_weights(ledger: Database) -> None:
    with ledger.writing() as session:
        first = spaces.ensure(session, SPACE)
        assert spaces.ensure(session, SPACE) == first
        with pytest.raises(LedgerError, match="other weights"):
            spaces.ensure(session, EmbeddingSpace(SPACE.name, 128, "1" * 64))


def test_segments_of_one_video_are_of_one_engine(ledger: Database) -> None:
    _, (first, second) = add_video(ledger, [(0, 5), (5, 10)])
    write(ledger, taken(ledger, first), [], analysed(0, 5))
    held = taken(ledger, second)
    with ledger.writing() as session:
        other = spaces.ensure(session, EmbeddingSpace("test/other", 128, "2" * 64))
    with pytest.raises(MixedEngines, match="same settings"), ledger.writing() as session:
        segments.record(session, held, space_id=other, detector="test", faces=[], runs=analysed(5, 10))
    assert write(ledger, held, [], analysed(5, 10))
