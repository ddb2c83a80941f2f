"""Log lines: one a request, with who and what was decided, never a secret; as text and as JSON."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from service.telemetry.logs import JsonLines, RequestLogLine, log_request

TOLD = RequestLogLine(
    "GET", "/v1/photos/a\nb", "/v1/photos/{name}", 200, 1.25, "r1", "Ana", {"known": 2}, "192.0.2.1"
)


def record_of(
    caplog: pytest.LogCaptureFixture, write: Callable[[logging.Logger], None]
) -> logging.LogRecord:
    caplog.set_level("INFO")
    write(logging.getLogger("flukeprint.test"))
    return caplog.records[-1]


def test_a_line_for_people_stays_one_line(caplog: pytest.LogCaptureFixture) -> None:
    record = record_of(caplog, lambda log: log_request(log, TOLD))
    assert (
        record.getMessage() == "GET /v1/photos/a%0Ab 200 1.2 ms [r1] from=192.0.2.1 key=Ana known=2"
    )


def test_a_line_for_programs_has_every_field(caplog: pytest.LogCaptureFixture) -> None:
    line = JsonLines().format(record_of(caplog, lambda log: log_request(log, TOLD)))
    assert "\n" not in line
    read = json.loads(line)
    assert read.pop("at").endswith("Z")
    assert read.pop("message").startswith("GET ")
    assert read == {
        "level": "info",
        "logger": "flukeprint.test",
        "method": "GET",
        "path": "/v1/photos/a\nb",
        "route": "/v1/photos/{name}",
        "status": 200,
        "ms": 1.25,
        "request_id": "r1",
        "key": "Ana",
        "decisions": {"known": 2},
        "client": "192.0.2.1",
    }


@pytest.mark.parametrize(("status", "level"), [(200, "DEBUG"), (503, "INFO")])
def test_a_health_check_that_succeeds_is_no_news(
    caplog: pytest.LogCaptureFixture, status: int, level: str
) -> None:
    caplog.set_level("DEBUG")
    line = RequestLogLine("GET", "/readyz", "/readyz", status, 1.0, "r1", None, {})
    log_request(logging.getLogger("flukeprint.test"), line)
    assert caplog.records[-1].levelname == level


def test_a_failure_has_its_trace(caplog: pytest.LogCaptureFixture) -> None:
    def fail(log: logging.Logger) -> None:
        try:
            raise ValueError("no whale")
        except ValueError:
            log.exception("it failed")

    read = json.loads(JsonLines().format(record_of(caplog, fail)))
    assert (read["level"], read["message"]) == ("error", "it failed")
    assert "ValueError: no whale" in read["error"]


def test_a_request_is_one_line_with_its_decisions(
    serve: Callable[..., Any], photo: Callable[..., bytes], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "flukeprint.service")
    with serve() as client:
        caplog.clear()
        files = [("photos", ("a.png", photo(degrees))) for degrees in (30, 0, 180)]
        client.post("/v1/identify", files=files, headers={"X-Request-Id": "r7"})
        client.get("/nothing")
    said = [record for record in caplog.records if record.name == "flukeprint.service"]
    first, second = (record.__dict__["request_fields"] for record in said)
    assert (first["request_id"], first["route"], first["key"]) == ("r7", "/v1/identify", "local")
    assert first["decisions"] == {"known": 2, "new_whale": 1}
    assert (second["route"], second["status"], second["key"], second["decisions"]) == (
        "none",
        404,
        None,
        {},
    )


@pytest.mark.parametrize("form", ["text", "json"])
def test_other_libraries_lines_take_the_same_form(form: str) -> None:
    script = (
        "import logging; from service.telemetry.logs import configure\n"
        f"configure('info', {form!r})\n"
        "logging.getLogger('other').warning('a %s', 'whale'); "
        "logging.getLogger('uvicorn.error').info('not said')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    (line,) = done.stderr.splitlines()
    assert (
        json.loads(line)["message"] == "a whale"
        if form == "json"
        else line.endswith("WARNING a whale")
    )
