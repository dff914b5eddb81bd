"""Files that name other files and addresses: FFmpeg would open these, the decoder in its cage opens nothing.

Each kind is first given to FFmpeg without our white-lists: that shows that the reference works and is noticed.
"""

import struct
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import av.error
import numpy as np
import pytest
from support.clips import X264, frames_at, write_clip
from support.surgery import VOID, elements, with_box
from support.witness import NETWORK, Witness, witness

from config.errors import MediaError
from config.sampling_settings import DecodeSettings
from worker.cage.keeper import Keeper

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells who opens which file")

BAIT = "bait.ts"
MOVIE = "bait.mp4"


@dataclass(frozen=True)
class Place:
    """Where an upload lies: a folder with files that it may want to open, and a port that it may want to call."""

    folder: Path
    port: int

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/{BAIT}"


@dataclass(frozen=True)
class Upload:
    """A file that refers to others. `opens`: what FFmpeg opens for it, with `options`; `cause`: how it ends with us."""

    name: str
    content: Callable[[Place], bytes]
    opens: str | None
    cause: str | None = "not-a-video"
    options: Mapping[str, str] = field(default_factory=dict)


NET = {"protocol_whitelist": "file,http,tcp,crypto,subfile"}
ANY = {"allowed_extensions": "ALL", "extension_picky": "0", **NET}


def hls(reference: str, before: str = "") -> Callable[[Place], bytes]:
    def content(place: Place) -> bytes:
        told = reference.format(folder=place.folder, address=place.address)
        return f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n{before}#EXTINF:1,\n{told}\n#EXT-X-ENDLIST\n".encode()

    return content


def concat(reference: str) -> Callable[[Place], bytes]:
    def content(place: Place) -> bytes:
        told = reference.format(folder=place.folder, address=place.address)
        return f"ffconcat version 1.0\nfile '{told}'\n".encode()

    return content


def dash(reference: str) -> Callable[[Place], bytes]:
    def content(place: Place) -> bytes:
        return (
            '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
            'profiles="urn:mpeg:dash:profile:isoff-on-demand:2011" '
            'mediaPresentationDuration="PT1S"><Period duration="PT1S"><AdaptationSet mimeType="video/mp4">'
            f'<Representation id="1" bandwidth="1"><BaseURL>{reference.format(address=place.address)}</BaseURL>'
            "</Representation></AdaptationSet></Period></MPD>"
        ).encode()

    return content


def plain(name: str, folder: Path) -> bytes:
    return write_clip(folder / name, frames_at(25), X264).read_bytes()


def elsewhere(place: Place) -> bytes:
    """A movie whose pictures are said to lie in another file, by an alias record of the Macintosh."""
    target = str(place.folder / MOVIE).encode()
    alias = bytes(10) + b"\x01v" + bytes(26) + bytes(12) + b"\x04bait" + bytes(59) + bytes(16)
    alias += struct.pack(">HH", 0, 0) + bytes(16) + struct.pack(">HH", 2, len(target)) + target + bytes(len(target) % 2)
    alias += b"\xff\xff\x00\x00"
    entry = struct.pack(">I4sI", len(alias) + 12, b"alis", 0) + alias
    return with_box(plain("plain.mov", place.folder), "moov/trak/mdia/minf/dinf/dref", struct.pack(">II", 0, 1) + entry)


def linked(place: Place) -> bytes:
    """A Matroska file that names the file before and after it, by identifier and by name."""
    content = plain("plain.mkv", place.folder)
    begin, _, end = next(elements(content, VOID))
    names = b"".join(
        identifier + bytes([0x80 | len(told)]) + told
        for identifier, told in (
            (b"\x3c\x83\xab", b"bait.mkv"),
            (b"\x3e\x83\xbb", b"file:bait.mkv"),
            (b"\x3e\xb9\x23", bytes(range(16))),
        )
    )
    info = b"\x15\x49\xa9\x66" + bytes([0x80 | len(names)]) + names
    rest = end - begin - len(info) - 2
    assert 0 <= rest < 0x7F
    return content[:begin] + info + b"\xec" + bytes([0x80 | rest]) + bytes(rest) + content[end:]


def with_attachments(place: Place) -> bytes:
    """A Matroska file with a font and a picture whose names are those of other files and addresses."""
    path = place.folder / "attachments.mkv"
    plain("plain.mkv", place.folder)
    with av.open(str(place.folder / "plain.mkv")) as old, av.open(str(path), "w") as new:
        stream = old.streams.video[0]
        copy = new.add_stream_from_template(stream)
        new.add_attachment(f"file:{place.folder}/{BAIT}", "application/x-truetype-font", b"bait")
        new.add_attachment(place.address, "image/jpeg", b"bait")
        for packet in old.demux(stream):
            if packet.size:
                packet.stream = copy
                new.mux(packet)
    return path.read_bytes()


def picture(_place: Place) -> bytes:
    frame = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
    context = av.CodecContext.create("png", "w")
    assert isinstance(context, av.VideoCodecContext)
    context.width = context.height = 64
    context.pix_fmt = "rgb24"
    context.time_base = Fraction(1)
    return b"".join(bytes(packet) for packet in [*context.encode(frame), *context.encode(None)])


def where_built(demuxer: str, opened: str) -> str | None:
    """What FFmpeg opens if it was built with a demuxer; PyAV's wheels have none that needs an XML library."""
    try:
        av.ContainerFormat(demuxer, "r")
    except ValueError:
        return None
    return opened


UPLOADS: dict[str, Upload] = {
    "HLS, a file beside it": Upload("upload.m3u8", hls(BAIT), BAIT, options=ANY),
    "HLS, a file by its path": Upload("upload.m3u8", hls("file://{folder}/bait.ts"), BAIT, options=ANY),
    "HLS, an address": Upload("upload.m3u8", hls("{address}"), NETWORK, options=ANY),
    "HLS, a key": Upload(
        "upload.m3u8", hls("other.ts", '#EXT-X-KEY:METHOD=AES-128,URI="bait.ts"\n'), BAIT, options=ANY
    ),
    # FFmpeg itself believes no playlist of such a name, nor that protocol in one.
    "HLS, in the name of a movie": Upload("upload.mp4", hls(BAIT), None),
    "HLS, a part of a file": Upload("upload.m3u8", hls("subfile,,start,0,end,99,,:bait.ts"), None, options=ANY),
    "concat, a file beside it": Upload("upload.mp4", concat(MOVIE), MOVIE),
    "concat, a file by its path": Upload("upload.txt", concat("{folder}/bait.mp4"), MOVIE, options={"safe": "0"}),
    "concat, a part of a file": Upload(
        "upload.mp4", concat("subfile,,start,0,end,99,,:{folder}/bait.mp4"), MOVIE, options={"safe": "0", **NET}
    ),
    "concat, an address": Upload("upload.mp4", concat("{address}"), NETWORK, options={"safe": "0", **NET}),
    "DASH, a file beside it": Upload("upload.mpd", dash(MOVIE), where_built("dash", MOVIE), options=ANY),
    "DASH, an address": Upload("upload.mp4", dash("{address}"), where_built("dash", NETWORK), options=ANY),
    "VobSub, a file beside it": Upload(
        "bait.idx",
        lambda _place: b"# VobSub index file, v7\nid: en, index: 0\ntimestamp: 00:00:01:000, filepos: 0\n",
        "bait.sub",
    ),
    "Magic Lantern, the file after it": Upload(
        "upload.mlv", lambda _place: struct.pack("<4sI8s36x", b"MLVI", 52, b"v2.0"), "upload.m00"
    ),
    "pictures, the others of the sequence": Upload("upload%03d.png", picture, "upload001.png"),
    "QuickTime, pictures in another file": Upload(
        "upload.mov", elsewhere, MOVIE, "undecodable", {"enable_drefs": "1", "use_absolute_path": "1"}
    ),
    "Matroska, linked segments": Upload("upload.mkv", linked, None, None),
    "Matroska, attachments": Upload("upload.mkv", with_attachments, None, None),
}


@pytest.fixture(scope="module")
def keeper() -> Iterator[Keeper]:
    with Keeper(DecodeSettings()) as opened:
        yield opened


@pytest.fixture
def place(tmp_path: Path) -> Iterator[tuple[Place, Witness]]:
    """A folder with bait, and who watches it."""
    write_clip(tmp_path / MOVIE, frames_at(25), X264)
    write_clip(tmp_path / BAIT, frames_at(25), X264)
    for name in ("bait.sub", "bait.mkv", "upload001.png", "upload.m00"):
        (tmp_path / name).write_bytes(b"bait")
    with witness(tmp_path) as watching:
        yield Place(tmp_path, watching.port), watching


@pytest.mark.parametrize("kind", UPLOADS)
def test_a_reference_opens_nothing(kind: str, keeper: Keeper, place: tuple[Place, Witness]) -> None:
    where, watching = place
    upload = UPLOADS[kind]
    path = where.folder / upload.name
    path.write_bytes(upload.content(where))
    watching.noticed()

    unguarded(path, upload.options)
    noticed = watching.noticed() - {upload.name}
    assert noticed == ({upload.opens} if upload.opens else set()), "FFmpeg alone"

    assert outcome(keeper, path) == upload.cause
    assert watching.noticed() - {upload.name} == set()


def unguarded(path: Path, options: Mapping[str, str]) -> None:
    """Open and read as a careless program does."""
    try:
        with av.open(str(path), container_options=dict(options), timeout=10) as container:
            for _ in container.demux():
                pass
    except av.error.FFmpegError:
        pass


def outcome(keeper: Keeper, path: Path) -> str | None:
    """Probe and sample; the cause of the refusal, if there is one."""
    try:
        facts = keeper.probe(path)
        samples = list(keeper.samples(path, facts, 0, 3, 400, 200))
    except MediaError as error:
        return error.code
    assert len(samples) == 3
    assert samples[0].image is not None
    return None
