"""What is known of a video before anybody has looked at it. No database: whoever decodes loads this and not SQL."""

from dataclasses import dataclass, fields, replace
from datetime import datetime
from fractions import Fraction


def seconds(pts: int, numerator: int | None, denominator: int | None) -> Fraction:
    """Seconds of so many ticks. Only rejected videos have no time base, and those have no frames."""
    return Fraction(pts * (numerator or 0), denominator or 1)


@dataclass(frozen=True, slots=True)
class UploadFacts:
    """What is known of an upload beside its content. None: not told."""

    channel: str | None = None
    recorded_at: datetime | None = None
    """When the recording began."""
    priority: int | None = None
    """See `db.schema.Priority`."""
    deadline: datetime | None = None
    """By when it is to be done."""

    def or_else(self, other: "UploadFacts") -> "UploadFacts":
        """With what the other tells where this one does not."""
        mine = {field.name: getattr(self, field.name) for field in fields(self)}
        return replace(other, **{name: value for name, value in mine.items() if value is not None})


@dataclass(frozen=True, slots=True)
class ClockPiece:
    """A part of a transport stream that has a clock of its own.

    `position`: the byte from which on it counts. `first`: what the clock says there. `continued`: the same instant in
    time that goes on from the beginning of the file. Both are ticks.
    """

    position: int
    first: int
    continued: int


@dataclass(frozen=True, slots=True)
class VideoFacts:
    """What the container says about its main video stream.

    Ticks are of `time_base` (seconds per tick). The origin is the tick at which a player shows 0:00; the duration
    counts from there and is None where nothing declares it. `width` and `height` are of the upright frame in square
    pixels. `pieces`: of a transport stream whose clock jumps; none where it runs on. All other ticks are of time that
    goes on through all pieces.
    """

    container: str
    codec: str
    width: int
    height: int
    rotation: int
    time_base: Fraction
    origin_pts: int
    duration_pts: int | None
    pieces: tuple[ClockPiece, ...] = ()

    @property
    def duration(self) -> Fraction | None:
        """Seconds from the origin to the end."""
        return None if self.duration_pts is None else self.duration_pts * self.time_base
