"""Whatever happens to the queue, in whatever order: only declared moves, nothing done twice, everything ends."""

import shutil
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import settings as profile
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from sqlalchemy import select
from support import moves
from support.records import FACTS, SPACE, analysed, face

from config.errors import DecoderCrashed, LeaseLost, NotAVideo, RollcallError
from db import arrivals, due, finishing, leases, segments, spaces, states_page, videos
from db.arrivals import Seen
from db.borders import BorderFound, BorderRecord, of_video, to_look_at
from db.casts import Cast
from db.facts import VideoFacts
from db.leases import Allowance, Claim
from db.migrate import upgrade
from db.schema import FaceRow, SampleRun, Segment, Side, Video
from db.session import Database, Session
from db.states import ARRIVAL_MOVES, ENDED, SEGMENT_ENDED, SEGMENT_MOVES, VIDEO_MOVES, SegmentState, VideoState

ALLOWED = Allowance(2, 1)
LEASE = 60.0
EMPTY = Cast([], [], [])


def test_the_page_is_drawn_from_the_moves() -> None:
    assert states_page.PAGE.read_text(encoding="utf-8") == states_page.markdown(), "run `make docs`"


def test_every_state_is_on_the_page_and_ends_lead_only_to_another_round() -> None:
    for ended in ENDED:
        assert set(VIDEO_MOVES.get(ended, {})) <= {VideoState.RUNNING, VideoState.WAITING, VideoState.REJECTED}
    assert {state for ends in VIDEO_MOVES.values() for state in ends} == set(VideoState)
    assert {state for ends in SEGMENT_MOVES.values() for state in ends} == set(SegmentState)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty ledger that notes its moves."""
    path = tmp_path_factory.mktemp("template") / "ledger.db"
    database = Database(f"sqlite:///{path}")
    upgrade(database)
    moves.watch(database)
    with database.writing() as session:
        spaces.ensure(session, SPACE)
    # All of it in one file, which is copied then.
    with database.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    return path


class Queue(RuleBasedStateMachine):
    """A ledger to which things happen. Claims are kept, also those that have been lost: late writers write late."""

    template: Path

    @initialize()
    def open(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        copy = Path(self.folder.name) / "ledger.db"
        shutil.copy(self.template, copy)
        self.database = Database(f"sqlite:///{copy}")
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.claims: list[Claim] = []
        self.count = 0
        self.submit(FACTS)
        self.plan(2)

    def teardown(self) -> None:
        if not hasattr(self, "database"):
            return
        self.drain()
        for table, known in (("videos", VIDEO_MOVES), ("segments", SEGMENT_MOVES), ("arrivals", ARRIVAL_MOVES)):
            assert moves.made(self.database, table) <= moves.declared(known), table
        self.database.close()
        self.folder.cleanup()

    @rule(outcome=st.sampled_from([FACTS, FACTS, FACTS, NotAVideo("/x", "no"), DecoderCrashed("/x", "died")]))
    def submit(self, outcome: VideoFacts | RollcallError) -> None:
        self.count += 1
        with self.database.writing() as session:
            videos.add(session, content_hash=f"{self.count:064}", byte_size=1, path="/x", title="x", outcome=outcome)

    @rule(pieces=st.integers(1, 3))
    def plan(self, pieces: int) -> None:
        with self.database.writing() as session:
            for video_id in videos.ids_waiting(session)[:1]:
                segments.plan(session, video_id, [(10 * each, 10 * each + 10) for each in range(pieces)], 3000)

    @rule(number=st.integers(0, 5), owner=st.sampled_from(["a/1", "b/2"]))
    def claim(self, number: int, owner: str) -> None:
        with self.database.writing() as session:
            ids, _ = due.segments(session, ALLOWED, self.now)
            if ids:
                segment_id = ids[number % len(ids)][0]
                taken = segments.claim(session, segment_id, owner=owner, lease=LEASE, allowed=ALLOWED, now=self.now)
                self.claims.append(taken[0]) if taken else None
            finishable, _ = due.videos(session, ALLOWED, self.now)
            for video_id in finishable[:1]:
                held = finishing.claim(session, video_id, owner=owner, lease=LEASE, allowed=ALLOWED, now=self.now)
                self.claims.append(held) if held else None

    @rule(seconds=st.sampled_from([1, 30, 61, 4000]))
    def wait(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule(number=st.sampled_from([0, 0, 0, 1, 2, 3]), faces=st.integers(0, 2))
    def record(self, number: int, faces: int) -> None:
        self.with_claim(number, lambda session, held: self.write(session, held, faces))

    @rule(number=st.sampled_from([0, 0, 0, 1, 2, 3]), excused=st.booleans())
    def give_back(self, number: int, excused: bool) -> None:
        later = self.now + timedelta(seconds=10)
        self.with_claim(
            number,
            lambda session, held: leases.give_back(
                session, held, not_before=later, cause="x", detail="x", excused=excused
            ),
        )

    @rule(number=st.sampled_from([0, 0, 0, 1, 2, 3]), permanent=st.booleans())
    def fail(self, number: int, permanent: bool) -> None:
        def write(session: Session, held: Claim) -> None:
            if held.table is Segment:
                segments.fail(session, held, permanent=permanent, cause="x", detail="x")
            else:
                finishing.fail(session, held, permanent=permanent, cause="x", detail="x", now=self.now)

        self.with_claim(number, write)

    @rule()
    def sweep(self) -> None:
        with self.database.writing() as session:
            for segment_id in due.segments(session, ALLOWED, self.now)[1]:
                segments.end_exhausted(session, segment_id, allowed=ALLOWED, now=self.now)
            for video_id in videos.ids_running(session):
                segments.end_if_complete(session, video_id)
            for video_id in due.videos(session, ALLOWED, self.now)[1]:
                finishing.end_exhausted(session, video_id, allowed=ALLOWED, now=self.now)

    @rule()
    def retry(self) -> None:
        with self.database.writing() as session:
            for video in videos.all_videos(session):
                if videos.is_unprobed(video):
                    videos.judge(video, FACTS)
                else:
                    videos.retry(session, video)

    @rule(names=st.sets(st.sampled_from("abc")), version=st.integers(0, 2), whole=st.booleans())
    def look(self, names: set[str], version: int, whole: bool) -> None:
        seen = [Seen(f"/up/{name}", str(version), whole) for name in sorted(names)]
        with self.database.writing() as session:
            arrivals.observe(session, "/up/", seen, stable=timedelta(seconds=30), now=self.now)
            waiting, exhausted = arrivals.due(session, ALLOWED, self.now)
            for arrival_id in waiting[:1]:
                taken = arrivals.claim(session, arrival_id, owner="a/1", lease=LEASE, allowed=ALLOWED, now=self.now)
                if taken and version == 1:
                    arrivals.refuse(session, taken[0], cause="x", detail="x")
                if taken and version == 2:
                    arrivals.take(session, taken[0], 1)
            for arrival_id in exhausted:
                arrivals.end_exhausted(session, arrival_id, allowed=ALLOWED, now=self.now)
            if not version:
                arrivals.retry(session, [row.id for row in arrivals.refused(session)])

    @invariant()
    def what_has_ended_has_no_open_segments(self) -> None:
        if not hasattr(self, "database"):
            return
        with self.database.reading() as session:
            rows = session.execute(
                select(Video.id).join(Segment).where(Video.state.in_(ENDED), Segment.state.not_in(SEGMENT_ENDED))
            ).all()
        assert rows == []

    def with_claim(self, number: int, do: Callable[[Session, Claim], object]) -> None:
        if not self.claims:
            return
        # Mostly the last ones: what was claimed before them has often been lost.
        held = self.claims[-1 - number % min(len(self.claims), 4)]
        try:
            with self.database.writing() as session:
                do(session, held)
        except LeaseLost:
            pass

    def write(self, session: Session, held: Claim, faces: int) -> None:
        """Record a segment, or its borders, or finish a video, first asking for a border where it has a face."""
        if held.table is Video:
            self.finish(session, held)
            return
        wanted = to_look_at(session, held.id)
        if wanted:
            segments.record_borders(session, held, [BorderFound(one.edge, one.seen, one.unseen, 1) for one in wanted])
            return
        row = session.get_one(Segment, held.id, populate_existing=True)
        first, end = row.first_sample, row.end_sample or 0
        segments.record(
            session,
            held,
            space_id=spaces.ensure(session, SPACE),
            detector="test",
            faces=[face(first + each, each) for each in range(faces)],
            runs=analysed(first, end),
        )

    def finish(self, session: Session, held: Claim) -> None:
        shown = session.scalars(select(FaceRow).where(FaceRow.video_id == held.id).limit(1)).first()
        if shown is not None and not of_video(session, held.id):
            record = BorderRecord(shown.id, Side.START, shown.segment_id, (shown.id,), shown.pts, 0)
            finishing.ask(session, held, [record])
            return
        finishing.write(session, held, EMPTY, rule="test", gallery_version=0, now=self.now)

    def drain(self) -> None:
        """From here on all goes well: everything ends, and every planned sample is accounted for."""
        for _ in range(200):
            self.now += timedelta(seconds=5000)
            self.sweep()
            self.plan(2)
            before = len(self.claims)
            self.claim(0, "a/1")
            for _ in range(before, len(self.claims)):
                self.record(0, 1)
                self.record(1, 1)
        with self.database.reading() as session:
            for video in videos.all_videos(session):
                assert video.state in ENDED, video.state
                if video.state in {VideoState.DONE, VideoState.PARTIAL}:
                    planned = sum((row.end_sample or 0) - row.first_sample for row in video.segments)
                    runs = session.scalars(select(SampleRun).join(Segment).where(Segment.video_id == video.id))
                    assert planned == sum(run.end_sample - run.first_sample for run in runs)


def test_whatever_happens_everything_ends_by_declared_moves(template: Path) -> None:
    Queue.template = template
    machine = Queue.TestCase
    machine.settings = profile(max_examples=25, stateful_step_count=30, deadline=None)
    machine().runTest()
