"""Who is in a video by the gallery of now: what is read for it, and what comes of that."""

from dataclasses import dataclass
from fractions import Fraction

from db import finishing, videos
from db.finishing import Cast, VideoFaces
from db.schema import Video
from db.session import Session
from models.decision import Decision, NearestRule, Verdict
from models.faces import Embeddings
from models.gallery import Gallery
from worker.finish import Segmented, finish
from worker.process import WorkerProcess


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """All that tells who is in a video. `gallery` is None where no segment was scanned."""

    faces: VideoFaces
    runs: Segmented
    time_base: Fraction
    gallery: Gallery | None

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
    return Evidence(
        faces=finishing.faces(session, video.id, space.length if space else 0),
        runs=finishing.runs(session, video.id),
        time_base=videos.facts(video).time_base,
        gallery=process.gallery(session, space) if space else None,
    )


def cast(process: WorkerProcess, evidence: Evidence) -> Cast:
    """Who is in the video."""
    gallery = evidence.gallery

    def identify(probes: Embeddings) -> list[Verdict]:
        if gallery is None:
            return [Verdict(Decision.UNKNOWN) for _ in probes]
        return gallery.verdicts(probes, process.uncalibrated)

    grouping = process.settings.grouping
    return finish(
        evidence.faces,
        evidence.runs,
        identify,
        time_base=evidence.time_base,
        largest_distance=grouping.largest_distance,
        largest_gap=grouping.largest_gap,
    )
