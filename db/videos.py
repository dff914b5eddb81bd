"""Videos: what was submitted, what is known about it, where it stands."""

import json
from collections.abc import Sequence
from dataclasses import astuple
from datetime import UTC, datetime
from fractions import Fraction

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from config.errors import NotFound, RollcallError
from db.facts import ClockPiece, UploadFacts, VideoFacts
from db.schema import Priority, Source, Video
from db.states import GIVEN_UP, SegmentState, VideoState

_LARGEST_ID = 2**63 - 1
_NOTHING_TOLD = UploadFacts()


def add(
    session: Session,
    *,
    content_hash: str,
    byte_size: int,
    path: str,
    title: str,
    outcome: VideoFacts | RollcallError,
    upload: UploadFacts = _NOTHING_TOLD,
    modified_ns: int | None = None,
) -> Video:
    """Write a new video: waiting when its facts are known, else as `judge` says, with the cause."""
    video = Video(
        content_hash=content_hash,
        byte_size=byte_size,
        path=path,
        modified_ns=modified_ns,
        title=title,
        submitted_at=datetime.now(UTC),
    )
    video.priority = Priority.NORMAL if upload.priority is None else upload.priority
    video.deadline = upload.deadline
    judge(video, outcome)
    session.add(video)
    session.flush()
    add_source(session, video.id, path, upload)
    return video


def judge(video: Video, outcome: VideoFacts | RollcallError) -> None:
    """Let a video wait for its work; or reject it, or put it in quarantine where another look may end otherwise."""
    if isinstance(outcome, RollcallError):
        video.state = VideoState.REJECTED if outcome.permanent else VideoState.QUARANTINED
        video.cause, video.detail = outcome.code, outcome.what
        video.ended_at = datetime.now(UTC)
    else:
        video.state, video.cause, video.detail, video.ended_at = VideoState.WAITING, None, None, None
        _set_facts(video, outcome)


def is_probed(video: Video) -> bool:
    """Whether its facts are known."""
    return video.time_base_num is not None


def is_unprobed(video: Video) -> bool:
    """Whether it is in quarantine since it was submitted: nobody knows whether it is a video."""
    return video.state == VideoState.QUARANTINED and not is_probed(video)


def hurry(video: Video, upload: UploadFacts) -> None:
    """Let a video that is uploaded once more be done as early, and go as far before others, as either upload asks."""
    if video.ended_at is not None:
        return
    if upload.priority is not None:
        video.priority = max(video.priority, upload.priority)
    if upload.deadline is not None:
        video.deadline = min(video.deadline or upload.deadline, upload.deadline)


def _set_facts(video: Video, facts: VideoFacts) -> None:
    video.container, video.codec, video.rotation = facts.container, facts.codec, facts.rotation
    video.width, video.height = facts.width, facts.height
    video.time_base_num, video.time_base_den = facts.time_base.numerator, facts.time_base.denominator
    video.origin_pts, video.duration_pts = facts.origin_pts, facts.duration_pts
    video.clock_pieces = json.dumps([astuple(piece) for piece in facts.pieces]) if facts.pieces else None


def facts(video: Video) -> VideoFacts:
    """The facts again.

    Raises:
        ValueError: the video was rejected, so it has none.
    """
    if video.time_base_num is None or video.time_base_den is None or video.origin_pts is None:
        raise ValueError(f"video {video.id} has no facts")
    return VideoFacts(
        container=video.container or "", codec=video.codec or "", width=video.width or 0, height=video.height or 0,
        rotation=video.rotation or 0, time_base=Fraction(video.time_base_num, video.time_base_den),
        origin_pts=video.origin_pts, duration_pts=video.duration_pts,
        pieces=tuple(ClockPiece(*piece) for piece in json.loads(video.clock_pieces or "[]")),
    )  # fmt: skip


def add_source(session: Session, video_id: int, path: str, upload: UploadFacts = _NOTHING_TOLD) -> None:
    """Remember a place that the content came from, and what was told of it there."""
    known = session.scalar(select(Source).where(Source.video_id == video_id, Source.path == path))
    if known is None:
        known = Source(video_id=video_id, path=path, submitted_at=datetime.now(UTC))
        session.add(known)
    known.channel = upload.channel or known.channel
    known.recorded_at = upload.recorded_at or known.recorded_at


def by_hash(session: Session, content_hash: str) -> Video | None:
    """The video of this content, if it was submitted before."""
    return session.scalar(select(Video).where(Video.content_hash == content_hash))


def get(session: Session, video_id: int) -> Video:
    """One video.

    Raises:
        NotFound: there is none of this id.
    """
    video = session.get(Video, video_id) if video_id <= _LARGEST_ID else None
    if video is None:
        raise NotFound(f"video {video_id}", "is not in the ledger", "`rollcall status` lists the videos")
    return video


def find(session: Session, word: str) -> Video:
    """The video that a person means: its id, a path it was submitted from, or its title.

    Raises:
        NotFound: nothing fits, or a title fits several.
    """
    if word.isdecimal():
        return get(session, int(word))
    return named(session, word)


def named(session: Session, word: str) -> Video:
    """The video that was submitted from this path, or that has this title.

    Raises:
        NotFound: nothing fits, or a title fits several.
    """
    fitting = session.scalars(
        select(Video).join(Source).where((Source.path == word) | (Video.title == word)).distinct().order_by(Video.id)
    ).all()
    if len(fitting) == 1:
        return fitting[0]
    what = f"fits {len(fitting)} videos: {', '.join(str(v.id) for v in fitting)}" if fitting else "is not in the ledger"
    raise NotFound(word, what, "name the video by its number from `rollcall status`, in a truth by its SHA-256")


def all_videos(session: Session) -> Sequence[Video]:
    """Every video in order of submission."""
    return session.scalars(select(Video).order_by(Video.id)).all()


def count_by_state(session: Session) -> dict[str, int]:
    """How many videos stand where."""
    rows = session.execute(select(Video.state, func.count()).group_by(Video.state))
    return dict(rows.all())


def any_waiting(session: Session, submitted_by: datetime | None = None) -> bool:
    """Whether a video is not cut into segments yet, of those that were submitted by a moment, or of all."""
    waiting = Video.state == VideoState.WAITING
    if submitted_by is not None:
        waiting &= Video.submitted_at <= submitted_by
    return bool(session.scalar(select(exists().where(waiting))))


def end(session: Session, video_id: int, state: VideoState, *, cause: str, detail: str) -> None:
    """End a video that cannot even be planned."""
    video = get(session, video_id)
    video.state, video.cause, video.detail, video.ended_at = state, cause, detail, datetime.now(UTC)


def retry(session: Session, video: Video) -> bool:
    """Give what has ended without an outcome all its tries again; whether there was anything. What was recorded stays.

    A video that was never probed is left alone: its file has to be looked at first.
    """
    given_up = [segment for segment in video.segments if segment.state in GIVEN_UP]
    is_whole = video.state in {VideoState.FAILED, VideoState.QUARANTINED} and not is_unprobed(video)
    if not is_whole and not (video.state == VideoState.PARTIAL and given_up):
        return False
    for segment in given_up:
        segment.state, segment.attempts, segment.excused = SegmentState.WAITING, 0, 0
        segment.cause = segment.detail = segment.lease_owner = segment.lease_until = None
    video.state = VideoState.RUNNING if video.segments else VideoState.WAITING
    video.attempts = video.excused = 0
    video.cause = video.detail = video.ended_at = None
    session.flush()
    return True
