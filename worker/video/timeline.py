"""The times of a video: where 0:00 is, how long the picture lasts, where pictures were lost. Plain numbers, no decoder.

Times are ticks of the stream's time base. A player shows 0:00 at the origin. In containers that carry the clock of a
transmission (MPEG-TS, MPEG-PS, Ogg, PVA …) that is the container's first timestamp, which players subtract. MP4,
Matroska, AVI and the like have a timeline that starts at zero: there a late first picture stays late, as in a browser,
and only a first picture before zero moves the origin.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final

_LATEST_START: Final = 60
"""Seconds. Outside MP4 nobody means so much of nothing before the first picture: it is a clock that ran before."""
_LEAST_RATE: Final = Fraction(25, 2)
"""Bytes per second. A file with less than this per declared second has its packets counted instead."""
LONGEST: Final = 7 * 86400
"""Seconds. Whoever declares more has the packets counted too, and nothing later is planned, wherever the packets are
said to belong: a plan for years would be as costly as it is wrong."""


@dataclass(frozen=True, slots=True)
class Declared:
    """What a container declares about the time of its main video stream; None where it says nothing.

    `start` and `length` are the stream's own, in ticks. `container_start` and `container_length` are the whole file's,
    in microseconds, as FFmpeg keeps them. `running_clock`: timestamps are of a clock that ran before the file began.
    `edited`: a late start is meant (an edit list). `absolute`: the container's length counts from zero, not from its
    first timestamp.
    """

    time_base: Fraction
    start: int | None
    length: int | None
    container_start: int | None
    container_length: int | None
    running_clock: bool
    edited: bool
    absolute: bool

    def origin(self) -> int:
        """The tick at which a player shows 0:00."""
        start = self.start or 0
        first = start if self.container_start is None else self._ticks(self.container_start)
        late = first * self.time_base > _LATEST_START and not self.edited
        return first if self.running_clock or late else min(0, start)

    def end(self) -> int | None:
        """The tick at which the picture ends by the stream's declaration, else by the container's."""
        if self.length is not None and self.length > 0:
            return (self.start or 0) + self.length
        if self.container_length is None or self.container_length <= 0:
            return None
        start = 0 if self.absolute else self.container_start or 0
        return self._ticks(start + self.container_length)

    def _ticks(self, microseconds: int) -> int:
        return round(Fraction(microseconds, 1_000_000) / self.time_base)


def is_plausible(seconds: Fraction, byte_size: int) -> bool:
    """Whether a file may last as long as it declares.

    The coarsest picture takes a few bytes a frame, so a file with fewer than 12.5 bytes per declared second either
    shows stills or declares nonsense. It is small for its length, so counting its packets is cheap and tells which.
    """
    return 0 < seconds <= LONGEST and seconds * _LEAST_RATE <= byte_size


@dataclass(slots=True)
class LatestEnd:
    """The latest end among packets that come about in order, unmoved by a single wrong time far ahead.

    `jump`: ticks; a packet that begins further ahead than that counts only when another follows it there, or when it
    ends about where the file declares its end (`declared`). None believes every packet.
    """

    jump: int | None
    declared: int | None = None
    end: int | None = None
    _doubtful: int | None = None

    def add(self, start: int, length: int) -> None:
        """One more packet."""
        if self._is_believed(start, start + length):
            self._doubtful = None
            self.end = start + length if self.end is None else max(self.end, start + length)
        else:
            self._doubtful = start

    def _is_believed(self, start: int, end: int) -> bool:
        if self.jump is None or self.end is None or start - self.end <= self.jump:
            return True
        witnesses = (self._doubtful, start), (self.declared, end)
        return any(told is not None and abs(found - told) <= self.jump for told, found in witnesses)


@dataclass(slots=True)
class LossWatch:
    """Tells between which frames pictures were lost, from the packets that went in and the frames that came out.

    `margin`: ticks by which the mark of damage may miss its place. Demuxers put it on a packet near the missing bytes:
    a parser holds packets back, and they come in the order of decoding.
    """

    margin: int
    _waiting: set[int] = field(default_factory=set)
    _damaged: set[int] = field(default_factory=set)

    def sent(self, pts: int | None, *, damaged: bool) -> None:
        """A packet goes to the decoder; `damaged` when bytes in it or before it are known to be missing."""
        if pts is None:
            return
        self._waiting.add(pts)
        if damaged:
            self._damaged.add(pts)

    def shown(self, previous: int | None, pts: int) -> bool:
        """A frame came out; whether pictures since the `previous` one were lost, or there was damage about here."""
        self._waiting.discard(pts)
        earlier = [waiting for waiting in self._waiting if waiting < pts]
        lost = any(previous is None or previous < waiting for waiting in earlier)
        marks = [mark for mark in self._damaged if mark <= pts + self.margin]
        damaged = any(previous is None or previous - self.margin <= mark for mark in marks)
        self._waiting.difference_update(earlier)
        self._damaged = {mark for mark in self._damaged if mark >= pts - self.margin}
        return lost or damaged

    def left(self) -> bool:
        """After the last frame: whether packets remain that gave no frame, or there was damage about there."""
        return bool(self._waiting or self._damaged)

    def jump(self, damage: Iterable[int]) -> None:
        """The decoder starts anew at a later key frame; `damage`: marks on packets that were skipped."""
        self._waiting.clear()
        self._damaged.update(damage)

    def forget(self) -> None:
        """The decoder starts anew elsewhere."""
        self._waiting.clear()
        self._damaged.clear()
