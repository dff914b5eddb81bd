"""Which frames are looked at: one sample per interval, each with the true time of its frame.

Sample k belongs to the instant k × interval, counted from the video's origin in exact fractions. With a tolerance of 0
its frame is the first one from that instant on, if it comes before the next instant. Otherwise the picture stands still
meanwhile, and it is the latest frame before the instant: what a player still shows. Where that frame is the one of the
sample before, the sample is *held*: there is nothing new to see.

A tolerance lets a sample take a frame that costs less. Where a key frame lies no farther than that from the instant,
the nearest one is taken, and nothing else is decoded. Elsewhere the rule is that for 0, with all instants earlier by
the tolerance, so that decoding forward from the last key frame ends sooner; and where one of the pictures that others
lean on must lie within the tolerance, no other ones are decoded.

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
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final

from db.facts import VideoFacts
from models.faces import RgbImage
from worker.samples import Sample
from worker.video import FAR, LONGEST, DecodedFrame, VideoReader, to_rgb

_LONGEST_SILENT_HOLD: Final = 60
"""Seconds for which a frame is believed to be shown when neither the file nor damage says how long it is."""
_ROUNDING: Final = 2
"""Frames by which a stream's declared length may exceed its last frame's end: containers round either."""


def sample_frames(
    path: Path,
    facts: VideoFacts,
    first_sample: int,
    end_sample: int | None,
    interval_ms: int,
    tolerance_ms: int = 0,
    *,
    stride: int = 1,
    far: float = FAR,
    progress: Callable[[], None] = lambda: None,
) -> Iterator[Sample]:
    """The samples of one segment in order, exactly one for each of its numbers, or with a stride for every so manieth.

    The first sample of a call is never held: whoever looks at this segment has not seen the one before.

    Args:
        path: the file.
        facts: what `probe` said of it.
        first_sample: number of the first sample.
        end_sample: first number that is not wanted; None: to the last whose instant lies before the end of the picture.
        interval_ms: milliseconds between two instants.
        tolerance_ms: milliseconds that a frame may lie from its instant if it costs less, at most half an interval.
        stride: from one number to the next; 1 where the end is not known.
        far: seconds; see `VideoReader`. It never changes what comes out.
        progress: called for each packet that is read.

    Raises:
        MediaError: the file has gone, or is no longer what it was.
    """
    if not 0 <= 2 * tolerance_ms <= interval_ms:
        raise ValueError(f"a tolerance of {tolerance_ms} ms with an interval of {interval_ms} ms")
    instants = _Instants(Fraction(interval_ms, 1000) / facts.time_base, Fraction(tolerance_ms, 1000) / facts.time_base)
    window = Fraction(2 * tolerance_ms, 1000)
    with VideoReader(path, facts, far, window=window, progress=progress) as reader:
        timeline = _Timeline(reader, facts, instants)
        before: int | None = None
        for number in range(first_sample, _end_of_all(interval_ms) if end_sample is None else end_sample, stride):
            key = timeline.key_frame_of(number) if tolerance_ms else None
            frame = key or timeline.frame_of(number)
            if end_sample is None and timeline.is_over(number):
                return
            # Decoded alone, a key frame may be whole that decoding on has lost: then an older frame comes after it.
            held = frame is not None and before is not None and frame.pts <= before
            if held:
                yield Sample(number, before, None, held=True, key=key is not None)
                continue
            image = None if frame is None else _image(frame, facts)
            before = None if frame is None or image is None else frame.pts
            yield Sample(number, before, image, held=False, key=image is not None and key is not None)


def _end_of_all(interval_ms: int) -> int:
    """First number that no video has: wherever a file says that its pictures lie, that does not last for years."""
    return -(-LONGEST * 1000 // interval_ms)


def _image(frame: DecodedFrame, facts: VideoFacts) -> RgbImage | None:
    """The picture; None where it has a format or a size midway that cannot be converted."""
    try:
        return to_rgb(frame.picture, facts)
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class _Instants:
    """When samples are due, in ticks from the origin."""

    interval: Fraction
    tolerance: Fraction

    def of(self, number: int) -> Fraction:
        """The instant of a sample."""
        return number * self.interval

    def earliest(self, number: int) -> Fraction:
        """From when on a frame may stand for a sample."""
        return max(Fraction(0), self.of(number) - self.tolerance)

    def latest(self, number: int) -> Fraction:
        """Up to when a key frame may stand for a sample."""
        return self.of(number) + self.tolerance


class _Timeline:
    """A window of two neighbouring frames that moves over the video: what is shown, and what is shown next."""

    def __init__(self, reader: VideoReader, facts: VideoFacts, instants: _Instants) -> None:
        self._reader = reader
        self._instants = instants
        self._duration = facts.duration_pts
        self._silent_hold = _LONGEST_SILENT_HOLD / facts.time_base
        self._shown: DecodedFrame | None = None
        self._next: DecodedFrame | None = None
        self._ended = False

    def key_frame_of(self, number: int) -> DecodedFrame | None:
        """The key frame nearest to a sample's instant, None where none lies within the tolerance."""
        times = self._instants.of(number), self._instants.earliest(number), self._instants.latest(number)
        return self._reader.near(*map(math.ceil, times))

    def frame_of(self, number: int) -> DecodedFrame | None:
        """The frame of a sample that is found by decoding on; numbers must ascend. None if it is undecodable."""
        instant = self._instants.earliest(number)
        self._move(instant)
        if self._next is not None and self._next.pts < self._instants.earliest(number + 1):
            return self._next
        if self._shown is not None:
            return self._shown if instant < self._shown_until(self._shown) else None
        return self._next if self._next is not None and not self._next.after_loss else None

    def is_over(self, number: int) -> bool:
        """Whether the picture has ended before a sample's instant, as far as its packets tell."""
        shown_end = 0 if self._shown is None else self._shown.pts + (self._shown.duration or self._reader.file.step)
        return self._ended and self._instants.of(number) >= max(shown_end, self._reader.end_of_sent)

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
        file = self._reader.file
        declared = shown.pts + Fraction(shown.duration or file.step)
        if self._next is not None:
            if self._next.after_loss:
                return declared
            # What is not in a table of all packets was never there: then the next frame ends this one.
            silent = self._next.pts - shown.pts if file.lists_every_packet else self._silent_hold
            return max(declared, Fraction(shown.pts + silent))
        # A video that ends about when it should is whole; else what is missing was lost, from this frame's end on.
        # In MP4 a packet's duration may belong to its neighbour in the order of display: the last end counts.
        excess = self._instants.interval if not file.has_own_length else _ROUNDING * file.step
        found = max(declared, Fraction(self._reader.end_of_sent)) + excess
        if self._duration is None or self._reader.tail_lost or self._duration > found:
            return declared
        return found
