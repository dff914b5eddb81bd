"""The faces of photographs, gathered with a bar and a line for each photograph that cannot be read."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cli import console
from config.face_settings import FaceSettings

if TYPE_CHECKING:
    from curation.embed import Collection


@dataclass(frozen=True, slots=True)
class Collected:
    """The faces, how many photographs show none, and how many cannot be read."""

    collection: "Collection"
    faceless: int
    refused: int


def collect(photographs: Sequence[Path], faces: FaceSettings, processes: int) -> Collected:
    """Analyse photographs and gather their faces."""
    # The face models load only where faces are looked for.
    from curation.analysis import AnalysedPhotograph, analyse_all, engine_of  # noqa: PLC0415
    from curation.embed import Collection  # noqa: PLC0415

    engine = engine_of(faces)
    collection = Collection(engine.space, engine.detector_name)
    faceless = refused = 0
    with console.progress("photographs", len(photographs)) as advance:
        for done, (_, result) in enumerate(analyse_all(photographs, faces, processes), start=1):
            if isinstance(result, AnalysedPhotograph):
                collection.add(result)
                faceless += not result.faces
            else:
                refused += 1
                console.complain(f"{result.code}: {result}")
            advance(done)
    return Collected(collection, faceless, refused)
