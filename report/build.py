"""A video's rows become its report. The order of everything comes from the video, never from the ledger's ids."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from importlib.metadata import version

from config.errors import NotFinished
from crops.reading import Pictures
from db import borders, reports, videos
from db.facts import VideoFacts
from db.reports import ReportRows
from db.schema import Appearance as AppearanceRow
from db.schema import FaceGroup, Video
from db.session import Session
from db.states import ENDED, VIDEO_OPEN, VideoState
from models.decision import Decision
from report.coverage import coverage
from report.model import (
    Appearance,
    BestFace,
    Candidate,
    Coverage,
    Evidence,
    Person,
    Processing,
    Provenance,
    Sampling,
    Upload,
    VideoReport,
)
from report.names import labels


def build(session: Session, video: Video, pictures: Pictures[int] | None = None) -> VideoReport:
    """The report of a video that has reached its end, also while what was left out of it is looked at.

    Args:
        session: open, to the ledger that the video is of.
        video: that has ended.
        pictures: of the best faces, by the face's id, if they are to carry any; `reports.pictures` says which.

    Raises:
        NotFinished: the video is still waiting or worked on.
    """
    refilling = video.state in VIDEO_OPEN and video.ended_at is not None
    if video.state not in ENDED and not refilling:
        raise _not_finished(session, video)
    rows = reports.load(session, video)
    facts = videos.facts(video) if videos.is_probed(video) else None
    sampling = _sampling(video, rows)
    people: tuple[Person, ...] = ()
    account = Coverage(())
    length = Fraction(0)
    if facts is not None:
        length = facts.duration or length
        if sampling is not None:
            length = _length(facts, rows, sampling.interval)
            account = coverage(rows.segments, rows.runs, sampling.interval, length, refilling=refilling)
            jpegs = pictures.jpegs if pictures else {}
            people = _Cast(rows, jpegs, facts.time_base, sampling, account, length).people()
    return VideoReport(
        title=video.title,
        content_sha256=video.content_hash,
        byte_size=video.byte_size,
        state=_state(video) if refilling else VideoState(video.state),
        cause=video.cause,
        detail=video.detail,
        facts=facts,
        length=length,
        sampling=sampling,
        people=people,
        coverage=account,
        provenance=_provenance(video, rows),
        processing=Processing(video.id, video.path, video.submitted_at, video.ended_at, _uploads(rows)),
        out_of_reach=None if pictures is None or pictures.trouble is None else pictures.trouble.subject,
    )


def _state(video: Video) -> VideoState:
    """In which a video ended that is refilled now."""
    return VideoState.DONE if video.cause is None else VideoState.PARTIAL


def _uploads(rows: ReportRows) -> tuple[Upload, ...]:
    return tuple(Upload(row.path, row.submitted_at, row.channel, row.recorded_at) for row in rows.sources)


def _sampling(video: Video, rows: ReportRows) -> Sampling | None:
    if video.interval_ms is None:
        return None
    return Sampling(
        interval=Fraction(video.interval_ms, 1000),
        tolerance=Fraction(video.tolerance_ms or 0, 1000),
        key_frames=sum(segment.key_samples or 0 for segment in rows.segments),
        reused=sum(segment.reused_samples or 0 for segment in rows.segments),
    )


def _not_finished(session: Session, video: Video) -> NotFinished:
    ended, planned = reports.ended_segments(session, video.id)
    where = f", {ended} of {planned} segments done" if planned else ""
    return NotFinished(
        f"video {video.id} ({video.title})",
        f"has no report yet, it is {video.state}{where}",
        "`rollcall work --until-empty` finishes it, `rollcall status` shows how far it is",
    )


def _frames(rows: ReportRows) -> list[int]:
    """Ticks of all sampled frames that the rows tell of, ascending."""
    frames = {pts for runs in rows.runs.values() for run in runs for pts in (run.first_pts, run.last_pts)}
    frames |= {pts for seen in rows.appearances.values() for row in seen for pts in (row.start_pts, row.end_pts)}
    return sorted(pts for pts in frames if pts is not None)


def _length(facts: VideoFacts, rows: ReportRows, interval: Fraction) -> Fraction:
    """Seconds that the report covers, later than everything that was seen."""
    frames = _frames(rows)
    duration = facts.duration or Fraction(0)
    if not frames or frames[-1] * facts.time_base < duration:
        return duration
    return frames[-1] * facts.time_base + interval


@dataclass(frozen=True, slots=True)
class _Cast:
    """Makes people of groups. Groups with one name are one person: a group is evidence, a person is who is seen."""

    rows: ReportRows
    jpegs: Mapping[int, bytes]
    time_base: Fraction
    sampling: Sampling
    coverage: Coverage
    length: Fraction

    def people(self) -> tuple[Person, ...]:
        """In order of first appearance."""
        by_person: dict[tuple[str, int], list[FaceGroup]] = {}
        for group in self.rows.groups:
            key = ("identity", group.identity_id) if group.identity_id is not None else ("group", group.number)
            by_person.setdefault(key, []).append(group)
        casts = list(by_person.values())
        named = labels(
            [self._name(groups[0].identity_id) for groups in casts],
            [self._proposed(groups[0]) for groups in casts],
            [self.rows.codes.get(groups[0].number) for groups in casts],
            [groups[0].decision == Decision.UNRECOGNISABLE for groups in casts],
        )
        return tuple(self._person(groups, label) for groups, label in zip(casts, named, strict=True))

    def _proposed(self, group: FaceGroup) -> str | None:
        return self._name(group.first_id) if group.decision == Decision.REVIEW else None

    def _person(self, groups: Sequence[FaceGroup], label: str) -> Person:
        name, proposed = self._name(groups[0].identity_id), self._proposed(groups[0])
        decision = Decision(groups[0].decision)
        if decision in {Decision.NAMED, Decision.REVIEW} and not (name or proposed):
            # Whoever it was may have been erased.
            decision = Decision.UNKNOWN
        appearances = sorted(
            (self._appearance(group, row) for group in groups for row in self.rows.appearances.get(group.id, ())),
            key=lambda seen: (seen.start_pts, seen.end_pts, seen.group),
        )
        faces = [self._best_face(group.best_face_id) for group in groups]
        return Person(
            label=label,
            name=name,
            proposed=proposed,
            unknown=None if name or proposed else self.rows.codes.get(groups[0].number),
            decision=decision,
            evidence=tuple(self._evidence(group) for group in groups),
            appearances=tuple(appearances),
            # max keeps the first of equals.
            best_face=max((f for f in faces if f is not None), key=lambda face: face.quality.overall, default=None),
            time_on_camera=_union((seen.start, seen.until) for seen in appearances),
        )

    def _appearance(self, group: FaceGroup, row: AppearanceRow) -> Appearance:
        earliest_pts, latest_pts = borders.bounds(
            row, self.sampling.farthest / self.time_base, self.length / self.time_base
        )
        end, latest = row.end_pts * self.time_base, latest_pts * self.time_base
        return Appearance(
            group=group.number,
            start_pts=row.start_pts,
            end_pts=row.end_pts,
            start=row.start_pts * self.time_base,
            end=end,
            until=self._until(end, latest if row.unseen_after_pts is not None else None),
            face_count=row.face_count,
            best_face=self._best_face(row.best_face_id),
            earliest_start_pts=earliest_pts,
            latest_end_pts=latest_pts,
            earliest_start=earliest_pts * self.time_base,
            latest_end=latest,
        )

    def _until(self, end: Fraction, looked: Fraction | None) -> Fraction:
        """The next frame that was looked at, so that whoever comes then follows without a gap of some milliseconds."""
        interval = self.sampling.interval * self.coverage.stride_at(end)
        if looked is None or looked >= end + interval * 5 / 4 + 2 * self.sampling.tolerance:
            looked = end + interval
        return min(looked, self.length)

    def _best_face(self, face_id: int | None) -> BestFace | None:
        if face_id is None or face_id not in self.rows.best_faces:
            return None
        face = self.rows.best_faces[face_id]
        time = face.pts * self.time_base
        return BestFace(face.pts, time, face.box, face.score, face.quality, self.jpegs.get(face_id))

    def _evidence(self, group: FaceGroup) -> Evidence:
        return Evidence(
            group=group.number,
            face_count=group.face_count,
            confirmed=group.confirmed,
            rival=self.rows.rivals.get(group.number),
            confidence=group.confidence,
            first=self._candidate(group.first_id, group.first_distance, group.first_score),
            second=self._candidate(group.second_id, group.second_distance, group.second_score),
        )

    def _candidate(self, identity_id: int | None, distance: float | None, score: float | None) -> Candidate | None:
        if distance is None or score is None:
            return None
        return Candidate(self._name(identity_id), distance, score)

    def _name(self, identity_id: int | None) -> str | None:
        return None if identity_id is None else self.rows.names.get(identity_id)


def _union(stretches: Iterable[tuple[Fraction, Fraction]]) -> Fraction:
    """Length of the union of stretches that come in order of start."""
    total, reached = Fraction(0), None
    for start, end in stretches:
        begin = start if reached is None else max(start, reached)
        total += max(Fraction(0), end - begin)
        reached = end if reached is None else max(end, reached)
    return total


def _provenance(video: Video, rows: ReportRows) -> Provenance:
    space = rows.space
    return Provenance(
        rollcall_version=version("rollcall"),
        detector=video.detector,
        space_name=space.name if space else None,
        space_length=space.length if space else None,
        weights_sha256=space.weights_sha256 if space else None,
        gallery_version=video.gallery_version,
        rule=video.rule,
    )
