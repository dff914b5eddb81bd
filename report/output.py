"""From a report to a file: which formats there are, what the file is called, that it is there whole or not at all."""

import os
import unicodedata
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path

from report import as_csv, as_html, as_json, as_vtt
from report.model import VideoReport

_LONGEST_STEM = 180
"""Bytes; file systems take 255 for the whole name."""
_NOT_IN_NAMES = frozenset('/\\:*?"<>|')


class Format(StrEnum):
    """What a report can be written as."""

    HTML = "html"
    JSON = "json"
    CSV = "csv"
    VTT = "vtt"


_RENDERERS: Mapping[Format, Callable[[VideoReport], str]] = {
    Format.HTML: as_html.render,
    Format.JSON: as_json.render,
    Format.CSV: as_csv.render,
    Format.VTT: as_vtt.render,
}


def render(report: VideoReport, form: Format) -> bytes:
    """The report's bytes, UTF-8."""
    return _RENDERERS[form](report).encode()


def file_name(title: str, form: Format) -> str:
    """A name that every file system takes, from a title that may hold anything: `<title>.report.html`."""
    kept = "".join("_" if _unfit(character) else character for character in unicodedata.normalize("NFC", title))
    # A dot in front would hide the file, a hyphen would make it an option.
    stem = kept.encode()[:_LONGEST_STEM].decode(errors="ignore").strip(" .").lstrip("-") or "video"
    return f"{stem}.report.{form}"


def _unfit(character: str) -> bool:
    # Format characters (Cf) that join emoji stay; those that turn the direction of text could disguise the name.
    direction = "\u202a" <= character <= "\u202e" or "\u2066" <= character <= "\u2069"
    return character in _NOT_IN_NAMES or direction or unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"}


def write(path: Path, content: bytes) -> None:
    """Write a file so that a reader finds the old one or the new one, never a part.

    A path that is there but no plain file, such as `/dev/stdout` or a pipe, is written to as it is.

    Raises:
        OSError: the folder is missing, or may not be written to, or is full; an older file is left as it was.
    """
    if path.exists() and not path.is_file():
        path.write_bytes(content)
        return
    target = path.resolve()
    beside = target.with_name(f".{target.name[:60]}.{os.getpid()}.part")
    try:
        with beside.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)
