"""Whatever happens to the queue, in whatever order: only declared moves, nothing done twice, everything ends."""

import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from sqlalchemy import select
from support import ledgers, moves
from support.records import FACTS, SPACE, analysed, face

from config.errors import DecoderCrashed, LeaseLost, NotAVideo, RollcallError
from db import arrivals, coarsening, due, finishing, leases, segments, spaces, states_page, videos
from db.arrivals import Seen
from db.borders import BorderFound, BorderRecord, of_video, to_look_at
from db.casts import Cast
from db.facts import VideoFacts
from db.leases import Allowance, Claim
from db.schema import FaceRow, Priority, SampleOutcome, SampleRun, Segment, Side, Video
from db.segments import RunRecord
from db.session import Database, Session
from db.states import (
    ARRIVAL_MOVES,
    ENDED,
    SEGMENT_ENDED,
    SEGMENT_MOVES,
    VIDEO_MOVES,
    WITH_NAMES,
    ArrivalState,
    SegmentState,
    VideoState,
)

ALLOWED = Allowance(2, 1)
LEASE = 60.0
WALKS, STEPS = 9, 150
OUTCOMES: list[VideoFacts | RollcallError] = [
    *(FACTS, FACTS, FACTS),
    NotAVideo("/x", "no"),
    DecoderCrashed("/x", "died"),
]
NOBODY = Cast([], [], [])
TABLES = {"videos": VIDEO_MOVES, "segments": SEGMENT_MOVES, "arrivals": ARRIVAL_MOVES}


def test_the_page_is_drawn_from_the_moves() -> None:
    assert states_page.PAGE.read_text(encoding="utf-8") == states_page.markdown(), "run `make docs`"


def test_every_state_can_be_reached_and_ends_lead_only_to_another_round() -> None:
    for ended in ENDED:
        assert set(VIDEO_MOVES.get(ended, {})) <= {VideoState.RUNNING, VideoState.WAITING, VideoState.REJECTED}
    for known, kind in ((VIDEO_MOVES, VideoState), (SEGMENT_MOVES, SegmentState), (ARRIVAL_MOVES, ArrivalState)):
        assert {state for ends in known.values() for state in ends} == set(kind)


class Queue:
    """A ledger to which things happen. Claims are kept, also those that were lost: late writers write late."""

    def __init__(self, database: Database, seed: int) -> None:
        self.database = database
        self.random = Random(seed)
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.claims: list[Claim] = []
        self.count = 0

    def step(self) -> None:
        """Something that may happen at any time."""
        ways: dict[Callable[[], None], int] = {
            self.submit: 2, self.plan: 3, self.claim: 9, self.wait: 4, self.record: 6, self.give_back: 3,
            self.fail: 2, self.sweep: 3, self.retry: 3, self.look: 6, self.coarsen: 3, self.refill: 1,
        }  # fmt: skip
        self.random.choices(list(ways), list(ways.values()))[0]()

    def submit(self) -> None:
        self.count += 1
        outcome = self.random.choice(OUTCOMES)
        with self.database.writing() as session:
            videos.add(session, content_hash=f"{self.count:064}", byte_size=1, path="/x", title="x", outcome=outcome)

    def plan(self) -> None:
        with self.database.writing() as session:
            waiting = select(Video.id).where(Video.state == VideoState.WAITING).order_by(Video.id)
            for video_id in session.scalars(waiting).all()[:1]:
                if self.random.random() < 0.1:
                    videos.end(session, video_id, VideoState.FAILED, cause="fault", detail="x")
                else:
                    pieces = range(self.random.randint(1, 3))
                    segments.plan(session, video_id, [(10 * each, 10 * each + 10) for each in pieces], 3000)

    def claim(self) -> None:
        owner = self.random.choice(["a/1", "b/2"])
        with self.database.writing() as session:
            ids = due.segments(session, ALLOWED, self.now)
            if ids:
                segment_id, _ = self.random.choice(ids)
                taken = segments.claim(session, segment_id, owner=owner, lease=LEASE, allowed=ALLOWED, now=self.now)
                assert taken is not None, "what is due can be claimed"
                self.claims.append(taken[0])
            for video_id in due.videos(session, ALLOWED, self.now)[0][:1]:
                held = finishing.claim(session, video_id, owner=owner, lease=LEASE, allowed=ALLOWED, now=self.now)
                assert held is not None
                self.claims.append(held)

    def wait(self) -> None:
        self.now += timedelta(seconds=self.random.choice([1, 11, 30, 61]))

    def record(self) -> None:
        self.with_claim(self.write)

    def give_back(self) -> None:
        later, excused = self.now + timedelta(seconds=10), self.random.random() < 0.5
        self.with_claim(
            lambda session, held: leases.give_back(
                session, held, not_before=later, cause="x", detail="x", excused=excused
            )
        )

    def fail(self) -> None:
        permanent = self.random.random() < 0.5

        def write(session: Session, held: Claim) -> None:
            if held.table is Segment:
                segments.fail(session, held, permanent=permanent, cause="x", detail="x")
            else:
                finishing.fail(session, held, permanent=permanent, cause="x", detail="x", now=self.now)

        self.with_claim(write)

    def sweep(self) -> None:
        with self.database.writing() as session:
            for segment_id in due.exhausted_segments(session, ALLOWED, self.now):
                segments.end_exhausted(session, segment_id, allowed=ALLOWED, now=self.now)
            segments.end_complete(session)
            for video_id in due.videos(session, ALLOWED, self.now)[1]:
                finishing.end_exhausted(session, video_id, allowed=ALLOWED, now=self.now)

    def retry(self) -> None:
        with self.database.writing() as session:
            for video in videos.all_videos(session):
                if videos.is_unprobed(video):
                    videos.judge(video, self.random.choice(OUTCOMES[:4]))
                else:
                    videos.retry(session, video)

    def coarsen(self) -> None:
        with self.database.writing() as session:
            coarsening.set_strides(session, {Priority.NORMAL: self.random.choice([1, 2, 4])})

    def refill(self) -> None:
        with self.database.writing() as session:
            for video_id in coarsening.refillable(session, 2):
                assert coarsening.refill(session, video_id, self.now)

    def look(self) -> None:
        names = self.random.choice(["", "a", "ab", "abc", "abc", "abc"])
        seen = [Seen(f"/up/{name}", self.random.choice("1112"), self.random.random() < 0.3) for name in names]
        with self.database.writing() as session:
            arrivals.observe(session, "/up/", seen, stable=timedelta(seconds=10), now=self.now)
            waiting, exhausted = arrivals.due(session, ALLOWED, self.now)
            for arrival_id in waiting:
                self.take(session, arrival_id)
            for arrival_id in exhausted:
                arrivals.end_exhausted(session, arrival_id, allowed=ALLOWED, now=self.now)
            if self.random.random() < 0.2:
                arrivals.retry(session, [row.id for row in arrivals.refused(session)])

    def take(self, session: Session, arrival_id: int) -> None:
        taken = arrivals.claim(session, arrival_id, owner="a/1", lease=LEASE, allowed=ALLOWED, now=self.now)
        assert taken is not None
        end = self.random.randrange(6)
        if end == 0:
            arrivals.refuse(session, taken[0], cause="x", detail="x")
        elif end == 1 and self.count:
            arrivals.take(session, taken[0], 1)
        elif end in {2, 3, 4}:
            leases.give_back(session, taken[0], not_before=self.now, cause="x", detail="x")

    def with_claim(self, do: Callable[[Session, Claim], object]) -> None:
        """Mostly with the last ones: what was claimed before them has often been lost."""
        if self.claims:
            held = self.random.choice(self.claims[-3:])
            with suppress(LeaseLost), self.database.writing() as session:
                do(session, held)

    def write(self, session: Session, held: Claim) -> None:
        """Record a segment or its borders; or finish a video, asking for a border first where somebody is seen."""
        if held.table is Video:
            self.finish(session, held)
            return
        if wanted := to_look_at(session, held.id):
            if self.random.random() < 0.5:
                leases.give_back(session, held, not_before=self.now, cause="x", detail="x")
                return
            segments.record_borders(session, held, [BorderFound(one.edge, one.seen, one.unseen, 1) for one in wanted])
            return
        row = session.get_one(Segment, held.id, populate_existing=True)
        first, end = row.first_sample, row.end_sample or 0
        seen = self.random.random() < 0.8
        runs = [
            replace(run, stride=row.stride)
            for run in (
                analysed(first, end) if seen else [RunRecord(first, end, SampleOutcome.UNDECODABLE, None, None)]
            )
        ]
        segments.record(
            session, held, space_id=spaces.ensure(session, SPACE), detector="test",
            faces=[face(first, first)] if seen else [], runs=runs,
        )  # fmt: skip

    def finish(self, session: Session, held: Claim) -> None:
        shown = session.scalars(select(FaceRow).where(FaceRow.video_id == held.id).limit(1)).first()
        if shown is not None and not of_video(session, held.id):
            record = BorderRecord(shown.id, Side.START, shown.segment_id, (shown.id,), shown.pts, 0)
            finishing.ask(session, held, [record])
            return
        finishing.write(session, held, NOBODY, rule="test", gallery_version=0, now=self.now)

    def drain(self) -> None:
        """From here on nobody submits, and whoever claims something writes it."""
        for _ in range(50):
            self.now += timedelta(seconds=5000)
            self.sweep()
            self.plan()
            before = len(self.claims)
            self.claim()
            for held in self.claims[before:]:
                with self.database.writing() as session:
                    self.write(session, held)

    def check(self) -> None:
        """What holds at any time."""
        with self.database.reading() as session:
            rows = session.execute(
                select(Video.id).join(Segment).where(Video.state.in_(ENDED), Segment.state.not_in(SEGMENT_ENDED))
            )
            assert rows.all() == [], "what has ended has no open segments"

    def check_ends(self) -> None:
        """What holds when nothing is left to do."""
        with self.database.reading() as session:
            for video in videos.all_videos(session):
                assert video.state in ENDED
                if video.state in WITH_NAMES:
                    planned = sum((row.end_sample or 0) - row.first_sample for row in video.segments)
                    runs = session.scalars(select(SampleRun).join(Segment).where(Segment.video_id == video.id))
                    assert planned == sum(run.end_sample - run.first_sample for run in runs)
                    # What is written was looked at in one way or in the other.
                    assert (video.refilled_at is None) or not coarsening.refillable(session, 99).count(video.id)


def test_whatever_happens_everything_ends_by_declared_moves(tmp_path: Path) -> None:
    template = Database(f"sqlite:///{tmp_path / 'template.db'}")
    ledgers.prepare(template)
    moves.watch(template)
    with template.engine.connect() as connection:
        # All of it in one file, which is copied then.
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    template.close()
    seen: dict[str, set[tuple[str, str]]] = {table: set() for table in TABLES}
    for seed in range(WALKS):
        path = tmp_path / f"{seed}.db"
        shutil.copy(tmp_path / "template.db", path)
        database = Database(f"sqlite:///{path}")
        queue = Queue(database, seed)
        for _ in range(STEPS):
            queue.step()
            queue.check()
        for _ in range(2):
            queue.drain()
            queue.check_ends()
            queue.retry()
            queue.refill()
        for table, known in TABLES.items():
            made = moves.made(database, table)
            assert made <= moves.declared(known), f"{table}, seed {seed}"
            seen[table] |= made
        database.close()
    for table, known in TABLES.items():
        assert seen[table] == moves.declared(known), f"{table}: a move that never happens is none"
