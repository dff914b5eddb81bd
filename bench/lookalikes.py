"""Measures false names within a group of people who lie close together, at the limit that a whole gallery has.

    python -m bench.lookalikes FOLDER FOLDER.npz GROUP GROUP.npz [--enrolled 400] [--photographs 1] [--seeds 10]

FOLDER and GROUP hold a folder per person; their faces come from `rollcall embed FOLDER -o FOLDER.npz`. In each draw,
people of FOLDER are enrolled, and the limit is set so that 1 % of its strangers get a name. Then the people of GROUP
join: all of them enrolled, and each other photograph searched for; or all but one, who is a stranger. The numbers stand
in docs/decisions, 14.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curation.photographs import find_photographs, shown
from evaluation.labelled import LabelledFaces, labelled_faces, people_of
from evaluation.open_set import Split, draw
from evaluation.rules import NearestRule, NormalisedRule, Rule, search

FPIR = 0.01


def read(folder: Path, file: Path) -> LabelledFaces:
    """The labelled faces of a folder, from the file of its embeddings."""
    people = people_of(find_photographs([folder]).photographs, [folder])
    with np.load(file, allow_pickle=False) as arrays:
        loaded: Mapping[str, Any] = dict(arrays)
    return labelled_faces(loaded, {shown(path): person for path, person in people.items()})


def together(first: LabelledFaces, second: LabelledFaces) -> LabelledFaces:
    """Faces of both; people of the second are numbered after those of the first."""
    return LabelledFaces(
        names=[*first.names, *second.names],
        people=np.concatenate([first.people, second.people + len(first.names)]),
        photographs=[*first.photographs, *second.photographs],
        embeddings=np.concatenate([first.embeddings, second.embeddings]),
        qualities=np.concatenate([first.qualities, second.qualities]),
        space=first.space,
        detector=first.detector,
        faceless=first.faceless + second.faceless,
    )


def joined(faces: LabelledFaces, split: Split, group: NDArray[np.int64], out: int | None, seed: int) -> Split:
    """A split with the group's people enrolled, less one; the searches are the group's only."""
    generator = np.random.default_rng(seed)
    photographs = split.enrolled.shape[1]
    mixed = {person: generator.permutation(np.flatnonzero(faces.people == person)) for person in group.tolist()}
    within = [person for person in mixed if person != out]
    outside = [] if out is None else mixed[out].tolist()
    return Split(
        identities=np.append(split.identities, within),
        enrolled=np.concatenate([split.enrolled, [mixed[person][:photographs] for person in within]]),
        mated=np.concatenate([mixed[person][photographs:] for person in within]),
        # Where nobody is outside, there is no stranger to search for; anybody serves, and is not counted.
        strangers=np.array(outside or split.strangers[:1], np.int64),
        cohort=split.cohort,
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("folder", "embeddings", "group", "group_embeddings"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--enrolled", type=int, default=400)
    parser.add_argument("--photographs", type=int, default=1)
    parser.add_argument("--seeds", type=int, default=10)
    given = parser.parse_args()
    whole, few = read(given.folder, given.embeddings), read(given.group, given.group_embeddings)
    faces = together(whole, few)
    group = np.arange(len(few.names)) + len(whole.names)
    rules: tuple[Rule, ...] = (NearestRule(), NormalisedRule())
    for rule in rules:
        enrolled, stranger = [], []
        for seed in range(given.seeds):
            split = draw(whole.people, given.enrolled, given.photographs, seed, strangers=1000)
            searches = search(rule, whole, split)
            limit = searches.limit(FPIR)
            inside = search(rule, faces, joined(faces, split, group, None, seed))
            enrolled.append((inside.wrongly_named(limit), inside.fnir(limit), inside.wrongly_named(0.6)))
            outs = [search(rule, faces, joined(faces, split, group, out, seed)) for out in group.tolist()]
            stranger.append(np.mean([out.fpir(limit) for out in outs]))
        false, missed, at_06 = np.mean(enrolled, axis=0)
        print(
            f"{rule.name:10}  all enrolled: another's name {false:.1%}, missed {missed:.1%}"
            f"  one a stranger: named {np.mean(stranger):.1%} ({min(stranger):.1%}–{max(stranger):.1%})"
            + (f"  another's name at 0.6: {at_06:.1%}" if rule.name == "nearest" else "")
        )


if __name__ == "__main__":
    main()
