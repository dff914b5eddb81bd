import os
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[3]
SCRIPT = """
from cli import console
import typer
with console.progress("things", 2) as advance:
    for done in (1, 2):
        print(f"written [bold]:smile: {done}")
        typer.echo(f"echoed [bold]:smile: {done}")
        console.lines([f"printed [bold]:smile: {done}"])
        advance(done)
"""


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="needs a terminal of its own")
def test_results_go_to_standard_output_also_while_a_bar_is_on_the_terminal() -> None:
    ours, theirs = os.openpty()
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "TERM": "xterm"}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], stdout=subprocess.PIPE, stderr=theirs, env=environment, text=True, check=True
    )
    os.close(theirs)
    os.close(ours)
    assert done.stdout.splitlines() == [
        *("written [bold]:smile: 1", "echoed [bold]:smile: 1", "printed [bold]:smile: 1"),
        *("written [bold]:smile: 2", "echoed [bold]:smile: 2", "printed [bold]:smile: 2"),
    ]
