"""Verification of labelled pairs: Labelled Faces in the Wild's `pairs.txt` and its protocol.

The file's first line holds the number of folds and how many pairs of each kind a fold has. Of each fold, first the
*genuine* pairs: `name number number`, two photographs of one person; then the *impostor* pairs: `name number name
number`. Photograph n of a person is `name/name_000n.jpg`.

Accuracy is measured fold by fold: the limit is chosen on the other folds, where most pairs are told rightly, so no fold
sees its own labels. Its mean and the standard error over the folds are what papers give.

Source: Huang, Ramesh, Berg, Learned-Miller, "Labeled faces in the wild" (University of Massachusetts, technical report
07-49, 2007). FMR and FNMR, the false match and false non-match rates, as in ISO/IEC 19795-1.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from config.errors import BadPairs
from evaluation.limits import largest_limit

Scores = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two photographs, in which fold, and whether they show one person."""

    fold: int
    first: Path
    second: Path
    genuine: bool


def read_pairs(file: Path, folder: Path) -> list[Pair]:
    """The pairs of a file in the order of the file, their photographs as paths under a folder.

    Raises:
        BadPairs: the file cannot be read, or is not what its first line says.
    """
    try:
        lines = [line.split() for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise BadPairs(str(file), f"cannot be read ({error})", "name a file like LFW's pairs.txt") from None
    if not lines or len(lines[0]) != 2 or not all(part.isdecimal() for part in lines[0]):
        raise BadPairs(str(file), "does not begin with its number of folds and of pairs", "see LFW's pairs.txt")
    folds, size = (int(part) for part in lines[0])
    if folds < 2 or size < 1 or len(lines) != 1 + 2 * folds * size:
        told = f"announces {folds} folds of twice {size} pairs and holds {len(lines) - 1} pairs"
        raise BadPairs(str(file), told, "take a complete one, of two folds or more")
    return [_pair(file, number, words, folder, size) for number, words in enumerate(lines[1:])]


def _pair(file: Path, number: int, words: Sequence[str], folder: Path, size: int) -> Pair:
    genuine = number // size % 2 == 0
    if genuine and len(words) == 3 and all(word.isdecimal() for word in words[1:]):
        places = [(words[0], words[1]), (words[0], words[2])]
    elif not genuine and len(words) == 4 and words[1].isdecimal() and words[3].isdecimal():
        places = [(words[0], words[1]), (words[2], words[3])]
    else:
        kind = "one person's" if genuine else "two people's"
        raise BadPairs(str(file), f"pair {number + 1} is not {kind}: {' '.join(words)}", "see LFW's pairs.txt")
    first, second = (folder / name / f"{name}_{int(place):04d}.jpg" for name, place in places)
    return Pair(number // (2 * size), first, second, genuine)


@dataclass(frozen=True, slots=True)
class FoldAccuracy:
    """The share of a fold's pairs that are told rightly, at the limit that is best on the other folds."""

    accuracy: float
    limit: float


def accuracy_by_fold(scores: Scores, genuine: NDArray[np.bool_], folds: NDArray[np.int64]) -> list[FoldAccuracy]:
    """LFW's protocol: a pair is of one person where its score is below the limit.

    Args:
        scores: (n,) distances, infinite where a photograph shows no face: such a pair counts as of two people.
        genuine: (n,) whether the pair is of one person.
        folds: (n,) of two or more folds.
    """
    found = []
    for fold in np.unique(folds):
        inside = folds == fold
        limit = best_limit(scores[~inside], genuine[~inside])
        found.append(FoldAccuracy(float(((scores[inside] < limit) == genuine[inside]).mean()), limit))
    return found


def best_limit(scores: Scores, genuine: NDArray[np.bool_]) -> float:
    """The limit below which pairs are taken for one person's so that most are told rightly.

    It lies in the middle between two neighbouring scores; of several that are as good, it is the smallest.
    """
    order = np.argsort(scores, kind="stable")
    ordered = scores[order]
    right = np.concatenate([[0], np.cumsum(np.where(genuine[order], 1, -1))])
    # A limit cannot part equal scores.
    possible = np.concatenate([[True], ordered[1:] > ordered[:-1], [bool(np.isfinite(ordered[-1]))]])
    best = int(np.argmax(np.where(possible, right, np.iinfo(np.int64).min)))
    if best == 0:
        return float(ordered[0])
    if best == len(ordered) or not np.isfinite(ordered[best]):
        return float(np.nextafter(ordered[best - 1], np.inf))
    return float((ordered[best - 1] + ordered[best]) / 2)


@dataclass(frozen=True)
class Comparisons:
    """Scores of genuine and of impostor pairs, and the error rates at a limit.

    Args:
        genuine: of pairs of one person, at least one.
        impostor: of pairs of two people, at least one.
    """

    genuine: Scores
    impostor: Scores

    @cached_property
    def _ordered(self) -> Scores:
        return np.sort(self.impostor)

    def limit(self, fmr: float) -> float:
        """The largest limit below which at most that share of the impostor pairs lies; infinite where all may."""
        return largest_limit(self._ordered, fmr)

    def fmr(self, limit: float) -> float:
        """The share of impostor pairs below a limit."""
        return float((self.impostor < limit).mean())

    def fnmr(self, limit: float) -> float:
        """The share of genuine pairs that are not below a limit."""
        return float((self.genuine >= limit).mean())

    def curve(self, fmrs: Sequence[float]) -> list[tuple[float, float, float]]:
        """Points of the ROC and DET curves: FMR as it comes out, FNMR, limit; one for each FMR that is asked for."""
        limits = [self.limit(fmr) for fmr in fmrs]
        return [(self.fmr(limit), self.fnmr(limit), limit) for limit in limits]
