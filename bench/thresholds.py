"""Measures the limits that decide names, on folders of labelled photographs (a folder per person).

    python bench/thresholds.py FOLDER [--people 400] [--draws 6] [--cache DIRECTORY]

Prints, for several limits, how often strangers get a name and enrolled people do not get theirs. The defaults of
`match.*` and the table in `models.decision` come from it. Embeddings are kept in the cache, as they cost about a tenth
of a second each; they are personal data, so delete the cache when done.
"""

import argparse
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from config.face_settings import FaceSettings
from models.decision import Candidate, NearestRule
from models.engine import FaceEngine, build_engine
from models.faces import Embeddings
from models.gallery import Gallery

PHOTOGRAPHS_PER_PERSON = 10


@dataclass(frozen=True)
class Faces:
    """(n,) person, (n, 128) embedding and (n,) overall quality of n labelled faces."""

    people: NDArray[np.int64]
    embeddings: Embeddings
    weights: NDArray[np.float64]


def central_face(engine: FaceEngine, path: Path, cache: Path) -> NDArray[np.float32]:
    """Embedding and, last, quality of the face nearest to the middle; empty where none is found."""
    key = hashlib.sha256(f"{engine.detector_name} {engine.space} {path}".encode()).hexdigest()
    kept = cache / f"{key}.npy"
    if kept.exists():
        return np.asarray(np.load(kept, allow_pickle=False), np.float32)
    with Image.open(path) as opened:
        image = np.asarray(ImageOps.exif_transpose(opened).convert("RGB"))
    middle = np.array(image.shape[1::-1]) / 2
    faces = engine.analyse(image)
    if faces:
        face = min(faces, key=lambda face: float(np.linalg.norm(face.landmarks.mean(axis=0) - middle)))
        row = np.append(face.embedding, face.quality.overall).astype(np.float32)
    else:
        row = np.empty(0, np.float32)
    np.save(kept, row)
    return row


def read(folder: Path, cache: Path, most_people: int) -> Faces:
    """The faces of the people of a folder: first those with several photographs."""
    engine = build_engine(FaceSettings(detector="hog", smallest=60, mirror=True))
    folders = {person: sorted(path for path in person.iterdir() if path.is_file()) for person in folder.iterdir()}
    chosen = sorted(folders, key=lambda person: (len(folders[person]) < 2, person.name))[:most_people]
    people, rows = [], []
    for number, person in enumerate(chosen):
        for path in folders[person][:PHOTOGRAPHS_PER_PERSON]:
            row = central_face(engine, path, cache)
            if len(row):
                people.append(number)
                rows.append(row)
    table = np.stack(rows)
    return Faces(np.array(people, np.int64), table[:, :-1].copy(), table[:, -1].astype(np.float64))


def probes(faces: Faces, enrolled: int, draw: int) -> Iterator[tuple[int | None, list[Candidate]]]:
    """Who each probe shows (None for a stranger), and its candidates, when some people are enrolled by one face."""
    several = np.flatnonzero(np.bincount(faces.people) > 1)
    chosen = np.random.default_rng(draw).permutation(several)[:enrolled]
    first = np.array([np.flatnonzero(faces.people == person)[0] for person in chosen])
    gallery = Gallery(1, "bench", chosen.astype(np.int64), faces.embeddings[first])
    for index in np.setdiff1d(np.arange(len(faces.people)), first):
        person = int(faces.people[index])
        yield (person if person in chosen else None), gallery.candidates(faces.embeddings[index], 2)


def show_names(faces: Faces, draws: int) -> None:
    """Identification: strangers named and enrolled people missed, by limit."""
    several = int((np.bincount(faces.people) > 1).sum())
    for enrolled in (count for count in (100, 200, 300, 400) if count < several):
        seen = [pair for draw in range(draws) for pair in probes(faces, enrolled, draw)]
        for distance, margin in product((0.45, 0.48, 0.50, 0.55, 0.60), (0.0, 0.03, 0.05, 0.08)):
            rule = NearestRule(distance, margin)
            verdicts = [(person, rule.decide(candidates).identity_id) for person, candidates in seen]
            named = np.mean([given is not None for person, given in verdicts if person is None])
            missed = np.mean([given != person for person, given in verdicts if person is not None])
            print(f"{enrolled} enrolled  {rule.name}  strangers named {named:6.1%}  enrolled missed {missed:6.1%}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--people", type=int, default=400)
    parser.add_argument("--draws", type=int, default=6)
    parser.add_argument("--cache", type=Path, default=Path("var/thresholds"))
    given = parser.parse_args()
    given.cache.mkdir(parents=True, exist_ok=True)
    faces = read(given.folder, given.cache, given.people)
    print(f"{len(faces.people)} faces of {len(np.unique(faces.people))} people")
    show_names(faces, given.draws)


if __name__ == "__main__":
    main()
