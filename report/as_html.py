"""The report as one HTML file that needs nothing else."""

from db.states import VideoState
from report.model import VideoReport
from report.page import page
from report.templating import rendered
from report.timecodes import amount, clock

_STATES = {
    VideoState.DONE: "Complete",
    VideoState.PARTIAL: "Partial",
    VideoState.FAILED: "Failed",
    VideoState.QUARANTINED: "In quarantine",
    VideoState.REJECTED: "Rejected",
}


def render(report: VideoReport) -> str:
    """The page's text."""
    shown = page(report)
    complete = report.state == VideoState.DONE and not report.coverage.left_out
    return rendered(
        "report.html",
        shown.rules,
        report=report,
        page=shown,
        complete=complete,
        state="Coarse" if report.state == VideoState.DONE and not complete else _STATES[report.state],
        amount=amount,
        clock=clock,
        size=_size(report.byte_size),
    )


def _size(count: int) -> str:
    """Bytes for people, in the decimal units of disks."""
    if count < 1000:
        return f"{count} bytes"
    scaled = float(count)
    for unit in ("kB", "MB", "GB"):
        scaled /= 1000
        if scaled < 999.95:
            return f"{scaled:.1f} {unit}"
    return f"{scaled / 1000:.1f} TB"
