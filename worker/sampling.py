"""Which frames are looked at: one sample per interval, each with the true time of its frame.

Sample k belongs to the instant k × interval, counted from the video's origin in exact fractions. Its frame is the first
one from that instant on, if it comes before the next instant. Otherwise the picture stands still meanwhile, and it is
the latest frame before the instant: what a player still shows. Where that frame is the one of the sample before, the
sample is *held*: there is nothing new to see.

When a picture stands still is not always plain. For a sample with no frame of its own, in this order:

- Before the first frame (a late first picture, an empty edit) the sample takes the first frame, as players show it
  while they wait; its own time says from when on it is there. If pictures before it were lost, it is undecodable.
- A frame that declares a duration is shown that long.
- Past that, if pictures were damaged or lost in the gap, the samples inside it are undecodable: 'not seen' is not 'not
  looked at'.
- A gap without a trace of damage is a variable frame rate: the frame is held. But where the container keeps no table
  of its packets, so that a piece may vanish without a trace, it is held for a minute at most: nobody is said to be on
  camera on the evidence of an older frame.
- After the last frame, a stream that declares its own length and stops short of it is truncated: undecodable. Where
  only the container declares a length, sound may outlast the picture: when that is by less than an interval, and no
  pictures are known to be lost, the last frame is held to the end.

Nothing here depends on where a segment begins: decoding starts at a key frame that the decoder confirmed, and gives the
same frames as decoding from the beginning of the file.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Final

from db.videos import VideoFacts
from models.faces import RgbImage
from worker.video import FAR, DecodedFrame, VideoReader, to_rgb

_LONGEST_SILENT_HOLD: Final = 60
"""Seconds for which a frame is believed to be shown when neither the file nor damage says how long it is."""
_ROUNDING: Final = 2
"""Frames by which a stream's declared length may exceed its last frame's end: containers round either."""


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """One planned sample and the frame that it got.

    `pts`: presentation time of the frame, ticks from the video's origin; None if undecodable. `image`: None if
    undecodable or held. `held`: the frame is that of the sample before.
    """

    number: int
    pts: int | None
    image: RgbImage | None = field(repr=False)
    held: bool


def sample_frames(
    path: Path, facts: VideoFacts, first_sample: int, end_sample: int | None, interval_ms: int, *, far: float = FAR
) -> Iterator[Sample]:
    """The samples of one segment in order: exactly one per number from `first_sample` to before `end_sample`.

    The first sample of a call is never held: whoever looks at this segment has not seen the one before.

    Args:
        path: the file.
        facts: what `probe` said of it.
        first_sample: number of the first sample.
        end_sample: first number that is not wanted; None: to the last whose instant lies before the end of the picture.
        interval_ms: milliseconds between two instants.
        far: seconds; see `VideoReader`. It never changes what comes out.

    Raises:
        MediaError: the file has gone, or is no longer what it was.
    """
    with VideoReader(path, facts, far) as reader:
        timeline = _Timeline(reader, facts, interval_ms)
        number, before = first_sample, None
        while end_sample is None or number < end_sample:
            frame = timeline.frame_of(number)
            if end_sample is None and timeline.is_over(number):
                return
            held = frame is not None and before is not None and frame.pts == before
            image = None if frame is None or held else to_rgb(frame.picture, facts)
            before = None if frame is None else frame.pts
            yield Sample(number, before, image, held)
            number += 1


class _Timeline:
    """A window of two neighbouring frames that moves over the video: what is shown, and what is shown next."""

    def __init__(self, reader: VideoReader, facts: VideoFacts, interval_ms: int) -> None:
        self._reader = reader
        self._interval = Fraction(interval_ms, 1000) / facts.time_base
        self._duration = facts.duration_pts
        self._silent_hold = _LONGEST_SILENT_HOLD / facts.time_base
        self._shown: DecodedFrame | None = None
        self._next: DecodedFrame | None = None
        self._ended = False

    def frame_of(self, number: int) -> DecodedFrame | None:
        """The frame of a sample; numbers must ascend. None if it is undecodable."""
        instant = number * self._interval
        self._move(instant)
        if self._next is not None and self._next.pts < instant + self._interval:
            return self._next
        if self._shown is not None:
            return self._shown if instant < self._shown_until(self._shown) else None
        return self._next if self._next is not None and not self._next.after_loss else None

    def is_over(self, number: int) -> bool:
        """Whether the picture has ended before a sample's instant, as far as its packets tell."""
        shown_end = 0 if self._shown is None else self._shown.pts + (self._shown.duration or self._reader.source.step)
        return self._ended and number * self._interval >= max(shown_end, self._reader.end_of_sent)

    def _move(self, instant: Fraction) -> None:
        """Let `next` be the first frame at or after the instant, and `shown` the latest before it."""
        if self._ended or (self._next is not None and self._next.pts >= instant):
            return
        self._reader.advance(math.floor(instant))
        while self._next is None or self._next.pts < instant:
            self._shown = self._next or self._shown
            self._next = self._reader.read()
            if self._next is None:
                self._ended = True
                return

    def _shown_until(self, shown: DecodedFrame) -> Fraction:
        """The tick up to which a frame is believed to be shown, if no other frame comes."""
        source = self._reader.source
        declared = shown.pts + Fraction(shown.duration or source.step)
        if self._next is not None:
            if self._next.after_loss:
                return declared
            # What is not in a table of all packets was never there: then the next frame ends this one.
            silent = self._next.pts - shown.pts if source.lists_every_packet else self._silent_hold
            return max(declared, Fraction(shown.pts + silent))
        # A video that ends about when it should is whole; else what is missing was lost, from this frame's end on.
        # In MP4 a packet's duration may belong to its neighbour in the order of display: the last end counts.
        excess = self._interval if not source.has_own_length else _ROUNDING * source.step
        found = max(declared, Fraction(self._reader.end_of_sent)) + excess
        if self._duration is None or self._reader.tail_lost or self._duration > found:
            return declared
        return found
