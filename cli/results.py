"""Files of results: checked before the work that fills them, written whole."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from config.files import write_whole

Output = Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE.json", help="Write all results to it.")]


def check_folders(*files: Path | None) -> None:
    """Whether the folders of all files are there: told before the work, not after it."""
    for file in files:
        if file is not None and not file.absolute().parent.is_dir():
            raise typer.BadParameter(f"{file.parent} is no folder")


@contextmanager
def writing(file: Path) -> Iterator[None]:
    """Tells a file that cannot be written as a fault of the command line."""
    try:
        yield
    except OSError as error:
        raise typer.BadParameter(f"{file} cannot be written: {error.strerror}") from None


def write_json(output: Path | None, document: Mapping[str, Any]) -> None:
    """Write a document, where a file for it is named."""
    if output is not None:
        with writing(output):
            write_whole(output, json.dumps(document, indent=1, allow_nan=False).encode() + b"\n")
