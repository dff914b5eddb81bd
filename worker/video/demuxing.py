"""An open file: the packets of its main video stream in the order of the file, past the errors of the demuxer."""

# PyAV's Packet is generic for type checkers only: annotations must not be evaluated.
from __future__ import annotations

import math
from collections.abc import Callable, Generator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Final, cast

import av.error
from av.container import InputContainer
from av.packet import Packet
from av.stream import Discard
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from db.facts import ClockPiece
from worker.video.clock import Clock, Look, byte_before
from worker.video.opening import LARGEST_PICTURE, main_stream, open_container, time_base

_NO_TIMESTAMPS: Final = 0x0080  # AVFMT_NOTIMESTAMPS: raw elementary streams
_LISTS_EVERY_PACKET: Final = frozenset({"mov", "avi"})
_DEFAULT_RATE: Final = Fraction(25)
_PACKETS_TO_TIME: Final = 64  # packets without a time after which there is none
_READ_ERRORS: Final = 32  # consecutive errors of the demuxer after which the rest of the file is given up


class Demuxer:
    """An open file, its packets, and the decoder that they are for. Close it after use.

    `step`: ticks from one frame to the next at the declared rate. `start`: tick of the first packet. `position`: tick
    at which reading has arrived. `failed`: reading ended with an error and not with the file.

    Args:
        path: the file.
        progress: called for each packet.
        pieces: of a transport stream whose clock jumps; its times then go on through all of them.

    Raises:
        MediaError: the file cannot be opened, or has no video stream.
    """

    _demux: Generator[Packet[VideoStream]]

    def __init__(
        self, path: Path, progress: Callable[[], None] = lambda: None, pieces: Sequence[ClockPiece] = ()
    ) -> None:
        self._path = path
        self._progress = progress
        self._clock = Clock(pieces) if pieces else None
        self._open()

    def reopen(self) -> None:
        """Begin at the beginning, with a new decoder."""
        self.close()
        self._open()

    def close(self) -> None:
        """Give the file and the decoder back."""
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

    @property
    def may_be_joined(self) -> bool:
        """Whether the file can be several, joined by nothing but writing one behind the other."""
        return self._container.format.name == "mpegts"

    @property
    def lists_key_frames(self) -> bool:
        """Whether the container holds a table from which key frames are found by when they are decoded."""
        return "mov" in self._container.format.name.split(",")

    def listed_until(self, ticks: int) -> bool:
        """Whether that table is known up to there."""
        index = self._stream.index_entries
        return len(index) > 0 and index[-1].timestamp >= ticks

    def listed_key(self, ticks: int, *, backward: bool) -> int | None:
        """When the last key frame up to a tick is decoded by that table, or the first one from there on; or None."""
        index = self._stream.index_entries
        found = index.search_timestamp(ticks, backward=backward)
        return index[found].timestamp if found >= 0 else None

    def seek(self, ticks: int) -> bool:
        """Go to a packet at or before `ticks` where the container can; False where it cannot."""
        if self._clock is not None:
            byte = byte_before(ticks, *self._clock.span(ticks, self._container.size), self.look)
            return self.go_to_byte(byte, ticks)
        try:
            self._container.seek(ticks, stream=self._stream)
        except av.error.FFmpegError:
            return False
        self._begin(ticks, math.inf)
        return True

    def go_to_byte(self, byte: int, ticks: int | None = None) -> bool:
        """Go to a byte of a transport stream; False where that is not possible. `ticks`: when its packets are due."""
        try:
            self._container.seek(byte, unsupported_byte_offset=True)
        except av.error.FFmpegError:
            return False
        self._begin(self.start if ticks is None else ticks, math.inf, byte)
        return True

    def look(self, byte: int) -> Look | None:
        """Go to a byte of a transport stream; the first packet that says from there on when and where it is."""
        if self.go_to_byte(byte):
            for _ in range(_PACKETS_TO_TIME):
                packet = self.fetch()
                if packet is None:
                    break
                if packet.dts is not None and packet.pos is not None:
                    return Look(packet.dts, packet.pos)
        return None

    def fetch(self) -> Packet[VideoStream] | None:
        """The next packet, None at the end."""
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

    def is_damaged(self, packet: Packet[VideoStream]) -> bool:
        """Whether bytes in the packet or before it are known to be missing."""
        return packet.is_corrupt or packet.pts in self._after_error

    def knows_damage_from(self, ticks: int) -> bool:
        """Whether every mark of damage at or after `ticks`, and before what `fetch` gives, has been seen."""
        return self.lists_every_packet or self._seen_from <= ticks

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
        self._begin(self.start, -math.inf)

    def _begin(self, position: int, seen_from: float, byte: int = 0) -> None:
        self.position = position
        self.failed = False
        self._seen_from = seen_from
        self._byte = byte
        self._after_error: set[int | None] = set()
        self._demux = self._packets()

    def _packets(self) -> Generator[Packet[VideoStream]]:
        # PyAV types the generator as an iterator, which could not be closed.
        return cast("Generator[Packet[VideoStream]]", self._container.demux(self._stream))

    def _arrive(self, packet: Packet[VideoStream]) -> None:
        if self._clock is not None:
            self._continue(packet, self._clock)
        if self.failed:
            self._after_error.add(packet.pts)
            self.failed = False
        time = packet.pts if packet.dts is None else packet.dts
        if time is not None:
            self.position = time
            self._seen_from = min(self._seen_from, time)

    def _continue(self, packet: Packet[VideoStream], clock: Clock) -> None:
        """Give the packet times that go on. One that does not say where it begins lies where the one before does."""
        if packet.pos is not None:
            self._byte = packet.pos
        if packet.pts is not None:
            packet.pts = clock.continued(packet.pts, self._byte)
        if packet.dts is not None:
            packet.dts = clock.continued(packet.dts, self._byte)
