"""A minute of television in a ledger, with everything that a report has to tell apart.

29.97 frames a second at 90 kHz: no sampling instant falls on a frame. Two segments; flat, carried and undecodable
samples; one man in two groups of faces, another man, somebody who may be him, somebody whom nobody knows, and somebody
of whom too little was seen.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from sqlalchemy.orm import Session

from db.schema import (
    Appearance,
    EmbeddingSpaceRow,
    FaceCrop,
    FaceGroup,
    FaceRow,
    Identity,
    SampleRun,
    Segment,
    Source,
    Video,
)

TITLE = "Evening news"
TICKS_PER_SECOND = 90000
TICKS_PER_FRAME = 3003
DURATION_TICKS = 1812 * TICKS_PER_FRAME
INTERVAL = 3
SAMPLES = 21
PEOPLE = ("Barack Obama", "Joe Biden", "Eileen Collins")
EMBEDDING = bytes(range(256)) * 2

_RUNS = {
    (0, 10): ((0, 1, "flat"), (1, 8, "analysed"), (8, 10, "carried")),
    (10, 21): ((10, 15, "analysed"), (15, 18, "undecodable"), (18, 21, "analysed")),
}
_Candidate = tuple[int, float]
_GROUPS: tuple[tuple[str, float | None, _Candidate | None, _Candidate | None, tuple[tuple[int, int], ...]], ...] = (
    ("named", 0.9990234375, (0, 0.3125), (1, 0.640625), ((1, 4), (18, 19))),
    ("review", 0.625, (1, 0.515625), (0, 0.53125), ((2, 2),)),
    ("named", 0.9375, (1, 0.28125), (2, 0.75), ((3, 9),)),
    ("named", 0.96875, (0, 0.40625), (1, 0.5), ((8, 11),)),
    ("unknown", 0.0625, (2, 0.625), None, ((19, 20),)),
    ("unrecognisable", None, None, None, ((19, 19),)),
)
SCORED_BELOW_DISTANCE = 0.5
"""What the terms of a face and of a template take away, in this broadcast always the same."""


def pts(sample: int) -> int:
    """Tick of the first frame at or after the sample's instant."""
    return -(-sample * INTERVAL * TICKS_PER_SECOND // TICKS_PER_FRAME) * TICKS_PER_FRAME


def _borders(group: int, first: int, last: int) -> tuple[int | None, int | None]:
    """Ticks of the frames around an appearance that do not show it.

    Group 1 is of a time when neither borders nor exposures were kept, group 3's were looked at, of all others samples
    tell them.
    """
    if group == 1:
        return None, None
    if group == 3:
        return pts(first) - 12 * TICKS_PER_FRAME, pts(last) + 14 * TICKS_PER_FRAME
    return pts(first - 1), min(pts(last + 1), DURATION_TICKS)


def record(session: Session, crops: Mapping[str, bytes] | None = None, skew: int = 0) -> int:
    """Write the broadcast as a partial video; its id.

    Args:
        session: to a ledger that does not hold it.
        crops: JPEG of each person by name, `""` for the unknown ones; without them there are no pictures.
        skew: other than 0, it makes every id and moment of processing another one and turns the order of writing round.
    """
    return _Recorder(session, crops or {}, skew).record()


class _Recorder:
    def __init__(self, session: Session, crops: Mapping[str, bytes], skew: int) -> None:
        self._session, self._crops, self._skew = session, crops, skew
        self._order = -1 if skew else 1
        self._segments: dict[int, int] = {}

    def record(self) -> int:
        now = datetime(2026, 1, 5, 22, 0, tzinfo=UTC) + timedelta(seconds=self._skew)
        space = EmbeddingSpaceRow(
            id=1 + self._skew, name="dlib-resnet-v1/chip150-0.25", length=128, weights_sha256="ab" * 32
        )
        self._add(space)
        for number, name in list(enumerate(PEOPLE))[:: self._order]:
            self._add(Identity(id=self._identity(number), name=name, name_key=name.casefold(), created_at=now))
        video = self._video(now)
        self._add(video)
        self._add(Source(video_id=video.id, path=video.path, submitted_at=now))
        for number, span in list(enumerate(_RUNS, start=1))[:: self._order]:
            self._segment(video.id, number, span)
        for number in range(1, len(_GROUPS) + 1)[:: self._order]:
            self._group(video.id, number)
        return video.id

    def _add(self, row: object) -> None:
        self._session.add(row)
        self._session.flush()

    def _identity(self, number: int) -> int:
        return 1 + self._skew + number * (10 if self._skew else 1)

    def _video(self, now: datetime) -> Video:
        return Video(
            id=1 + self._skew, content_hash="3f" * 32, byte_size=8_324_155, title=TITLE, path="/uploads/evening.mp4",
            state="partial", cause="undecodable", detail="3 of 21 samples could not be decoded", container="mov,mp4",
            codec="h264", width=1280, height=720, rotation=0, time_base_num=1, time_base_den=TICKS_PER_SECOND,
            origin_pts=0, duration_pts=DURATION_TICKS, interval_ms=INTERVAL * 1000,
            tolerance_ms=INTERVAL * 100,
            detector="hog/smallest60/pixels2073600", space_id=1 + self._skew,
            gallery_version=9, rule="normalised/3/-0.0937/0.0312", submitted_at=now,
            ended_at=now + timedelta(seconds=90 + self._skew),
        )  # fmt: skip

    def _segment(self, video_id: int, number: int, span: tuple[int, int]) -> None:
        segment = Segment(
            video_id=video_id,
            number=number,
            first_sample=span[0],
            end_sample=span[1],
            state="done",
            key_samples=4,
            reused_samples=number,
        )
        self._add(segment)
        self._segments.update(dict.fromkeys(range(*span), segment.id))
        for first, end, outcome in _RUNS[span][:: self._order]:
            decoded = outcome != "undecodable"
            run = SampleRun(segment_id=segment.id, first_sample=first, end_sample=end, outcome=outcome)
            run.first_pts, run.last_pts = (pts(first), pts(end - 1)) if decoded else (None, None)
            self._add(run)

    def _group(self, video_id: int, number: int) -> None:
        decision, confidence, first, second, stretches = _GROUPS[number - 1]
        identity = first[0] if first and decision == "named" else None
        count = sum(last - start + 1 for start, last in stretches)
        group = FaceGroup(
            video_id=video_id, number=number, decision=decision, confidence=confidence,
            identity_id=None if identity is None else self._identity(identity), face_count=count,
            first_id=self._identity(first[0]) if first else None, first_distance=first[1] if first else None,
            first_score=first[1] - SCORED_BELOW_DISTANCE if first else None,
            second_id=self._identity(second[0]) if second else None, second_distance=second[1] if second else None,
            second_score=second[1] - SCORED_BELOW_DISTANCE if second else None,
        )  # fmt: skip
        self._add(group)
        name = "" if identity is None else PEOPLE[identity]
        for start, last in stretches[:: self._order]:
            best = self._face(video_id, group.id, start, name, None if number == 1 else 0.75)
            appearance = Appearance(group_id=group.id, start_pts=pts(start), end_pts=pts(last), best_face_id=best)
            appearance.face_count = last - start + 1
            appearance.unseen_before_pts, appearance.unseen_after_pts = _borders(number, start, last)
            self._add(appearance)
            if start == stretches[0][0]:
                group.best_face_id = best
        self._session.flush()

    def _face(self, video_id: int, group_id: int, sample: int, name: str, exposure: float | None) -> int:
        face = FaceRow(
            video_id=video_id, segment_id=self._segments[sample], sample=sample, pts=pts(sample), left=400, top=100,
            right=560, bottom=260, score=1.25, sharpness=0.5, size=1.0, pose=0.25, exposure=exposure,
            landmarks=bytes(40), space_id=1 + self._skew, embedding=EMBEDDING, group_id=group_id,
        )  # fmt: skip
        self._add(face)
        if name in self._crops:
            self._add(FaceCrop(face_id=face.id, jpeg=self._crops[name]))
        return face.id
