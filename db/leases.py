"""Leases: who works on what, until when, at which try.

A claim is one conditional update that must change exactly one row. Its attempt number and its owner are the fence:
whoever writes with others changes nothing. (Numbers begin anew where a row is worked on a second time.) A lease that
has run out, or whose process is gone, is free to be claimed again.
"""

import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, SQLColumnExpression, and_, func, or_, select, update
from sqlalchemy.orm import Session

from config.errors import LeaseLost
from db.schema import Arrival, Segment, Video
from db.states import ArrivalState, SegmentState, VideoState

Leased = type[Segment] | type[Video] | type[Arrival]
LEASED: tuple[Leased, ...] = (Segment, Video, Arrival)
Clock = Callable[[], datetime]

LONGEST_PAUSE: Final = timedelta(hours=1)
"""After which a failed piece of work is tried again, however often it has failed."""
WORKER_DIED: Final = "worker-died"
"""The cause of what ended without a word: its process was killed, or its machine failed."""


def utc_now() -> datetime:
    """The time of this machine."""
    return datetime.now(UTC)


def owner_of_this_process() -> str:
    """`host:namespace/pid`: tells people who works, and this host whether the process still lives."""
    return f"{_here()}/{os.getpid()}"


@cache
def _here() -> str:
    """This host, and the namespace that its process numbers hold in: containers may share a name, not that."""
    try:
        namespace = Path("/proc/self/ns/pid").stat().st_ino
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")[:8]
    except OSError:
        return socket.gethostname()
    return f"{socket.gethostname()}:{boot}-{namespace}"


def pid_here(owner: str | None) -> int | None:
    """The number of a process of this host; None of other hosts'."""
    host, _, pid = (owner or "").rpartition("/")
    return int(pid) if host == _here() and pid.isdecimal() else None


def is_gone(owner: str | None) -> bool:
    """Whether the owner was a process of this host that is no more. Of other hosts nothing is known: False."""
    pid = pid_here(owner)
    return pid is not None and not lives(pid)


def lives(pid: int) -> bool:
    """Whether a process of this host still does something: one that has ended and was not asked about does not."""
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[0]
    except ProcessLookupError:
        return False
    except (PermissionError, FileNotFoundError):
        # Somebody else's; or a system without that file.
        return True
    return state not in {"Z", "X"}


@dataclass(frozen=True, slots=True)
class Allowance:
    """How often a piece of work is tried, and how many tries more may fail by what is no fault of its file's."""

    attempts: int
    outages: int

    def holds(self, attempts: int, excused: int) -> bool:
        """Whether another try may be made after so many, of which some were excused."""
        return attempts - excused < self.attempts and excused <= self.outages

    def holds_in(self, table: Leased) -> ColumnElement[bool]:
        """The same, asked of rows."""
        return and_(table.attempts - table.excused < self.attempts, table.excused <= self.outages)


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to write the outcome of one piece of work, as long as nobody has claimed it since."""

    table: Leased
    id: int
    attempt: int
    owner: str

    @property
    def subject(self) -> str:
        """For messages, e.g. `segment 7, attempt 2`."""
        return f"{self.table.__tablename__.removesuffix('s')} {self.id}, attempt {self.attempt}"


def open_states(table: Leased) -> tuple[str, str]:
    """The states in which a row waits for a worker, and in which one works on it.

    A video that is being finished keeps its state: only its lease tells whether somebody is at it.
    """
    if table is Segment:
        return SegmentState.WAITING, SegmentState.RUNNING
    if table is Arrival:
        return ArrivalState.WAITING, ArrivalState.RUNNING
    return VideoState.FINISHING, VideoState.FINISHING


def is_free(table: Leased, now: datetime) -> ColumnElement[bool]:
    """Whether a row may be claimed: it is open, and nobody's lease, nor a pause after a failed try, runs any more.

    A pause of more than the longest was written by another clock, or before somebody set this one back.
    """
    no_pause = and_(table.lease_owner.is_(None), table.lease_until > now + LONGEST_PAUSE)
    over = or_(table.lease_until.is_(None), table.lease_until < now, no_pause)
    return and_(table.state.in_(open_states(table)), over)


def free(
    session: Session, table: Leased, *order: SQLColumnExpression[Any], allowed: Allowance, now: datetime
) -> tuple[list[int], list[int]]:
    """Ids of what may be claimed in some order: what has tries left, and what has none."""
    rows = session.execute(
        select(table.id, table.attempts, table.excused).where(is_free(table, now)).order_by(*order)
    ).all()
    due = [row.id for row in rows if allowed.holds(row.attempts, row.excused)]
    return due, [row.id for row in rows if not allowed.holds(row.attempts, row.excused)]


def end_exhausted(
    session: Session, table: Leased, row_id: int, *, allowed: Allowance, now: datetime, detail: str, **values: object
) -> bool:
    """End what may be claimed and has no tries left, for its last cause if it has one; whether this call has done so.

    `detail`: where every try ended without a word. `values`: of the end.
    """
    changed = session.execute(
        update(table)
        .where(table.id == row_id, is_free(table, now), ~allowed.holds_in(table))
        .values(
            cause=func.coalesce(table.cause, WORKER_DIED),
            detail=func.coalesce(table.detail, detail),
            lease_owner=None,
            lease_until=None,
            **values,
        )
        .returning(table.id)
        .execution_options(synchronize_session=False)
    )
    return changed.scalar_one_or_none() is not None


def claim(
    session: Session, table: Leased, row_id: int, *, owner: str, lease: float, allowed: Allowance, now: datetime
) -> Claim | None:
    """Take a piece of work for `lease` seconds; None if somebody else has it, it is done, or its tries are used up."""
    running = open_states(table)[1]
    taken = session.execute(
        update(table)
        .where(table.id == row_id, is_free(table, now), allowed.holds_in(table))
        .values(
            state=running, attempts=table.attempts + 1, lease_owner=owner, lease_until=now + timedelta(seconds=lease)
        )
        .returning(table.attempts)
        .execution_options(synchronize_session=False)
    ).scalar_one_or_none()
    return None if taken is None else Claim(table, row_id, taken, owner)


def renew(session: Session, held: Claim, *, lease: float, now: datetime) -> None:
    """Keep a piece of work for another `lease` seconds.

    Raises:
        LeaseLost: somebody has claimed it since.
    """
    change(session, held, lease_until=now + timedelta(seconds=lease))


def change(session: Session, held: Claim, **values: object) -> None:
    """Write to a claimed row, and only while the claim holds.

    Raises:
        LeaseLost: somebody has claimed it since, or it has ended.
    """
    running = open_states(held.table)[1]
    changed = session.execute(
        update(held.table)
        .where(held.table.id == held.id, held.table.attempts == held.attempt, held.table.state == running)
        .where(held.table.lease_owner == held.owner)
        .values(**values)
        .returning(held.table.id)
        .execution_options(synchronize_session=False)
    ).scalar_one_or_none()
    if changed is None:
        raise LeaseLost(held.subject, "somebody else has taken the work over", "nothing was written")


def give_back(
    session: Session, held: Claim, *, not_before: datetime, cause: str, detail: str, excused: bool = False
) -> None:
    """Let another try be made, not at once: what failed just now would fail again.

    Args:
        session: of the ledger.
        held: the claim.
        not_before: when it may be claimed again.
        cause: what the try failed by.
        detail: the same in words.
        excused: whether that was no fault of the file's, so that the try does not count.

    Raises:
        LeaseLost: somebody else has it already.
    """
    waiting = open_states(held.table)[0]
    values: dict[str, object] = {"cause": cause, "detail": detail}
    if excused:
        values["excused"] = held.table.excused + 1
    change(session, held, state=waiting, lease_owner=None, lease_until=not_before, **values)


def excuses(session: Session, held: Claim) -> int:
    """How many tries of a piece of work were excused so far.

    Raises:
        LeaseLost: it was removed meanwhile.
    """
    found = session.scalars(select(held.table.excused).where(held.table.id == held.id)).one_or_none()
    if found is None:
        raise LeaseLost(held.subject, "was removed", "nothing was written")
    return found


def overdue_here(session: Session, now: datetime) -> list[int]:
    """Processes of this host that hold work whose lease has run out: they hang, or they would have renewed it."""
    owners = (owner for table in LEASED for owner in session.scalars(owners_in(table, table.lease_until < now)))
    return sorted({pid for owner in owners if (pid := pid_here(owner)) is not None})


def any_gone(session: Session) -> bool:
    """Whether processes of this host hold work that are no more."""
    return any(is_gone(owner) for table in LEASED for owner in session.scalars(owners_in(table).distinct()))


def owners_in(table: Leased, *of: ColumnElement[bool]) -> Select[str | None]:
    """Who works on rows of a table."""
    return select(table.lease_owner).where(table.state == open_states(table)[1], table.lease_owner.is_not(None), *of)


def release_gone(session: Session, *, excused: bool = False) -> int:
    """Free what processes of this host held that are no more; how many pieces of work.

    `excused`: they were told to end, so that the tries do not count.
    """
    count = 0
    for table in LEASED:
        running = open_states(table)[1]
        held = select(table.id, table.lease_owner, table.attempts).where(
            table.state == running, table.lease_owner.is_not(None)
        )
        for row in session.execute(held).all():
            if is_gone(row.lease_owner):
                session.execute(
                    update(table)
                    .where(table.id == row.id, table.attempts == row.attempts, table.state == running)
                    .values(lease_until=None, lease_owner=None, excused=table.excused + int(excused))
                    .execution_options(synchronize_session=False)
                )
                count += 1
    return count
