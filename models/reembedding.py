"""Faces embedded again from the pictures that were kept of them, for another embedding space."""

from collections.abc import Sequence

import numpy as np

from config.face_settings import FaceSettings
from models.alignment import Alignment, alignment_of, dlib_alignment
from models.crops import FacePicture
from models.dlib_engines import CHIP_PADDING
from models.engine import build_embedder
from models.faces import CHIP_EDGE, Embedding, EmbeddingSpace, FaceEmbedder


class Reembedder:
    """Embeds kept pictures with one embedder.

    Args:
        embedder: for the space.
        alignment: of its chips.
    """

    def __init__(self, embedder: FaceEmbedder, alignment: Alignment) -> None:
        self._embedder = embedder
        self._alignment = alignment

    @property
    def space(self) -> EmbeddingSpace:
        """The space of every embedding it gives; known before anything is loaded."""
        return self._embedder.space

    def embed(self, pictures: Sequence[FacePicture]) -> list[Embedding | None]:
        """The embedding of each picture; None for one that cannot be used.

        Raises:
            WeightsMissing: the embedder's file is not there.
            ForeignWeights: it is not what was declared.
        """
        opened = [picture.opened() for picture in pictures]
        usable = [place for place, each in enumerate(opened) if each is not None]
        chips = [self._alignment.cut(*each) for each in opened if each is not None]
        found: list[Embedding | None] = [None] * len(pictures)
        if chips:
            for place, embedding in zip(usable, self._embedder.embed(np.stack(chips)), strict=True):
                found[place] = embedding
        return found


def build_reembedder(faces: FaceSettings) -> Reembedder:
    """For the embedder that the settings name. Cheap: networks load on first use."""
    is_file = faces.embedder == "file"
    alignment = alignment_of(faces.file) if is_file else dlib_alignment(CHIP_EDGE, CHIP_PADDING)
    return Reembedder(build_embedder(faces), alignment)
