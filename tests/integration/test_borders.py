"""Borders between samples: found in a film whose truth is known, whoever dies meanwhile; kept whatever names change."""

import shutil
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import func, select
from sqlalchemy import update as sql_update
from support.clips import Encoding, frames_at, write_clip
from support.night import End, Night, night

from config.errors import LeaseLost
from config.face_settings import BorderSettings
from config.sampling_settings import SamplingSettings
from config.service_settings import WorkSettings
from config.settings import Settings
from db import casts, finishing, gallery, identities, leases, segments, spaces
from db.leases import Allowance, Claim
from db.schema import Border, Segment, TaskRun, Video
from db.states import SegmentState, VideoState
from demo.material import Material
from demo.shots import Black, Move, Shot, Window
from report.model import Appearance
from scheduler.experience import Memory
from scheduler.sweep import prepare
from worker.rematch import rematch
from worker.work import finish_video, scan_segment

SIZE = (640, 360)
STEP = 100
"""Milliseconds from frame to frame."""
TOLERANCE = Fraction(1, 2)
SCENES = {"rocket": 4.3, "obama": 5.9, "biden": 6.5, "astronaut": 4.1, "black": 3.2}
"""Who is on camera one after the other, and for how many seconds; then nobody."""
TRUTH = [
    (Fraction(43, 10), Fraction(102, 10)),
    (Fraction(102, 10), Fraction(167, 10)),
    (Fraction(167, 10), Fraction(208, 10)),
]


@dataclass(frozen=True)
class Scanned:
    """A ledger in which a film has been scanned and waits to be finished."""

    ledger: Path
    film: Path
    video_id: int

    def opened(self, home: Path, film: Path | None = None, **borders: object) -> Settings:
        """Settings of a copy of the ledger; `film`: where its video lies."""
        home.mkdir()
        shutil.copy(self.ledger, home / "rollcall.db")
        work = WorkSettings(attempts=2, retry_delay=0)
        settings = Settings(home=home, work=work, borders=BorderSettings(**borders))
        if film is not None:
            with night(settings) as own, own.process.database.writing() as session:
                session.get_one(Video, self.video_id).path = str(film)
        return settings


@pytest.fixture(scope="module")
def scanned(material: Material, tmp_path_factory: pytest.TempPathFactory) -> Scanned:
    folder = tmp_path_factory.mktemp("scanned")
    shots: dict[str, Shot] = {
        "rocket": Move(material.rocket, Window(320, 190, 300), Window(310, 250, 240)),
        "obama": Move(material.obama3, Window(800, 560, 1000), Window(790, 560, 900)),
        "biden": Move(material.biden, Window(560, 520, 1000), Window(540, 545, 1080)),
        "astronaut": Move(material.astronaut, Window(224, 130, 300), Window(224, 130, 240)),
        "black": Black(),
    }
    frames = [
        frame for name, seconds in SCENES.items() for frame in shots[name].frames(SIZE, int(seconds * 1000) // STEP)
    ]
    fast = Encoding(gop=20, codec_options={"preset": "ultrafast"})
    film = write_clip(folder / "film.mp4", frames_at(len(frames), STEP), fast, frames)
    settings = Settings(home=folder / "home", sampling=SamplingSettings(segment=9))
    with night(settings) as own:
        video_id = own.submit(film)
        for segment_id, _ in prepare(own.process.database, settings, Memory()).segments:
            scan_segment(own.process, segment_id)
    return Scanned(settings.home / "rollcall.db", film, video_id)


def appearances(end: End) -> list[Appearance]:
    return sorted((seen for person in end.report.people for seen in person.appearances), key=lambda seen: seen.start)


def looked_at(own: Night) -> list[tuple[int, int, int | None]]:
    with own.process.database.reading() as session:
        rows = session.scalars(select(Border).order_by(Border.seen_pts, Border.unseen_pts))
        return [(row.seen_pts, row.unseen_pts, row.looks) for row in rows]


def kinds(own: Night) -> list[str]:
    with own.process.database.reading() as session:
        return list(session.scalars(select(TaskRun.kind).where(TaskRun.kind != "scan").order_by(TaskRun.id)))


def are_true(seen: list[Appearance], uncertainty: Fraction) -> None:
    assert len(seen) == len(TRUTH)
    for found, (start, end) in zip(seen, TRUTH, strict=True):
        assert found.earliest_start < start <= found.start
        assert found.end < end <= found.latest_end
        assert found.uncertainty <= uncertainty


def test_borders_are_true_and_known_to_the_tolerance(scanned: Scanned, tmp_path: Path) -> None:
    with night(scanned.opened(tmp_path / "home")) as own:
        end = own.work(scanned.video_id)
        assert end.state == VideoState.DONE
        are_true(appearances(end), TOLERANCE)
        assert end.report.border_uncertainty <= TOLERANCE
        assert end.tries == []
        # Three segments hold borders; the video is finished before and after.
        assert kinds(own) == ["finish", "refine", "refine", "refine", "finish"]
        # Whoever leaves at a cut, and whoever comes there: the same frames.
        borders = looked_at(own)
        gaps = {tuple(sorted((seen, unseen))) for seen, unseen, _ in borders}
        assert (len(borders), len(gaps)) == (6, 4)
        assert all(looks in {2, 3, 4} for _, _, looks in borders)
        with own.process.database.reading() as session:
            assert set(session.scalars(select(Segment.state))) == {SegmentState.DONE}


def test_a_finer_tolerance_ends_at_neighbouring_frames(scanned: Scanned, tmp_path: Path) -> None:
    with night(scanned.opened(tmp_path / "home", tolerance=0.01)) as own:
        seen = appearances(own.work(scanned.video_id))
    are_true(seen, Fraction(STEP, 1000))
    assert [(found.start, found.latest_end) for found in seen] == TRUTH


def test_without_borders_samples_tell_them(scanned: Scanned, tmp_path: Path) -> None:
    with night(scanned.opened(tmp_path / "home", tolerance=0)) as own:
        are_true(appearances(own.work(scanned.video_id)), Fraction(6))
        assert looked_at(own) == []
        assert kinds(own) == ["finish"]


def test_only_people_with_a_name(scanned: Scanned, tmp_path: Path, material: Material) -> None:
    with night(scanned.opened(tmp_path / "home", of="named")) as own:
        enrol(own, material)
        obama, biden, collins = appearances(own.work(scanned.video_id))
        assert obama.uncertainty <= TOLERANCE < min(biden.uncertainty, collins.uncertainty)


def enrol(own: Night, material: Material) -> None:
    """Enrol the first person of the film, from another photograph."""
    process = own.process
    with Image.open(material.obama2) as photograph:
        photograph.thumbnail((640, 640))
        (face,) = process.engine.analyse(np.asarray(photograph.convert("RGB"), np.uint8))
    with process.database.writing() as session:
        gallery.add(
            session,
            identity_id=identities.ensure(session, "Barack Obama").id,
            space_id=spaces.ensure(session, process.engine.space),
            photograph="obama2.jpg",
            photograph_hash="0" * 64,
            face=face,
        )


def test_borders_outlive_other_names(scanned: Scanned, tmp_path: Path, material: Material) -> None:
    with night(scanned.opened(tmp_path / "home")) as own:
        before = appearances(own.work(scanned.video_id))
        enrol(own, material)
        assert rematch(own.process).named == 1
        after = own.work(scanned.video_id)
        assert after.report.people[0].name == "Barack Obama"
        assert [(a.earliest_start, a.start, a.end, a.latest_end) for a in appearances(after)] == [
            (a.earliest_start, a.start, a.end, a.latest_end) for a in before
        ]


def asked(own: Night, video_id: int) -> list[int]:
    """Let the video be finished as far as that it asks for its borders; the segments that wait."""
    segment_ids = finish_video(own.process, video_id)
    assert segment_ids
    return segment_ids


def test_a_file_that_goes_meanwhile_leaves_borders_as_samples_tell_them(scanned: Scanned, tmp_path: Path) -> None:
    film = Path(shutil.copy(scanned.film, tmp_path / "film.mp4"))
    with night(scanned.opened(tmp_path / "home", film)) as own:
        asked(own, scanned.video_id)
        film.unlink()
        end = own.work(scanned.video_id)
        assert end.state == VideoState.DONE
        assert set(end.tries) == {"file-missing"}
        are_true(appearances(end), Fraction(6))
        assert end.report.border_uncertainty > TOLERANCE
        with own.process.database.reading() as session:
            assert {(row.looks, row.cause) for row in session.scalars(select(Border))} == {(0, "file-missing")}


def test_a_file_that_has_gone_is_not_waited_for(scanned: Scanned, tmp_path: Path) -> None:
    with night(scanned.opened(tmp_path / "home", tmp_path / "gone.mp4")) as own:
        assert finish_video(own.process, scanned.video_id) == []
        are_true(appearances(own.work(scanned.video_id)), Fraction(6))


def test_a_file_that_was_spoilt_meanwhile_ends_the_same_way(scanned: Scanned, tmp_path: Path) -> None:
    film = Path(shutil.copy(scanned.film, tmp_path / "film.mp4"))
    with night(scanned.opened(tmp_path / "home", film)) as own:
        asked(own, scanned.video_id)
        film.write_bytes(b"no video any more" * 1000)
        end = own.work(scanned.video_id)
        assert end.state == VideoState.DONE
        assert set(end.tries) == {"content-replaced"}
        are_true(appearances(end), Fraction(6))


def claim(own: Night, segment_id: int, owner: str) -> Claim:
    with own.process.database.writing() as session:
        now = leases.utc_now()
        taken = segments.claim(session, segment_id, owner=owner, lease=60, allowed=Allowance(2, 2), now=now)
        assert taken is not None
        return taken[0]


def test_whoever_dies_while_looking_costs_nothing_but_time(scanned: Scanned, tmp_path: Path) -> None:
    with night(scanned.opened(tmp_path / "calm")) as own:
        own.work(scanned.video_id)
        calm = looked_at(own)
    dead = f"{leases.owner_of_this_process().rpartition('/')[0]}/{2**22 + 1}"
    with night(scanned.opened(tmp_path / "killed")) as own:
        for segment_id in asked(own, scanned.video_id):
            held = claim(own, segment_id, dead)
        end = own.work(scanned.video_id)
        assert looked_at(own) == calm
        are_true(appearances(end), TOLERANCE)
        # Had it not died, only hung: it is too late now.
        with pytest.raises(LeaseLost), own.process.database.writing() as session:
            segments.record_borders(session, held, [])


def test_whoever_dies_at_every_try_leaves_borders_as_samples_tell_them(scanned: Scanned, tmp_path: Path) -> None:
    dead = f"{leases.owner_of_this_process().rpartition('/')[0]}/{2**22 + 1}"
    with night(scanned.opened(tmp_path / "home")) as own:
        segment_ids = asked(own, scanned.video_id)
        for segment_id in segment_ids:
            for _ in range(2):
                claim(own, segment_id, dead)
                with own.process.database.writing() as session:
                    leases.release_gone(session)
        end = own.work(scanned.video_id)
        assert end.state == VideoState.DONE
        assert end.report.border_uncertainty > TOLERANCE
        with own.process.database.reading() as session:
            assert set(session.scalars(select(Border.cause))) == {"worker-died"}


def test_a_late_finisher_of_the_first_round_changes_nothing_in_the_second(scanned: Scanned, tmp_path: Path) -> None:
    with night(scanned.opened(tmp_path / "home")) as own:
        database = own.process.database
        now = leases.utc_now()
        with database.writing() as session:
            late = finishing.claim(
                session, scanned.video_id, owner="elsewhere/1", lease=60, allowed=Allowance(2, 2), now=now
            )
            assert late is not None
            session.execute(sql_update(Video).values(lease_until=None, lease_owner=None))
        for segment_id in asked(own, scanned.video_id):
            scan_segment(own.process, segment_id)
        with database.writing() as session:
            held = finishing.claim(
                session, scanned.video_id, owner="mine/1", lease=60, allowed=Allowance(2, 2), now=now
            )
            assert held is not None
            assert held.attempt == late.attempt, "the second round counts tries anew"
        with pytest.raises(LeaseLost), database.writing() as session:
            finishing.write(session, late, casts.Cast([], [], []), rule="late", gallery_version=0, now=now)
        with database.reading() as session:
            assert session.scalar(select(func.count()).select_from(Border)) == 6
