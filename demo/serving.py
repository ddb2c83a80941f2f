"""Start `flukeprint serve` beside the demo, ask it over HTTP as any client would, and stop it
again.
"""

from __future__ import annotations

import json
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

from demo.album import DemoError, Query
from index.search.matching import Match

HOST = "127.0.0.1"
Verdict = Literal["right", "wrong", "unsure"]
# As a number, because what Python calls stderr need not be a file.
_STDERR = 2
_READY_SECONDS = 120.0
_STOP_SECONDS = 15.0
# No proxy of the environment stands between two programs on one machine.
_LOOPBACK = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True, slots=True)
class Answer:
    """What the service said about one query."""

    query: Query
    decision: str
    probability: float
    matches: tuple[Match, ...]

    @property
    def verdict(self) -> Verdict:
        """Compare with the truth: right is a known whale named, or a new one called new.

        A new whale left for review is unsure: nobody was named wrongly, and a person will look.
        """
        if self.query.individual is None:
            verdicts: dict[str, Verdict] = {"new_whale": "right", "review": "unsure"}
            return verdicts.get(self.decision, "wrong")
        first = self.matches[0].individual if self.matches else None
        return (
            "right" if self.decision != "new_whale" and first == self.query.individual else "wrong"
        )


def flukeprint(*arguments: str) -> list[str]:
    """Build the command line of another flukeprint, run by this Python."""
    return [sys.executable, "-m", "flukeprint", *arguments]


def build_index(catalogue: Path, labels: Path, photos: Path, checkpoint: Path | None) -> None:
    """Run `flukeprint index build` as a user would; what it says goes to this terminal."""
    command = flukeprint(
        "index",
        "build",
        "--catalogue",
        str(catalogue),
        "--csv",
        str(labels),
        "--photos",
        str(photos),
    )
    process = subprocess.Popen(
        [*command, *_checkpoint_flag(checkpoint)], stdout=_STDERR, process_group=0
    )
    try:
        code = process.wait()
    except BaseException:
        _stop(process, signal.SIGINT)  # which lets it take its half-built file away
        raise
    if code:
        raise DemoError(
            f"`flukeprint index build` ended with exit code {code}; its own words are above"
        )


def free_port() -> int:
    """Ask the system for a loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@contextmanager
def serve_catalogue(
    catalogue: Path, port: int, log: Path, checkpoint: Path | None = None
) -> Generator[str]:
    """Serve the catalogue while the block runs; yield the URL once it is ready.

    `log` gets what it says.
    """
    command = flukeprint(
        "serve", "--host", HOST, "--port", str(port), "--catalogue", str(catalogue)
    )
    command += _checkpoint_flag(checkpoint)
    with log.open("wb") as words:
        # In a process group of its own: Ctrl-C reaches the demo alone, which then stops the service
        # once, in order.
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=words, stderr=words, process_group=0
        )
        try:
            url = f"http://{HOST}:{port}"
            _wait_until_ready(url, process, log)
            yield url
        finally:
            _stop(process, signal.SIGTERM)


@contextmanager
def handle_termination() -> Generator[None]:
    """Let SIGTERM and a closed terminal unwind the block as Ctrl-C does, so that no service
    outlives its demo.
    """

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = {
        number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def identify(url: str, query: Query, k: int = 3) -> Answer:
    """POST the query's photo and read the answer; DemoError tells what the service refused and
    why.
    """
    body, content_type = _multipart(query.photo, {"k": str(k)})
    request = urllib.request.Request(
        f"{url}/v1/identify", data=body, headers={"Content-Type": content_type}
    )
    try:
        with _LOOPBACK.open(request, timeout=60) as response:
            return _read_answer(query, json.load(response))
    except urllib.error.HTTPError as error:
        problem = error.read().decode(errors="replace")
        raise DemoError(
            f"the service answered {error.code} to {query.photo.name}: {problem}"
        ) from error
    except (urllib.error.URLError, OSError) as error:
        raise DemoError(f"the service at {url} no longer answers: {error}") from error


def _read_answer(query: Query, reply: dict[str, Any]) -> Answer:
    result: dict[str, Any] = reply["results"][0]
    matches = tuple(
        Match(
            individual=str(match["individual"]),
            distance=float(match["distance"]),
            probability=float(match["probability"]),
            photo=str(match["photo"]),
        )
        for match in cast(list[dict[str, Any]], result["matches"])
    )
    return Answer(query, str(result["decision"]), float(result["probability"]), matches)


def _multipart(photo: Path, fields: dict[str, str]) -> tuple[bytes, str]:
    """Build a form of one photo and some fields, and its content type (RFC 7578)."""
    boundary = secrets.token_hex(16)
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="photos"; '
        f'filename="{photo.name}"\r\n'
    )
    parts.append(head.encode() + b"Content-Type: image/jpeg\r\n\r\n" + photo.read_bytes() + b"\r\n")
    return b"".join(
        parts
    ) + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


def _wait_until_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while process.poll() is None:
        try:
            with _LOOPBACK.open(f"{url}/readyz", timeout=5):
                return
        except OSError:  # refused while it starts, 503 while it loads
            if time.monotonic() > deadline:
                raise DemoError(
                    f"the service was not ready after {_READY_SECONDS:.0f} s; it said: "
                    f"{_last_words(log)}"
                ) from None
            time.sleep(0.2)
    raise DemoError(
        f"`flukeprint serve` ended with exit code {process.returncode}; it said: {_last_words(log)}"
    )


def _last_words(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return "\n  ".join(lines[-8:]) or "nothing"


def _stop(process: subprocess.Popen[bytes], how: signal.Signals) -> None:
    """Ask another flukeprint to end, and end it when it doesn't or when the user cannot wait."""
    try:
        process.send_signal(how)
        process.wait(_STOP_SECONDS)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        process.kill()
        process.wait()


def _checkpoint_flag(checkpoint: Path | None) -> list[str]:
    return [] if checkpoint is None else ["--checkpoint", str(checkpoint)]
