"""Intake: every submitted file ends in a named state, the same content is one video."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from support import ledgers

from config.errors import DecoderCrashed, NotAVideo
from config.settings import Settings
from config.storage_settings import StorageSettings
from db import counters, segments, videos
from db.facts import UploadFacts, VideoFacts
from db.schema import Segment, Source, Video
from db.session import Database
from db.states import SegmentState, VideoState
from intake import admission
from intake.admission import Admission, Desk, Prober
from intake.naming import places
from storage.places import LocalPlace, Place

FACTS = VideoFacts("matroska", "h264", 640, 360, 0, Fraction(1, 1000), 0, 30_000)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(f"sqlite:///{tmp_path / 'ledger.db'}")
    ledgers.prepare(opened)
    yield opened
    opened.close()


def probe(path: Path, _on_wait: Callable[[], None]) -> VideoFacts:
    """The rule of these tests: a file that begins with `video` is one."""
    if not path.read_bytes().startswith(b"video"):
        raise NotAVideo(str(path), "is not a video")
    return FACTS


def admit(database: Database, path: Path, prober: Prober = probe, **told: Any) -> Admission:
    return Desk(database, Settings(), prober).admit(LocalPlace(path.absolute()), UploadFacts(**told))


def make(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_a_video_waits_and_what_is_none_is_rejected_with_its_cause(database: Database, tmp_path: Path) -> None:
    good = admit(database, make(tmp_path / "good.mp4", b"video"), probe)
    bad = admit(database, make(tmp_path / "bad.mp4", b"noise"), probe)
    missing = admit(database, tmp_path / "missing.mp4", probe)
    assert (good.error, bad.error and bad.error.code, missing.error and missing.error.code) == (
        None,
        "not-a-video",
        "file-missing",
    )
    with database.reading() as session:
        assert {video.title: video.state for video in videos.all_videos(session)} == {
            "good.mp4": VideoState.WAITING,
            "bad.mp4": VideoState.REJECTED,
        }
    assert missing.video_id is None


def test_the_same_content_is_one_video_with_two_sources(database: Database, tmp_path: Path) -> None:
    first = admit(database, make(tmp_path / "a.mp4", b"video 1"), probe)
    copy = admit(database, make(tmp_path / "b.mp4", b"video 1"), probe)
    again = admit(database, tmp_path / "a.mp4", probe)
    assert copy.video_id == again.video_id == first.video_id
    assert copy.error is not None
    assert copy.error.code == "already-submitted"
    with database.reading() as session:
        assert {Path(source.path).name for source in session.query(Source)} == {"a.mp4", "b.mp4"}


def test_a_file_that_has_moved_is_found_at_its_new_place(database: Database, tmp_path: Path) -> None:
    old = make(tmp_path / "a.mp4", b"video 1")
    first = admit(database, old, probe)
    new = old.rename(tmp_path / "b.mp4")
    admit(database, new, probe)
    with database.reading() as session:
        assert session.get_one(Video, first.video_id).path == str(new)


def test_nobody_waits_for_the_ledger_while_a_store_is_asked(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether the file is still at its old place: on a disk that hangs that takes its time."""
    other = Database(database.url, lock_timeout=0.1)

    def written_meanwhile(_place: Place, _settings: StorageSettings) -> bool:
        with other.writing() as session:
            counters.draw(session, counters.LINKS)
        return False

    admit(database, make(tmp_path / "a.mp4", b"video"))
    monkeypatch.setattr(admission, "is_there", written_meanwhile)
    found = admit(database, make(tmp_path / "b.mp4", b"video"))
    other.close()
    with database.reading() as session:
        video = videos.get(session, found.video_id or 0)
        assert video.path == str(tmp_path / "b.mp4")
        assert video.modified_ns == (tmp_path / "b.mp4").stat().st_mtime_ns
        assert counters.last(session, counters.LINKS) == 1


def test_of_the_same_content_submitted_at_once_one_is_new(database: Database, tmp_path: Path) -> None:
    paths = [make(tmp_path / f"{number}.mp4", b"video 1") for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda path: admit(database, path, probe), paths))
    assert sum(admission.error is None for admission in found) == 1
    assert len({admission.video_id for admission in found}) == 1


def test_files_of_folders_come_in_order_without_hidden_ones(tmp_path: Path) -> None:
    for name in ("b/2.mp4", "b/1.mp4", "a.mp4", ".hidden.mp4", ".cache/x.mp4", "b/.partial"):
        make(tmp_path / "up" / name, b"")
    named = tmp_path / "up" / ".hidden.mp4"
    found = [Path(str(place)) for place in places([str(tmp_path / "up"), str(named)], Settings().storage)]
    assert [str(path.relative_to(tmp_path / "up")) for path in found] == ["a.mp4", "b/1.mp4", "b/2.mp4", ".hidden.mp4"]


def test_a_name_that_is_no_text_is_refused_and_the_next_file_goes_on(database: Database, tmp_path: Path) -> None:
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.mp4"))
    odd.write_bytes(b"video 1")
    refused = admit(database, odd, probe)
    assert refused.error is not None
    assert refused.error.code == "unusable-name"
    assert "caf\\xe9.mp4" in str(refused.error)
    assert admit(database, make(tmp_path / "good.mp4", b"video 2"), probe).error is None


def give_up(database: Database, video_id: int, cause: str) -> None:
    """Of two segments the first is done, the second in quarantine after three tries."""
    with database.writing() as session:
        done, failed = segments.plan(session, video_id, [(0, 5), (5, 10)], 3000)
        session.get_one(Segment, done).state = SegmentState.DONE
        row = session.get_one(Segment, failed)
        row.state, row.attempts, row.cause = SegmentState.QUARANTINED, 3, cause
        videos.end(session, video_id, VideoState.PARTIAL, cause=cause, detail="why")


def submitted(database: Database, path: Path) -> int:
    video_id = admit(database, path).video_id
    assert video_id is not None
    return video_id


def test_a_video_whose_file_had_gone_gets_its_tries_again_when_it_is_back(database: Database, tmp_path: Path) -> None:
    old = make(tmp_path / "a.mp4", b"video 1")
    video_id = submitted(database, old)
    give_up(database, video_id, "file-missing")
    again = admit(database, old.rename(tmp_path / "b.mp4"))
    assert (again.video_id, again.error) == (video_id, None)
    with database.reading() as session:
        video = videos.get(session, video_id)
        assert (video.state, video.cause, video.path) == (VideoState.RUNNING, None, str(tmp_path / "b.mp4"))
        assert [(row.state, row.attempts) for row in video.segments] == [("done", 0), ("waiting", 0)]


def test_content_that_has_used_up_its_tries_gets_no_more_under_another_name(database: Database, tmp_path: Path) -> None:
    video_id = submitted(database, make(tmp_path / "a.mp4", b"video 1"))
    give_up(database, video_id, "decoder-crashed")
    with database.writing() as session:
        videos.get(session, video_id).state = VideoState.QUARANTINED
    again = admit(database, make(tmp_path / "other.mp4", b"video 1"))
    assert again.video_id == video_id
    assert again.error is not None
    assert (again.error.code, again.error.remedy) == ("in-quarantine", f"`rollcall retry {video_id}` tries it again")
    with database.writing() as session:
        video = videos.get(session, video_id)
        assert [row.state for row in video.segments] == ["done", "quarantined"]
        assert videos.retry(session, video)
        assert [(row.state, row.attempts) for row in video.segments] == [("done", 0), ("waiting", 0)]
        assert video.state == VideoState.RUNNING
        assert not videos.retry(session, video), "once is enough"


def test_what_its_decoder_was_lost_on_is_in_quarantine_until_somebody_asks(database: Database, tmp_path: Path) -> None:
    path, probed = make(tmp_path / "a.mp4", b"video 1"), list[Path]()

    def crashing(path: Path, _on_wait: Callable[[], None]) -> VideoFacts:
        probed.append(path)
        raise DecoderCrashed(str(path), "its decoder was ended by SIGSEGV")

    lost = admit(database, path, crashing)
    assert lost.error is not None
    assert lost.error.code == "decoder-crashed"
    assert len(probed) == 2
    again = admit(database, path.rename(tmp_path / "b.mp4"), crashing)
    assert again.error is not None
    assert (again.error.code, len(probed)) == ("in-quarantine", 2)
    with database.writing() as session:
        video = videos.get(session, lost.video_id or 0)
        assert (video.state, video.cause) == (VideoState.QUARANTINED, "decoder-crashed")
        assert not videos.retry(session, video), "nobody knows yet whether it is a video"
    assert Desk(database, Settings(), probe).probe_again(video) is None
    with database.reading() as session:
        video = videos.get(session, video.id)
        assert (video.state, video.cause, video.ended_at) == (VideoState.WAITING, None, None)
        assert videos.facts(video) == FACTS


def test_what_is_no_regular_file_is_refused_and_not_read(database: Database, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    refused = admit(database, tmp_path / "pipe.mp4", probe)
    assert refused.error is not None
    assert "is not a regular file" in str(refused.error)


def test_content_that_was_rejected_says_so_again(database: Database, tmp_path: Path) -> None:
    admit(database, make(tmp_path / "a.mp4", b"noise"), probe)
    again = admit(database, make(tmp_path / "b.mp4", b"noise"), probe)
    assert again.error is not None
    assert "which was rejected as not-a-video" in str(again.error)
