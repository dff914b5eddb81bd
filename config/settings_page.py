"""`python -m config.settings_page` writes docs/settings.md from the table of settings."""

from pathlib import Path

from config.settings import FILE_VARIABLE, table

PAGE = Path(__file__).resolve().parents[1] / "docs" / "settings.md"

_HEAD = f"""# Settings

Written by `make docs` from `config/`; a test holds this page to it.

Defaults < TOML file < environment. The file is the one that `{FILE_VARIABLE}` names; a setting `group.name` stands
there as `name = …` under `[group]`. `config/rollcall.toml` holds every setting with its default, as comments
to start from.

| setting | variable | default | range | unit | what it does |
|---|---|---|---|---|---|
"""


def markdown() -> str:
    """The page."""
    cells = ("name", "variable", "default", "range", "unit", "help")
    rows = [[_shown(row[cell]).replace("|", "\\|") for cell in cells] for row in table()]
    for row in rows:
        row[0], row[1] = f"`{row[0]}`", f"`{row[1]}`"
    return _HEAD + "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _shown(value: object) -> str:
    return _literal(value) if isinstance(value, list) else str(value)


def toml() -> str:
    """Every setting as a comment in TOML, with its help, range and default."""
    lines = [
        "# Every setting of Rollcall with its default. Remove the mark before what you change,",
        f"# and name this file in {FILE_VARIABLE}. docs/settings.md shows the same as a table.",
    ]
    group = ""
    for row in table():
        name = row["name"]
        if "." in name and name.rpartition(".")[0] != group:
            group = name.rpartition(".")[0]
            lines += ["", f"[{group}]"]
        told = f"{row['help']} ({row['unit']}{'; ' + row['range'] if row['range'] else ''})"
        lines += [f"# {told}", f"#{name.split('.')[-1]} = {_literal(row['default'])}"]
    return "\n".join(lines) + "\n"


def _literal(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(map(_literal, value))}]"
    return f'"{value}"' if isinstance(value, str) else str(value)


def main() -> None:
    """Write the page and the TOML file."""
    PAGE.write_text(markdown(), encoding="utf-8")
    (PAGE.parents[1] / "config" / "rollcall.toml").write_text(toml(), encoding="utf-8")


if __name__ == "__main__":
    main()
