import sys

import pytest

from cli.main import main


def left_with(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> object:
    monkeypatch.setattr(sys, "argv", ["rollcall", *arguments])
    with pytest.raises(SystemExit) as left:
        main()
    return left.value.code


@pytest.mark.usefixtures("home")
def test_the_exit_code_tells_what_kind_of_thing_went_wrong(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert left_with(monkeypatch, "identities") == 0
    assert left_with(monkeypatch, "nonsense") == 2
    assert left_with(monkeypatch, "enroll") == 2
    assert left_with(monkeypatch, "identities", "show", "nobody") == 4
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.usefixtures("home")
def test_an_error_is_one_line_that_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    left_with(monkeypatch, "identities", "remove", "[bold]nobody", "--yes")
    told = capsys.readouterr().err
    assert told == "rollcall: [bold]nobody: nobody of this name is enrolled; `rollcall identities` lists the names\n"
