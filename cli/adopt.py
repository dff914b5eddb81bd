"""`rollcall adopt`: the archive goes over to the embedder in force."""

import typer

from cli import console
from cli.exits import Exit
from cli.ledger import opened
from cli.reembed import embed_all, keep_pictures
from config.embedder_file import EmbedderFile
from config.settings import Settings, load_settings


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("adopt")(run)


def run() -> None:
    """Move the gallery and past videos of other embedding spaces into that of the embedder in force.

    Declare the candidate that was tried as `faces.file`, set `faces.embedder` to file, and run this. What was not
    embedded for it yet is embedded first. No video is opened. Ctrl-C ends it; the next run goes on.
    """
    settings = load_settings().model_copy(update={"candidate": EmbedderFile()})
    with opened(settings) as database:
        refused = keep_pictures(database)
        embed_all(database, settings)
        left = _adopt(settings)
    if refused or left:
        raise typer.Exit(Exit.REFUSED)


def _adopt(settings: Settings) -> int:
    """How many videos stay where they are."""
    from worker.adopting import adopt_calibration, adopt_gallery, adopt_videos  # noqa: PLC0415  loads the face models' libraries
    from worker.process import WorkerProcess  # noqa: PLC0415  as above

    process = WorkerProcess(settings)
    try:
        photographs = adopt_gallery(process)
        if settings.match.calibrate == "nightly":
            adopt_calibration(process)
        with console.progress("videos", 0) as advance:
            moved, left = adopt_videos(process, advance)
    finally:
        process.database.close()
    told = f"{console.counted(photographs, 'photograph')} and {console.counted(moved, 'video')}"
    console.lines([f"{process.engine.space.name}: gone over are {told}"])
    if left:
        console.lines(
            [f"{left} videos stay: a crop of theirs is missing or damaged; they keep their names and gallery"]
        )
    return left
