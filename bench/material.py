"""What contenders work on: the demo's film of real faces, and frames and chips of it."""

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import numpy as np
from av.video.frame import PictureType, VideoFrame

from demo.film import RATE, Film, compose
from demo.material import fetch
from models.dlib_engines import DlibAligner
from models.faces import Chips, RgbImage
from models.onnx_engines import MmodDetector

CACHE = Path(__file__).resolve().parents[1] / ".cache" / "bench"
_RATE_1080P = 30


@cache
def film() -> Film:
    """The demo's film, 1280 × 720."""
    return compose(fetch())


@cache
def frames() -> Sequence[RgbImage]:
    """One frame of each time that a person is on camera in the film, 1280 × 720."""
    wanted = {round((scene.start + scene.end) / 2 * RATE) for scene in film().truth}
    with av.open(str(film().path)) as container:
        numbered = enumerate(container.decode(video=0))
        chosen = [frame for number, frame in numbered if number in wanted]
        return [np.asarray(frame.to_ndarray(format="rgb24"), np.uint8) for frame in chosen]


@cache
def chips() -> Chips:
    """The faces of `frames`, and their mirror images."""
    detector, aligner = MmodDetector(80), DlibAligner()
    found = [aligner.align(frame, [each.box for each in detector.detect(frame)])[1] for frame in frames()]
    return np.concatenate([*found, *[part[:, :, ::-1] for part in found]])


@cache
def film_1080p() -> Path:
    """The film at 1920 × 1080 and 30 frames a second, H.264 with a key frame each 2 s, as uploads are."""
    source = film().path
    target = CACHE / f"{source.parent.name}-1080p30-g60.mp4"
    if target.exists():
        return target
    CACHE.mkdir(parents=True, exist_ok=True)
    part = target.with_suffix(".part.mp4")
    with av.open(str(source)) as original, av.open(str(part), "w") as copy:
        stream = copy.add_stream("libx264", rate=_RATE_1080P, options={"preset": "veryfast", "g": "60", "bf": "2"})
        stream.width, stream.height, stream.pix_fmt = 1920, 1080, "yuv420p"
        for number, frame in enumerate(at_rate(original.decode(video=0), _RATE_1080P)):
            copy.mux(stream.encode(picture(frame, 1920, 1080, number, _RATE_1080P)))
        copy.mux(stream.encode())
    part.replace(target)
    return target


def at_rate(frames: Iterable[VideoFrame], rate: int) -> Iterator[VideoFrame]:
    """The film's frames at another rate: of 30 a second, every fifth is shown twice."""
    number = 0
    for shown, frame in enumerate(frames, start=1):
        while Fraction(number, rate) < Fraction(shown, RATE):
            yield frame
            number += 1


def picture(frame: VideoFrame, columns: int, rows: int, number: int, rate: int) -> VideoFrame:
    """A frame to be encoded at another size, as number so-and-so."""
    made = frame.reformat(columns, rows)
    made.pts, made.time_base = number, Fraction(1, rate)
    # What was a key frame there would be made one here.
    made.pict_type = PictureType.NONE
    return made


def showing_people(instants: Sequence[Fraction]) -> int:
    """At how many of these seconds of the film somebody is on camera."""
    return sum(any(each.start <= instant < each.end for each in film().truth) for instant in instants)
