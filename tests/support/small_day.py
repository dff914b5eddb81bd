"""A day of uploads that takes seconds and has all that a long one has: several people, segments, borders, refusals."""

import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from pathlib import Path

from demo.film import OBAMA, Scene
from demo.material import Material
from demo.shots import Beside, Black, Move, Recording, Shot, Window
from models.faces import RgbImage
from support.clips import X264, frames_at, write_clip
from support.installation import Installation

SETTINGS: Mapping[str, object] = {
    "sampling__interval": 1,
    "sampling__segment": 3,
    "borders__tolerance": 0.25,
    "work__lease": 20,
    "work__retry_delay": 0.2,
    # Whoever is killed again and again is no poison file.
    "work__attempts": 50,
    "work__outages": 500,
    "schedule__sweep": 1,
}
_SIZE = (480, 270)
_STEP = 100
"""Milliseconds between two frames."""


@dataclass(frozen=True)
class SmallDay:
    """A folder of uploads, and photographs to enrol from by name."""

    folder: Path
    photographs: Mapping[str, Sequence[Path]]
    ended: Mapping[str, int]
    """How many videos end in which state."""

    def enrol(self, installation: Installation) -> None:
        """Enrol everybody."""
        for words in self.enrolments():
            installation.run(*words)

    def enrolments(self) -> list[tuple[str, ...]]:
        """The commands that do so."""
        return [("enroll", name, *map(str, found)) for name, found in sorted(self.photographs.items())]

    def submit(self, installation: Installation) -> None:
        """Submit everything; two files are refused."""
        installation.run("submit", str(self.folder), expect=3)


def make(material: Material, folder: Path) -> SmallDay:
    """Three films of twelve, twelve and eight seconds, a recording of four, an empty file and one of noise."""
    folder.mkdir(parents=True)
    driver = Recording(material.carphone, 63, 116)
    arrival = Move(material.obama3, Window(760, 1150, 2100), Window(790, 560, 1000))
    portrait = Move(material.astronaut, Window(256, 158, 310), Window(224, 130, 240), still=0.5)
    rocket = Move(material.rocket, Window(320, 190, 300), Window(310, 250, 240))
    biden = Move(material.biden, Window(560, 520, 900), Window(487, 545, 1080))
    films: Mapping[str, Sequence[tuple[Shot, float]]] = {
        "one.mp4": [(rocket, 2.3), (arrival, 4.2), (Black(), 1.3), (biden, 4.2)],
        "two.mp4": [(driver, 4.2), (portrait, 3.6), (Beside(arrival, biden), 4.2)],
        "three.mp4": [(portrait, 3.4), (Black(), 1.2), (driver, 3.4)],
    }
    for name, script in films.items():
        scenes = [Scene(Fraction(seconds), shot) for shot, seconds in script]
        pictures = list(_pictures(scenes))
        write_clip(folder / name, frames_at(len(pictures), _STEP), X264, pictures)
    shutil.copy(material.carphone, folder / "a real recording.mp4")
    (folder / "empty.mp4").touch()
    (folder / "noise.mkv").write_bytes(os.urandom(5000))
    photographs = {OBAMA: [material.obama, material.obama2]}
    return SmallDay(folder, photographs, {"done": 4, "rejected": 2})


def _pictures(scenes: Iterable[Scene]) -> Iterable[RgbImage]:
    return chain.from_iterable(scene.shot.frames(_SIZE, round(scene.seconds * 1000 / _STEP)) for scene in scenes)
