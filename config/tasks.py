"""Names of the tasks: whoever sends one needs only its name, not the code behind it."""

SCAN_SEGMENT = "worker.scan_segment"
FINISH_VIDEO = "worker.finish_video"
REMATCH = "worker.rematch"
LINK = "worker.link"
REEMBED = "worker.reembed"
SWEEP = "scheduler.sweep"
NIGHTLY = "scheduler.nightly"
