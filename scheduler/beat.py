"""Beat's scheduler, which goes on when somebody sets the clock back."""

from typing import Any

from celery.beat import PersistentScheduler


class Scheduler(PersistentScheduler):
    """Celery's own waits until the clock is where it has been: for hours no sweep would come."""

    def tick(self, *arguments: Any, **options: Any) -> float:  # noqa: ANN401  whatever Celery's own takes
        """Send what is due; seconds until the next is."""
        now = self.app.now()
        ahead = [entry for entry in self.schedule.values() if entry.last_run_at and entry.last_run_at > now]
        for entry in ahead:
            entry.last_run_at = now
        if ahead:
            # When to send what next was reckoned by the other clock.
            self._heap = None
        wait: float = super().tick(*arguments, **options)
        return wait
