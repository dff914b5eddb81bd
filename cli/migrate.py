"""`rollcall migrate`: bring the ledger's schema to the version that this program speaks."""

import typer

from cli import console
from config.settings import load_settings
from db import migrate
from db.session import open_database


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("migrate")(run)


def run() -> None:
    """Bring the ledger's schema up to date. An embedded ledger does so by itself; a served one waits for this."""
    database = open_database(load_settings())
    try:
        before = migrate.current_version(database)
        migrate.upgrade(database)
        after = migrate.current_version(database)
    finally:
        database.close()
    console.lines([f"schema version {after}" + (" (unchanged)" if before == after else f", was {before or 'none'}")])
