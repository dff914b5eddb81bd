"""`rollcall reembed`: the archive in another embedding space, from the crops that were kept."""

import os
import time

import typer

from cli import console
from cli.exits import Exit
from cli.ledger import opened
from config.settings import Settings, load_settings
from db import reembedding
from db.reembedding import Progress
from db.session import Database

_NICENESS = 10
_EVERY = 1.0
"""Seconds between two looks at how far it is."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("reembed")(run)


def run() -> None:
    """Embed all faces of the archive with the candidate, or where none is declared with the embedder in force.

    No video is opened. Running workers do this by themselves while nothing else is to be done; several may do it at
    once. Ctrl-C ends it; what was done stays, and the next run goes on. The ledger's names stay as they are.
    """
    settings = load_settings()
    os.nice(_NICENESS)
    with opened(settings) as database:
        refused = keep_pictures(database)
        name = embed_all(database, settings)
        with database.reading() as session:
            told = told_progress(name, reembedding.progress_of(session, name))
    console.lines(told)
    if refused:
        raise typer.Exit(Exit.REFUSED)


def keep_pictures(database: Database) -> int:
    """Make the pictures of enrolled faces that lack one; of how many there is no photograph any more."""
    from curation.pictures import keep_pictures, without_picture  # noqa: PLC0415  loads the face models' libraries

    faces = without_picture(database)
    refused = 0
    with console.progress("photographs", len(faces)) as advance:
        for done, error in enumerate(keep_pictures(database, faces), start=1):
            if error is not None:
                refused += 1
                console.complain(f"no picture kept: {error}")
            advance(done)
    return refused


def embed_all(database: Database, settings: Settings) -> str:
    """Embed what is left; the name of the space."""
    from models.engine import build_embedder  # noqa: PLC0415  as above
    from worker.process import WorkerProcess  # noqa: PLC0415  as above
    from worker.reembed import reembed  # noqa: PLC0415  as above

    name = build_embedder(settings.tried_faces).space.name
    process = WorkerProcess(settings)
    looked = 0.0

    def tell(_faces: int) -> None:
        nonlocal looked
        if time.monotonic() - looked < _EVERY:
            return
        with database.reading() as session:
            far = reembedding.progress_of(session, name)
        advance(far.videos_done + far.photographs_done, far.videos + far.photographs)
        looked = time.monotonic()

    try:
        with console.progress("videos and photographs", 0) as advance:
            reembed(process, on_batch=tell)
    finally:
        process.database.close()
    return name


def told_progress(name: str, far: Progress) -> list[str]:
    """How far a space is, for people."""
    done = f"{far.videos_done} of {far.videos} videos and {far.photographs_done} of {far.photographs} photographs"
    told = [f"{name}: {done} are embedded again"]
    if far.without_crop:
        told.append(f"{far.without_crop} photographs lack a picture: `rollcall reembed` makes it where they lie")
    if far.unusable:
        told.append(f"{far.unusable} faces cannot be embedded again: no crop was kept, or it is damaged")
    return told
