"""What the ledger knows of frames: those of near hashes are proposed, their pixels confirm, their faces are reused."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Final

import numpy as np

from config.settings import Settings
from crops.reading import read_all
from db import frames
from db.crops import Kept
from db.frames import KnownFrame, Scope
from db.session import Database
from models.faces import Face
from models.frame_likeness import to_png
from models.scaling import Scaling
from worker.confirming import KnownFace, Look, Match, faces_of, look_at, match
from worker.samples import Frame
from worker.scan import Known, Recollection

_PROPOSED: Final = 16
"""Frames that a new one is compared with at most. Of a still scene hundreds have near hashes; see `_nearest`."""


class Repeats:
    """Recalls the frames of one segment, in order of time; a `worker.scan.Recall`.

    Args:
        database: the ledger. Each call reads it by four queries at most where few frames are near, one where none is.
        scope: whose frames may be reused; None where there are none.
        time_base: seconds per tick of the video.
        settings: how large the detector looks at frames, how far hashes, frames and faces may differ, and where the
            store of crops is.
    """

    def __init__(
        self,
        database: Database,
        scope: Scope | None,
        time_base: Fraction,
        settings: Settings,
    ) -> None:
        self._database = database
        self._scope = scope
        self._time_base = time_base
        self._scaling = Scaling(settings.faces.smallest, settings.faces.most_pixels)
        self._limits = settings.repeats
        self._storage = settings.storage
        self._shift = Fraction(0)
        """How many seconds later the last frame that was known was in its own video."""

    def __call__(self, seen: Sequence[Frame]) -> list[Recollection]:
        """By what each frame will be found again, and what is known of it.

        Raises:
            StorageUnavailable: known faces have crops in packs that cannot be reached.
        """
        looks = [look_at(frame.image, self._scaling) for frame in seen]
        known = self._known(seen, looks, self._scope) if self._scope else [None] * len(looks)
        return [Recollection(look.hash, to_png(look.picture), found) for look, found in zip(looks, known, strict=True)]

    def _known(self, seen: Sequence[Frame], looks: Sequence[Look], scope: Scope) -> list[Known | None]:
        limit = self._limits.frame_difference
        hashes = np.array([look.hash for look in looks], np.uint64)
        with self._database.reading() as session:
            near = frames.near(session, hashes, self._limits.radius, reused=False)
            known = frames.known(session, scope, np.unique(near.frame_ids).tolist())
            proposed = [
                self._nearest(frame, [known[i] for i in near.frame_ids[near.asked == place].tolist() if i in known])
                for place, frame in enumerate(seen)
            ]
            pngs = frames.pictures(session, sorted({each.id for some in proposed for each in some}))
            matches = [
                [found for each in some if (found := match(look, each, pngs[each.id], limit)) is not None]
                for look, some in zip(looks, proposed, strict=True)
            ]
            recorded = frames.faces(session, sorted({each.frame.id for some in matches for each in some}))
        faces = self._with_crops(recorded)
        return [
            self._confirmed(frame, look, some, faces) for frame, look, some in zip(seen, looks, matches, strict=True)
        ]

    def _with_crops(self, recorded: Mapping[int, Sequence[tuple[Face, Kept | None]]]) -> dict[int, list[KnownFace]]:
        crops = {(frame, i): crop for frame, some in recorded.items() for i, (_, crop) in enumerate(some)}
        jpegs = read_all(crops, self._storage)
        return {
            frame: [KnownFace(face, jpegs.get((frame, i))) for i, (face, _) in enumerate(some)]
            for frame, some in recorded.items()
        }

    def _nearest(self, frame: Frame, known: Sequence[KnownFrame]) -> list[KnownFrame]:
        """Those nearest to the time at which a repeat would show the frame: in step with the last one that was known.

        The order is that of the videos, not that in which their segments happened to be recorded.
        """
        due = frame.pts * self._time_base + self._shift
        return sorted(known, key=lambda each: (abs(each.time - due), each.video_id, each.sample))[:_PROPOSED]

    def _confirmed(
        self, frame: Frame, look: Look, matches: Sequence[Match], faces: dict[int, list[KnownFace]]
    ) -> Known | None:
        """The first match whose faces are all there as they were, those first of which no part has changed."""
        for each in sorted(matches, key=lambda one: one.changed is not None):
            found = faces_of(look, each.frame, faces[each.frame.id], self._limits.face_difference)
            if found is not None:
                self._shift = each.frame.time - frame.pts * self._time_base
                return Known(each.frame.id, found, each.changed)
        return None
