"""The one place where a distance becomes a name, or does not."""

from collections.abc import Sequence
from dataclasses import dataclass

from config.settings import MatchSettings


@dataclass(frozen=True, slots=True)
class Candidate:
    """An enrolled identity that a probe may show, and the distance of its nearest enrolled face."""

    identity_id: int
    distance: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was decided, and from what. `identity_id` is None when the probe is unknown."""

    identity_id: int | None
    first: Candidate | None
    second: Candidate | None

    @property
    def margin(self) -> float | None:
        """How much farther the second candidate is than the first; None without a second."""
        if self.first is None or self.second is None:
            return None
        return self.second.distance - self.first.distance


@dataclass(frozen=True, slots=True)
class DecisionRule:
    """A probe is its nearest identity when that is near enough, and clearly nearer than the next one.

    Otherwise it is unknown, never the nearest name. Both limits are distances between embeddings, so they hold for one
    embedding space and loosen as the gallery grows; a rule calibrated on the gallery's own distances is to replace this
    one, here and nowhere else.

    The defaults of the settings come from Labelled Faces in the Wild in the mirrored space: one photograph enrolled of
    each of n people, one other of each as probe, up to two of each of 507 − n strangers, 6 draws. Share of strangers
    who got a name, and of enrolled people who did not get theirs:

    | limits | n = 100 | n = 200 | n = 300 |
    |---|---|---|---|
    | 0.60, no margin (customary) | 47 %, 3 % | 65 %, 2 % | 74 %, 3 % |
    | 0.50, no margin | 3.5 %, 14 % | 5.1 %, 10 % | 6.5 %, 11 % |
    | 0.50, 0.03 | 2.9 %, 14 % | 3.2 %, 11 % | 4.8 %, 11 % |
    | 0.50, 0.05 (default) | 2.3 %, 14 % | 2.3 %, 12 % | 2.7 %, 13 % |
    | 0.50, 0.08 | 1.4 %, 16 % | 1.3 %, 15 % | 1.4 %, 17 % |
    | 0.45, 0.05 | 0.5 %, 31 % | 0.6 %, 28 % | 0.6 %, 29 % |

    These are single photographs; the mean of several faces, which a video gives, is missed less often.

    Args:
        largest_distance: the first candidate may be this far.
        least_margin: the second candidate must be at least this much farther than the first. With one candidate there
            is nothing to be confused with, and the margin is not asked for.
    """

    largest_distance: float
    least_margin: float

    @classmethod
    def of(cls, match: MatchSettings) -> "DecisionRule":
        """The rule that the settings name."""
        return cls(match.largest_distance, match.least_margin)

    @property
    def name(self) -> str:
        """The rule with its limits, for provenance, e.g. `nearest/0.500/0.050`."""
        return f"nearest/{self.largest_distance:.3f}/{self.least_margin:.3f}"

    def score(self, candidate: Candidate) -> float:
        """How much nearer than the largest distance a candidate is: grows with likeness, from 0 on near enough."""
        return self.largest_distance - candidate.distance

    def decide(self, candidates: Sequence[Candidate]) -> Verdict:
        """The verdict on candidates of distinct identities in order of ascending distance, at least the first two."""
        first, second = (*candidates[:2], None, None)[:2]
        named = (
            first is not None
            and first.distance <= self.largest_distance
            and (second is None or second.distance - first.distance >= self.least_margin)
        )
        return Verdict(first.identity_id if first is not None and named else None, first, second)
