"""`rollcall report`: who was on camera in one video, and when, as a page or for other programs."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from cli import console
from cli.ledger import opened
from config.files import write_whole
from config.settings import load_settings
from crops.reading import read
from db import reports, videos
from report.build import build
from report.output import Format, file_name, render

_STANDARD_OUTPUT = Path("-")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("report")(run)


def run(
    video: Annotated[str, typer.Argument(help="Number from `rollcall status`, path or title of the video.")],
    form: Annotated[
        Format, typer.Option("--format", help="html: a page for people; json, csv, vtt: for other programs.")
    ] = Format.HTML,
    output: Annotated[
        Path | None,
        typer.Option(
            help="File to write, - for standard output.  [default: <title>.report.html here for html, "
            "standard output for the others]",
        ),
    ] = None,
) -> None:
    """Write who was on camera in a video, and when."""
    settings = load_settings()
    with opened(settings) as database:
        with database.reading() as session:
            number = videos.find(session, video).id
            kept = reports.pictures(session, number) if form == Format.HTML else {}
        pictures = read(kept, settings.storage)
        with database.reading() as session:
            made = build(session, videos.get(session, number), pictures)
    if pictures.trouble:
        console.complain(f"without some pictures: {pictures.trouble}")
    content = render(made, form)
    if output is None:
        output = Path(file_name(made.title, form)) if form == Format.HTML else _STANDARD_OUTPUT
    if output == _STANDARD_OUTPUT:
        sys.stdout.buffer.write(content)
        sys.stdout.flush()
        return
    try:
        write_whole(output, content)
    except OSError as error:
        raise typer.BadParameter(f"{output} cannot be written: {error.strerror}", param_hint="--output") from error
    console.lines([str(output)])
