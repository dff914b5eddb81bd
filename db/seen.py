"""Who was seen in a video that has ended, and when, for whoever compares it with a truth. No embedding is read here.

All times are seconds from the instant at which a player shows 0:00.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from sqlalchemy import select
from sqlalchemy.orm import Session

from config.errors import NotFinished
from db import borders, videos
from db.schema import Appearance, FaceGroup, FaceRow, Identity, SampleRun, Segment, Video
from db.states import ENDED, GIVEN_UP, WITH_NAMES
from models.decision import Decision


@dataclass(frozen=True, slots=True)
class SeenAppearance:
    """A stretch in which somebody was seen whom the ledger names: from the first frame to the last one.

    `key` is what all spellings of the name have in common (`identities.name_key`). The real borders may lie outside by
    as much as the two uncertainties.
    """

    name: str
    key: str
    start: Fraction
    end: Fraction
    start_uncertainty: Fraction
    end_uncertainty: Fraction


@dataclass(frozen=True, slots=True)
class SeenFace:
    """One face of an analysed frame, and the group of the video that it is in; None where that is not recognisable."""

    sample: int
    time: Fraction
    group: int | None


@dataclass(frozen=True, slots=True)
class SeenSample:
    """One planned sample: its frame's time, the seconds that it stands for, and whether there was a frame at all.

    The time is exact where a face was found and at both ends of a run of samples that ended alike. Elsewhere nothing
    changes from one sample to the next, and the time is the sample's instant.
    """

    time: Fraction
    seconds: Fraction
    looked_at: bool


@dataclass(frozen=True, slots=True)
class SeenVideo:
    """What the ledger says of one video. `length` is later than all that was seen; appearances are by start."""

    video_id: int
    title: str
    length: Fraction
    samples: Sequence[SeenSample]
    appearances: Sequence[SeenAppearance]
    faces: Sequence[SeenFace]


def load(session: Session, video: Video) -> SeenVideo:
    """Read what was seen in a video.

    Raises:
        NotFinished: nobody has looked for people in it, or not to its end.
    """
    if video.state not in WITH_NAMES or video.interval_ms is None:
        raise _not_looked_at(video)
    facts = videos.facts(video)
    interval = Fraction(video.interval_ms, 1000)
    segments = session.scalars(select(Segment).where(Segment.video_id == video.id)).all()
    runs = session.scalars(select(SampleRun).join(Segment).where(Segment.video_id == video.id)).all()
    faces = _faces(session, video.id, facts.time_base)
    length = facts.duration or Fraction(0)
    last = max((run.last_pts * facts.time_base for run in runs if run.last_pts is not None), default=Fraction(-1))
    if last >= length:
        length = last + interval
    frames = _frames(runs, interval, facts.time_base) | {face.sample: face.time for face in faces}
    end = _planned_end(segments, runs, interval, length)
    return SeenVideo(
        video_id=video.id,
        title=video.title,
        length=length,
        samples=[
            SeenSample(
                time=frames.get(sample, sample * interval),
                seconds=max(Fraction(0), min(interval, length - sample * interval)),
                looked_at=sample in frames,
            )
            for sample in range(end)
        ],
        appearances=_appearances(session, video, facts.time_base, interval, length),
        faces=faces,
    )


def _not_looked_at(video: Video) -> NotFinished:
    subject = f"video {video.id} ({video.title})"
    if video.state in ENDED:
        return NotFinished(subject, f"is {video.state} ({video.cause}), so nobody was looked for in it")
    return NotFinished(subject, f"is still {video.state}", "`rollcall work --until-empty` finishes it")


def _frames(runs: Sequence[SampleRun], interval: Fraction, time_base: Fraction) -> dict[int, Fraction]:
    """The time of each sample that had a frame."""
    times: dict[int, Fraction] = {}
    for run in runs:
        if run.first_pts is not None and run.last_pts is not None:
            first, last = run.first_pts * time_base, run.last_pts * time_base
            looked_at = range(run.first_sample, run.end_sample, run.stride)
            times |= {sample: min(max(sample * interval, first), last) for sample in looked_at}
            times |= {looked_at[0]: first, looked_at[-1]: last}
    return times


def _planned_end(segments: Sequence[Segment], runs: Sequence[SampleRun], interval: Fraction, length: Fraction) -> int:
    """The first sample that was not planned. Of a segment with an open end that failed, all up to the end were."""
    ends = [run.end_sample for run in runs]
    for segment in segments:
        if segment.end_sample is not None:
            ends.append(segment.end_sample)
        elif segment.state in GIVEN_UP:
            ends.append(max(segment.first_sample + 1, -(-length // interval)))
    return max(ends, default=0)


def _appearances(
    session: Session, video: Video, time_base: Fraction, interval: Fraction, length: Fraction
) -> list[SeenAppearance]:
    # Where no border was kept: the frames of two samples are no farther apart.
    farthest = (interval + 2 * Fraction(video.tolerance_ms or 0, 1000)) / time_base
    rows = session.execute(
        select(Identity.name, Identity.name_key, Appearance)
        .join(FaceGroup, FaceGroup.id == Appearance.group_id)
        .join(Identity, Identity.id == FaceGroup.identity_id)
        .where(FaceGroup.video_id == video.id)
        .order_by(Appearance.start_pts, Appearance.end_pts, Identity.name_key)
    )
    found = []
    for name, key, seen in rows:
        before, after = borders.bounds(seen, farthest, length / time_base)
        found.append(
            SeenAppearance(
                name=name,
                key=key,
                start=seen.start_pts * time_base,
                end=seen.end_pts * time_base,
                start_uncertainty=(seen.start_pts - before) * time_base,
                end_uncertainty=(after - seen.end_pts) * time_base,
            )
        )
    return found


def _faces(session: Session, video_id: int, time_base: Fraction) -> list[SeenFace]:
    rows = session.execute(
        select(FaceRow.sample, FaceRow.pts, FaceGroup.id, FaceGroup.decision)
        .join(FaceGroup, FaceGroup.id == FaceRow.group_id)
        .where(FaceRow.video_id == video_id)
        .order_by(FaceRow.sample, FaceRow.left, FaceRow.top)
    )
    return [
        SeenFace(sample, pts * time_base, None if decision == Decision.UNRECOGNISABLE else group)
        for sample, pts, group, decision in rows
    ]
