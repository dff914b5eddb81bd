"""Packets on their way to the decoder: found, held and dropped by their key frames."""

# PyAV's Packet is generic for type checkers only: annotations must not be evaluated.
from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Final, cast

from av.packet import Packet
from av.video.stream import VideoStream

from worker.video.demuxing import Demuxer
from worker.video.timeline import LatestEnd

_JUMP: Final = 10  # seconds; a single packet so far ahead of its neighbours does not tell the end
LONGEST_DELAY: Final = 1  # second; no frame is decoded so long before it is shown
_SEEKS_TO_KEY: Final = 16
_LARGEST_QUEUE: Final = 64 * 2**20  # bytes of packets that are held while looking for a key frame


class PacketSource:
    """The packets of an open file, of which some may be held.

    `latest_key`: tick of the last key frame that was given or dropped, or of the place that was gone to. `torn`: what
    `next` gives does not follow what it gave before. `skipped_damage`: times of damaged packets among those dropped
    since the last seek.
    """

    _queue: deque[Packet[VideoStream]]
    latest_key: int | None

    def __init__(self, file: Demuxer) -> None:
        self._file = file
        self._shift = 0
        self._has_index = file.lists_key_frames
        self._begin()

    def reopen(self) -> None:
        """Begin at the beginning, with a new decoder."""
        self._file.reopen()
        self._begin()

    def seek(self, ticks: int) -> bool:
        """Go to a packet at or before `ticks` where the container can; False where it cannot."""
        if not self._file.seek(ticks):
            return False
        self._begin()
        self.latest_key = ticks
        return True

    def next(self) -> Packet[VideoStream] | None:
        """The next packet, None at the end."""
        packet = self._queue.popleft() if self._queue else self._file.fetch()
        if packet is not None and _key_time(packet) is not None:
            self.latest_key = _key_time(packet)
        return packet

    def skip_to_key(self, limit: int, *, hold: bool = True) -> int | None:
        """Drop packets before the last key frame at or before `limit`; its pts, or None when none lies ahead.

        Packets up to the first that is decoded after `limit` are read and held for `next`: no later one can be a key
        frame shown before. `hold=False` drops those before the first key frame, after a seek.
        """
        key, size = None, 0
        held, self._queue = self._queue, deque()
        packet = held.popleft() if held else self._file.fetch()
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
            enough = self._file.position > limit or size > _LARGEST_QUEUE
            packet = held.popleft() if held else None if enough else self._file.fetch()
        return key

    def has_index_until(self, ticks: int) -> bool:
        """Whether the container's table of packets is known up to there."""
        return self._has_index and self._file.listed_until(ticks)

    def keys_nearest(self, instant: int, earliest: int, latest: int) -> Iterator[Packet[VideoStream]]:
        """The key frames around an instant that are shown in [earliest, latest), the nearest first: two at most.

        Where the index reaches so far, they are found by it, and nothing else is read; if it turns out to be wrong,
        some may be missing, and `has_index_until` says so. Elsewhere packets are read and held, from the last key frame
        at or before the instant to the first one after it; no key frame from `earliest` on may have been read.
        """
        if self.has_index_until(latest):
            yield from self._keys_of_index(instant, earliest, latest)
        else:
            yield from _nearest(self._keys_ahead(instant, latest), instant, earliest, latest)

    def packets_from(self, key: Packet[VideoStream]) -> Iterator[Packet[VideoStream]]:
        """A key frame that was found, and what follows it; `next` gives them, too."""
        if not any(packet is key for packet in self._queue):
            self._key_at(_decoded_at(key, self._file.position))
        while self._queue and self._queue[0] is not key and self._queue[0].pts != key.pts:
            self._drop(self._queue.popleft())
        index = 0
        while index < len(self._queue) or self._hold_one():
            yield self._queue[index]
            index += 1

    def arrive_before(self, ticks: int) -> bool:
        """Hold the next packet; whether it is decoded at or before `ticks`."""
        return self._hold_one() and self._file.position <= ticks

    def end_of_packets(self, declared: int | None) -> int | None:
        """Read to the end; the tick at which the last picture ends, by counting where packets have no time.

        `declared`: the tick at which it ends by declaration.
        """
        latest = self.latest_end(declared)
        count = 0
        while (packet := self.next()) is not None:
            count += 1
            if packet.pts is not None and not packet.is_discard:
                latest.add(packet.pts, packet.duration or round(self._file.step))
        return latest.end if self._file.has_timestamps else round(count * self._file.step)

    def latest_end(self, declared: int | None = None) -> LatestEnd:
        """To tell where these packets end."""
        return LatestEnd(None if self._file.lists_every_packet else round(_JUMP / self._file.time_base), declared)

    def _begin(self) -> None:
        self.skipped_damage: set[int] = set()
        self._queue = deque()
        self.latest_key = None
        self.torn = True

    def _keys_of_index(self, instant: int, earliest: int, latest: int) -> Iterator[Packet[VideoStream]]:
        """The index tells when frames are decoded. When they are shown, up to a second later, their packets tell."""
        floor = earliest - round(LONGEST_DELAY / self._file.time_base)
        last = self._file.listed_key(instant, backward=True)
        following = self._file.listed_key(instant + 1, backward=False)
        near = self._key_at(last) if last is not None and last > floor else None
        others: list[Packet[VideoStream] | None] = []
        if near is not None and cast("int", near.pts) > instant:
            previous = self._file.listed_key(cast("int", last) - 1, backward=True)
            others.append(self._key_at(previous) if previous is not None and previous > floor else None)
        elif following is not None and following < latest:
            if near is not None and following - instant >= instant - cast("int", near.pts):
                # The other one is shown no sooner than it is decoded: it need not be read.
                yield from _nearest([near], instant, earliest, latest)
                near = None
            others.append(self._key_at(following))
        if self._has_index:
            yield from _nearest([key for key in (near, *others) if key is not None], instant, earliest, latest)

    def _key_at(self, ticks: int) -> Packet[VideoStream] | None:
        """Read on from the key frame that is decoded then by the index, which is not believed again if it is wrong.

        None also where that one is not to be shown. The index is by time of decoding. Seeking goes by times that are
        later by some shift, the same for all of the file, which is found by bisection.
        """
        early: int | None = None
        late: int | None = None
        shift, stride = self._shift, round(self._file.step)
        for _ in range(_SEEKS_TO_KEY):
            packet = self._file.fetch() if self.seek(ticks + shift) else None
            if packet is None or packet.dts is None or packet.pts is None:
                break
            self.latest_key = packet.pts
            if packet.dts == ticks and packet.is_keyframe:
                self._queue.append(packet)
                self._shift = shift
                return None if _key_time(packet) is None else packet
            if packet.dts < ticks:
                early = shift
            else:
                late = shift
            if early is not None and late is not None:
                shift = (early + late) // 2
            else:
                shift += stride if late is None else -stride
                stride *= 2
        self._has_index = False
        return None

    def _keys_ahead(self, instant: int, latest: int) -> list[Packet[VideoStream]]:
        """The last key frame at or before the instant, and the first after it, by reading to the latter or `latest`."""
        keys: list[Packet[VideoStream]] = []
        size = 0
        held, self._queue = self._queue, deque()
        while (packet := held.popleft() if held else self._file.fetch()) is not None:
            time = _key_time(packet)
            if (time is not None and time <= instant) or size > _LARGEST_QUEUE:
                self.torn |= bool(self._queue)
                self._drop(*self._queue)
                self._queue.clear()
                self.latest_key = max((key.pts or 0 for key in keys), default=self.latest_key)
                keys, size = [], 0
            self._queue.append(packet)
            size += packet.size
            if time is not None:
                keys.append(packet)
            if (time is not None and time > instant) or _decoded_at(packet, self._file.position) > latest:
                break
        self._queue.extend(held)
        return keys

    def _hold_one(self) -> bool:
        packet = self._file.fetch()
        if packet is not None:
            self._queue.append(packet)
        return packet is not None

    def _drop(self, *packets: Packet[VideoStream]) -> None:
        self.skipped_damage.update(
            packet.pts for packet in packets if packet.pts is not None and self._file.is_damaged(packet)
        )


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
