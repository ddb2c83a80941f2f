"""A real server on a real socket: where it listens, what it prints, how it ends."""

from __future__ import annotations

import io
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager

import httpx
import pytest

from service.running import CannotListen, listen, url_of

# The real command with a stand-in for what it loads: one whale, an embedder that sees it in every photo.
_SERVE = """
import sys, time
import numpy as np
import service.running as running
from embedding.errors import FlukeprintError
from index.calibration import Calibration
from index.gallery import Gallery
from index.identifier import Identifier
from index.trials import Trials
from service.serving import Serving
from service.settings import read_settings

class OneWhale:
    fingerprint, dimension = "f1" * 32, 2
    def embed(self, images, boxes=None):
        if any(image.width > 50 for image in images):
            print("embedding", file=sys.stderr, flush=True)
            time.sleep(1)
        return np.tile(np.float32([[1, 0]]), (len(images), 1))

def load(settings):
    if settings.catalogue.name == "broken.db":
        raise FlukeprintError("the catalogue is broken")
    gallery = Gallery.build(["a.jpg"], ["w_1"], np.float32([[1, 0]]), fingerprint="f1" * 32, revision=1)
    known = Trials(np.zeros((0, 1)), np.zeros(0, np.int64))
    return Serving(Identifier(OneWhale(), gallery, Calibration.from_trials(known, np.ones(1))), {})

running.check_catalogue, running.load_serving = lambda settings: None, load
options = dict(pair.split("=") for pair in sys.argv[1:])
try:
    running.run(read_settings(options))
except FlukeprintError as error:
    sys.exit(f"error: {error}")
print("the end", flush=True)
"""


class Running:
    """The server's process, its URL, and what it said on stderr line by line."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        assert process.stderr is not None
        self.process = process
        self.url = process.stdout.readline().strip()
        self.said: list[str] = []

    def hear(self, words: str) -> None:
        """Read stderr up to the line that has these words."""
        while words not in (line := self.process.stderr.readline()):
            assert line, f"it ended without saying {words!r}: {self.said}"
            self.said.append(line)
        self.said.append(line)

    def stop(self, number: signal.Signals) -> tuple[int, str, str]:
        self.process.send_signal(number)
        out, said = self.process.communicate(timeout=60)
        return self.process.returncode, out, "".join(self.said) + said


@contextmanager
def _started(*options: str) -> Generator[Running]:
    process = subprocess.Popen(
        [sys.executable, "-c", _SERVE, "port=0", *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with process:
        try:
            yield Running(process)
        finally:
            process.kill()


def _png(photo: Callable[..., bytes], width: int = 8) -> list[tuple[str, tuple[str, io.BytesIO]]]:
    return [("photos", ("fluke.png", io.BytesIO(photo(0, (width, 8)))))]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serves_on_a_free_port_and_ends_cleanly(number: signal.Signals, photo: Callable[..., bytes]) -> None:
    with _started() as running:
        running.hear("ready at")
        assert running.url.startswith("http://127.0.0.1:")
        answer = httpx.post(f"{running.url}/v1/identify", files=_png(photo), trust_env=False)
        assert answer.json()["results"][0]["matches"][0]["individual"] == "w_1"
        code, out, said = running.stop(number)
    assert (code, out) == (0, "the end\n"), said
    assert "revision 1: 1 individuals, 1 photos, checkpoint f1f1f1f1f1f1" in said
    assert f"{running.url}/docs" in said
    assert "POST /v1/identify 200" in said
    assert "Traceback" not in said


def test_a_running_request_is_finished_before_the_end(photo: Callable[..., bytes]) -> None:
    with _started() as running:
        running.hear("ready at")
        answers: list[httpx.Response] = []

        def ask() -> None:
            answers.append(httpx.post(f"{running.url}/v1/identify", files=_png(photo, 60), trust_env=False))

        asking = threading.Thread(target=ask)
        asking.start()
        running.hear("embedding")
        code, _, said = running.stop(signal.SIGTERM)
        asking.join(30)
    assert (code, answers[0].status_code) == (0, 200), said


def test_too_large_an_upload_is_answered_by_a_real_server(photo: Callable[..., bytes]) -> None:
    with _started("max_upload_bytes=100000") as running:
        running.hear("ready at")
        files = [("photos", ("large.png", io.BytesIO(b"x" * 5_000_000)))]
        response = httpx.post(f"{running.url}/v1/identify", files=files, trust_env=False)
        assert (response.status_code, response.json()["title"]) == (413, "The upload is too large")


def test_a_load_that_fails_ends_the_server_with_its_error() -> None:
    with _started("catalogue=broken.db") as running:
        _, said = running.process.communicate(timeout=60)
    assert running.process.returncode == 1
    assert said.rstrip().endswith("error: the catalogue is broken")


def test_a_warning_where_others_may_reach_it() -> None:
    with _started("host=0.0.0.0") as running:
        running.hear("ready at")
        assert running.url.startswith("http://127.0.0.1:")
        assert "no authentication yet" in "".join(running.said)
        assert running.stop(signal.SIGTERM)[0] == 0


def test_a_taken_port_is_named() -> None:
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CannotListen, match=rf"port {port} on 127\.0\.0\.1 is taken.*--port 0"):
            listen("127.0.0.1", port)


@pytest.mark.parametrize(
    ("host", "says"), [("no such host", "is no address"), ("192.0.2.1", "no address of this machine")]
)
def test_an_address_that_is_not_ours(host: str, says: str) -> None:
    with pytest.raises(CannotListen, match=says):
        listen(host, 0)


def test_the_url_of_an_ipv6_address_has_brackets() -> None:
    try:
        listening = listen("::1", 0)
    except CannotListen:
        pytest.skip("this machine has no IPv6 loopback")
    with listening:
        assert url_of(listening) == f"http://[::1]:{listening.getsockname()[1]}"
