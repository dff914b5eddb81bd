"""Unknown people who look like somebody enrolled: whoever is as near to one of them gets no name, but a question.

No limit that is right for strangers on average is strict enough for a double. But once a double has been seen, and was
unknown, faces can be compared with both. A name that the rule gives is contested by an unknown person whose normalised
distance to the probe (without the probe's own term, which is the same on both sides) is not clearly larger than that of
whoever is named. It may be that the unknown person is the one who is enrolled, seen in another light: so somebody has
to say, once, by naming or ignoring the unknown person.

Labelled Faces in the Wild and two women who look alike, mirrored space, one enrolled and the other known from one to
eight faces that were unknown; half of the photographs of the enrolled stand for earlier videos, and those of them that
were missed are unknown people, too (three draws, in %; docs/decisions, 20):

| | the double gets the name | enrolled people get theirs | strangers get a name |
|---|---|---|---|
| 400 people, 1 photograph: no rivals | 26.9 | 80.8 | 1.0 |
| margin 0 | 2.8 | 78.1 | 0.9 |
| margin 0.03 (with normalised scores) | 0.9 | 77.2 | 0.9 |
| margin 0.06 | 0.5 | 75.4 | 0.8 |
| 150 people, 3 photographs: no rivals | 40.5 | 95.3 | 0.5 |
| margin 0 | 12.0 | 95.3 | 0.5 |
| margin 0.03 | 8.4 | 95.3 | 0.5 |
| 40 people, 1 photograph, by distance: no rivals | 38.2 | 88.9 | 1.3 |
| margin −0.03 (with distances) | 1.7 | 84.2 | 0.1 |
| margin 0 | 1.4 | 81.7 | 0.1 |

The idea is that of "known unknowns" in open-set recognition (Scheirer et al., "Toward open set recognition", 2013).
"""

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.decision import Decision, Verdict
from models.faces import Embeddings
from models.neighbours import pairwise

MOST_RIVALS = 20_000
"""Unknown people who are kept as rivals, those most like somebody enrolled: 10 MB a process."""

MARGIN: Final = 0.03
"""By how much farther than whoever is named a rival may be, in normalised scores."""

MARGIN_BY_DISTANCE: Final = -0.03
"""The same where names are given by distance."""

_PROBES_AT_ONCE = 64


class Rivals:
    """R unknown people.

    Args:
        unknown_ids: (R,) who each is.
        templates: (R, 128) one of each.
        terms: (R,) of the templates, see `Cohort.terms`; zeros where names are given by distance.
        margin: by how much farther than whoever is named a rival may be.

    Raises:
        ValueError: the arrays do not fit each other.
    """

    def __init__(
        self, unknown_ids: NDArray[np.int64], templates: Embeddings, terms: NDArray[np.float64], margin: float
    ) -> None:
        if templates.ndim != 2 or not unknown_ids.shape == terms.shape == templates.shape[:1]:
            raise ValueError(f"{unknown_ids.shape} people and {terms.shape} terms of {templates.shape} templates")
        self._ids, self._templates, self._terms, self._margin = unknown_ids, templates, terms, margin

    def __len__(self) -> int:
        return len(self._ids)

    def contest(
        self, probes: Embeddings, verdicts: Sequence[Verdict], term_of: Callable[[int], float]
    ) -> list[Verdict]:
        """The verdicts on (n, 128) probes; names that a rival contests are questions.

        Args:
            probes: what was decided on.
            verdicts: (n) by the gallery alone.
            term_of: the term of an enrolled identity's template.
        """
        found = list(verdicts)
        named = [
            (row, verdict.first.distance - term_of(verdict.first.identity_id))
            for row, verdict in enumerate(verdicts)
            if verdict.decision == Decision.NAMED and verdict.first is not None
        ]
        for start in range(0, len(named) if len(self) else 0, _PROBES_AT_ONCE):
            some = named[start : start + _PROBES_AT_ONCE]
            scores = pairwise(probes[[row for row, _ in some]], self._templates) - self._terms
            nearest = scores.argmin(axis=1)
            for (row, own), rival, score in zip(some, nearest.tolist(), scores.min(axis=1).tolist(), strict=True):
                if score < own + self._margin:
                    found[row] = verdicts[row].contested(int(self._ids[rival]))
        return found
