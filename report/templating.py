"""Pages as files that need nothing else: no network, no script, no other file.

All text is escaped by the template engine. Should anything slip through all the same, the page's own Content Security
Policy lets nothing run and nothing load: pictures are data addresses, the one style sheet is allowed by its hash.
"""

import base64
import hashlib
from functools import lru_cache
from importlib.metadata import version

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

_STYLE = "report.css"
"""Of all pages."""


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


def rendered(template: str, rules: str, *styles: str, **values: object) -> str:
    """The text of a page.

    Args:
        template: its file's name.
        rules: of the style sheet, for this page alone; nothing in them may come from outside.
        styles: more files of rules.
        values: what the template places.
    """
    environment = _environment()
    sheets = "".join(environment.get_template(name).render() for name in (_STYLE, *styles))
    style = f"\n{sheets}{rules}\n"
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode("ascii")
    return environment.get_template(template).render(
        # Our own rules and numbers, see above.
        style=Markup(style),  # noqa: S704  see above
        style_source=f"sha256-{digest}",
        version=version("rollcall"),
        **values,
    )
