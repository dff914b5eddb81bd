"""Measures what is lost when faces are embedded again from the crops that are kept of them.

    python -m bench.crops FOLDER FOLDER.npz [--enrolled 400] [--photographs 1] [--seeds 3]

FOLDER holds a folder per person; its faces come from `rollcall embed FOLDER -o FOLDER.npz`, by dlib's embedder. Each
face is cropped as a video's or a photograph's would be, and embedded from that crop for the same space. Printed are how
far that moves an embedding, how much of a chip the crop does not hold, and misses where 1 stranger in 100 gets a name:
from photographs, from crops, and with the gallery from crops as it is after the archive went over to another embedder.
The numbers stand in docs/decisions, 19.
"""

import argparse
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from config.face_settings import FaceSettings
from curation.photographs import find_photographs, read_photograph, shown
from evaluation.labelled import LabelledFaces, labelled_faces, people_of
from evaluation.open_set import Split, draw
from evaluation.rules import NearestRule, NormalisedRule, Rule, search
from models.alignment import Alignment, arcface_alignment, dlib_alignment
from models.crops import FacePicture, crop, crop_area
from models.faces import Box, Embeddings, Landmarks
from models.reembedding import build_reembedder

FPIR = 0.01
_AT_ONCE = 64
_ALIGNMENTS = {"dlib 0.25": dlib_alignment(150, 0.25), "dlib 0.4": dlib_alignment(150, 0.4)} | {
    "arcface 112": arcface_alignment(112)
}


def main() -> None:
    """Print the measurement."""
    parser = argparse.ArgumentParser(prog="python -m bench.crops", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("embeddings", type=Path)
    parser.add_argument("--enrolled", type=int, default=400)
    parser.add_argument("--photographs", type=int, default=1)
    parser.add_argument("--seeds", type=int, default=3)
    chosen = parser.parse_args()
    cv2.setNumThreads(1)
    with np.load(chosen.embeddings, allow_pickle=False) as arrays:
        before: Mapping[str, Any] = dict(arrays)
    pictures, outside = _pictures(before)
    sizes = np.array([len(each.jpeg) for each in pictures])
    print(f"{len(pictures)} crops, {sizes.mean():.0f} bytes each")
    for name, shares in outside.items():
        print(f"{name}: of the chip not in the crop, but in the picture: {_spread(np.array(shares))}")
    after = {**before, "embedding": _embedded(pictures)}
    moved = np.linalg.norm(before["embedding"] - after["embedding"], axis=1)
    print(f"embeddings have moved by {_spread(moved)}")
    people = people_of(find_photographs([chosen.folder]).photographs, [chosen.folder])
    labels = {shown(path): person for path, person in people.items()}
    _print_misses(labelled_faces(before, labels), labelled_faces(after, labels), chosen)


def _pictures(arrays: Mapping[str, Any]) -> tuple[list[FacePicture], dict[str, list[float]]]:
    pictures = []
    outside: dict[str, list[float]] = {name: [] for name in _ALIGNMENTS}
    rows = arrays["path"].tolist(), arrays["box"].tolist(), arrays["landmarks"]
    for path, edges, landmarks in zip(*rows, strict=True):
        image, box = read_photograph(Path(path)), Box(*edges)
        area = crop_area(box, *image.shape[:2])
        pictures.append(FacePicture(crop(image, box), landmarks, area))
        for name, alignment in _ALIGNMENTS.items():
            outside[name].append(_outside(alignment, landmarks, area, image.shape[:2]))
    return pictures, outside


def _outside(alignment: Alignment, landmarks: Landmarks, area: Box, shape: tuple[int, ...]) -> float:
    """Share of a chip that the picture shows and the crop does not."""
    rows, columns = shape[:2]
    there = np.full((rows, columns, 3), 255, np.uint8)
    whole = alignment.cut(there, landmarks) > 127
    there[area.top : area.bottom, area.left : area.right] = 0
    return float((alignment.cut(there, landmarks) > 127).mean() / max(whole.mean(), 1e-9))


def _embedded(pictures: list[FacePicture]) -> Embeddings:
    reembedder = build_reembedder(FaceSettings())
    parts = (pictures[start : start + _AT_ONCE] for start in range(0, len(pictures), _AT_ONCE))
    found = [embedding for part in parts for embedding in reembedder.embed(part)]
    return np.array(found, np.float32)


def _print_misses(before: LabelledFaces, after: LabelledFaces, chosen: argparse.Namespace) -> None:
    rules: dict[str, Rule] = {"nearest": NearestRule(), "normalised": NormalisedRule()}
    for name, rule in rules.items():
        told: dict[str, list[float]] = {"photographs": [], "crops": [], "gallery from crops": []}
        for seed in range(chosen.seeds):
            split = draw(before.people, chosen.enrolled, chosen.photographs, seed)
            for kind, faces in zip(told, (before, after, _mixed(before, after, split)), strict=True):
                searches = search(rule, faces, split)
                told[kind].append(searches.fnir(searches.limit(FPIR)))
        shown_rates = "   ".join(f"{kind} {np.mean(rates):.1%}" for kind, rates in told.items())
        print(f"{name}: FNIR at FPIR {FPIR:.0%}, mean of {chosen.seeds}: {shown_rates}")


def _mixed(before: LabelledFaces, after: LabelledFaces, split: Split) -> LabelledFaces:
    """Probes from photographs; whoever is enrolled, or in the cohort, from crops."""
    embeddings = before.embeddings.copy()
    for rows in (split.enrolled.ravel(), split.cohort):
        embeddings[rows] = after.embeddings[rows]
    return replace(before, embeddings=embeddings)


def _spread(values: NDArray[np.float64]) -> str:
    middle, high, most = np.percentile(values, [50, 95, 100])
    return f"median {middle:.3f}, 95 % {high:.3f}, most {most:.3f}"


if __name__ == "__main__":
    main()
