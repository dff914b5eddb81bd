"""The parts of a face's quality as columns, which both tables of faces have."""

from typing import Any

from sqlalchemy import Row
from sqlalchemy.orm import InstrumentedAttribute

from db.schema import EnrolledFace, FaceRow
from models.faces import PARTS, Quality


def columns(table: type[FaceRow] | type[EnrolledFace]) -> list[InstrumentedAttribute[Any]]:
    """To select, in the order of `PARTS`."""
    return [getattr(table, part) for part in PARTS]


def quality_of(row: FaceRow | EnrolledFace | Row[Any]) -> Quality:
    """What the columns of a row say."""
    return Quality(**{part: getattr(row, part) for part in PARTS})
