"""Measures how well faces are grouped, on labelled photographs: each is a sample of its own.

    python -m bench.grouping FOLDER FOLDER.npz [--people 30] [--draws 20] [--least 2]

FOLDER holds a folder per person; its faces come from `rollcall embed FOLDER -o FOLDER.npz`. Prints, for several limits,
pairwise precision, pairwise recall and V-measure of the groups: means over the draws, where people are drawn. The
tables in `models.grouping` and in docs/decisions, 6, come from it.
"""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.lookalikes import read
from evaluation.clustering import Agreement, agreement, contingency
from evaluation.labelled import LabelledFaces
from models.grouping import group_faces

LIMITS = (0.40, 0.44, 0.46, 0.48, 0.50, 0.52, 0.56)


def chosen(faces: LabelledFaces, people: int | None, draws: int, least: int) -> Iterator[NDArray[np.int64]]:
    """Positions of faces: of all people with so many photographs at least, or draw by draw of some of them."""
    eligible = np.flatnonzero(np.bincount(faces.people) >= least)
    if people is None:
        yield np.flatnonzero(np.isin(faces.people, eligible))
        return
    for seed in range(draws):
        drawn = np.random.default_rng(seed).choice(eligible, people, replace=False)
        yield np.flatnonzero(np.isin(faces.people, drawn))


def grouped(faces: LabelledFaces, rows: NDArray[np.int64], limit: float) -> Agreement:
    """How well the groups of some faces agree with their people."""
    # Every other sample, all faces at one place: none follows another, and none excludes another.
    samples, boxes = np.arange(len(rows)) * 2, np.tile(np.array([0, 0, 50, 50], np.int64), (len(rows), 1))
    groups = group_faces(samples, boxes, faces.embeddings[rows], faces.qualities[rows], limit)
    measured = agreement([contingency(faces.people[rows], groups)])
    assert measured is not None
    return measured


def line(limit: float, draws: Sequence[Agreement]) -> str:
    """The means of one limit. A draw without two faces in one group has no precision, and counts as one of 1."""
    measures = [(1.0 if one.precision is None else one.precision, one.recall, one.v_measure) for one in draws]
    precision, recall, v_measure = np.mean(np.array(measures, float), axis=0)
    groups = np.mean([one.clusters for one in draws])
    return f"limit {limit:.2f}  {groups:7.1f} groups  {precision:.3f}  {recall:.3f}  V {v_measure:.3f}"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("embeddings", type=Path)
    parser.add_argument("--people", type=int, help="how many to draw; all where none")
    parser.add_argument("--draws", type=int, default=20)
    parser.add_argument("--least", type=int, default=1, help="photographs of each person")
    given = parser.parse_args()
    faces = read(given.folder, given.embeddings)
    drawn = list(chosen(faces, given.people, given.draws, given.least))
    shown = [faces.people[rows] for rows in drawn]
    people, count = np.mean([len(np.unique(one)) for one in shown]), np.mean([len(one) for one in shown])
    print(f"{people:.0f} people, {count:.1f} faces, {len(drawn)} draws; pairwise precision, recall; V-measure")
    for limit in LIMITS:
        print(line(limit, [grouped(faces, rows, limit) for rows in drawn]))


if __name__ == "__main__":
    main()
