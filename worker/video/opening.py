"""Opening a submitted file safely, and choosing its main video stream.

A submitted file is hostile until shown otherwise. It is opened as a file whatever its name looks like (`-x.mp4`,
`http:x.mp4`, `concat:a|b`). FFmpeg may use no protocol but `file`, and only demuxers that read nothing beside the file
itself, so that a playlist or a manifest cannot make it open other files or network addresses.
"""

from fractions import Fraction
from pathlib import Path
from stat import S_ISREG
from typing import Final

import av
import av.error
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from config.errors import EmptyFile, FileMissing, NotAVideo, NoVideoStream, Undecodable
from worker.video.timeline import Declared

# Left out on purpose: playlists and manifests (hls, dash, concat, imf, sdp), picture sequences (image2), devices
# (lavfi), and whatever opens files beside its own (mlv, dvdvideo).
_DEMUXERS: Final = (
    "3g2,3gp,asf,av1,avi,dirac,dnxhd,dv,evc,flv,gxf,h264,hevc,ivf,live_flv,m4a,m4v,matroska,mj2,mjpeg,mov,mp4,mpeg,"
    "mpegts,mpegvideo,mxf,nsv,nut,nuv,obu,ogg,pva,rm,ty,vc1,vvc,webm,wtv,yuv4mpegpipe"
)
LARGEST_PICTURE: Final = 8192 * 4352
"""Pixels, the 8K format: a larger picture is an attack on the memory."""
_RUNNING_CLOCK: Final = 0x0200  # AVFMT_TS_DISCONT
_RUNNING_CLOCK_NAMES: Final = frozenset({"pva", "wtv", "ty"})  # the same, where FFmpeg does not say so
_DEFAULT_TIME_BASE: Final = Fraction(1, 1000)


def check_file(path: Path) -> int:
    """The file's size in bytes.

    Raises:
        FileMissing: not there, or not readable.
        NotAVideo: a folder, a pipe or a device.
        EmptyFile: zero bytes.
    """
    try:
        status = path.stat()
        if S_ISREG(status.st_mode):
            path.open("rb").close()
    except OSError as error:
        what = error.strerror or "cannot be read"
        raise FileMissing(str(path), what.lower(), "check that it is there and readable") from error
    if not S_ISREG(status.st_mode):
        raise NotAVideo(str(path), "is not a regular file", "name a file")
    if status.st_size == 0:
        raise EmptyFile(str(path), "has zero bytes", "upload it again")
    return status.st_size


def open_container(path: Path) -> InputContainer:
    """Open as a file, and as nothing but the allowed containers. The caller closes it.

    Raises:
        NotAVideo: no container that is allowed here.
    """
    try:
        try:
            return _open(path)
        except (av.error.InvalidDataError, av.error.EOFError):
            # A recorder that died while it wrote the header of a fragment: without an index of all fragments, which
            # FFmpeg makes first, those before can be read.
            return _open(path, fflags="+ignidx")
    except (av.error.FFmpegError, ValueError) as error:
        raise NotAVideo(str(path), "is in no container that can be read", "check that it plays elsewhere") from error


def _open(path: Path, **flags: str) -> InputContainer:
    return av.open(
        f"file:{path.absolute()}",
        # Opening decodes pictures to learn about them.
        options={"max_pixels": str(LARGEST_PICTURE)},
        container_options={"protocol_whitelist": "file", "format_whitelist": _DEMUXERS, **flags},
        metadata_errors="replace",
    )


def main_stream(container: InputContainer, path: Path) -> VideoStream:
    """The stream that a player would show: default before others, then the largest picture, then the first.

    Raises:
        NoVideoStream: sound only, or only a cover picture.
        Undecodable: there is no decoder for it.
    """
    moving = [stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic]
    if not moving:
        what = "holds a cover picture but no video" if container.streams.video else "holds no video"
        raise NoVideoStream(str(path), what)
    # PyAV types the context as always there; it is None where FFmpeg has no decoder.
    known = [stream for stream in moving if getattr(stream, "codec_context", None) is not None]
    if not known:
        raise Undecodable(str(path), "its video is of a codec that cannot be decoded here")
    return max(known, key=lambda stream: (bool(stream.disposition & Disposition.default), stream.width * stream.height))


def time_base(stream: VideoStream) -> Fraction:
    """Seconds per tick."""
    return stream.time_base or _DEFAULT_TIME_BASE


def declared(container: InputContainer, stream: VideoStream) -> Declared:
    """What the container says about the stream's time."""
    names = set(container.format.name.split(","))
    return Declared(
        time_base=time_base(stream),
        start=stream.start_time,
        length=_length(names, stream),
        container_start=container.start_time,
        container_length=container.duration,
        running_clock=bool(container.format.flags & _RUNNING_CLOCK or names & _RUNNING_CLOCK_NAMES),
        edited="mov" in names,
        absolute="matroska" in names,
    )


def _length(names: set[str], stream: VideoStream) -> int | None:
    """Ticks. Of an AVI that was cut off, FFmpeg shortens the length to the share that is there: its header tells."""
    if stream.duration is None or "avi" not in names:
        return stream.duration
    return max(stream.duration, stream.frames)
