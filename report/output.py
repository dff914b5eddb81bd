"""From a report to a file: which formats there are, and what the file is called."""

import unicodedata
from collections.abc import Callable, Mapping
from enum import StrEnum

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
