"""Rows of the ledger that need no video: facts, a space, faces, accounts of samples."""

from fractions import Fraction

import numpy as np

from db.facts import VideoFacts
from db.schema import SampleOutcome
from db.segments import FaceRecord, RunRecord
from models.faces import Box, Embedding, EmbeddingSpace, Face, Quality

FACTS = VideoFacts("matroska", "h264", 640, 360, 0, Fraction(1, 1000), 0, 30_000)
SPACE = EmbeddingSpace("test/space", 128, "0" * 64)


def face(sample: int, seed: int) -> FaceRecord:
    """A face with numbers drawn from a seed."""
    generator = np.random.default_rng(seed)
    return FaceRecord(
        sample,
        sample * 3000,
        Face(
            Box(10, 20, 110, 120),
            1.5,
            generator.random((5, 2), dtype=np.float32),
            Quality(0.9, 0.8, 0.7, 0.6, 1.0),
            generator.random(128, dtype=np.float32),
        ),
        b"jpeg",
    )


def analysed(first: int, end: int) -> list[RunRecord]:
    """The account of samples [first, end), all of them analysed."""
    return [RunRecord(first, end, SampleOutcome.ANALYSED, first * 3000, (end - 1) * 3000)]


def direction(person: int) -> Embedding:
    """People as far apart as strangers are: axes of the space."""
    embedding = np.zeros(128, np.float32)
    embedding[person] = 1
    return embedding
