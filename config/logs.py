"""Logging: structlog over the standard library; static events, ids as fields; console for people, JSON for machines."""

import logging
import sys
from typing import Any

import structlog

from config.service_settings import LogSettings

_SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
]


def configure_logging(settings: LogSettings, level: str | None = None) -> None:
    """Send this process's logs to standard error.

    Args:
        settings: level and format.
        level: in place of the settings' own; the command line is quieter than a service.
    """
    threshold = logging.getLevelNamesMapping()[(level or settings.level).upper()]
    renderer: Any = structlog.processors.JSONRenderer()
    if settings.format == "console":
        renderer = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_SHARED,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
    )
    handler = logging.StreamHandler()
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(threshold)
    # botocore would write the headers of its requests, and a session's token is one of them.
    for chatty in ("sqlalchemy", "alembic", "kombu", "amqp", "PIL", "libav", "boto3", "botocore", "urllib3"):
        logging.getLogger(chatty).setLevel(max(threshold, logging.WARNING))
    structlog.configure(
        processors=[*_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
