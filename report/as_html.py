"""The report as one HTML file that needs nothing else: no network, no script, no other file.

All text is escaped by the template engine. Should anything slip through all the same, the page's own Content Security
Policy lets nothing run and nothing load: pictures are data addresses, the one style sheet is allowed by its hash.
"""

import base64
import hashlib
from collections.abc import Sequence
from functools import lru_cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from db.schema import VideoState
from report.model import VideoReport
from report.page import page
from report.timecodes import amount, clock

_STATES = {
    VideoState.DONE: "Complete",
    VideoState.PARTIAL: "Partial",
    VideoState.FAILED: "Failed",
    VideoState.REJECTED: "Rejected",
}


@lru_cache(maxsize=1)
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def render(report: VideoReport) -> str:
    """The page's text."""
    shown = page(report)
    return document(
        "report.html",
        ("report.css",),
        shown.rules,
        report=report,
        page=shown,
        state=_STATES[report.state],
        amount=amount,
        clock=clock,
        size=_size(report.byte_size),
    )


def document(template: str, styles: Sequence[str], rules: str, **values: object) -> str:
    """A page's text.

    Args:
        template: the file that it is made of.
        styles: files of rules, and `rules` more of our own making: nothing in them comes from outside.
        rules: see `styles`.
        values: what the template shows, which escapes all of it.
    """
    environment = _environment()
    sheets = "".join(environment.get_template(name).render() for name in styles)
    style = f"\n{sheets}{rules}\n"
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode("ascii")
    return environment.get_template(template).render(
        **values,
        style=Markup(style),  # noqa: S704  see above
        style_source=f"sha256-{digest}",
    )


def _size(count: int) -> str:
    """Bytes for people, in the decimal units of disks."""
    if count < 1000:
        return f"{count} bytes"
    scaled = float(count)
    for unit in ("kB", "MB", "GB"):
        scaled /= 1000
        if scaled < 999.95:
            return f"{scaled:.1f} {unit}"
    return f"{scaled / 1000:.1f} TB"
