"""Names of tasks and queues: whoever sends a task needs only its name, not the code behind it."""

QUEUE = "rollcall"
"""What there is to be scanned, in its order; and what can wait."""

FIRST = "rollcall-first"
"""What need not wait for a window of segments: what keeps the queue in order, and the last steps of a video."""

SCAN_SEGMENT = "worker.scan_segment"
FINISH_VIDEO = "worker.finish_video"
REMATCH = "worker.rematch"
LINK = "worker.link"
REEMBED = "worker.reembed"
ADMIT = "worker.admit"
SWEEP = "scheduler.sweep"
INTAKE = "scheduler.intake"
FORECAST = "scheduler.forecast"
RETENTION = "scheduler.retention"
NIGHTLY = "scheduler.nightly"

ROUTES = {name: {"queue": FIRST} for name in (FINISH_VIDEO, ADMIT, SWEEP, INTAKE, FORECAST, RETENTION, NIGHTLY)}
