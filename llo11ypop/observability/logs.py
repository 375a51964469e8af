"""Logs as JSON lines on stderr: event name, UTC `ts`, the cycle and proposal at hand; secrets removed by key.

The standard library's and uvicorn's records go the same way. `bound(cycle_id=…)` adds fields to every event
inside.
"""

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, TextIO

import structlog
from structlog.contextvars import bound_contextvars
from structlog.typing import Processor

SECRET_KEY = re.compile(r"passw|secret|token|api_?key|authorization|cookie|credential|csrf", re.IGNORECASE)
URL_PASSWORD = re.compile(r"(://[^/@:\s]*:)[^@\s]+@")
REDACTED = "[redacted]"

bound = bound_contextvars

_TRACEBACKS = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False, max_frames=20)
)
"""Without local variables: they hold settings and rows."""


def redact(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace what stands under a secret's name, at any depth, and passwords inside URLs."""
    for key in list(event):
        event[key] = _clean(key, event[key])
    return event


def _clean(key: str, value: Any) -> Any:
    if SECRET_KEY.search(key):
        return REDACTED
    if isinstance(value, Mapping):
        return {k: _clean(str(k), v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_clean("", v) for v in value]
    if isinstance(value, str) and "://" in value:
        return URL_PASSWORD.sub(rf"\g<1>{REDACTED}@", value)
    return value


def _chain() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
    ]


def configure_logging(level: str = "info", style: str = "json", stream: TextIO | None = None) -> None:
    """Send every log line of the process to `stream` (stderr), as JSON or as text for the eye. Call once."""
    last: list[Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if style == "json":
        last += [_TRACEBACKS, redact, structlog.processors.JSONRenderer(default=str)]
    else:
        last += [redact, structlog.dev.ConsoleRenderer(colors=False)]
    out = logging.StreamHandler(stream or sys.stderr)
    out.setFormatter(structlog.stdlib.ProcessorFormatter(processors=last, foreign_pre_chain=_chain()))
    root = logging.getLogger()
    root.handlers[:] = [out]
    root.setLevel(level.upper())
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "apscheduler", "watchfiles"):
        foreign = logging.getLogger(name)
        foreign.handlers.clear()
        foreign.propagate = True
    for chatty in ("apscheduler", "watchfiles", "uvicorn.error", "alembic", "aiosqlite"):
        logging.getLogger(chatty).setLevel("WARNING")
    logging.getLogger("elastic_transport").setLevel("ERROR")  # what failed is said by whoever asked
    structlog.configure(
        processors=[*_chain(), structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def logger(name: str) -> structlog.stdlib.BoundLogger:
    """A logger; its first argument is an `Event`, the rest are fields.

    Until `configure_logging` is called, warnings and errors go to stderr as they are: never to stdout, where commands answer.
    """
    if not structlog.is_configured():
        structlog.configure(
            processors=[*_chain(), redact, structlog.processors.KeyValueRenderer(key_order=["event"], drop_missing=True)],
            logger_factory=structlog.stdlib.LoggerFactory(),
            wrapper_class=structlog.stdlib.BoundLogger,
        )
    bound_logger: structlog.stdlib.BoundLogger = structlog.get_logger(name)
    return bound_logger
