"""Measures how well groups of faces are linked over videos, and what that costs.

    python -m bench.linking FOLDER FOLDER.npz [--people N …] [--draws 3]
    python -m bench.linking --groups 100000 [--new 5000]

FOLDER holds a folder per person; its faces come from `rollcall embed FOLDER -o FOLDER.npz`. Each person's photographs
are dealt into groups of one, one, two or three, each of which stands for what one video showed. Prints, for several
limits, pairwise precision, pairwise recall and V-measure; the tables in `models.linking` come from it. The second form
takes made-up groups, three of each person on average, of which so many are new: it tells seconds.
"""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.lookalikes import read
from evaluation.clustering import Agreement, agreement, contingency
from evaluation.labelled import LabelledFaces
from models import linking
from models.cohort import UNLABELLED, Cohort
from models.linking import NOBODY, Groups
from models.normalised import LARGEST_COHORT, strangers
from models.templates import template

_SIZES = (1, 1, 2, 3)
_SCORES = (-0.14, -0.12, -0.11, -0.10, -0.09, -0.08, -0.06)
_DISTANCES = (0.36, 0.40, 0.44, 0.48)
_FROM_ONE_VIDEO = 0.35
_STRANGERS = 0.75


def dealt(faces: LabelledFaces, people: int | None, seed: int) -> tuple[Groups, NDArray[np.int64]]:
    """Groups of the photographs of some people, without terms, each of a video of its own; and who they are."""
    generator = np.random.default_rng(seed)
    drawn = generator.permutation(len(faces.names))[:people]
    templates, sizes, persons = [], [], []
    for person in drawn.tolist():
        rows = generator.permutation(np.flatnonzero(faces.people == person))
        while len(rows):
            part, rows = np.split(rows, [generator.choice(_SIZES)])
            templates.append(template(faces.embeddings[part], faces.qualities[part]))
            sizes.append(float(len(part)))
            persons.append(person)
    count = len(persons)
    groups = Groups(
        np.stack(templates), np.zeros(count), np.array(sizes), np.arange(count), np.full(count, NOBODY, np.int64)
    )
    return groups, np.array(persons)


def normalised(groups: Groups) -> tuple[Groups, int]:
    """The same with terms of a cohort that is drawn from them, and how large that is."""
    count = len(groups.people)
    members = groups.templates[strangers(groups.templates, np.empty((0, 128), np.float32), LARGEST_COHORT)]
    unknown = np.full(count, UNLABELLED)
    terms = Cohort(members, unknown[: len(members)]).terms(groups.templates, unknown)
    return Groups(groups.templates, terms, groups.weights, groups.videos, groups.people), len(members)


def agreements(groups: Groups, persons: NDArray[np.int64], limits: Sequence[float]) -> list[Agreement]:
    """How well the linked groups agree with their people."""
    found = [
        agreement([contingency(persons, linking.link(groups, limit, lambda _one, _other: False).people)])
        for limit in limits
    ]
    return [one for one in found if one is not None]


def _print(title: str, limits: Sequence[float], draws: Sequence[Sequence[Agreement]]) -> None:
    for limit, found in zip(limits, zip(*draws, strict=True), strict=True):
        measures = [(1.0 if one.precision is None else one.precision, one.recall, one.v_measure) for one in found]
        precision, recall, v_measure = np.mean(np.array(measures, float), axis=0)
        print(f"{title} {limit:6.2f}  {precision:.3f}  {recall:.3f}  V {v_measure:.3f}")


def _measure(faces: LabelledFaces, people: int | None, draws: int) -> None:
    given = [dealt(faces, people, seed) for seed in range(draws)]
    with_terms = [normalised(groups) for groups, _ in given]
    persons = np.mean([len(np.unique(who)) for _, who in given])
    cohort = np.mean([members for _, members in with_terms])
    print(f"{persons:.0f} people, {np.mean([len(who) for _, who in given]):.0f} groups, cohort {cohort:.0f}")
    _print("distance", _DISTANCES, [agreements(groups, who, _DISTANCES) for groups, who in given])
    scored = [agreements(groups, who, _SCORES) for (groups, _), (_, who) in zip(with_terms, given, strict=True)]
    _print("score   ", _SCORES, scored)


def made_up(count: int, new: int) -> Groups:
    """Groups of made-up people, as far from each other as real ones, of whom all but the new ones are known."""
    generator = np.random.default_rng(0)
    persons = generator.integers(0, max(1, count // 3), count)
    # Differences of independent normal numbers have √2 times their deviation.
    centres = generator.normal(0, _STRANGERS / np.sqrt(256), (persons.max() + 1, 128)).astype(np.float32)
    noise = generator.normal(0, _FROM_ONE_VIDEO / np.sqrt(256), (count, 128)).astype(np.float32)
    known = persons + 1
    known[generator.permutation(count)[:new]] = NOBODY
    return Groups(centres[persons] + noise, np.zeros(count), np.ones(count), np.arange(count), known)


def _time(count: int, new: int) -> None:
    groups = made_up(count, new)
    began = time.perf_counter()
    groups, cohort = normalised(groups)
    termed = time.perf_counter()
    limit = linking.limit(count, cohort)
    found = linking.link(groups, limit, lambda _one, _other: False)
    ended = time.perf_counter()
    print(
        f"{count} groups, {new} of them new: {termed - began:.1f} s for a cohort of {cohort} and terms, "
        f"{ended - termed:.1f} s to link, {len(np.unique(found.people))} people, {len(found.joined)} joined"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("embeddings", type=Path, nargs="?")
    parser.add_argument("--people", type=int, nargs="*", default=[100, 300, 1000, 2322])
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--groups", type=int)
    parser.add_argument("--new", type=int)
    given = parser.parse_args()
    if given.groups is not None:
        _time(given.groups, given.groups if given.new is None else given.new)
        return
    if given.embeddings is None:
        parser.error("FOLDER and FOLDER.npz, or --groups")
    faces = read(given.folder, given.embeddings)
    for people in given.people:
        _measure(faces, people, given.draws)


if __name__ == "__main__":
    main()
