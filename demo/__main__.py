"""`make demo`: enrols people, submits a film, works on it and reports, with the real commands, then checks the answer.

Everything is kept below `var/demo` in the repository, which is emptied first; no server, no setting of this machine is
used. Exit codes: 0 the report says what is true; 1 it does not, or a command failed; 130 interrupted.
"""

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from config.errors import RollcallError
from config.face_settings import BorderSettings
from demo.comparison import Comparison, Row, Verdict, compare, found_in
from demo.film import Film, compose
from demo.material import fetch

REPOSITORY = Path(__file__).resolve().parents[1]
DEFAULT_FOLDER = REPOSITORY / "var" / "demo"
_PATIENCE = (5.0, 20.0, 20.0)
"""Seconds that an interrupted command has to end before it is interrupted again: the second time it stops at once."""
_STYLES = {Verdict.RIGHT: "green", Verdict.SHIFTED: "yellow", Verdict.MISSING: "red", Verdict.UNEXPECTED: "red"}

_FOOTNOTE = """\
* not enrolled, so nobody may be named.
About one frame each {interval} s is looked at, and more where somebody comes or leaves, so a start may be found up to \
{allowed} s late and an end as much early.
Nobody is enrolled from a picture that the film shows. Of Barack Obama there are other photographs; of the man in \
the car there is one recording: he is enrolled from frames of its first second, and the film shows it from its third \
second on, so he is easier to recognise than a person on another day."""

console = Console(highlight=False)


class CommandFailed(Exception):
    """A `rollcall` command ended with another exit code than 0."""


def main(folder: Path = DEFAULT_FOLDER) -> int:
    """Run the demo in a folder, which is emptied first, and give the exit code."""
    began = time.monotonic()
    try:
        film = _prepare(folder)
        report = _run(folder)
    except (RollcallError, CommandFailed) as error:
        console.print(f"The demo cannot go on: {error}", style="red", markup=False)
        return 1
    allowed = Fraction(BorderSettings().tolerance)
    comparison = compare(film.truth, found_in(report), allowed)
    _tell(comparison, Fraction(report["sampling"]["interval"]), allowed)
    console.print(f"\nReport for people: {_shown(folder / 'report.html')}", markup=False)
    console.print(f"Took {time.monotonic() - began:.0f} s.", markup=False)
    return 1 if comparison.differences else 0


def _prepare(folder: Path) -> Film:
    """Photographs in a folder per person, and the film, as somebody who tries Rollcall would have them."""
    bars = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(),
    )
    with Progress(*bars, console=console) as progress:
        fetching = progress.add_task("Photographs", total=None)
        material = fetch(fetched=lambda done, total: progress.update(fetching, completed=done, total=total))
        composing = progress.add_task("Film", total=1)
        film = compose(material, drawn=lambda done, total: progress.update(composing, completed=done, total=total))
        progress.update(composing, completed=1, total=1)
    if folder.exists():
        shutil.rmtree(folder)
    for name, photographs in film.photographs.items():
        for photograph in photographs:
            _copy(photograph, folder / "people" / name / photograph.name)
    _copy(film.path, folder / "uploads" / "film.mp4")
    return film


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _run(folder: Path) -> dict[str, Any]:
    """The main job; gives the report as the command wrote it, its numbers exact."""
    report = folder / "report.json"
    for words in (
        ("enroll", "--from", _shown(folder / "people")),
        ("identities",),
        ("submit", _shown(folder / "uploads")),
        ("work", "--until-empty"),
        ("report", "1", "--format", "html", "--output", _shown(folder / "report.html")),
        ("report", "1", "--format", "json", "--output", _shown(report)),
    ):
        _command(folder, *words)
    document: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"), parse_float=Fraction)
    return document


def _command(folder: Path, *words: str) -> None:
    """Run `rollcall` as a user would; its output goes where ours goes."""
    console.print(f"\n[bold]$ rollcall {escape(shlex.join(words))}[/bold]", soft_wrap=True)
    program = Path(sysconfig.get_path("scripts")) / "rollcall"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ROLLCALL_")}
    environment["ROLLCALL_HOME"] = str(folder / "home")
    # The film is short: with the usual segments of five minutes one process would do it all.
    environment["ROLLCALL_SAMPLING__SEGMENT"] = "20"
    with subprocess.Popen([program, *words], cwd=REPOSITORY, env=environment) as process:  # noqa: S603  our own program
        try:
            code = process.wait()
        except KeyboardInterrupt:
            _end(process)
            raise
    if code != 0:
        raise CommandFailed(f"`rollcall {shlex.join(words)}` ended with exit code {code}")


def _end(process: subprocess.Popen[bytes]) -> None:
    """Let a command end. The terminal has interrupted it together with us; whoever interrupted only us has not."""
    for patience in _PATIENCE:
        try:
            process.wait(timeout=patience)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)
        else:
            return
    process.kill()


def _tell(comparison: Comparison, interval: Fraction, allowed: Fraction) -> None:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for column in ("Person", "Expected, s", "Found, s", "Found as"):
        table.add_column(column)
    for column in ("Start", "End"):
        table.add_column(column, justify="right")
    table.add_column()
    for row in comparison.rows:
        table.add_row(*_cells(row))
    console.print(table)
    console.print(
        _FOOTNOTE.format(interval=f"{float(interval):g}", allowed=f"{float(allowed):g}"), style="dim", markup=False
    )
    if comparison.differences:
        console.print("\nThis is not what the film shows:", style="bold red")
        for difference in comparison.differences:
            console.print(f"  {difference}", markup=False)
    else:
        console.print("\nAll as it should be.", style="bold green")


def _cells(row: Row) -> tuple[str, ...]:
    person = row.expected.person + ("" if row.expected.name else " *") if row.expected else ""
    return (
        escape(person),
        _span(row.expected.start, row.expected.end) if row.expected else "",
        _span(row.found.start, row.found.end) if row.found else "",
        escape(row.found.label) if row.found else "",
        _deviation(row.start_deviation),
        _deviation(row.end_deviation),
        f"[{_STYLES[row.verdict]}]{row.verdict}[/]",
    )


def _span(start: Fraction, end: Fraction) -> str:
    return f"{float(start):4.1f} – {float(end):4.1f}"


def _deviation(seconds: Fraction | None) -> str:
    return "" if seconds is None else f"{float(seconds):+.1f}"


def _shown(path: Path) -> str:
    """A path as short as the commands, which run in the repository, understand it."""
    return str(path.relative_to(REPOSITORY)) if path.is_relative_to(REPOSITORY) else str(path)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        console.print("\nInterrupted; `make demo` starts afresh.", markup=False)
        sys.exit(130)
