"""What a submitted file is: its facts, or the named reason why it is no video."""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from av.video.frame import VideoFrame

from config.errors import Undecodable
from db.facts import VideoFacts
from worker.video.joins import find_pieces
from worker.video.opening import LARGEST_PICTURE, check_file, declared, main_stream, open_container
from worker.video.packets import LONGEST_DELAY
from worker.video.picture import to_rgb, upright_shape
from worker.video.reader import VideoReader
from worker.video.timeline import LONGEST, Declared, is_plausible


def probe(path: Path, progress: Callable[[], None] = lambda: None) -> VideoFacts:
    """What a file says about its main video stream, shown true by decoding one frame.

    The duration runs to the end of the picture as the stream declares it, else as the container does. The file's last
    packets may lengthen it (a recorder that died left an old header) but never shorten it: what is missing from a
    truncated file stays planned, and is found missing. A declaration that leaves fewer than 12.5 bytes per second, or
    exceeds a week, is not believed; then, and where nothing is declared, the packets are counted without decoding.
    Where the clock of a transport stream jumps, no declaration tells anything, and the last packets alone do. What lies
    later than a week is left out, whoever says that it is there.

    Args:
        path: the file.
        progress: called for each packet that is read.

    Raises:
        FileMissing: not there, or not readable.
        EmptyFile: zero bytes.
        NotAVideo: not a regular file, or no container that is allowed here.
        NoVideoStream: sound only, or only a cover picture.
        Undecodable: a video stream of which no frame can be decoded.
    """
    size = check_file(path)
    facts, times, aspect = _as_declared(path)
    with VideoReader(path, facts, progress=progress) as reader:
        first = reader.read()
        if first is None:
            raise Undecodable(str(path), _why_nothing(reader), "check that it plays elsewhere")
        facts = _with_shape(facts, first.picture, aspect, path)
        pieces, end = find_pieces(reader.file, size)
        if not pieces:
            return replace(facts, duration_pts=_duration(reader, times, size))
    facts = replace(facts, pieces=pieces)
    with VideoReader(path, facts, progress=progress) as reader:
        # The picture that is shown last need not be decoded last.
        begin = end - facts.origin_pts - round(LONGEST_DELAY / facts.time_base)
        measured = reader.last_packet_end(begin, near=True)
        return replace(facts, duration_pts=_at_most_a_week(measured, facts.time_base))


def _as_declared(path: Path) -> tuple[VideoFacts, Declared, Fraction | None]:
    """Facts without shape and duration, what the container says of its time, and the aspect of a pixel."""
    container = open_container(path)
    try:
        stream = main_stream(container, path)
        times = declared(container, stream)
        facts = VideoFacts(
            container=container.format.name,
            codec=stream.codec_context.codec.canonical_name,
            width=0,
            height=0,
            rotation=0,
            time_base=times.time_base,
            origin_pts=times.origin(),
            duration_pts=None,
        )
        return facts, times, stream.sample_aspect_ratio
    finally:
        container.close()


def _with_shape(facts: VideoFacts, picture: VideoFrame, aspect: Fraction | None, path: Path) -> VideoFacts:
    """The facts with the upright size and rotation, shown possible by converting the picture."""
    width, height, rotation = upright_shape(picture, aspect)
    facts = replace(facts, width=width, height=height, rotation=rotation)
    try:
        to_rgb(picture, facts)
    except ValueError as error:
        raise Undecodable(str(path), f"its pictures cannot be shown: {error}") from error
    return facts


def _why_nothing(reader: VideoReader) -> str:
    width, height = reader.file.declared_size
    if width * height > LARGEST_PICTURE:
        return f"its pictures of {width} × {height} pixels are larger than {LARGEST_PICTURE} pixels"
    return "not one of its pictures can be decoded"


def _duration(reader: VideoReader, times: Declared, byte_size: int) -> int | None:
    """Ticks from the origin to the end of the picture, or to that of what may be planned."""
    end = times.end()
    duration = None if end is None else end - times.origin()
    if duration is None or not is_plausible(duration * times.time_base, byte_size):
        return _at_most_a_week(reader.last_packet_end(duration), times.time_base)
    measured = reader.last_packet_end(duration, near=True)
    rounding = round(reader.file.step)
    return (
        duration if measured is None or measured - duration <= rounding else _at_most_a_week(measured, times.time_base)
    )


def _at_most_a_week(measured: int | None, time_base: Fraction) -> int | None:
    return None if measured is None else min(measured, int(LONGEST / time_base))
