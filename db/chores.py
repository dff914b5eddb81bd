"""Work that belongs to no piece of the queue, and that one process does at a time: who is at it, until when.

Nothing is lost or doubled if two are; it would be done twice for nothing. So a chore has a lease, but neither tries nor
a fence.
"""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, or_, update
from sqlalchemy.orm import Session

from db import leases
from db.schema import Chore

LINKING = "linking"
"""Unknown people of videos that have ended are looked for in all others."""

MATCHING = "matching"
"""Galleries are calibrated where that is due, and past videos are brought up to date with them."""


def is_free(session: Session, name: str, now: datetime) -> bool:
    """Whether nobody is at it; a process of this host that is no more is nobody."""
    chore = session.get_one(Chore, name)
    return chore.lease_until is None or chore.lease_until < now or leases.is_gone(chore.lease_owner)


def done_since(session: Session, name: str, moment: datetime) -> bool:
    """Whether it was begun later than at a moment, and done."""
    done = session.get_one(Chore, name).done_at
    return done is not None and done > moment


def take(session: Session, name: str, *, owner: str, lease: float, now: datetime) -> bool:
    """Take it for `lease` seconds; False where somebody else is at it."""
    holder = session.get_one(Chore, name).lease_owner
    gone = Chore.lease_owner == holder if leases.is_gone(holder) else Chore.lease_until.is_(None)
    free = or_(gone, Chore.lease_until < now)
    return _change(session, name, free, lease_owner=owner, lease_until=now + timedelta(seconds=lease))


def keep(session: Session, name: str, *, owner: str, lease: float, now: datetime) -> bool:
    """Keep it for another `lease` seconds; False where somebody else has taken it since."""
    until = now + timedelta(seconds=lease)
    return _change(session, name, Chore.lease_owner == owner, lease_until=until)


def end(session: Session, name: str, *, owner: str, begun: datetime) -> None:
    """Let it be done, as things were when it was begun; somebody else may do it the next time, at once."""
    _change(session, name, Chore.lease_owner == owner, lease_owner=None, lease_until=None, done_at=begun)


def _change(session: Session, name: str, held: ColumnElement[bool], **values: object) -> bool:
    changed = session.execute(
        update(Chore)
        .where(Chore.name == name, held)
        .values(**values)
        .returning(Chore.name)
        .execution_options(synchronize_session=False)
    )
    return changed.scalar_one_or_none() is not None
