"""Tasks of the scheduler, as a worker calls them."""

from collections.abc import Callable

import pytest
from structlog.testing import capture_logs

from config.settings import load_settings
from scheduler import tasks


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("task", [tasks.sweep_task, tasks.forecast_task, tasks.retention_task])
def test_without_a_ledger_a_task_says_so_in_a_line_and_ends(
    task: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROLLCALL_DATABASE__URL", "postgresql://rollcall@127.0.0.1:1/nowhere")
    load_settings.cache_clear()
    with capture_logs() as told:
        task()
    assert [(line["event"], line["log_level"]) for line in told] == [("ledger out of reach", "warning")]
    assert "nowhere" in told[0]["detail"]
