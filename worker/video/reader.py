"""Frames of a video's main stream in presentation order, from any instant on."""

# PyAV's Packet is generic for type checkers only: annotations must not be evaluated.
from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import av.error
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from db.facts import VideoFacts
from worker.video.demuxing import Demuxer
from worker.video.opening import check_file
from worker.video.packets import LONGEST_DELAY, PacketSource
from worker.video.timeline import LossWatch

FAR: Final = 30.0
"""Seconds. A longer way ahead is made by seeking in the file, a shorter one by reading past it without decoding."""
_PACKETS_TO_FIRST_FRAME: Final = 48  # a decoder that got a key frame and so many packets gives a frame now or never
_BACK_OFF: Final = 0, 1, 2, 4, 8, 16, 32
"""Seconds before the wanted instant at which to look for a key frame, one after the other."""
_MARGIN_OF_DAMAGE: Final = 1  # second; more than decoders reorder and parsers hold back
_JUMP: Final = Fraction(1, 2)  # second; a frame that comes so late, or first of all, may have a wrong time
_STARVED: Final = 16  # packets in a row for which there was no memory; a damaged one may want too much by itself
_NO_WINDOW: Final = Fraction(0)
_IN_A_ROW: Final = 17  # pictures, the last of which others lean on: H.264 has 16 at most that none does, MPEG-2 two
_DISTRUST: Final = 3  # key frames that were none, after which a reader decodes everything instead of believing the next


@dataclass(frozen=True, slots=True, eq=False)
class DecodedFrame:
    """One frame as the decoder gave it; `to_rgb` makes a picture of it.

    `pts`: ticks from the origin. `duration`: ticks, None where the file does not say. `after_loss`: between the frame
    before and this one, pictures were damaged or lost.
    """

    pts: int
    duration: int | None
    after_loss: bool
    picture: VideoFrame


class VideoReader:
    """Frames in presentation order, decoded by one thread. A context manager.

    Damaged packets are skipped and counted in `errors`. Frames that do not follow the one before in time are dropped,
    as is a single one that jumps ahead of the next. A frame without a time gets that of its packet, else it follows the
    one before at the declared rate. A raw elementary stream has no times at all: its frames are counted at its declared
    rate, the one exception, and cannot be skipped.

    Args:
        path: the file.
        facts: what `probe` said; only the origin and the pieces of the clock are used.
        far: seconds; a longer way ahead is made by seeking in the file, a shorter one by reading past it. It never
            changes what `read` gives.
        window: seconds. Whoever takes any frame of so long a stretch is spared pictures that no other one leans on,
            where one that others lean on must be among them. That one was lost is then not noticed, unless its packet
            is known to be damaged.
        progress: called for each packet that is read, and for each that is decoded.

    Raises:
        MediaError: on entering, as `probe` does.
    """

    def __init__(
        self,
        path: Path,
        facts: VideoFacts,
        far: float = FAR,
        *,
        window: Fraction = _NO_WINDOW,
        progress: Callable[[], None] = lambda: None,
    ) -> None:
        self._path = path
        self._origin = facts.origin_pts
        self._pieces = facts.pieces
        self._far = far
        self._window = window
        self._progress = progress
        self._false_keys = 0
        self._count = 0
        self._interlaced = False
        self._starved = 0
        self.errors = 0

    def __enter__(self) -> Self:
        check_file(self._path)
        self._file = Demuxer(self._path, self._progress, self._pieces)
        self._source = PacketSource(self._file)
        self._watch = LossWatch(margin=round(_MARGIN_OF_DAMAGE / self._file.time_base))
        self._start_decoder(None)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._file.close()

    @property
    def file(self) -> Demuxer:
        """What the frames are decoded from: for what it says of itself. Who reads from it can read no frames."""
        return self._file

    @property
    def tail_lost(self) -> bool:
        """After the last frame: whether pictures that should have followed could not be read or decoded."""
        return self._watch.left() or self._file.failed

    @property
    def end_of_sent(self) -> int:
        """Ticks from the origin at which the last picture ends whose packet was found so far."""
        return 0 if self._end.end is None else self._end.end - self._origin

    def read(self) -> DecodedFrame | None:
        """The next frame, None after the last."""
        while not self._frames:
            if not self._feed():
                return None
        return self._frames.popleft()

    def advance(self, pts: int) -> None:
        """Skip frames that nobody needs who wants to see what is shown at `pts` (ticks from the origin) and later.

        Afterwards `read` gives some frame at or before `pts` (where there is one) and every frame after that one,
        exactly as if nothing had been skipped. Skipping means to start at a key frame, which is believed only when the
        decoder confirms it.
        """
        target = pts + self._origin
        if not self._file.has_timestamps:
            return
        if (target - self._file.position) * self._file.time_base > self._far:
            self._leap(target, target)
        elif self._source.torn or self._false_keys < _DISTRUST:
            key = self._source.skip_to_key(target)
            if (key is None and self._source.torn) or (key is not None and not self._starts_at(key)):
                self._leap(target, target if key is None else key - 1)

    def go_to(self, pts: int) -> None:
        """Like `advance`, also back to frames before those that were read."""
        if self._file.has_timestamps:
            self._leap(pts + self._origin, pts + self._origin)

    def near(self, pts: int, earliest: int, latest: int) -> DecodedFrame | None:
        """The frame of the key frame nearest to `pts` that lies in [earliest, latest), decoded alone.

        None where none lies there that the decoder confirms, undamaged. What it gives does not depend on what was read
        before. All are ticks from the origin. `advance` before the next `read`.
        """
        if not self._file.has_timestamps:
            return None
        pts, earliest, latest = (ticks + self._origin for ticks in (pts, earliest, latest))
        if self._source.has_index_until(latest):
            found = self._nearest(pts, earliest, latest)
            if found is not None or self._source.has_index_until(latest):
                return found
        self._be_before(earliest)
        return self._nearest(pts, earliest, latest)

    def _nearest(self, pts: int, earliest: int, latest: int) -> DecodedFrame | None:
        for key in self._source.keys_nearest(pts, earliest, latest):
            picture = None if self._file.is_damaged(key) else self._alone(key)
            if picture is not None and picture.pts is not None:
                return DecodedFrame(picture.pts - self._origin, picture.duration or None, False, picture)
        return None

    def _alone(self, key: Packet[VideoStream]) -> VideoFrame | None:
        """The picture of a key frame that was found; None if the decoder does not give just that."""
        self._source.torn = True
        if not self._interlaced:
            picture = self._first([key, None], key.pts)
            if picture is None or not picture.interlaced_frame:
                return picture
            # A packet may hold one field only: the decoder must see that another one follows.
            self._interlaced = True
        return self._first(islice(self._source.packets_from(key), _PACKETS_TO_FIRST_FRAME), key.pts)

    def _first(self, packets: Iterable[Packet[VideoStream] | None], pts: int | None) -> VideoFrame | None:
        """The first picture that the decoder gives for some packets, None unless it is the key frame of that time."""
        decoder = self._file.decoder
        decoder.flush_buffers()
        try:
            picture = next((picture for packet in packets for picture in decoder.decode(packet)), None)
        except av.error.FFmpegError:
            picture = None
        decoder.flush_buffers()
        if picture is None or picture.pts != pts or picture.is_corrupt or not self._is_key(picture):
            return None
        return picture

    def _be_before(self, target: int) -> None:
        """See that no key frame has been read that is shown from `target` on (stream ticks), and none is far ahead."""
        given = self._source.latest_key
        is_past = given is not None and given >= target
        if not is_past and (target - self._file.position) * self._file.time_base <= self._far:
            return
        for seconds in _BACK_OFF:
            wanted = target - round((seconds + LONGEST_DELAY) / self._file.time_base)
            if wanted <= self._file.start or not self._source.seek(wanted):
                break
            if self._source.arrive_before(wanted):
                return
        self._source.reopen()

    def last_packet_end(self, declared: int | None, *, near: bool = False) -> int | None:
        """Ticks from the origin at which the last packet's picture ends, found by reading packets to the file's end.

        Nothing can be read from this reader afterwards. `declared`: the end by declaration. `near`: begin to read
        there. None where no packet has a time.
        """
        end = None if declared is None else declared + self._origin
        if not near or end is None or not self._source.seek(end):
            self._source.reopen()
        end = self._source.end_of_packets(end)
        return None if end is None else end - self._origin

    def _leap(self, target: int, limit: int) -> None:
        """Start at the last true key frame at or before `limit`, found by seeking to before `target` (stream ticks)."""
        for seconds in _BACK_OFF:
            wanted = target - round(seconds / self._file.time_base)
            if wanted <= self._file.start or not self._source.seek(wanted):
                break
            key = self._source.skip_to_key(limit, hold=False)
            if key is not None and self._file.knows_damage_from(key - self._watch.margin):
                self._watch.forget()
                if self._starts_at(key):
                    return
                limit = min(key - 1, wanted)
        self._watch.forget()
        self._source.reopen()
        key = self._source.skip_to_key(limit)
        if key is None or not self._starts_at(key):
            # The beginning of the file needs no key frame to be right.
            self._watch.forget()
            self._source.reopen()
            self._start_decoder(None)

    def _starts_at(self, key: int) -> bool:
        """Begin decoding at the key frame that heads the queue; whether the decoder gave it, and as a key frame."""
        self._start_decoder(key)
        for _ in range(_PACKETS_TO_FIRST_FRAME):
            if self._frames or not self._feed():
                break
        first = self._frames[0] if self._frames else None
        if first is not None and first.pts == key - self._origin and self._is_key(first.picture):
            return True
        self._false_keys += 1
        return False

    @property
    def _is_thinned(self) -> bool:
        # Pictures without times are counted: none may be missing.
        return self._file.has_timestamps and self._window / self._file.time_base >= _IN_A_ROW * self._file.step

    def _is_key(self, picture: VideoFrame) -> bool:
        return picture.key_frame or self._file.decoder.codec.intra_only

    def _start_decoder(self, floor: int | None) -> None:
        """Forget what was decoded. Frames before `floor` will be dropped: they lean on earlier pictures."""
        self._file.decoder.flush_buffers()
        self._file.decoder.skip_frame = "NONREF" if self._is_thinned else "DEFAULT"
        self._frames: deque[DecodedFrame] = deque()
        self._floor = floor
        self._last: int | None = None
        self._doubtful: tuple[int, VideoFrame] | None = None
        self._end = self._source.latest_end()
        self._drained = self._source.torn = False
        self._watch.jump(self._source.skipped_damage)

    def _feed(self) -> bool:
        """Give the decoder one more packet, or tell it that there are no more; False when it knew that."""
        if self._drained:
            return False
        # Packets may have been read long before they are decoded.
        self._progress()
        packet = self._source.next()
        if packet is None:
            self._drained = True
        elif packet.pts is not None and not packet.is_discard:
            damaged = self._file.is_damaged(packet)
            if damaged or not self._is_thinned:
                self._watch.sent(packet.pts, damaged=damaged)
            self._end.add(packet.pts, packet.duration or 0)
        try:
            pictures = self._file.decoder.decode(packet)
            self._starved = 0
        except av.error.FFmpegError as error:
            self._bear(error)
            pictures = []
            if packet is not None:
                self._watch.sent(packet.pts, damaged=False)
        for picture in pictures:
            self._take(picture)
        if self._drained and self._doubtful is not None:
            self._pass_on(*self._doubtful)
        return True

    def _bear(self, error: av.error.FFmpegError) -> None:
        """Go on after an error of the decoder, unless it is for want of memory and nothing else comes any more."""
        self.errors += 1
        self._starved = self._starved + 1 if isinstance(error, MemoryError) else 0
        if self._starved > _STARVED:
            raise error

    def _take(self, picture: VideoFrame) -> None:
        """Pass a frame on when it follows the one before; one that jumps ahead only if the next is not behind it."""
        pts = self._time(picture)
        doubtful, self._doubtful = self._doubtful, None
        if doubtful is not None and doubtful[0] < pts:
            self._pass_on(*doubtful)
        before = self._floor if self._last is None else self._last
        if before is not None and (pts < before or pts == self._last):
            return
        if before is None or (pts - before) * self._file.time_base > _JUMP:
            self._doubtful = pts, picture
        else:
            self._pass_on(pts, picture)

    def _pass_on(self, pts: int, picture: VideoFrame) -> None:
        lost = self._watch.shown(self._floor if self._last is None else self._last, pts)
        self._last = pts
        self._end.add(pts, picture.duration)
        self._frames.append(DecodedFrame(pts - self._origin, picture.duration or None, lost, picture))

    def _time(self, picture: VideoFrame) -> int:
        if not self._file.has_timestamps:
            self._count += 1
            return round((self._count - 1) * self._file.step)
        if picture.pts is not None:
            return picture.pts
        if picture.dts is not None:
            return picture.dts
        return self._file.start if self._last is None else self._last + round(self._file.step)
