"""Packs of crops: begun before their object is written, kept with the faces they show, dropped when they show none.

    begun ──► kept ──► dropped ──► gone          begun: `begin`, committed before the object is written
      └──────────────────▲                       kept: `keep`, in the transaction that records the faces
                                                 dropped: `drop`, `drop_unused`; then the object, then the row goes

A pack is garbage when no crop refers to it and nobody can be writing it any more. Its name is its fence: numbers of
rows that are gone are given again, names are not.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import uuid4

from sqlalchemy import delete, exists, func, insert, select, update
from sqlalchemy.orm import Session

from config.errors import LeaseLost
from db.parts import parts
from db.schema import CropPack, PackedCrop, PackState

_SUFFIX: Final = ".crops"
_AT_ONCE: Final = 10_000
"""Rows that are looked at in one query."""


@dataclass(frozen=True, slots=True)
class Pack:
    """A pack: the first byte and the number of bytes of each picture, in the order in which they were given."""

    id: int
    root: str
    name: str
    ranges: Sequence[tuple[int, int]]


def begin(session: Session, root: str, sizes: Sequence[int], until: datetime) -> Pack:
    """A pack of pictures of these sizes that is written until then, or not at all.

    Args:
        session: for writing; to be committed before the object is written.
        root: of the store.
        sizes: bytes of each picture.
        until: when its writer is sure to have ended.
    """
    ranges, end = [], 0
    for size in sizes:
        ranges.append((end, size))
        end += size
    drawn = uuid4().hex
    # In folders of their own: some file systems are slow where one has hundreds of thousands.
    name = f"{drawn[:2]}/{drawn}{_SUFFIX}"
    row = CropPack(root=root, name=name, byte_size=end, state=PackState.WRITING, lease_until=until)
    session.add(row)
    session.flush()
    return Pack(row.id, root, name, ranges)


def keep(session: Session, pack: Pack, face_ids: Sequence[int]) -> None:
    """Let a pack be kept for its pictures, which show these faces, in its order.

    Raises:
        LeaseLost: it was given up meanwhile; nothing is written.
    """
    found = session.execute(
        update(CropPack)
        .where(CropPack.id == pack.id, CropPack.name == pack.name, CropPack.state == PackState.WRITING)
        .values(state=PackState.KEPT, lease_until=None)
        .returning(CropPack.id)
        .execution_options(synchronize_session=False)
    ).scalar_one_or_none()
    if found is None:
        raise LeaseLost(f"pack {pack.name}", "took longer than it may, and was given up", "nothing was written")
    rows = [
        {"face_id": face_id, "pack_id": pack.id, "first": first, "count": count}
        for face_id, (first, count) in zip(face_ids, pack.ranges, strict=True)
    ]
    session.execute(insert(PackedCrop), rows)


def drop(session: Session, pack: Pack) -> bool:
    """Give a pack up that is not kept; whether it is to be deleted."""
    mine = CropPack.id == pack.id, CropPack.name == pack.name
    session.execute(
        update(CropPack)
        .where(*mine, CropPack.state == PackState.WRITING)
        .values(state=PackState.DROPPED, lease_until=None)
        .execution_options(synchronize_session=False)
    )
    return session.scalar(select(CropPack.id).where(*mine, CropPack.state == PackState.KEPT)) is None


def unused(session: Session) -> list[int]:
    """Packs that are kept and that no crop refers to."""
    found: list[int] = []
    last, highest = 0, session.scalar(select(func.max(CropPack.id))) or 0
    shows = exists().where(PackedCrop.pack_id == CropPack.id)
    while last < highest:
        some = CropPack.id > last, CropPack.id <= last + _AT_ONCE
        found += session.scalars(select(CropPack.id).where(*some, CropPack.state == PackState.KEPT, ~shows))
        last += _AT_ONCE
    return found


def drop_unused(session: Session, pack_ids: Collection[int], now: datetime) -> None:
    """Drop those of some packs that are kept for nobody, and all whose writer has ended without a word.

    In two statements: PostgreSQL looks again at a row that somebody has changed meanwhile, but not at its crops. A pack
    that is being recorded would seem to be kept for nobody; one that was kept before gets no new crops.
    """
    lost = CropPack.state == PackState.WRITING, CropPack.lease_until < now
    kept = CropPack.state == PackState.KEPT, ~exists().where(PackedCrop.pack_id == CropPack.id)
    for chosen in (lost, *((CropPack.id.in_(some), *kept) for some in parts(sorted(pack_ids)))):
        session.execute(
            update(CropPack)
            .where(*chosen)
            .values(state=PackState.DROPPED, lease_until=None)
            .execution_options(synchronize_session=False)
        )


def dropped(session: Session) -> dict[str, dict[int, str]]:
    """Names of the packs whose objects are to be deleted, by their store's root and by id."""
    found: dict[str, dict[int, str]] = {}
    rows = session.execute(
        select(CropPack.root, CropPack.id, CropPack.name)
        .where(CropPack.state == PackState.DROPPED)
        .order_by(CropPack.id)
    )
    for root, pack_id, name in rows:
        found.setdefault(root, {})[pack_id] = name
    return found


def forget(session: Session, names: Collection[str]) -> None:
    """Delete the rows of packs that were dropped and whose objects are gone."""
    for some in parts(sorted(names)):
        session.execute(
            delete(CropPack)
            .where(CropPack.name.in_(some), CropPack.state == PackState.DROPPED)
            .execution_options(synchronize_session=False)
        )
