"""Celery tasks of the scheduler: thin shells. Imported by beat too, so nothing here loads a network or a decoder."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from config import tasks
from config.celery_app import app
from config.outages import needs_ledger
from config.settings import Settings, load_settings
from db import leases
from db.migrate import ensure_schema
from db.session import Database, open_database
from intake import watching
from scheduler import coarsening
from scheduler.dispatch import Sender
from scheduler.experience import Memory
from scheduler.forecasting import forecast_now, record
from scheduler.retention import expire
from scheduler.sweep import sweep

# Of this process, whichever of the tasks it runs.
_MEMORY = Memory()


@app.task(name=tasks.SWEEP)
@needs_ledger
def sweep_task() -> None:
    """Re-send what the ledger says is unfinished; begin new videos unless they are to wait for the night."""
    settings = load_settings()
    with _opened(settings) as database:
        sweep(database, settings, Sender(app), _MEMORY, submitted_by=_to_begin(settings))


@app.task(name=tasks.INTAKE)
@needs_ledger
def intake_task() -> None:
    """Look at the watched places, and have submitted what has arrived there."""
    settings = load_settings()
    if settings.intake.watch:
        with _opened(settings) as database:
            watching.look(database, settings)
            sweep(database, settings, Sender(app), _MEMORY, submitted_by=_to_begin(settings))


@app.task(name=tasks.FORECAST)
@needs_ledger
def forecast_task() -> None:
    """Record when the queue will be empty, and what became of earlier forecasts; leave samples out where it must be."""
    settings = load_settings()
    with _opened(settings) as database:
        coarsening.adjust(database, settings, _MEMORY)
        record(database, forecast_now(database, settings, measures=False))


@app.task(name=tasks.RETENTION)
@needs_ledger
def retention_task() -> None:
    """Delete what is older than the settings allow."""
    settings = load_settings()
    with _opened(settings) as database:
        expire(database, settings)


@app.task(name=tasks.NIGHTLY)
@needs_ledger
def nightly_task() -> None:
    """Begin the night: who was enrolled during the day is looked for in the past, and what was submitted is begun."""
    settings = load_settings()
    Sender(app).send_rematch()
    with _opened(settings) as database:
        sweep(database, settings, Sender(app), _MEMORY)


def _to_begin(settings: Settings) -> datetime | None:
    """By when videos were submitted that a sweep begins; None: all.

    Where they wait for the night, that is its beginning: the night is not lost with the nightly run's message.
    """
    if settings.schedule.start == "at-once":
        return None
    return settings.schedule.night_before(leases.utc_now())


@contextmanager
def _opened(settings: Settings) -> Iterator[Database]:
    database = open_database(settings)
    try:
        ensure_schema(database)
        yield database
    finally:
        database.close()
