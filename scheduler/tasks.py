"""Celery tasks of the scheduler: thin shells. Imported by beat too, so nothing here loads a network or a decoder."""

from config import tasks
from config.celery_app import app
from config.settings import load_settings
from db.session import open_database
from scheduler.dispatch import Sender
from scheduler.sweep import sweep


@app.task(name=tasks.SWEEP)
def sweep_task() -> None:
    """Re-send what the ledger says is unfinished."""
    settings = load_settings()
    database = open_database(settings)
    try:
        sweep(database, settings, Sender(app))
    finally:
        database.close()


@app.task(name=tasks.NIGHTLY)
def nightly_task() -> None:
    """Begin the night: everything that was submitted during the day."""
    sweep_task()
