"""What is in deploy/ speaks of metrics that there are."""

import json
import re
from pathlib import Path

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
