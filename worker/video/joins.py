"""Finding the pieces of a transport stream whose clock jumps, without decoding and without reading all of a large file.

The clock is looked at in places evenly spread, and only where it may jump between two of them is everything read from
one to the other. So the cost is bounded by the number of looks and of jumps, and not by the size. What is missed: a
jump and its way back between two looks, and a jump back by less than the clock advances meanwhile. A small file is read
through: of that nothing is missed.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from db.facts import ClockPiece
from worker.video.clock import Look, PieceFinder, may_jump
from worker.video.demuxing import Demuxer

_SMALL: Final = 64 * 2**20  # bytes
_LOOK_EVERY: Final = 2 * 2**20  # bytes
_MOST_LOOKS: Final = 1024


def find_pieces(file: Demuxer, byte_size: int) -> tuple[tuple[ClockPiece, ...], int]:
    """The pieces of a file, and the tick at which its last picture ends; no pieces where its clock runs on.

    Afterwards the file stands anywhere: seek before reading on.
    """
    looks = list(_looks(file, byte_size)) if file.may_be_joined else []
    finder = PieceFinder(round(file.step))
    arrived = -1
    for number, suspected in enumerate([*may_jump(looks), True] if looks else []):
        if suspected:
            arrived = _read(file, finder, looks[number : number + 3], arrived)
        else:
            if not number:
                finder.add(*looks[0])
            finder.pass_over(looks[number + 1])
            arrived = looks[number + 1].position
    return (tuple(finder.pieces), finder.end) if len(finder.pieces) > 1 else ((), finder.end)


def _looks(file: Demuxer, byte_size: int) -> Iterator[Look]:
    """What the clock says, at the beginning and every so many bytes."""
    step = max(_LOOK_EVERY, byte_size // _MOST_LOOKS) if byte_size > _SMALL else byte_size
    arrived = -1
    for byte in range(0, byte_size, step):
        # Where no picture came for long, the look before has read over this byte.
        if byte > arrived:
            look = file.look(byte)
            if look is None:
                return
            arrived = look.position
            yield look


def _read(file: Demuxer, finder: PieceFinder, looks: Sequence[Look], arrived: int) -> int:
    """Tell the finder the packets from the first of some looks to the second, or the third if it is in doubt.

    Those up to the byte `arrived` it knows. Without another look, to the end of the file. Returns where the last one
    begins.
    """
    first, *ends = looks
    file.go_to_byte(first.position)
    while (packet := file.fetch()) is not None:
        # A packet without a place has a time that FFmpeg has made up from those before.
        if packet.dts is None or packet.pos is None or packet.pos <= arrived:
            continue
        arrived = packet.pos
        finder.add(packet.dts, arrived, (packet.dts if packet.pts is None else packet.pts) - packet.dts)
        if ends and arrived >= ends[-1 if finder.in_doubt else 0].position:
            break
    return arrived
