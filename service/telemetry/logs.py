"""Logs on stderr: one line a request, as text for people or as JSON for programs.

This is the standard library's logging with a formatter of our own. So the records of uvicorn and
of every library have the same form.
"""

from __future__ import annotations

import json
import logging
import sys
from collections import Counter
from contextvars import ContextVar
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Literal
from urllib.parse import quote

# The decisions made for the request at hand; set around each request, and seen by all that runs for
# it.
decided: ContextVar[Counter[str] | None] = ContextVar("decided", default=None)

_TEXT = "%(asctime)s %(levelname)s %(message)s"
_FIELDS = "request_fields"
_HEALTH_CHECKS = ("/healthz", "/readyz")  # a proxy asks them every few seconds


@dataclass(frozen=True, slots=True)
class RequestLogLine:
    """One request's log line; `key` is the name of its key, never the key itself.

    `client` is the address that a trusted proxy names, else that of the connection.
    """

    method: str
    path: str
    route: str
    status: int
    ms: float
    request_id: str
    key: str | None
    decisions: dict[str, int]
    client: str = "unknown"

    def __str__(self) -> str:
        # Quoted as it was sent: a line break in a path would write a line of its own.
        words = [
            f"{self.method} {quote(self.path)} {self.status} {self.ms:.1f} ms [{self.request_id}]",
            f"from={self.client}",
        ]
        words += [f"key={self.key}"] if self.key else []
        words += [f"{decision}={count}" for decision, count in self.decisions.items()]
        return " ".join(words)


def log_request(log: logging.Logger, line: RequestLogLine) -> None:
    """Write one request's line; a health check that succeeds is for `debug` alone."""
    is_routine = line.route in _HEALTH_CHECKS and line.status < 400
    level = logging.DEBUG if is_routine else logging.INFO
    log.log(level, "%s", line, extra={_FIELDS: asdict(line)})


def note_decision(decision: str) -> None:
    """Count a decision for the line of the request at hand."""
    if (counts := decided.get()) is not None:
        counts[decision] += 1


class JsonLines(logging.Formatter):
    """One JSON object a record: time (UTC), level, logger, message, request and trace."""

    def format(self, record: logging.LogRecord) -> str:
        """Write a record as one line."""
        at = (
            datetime.fromtimestamp(record.created, UTC)
            .isoformat(timespec="milliseconds")
            .replace("+00:00", "Z")
        )
        line: dict[str, object] = {
            "at": at,
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, _FIELDS, {}),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line)


def configure(level: str, form: Literal["text", "json"]) -> None:
    """Log to stderr from `level` on (debug, info, warning, error); uvicorn from warning on."""
    to_stderr = logging.StreamHandler(sys.stderr)
    to_stderr.setFormatter(JsonLines() if form == "json" else logging.Formatter(_TEXT))
    logging.basicConfig(level=level.upper(), handlers=[to_stderr])
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
