"""Measures what reusing the faces of known frames saves and what it gets wrong, on real videos.

    python bench/repeats.py VIDEO… [--radius 4 6] [--frame-difference 4.5] [--face-difference 0.2]

Every video is encoded anew in several ways. A frame of a copy whose faces are reused from the original is right if
looking for them finds the same: each reused face where a found one is (IoU at least 0.5), of the same person (their
embeddings nearer than 0.4), and no found one is missing. Frames of one video that lie apart, and frames of different
videos, are compared with each other as well: there a reused face that is not found is somebody who was not there; in a
poor copy it may be one that cannot be found any more.
"""

import argparse
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import cv2
import numpy as np
from av.container import OutputContainer
from av.video.stream import VideoStream

from config.errors import MediaError
from config.face_settings import FaceSettings
from db.frames import KnownFrame
from models import frame_likeness
from models.crops import crop
from models.engine import FaceEngine, build_engine
from models.faces import Box, Face, RgbImage
from models.scaling import Scaling
from worker import video
from worker.confirming import KnownFace, Look, faces_of, look_at, match
from worker.sampling import sample_frames

_INTERVAL_MS = 1000
_SAME_PLACE = 0.5
_SAME_PERSON = 0.4


@dataclass(frozen=True, slots=True)
class Copy:
    """A way in which videos come back: another size, quality, codec, or a logo."""

    codec: str
    options: Mapping[str, str]
    scale: float = 1.0
    logo: bool = False


COPIES = {
    "H.264, crf 23": Copy("libx264", {"preset": "veryfast", "crf": "23"}),
    "H.264, crf 32": Copy("libx264", {"preset": "veryfast", "crf": "32"}),
    "H.264, 2/3 of the edge": Copy("libx264", {"preset": "veryfast", "crf": "26"}, scale=2 / 3),
    "H.264, a half of the edge": Copy("libx264", {"preset": "veryfast", "crf": "28"}, scale=1 / 2),
    "H.264, a logo": Copy("libx264", {"preset": "veryfast", "crf": "26"}, logo=True),
    "MPEG-2, 1.5 Mbit/s": Copy("mpeg2video", {"b": "1500000"}),
    "VP9, crf 40": Copy("libvpx-vp9", {"cpu-used": "8", "deadline": "realtime", "crf": "40", "b": "0"}),
}


@dataclass(frozen=True, slots=True, eq=False)
class Analysed:
    """A sampled frame: what would be kept of it, and what looking at it finds."""

    look: Look
    image: RgbImage
    frame: KnownFrame
    png: bytes
    faces: list[KnownFace]


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("videos", nargs="+", type=Path, metavar="VIDEO")
    parser.add_argument("--copies", nargs="+", choices=COPIES, default=list(COPIES))
    parser.add_argument("--radius", type=int, nargs="+", default=[4])
    parser.add_argument("--frame-difference", type=float, nargs="+", default=[4.5])
    parser.add_argument("--face-difference", type=float, nargs="+", default=[0.2])
    chosen = parser.parse_args()
    settings = FaceSettings()
    engine = build_engine(settings)
    paths = [path for path in chosen.videos if _is_video(path)]
    originals = [_analysed(path, engine, settings, number) for number, path in enumerate(paths)]
    print(f"{len(originals)} videos, {sum(map(len, originals))} frames")
    pairs = {name: list(_copied(paths, originals, COPIES[name], engine, settings)) for name in chosen.copies}
    pairs["the same video, at least 1 s apart"] = [
        (new, known) for frames in originals for new in frames for known in frames if new is not known
    ]
    pairs["different videos"] = [
        (new, known)
        for one in originals
        for other in originals
        if one is not other
        for new in one
        for known in other
        if _bits(new, known) <= max(chosen.radius)
    ]

    @cache
    def has_face(new: Analysed, box: Box) -> bool:
        return bool(engine.analyse(np.ascontiguousarray(new.image[box.top : box.bottom, box.left : box.right])))

    for radius in chosen.radius:
        for frame_limit in chosen.frame_difference:
            for face_limit in chosen.face_difference:
                print(f"\nradius {radius}, frames {frame_limit}, faces {face_limit}")
                for name, some in pairs.items():
                    counts = Counter(
                        _outcome(new, known, radius, frame_limit, face_limit, has_face) for new, known in some
                    )
                    print(f"  {name}: {len(some)} pairs; {', '.join(f'{n} {what}' for what, n in counts.items())}")


def _is_video(path: Path) -> bool:
    try:
        video.probe(path)
    except MediaError as error:
        print(f"left out: {error}")
        return False
    return True


def _outcome(
    new: Analysed,
    known: Analysed,
    radius: int,
    frame_limit: float,
    face_limit: float,
    has_face: Callable[[Analysed, Box], bool],
) -> str:
    if _bits(new, known) > radius:
        return "of other hashes"
    found = match(new.look, known.frame, known.png, frame_limit)
    if found is None:
        return "of other pictures"
    reused = faces_of(new.look, known.frame, known.faces, face_limit)
    if reused is None:
        return "of other faces"
    box = found.changed
    if box is not None and has_face(new, box):
        return "with a face in what has changed"
    truth = [each.face for each in new.faces]
    kind = "reused" if box is None else "reused but for a part"
    return f"{kind}, {_verdict([face for face, _ in reused], truth)}"


def _verdict(reused: Sequence[Face], truth: Sequence[Face]) -> str:
    """What is right and wrong with reused faces, the worst first."""
    if any(_among(face, reused) is None for face in truth):
        return "MISSING a face"
    places = [_among(face, truth) for face in reused]
    if any(
        there is not None and float(np.linalg.norm(face.embedding - there.embedding)) >= _SAME_PERSON
        for face, there in zip(reused, places, strict=True)
    ):
        return "of another embedding"
    if any(there is None for there in places):
        return "with a face that is not found there"
    return "right, with faces" if reused else "right, nobody"


def _among(face: Face, others: Sequence[Face]) -> Face | None:
    """The face at the same place."""
    return next((other for other in others if face.box.overlap(other.box) >= _SAME_PLACE), None)


def _bits(one: Analysed, other: Analysed) -> int:
    return (one.look.hash ^ other.look.hash).bit_count()


def _copied(
    paths: Sequence[Path], originals: Sequence[list[Analysed]], copy: Copy, engine: FaceEngine, settings: FaceSettings
) -> Iterator[tuple[Analysed, Analysed]]:
    """Pairs of a copy's frame and the original's, of the same sample."""
    with tempfile.TemporaryDirectory() as folder:
        for number, (path, frames) in enumerate(zip(paths, originals, strict=True)):
            target = _encoded(path, Path(folder) / f"{number}.mkv", copy)
            by_sample = {each.frame.sample: each for each in frames}
            for new in _analysed(target, engine, settings, number):
                if new.frame.sample in by_sample:
                    yield new, by_sample[new.frame.sample]


def _encoded(path: Path, target: Path, copy: Copy) -> Path:
    """The video encoded anew, 25 frames a second at most: MPEG-2 wants a television's rate."""
    with av.open(str(target), "w") as container:
        stream: VideoStream | None = None
        before = -1
        for time, image in _images(path, copy):
            number = round(time * 25)
            if number <= before:
                continue
            before = number
            if stream is None:
                stream = _stream(container, copy, *image.shape[:2])
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(stream.encode(frame))
        if stream is not None:
            container.mux(stream.encode(None))
    return target


def _stream(container: OutputContainer, copy: Copy, height: int, width: int) -> VideoStream:
    stream = container.add_stream(copy.codec, rate=25, options=dict(copy.options))
    if not isinstance(stream, VideoStream):
        raise TypeError(f"{copy.codec} encodes no video")
    stream.height, stream.width, stream.pix_fmt, stream.gop_size = height, width, "yuv420p", 50
    if "b" in copy.options:
        stream.bit_rate = int(copy.options["b"])
    return stream


def _images(path: Path, copy: Copy) -> Iterator[tuple[Fraction, RgbImage]]:
    """Seconds and picture of each frame, of even edges."""
    facts = video.probe(path)
    with video.VideoReader(path, facts) as reader:
        while (decoded := reader.read()) is not None:
            image = video.to_rgb(decoded.picture, facts)
            if copy.scale != 1:
                smaller = cv2.resize(image, None, fx=copy.scale, fy=copy.scale, interpolation=cv2.INTER_AREA)
                image = np.asarray(smaller, np.uint8)
            height, width = (edge // 2 * 2 for edge in image.shape[:2])
            image = np.ascontiguousarray(image[:height, :width])
            if copy.logo:
                _mark(image)
            yield decoded.pts * facts.time_base, image


def _mark(image: RgbImage) -> None:
    """A channel's logo in the upper right corner: an eighth of the width, white letters."""
    width = image.shape[1]
    scale = width / 640
    place = (width - round(110 * scale), round(40 * scale))
    cv2.putText(image, "NEWS", place, cv2.FONT_HERSHEY_SIMPLEX, scale, (255, 255, 255), max(1, round(3 * scale)))


def _analysed(path: Path, engine: FaceEngine, settings: FaceSettings, number: int) -> list[Analysed]:
    scaling = Scaling(settings.smallest, settings.most_pixels)
    facts = video.probe(path)
    found = []
    for sample in sample_frames(path, facts, 0, None, _INTERVAL_MS):
        if sample.image is None or sample.pts is None:
            continue
        look = look_at(sample.image, scaling)
        frame = KnownFrame(
            sample.number, number, facts.width, facts.height, sample.number, sample.pts * facts.time_base
        )
        faces = [KnownFace(face, crop(sample.image, face.box)) for face in engine.analyse(sample.image)]
        found.append(Analysed(look, sample.image, frame, frame_likeness.to_png(look.picture), faces))
    return found


if __name__ == "__main__":
    main()
