"""What a ledger says, in words that are the same however the work was done: without ids, tokens, times and owners.

Every table is read, and every reference told by what it refers to, so that a table or a column that is new is compared
from its first day on; what may differ is listed.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from hashlib import sha256
from typing import Any

import sqlalchemy as sa

from config.storage_settings import StorageSettings
from crops.reading import read_all
from db import crops
from db.schema import Base
from db.session import Database, Session

Dump = dict[str, Counter[str]]
"""Rows of each table, as text."""

_NAMES: Mapping[str, tuple[str, ...]] = {
    "embedding_spaces": ("name",),
    "calibrations": ("space_id", "rule"),
    "videos": ("content_hash",),
    "segments": ("video_id", "number"),
    "frames": ("segment_id", "sample"),
    "faces": ("segment_id", "sample", "left", "top", "right", "bottom"),
    "face_groups": ("video_id", "number"),
    "clusters": ("video_id", "number"),
    "identities": ("name_key",),
    "enrolled_faces": ("photograph_hash", "space_id"),
}
"""By which columns a row is told that others refer to. Unknown people are told by who shows them."""

_MAY_DIFFER: Mapping[str, frozenset[str]] = {
    # The order in which videos end, and by when they are to, which depends on the hour of their submission.
    "videos": frozenset({"finish_number", "deadline"}),
    "arrivals": frozenset({"since"}),
    "unknown_people": frozenset({"number"}),
}
_NOT_COMPARED = frozenset({"task_runs", "forecasts", "counters", "crop_packs", "packed_crops"})
"""Tries are as many as it took; `finish_numbers` sees to counters. Crops in packs are told as if in the ledger."""
_OF_THE_WORK = frozenset(
    {"id", "attempts", "excused", "lease_owner", "lease_until", "gallery_token", "rivals_of", "modified_ns"}
)


def dump(database: Database, place: str, storage: StorageSettings) -> Dump:
    """All rows of all tables, each as often as it is there.

    Args:
        database: the ledger.
        place: where the uploads lie, which is left out.
        storage: how pictures are reached that lie elsewhere.
    """
    with database.reading() as session:
        told = _Teller(session, place, storage)
        return {
            table.name: Counter(map(partial(told.row, table.name), told.rows[table.name].values()))
            for table in Base.metadata.sorted_tables
            if table.name not in _NOT_COMPARED
        }


def finish_numbers(database: Database) -> list[int]:
    """Which numbers were drawn by videos that ended, in order: 1, 2, 3 … where each was finished once."""
    with database.reading() as session:
        return list(session.scalars(sa.text("SELECT finish_number FROM videos WHERE finish_number > 0 ORDER BY 1")))


def differences(one: Dump, other: Dump) -> list[str]:
    """Rows that only one of them has."""
    found = []
    for table in sorted({*one, *other}):
        for sign, rows in (("-", one[table] - other[table]), ("+", other[table] - one[table])):
            found += [f"{sign} {table}: {row}" for row in sorted(rows.elements())]
    return found


class _Teller:
    """Rows in words."""

    def __init__(self, session: Session, place: str, storage: StorageSettings) -> None:
        self._place = place
        self.rows = {table.name: _rows(session, table) for table in Base.metadata.sorted_tables}
        self.rows["face_crops"] = _crops(session, list(self.rows["faces"]), storage)
        self._names: dict[tuple[str, int], str] = {}
        shown: dict[int, list[str]] = {}
        for number, cluster in self.rows["clusters"].items():
            if cluster["unknown_id"] is not None:
                shown.setdefault(cluster["unknown_id"], []).append(self._name("clusters", number))
        for number in self.rows["unknown_people"]:
            self._names["unknown_people", number] = f"whom {sorted(shown.get(number, []))} show"

    def row(self, table: str, row: Mapping[str, Any]) -> str:
        """A row of a table."""
        differs = _OF_THE_WORK | _MAY_DIFFER.get(table, frozenset())
        told = {
            name: self._value(table, name, value)
            for name, value in row.items()
            if name not in differs and not name.endswith("_at")
        }
        return json.dumps(told, ensure_ascii=False, sort_keys=True)

    def _value(self, table: str, name: str, value: object) -> object:
        column = Base.metadata.tables[table].columns[name]
        if value is None:
            return None
        if column.foreign_keys:
            (key,) = column.foreign_keys
            assert isinstance(value, int)
            return self._name(key.column.table.name, value)
        if (table, name) == ("borders", "witnesses"):
            return [self._name("faces", face) for face in json.loads(str(value))]
        if isinstance(value, bytes):
            return sha256(value).hexdigest()[:16]
        return value.replace(self._place, "") if isinstance(value, str) else value

    def _name(self, table: str, number: int) -> str:
        known = self._names.get((table, number))
        if known is None:
            row = self.rows[table][number]
            known = " ".join(str(self._value(table, name, row[name]))[:60] for name in _NAMES[table])
            self._names[table, number] = known
        return known


def _rows(session: Session, table: sa.Table) -> dict[int, Mapping[str, Any]]:
    """By id; tables without one by the place."""
    read: Sequence[Mapping[str, Any]] = session.execute(sa.select(table)).mappings().all()  # type: ignore[assignment]
    return {row.get("id", place): row for place, row in enumerate(read)}


def _crops(session: Session, face_ids: Sequence[int], storage: StorageSettings) -> dict[int, Mapping[str, Any]]:
    """Those that are to be had, wherever they are."""
    jpegs = read_all(crops.of_faces(session, face_ids), storage)
    return {face_id: {"face_id": face_id, "jpeg": jpeg} for face_id, jpeg in jpegs.items()}
