"""Finding the limits of a gallery: how alike must two faces be so that only a set share of strangers gets a name?

Everything comes from the gallery itself (`models.leave_one_out`) and from unknown people of past videos, who join the
cohort that scores are normalised by. No video and no photograph is opened.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np
import structlog
from numpy.typing import NDArray

from config.errors import Conflict, GalleryTooSmall
from config.face_settings import MatchSettings
from db import calibrations, gallery, spaces
from db.calibrations import LEAST_PEOPLE, MOST_UNKNOWN, Seen
from db.schema import CalibrationRow, EmbeddingSpaceRow
from db.session import Database, Session
from models import normalised
from models.calibration import MATED, Estimate, StrangerScores, couples, missed, odds
from models.cohort import Cohort
from models.decision import CalibratedRule, Decision
from models.faces import Embeddings
from models.gallery import Calibrated
from models.leave_one_out import Enrolled, LeftOut, search_left_out
from models.normalised import LEAST_COHORT, NormalisedIndex, People
from models.templates import templates_by_identity

log = structlog.get_logger(__name__)

MOST_PEOPLE, MOST_PHOTOGRAPHS = 5000, 5
"""Searched for, and of each: they set how narrow the interval is, and the time it takes."""

LOOKED_AT_FIRST = 2 * MOST_UNKNOWN
# Clusters of recent videos that tell how much is left for reviewers.
_MOST_RECENT = 20_000
SEED = 0
# How sure it must be that two identities are one person before somebody is asked to look.
_ONE_PERSON = 0.99


@dataclass(frozen=True, slots=True)
class Targets:
    """The shares of strangers that may get a name, and that may be put before a reviewer or named."""

    fpir: float
    review_fpir: float

    @classmethod
    def of(cls, match: MatchSettings) -> "Targets":
        """Those of the settings."""
        return cls(match.fpir, match.review_fpir)


@dataclass(frozen=True, slots=True)
class Calibration:
    """What was found.

    Args:
        identities: enrolled people.
        photographs: of them.
        unknown: unknown people of past videos in the cohort.
        rule: the limits.
        named: the share of strangers that gets a name.
        missed: the share of searches for enrolled people that do not end in their name; None where nobody has two
            photographs.
        alike: couples of identities who may be one person under two names, the most alike first.
        review_per_day: groups of faces a day that would be put before a reviewer; None where no video has ended.
    """

    identities: int
    photographs: int
    unknown: int
    targets: Targets
    rule: CalibratedRule
    named: Estimate
    missed: Estimate | None
    alike: Sequence[tuple[int, int]]
    review_per_day: float | None


def calibrate(database: Database, space_name: str, targets: Targets, *, keep: bool = True) -> Calibration:
    """Find the limits of a gallery, and let them decide from now on.

    Args:
        database: the ledger.
        space_name: of the gallery.
        targets: shares of strangers.
        keep: whether to write it; otherwise it is only told.

    Raises:
        GalleryTooSmall: there are too few people.
        Conflict: the gallery has changed meanwhile.
    """
    with database.reading() as session:
        space = spaces.find(session, space_name)
        if space is None:
            raise too_small(space_name, 0, 0)
        held = gallery.vectors(session, space.id)
        templates = templates_by_identity(held.identity_ids, held.embeddings, held.weights)
        ids = calibrations.unknown_ids(session, space.id)
        members = _unknown_people(session, space, ids, templates[1])
        recent, days = calibrations.recent_ids(session, space.id, _MOST_RECENT)
        lately = calibrations.seen(session, recent, space.length)
    unknown = np.array([seen.template for seen in members], np.float32).reshape(-1, space.length)
    enrolled = Enrolled(held.identity_ids, held.embeddings, held.weights)
    measured = measure(enrolled, templates, unknown, targets)
    if measured is None:
        raise too_small(space_name, len(templates[0]), len(unknown))
    calibration, people = measured
    if lately:
        verdicts = Calibrated(NormalisedIndex(people), calibration.rule).verdicts(
            np.stack([seen.template for seen in lately]), np.array([seen.variance for seen in lately])
        )
        at_review = sum(verdict.decision == Decision.REVIEW for verdict in verdicts)
        calibration = replace(calibration, review_per_day=at_review / max(1, days))
    if keep:
        calibration = store(database, space, held.version, calibration, members, len(ids))
    return calibration


def measure(
    enrolled: Enrolled, templates: tuple[NDArray[np.int64], Embeddings], unknown: Embeddings, targets: Targets
) -> tuple[Calibration, People] | None:
    """The limits of a gallery but for the reviewers' load, and its people as they are searched; None for too few.

    Args:
        enrolled: the faces.
        templates: of their identities, see `templates_by_identity`.
        unknown: (u, 128) other people, one template of each.
        targets: shares of strangers.
    """
    people = normalised.people(*templates, unknown) if len(templates[0]) >= LEAST_PEOPLE else None
    if people is None:
        return None
    found = search_left_out(
        enrolled,
        Cohort(people.cohort, people.cohort_people),
        most_people=MOST_PEOPLE,
        most_photographs=MOST_PHOTOGRAPHS,
        seed=SEED,
    )
    return _limits(people, found, targets, len(enrolled.identity_ids)), people


def too_small(space_name: str, enrolled: int, unknown: int) -> GalleryTooSmall:
    """The error of a gallery that cannot be calibrated."""
    return GalleryTooSmall(
        space_name,
        f"{enrolled} people are enrolled and {unknown} unknown people known from past videos; "
        f"a calibration needs {LEAST_PEOPLE} enrolled, and {LEAST_COHORT} in all",
        "until then names are given by `match.largest_distance` and `match.least_margin`",
    )


def _unknown_people(session: Session, space: EmbeddingSpaceRow, ids: Sequence[int], enrolled: Embeddings) -> list[Seen]:
    """Unknown people of past videos for a cohort, drawn at random."""
    mixed = np.random.default_rng(SEED).permutation(np.array(ids, np.int64))[:LOOKED_AT_FIRST].tolist()
    seen = calibrations.seen(session, mixed, space.length)
    if not seen:
        return []
    chosen = normalised.strangers(np.stack([one.template for one in seen]), enrolled, MOST_UNKNOWN)
    return [seen[row] for row in chosen]


def _limits(people: People, found: LeftOut, targets: Targets, photographs: int) -> Calibration:
    """What the searches of a gallery for its own people say."""
    strangers = StrangerScores(found.strangers, found.stranger_people, found.stranger_firsts)
    limit = strangers.limit(targets.fpir)
    right = found.mated[found.right]
    slope, intercept = odds(right if len(right) >= LEAST_PEOPLE else MATED, found.strangers)
    rule = CalibratedRule(0, limit, max(limit, strangers.limit(targets.review_fpir)), slope, intercept)
    return Calibration(
        identities=len(people.identity_ids),
        photographs=photographs,
        unknown=int((people.cohort_people < 0).sum()),
        targets=targets,
        rule=rule,
        named=strangers.fpir(limit),
        missed=missed(found, limit),
        alike=[(one, other) for one, other, score in couples(found) if rule.confidence(score) > _ONE_PERSON],
        review_per_day=None,
    )


def store(
    database: Database,
    space: EmbeddingSpaceRow,
    gallery_version: int,
    found: Calibration,
    members: Sequence[Seen],
    clusters: int,
) -> Calibration:
    """Let a calibration decide from now on.

    Args:
        database: the ledger.
        space: of the gallery.
        gallery_version: that it was measured with.
        found: the calibration.
        members: the unknown people of its cohort.
        clusters: of unknown people, among whom these were chosen.

    Raises:
        Conflict: the gallery has changed meanwhile.
    """
    rule, share = found.rule, found.missed
    row = CalibrationRow(
        made_at=datetime.now(UTC), gallery_version=gallery_version, identities=found.identities,
        photographs=found.photographs, strangers=found.named.people, unknown=found.unknown, clusters=clusters,
        fpir=found.targets.fpir, review_fpir=found.targets.review_fpir,
        limit=rule.limit, review_limit=rule.review_limit,
        fpir_low=found.named.low, fpir_high=found.named.high,
        missed=share.value if share else None, missed_low=share.low if share else None,
        missed_high=share.high if share else None, missed_people=share.people if share else 0,
        slope=rule.slope, intercept=rule.intercept,
    )  # fmt: skip
    with database.writing() as session:
        if gallery.hold(session, space.id) != gallery_version:
            raise Conflict(space.name, "the gallery has changed while it was calibrated", "try again")
        calibrations.store(session, space.id, row, members)
    log.info("calibrated", space=space.name, rule=row.rule, identities=found.identities, unknown=found.unknown)
    return replace(found, rule=calibrations.rule(row))


def calibrate_where_due(database: Database, targets: Targets) -> list[Calibration]:
    """Calibrate galleries that have changed enough; one that has become too small is decided by distance again."""
    done = []
    with database.reading() as session:
        names = calibrations.due(session)
    for name in names:
        with database.reading() as session:
            space = spaces.find(session, name)
            if space is None:
                continue
            known = calibrations.current(session, space)
            wanted = targets if known is None else Targets(known.fpir, known.review_fpir)
        try:
            done.append(calibrate(database, name, wanted))
        except GalleryTooSmall as error:
            log.info("not calibrated", detail=str(error))
            if known is not None:
                with database.writing() as session:
                    calibrations.clear(session, space.id)
        except Conflict as error:
            log.warning("not calibrated", detail=str(error))
    return done
