"""Arrivals: files of watched places, from when they are first seen to when they are submitted or refused."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, and_, delete, func, or_, select, update
from sqlalchemy.orm import Session

from db import leases
from db.leases import Allowance, Claim
from db.parts import parts
from db.schema import Arrival
from db.states import ArrivalState
from db.upserts import insert_into

_NEVER_TAKEN = (ArrivalState.GROWING, ArrivalState.WAITING, ArrivalState.REFUSED)


@dataclass(frozen=True, slots=True)
class Seen:
    """A file as it was seen in a watched place.

    `version` is another one where the file, or what is told beside it, is another one. `whole`: it cannot be
    still being written.
    """

    place: str
    version: str
    whole: bool


def observe(
    session: Session, root: str, seen: Iterable[Seen], *, all_seen: bool = True, stable: timedelta, now: datetime
) -> None:
    """Note what a watched place holds now.

    What is new, or has changed, is growing; what has stayed the same for long enough waits to be submitted. What is
    gone without having been submitted was no upload. What was submitted and is gone stays known: a disk may come back.

    Args:
        session: of the ledger.
        root: of the place, with a slash at its end.
        seen: files below it, each once.
        all_seen: whether these are all; else none is gone.
        stable: for how long a file must have stayed the same; also over where a clock was set back meanwhile.
        now: the time.
    """
    known = {row.place: row for row in session.execute(_below(root))}
    new, changed, settled = [], [], []
    for each in seen:
        row = known.pop(each.place, None)
        if row is None:
            new.append(each)
        elif row.version != each.version:
            changed.append((row.id, each))
        elif row.state == ArrivalState.GROWING and (each.whole or not timedelta(0) <= now - row.since < stable):
            settled.append(row.id)
    if new:
        begun = {"attempts": 0, "excused": 0, "since": now}
        rows = [{**begun, "place": one.place, "version": one.version, "state": _first(one)} for one in new]
        # Another machine may look at the same place at this moment.
        session.execute(insert_into(session, Arrival).on_conflict_do_nothing(), rows)
    for row_id, each in changed:
        session.execute(
            update(Arrival)
            .where(Arrival.id == row_id)
            .values(version=each.version, since=now, state=_first(each), **_ANEW)
            .execution_options(synchronize_session=False)
        )
    _move(session, settled)
    gone = [row.id for row in known.values() if row.state in _NEVER_TAKEN] if all_seen else []
    for some in parts(gone):
        session.execute(delete(Arrival).where(Arrival.id.in_(some), Arrival.state.in_(_NEVER_TAKEN)))


_ANEW = {"attempts": 0, "excused": 0, "cause": None, "detail": None, "lease_owner": None, "lease_until": None}


def _first(seen: Seen) -> ArrivalState:
    return ArrivalState.WAITING if seen.whole else ArrivalState.GROWING


def _below(root: str) -> Select[int, str, str, str, datetime]:
    return select(Arrival.id, Arrival.place, Arrival.version, Arrival.state, Arrival.since).where(_is_below(root))


def _is_below(root: str) -> ColumnElement[bool]:
    return func.substr(Arrival.place, 1, len(root)) == root


def _move(session: Session, ids: Sequence[int]) -> None:
    for some in parts(ids):
        session.execute(
            update(Arrival)
            .where(Arrival.id.in_(some), Arrival.state == ArrivalState.GROWING)
            .values(state=ArrivalState.WAITING)
            .execution_options(synchronize_session=False)
        )


def due(session: Session, allowed: Allowance, now: datetime) -> tuple[list[int], list[int]]:
    """Arrivals that wait to be submitted, those that were seen first before others; and those without tries left."""
    return leases.free(session, Arrival, Arrival.since, Arrival.id, allowed=allowed, now=now)


def claim(
    session: Session, arrival_id: int, *, owner: str, lease: float, allowed: Allowance, now: datetime
) -> tuple[Claim, str] | None:
    """Take an arrival for `lease` seconds, with its place; None if it is not to be had."""
    held = leases.claim(session, Arrival, arrival_id, owner=owner, lease=lease, allowed=allowed, now=now)
    if held is None:
        return None
    return held, session.scalars(select(Arrival.place).where(Arrival.id == arrival_id)).one()


def take(session: Session, held: Claim, video_id: int) -> None:
    """Note that an arrival has its row among the videos.

    Raises:
        LeaseLost: somebody else has it, or the file has changed since.
    """
    ended = {"lease_owner": None, "lease_until": None, "cause": None, "detail": None}
    leases.change(session, held, state=ArrivalState.TAKEN, video_id=video_id, **ended)


def refuse(session: Session, held: Claim, *, cause: str, detail: str) -> None:
    """End an arrival that cannot be submitted. It is tried again when the file changes.

    Raises:
        LeaseLost: somebody else has it, or the file has changed since.
    """
    leases.change(
        session, held, state=ArrivalState.REFUSED, cause=cause, detail=detail, lease_owner=None, lease_until=None
    )


def end_exhausted(session: Session, arrival_id: int, *, allowed: Allowance, now: datetime) -> None:
    """Refuse an arrival whose tries are used up."""
    detail = "every try at submitting it ended without a word"
    leases.end_exhausted(
        session, Arrival, arrival_id, allowed=allowed, now=now, detail=detail, state=ArrivalState.REFUSED
    )


def retry(session: Session, ids: Sequence[int]) -> None:
    """Give refused arrivals their tries again."""
    for some in parts(ids):
        session.execute(
            update(Arrival)
            .where(Arrival.id.in_(some), Arrival.state == ArrivalState.REFUSED)
            .values(state=ArrivalState.WAITING, **_ANEW)
            .execution_options(synchronize_session=False)
        )


def refused(session: Session) -> Sequence[Arrival]:
    """Arrivals that could not be submitted, by place."""
    return session.scalars(select(Arrival).where(Arrival.state == ArrivalState.REFUSED).order_by(Arrival.place)).all()


def count_by_state(session: Session) -> dict[str, int]:
    """How many arrivals stand where."""
    rows = session.execute(select(Arrival.state, func.count()).group_by(Arrival.state))
    return dict(rows.all())


def unfinished(session: Session, seen_by: datetime | None, roots: Sequence[str]) -> int:
    """How many arrivals are still to be submitted; of growing ones, those below some roots, each with a slash at its
    end, that have not changed since a moment.
    """  # noqa: D205  the lines are one sentence
    open_ones: ColumnElement[bool] = Arrival.state.in_(leases.open_states(Arrival))
    if seen_by is not None and roots:
        below = or_(*(_is_below(root) for root in roots))
        open_ones |= and_(Arrival.state == ArrivalState.GROWING, Arrival.since <= seen_by, below)
    return session.scalar(select(func.count()).select_from(Arrival).where(open_ones)) or 0
