"""What the commands write: results on standard output, progress and messages on standard error."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

# Where nobody looks at a terminal, a table is as wide as it must be: scripts and files lose nothing.
_PIPED_WIDTH = 10_000

out = Console(
    highlight=False,
    emoji=False,
    width=None if sys.stdout.isatty() else _PIPED_WIDTH,
    soft_wrap=not sys.stdout.isatty(),
)
err = Console(stderr=True, highlight=False, emoji=False, soft_wrap=True)

STILL_IN_LOG = "another process is using the ledger: the erased bytes leave its log when that one has finished"


def confirmed(question: str) -> bool:
    """Whether a person says yes."""
    try:
        return typer.confirm(question, err=True)
    except typer.Abort:
        # Ctrl-C, or nobody there to answer.
        return False


@contextmanager
def progress(what: str, total: int, *, prints: bool = False) -> Iterator["Advance"]:
    """A bar where a terminal looks on; otherwise a plain line at each tenth.

    Args:
        what: names the work, e.g. `photographs`.
        total: how many steps it has.
        prints: whether results are printed meanwhile; on a terminal that shows them, a bar would be in their way.
    """
    if not err.is_terminal or (prints and sys.stdout.isatty()):
        yield Advance(what, total, None)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    # Without redirection: rich would send what is written to standard output, a file perhaps, to the bar's terminal.
    with Progress(*columns, console=err, transient=True, redirect_stdout=False) as bar:
        yield Advance(what, total, bar)


class Advance:
    """Counts the steps of one piece of work. Call it with how many are done, and the total where that has changed."""

    def __init__(self, what: str, total: int, bar: Progress | None) -> None:
        self._what, self._total, self._bar = what, total, bar
        self._tenth = 0
        self._task = bar.add_task(what, total=total) if bar else None

    def __call__(self, done: int, total: int | None = None) -> None:
        """Show that `done` of all steps are done."""
        self._total = self._total if total is None else total
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=done, total=self._total)
            return
        tenth = 10 * done // self._total if self._total else 0
        if tenth != self._tenth:
            self._tenth = tenth
            # A full disk that it is written to must not end the work.
            with suppress(OSError):
                err.print(f"{self._what}: {done} of {self._total}", markup=False)


def table(*columns: str) -> Table:
    """An empty table in the house style; columns that begin with `>` are set to the right."""
    made = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        made.add_column(column.removeprefix(">"), justify="right" if column.startswith(">") else "left")
    return made


def lines(texts: Iterable[str]) -> None:
    """Plain lines on standard output, without markup; what a title might do to a terminal is not done."""
    for text in texts:
        out.print(plain(text))


def complain(text: str) -> None:
    """A plain line on standard error, likewise."""
    err.print(plain(text))


# Joins emoji of several persons into one.
_JOINER = "\u200d"


def counted(count: int, one: str, many: str = "") -> str:
    """How many of something, e.g. `1 video`, `2,000 videos`; `many` where that is not the word with an s."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def plain(text: str) -> Text:
    """A cell that shows what stands in it: brackets in a title are no markup, line breaks and escapes do nothing."""
    return Text("".join(letter if letter.isprintable() or letter == _JOINER else "�" for letter in text))
