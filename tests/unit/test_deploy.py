"""What is in deploy/ speaks of metrics, commands and settings that there are."""

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from config.settings import FILE_VARIABLE, Settings, table

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
DOCUMENTED = set(re.findall(r"`(rollcall_\w+)", (DEPLOY.parent / "docs" / "metrics.md").read_text(encoding="utf-8")))


def named_in(text: str) -> set[str]:
    return set(re.findall(r"\brollcall_[a-z_]+", text))


def test_the_dashboard_shows_every_documented_metric_and_no_other() -> None:
    board = json.loads((DEPLOY / "grafana" / "rollcall.json").read_text(encoding="utf-8"))
    shown = named_in(" ".join(target["expr"] for panel in board["panels"] for target in panel["targets"]))
    # Work in seconds of one process is for alerts and for scaling; segments are for `rollcall status`.
    assert DOCUMENTED - shown == {"rollcall_backlog_work_seconds", "rollcall_segments"}
    assert shown <= DOCUMENTED
    places = [tuple(panel["gridPos"].values()) for panel in board["panels"]]
    assert len(set(places)) == len(places)


def test_alerts_and_scaling_name_documented_metrics() -> None:
    for file in (DEPLOY / "prometheus" / "alerts.yml", DEPLOY / "kubernetes" / "keda.yml"):
        named = named_in(file.read_text(encoding="utf-8"))
        assert named
        assert named <= DOCUMENTED, file.name


def commands_of_units() -> dict[str, list[str]]:
    """What each systemd unit starts, without the folder of the installation."""
    found = {}
    for path in sorted((DEPLOY / "systemd").glob("*.service")):
        (line,) = re.findall(
            r"^ExecStart=/opt/rollcall/\.venv/bin/(.*)$", path.read_text(encoding="utf-8"), re.MULTILINE
        )
        found[path.stem] = shlex.split(line)
    return found


def services() -> dict[str, dict[str, Any]]:
    composed: dict[str, dict[str, dict[str, Any]]] = yaml.safe_load((DEPLOY / "compose" / "compose.yml").read_text())
    return composed["services"]


def settings_named_in(text: str) -> set[str]:
    return set(re.findall(r"\bROLLCALL_\w+", text)) - {FILE_VARIABLE}


def test_every_way_to_run_it_starts_the_documented_commands() -> None:
    """Those that tests/integration/test_night.py runs with real servers."""
    units, composed = commands_of_units(), services()
    worker = ["celery", "-A", "config.celery_app", "worker", "--include", "worker.tasks", "--concurrency"]
    beat = ["celery", "-A", "config.celery_app", "beat"]
    operations = (DEPLOY.parent / "docs" / "operations.md").read_text(encoding="utf-8")
    for command in (worker, beat):
        assert shlex.join(command) in operations
    assert units["rollcall-worker"][:-1] == composed["worker"]["command"][:-1] == worker
    assert units["rollcall-beat"] == composed["beat"]["command"] == beat
    assert units["rollcall-single"] == ["rollcall", "work"]
    assert units["rollcall-metrics"][:2] == composed["metrics"]["command"][:2] == ["rollcall", "metrics"]
    assert composed["migrate"]["command"] == ["rollcall", "migrate"]


def test_whoever_stops_a_worker_waits_until_it_has_handed_back() -> None:
    stop = Settings().work.stop
    for name in ("rollcall-worker", "rollcall-single"):
        unit = (DEPLOY / "systemd" / f"{name}.service").read_text(encoding="utf-8")
        assert re.search(r"^KillMode=mixed$", unit, re.MULTILINE)
        (seconds,) = re.findall(r"^TimeoutStopSec=(\d+)$", unit, re.MULTILINE)
        assert float(seconds) > stop + 10
    assert float(services()["worker"]["stop_grace_period"].removesuffix("s")) > stop + 10


def test_what_is_set_are_settings() -> None:
    known = {row["variable"] for row in table()}
    for file in (DEPLOY / "systemd" / "rollcall.env", DEPLOY / "compose" / "compose.yml"):
        named = settings_named_in(file.read_text(encoding="utf-8"))
        assert named
        assert named <= known, file.name


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd")
def test_systemd_understands_the_units(tmp_path: Path) -> None:
    for unit in (DEPLOY / "systemd").glob("*.[st]*"):
        text = unit.read_text(encoding="utf-8").replace("/opt/rollcall/.venv/bin/", f"{Path(sys.executable).parent}/")
        (tmp_path / unit.name).write_text(text, encoding="utf-8")
    told = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *map(str, tmp_path.iterdir())],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert (told.returncode, told.stderr) == (0, "")
