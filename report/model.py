"""What a report says, as values: times are exact, nothing here depends on the ledger's ids but `Processing`.

Times in seconds are `Fraction`s from the instant at which a player shows 0:00; `pts` are the ticks they come from.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from fractions import Fraction

from db.facts import VideoFacts
from db.schema import SampleOutcome
from db.states import VideoState
from models.decision import Decision
from models.faces import Box, Quality


@dataclass(frozen=True, slots=True)
class BestFace:
    """The face that shows somebody best: when, where in the upright frame, how good; its picture if there is one."""

    pts: int
    time: Fraction
    box: Box
    score: float
    quality: Quality
    jpeg: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Appearance:
    """A stretch in which a person was seen.

    `start` and `end` are presentation times of the first and the last frame that is known to show the person. They came
    not before `earliest_start`, and had left by `latest_end`: frames that are known not to show them, or the video's
    ends. `until` is `latest_end`, but not more than an interval after `end` where nobody looked for longer: a sighting
    stands for the time until the next look.
    """

    group: int
    start_pts: int
    end_pts: int
    start: Fraction
    end: Fraction
    until: Fraction
    face_count: int
    best_face: BestFace | None
    earliest_start_pts: int
    latest_end_pts: int
    earliest_start: Fraction
    latest_end: Fraction

    @property
    def uncertainty(self) -> Fraction:
        """Seconds that the less certain of its borders may lie outside."""
        return max(self.start - self.earliest_start, self.latest_end - self.end)


@dataclass(frozen=True, slots=True)
class Candidate:
    """An enrolled person, None if removed since; how far the group is from them, and the score that decided."""

    name: str | None
    distance: float
    score: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one group of faces said: its number in the video, its size, the two most alike enrolled people.

    `confirmed` tells that somebody has said who it is, whatever they are. `confidence` is how likely the first of them
    is the right one, 0 to 1; None where nothing was calibrated, and where it was confirmed. `rival` is the unknown
    person, as called in all videos, who is as alike as the first of them, and why the group has no name.
    """

    group: int
    face_count: int
    confirmed: bool
    rival: str | None
    confidence: float | None
    first: Candidate | None
    second: Candidate | None

    @property
    def margin(self) -> float | None:
        """How much larger the second candidate's score is than the first one's; None without a second."""
        if self.first is None or self.second is None:
            return None
        return self.second.score - self.first.score


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody on camera: all groups that were given one name, or one group that was given none.

    Where the decision is `unrecognisable`, it may be anybody: a person of another group, too.

    `proposed` is whom a reviewer is asked about, None unless the decision is `review`. `unknown` is what an unknown
    person is called in all videos, None until they are known from one to another. `time_on_camera` is the length
    of the union of the appearances, each up to its `until`.
    """

    label: str
    name: str | None
    proposed: str | None
    unknown: str | None
    decision: Decision
    evidence: tuple[Evidence, ...]
    appearances: tuple[Appearance, ...]
    best_face: BestFace | None
    time_on_camera: Fraction

    @property
    def confidence(self) -> float | None:
        """That of the surest group; None where nothing was calibrated."""
        return max((one.confidence for one in self.evidence if one.confidence is not None), default=None)

    @property
    def confirmed(self) -> bool:
        """Whether somebody has said who it is, of one group at least."""
        return any(one.confirmed for one in self.evidence)

    @property
    def face_count(self) -> int:
        """Faces of all groups."""
        return sum(evidence.face_count for evidence in self.evidence)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Samples [first_sample, end_sample) that ended alike; seconds are instants of samples, up to the video's end.

    `stride`: every which of them is meant, from the first one on; the others were left out for want of time.
    """

    outcome: SampleOutcome
    first_sample: int
    end_sample: int
    start: Fraction
    end: Fraction
    first_pts: int | None
    last_pts: int | None
    cause: str | None
    detail: str | None
    stride: int = 1

    @property
    def count(self) -> int:
        """Samples that were not left out."""
        return -(-(self.end_sample - self.first_sample) // self.stride)


class Refill(StrEnum):
    """What becomes of samples that were left out for want of time."""

    TO_COME = "to-come"  # they are looked at when nothing else is to be done
    UNDER_WAY = "under-way"  # they are looked at now
    GIVEN_UP = "given-up"  # they could not be; the stretches say why


@dataclass(frozen=True, slots=True)
class Coverage:
    """What became of every planned sample, in order of time, without overlap. `refill`: None where none is left out."""

    stretches: tuple[Stretch, ...]
    refill: Refill | None = None

    def count(self, outcome: SampleOutcome) -> int:
        """Samples that ended so."""
        return sum(stretch.count for stretch in self.stretches if stretch.outcome == outcome)

    @property
    def planned(self) -> int:
        """All samples; the sum of the four outcomes and of what was left out."""
        return sum(stretch.end_sample - stretch.first_sample for stretch in self.stretches)

    @property
    def left_out(self) -> int:
        """Samples that nobody looked at for want of time."""
        return self.planned - sum(stretch.count for stretch in self.stretches)

    def stride_at(self, time: Fraction) -> int:
        """Every which sample was looked at there."""
        return next((each.stride for each in self.stretches if each.stride > 1 and each.start <= time < each.end), 1)

    @property
    def looked_at(self) -> int:
        """Samples that were decoded and gated or analysed."""
        return self.planned - self.left_out - self.count(SampleOutcome.UNDECODABLE)


@dataclass(frozen=True, slots=True)
class Provenance:
    """What the decisions rest on. All but the version are None where nothing was decided."""

    rollcall_version: str
    detector: str | None
    space_name: str | None
    space_length: int | None
    weights_sha256: str | None
    gallery_version: int | None
    rule: str | None


@dataclass(frozen=True, slots=True)
class Upload:
    """One of the times that a video was submitted: from where, and what was told of it."""

    place: str
    submitted_at: datetime
    channel: str | None
    recorded_at: datetime | None


@dataclass(frozen=True, slots=True)
class Processing:
    """All that differs when the same video is processed again."""

    video_id: int
    path: str
    submitted_at: datetime
    ended_at: datetime | None
    uploads: tuple[Upload, ...]


@dataclass(frozen=True, slots=True)
class Sampling:
    """How densely a video was looked at, in seconds.

    Sample k belongs to the instant k × `interval`; its frame may lie up to `tolerance` from there. `key_frames` are
    samples whose frame was decoded alone, `reused` are those whose faces are those of a frame of an earlier video.
    """

    interval: Fraction
    tolerance: Fraction
    key_frames: int
    reused: int

    @property
    def farthest(self) -> Fraction:
        """Seconds that two samples' frames may lie apart."""
        return self.interval + 2 * self.tolerance


@dataclass(frozen=True, slots=True)
class VideoReport:
    """Who was on camera in one video, and when.

    `facts` are None for a rejected file, `sampling` for a video that was never cut into samples. `length` is the
    seconds that the report covers: the duration, or one interval more than the last frame where no duration is declared
    or frames lie behind it. `out_of_reach` is the store that pictures are missing of because it cannot be reached.
    """

    title: str
    content_sha256: str
    byte_size: int
    state: VideoState
    cause: str | None
    detail: str | None
    facts: VideoFacts | None
    length: Fraction
    sampling: Sampling | None
    people: tuple[Person, ...]
    coverage: Coverage
    provenance: Provenance
    processing: Processing
    out_of_reach: str | None = None

    @property
    def border_uncertainty(self) -> Fraction:
        """Seconds that the least certain border of an appearance may lie outside; 0 where nobody was seen."""
        return max((seen.uncertainty for person in self.people for seen in person.appearances), default=Fraction(0))
