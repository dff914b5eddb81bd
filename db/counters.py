"""Numbers that are drawn in the order in which transactions end."""

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from db.schema import Counter

FINISHED = "finished"
"""Counts the ends of videos."""


UNKNOWN_PEOPLE = "unknown-people"
"""Counts unknown people: the numbers that they are called by."""

LINKS = "links"
"""Counts how often unknown people were linked."""


def draw(session: Session, name: str, count: int = 1) -> int:
    """The next number, or the last of so many. Until this transaction ends nobody else draws one: who sees a number
    sees all smaller ones.
    """  # noqa: D205  the two belong together
    drawn = update(Counter).where(Counter.name == name).values(value=Counter.value + count).returning(Counter.value)
    return session.execute(drawn.execution_options(synchronize_session=False)).scalar_one()


def last(session: Session, name: str) -> int:
    """The number that was drawn last, by a transaction that has ended; 0 before the first."""
    return session.scalars(select(Counter.value).where(Counter.name == name)).one()
