"""What came of a night: the ledger and all reports. Two nights of one day have one outcome, whatever happened."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import func, select

from db.schema import Video
from support import ledger_dump
from support.installation import Installation
from support.ledger_dump import Dump


@dataclass(frozen=True)
class Outcome:
    """Reports by title and format, rows of the ledger by table, videos by state, numbers drawn by their ends."""

    reports: Mapping[tuple[str, str], str]
    rows: Dump
    counts: Mapping[str, int]
    finished: list[int]


def outcome(installation: Installation, place: str) -> Outcome:
    """Of an installation whose queue is empty.

    Args:
        installation: of the night.
        place: where the day's uploads lie, which is no part of the outcome.
    """
    reports = {name: text.replace(place, "") for name, text in installation.reports().items()}
    database = installation.database()
    try:
        with database.reading() as session:
            counts = Counter(dict(session.execute(select(Video.state, func.count()).group_by(Video.state)).all()))
        return Outcome(
            reports,
            ledger_dump.dump(database, place, installation.storage),
            counts,
            ledger_dump.finish_numbers(database),
        )
    finally:
        database.close()


def assert_same(found: Outcome, calm: Outcome, told: str = "") -> None:
    """Fail with what differs."""
    differs = ledger_dump.differences(calm.rows, found.rows)
    assert not differs, "\n".join([told, f"{len(differs)} rows differ from the calm run's (-)", *differs[:20]])
    assert found.counts == calm.counts, told
    assert found.finished == calm.finished, f"{told}\na video was finished twice, or not at all"
    assert found.reports.keys() == calm.reports.keys(), told
    other = [name for name, text in found.reports.items() if text != calm.reports[name]]
    assert not other, f"{told}\nreports differ: {other}"
