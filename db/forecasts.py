"""The record of forecasts: what was foretold, and what became of it."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, and_, exists, func, select
from sqlalchemy.orm import Session

from db.schema import ForecastRow, Video
from db.states import VIDEO_OPEN, VideoState


def add(session: Session, row: ForecastRow) -> int:
    """Keep a forecast; its number."""
    session.add(row)
    session.flush()
    return row.id


def last_video_id(session: Session) -> int:
    """The newest video's; 0 in an empty ledger."""
    return session.scalar(select(func.max(Video.id))) or 0


def settle(session: Session) -> int:
    """Write what became of those forecasts whose videos have all ended since; how many.

    A video that was tried again after its end counts as if it had never ended before; one that is refilled has ended.
    """
    unsettled = session.scalars(select(ForecastRow).where(ForecastRow.emptied_at.is_(None))).all()
    return sum(_settle(session, row) for row in unsettled)


def _settle(session: Session, row: ForecastRow) -> bool:
    left = exists().where(Video.id <= row.last_video_id, Video.state.in_(VIDEO_OPEN), Video.ended_at.is_(None))
    if session.scalar(select(left)):
        return False
    about = _about(row)
    row.emptied_at = session.scalar(select(func.max(Video.ended_at)).where(about)) or row.made_at
    row.late = session.scalar(select(func.count()).where(about, Video.ended_at > Video.deadline)) or 0
    row.overtaken = session.scalar(
        select(func.count()).where(
            Video.id > row.last_video_id,
            Video.state != VideoState.REJECTED,
            Video.ended_at > row.made_at,
            Video.ended_at < row.emptied_at,
        )
    )
    return True


def _about(row: ForecastRow) -> ColumnElement[bool]:
    """The videos of a forecast, all of which have ended."""
    return and_(Video.id <= row.last_video_id, Video.ended_at > row.made_at, Video.state != VideoState.REJECTED)


def latest(session: Session, *, most: int) -> Sequence[ForecastRow]:
    """The last forecasts, newest first."""
    return session.scalars(
        select(ForecastRow).order_by(ForecastRow.made_at.desc(), ForecastRow.id.desc()).limit(most)
    ).all()


def settled(session: Session, *, since: datetime) -> Sequence[ForecastRow]:
    """Forecasts since then whose queues were emptied, oldest first."""
    return session.scalars(
        select(ForecastRow)
        .where(ForecastRow.made_at >= since, ForecastRow.emptied_at.is_not(None))
        .order_by(ForecastRow.made_at, ForecastRow.id)
    ).all()
