"""Numbers that are drawn in the order in which transactions end."""

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from db.schema import Counter

FINISHED = "finished"
"""Counts the ends of videos."""


def draw(session: Session, name: str) -> int:
    """The next number. Until this transaction ends nobody else draws one: who sees a number sees all smaller ones."""
    drawn = update(Counter).where(Counter.name == name).values(value=Counter.value + 1).returning(Counter.value)
    return session.execute(drawn.execution_options(synchronize_session=False)).scalar_one()


def last(session: Session, name: str) -> int:
    """The number that was drawn last, by a transaction that has ended; 0 before the first."""
    return session.scalars(select(Counter.value).where(Counter.name == name)).one()
