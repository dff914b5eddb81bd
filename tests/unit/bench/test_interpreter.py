"""A second Python answers what it is asked, and says so when it cannot."""

import os
import signal
import sys
from pathlib import Path

import pytest

from bench.interpreter import Interpreter
from config.errors import EngineUnavailable


def test_calls_are_answered_one_after_the_other_with_the_seconds_they_took() -> None:
    with Interpreter() as other:
        assert other.call("operator:add", 2, 3).result == 5
        done = other.call("os:getpid")
        assert done.result != os.getpid()
        assert done.seconds >= 0


def test_a_folder_comes_first_on_its_path_before_what_is_installed(tmp_path: Path) -> None:
    (tmp_path / "cv2.py").write_text("def which():\n    return __file__\n", encoding="utf-8")
    with Interpreter(tmp_path) as other:
        assert other.call("cv2:which").result == str(tmp_path / "cv2.py")


def test_arrays_come_as_lists_and_what_a_library_prints_comes_between_no_answers(tmp_path: Path) -> None:
    (tmp_path / "noisy.py").write_text(
        "import os, numpy\ndef work():\n    print('a library speaks'); os.write(1, b'loudly\\n')\n"
        "    return numpy.array([[1.5, 2.0]], numpy.float32)\n",
        encoding="utf-8",
    )
    with Interpreter(tmp_path) as other:
        assert other.call("noisy:work").result == [[1.5, 2.0]]
        assert other.call("operator:neg", 4).result == -4


def test_it_is_limited_to_one_thread_and_has_none_of_our_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROLLCALL_FACES__SMALLEST", "200")
    with Interpreter(environment={"ROLLCALL_HOME": "/nowhere"}) as other:
        assert other.call("os:getenv", "OPENBLAS_NUM_THREADS").result == "1"
        assert other.call("os:getenv", "ROLLCALL_FACES__SMALLEST").result is None
        assert other.call("os:getenv", "ROLLCALL_HOME").result == "/nowhere"


def test_an_exception_there_is_an_error_here_that_names_it() -> None:
    with Interpreter() as other, pytest.raises(EngineUnavailable, match=r"exit code 1.*ZeroDivisionError"):
        other.call("operator:truediv", 1, 0)


@pytest.mark.parametrize(
    ("function", "argument", "code"),
    [("os:_exit", 3, 3), ("signal:raise_signal", int(signal.SIGKILL), -signal.SIGKILL)],
)
def test_a_process_that_dies_is_a_clear_error_and_stays_one(function: str, argument: int, code: int) -> None:
    with Interpreter() as other:
        for _ in range(2):
            with pytest.raises(EngineUnavailable, match=f"exit code {code}, it does not say why"):
                other.call(function, argument)


def test_it_ends_with_its_context() -> None:
    with Interpreter() as other:
        pid = other.call("os:getpid").result
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_it_is_this_same_python() -> None:
    with Interpreter() as other:
        assert other.call("sysconfig:get_python_version").result == f"{sys.version_info.major}.{sys.version_info.minor}"
