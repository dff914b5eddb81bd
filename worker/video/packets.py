"""Packets of a file's main video stream, in the order of the file, past the errors of the demuxer."""

# PyAV's Packet is generic for type checkers only: annotations must not be evaluated.
from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Generator, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Final, cast

import av.error
from av.container import InputContainer
from av.packet import Packet
from av.stream import Discard
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from worker.video.opening import LARGEST_PICTURE, main_stream, open_container, time_base
from worker.video.timeline import LatestEnd

_NO_TIMESTAMPS: Final = 0x0080  # AVFMT_NOTIMESTAMPS: raw elementary streams
_LISTS_EVERY_PACKET: Final = frozenset({"mov", "avi"})
_DEFAULT_RATE: Final = Fraction(25)
_JUMP: Final = 10  # seconds; a single packet so far ahead of its neighbours does not tell the end
LONGEST_DELAY: Final = 1  # second; no frame is decoded so long before it is shown
_LARGEST_QUEUE: Final = 64 * 2**20  # bytes of packets that are held while looking for a key frame
_READ_ERRORS: Final = 32  # consecutive errors of the demuxer after which the rest of the file is given up


class PacketSource:
    """An open file: its packets, and the decoder that they are for. Close it after use.

    `step`: ticks from one frame to the next at the declared rate. `start`: tick of the first packet. `position`: tick
    at which reading has arrived. `latest_key`: tick of the last key frame that was given or gone to. `torn`: what
    `next` gives does not follow what it gave before. `failed`: reading ended with an error and not with the file.
    `skipped_damage`: times of damaged packets among those dropped since the last seek.

    Args:
        path: the file.
        progress: called for each packet.

    Raises:
        MediaError: the file cannot be opened, or has no video stream.
    """

    _queue: deque[Packet[VideoStream]]
    _has_index: bool
    latest_key: int | None

    def __init__(self, path: Path, progress: Callable[[], None] = lambda: None) -> None:
        self._path = path
        self._progress = progress
        self._open()

    def reopen(self) -> None:
        """Begin at the beginning, with a new decoder."""
        self.close()
        self._open()

    def close(self) -> None:
        """Give the file and the decoder back."""
        self._queue.clear()
        self._demux.close()
        self._container.close()

    @property
    def declared_size(self) -> tuple[int, int]:
        """Columns and rows that the container, or the first packets, give to the pictures."""
        return self._stream.width, self._stream.height

    @property
    def has_own_length(self) -> bool:
        """Whether the stream declares its length itself, and not only the container."""
        return self._stream.duration is not None

    @property
    def has_timestamps(self) -> bool:
        """Whether frames have times; those of a raw elementary stream can only be counted."""
        return not self._container.format.flags & _NO_TIMESTAMPS

    @property
    def lists_every_packet(self) -> bool:
        """Whether the container holds a table of all packets, so that none can vanish without a trace."""
        return bool(_LISTS_EVERY_PACKET & set(self._container.format.name.split(",")))

    def seek(self, ticks: int) -> bool:
        """Go to a packet at or before `ticks` where the container can; False where it cannot."""
        try:
            self._container.seek(ticks, stream=self._stream)
        except av.error.FFmpegError:
            return False
        self._begin(ticks, math.inf)
        return True

    def knows_damage_from(self, ticks: int) -> bool:
        """Whether every mark of damage at or after `ticks`, and before what `next` gives, has been seen."""
        return self.lists_every_packet or self._seen_from <= ticks

    def next(self) -> Packet[VideoStream] | None:
        """The next packet, None at the end."""
        packet = self._queue.popleft() if self._queue else self._fetch()
        if packet is not None and _key_time(packet) is not None:
            self.latest_key = _key_time(packet)
        return packet

    def is_damaged(self, packet: Packet[VideoStream]) -> bool:
        """Whether bytes in the packet or before it are known to be missing."""
        return packet.is_corrupt or packet.pts in self._after_error

    def skip_to_key(self, limit: int, *, hold: bool = True) -> int | None:
        """Drop packets before the last key frame at or before `limit`; its pts, or None when none lies ahead.

        Packets up to the first that is decoded after `limit` are read and held for `next`: no later one can be a key
        frame shown before. `hold=False` drops those before the first key frame, after a seek.
        """
        key, size = None, 0
        held, self._queue = self._queue, deque()
        packet = held.popleft() if held else self._fetch()
        while packet is not None:
            time = _key_time(packet)
            if time is not None and time <= limit:
                key, size = time, 0
                self._drop(*self._queue)
                self._queue.clear()
            if hold or key is not None:
                self._queue.append(packet)
                size += packet.size
            else:
                self._drop(packet)
            enough = self.position > limit or size > _LARGEST_QUEUE
            packet = held.popleft() if held else None if enough else self._fetch()
        return key

    def has_index_until(self, ticks: int) -> bool:
        """Whether the container's table of packets is known up to there."""
        index = self._stream.index_entries
        return self._has_index and len(index) > 0 and index[-1].timestamp >= ticks

    def keys_nearest(self, instant: int, earliest: int, latest: int) -> Iterator[Packet[VideoStream]]:
        """The key frames around an instant that are shown in [earliest, latest), the nearest first: two at most.

        Where the index reaches so far, they are found by it, and nothing else is read. Elsewhere packets are read and
        held, from the last key frame at or before the instant to the first one after it; no key frame before `earliest`
        may have been read.
        """
        if self.has_index_until(latest):
            yield from self._keys_of_index(instant, earliest, latest)
        else:
            yield from _nearest(self._keys_ahead(instant, latest), instant, earliest, latest)

    def packets_from(self, key: Packet[VideoStream]) -> Iterator[Packet[VideoStream]]:
        """A key frame that was found, and what follows it; `next` gives them, too."""
        if not any(packet is key for packet in self._queue):
            self._key_at(_decoded_at(key, self.position))
        while self._queue and self._queue[0] is not key and self._queue[0].pts != key.pts:
            self._drop(self._queue.popleft())
        index = 0
        while index < len(self._queue) or self._hold_one():
            yield self._queue[index]
            index += 1

    def arrive_before(self, ticks: int) -> bool:
        """Hold the next packet; whether it is decoded at or before `ticks`."""
        return self._hold_one() and self.position <= ticks

    def end_of_packets(self, declared: int | None) -> int | None:
        """Read to the end; the tick at which the last picture ends, by counting where packets have no time.

        `declared`: the tick at which it ends by declaration.
        """
        latest = self.latest_end(declared)
        count = 0
        while (packet := self.next()) is not None:
            count += 1
            if packet.pts is not None and not packet.is_discard:
                latest.add(packet.pts, packet.duration or round(self.step))
        return latest.end if self.has_timestamps else round(count * self.step)

    def latest_end(self, declared: int | None = None) -> LatestEnd:
        """To tell where these packets end."""
        return LatestEnd(None if self.lists_every_packet else round(_JUMP / self.time_base), declared)

    def _open(self) -> None:
        self._container: InputContainer = open_container(self._path)
        try:
            self._stream: VideoStream = main_stream(self._container, self._path)
        except BaseException:
            self._container.close()
            raise
        for other in self._container.streams:
            if other.index != self._stream.index:
                other.discard = Discard.all
        self.decoder: VideoCodecContext = self._stream.codec_context
        self.decoder.thread_count = 1
        self.decoder.options = {"max_pixels": str(LARGEST_PICTURE)}
        self.time_base = time_base(self._stream)
        self.start = self._stream.start_time or 0
        self.step = 1 / (self._stream.guessed_rate or self._stream.average_rate or _DEFAULT_RATE) / self.time_base
        self._delay = 0
        self._has_index = "mov" in self._container.format.name.split(",")
        self._begin(self.start, -math.inf)

    def _begin(self, position: int, seen_from: float) -> None:
        self.position = position
        self.failed = False
        self.skipped_damage: set[int] = set()
        self._seen_from = seen_from
        self._queue = deque()
        self._after_error: set[int | None] = set()
        self.latest_key = None
        self.torn = True
        self._demux = self._packets()

    def _packets(self) -> Generator[Packet[VideoStream]]:
        # PyAV types the generator as an iterator, which could not be closed.
        return cast("Generator[Packet[VideoStream]]", self._container.demux(self._stream))

    def _fetch(self) -> Packet[VideoStream] | None:
        self._progress()
        for _ in range(_READ_ERRORS):
            try:
                # An empty packet only tells a decoder that the stream has ended.
                packet = next((packet for packet in self._demux if packet.size), None)
            except IndexError:
                # PyAV stumbles at the end of a file in which streams have turned up on the way.
                return None
            except av.error.FFmpegError:
                # Of any kind: FFmpeg also says that there is no memory for a packet whose length is nonsense.
                self.failed = True
                self._demux = self._packets()
                continue
            if packet is not None:
                self._arrive(packet)
            return packet
        return None

    def _keys_of_index(self, instant: int, earliest: int, latest: int) -> Iterator[Packet[VideoStream]]:
        """The index tells when frames are decoded. When they are shown, up to a second later, their packets tell."""
        floor = earliest - round(LONGEST_DELAY / self.time_base)
        last, following = self._key_time_before(instant), self._key_time_after(instant)
        near = self._key_at(last) if last is not None and last > floor else None
        others: list[Packet[VideoStream] | None] = []
        if near is not None and cast("int", near.pts) > instant:
            previous = self._key_time_before(cast("int", last) - 1)
            others.append(self._key_at(previous) if previous is not None and previous > floor else None)
        elif following is not None and following < latest:
            if near is not None and following - instant >= instant - cast("int", near.pts):
                # The other one is shown no sooner than it is decoded: it need not be read.
                yield from _nearest([near], instant, earliest, latest)
                near = None
            others.append(self._key_at(following))
        found = [key for key in (near, *others) if key is not None]
        yield from _nearest(found, instant, earliest, latest)

    def _key_time_before(self, ticks: int) -> int | None:
        found = self._stream.index_entries.search_timestamp(ticks)
        return self._stream.index_entries[found].timestamp if found >= 0 else None

    def _key_time_after(self, ticks: int) -> int | None:
        found = self._stream.index_entries.search_timestamp(ticks + 1, backward=False)
        return self._stream.index_entries[found].timestamp if found >= 0 else None

    def _key_at(self, ticks: int) -> Packet[VideoStream] | None:
        """Read on from the key frame that is decoded then by the index, which is not believed again if it is wrong."""
        for _ in range(2):
            # The index is by time of decoding, seeking by time of display.
            packet = self._fetch() if self.seek(ticks + self._delay) else None
            if packet is None or packet.dts is None or packet.pts is None:
                break
            self._queue.append(packet)
            self._delay = packet.pts - packet.dts
            if packet.dts == ticks and _key_time(packet) is not None:
                self.latest_key = packet.pts
                return packet
        self._has_index = False
        return None

    def _keys_ahead(self, instant: int, latest: int) -> list[Packet[VideoStream]]:
        """The last key frame at or before the instant, and the first after it, by reading to the latter or `latest`."""
        keys: list[Packet[VideoStream]] = []
        size = 0
        held, self._queue = self._queue, deque()
        while (packet := held.popleft() if held else self._fetch()) is not None:
            time = _key_time(packet)
            if (time is not None and time <= instant) or size > _LARGEST_QUEUE:
                self.torn |= bool(self._queue)
                self._drop(*self._queue)
                self._queue.clear()
                keys, size = [], 0
            self._queue.append(packet)
            size += packet.size
            if time is not None:
                keys.append(packet)
            if (time is not None and time > instant) or _decoded_at(packet, self.position) > latest:
                break
        self._queue.extend(held)
        return keys

    def _hold_one(self) -> bool:
        packet = self._fetch()
        if packet is not None:
            self._queue.append(packet)
        return packet is not None

    def _drop(self, *packets: Packet[VideoStream]) -> None:
        self.skipped_damage.update(
            packet.pts for packet in packets if packet.pts is not None and self.is_damaged(packet)
        )

    def _arrive(self, packet: Packet[VideoStream]) -> None:
        if self.failed:
            self._after_error.add(packet.pts)
            self.failed = False
        time = packet.pts if packet.dts is None else packet.dts
        if time is not None:
            self.position = time
            self._seen_from = min(self._seen_from, time)


def _nearest(keys: list[Packet[VideoStream]], instant: int, earliest: int, latest: int) -> list[Packet[VideoStream]]:
    within = [(key.pts, key) for key in keys if key.pts is not None and earliest <= key.pts < latest]
    return [key for _, key in sorted(within, key=lambda found: (abs(found[0] - instant), found[0]))]


def _key_time(packet: Packet[VideoStream]) -> int | None:
    """The tick of a key frame; None for any other packet."""
    return packet.pts if packet.is_keyframe and not packet.is_discard else None


def _decoded_at(packet: Packet[VideoStream], otherwise: int) -> int:
    if packet.dts is not None:
        return packet.dts
    return otherwise if packet.pts is None else packet.pts
