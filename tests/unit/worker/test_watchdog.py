"""A process that hangs is ended, also where no thread of Python's could run."""

import signal
import subprocess
import sys

from worker import watchdog

HANGS = """
import re
from worker.watchdog import watching
with watching(0.3):
    {then}
    re.match(r"(a+)+$", "a" * 64 + "b")  # holds the interpreter's lock for ever
"""


def run(then: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([sys.executable, "-c", HANGS.format(then=then)], check=False, capture_output=True, timeout=60)


def test_who_hangs_is_ended() -> None:
    assert run("pass").returncode == -signal.SIGALRM


def test_who_is_done_is_left_alone() -> None:
    assert run("raise SystemExit(0)").returncode == 0


def test_who_gets_on_is_given_more_time() -> None:
    with watchdog.watching(30):
        assert 80 < signal.alarm(0) <= 90
        watchdog.rewind(100)
        assert 290 < signal.alarm(0) <= 300
    assert signal.alarm(0) == 0
