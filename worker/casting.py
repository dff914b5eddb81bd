"""Who is in a video by the gallery of now: what is read for it, and what comes of that."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from db import borders, casts, finishing, videos
from db.borders import BorderRecord, Edge
from db.casts import Cast
from db.finishing import VideoFaces
from db.schema import Video
from db.session import Session
from models.decision import Decision, NearestRule, Verdict
from models.faces import Embeddings
from models.gallery import Gallery
from worker.borders import Account, Instants, settled, wanted
from worker.finish import Segmented, finish
from worker.inheritance import Before, inherited
from worker.numbering import Numbering
from worker.process import WorkerProcess


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """All that tells who is in a video; its samples are ordinals (`worker.numbering`).

    `gallery` is None where no segment was scanned.
    """

    faces: VideoFaces
    runs: Segmented
    time_base: Fraction
    gallery: Gallery | None
    account: Account
    borders: Mapping[Edge, BorderRecord]
    """That were looked at, or given up."""
    before: Before
    """The clusters that were written when the video was finished, or matched, last."""

    @property
    def gallery_version(self) -> int:
        """Of the gallery that is asked; 0 without one."""
        return self.gallery.version if self.gallery else 0

    def rule_name(self, uncalibrated: NearestRule) -> str:
        """Of the rule that decides."""
        return (self.gallery.rule(uncalibrated) if self.gallery else uncalibrated).name


def gather(process: WorkerProcess, session: Session, video: Video) -> Evidence:
    """Read the evidence. What follows takes minutes for a long video, and needs no session."""
    space = finishing.space_of(session, video)
    account = finishing.runs(session, video.id)
    numbering = Numbering.of(account)
    runs = {segment_id: [numbering.run(run) for run in some] for segment_id, some in account.items()}
    faces = finishing.faces(session, video.id, space.length if space else 0)
    times = borders.frame_times(session, video.id)
    ordinals = numbering.ordinals(np.fromiter(times, np.int64, len(times))).tolist()
    facts = videos.facts(video)
    interval, tolerance = (Fraction(ms or 0, 1000) / facts.time_base for ms in (video.interval_ms, video.tolerance_ms))
    return Evidence(
        faces=replace(faces, samples=numbering.ordinals(faces.samples)),
        runs=runs,
        time_base=facts.time_base,
        gallery=process.gallery(session, space) if space else None,
        account=Account(
            runs,
            dict(zip(ordinals, times.values(), strict=True)),
            Instants(interval, tolerance, facts.duration_pts),
            numbering,
        ),
        borders=borders.of_video(session, video.id),
        before=Before.of(casts.clusters(session, video.id, space.length) if space else ()),
    )


def cast(process: WorkerProcess, evidence: Evidence) -> Cast:
    """Who is in the video."""
    gallery = evidence.gallery

    def identify(probes: Embeddings, variances: NDArray[np.float64]) -> list[Verdict]:
        if gallery is None:
            return [Verdict(Decision.UNKNOWN) for _ in probes]
        verdicts = gallery.verdicts(probes, process.uncalibrated, variances)
        said = [None if one is None else one.confirmed_id for one in evidence.before.predecessors(probes)]
        return [
            verdict if identity is None else verdict.confirmed(identity)
            for verdict, identity in zip(verdicts, said, strict=True)
        ]

    grouping = process.settings.grouping
    found = finish(
        evidence.faces,
        evidence.runs,
        identify,
        time_base=evidence.time_base,
        largest_distance=grouping.largest_distance,
        largest_gap=grouping.largest_gap,
        least_quality=process.settings.faces.least_quality,
    )
    return settled(inherited(found, evidence.before), evidence.account, evidence.borders)


def borders_to_look_at(process: WorkerProcess, evidence: Evidence, cast_: Cast) -> list[BorderRecord]:
    """Borders of the cast that nobody has looked at yet, as far as the settings want them."""
    wanted_to = process.settings.borders
    if not wanted_to.tolerance:
        return []
    ticks = Fraction(wanted_to.tolerance) / evidence.time_base
    return wanted(cast_, evidence.account, evidence.borders, wanted_to.of, ticks)
