"""Known frames in the ledger, on both kinds of database: found by hash, only where they may be reused."""

from datetime import UTC, datetime
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select
from support.records import FACTS, SPACE, analysed, face

from db import casts, finishing, frames, segments, spaces, videos
from db.frames import FrameRecord, KnownFrame, Scope
from db.leases import Allowance
from db.schema import FramePicture, FrameRow, Segment, Video
from db.session import Database
from models.multi_index import distances

NOW = datetime(2026, 1, 1, 22, tzinfo=UTC)
DETECTOR = "test"


def seen(ledger: Database, name: str, records: list[FrameRecord], *, detector: str = DETECTOR) -> int:
    """A video of ten samples whose only segment is done; it has a face in its sample 3."""
    with ledger.writing() as session:
        video_id = videos.add(
            session, content_hash=name.ljust(64, "0"), byte_size=1, path=f"/{name}", title=name, outcome=FACTS
        ).id
        (segment_id,) = segments.plan(session, video_id, [(0, 10)], 3000)
        taken = segments.claim(session, segment_id, owner="elsewhere/1", lease=60, allowed=Allowance(3, 2), now=NOW)
        assert taken is not None
        segments.record(
            session,
            taken[0],
            space_id=spaces.ensure(session, SPACE),
            detector=detector,
            faces=[face(3, 1)],
            runs=analysed(0, 10),
            analysed=records,
        )
    return video_id


def finish(ledger: Database, video_id: int) -> None:
    with ledger.writing() as session:
        held = finishing.claim(session, video_id, owner="elsewhere/1", lease=60, allowed=Allowance(3, 2), now=NOW)
        assert held is not None
        finishing.write(session, held, casts.Cast([], [], []), rule="test", gallery_version=0, now=NOW)


def record(sample: int, value: int, reused_from: int | None = None) -> FrameRecord:
    return FrameRecord(sample, sample * 3000, value, f"png {sample}".encode(), reused_from)


def hashes(*values: int) -> "np.ndarray[tuple[int], np.dtype[np.uint64]]":
    return np.array(values, np.uint64)


def count(ledger: Database, table: type) -> int:
    with ledger.reading() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def ids(ledger: Database, video_id: int) -> list[int]:
    with ledger.reading() as session:
        return [int(frame_id) for frame_id in frames.of_video(session, video_id).ids]


def scope_now(ledger: Database) -> Scope | None:
    """Whose frames a video that is planned now may reuse."""
    with ledger.writing() as session:
        content_hash = f"{session.scalar(select(func.count()).select_from(Video)):064}"
        video = videos.add(session, content_hash=content_hash, byte_size=1, path="/new", title="new", outcome=FACTS)
        segments.plan(session, video.id, [(0, 1)], 3000)
        session.refresh(video)
        return frames.scope(session, SPACE.name, DETECTOR, video.horizon)


def test_frames_come_back_as_they_were_recorded(ledger: Database) -> None:
    first = seen(ledger, "a", [record(0, 5), record(3, 2**64 - 1), record(7, 2**63)])
    with ledger.reading() as session:
        kept = frames.of_video(session, first)
        assert kept.hashes.tolist() == [5, 2**64 - 1, 2**63]
        assert kept.times.tolist() == [0.0, 9.0, 21.0]
        assert frames.pictures(session, kept.ids.tolist()) == {
            frame_id: f"png {sample}".encode() for frame_id, sample in zip(kept.ids.tolist(), (0, 3, 7), strict=True)
        }
        assert frames.places(session, kept.ids.tolist()[1:2]) == {int(kept.ids[1]): (first, 9.0)}


def test_an_empty_ledger_knows_nothing(ledger: Database) -> None:
    with ledger.reading() as session:
        assert frames.near(session, hashes(1, 2), 8).frame_ids.tolist() == []
        assert frames.near(session, hashes(), 8).frame_ids.tolist() == []
        assert frames.known(session, Scope(1, DETECTOR, 1), []) == {}
        assert frames.scope(session, SPACE.name, DETECTOR, 5) is None


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(0, 63), max_size=9), st.integers(0, 8))
def test_near_is_what_comparing_with_all_of_them_finds(ledger: Database, places: list[int], radius: int) -> None:
    generator = np.random.default_rng(3)
    centre = int(generator.integers(0, 2**64, dtype=np.uint64))
    if not count(ledger, FrameRow):
        spread = [
            centre ^ sum(1 << int(place) for place in generator.choice(64, size, replace=False))
            for size in range(12) for _ in range(40)
        ]  # fmt: skip
        seen(ledger, "a", [record(number, value) for number, value in enumerate(spread)])
    asked = hashes(centre, centre ^ sum(1 << place for place in set(places)))
    with ledger.reading() as session:
        near = frames.near(session, asked, radius)
        rows = session.execute(select(FrameRow.id, FrameRow.hash)).all()
    table = distances(asked, np.array([row.hash for row in rows], np.int64).view(np.uint64))
    expected = {
        (number, row.id, int(table[number, place]))
        for number in range(2) for place, row in enumerate(rows) if table[number, place] <= radius
    }  # fmt: skip
    assert set(zip(near.asked.tolist(), near.frame_ids.tolist(), near.distances.tolist(), strict=True)) == expected


def test_only_frames_of_videos_that_had_ended_are_known(ledger: Database) -> None:
    assert scope_now(ledger) is None
    first = seen(ledger, "a", [record(3, 1)])
    assert scope_now(ledger) is None
    finish(ledger, first)
    before = scope_now(ledger)
    assert before is not None
    second = seen(ledger, "b", [record(3, 1)])
    finish(ledger, second)
    after = scope_now(ledger)
    assert after is not None
    (one,), (other,) = ids(ledger, first), ids(ledger, second)
    with ledger.reading() as session:
        assert set(frames.known(session, before, [one, other])) == {one}
        assert set(frames.known(session, after, [one, other])) == {one, other}
        known = frames.known(session, before, [one])[one]
        assert known == KnownFrame(one, first, 640, 360, 3, Fraction(9))


def test_frames_of_another_engine_are_not_known(ledger: Database) -> None:
    first = seen(ledger, "a", [record(3, 1)], detector="other")
    finish(ledger, first)
    scope = scope_now(ledger)
    assert scope is not None
    with ledger.reading() as session:
        assert frames.known(session, scope, ids(ledger, first)) == {}


def test_what_was_reused_is_not_reused_again(ledger: Database) -> None:
    first = seen(ledger, "a", [record(3, 1)])
    finish(ledger, first)
    (source,) = ids(ledger, first)
    second = seen(ledger, "b", [record(3, 1, source)])
    finish(ledger, second)
    scope = scope_now(ledger)
    assert scope is not None
    with ledger.reading() as session:
        assert frames.known(session, scope, ids(ledger, second)) == {}
        assert frames.near(session, hashes(1), 4, reused=False).frame_ids.tolist() == [source]
        assert len(frames.near(session, hashes(1), 4).frame_ids) == 2
        reused = select(Segment.reused_samples).join(Video).where(Video.id == second)
        assert session.scalar(reused) == 1


def test_faces_of_a_frame_come_with_their_crops(ledger: Database) -> None:
    first = seen(ledger, "a", [record(3, 1), record(4, 2)])
    with_face, without = ids(ledger, first)
    with ledger.reading() as session:
        found = frames.faces(session, [with_face, without])
    assert found[without] == []
    ((known, crop),) = found[with_face]
    expected = face(3, 1)
    assert crop == expected.crop
    assert (known.box, known.score) == (expected.face.box, expected.face.score)
    assert known.embedding.tolist() == expected.face.embedding.tolist()
    assert known.landmarks.tolist() == expected.face.landmarks.tolist()


def test_recording_again_replaces_and_a_video_that_goes_takes_its_frames_along(ledger: Database) -> None:
    first = seen(ledger, "a", [record(3, 1), record(4, 2)])
    with ledger.writing() as session:
        segment_id = session.scalars(select(Segment.id)).one()
        frames.replace(session, segment_id, [record(5, 3)])
    assert (count(ledger, FrameRow), count(ledger, FramePicture)) == (1, 1)
    (source,) = ids(ledger, first)
    second = seen(ledger, "b", [record(3, 3, source)])
    with ledger.writing() as session:
        session.delete(session.get_one(Video, first))
    assert (count(ledger, FrameRow), count(ledger, FramePicture)) == (1, 1)
    with ledger.reading() as session:
        assert session.scalars(select(FrameRow.reused_from)).one() is None
    assert len(ids(ledger, second)) == 1


@pytest.mark.parametrize("horizon", [None, 0])
def test_without_a_horizon_nothing_is_reused(ledger: Database, horizon: int | None) -> None:
    with ledger.writing() as session:
        spaces.ensure(session, SPACE)
        assert frames.scope(session, SPACE.name, DETECTOR, horizon) is None
