"""Transport streams whose clock jumps: recordings that were joined, or a transmitter that began anew.

Such a file is made of pieces, each of which has a clock of its own. They are found once, when the file is probed, and
are among the facts of the video: whoever begins to decode at whatever place gives a picture the same time. The times of
a piece go on where those of the one before end. Plain numbers, no decoder.

A clock of MPEG counts 33 bits and then begins again, so that a time means another one every 26.5 hours. Which one is
meant, the piece tells: it is the first from a minute before the piece on. A file that lasts longer has a new piece in
time, though its clock does not jump.
"""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median
from typing import Final, NamedTuple

from db.facts import ClockPiece

_TURN: Final = 1 << 33  # ticks after which a clock of MPEG begins again
_SECOND: Final = 90_000  # ticks
_EARLIEST: Final = 60 * _SECOND  # before the first packet of a piece, no time of the piece comes earlier than this
_STEADY: Final = _SECOND // 2
"""What goes back by less is a few pictures too many at a cut; what goes ahead by less needs no proof."""
_FORWARD: Final = 3600 * _SECOND
"""What goes ahead by less is a gap: pictures were lost meanwhile, and the clock ran on."""
_CLOSE: Final = 10 * _SECOND  # how far ahead the second packet of a new clock is at most
_LONGEST_PIECE: Final = _TURN - 2 * _FORWARD
_MOST_PIECES: Final = 10_000
_MOST_DOUBTS: Final = 3  # packets that may be right or wrong, until a later one shows it
_UNEVEN: Final = 4  # times more or less than usual between two looks at the clock, from which on it may have jumped
_NEAR: Final = 1 << 18  # bytes; reading so far costs no more than another look


class Look(NamedTuple):
    """A packet that says when it is decoded (`ticks`) and at which byte it begins (`position`)."""

    ticks: int
    position: int


class Clock:
    """Time that goes on through all pieces of a file."""

    def __init__(self, pieces: Sequence[ClockPiece]) -> None:
        self._pieces = pieces
        self._positions = [piece.position for piece in pieces]
        self._starts = [piece.continued for piece in pieces]

    def continued(self, ticks: int, position: int) -> int:
        """What the file's clock says at a byte, in time that goes on."""
        piece = self._pieces[bisect_right(self._positions, position) - 1]
        return piece.continued + (ticks - piece.first + _EARLIEST) % _TURN - _EARLIEST

    def span(self, ticks: int, byte_size: int) -> tuple[int, int]:
        """The first byte of the piece that a time belongs to, and the first byte behind it."""
        number = max(0, bisect_right(self._starts, ticks) - 1)
        return (*self._positions, byte_size)[number], (*self._positions, byte_size)[number + 1]


class _Packet(NamedTuple):
    ticks: int
    position: int
    delay: int


@dataclass(slots=True)
class PieceFinder:
    """Tells where the clock jumps, from the packets of a file in order.

    A wrong time is none: what lies far from the packet before counts only when a later packet bears it out. `step`:
    ticks from one picture to the next at the declared rate. `pieces`: those found so far, one where nothing jumps.
    `end`: tick at which the latest picture ends, in time that goes on.
    """

    step: int
    pieces: list[ClockPiece] = field(default_factory=list)
    end: int = 0
    _last: int = 0
    _continued: int = 0
    _doubtful: list[_Packet] = field(default_factory=list)

    @property
    def in_doubt(self) -> bool:
        """Whether it depends on the packets to come what the last ones meant."""
        return bool(self._doubtful)

    def add(self, ticks: int, position: int, delay: int = 0) -> None:
        """One more packet.

        Args:
            ticks: when it is decoded, by the file's clock.
            position: the byte where it begins.
            delay: ticks from then until it is shown.
        """
        packet = _Packet(ticks, position, delay if 0 <= delay <= _SECOND else 0)
        if not self.pieces:
            self.pieces.append(ClockPiece(0, ticks, ticks))
            self._last = self._continued = self.end = ticks
        if not self._is_steady(packet):
            number = next((n for n, doubtful in enumerate(self._doubtful) if self._bears_out(packet, doubtful)), None)
            if number is not None:
                self._believe(self._doubtful[: number + 1])
        if self._is_steady(packet):
            self._follow(packet)
        else:
            self._doubtful = [*self._doubtful[1 - _MOST_DOUBTS :], packet]

    def pass_over(self, look: Look) -> None:
        """Go on to a packet farther on, up to which the clock ran on."""
        packet = _Packet(*look, delay=0)
        if 0 <= _way(self._last, look.ticks) <= 2 * _FORWARD:
            self._follow(packet)
        else:
            self._begin(packet)

    def _is_steady(self, packet: _Packet) -> bool:
        return abs(_way(self._last, packet.ticks)) <= _STEADY

    def _is_gap(self, packet: _Packet) -> bool:
        return 0 < _way(self._last, packet.ticks) <= _FORWARD

    def _bears_out(self, packet: _Packet, doubtful: _Packet) -> bool:
        """Whether a packet shows that an earlier one was right."""
        onward = _way(doubtful.ticks, packet.ticks)
        if self._is_gap(doubtful):
            return 0 < onward <= _FORWARD
        # Where pictures are far apart, the packet may as well follow the one before the doubtful one.
        return 0 < onward <= _CLOSE and not 0 < _way(self._last, packet.ticks) <= onward

    def _believe(self, doubtful: list[_Packet]) -> None:
        """The last of these packets was right: after a gap, or at the beginning of a piece."""
        *before, right = doubtful
        if self._is_gap(right):
            self._follow(right)
            return
        # Where pictures are far apart, the last one of the piece before is in doubt as well.
        for packet in before:
            if 0 < _way(self._last, packet.ticks) <= _CLOSE:
                self._follow(packet)
        self._begin(right)

    def _follow(self, packet: _Packet) -> None:
        self._continued += _way(self._last, packet.ticks)
        self._arrive(packet)
        if self._continued - self.pieces[-1].continued >= _LONGEST_PIECE:
            self._add(packet)

    def _begin(self, packet: _Packet) -> None:
        """A new piece, whose first picture is shown when the latest one of the piece before has ended."""
        if len(self.pieces) < _MOST_PIECES:
            self._continued = max(self.end - packet.delay, self._continued + 1)
            self._add(packet)
            self._arrive(packet)

    def _add(self, packet: _Packet) -> None:
        if len(self.pieces) < _MOST_PIECES:
            self.pieces.append(ClockPiece(packet.position, packet.ticks, self._continued))

    def _arrive(self, packet: _Packet) -> None:
        self._last, self._doubtful = packet.ticks, []
        self.end = max(self.end, self._continued + packet.delay + self.step)


def may_jump(looks: Sequence[Look]) -> list[bool]:
    """Between which neighbours among looks at the clock, at places evenly spread over a file, it may jump.

    Who has few pictures of a kind in many bytes, or many in few, is suspected, too.
    """
    ways = [_way(one.ticks, other.ticks) for one, other in pairwise(looks)]
    usual = median(ways) if ways else 0
    return [not (0 < way <= _FORWARD and usual <= _UNEVEN * way and way <= _UNEVEN * usual) for way in ways]


def byte_before(ticks: int, low: int, high: int, look: Callable[[int], Look | None]) -> int:
    """A byte from `low` to `high` from which on a time is read that is not later than `ticks`, and not much earlier.

    It is `low`, or one where a packet begins. By bisection.

    Args:
        ticks: the time.
        low: a byte where an earlier time is read, or the first.
        high: a byte where a later time is read, or the last.
        look: gives the first packet behind a byte; None where there is none.
    """
    while high - low > _NEAR:
        middle = (low + high) // 2
        found = look(middle)
        if found is None or found.position >= high or found.ticks > ticks:
            high = middle
        else:
            low = found.position
    return low


def _way(start: int, end: int) -> int:
    """Ticks from one time to another, the short way round."""
    return (end - start + _TURN // 2) % _TURN - _TURN // 2
