"""Celery tasks of the scheduler: thin shells. Imported by beat too, so nothing here loads a network or a decoder."""

from config import tasks
from config.celery_app import app
from config.settings import Settings, load_settings
from db.session import open_database
from intake import watching
from scheduler.dispatch import Sender
from scheduler.sweep import sweep


@app.task(name=tasks.SWEEP)
def sweep_task() -> None:
    """Re-send what the ledger says is unfinished; begin new videos unless they are to wait for the night."""
    settings = load_settings()
    _sweep(settings, begin_new=settings.schedule.start == "at-once")


@app.task(name=tasks.INTAKE)
def intake_task() -> None:
    """Look at the watched places, and have submitted what has arrived there."""
    settings = load_settings()
    if not settings.intake.watch:
        return
    database = open_database(settings)
    try:
        watching.look(database, settings)
    finally:
        database.close()
    _sweep(settings, begin_new=settings.schedule.start == "at-once")


@app.task(name=tasks.NIGHTLY)
def nightly_task() -> None:
    """Begin the night: who was enrolled during the day is looked for in the past, and what was submitted is begun."""
    Sender(app).send_rematch()
    _sweep(load_settings(), begin_new=True)


def _sweep(settings: Settings, *, begin_new: bool) -> None:
    database = open_database(settings)
    try:
        sweep(database, settings, Sender(app), begin_new=begin_new)
    finally:
        database.close()
