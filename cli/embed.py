"""`rollcall embed`: the embeddings of photographs as a file."""

from pathlib import Path
from typing import Annotated

import typer

from cli import console
from cli.collecting import collect
from cli.exits import Exit
from config.face_settings import DetectorName, EmbedderName
from config.settings import load_settings


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("embed")(run)


def run(
    paths: Annotated[list[Path], typer.Argument(help="Photographs, or folders of them.", metavar="PATH")],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE.npz", help="The file to write.", dir_okay=False)
    ],
    engine: Annotated[DetectorName | None, typer.Option(help="Detector, instead of the set one.")] = None,
    embedder: Annotated[EmbedderName | None, typer.Option(help="Embedder, instead of the set one.")] = None,
) -> None:
    """Write the faces of photographs with their embeddings to a NumPy file; docs/embed.md tells its arrays.

    Embeddings are personal data: whoever has one can recognise the person. The file is readable by you alone.
    """
    # The face models load only where faces are looked for.
    from curation.analysis import with_engine  # noqa: PLC0415
    from curation.photographs import find_photographs  # noqa: PLC0415

    if not output.absolute().parent.is_dir():
        raise typer.BadParameter(f"{output.parent} is no folder", param_hint="--output")
    photographs = find_photographs(paths).photographs
    if not photographs:
        raise typer.BadParameter("no photograph lies there")
    settings = load_settings()
    found = collect(photographs, with_engine(settings.faces, engine, embedder), settings.work.processes)
    try:
        found.collection.write(output)
    except OSError as error:
        raise typer.BadParameter(f"{output} cannot be written: {error.strerror}", param_hint="--output") from None
    used = len(photographs) - found.refused
    told = f"{console.counted(len(found.collection), 'face')} of {console.counted(used, 'photograph')} in {output}"
    console.lines(
        [told + (f"; {console.counted(found.faceless, 'photograph')} without a face" if found.faceless else "")]
    )
    if found.refused:
        raise typer.Exit(Exit.REFUSED)
