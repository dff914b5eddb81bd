"""A second Python: for another build of a library, and for what must be seen in a process with nothing in it yet."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bench.measure import Elsewhere
from bench.threads import ONE_THREAD
from config.errors import EngineUnavailable

_ROOT = Path(__file__).resolve().parents[1]
_SETTINGS = "ROLLCALL_"
_PATIENCE = 30
"""Seconds that it has for its end once nothing more is asked of it."""


class Interpreter:
    """A process of this same Python that lives as long as the context, and does one call after the other.

    It has one thread per library, none of this program's settings, and nothing loaded but what calls load.

    Args:
        first: folder that comes first on its path; None where the installed packages will do.
        environment: further variables.
    """

    def __init__(self, first: Path | None = None, environment: Mapping[str, str] | None = None) -> None:
        self._subject = "a second interpreter" if first is None else f"a second interpreter with {first}"
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(_SETTINGS)}
        path = os.pathsep.join(str(folder) for folder in (first, _ROOT) if folder is not None)
        self._environment = {**inherited, **ONE_THREAD, **(environment or {}), "PYTHONPATH": path}

    def __enter__(self) -> Self:
        with ExitStack() as opened:
            self._errors = opened.enter_context(tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace"))
            self._process = opened.enter_context(
                subprocess.Popen(
                    # -P: the folder that the command was started in is not to come first.
                    [sys.executable, "-P", "-m", "bench.serve"],
                    env=self._environment,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=self._errors,
                    text=True,
                    encoding="utf-8",
                )
            )
            self._opened = opened.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with self._opened:
            self._end()

    def call(self, function: str, *arguments: str | float | None) -> Elsewhere[Any]:
        """The result of a function there, as JSON carries it (arrays as lists), and its processor time.

        Args:
            function: `module:name`.
            arguments: what JSON can carry.

        Raises:
            EngineUnavailable: the process has ended instead of answering; the message says how.
        """
        answer = self._ask(json.dumps({"function": function, "arguments": arguments}))
        if not answer:
            raise EngineUnavailable(self._subject, f"ended at {function}: {self._last_words()}")
        told = json.loads(answer)
        return Elsewhere(told["result"], told["seconds"])

    def _ask(self, order: str) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        if self._process.stdin.closed:
            return ""
        try:
            self._process.stdin.write(order + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            return ""
        return self._process.stdout.readline()

    def _last_words(self) -> str:
        code = self._end()
        self._errors.seek(0)
        lines = self._errors.read().split("\n")
        said = next((line for line in reversed(lines) if line.strip()), "it does not say why")
        return f"exit code {code}, {said}"

    def _end(self) -> int:
        """Close its input, which ends it, and wait; its exit code, negative for a signal."""
        process = self._process
        if process.stdin is not None and not process.stdin.closed:
            # A broken pipe: it had ended before it read all.
            with suppress(BrokenPipeError):
                process.stdin.close()
        try:
            return process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()
