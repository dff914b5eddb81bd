"""The demo's film, composed so that who is on camera, and when, is known by construction.

Nobody is enrolled from a picture that the film shows:

- Barack Obama is enrolled from two photographs of 2009 and 2012; the film moves over a third one, of 2010.
- The man in the car has no name in the recording's source, so he is enrolled as what he is. There is one recording of
  him: he is enrolled from two frames of its first second and shown from its third second on. These are other frames,
  but of the same day and light, so he is easier to recognise than a person on another day.
- Joe Biden and Eileen Collins are on camera and are not enrolled: they must come out as unknown, whoever is nearest.
"""

import hashlib
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import islice
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from demo.comparison import Expected
from demo.material import Material
from demo.shots import Beside, Black, Move, Recording, Shot, Size, Window, recorded

DEFAULT_CACHE = Path(__file__).resolve().parents[1] / ".cache" / "film"
SIZE: Size = (1280, 720)
RATE = 25
"""Frames per second."""
KEY_FRAMES = 2 * RATE
"""At most so many frames from one key frame to the next."""
_HELD = 2
"""For how many frames a picture stays, as in drawn films: the moves are slow, and it halves the time to compose."""

OBAMA = "Barack Obama"
DRIVER = "Man in the car"
BIDEN = "Joe Biden"
COLLINS = "Eileen Collins"
ENROLLED = (OBAMA, DRIVER)

_DRIVER_ENROLLED_FROM = (0, 24)
_DRIVER_SHOWN = (63, 116)
"""Frames of the recording, 30 a second."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A stretch of the film between two cuts."""

    seconds: Fraction
    shot: Shot
    people: tuple[str, ...] = ()

    @property
    def frame_count(self) -> int:
        """How many frames it has."""
        return int(self.seconds * RATE)


@dataclass(frozen=True)
class Film:
    """The film and the photographs to enrol from, on disk."""

    path: Path
    photographs: Mapping[str, Sequence[Path]]
    """By the name to enrol."""
    scenes: Sequence[Scene]

    @cached_property
    def truth(self) -> list[Expected]:
        """Who is on camera, and when; in order of start, then of name."""
        return truth(self.scenes)

    @property
    def seconds(self) -> Fraction:
        """How long it is."""
        return sum((scene.seconds for scene in self.scenes), Fraction(0))


def scenes(material: Material) -> list[Scene]:
    """The film's script. Cuts keep half a second away from multiples of three seconds, the default interval.

    Positions are in the photographs' pixels. The faces are 310 pixels wide in `obama3` and `biden`, 88 in `astronaut`.
    """
    obama, biden, astronaut = material.obama3, material.biden, material.astronaut
    driver = Recording(material.carphone, *_DRIVER_SHOWN)
    arrival = Move(obama, Window(760, 1150, 2100), Window(790, 560, 1000))
    side_by_side = Beside(
        Move(obama, Window(700, 620, 1080), Window(800, 560, 940)),
        Move(biden, Window(560, 520, 900), Window(487, 545, 1080)),
    )
    # The embroidered patch on her suit looks like a face to some detectors, so it stays below the frame.
    portrait = Move(astronaut, Window(256, 158, 310), Window(224, 130, 240), still=0.8)
    return [
        Scene(Fraction("4.4"), Move(material.rocket, Window(320, 190, 300), Window(310, 250, 240))),
        Scene(Fraction("9.2"), arrival, (OBAMA,)),
        Scene(Fraction("5.0"), Black()),
        Scene(Fraction("10.0"), driver, (DRIVER,)),
        Scene(Fraction("9.8"), side_by_side, (OBAMA, BIDEN)),
        Scene(Fraction("6.0"), Move(material.coffee, Window(240, 180, 320), Window(340, 210, 240))),
        Scene(Fraction("13.2"), portrait, (COLLINS,)),
        Scene(Fraction("4.8"), Move(material.rocket, Window(420, 250, 220), Window(220, 250, 220))),
        Scene(Fraction("9.0"), driver, (DRIVER,)),
        Scene(Fraction("2.6"), Black()),
    ]


def truth(script: Sequence[Scene]) -> list[Expected]:
    """Who is on camera, and when. A person in two scenes that follow each other appears once."""
    open_, ended = dict[str, Fraction](), list[Expected]()
    now = Fraction(0)
    for scene in [*script, Scene(Fraction(0), Black())]:
        for person in [person for person in open_ if person not in scene.people]:
            ended.append(Expected(person, person if person in ENROLLED else None, open_.pop(person), now))
        for person in scene.people:
            open_.setdefault(person, now)
        now += scene.seconds
    return sorted(ended, key=lambda each: (each.start, each.person))


def compose(material: Material, cache: Path | None = None, drawn: Callable[[int, int], None] | None = None) -> Film:
    """The film, made where the cache has not got it. Several processes may do so at once.

    Args:
        material: the photographs and the recording.
        cache: folder that keeps the film; DEFAULT_CACHE where none is given.
        drawn: told how many frames are drawn, and how many there are.
    """
    script = scenes(material)
    folder = (cache or DEFAULT_CACHE) / _fingerprint()
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".composing-", dir=folder.parent) as scratch:
            made = Path(scratch) / "made"
            made.mkdir()
            _write_photographs(material, made)
            _encode(script, _film(made), drawn)
            _publish(made, folder)
    photographs = {OBAMA: [material.obama, material.obama2], DRIVER: _driver_photographs(folder)}
    return Film(_film(folder), photographs, script)


def _film(folder: Path) -> Path:
    return folder / "film.mp4"


def _driver_photographs(folder: Path) -> list[Path]:
    return [folder / f"man-in-the-car-{frame}.png" for frame in _DRIVER_ENROLLED_FROM]


def _fingerprint() -> str:
    """Changes whenever the film could: with the code that draws it and the libraries that draw and encode."""
    here = Path(__file__).parent
    sources = [here / "film.py", here / "shots.py", here / "material.py"]
    told = b"\0".join([*(path.read_bytes() for path in sources), av.__version__.encode(), cv2.__version__.encode()])
    return hashlib.sha256(told).hexdigest()[:16]


def _publish(made: Path, folder: Path) -> None:
    try:
        made.rename(folder)
    except OSError:
        # Another process was faster; what it made is the same.
        if not folder.is_dir():
            raise


def _write_photographs(material: Material, folder: Path) -> None:
    """Frames of the recording, four times as large, since its faces have fewer pixels than may be enrolled."""
    for frame, path in zip(_DRIVER_ENROLLED_FROM, _driver_photographs(folder), strict=True):
        (picture,) = recorded(material.carphone, frame, frame)
        image = Image.fromarray(picture)
        image.resize((image.width * 4, image.height * 4), Image.Resampling.LANCZOS).save(path)


def _pictures(script: Sequence[Scene]) -> Iterator[NDArray[np.uint8]]:
    """Every frame of the film as planes of yuv420p."""
    for scene in script:
        pictures = scene.shot.frames(SIZE, -(-scene.frame_count // _HELD))
        # OpenCV converts ten times as fast as the encoder's own scaler, to the same limited range of BT.601.
        planes = (cv2.cvtColor(picture, cv2.COLOR_RGB2YUV_I420).astype(np.uint8, copy=False) for picture in pictures)
        yield from islice((each for each in planes for _ in range(_HELD)), scene.frame_count)


def _encode(script: Sequence[Scene], path: Path, drawn: Callable[[int, int], None] | None) -> None:
    total = sum(scene.frame_count for scene in script)
    # The number of threads changes what x264 writes, so it is not the machine's.
    options = {"preset": "ultrafast", "bf": "2", "crf": "24", "threads": "2"}
    with av.open(str(path), "w", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream("libx264", rate=RATE, options=options)
        stream.width, stream.height = SIZE
        stream.pix_fmt = "yuv420p"
        stream.gop_size = KEY_FRAMES
        for number, planes in enumerate(_pictures(script), start=1):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(planes, format="yuv420p")))
            if drawn:
                drawn(number, total)
        container.mux(stream.encode())
