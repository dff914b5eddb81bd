"""Enrol today, find in the past: ended videos get the names that the gallery would give them now.

The gallery is asked about the templates that were kept. Only where its answers differ are the faces of a video read,
and joined and named again; no video is opened, and nothing is decoded.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import structlog

from config.errors import Conflict, NotFound
from db import casts, finishing, matching, videos
from db.casts import ClusterRecord
from models.gallery import Gallery
from worker import casting
from worker.process import WorkerProcess

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Rematched:
    """What has changed: videos, and of their appearances those that have got a name, and those that have lost one."""

    videos: int = 0
    named: int = 0
    unnamed: int = 0

    def __add__(self, other: "Rematched") -> "Rematched":
        """Both together."""
        return Rematched(self.videos + other.videos, self.named + other.named, self.unnamed + other.unnamed)


def rematch(process: WorkerProcess, on_video: Callable[[int, int], None] = lambda _done, _all: None) -> Rematched:
    """Match every ended video again that was not matched with the gallery, or by the rule, of now.

    It may be stopped at any time, and several may do it at once: each video is written whole, once.

    Args:
        process: the ledger, the gallery and the rule.
        on_video: called after each video with how many are done, and how many there are.
    """
    with process.database.reading() as session:
        ids = matching.to_match_again(session, process.uncalibrated.name)
    total = Rematched()
    for done, video_id in enumerate(ids, start=1):
        try:
            total += _rematch_video(process, video_id)
        except (Conflict, NotFound) as error:
            # Somebody was removed, or the video, or it was taken up again, at this moment: the next run sees to it.
            log.warning("not matched again", video=video_id, detail=str(error))
        on_video(done, len(ids))
    if ids:
        log.info("matched again", videos=len(ids), changed=total.videos, named=total.named, unnamed=total.unnamed)
    return total


def _rematch_video(process: WorkerProcess, video_id: int) -> Rematched:
    with process.database.reading() as session:
        video = videos.get(session, video_id)
        space = finishing.space_of(session, video)
        if space is None:
            return Rematched()
        gallery = process.gallery(session, space)
        rule = gallery.rule(process.uncalibrated).name
        before = matching.named_appearances(session, video_id)
        # Another calibration leaves decisions that it would make again; another kind of rule gives other numbers.
        may_stay = video.matched_version is not None and _kind(video.rule) == _kind(rule)
        same = may_stay and _is_same(process, gallery, casts.clusters(session, video_id, space.length))
        evidence = None if same else casting.gather(process, session, video)
    cast = None if evidence is None else casting.cast(process, evidence)
    with process.database.writing() as session:
        written = matching.match_again(
            session, video_id, video.matched_version, cast, rule=rule, gallery_version=gallery.version
        )
        if cast is None or not written:
            return Rematched()
        after = matching.named_appearances(session, video_id)
    named, unnamed = (after - before).total(), (before - after).total()
    return Rematched(int(named > 0 or unnamed > 0), named, unnamed)


def _kind(rule: str | None) -> str:
    """`nearest` or `normalised`."""
    return (rule or "").partition("/")[0]


def _is_same(process: WorkerProcess, gallery: Gallery, kept: Sequence[ClusterRecord]) -> bool:
    """Whether the gallery answers as it did when it was asked about these clusters, but for what somebody has said."""
    if not kept:
        return False
    verdicts = gallery.verdicts(
        np.stack([cluster.template for cluster in kept]),
        process.uncalibrated,
        np.array([cluster.variance for cluster in kept]),
    )
    return all(
        (verdict.decision, verdict.likely) == (cluster.decision, cluster.identity_id)
        for verdict, cluster in zip(verdicts, kept, strict=True)
        if cluster.confirmed_id is None
    )
