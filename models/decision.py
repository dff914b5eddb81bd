"""The one place where a score becomes a name, a question to a reviewer, or neither."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol

from config.face_settings import MatchSettings


class Decision(StrEnum):
    """What is said of a group of faces: the three bands of scores, or that no gallery was asked."""

    NAMED = "named"
    REVIEW = "review"  # somebody is likely, and a person has to say
    UNKNOWN = "unknown"
    UNRECOGNISABLE = "unrecognisable"  # seen, but none of the faces can tell who it is


@dataclass(frozen=True, slots=True)
class Candidate:
    """An enrolled identity that a probe may show.

    Args:
        identity_id: who.
        distance: Euclidean, between embeddings: for people to look at.
        score: what the rule decides by; smaller is more alike. The distance itself, or the normalised one.
    """

    identity_id: int
    distance: float
    score: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was decided, and from what.

    Args:
        decision: the band.
        first: the candidate of the smallest score, whatever was decided; None where nobody is enrolled.
        second: the next one.
        confidence: 0 to 1, that the first candidate is the right one; None where nothing was calibrated.
        told: who somebody has said it is; the candidates remain what the gallery says.
        rival: the unknown person who is as alike as the first candidate, and why nobody is named.
    """

    decision: Decision
    first: Candidate | None = None
    second: Candidate | None = None
    confidence: float | None = None
    told: int | None = None
    rival: int | None = None

    @property
    def identity_id(self) -> int | None:
        """Whose name is given; None unless somebody is named."""
        if self.told is not None:
            return self.told
        return self.first.identity_id if self.first is not None and self.decision == Decision.NAMED else None

    @property
    def likely(self) -> int | None:
        """Who is named, or proposed to a reviewer; None otherwise."""
        asked = self.decision in {Decision.NAMED, Decision.REVIEW}
        if self.told is not None or self.first is None or not asked:
            return self.told
        return self.first.identity_id

    @property
    def margin(self) -> float | None:
        """How much larger the second candidate's score is than the first one's; None without a second."""
        if self.first is None or self.second is None:
            return None
        return self.second.score - self.first.score

    def confirmed(self, identity_id: int) -> "Verdict":
        """The same, but somebody has said who it is."""
        return replace(self, decision=Decision.NAMED, confidence=None, told=identity_id, rival=None)

    def contested(self, unknown_id: int) -> "Verdict":
        """The same, but nobody is named: an unknown person is as alike."""
        return replace(self, decision=Decision.REVIEW, rival=unknown_id)

    def doubted(self) -> "Verdict":
        """The same, but nobody is named: a person has to say. What somebody has said is not doubted."""
        return self if self.told is not None else replace(self, decision=Decision.REVIEW)

    def unrecognisable(self) -> "Verdict":
        """The same of a face that is too poor to tell who it is."""
        return replace(self, decision=Decision.UNRECOGNISABLE, confidence=None)


class Rule(Protocol):
    """Decides on the candidates of a probe."""

    @property
    def name(self) -> str:
        """The rule with its limits, for provenance."""
        ...

    def decide(self, candidates: Sequence[Candidate]) -> Verdict:
        """The verdict on candidates of distinct identities in order of ascending score, at least the first two."""
        ...


@dataclass(frozen=True, slots=True)
class NearestRule:
    """Without a calibration: a probe is its nearest identity if that is near enough, and clearly nearer than the next.

    Near enough but hardly nearer than the next one is a question to a reviewer, all else unknown. Both limits are
    distances between embeddings, so they hold for one embedding space and loosen as the gallery grows: this rule is for
    galleries that are too small to be calibrated.

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
    def of(cls, match: MatchSettings) -> "NearestRule":
        """The rule that the settings name."""
        return cls(match.largest_distance, match.least_margin)

    @property
    def name(self) -> str:
        """E.g. `nearest/0.500/0.050`."""
        return f"nearest/{self.largest_distance:.3f}/{self.least_margin:.3f}"

    def decide(self, candidates: Sequence[Candidate]) -> Verdict:
        """See `Rule`. Scores are distances."""
        first, second = (*candidates[:2], None, None)[:2]
        if first is None or first.score > self.largest_distance:
            return Verdict(Decision.UNKNOWN, first, second)
        alone = second is None or second.score - first.score >= self.least_margin
        return Verdict(Decision.NAMED if alone else Decision.REVIEW, first, second)


@dataclass(frozen=True, slots=True)
class CalibratedRule:
    """Limits of normalised scores that let a known share of strangers through, measured on the gallery itself.

    Where two candidates are good enough to be named, the probe is a question to a reviewer.

    Args:
        number: of the calibration, for provenance.
        limit: scores below it give a name.
        review_limit: scores below it ask a reviewer; not smaller than `limit`.
        slope: logarithm of the odds that the first candidate is right, per unit of its score; negative.
        intercept: the same at a score of 0, before the search as likely as not.
    """

    number: int
    limit: float
    review_limit: float
    slope: float
    intercept: float

    @property
    def name(self) -> str:
        """E.g. `normalised/3/-0.0961/-0.0514`."""
        return f"normalised/{self.number}/{self.limit:.4f}/{self.review_limit:.4f}"

    def confidence(self, score: float) -> float:
        """How likely a first candidate of this score is the right one, if anybody enrolled was as likely as not."""
        return 1 / (1 + math.exp(min(700.0, -(self.slope * score + self.intercept))))

    def decide(self, candidates: Sequence[Candidate]) -> Verdict:
        """See `Rule`. Scores are normalised distances."""
        first, second = (*candidates[:2], None, None)[:2]
        if first is None:
            return Verdict(Decision.UNKNOWN)
        confidence = self.confidence(first.score)
        if first.score >= self.review_limit:
            return Verdict(Decision.UNKNOWN, first, second, confidence)
        alone = second is None or second.score >= self.limit
        decision = Decision.NAMED if first.score < self.limit and alone else Decision.REVIEW
        return Verdict(decision, first, second, confidence)
