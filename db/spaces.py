"""Embedding spaces, and the version of the gallery in each."""

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from config.errors import LedgerError
from db.schema import EmbeddingSpaceRow, new_token
from db.upserts import insert_into
from models.faces import EmbeddingSpace


def ensure(session: Session, space: EmbeddingSpace) -> int:
    """The row of a space, written when it is new.

    Raises:
        LedgerError: the ledger knows the name with other weights: its vectors could not be compared.
    """
    # Two processes may meet a new space at once; the second waits here for the first, and then finds its row.
    session.execute(
        insert_into(session, EmbeddingSpaceRow)
        .values(name=space.name, length=space.length, weights_sha256=space.weights_sha256, gallery_version=0)
        .on_conflict_do_nothing(index_elements=["name"])
    )
    row = session.scalars(select(EmbeddingSpaceRow).where(EmbeddingSpaceRow.name == space.name)).one()
    if (row.weights_sha256, row.length) != (space.weights_sha256, space.length):
        raise LedgerError(
            space.name,
            "the ledger holds vectors of other weights, or of another length, under this name",
            "give the new space a new name",
        )
    return row.id


def find(session: Session, name: str) -> EmbeddingSpaceRow | None:
    """The row of a space as it is in the ledger now, None for one that it has never met."""
    return session.scalar(
        select(EmbeddingSpaceRow).where(EmbeddingSpaceRow.name == name), execution_options={"populate_existing": True}
    )


def gallery_tokens(session: Session) -> frozenset[str]:
    """What the galleries of all spaces are now."""
    return frozenset(session.scalars(select(EmbeddingSpaceRow.gallery_token)))


def gallery_version(session: Session, space_id: int) -> int:
    """Grows with every change of the enrolled faces of the space."""
    return session.scalars(select(EmbeddingSpaceRow.gallery_version).where(EmbeddingSpaceRow.id == space_id)).one()


def bump_gallery_version(session: Session, space_id: int, changes: int = 1) -> None:
    """Tell every process that holds the gallery of this space that it has changed, by so many faces."""
    session.execute(
        update(EmbeddingSpaceRow)
        .where(EmbeddingSpaceRow.id == space_id)
        .values(gallery_version=EmbeddingSpaceRow.gallery_version + changes, gallery_token=new_token())
    )
